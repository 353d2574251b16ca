"""Opening the store: engines, locks and migrations."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import RLock
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError

from digest.errors import BadConfig, SchemaTooNew, StoreBusy

HEAD = "0006"  #: the newest migration; a test compares it with the folder
MIGRATIONS = Path(__file__).parent / "migrations"
#: What SQLite says when the same thing may work later; of PostgreSQL's, all of this class.
_PASSING = re.compile("SQLITE_(BUSY|LOCKED|FULL|IOERR|READONLY|CANTOPEN)")
CONNECT_S = 10  #: a PostgreSQL server that has not let us in by then does not answer
BUSY_S = 30.0  #: for so long a command waits for a store that another process holds


@dataclass(frozen=True, slots=True)
class Store:
    """An open database, at the newest schema."""

    writer: Engine
    reader: Engine
    #: SQLite has one writer at a time, and who finds it busy sleeps: the threads of a process wait
    #: here instead, each for no longer than it must.
    gate: AbstractContextManager[Any] = field(default_factory=nullcontext)
    busy_s: float = 30

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that commits at the end of the block, or leaves nothing behind."""
        with self.gate, _named(), self.writer.begin() as connection:
            yield connection

    @contextmanager
    def rehearse(self) -> Iterator[Connection]:
        """A transaction that leaves nothing behind, to see what would come of it."""
        with self.writer.connect() as connection:
            yield connection
            connection.rollback()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view, for reading only."""
        with _named(), self.reader.connect() as connection:
            yield connection

    @contextmanager
    def exclusive(self, what: str) -> Iterator[None]:
        """Hold a lock over all processes that use this store; wait for it."""
        hold = _file_lock if self.writer.dialect.name == "sqlite" else _advisory_lock
        with hold(self.writer, what):
            yield

    @property
    def is_file(self) -> bool:
        """One file on one machine."""
        return self.writer.dialect.name == "sqlite"

    def scrub(self) -> bool:
        """Leave nothing of what was removed in the write-ahead log.

        False while somebody still reads what was there before; asked again later it will go.
        """
        if self.writer.dialect.name != "sqlite":
            return True
        options = {"isolation_level": "AUTOCOMMIT"}
        with self.gate, self.writer.connect().execution_options(**options) as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA busy_timeout=1000")
            try:
                row = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
            finally:
                connection.exec_driver_sql(f"PRAGMA busy_timeout={int(self.busy_s * 1000)}")
        return not row[0]

    def copies(self) -> list[Path]:
        """The files beside an SQLite store that upgrades left; they hold what it held then."""
        if self.writer.dialect.name != "sqlite":
            return []
        file = Path(str(self.writer.url.database))
        return sorted(file.parent.glob(f"{file.name}.*.backup"))

    @property
    def file(self) -> Path | None:
        """Where an SQLite store is."""
        return Path(str(self.writer.url.database)) if self.is_file else None

    def size(self) -> tuple[int, int | None]:
        """Bytes of the store, and of an SQLite store's write-ahead log."""
        if self.file is None:
            with self.read() as connection:
                query = text("SELECT pg_database_size(current_database())")
                return int(connection.execute(query).scalar_one()), None
        log = self.file.with_name(f"{self.file.name}-wal")
        sizes = [one.stat().st_size if one.exists() else 0 for one in (self.file, log)]
        return sizes[0], sizes[1]

    def vacuum(self) -> int:
        """Give the file system the pages that are free; returns how many bytes that were.

        While it goes on nobody writes, and an SQLite file is on the disk twice.
        """
        before = sum(filter(None, self.size()))
        options = {"isolation_level": "AUTOCOMMIT"}
        with self.gate, _named(), self.writer.connect().execution_options(**options) as connection:
            if self.is_file:
                connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("VACUUM")
            if self.is_file:
                connection.exec_driver_sql("BEGIN")
        self.scrub()
        return max(0, before - sum(filter(None, self.size())))

    def close(self) -> None:
        """Give the connections back."""
        self.writer.dispose()
        self.reader.dispose()


@contextmanager
def _named() -> Iterator[None]:
    """What the database cannot do just now, as an error that says so."""
    try:
        yield
    except OperationalError as why:
        if not _PASSING.match(getattr(why.orig, "sqlite_errorname", "SQLITE_BUSY")):
            raise
        raise StoreBusy(f"the store cannot be used just now ({why.orig}); try again") from why


def open_store(url: str, now: datetime, busy_s: float = BUSY_S) -> Store:
    """Open a database and bring it to the newest schema; an SQLite file is copied before.

    Raises: BadConfig for an address that leads nowhere; SchemaTooNew.
    """
    address = checked(url)
    try:
        store = at(address, busy_s)
    except ModuleNotFoundError as why:
        raise BadConfig(
            'PostgreSQL needs its driver: pip install "papers-digest[postgres]"'
        ) from why
    except OSError as why:
        raise BadConfig(f"the store {shown(address)} cannot be opened: {why}") from why
    try:
        with store.exclusive("migrate"):
            _migrate(store.writer, now)
    except (DatabaseError, OSError) as why:
        store.close()
        reason = str(getattr(why, "orig", why)).strip()
        raise BadConfig(f"the store {shown(address)} cannot be opened: {reason}") from why
    except BaseException:
        store.close()
        raise
    return store


def checked(url: str) -> URL:
    """The address of a database of a kind that we know.

    Raises: BadConfig
    """
    try:
        address = make_url(url)
    except ArgumentError as why:
        raise BadConfig(
            f'store = {url!r} is not the address of a database; "sqlite:///digest.db" is one'
        ) from why
    if address.get_backend_name() not in ("sqlite", "postgresql"):
        name = address.get_backend_name()
        raise BadConfig(f'store = {url!r}: {name!r} is not known; use "sqlite" or "postgresql"')
    return address


def shown(address: URL) -> str:
    """An address without its password."""
    return address.render_as_string(hide_password=True)


def at(address: URL, busy_s: float = BUSY_S) -> Store:
    """What is at an address, whatever schema it has, or nothing yet."""
    if address.get_backend_name() == "sqlite":
        if not address.database or address.database == ":memory:":
            raise BadConfig("the store must be a file: sqlite:///digest.db")
        Path(address.database).parent.mkdir(parents=True, exist_ok=True)
        writer, reader = (_sqlite(address, how, busy_s) for how in ("BEGIN IMMEDIATE", "BEGIN"))
        return Store(writer, reader, _Gate(busy_s), busy_s)
    limits = {}
    if address.get_driver_name().startswith("psycopg") and "connect_timeout" not in address.query:
        limits = {"connect_timeout": CONNECT_S}
    # Parameters are hidden: an error's words are no place for them.
    engine = create_engine(address, connect_args=limits, hide_parameters=True)
    return Store(engine, engine)


def _private(file: Path) -> None:
    """Make a file that is to hold addresses, for its owner alone; SQLite's log takes its mode."""
    with suppress(OSError):  # it is there, or whoever opens it says why not
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


class _Gate:
    """Lets one thread through at a time; who waits too long is told so."""

    def __init__(self, busy_s: float) -> None:
        self.lock, self.busy_s = RLock(), busy_s

    def __enter__(self) -> None:
        if not self.lock.acquire(timeout=self.busy_s):
            raise StoreBusy("the store is busy; try again")

    def __exit__(self, *_: object) -> None:
        self.lock.release()


def _sqlite(address: URL, begin: str, busy_s: float) -> Engine:
    engine = create_engine(address, connect_args={"timeout": busy_s}, hide_parameters=True)

    @event.listens_for(engine, "do_connect")
    def _make(*_: Any) -> None:
        _private(Path(str(address.database)))

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _: Any) -> None:
        connection.isolation_level = None  # the driver's own BEGIN comes too late and too weak
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "secure_delete=ON",  # who is erased is not to be found in free pages
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A transaction that reads and then writes fails at once when another wrote in between,
        # whatever the busy timeout: 599 of 800 here, against none with BEGIN IMMEDIATE.
        connection.exec_driver_sql(begin)

    return engine


@contextmanager
def _file_lock(engine: Engine, what: str) -> Iterator[None]:
    from filelock import FileLock

    with FileLock(f"{engine.url.database}.{what}.lock"):
        yield


@contextmanager
def _advisory_lock(engine: Engine, what: str) -> Iterator[None]:
    # A session's lock goes with its connection, so a killed process never leaves one behind.
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        key = {"key": f"papers-digest {what}"}
        connection.execute(text("SELECT pg_advisory_lock(hashtextextended(:key, 0))"), key)
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(hashtextextended(:key, 0))"), key)


# --- migrations ----------------------------------------------------------------------------------


def _migrate(engine: Engine, now: datetime) -> None:
    """Bring the schema to HEAD. Alembic is only imported when there is something to do."""
    with engine.connect() as connection:
        tables = inspect(connection).get_table_names()
        found = None
        if "alembic_version" in tables:
            found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if found == HEAD:
        return
    if found is not None and found not in revisions():
        raise SchemaTooNew(
            f"the store {shown(engine.url)} was written by a newer"
            f" version of this program (schema {found}, known up to {HEAD});"
            " install that version, or restore the backup beside the file"
        )
    if tables and engine.dialect.name == "sqlite":
        _back_up(Path(str(engine.url.database)), found or "0000", now)
    upgrade(engine)


def revisions() -> list[str]:
    """The migrations there are, oldest first."""
    return sorted(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("0*.py"))


def upgrade(engine: Engine, to: str = "head") -> None:
    """Run the migrations."""
    from alembic import command
    from alembic.config import Config

    settings = Config()
    settings.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with _tables_replaceable(engine) as connection, connection.begin():
        settings.attributes["connection"] = connection
        command.upgrade(settings, to)


@contextmanager
def _tables_replaceable(engine: Engine) -> Iterator[Connection]:
    """A connection on which a table that others point to can be put in the place of another.

    SQLite changes a column by making the table anew, and the old one cannot go while its rows are
    pointed to; nor can that check be switched off within a transaction.
    """
    with engine.connect() as connection:
        if engine.dialect.name != "sqlite":
            yield connection
            return
        driver: Any = connection.connection.driver_connection
        driver.execute("PRAGMA foreign_keys=OFF")
        try:
            yield connection
        finally:
            driver.execute("PRAGMA foreign_keys=ON")


def _back_up(file: Path, schema: str, now: datetime) -> None:
    """A whole copy, also of what is still in the write-ahead log."""
    copy = file.with_name(f"{file.name}.{schema}-{now:%Y%m%dT%H%M%S}.backup")
    _private(copy)
    source, target = sqlite3.connect(file), sqlite3.connect(copy)
    try:
        source.backup(target)
    finally:
        source.close()
        target.close()
