"""The whole store as lines of JSON, from either kind of database into either kind."""

from __future__ import annotations

import json
import os
import sqlite3
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Connection,
    Date,
    Engine,
    LargeBinary,
    Table,
    column,
    delete,
    exists,
    insert,
    inspect,
    or_,
    select,
    table,
    text,
)
from sqlalchemy.exc import OperationalError, StatementError
from sqlalchemy.types import NullType, TypeEngine

from digest.errors import BadConfig, Misuse, SchemaTooNew, StoreBusy
from digest.store import engine as engines
from digest.store import ledger, sending
from digest.store.engine import HEAD, Store, revisions, upgrade
from digest.store.ledger import WAITING
from digest.store.tables import Utc, deliveries, issues, metadata, senders, turns
from digest.store.upsert import chunks
from digest.types import DeliveryState

ROWS = 1000  #: read or written at a time
LINE_BYTES = 64 * 1024 * 1024  #: no row is longer

_KINDS: dict[type[Any], str] = {Utc: "time", Date: "day", JSON: "json", LargeBinary: "bytes"}
_TYPES: dict[str, TypeEngine[Any]] = {
    "time": Utc(),
    "day": Date(),
    "json": JSON(none_as_null=True),
    "bytes": LargeBinary(),
    "boolean": Boolean(),
}
_WRITE: dict[str, Callable[[Any], Any]] = {
    "time": lambda moment: moment.isoformat(),
    "day": lambda day: day.isoformat(),
    "bytes": lambda raw: b64encode(raw).decode(),
}
_READ: dict[str, Callable[[Any], Any]] = {
    "time": datetime.fromisoformat,
    "day": date.fromisoformat,
    "bytes": lambda words: b64decode(words, validate=True),
}


# --- writing -------------------------------------------------------------------------------------


@contextmanager
def snapshot(store: Store) -> Iterator[Connection]:
    """One moment of the store, however long it is read; nobody waits for it."""
    options: dict[str, Any] = {} if store.is_file else {"isolation_level": "REPEATABLE READ"}
    with store.reader.connect().execution_options(**options) as connection:
        yield connection


def names() -> list[str]:
    """All tables, those that others point to first."""
    return [one.name for one in metadata.sorted_tables]


def lines(connection: Connection, name: str) -> Iterator[bytes]:
    """The rows of a table, each a line; `head` says what is in them."""
    source = metadata.tables[name]
    write = [_WRITE.get(kind) for _, kind in _columns(source)]
    found = connection.execution_options(yield_per=ROWS).execute(select(source))
    for row in found:
        values = [
            value if value is None or make is None else make(value)
            for value, make in zip(row, write, strict=True)
        ]
        yield json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def head(name: str) -> bytes:
    """The first line of each part of a table."""
    return json.dumps({"table": name, "columns": _columns(metadata.tables[name])}).encode() + b"\n"


def _columns(of: Table) -> list[tuple[str, str]]:
    return [(one.name, _kind(one.type)) for one in of.columns]


def _kind(type: Any) -> str:
    for known, kind in _KINDS.items():
        if isinstance(type, known):
            return kind
    return "boolean" if isinstance(type, Boolean) else "plain"


# --- reading -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class New:
    """An empty database."""

    engine: Engine
    kept: str  #: where the store will be whose place it takes; empty: there is none


@contextmanager
def replaced(url: str, schema: str, now: datetime, *, force: bool) -> Iterator[New]:
    """An empty database of that schema, which takes the store's place at the end of the block.

    The store that was there stays beside it. If anything fails, all is as it was.

    Raises: Misuse where there is a store, without `force`; SchemaTooNew; StoreBusy while another
    process uses the store.
    """
    if schema not in revisions():
        raise SchemaTooNew(
            f"the backup was written by a newer version of this program (schema {schema},"
            f" known up to {HEAD}); install that version"
        )
    address = engines.checked(url)
    store = engines.at(address)
    put = _file_replaced if store.is_file else _tables_replaced
    try:
        if not store.is_file:
            _alone_there(store.writer)
        with store.exclusive("migrate"), put(store, schema, now, force) as new:
            yield new
    except OperationalError as why:
        reason = str(why.orig).strip()
        raise BadConfig(f"the store {engines.shown(address)} cannot be opened: {reason}") from why
    finally:
        store.close()


def load(connection: Connection, part: Iterable[bytes]) -> int:
    """Put the rows of a part into its table; returns how many.

    Raises: Misuse for what `lines` does not write, or the table does not take.
    """
    rest = iter(part)
    try:
        said = json.loads(next(rest, b""))
        name, columns = str(said["table"]), [(str(a), str(b)) for a, b in said["columns"]]
        known = {one["name"] for one in inspect(connection).get_columns(_known(name))}
        if unknown := [column for column, _ in columns if column not in known]:
            raise ValueError(f"{name} has no column {unknown[0]!r}")
        target = table(name, *(column(one, _TYPES.get(kind, NullType())) for one, kind in columns))
        count = 0
        for some in chunks(rest, ROWS):
            connection.execute(insert(target), [_row(line, columns) for line in some])
            count += len(some)
    except _NO_ROWS as why:
        reason = str(getattr(why, "orig", why)).strip()
        raise Misuse(f"the backup's rows cannot be taken: {reason[:200]}") from why
    return count


#: What rows come to that `lines` did not write. What is too big is an error of arithmetic.
_NO_ROWS = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RecursionError,
    ArithmeticError,
    StatementError,
)


def _known(name: str) -> str:
    if name not in metadata.tables:
        raise ValueError(f"there is no table {name!r}")
    return name


def _row(line: bytes, columns: list[tuple[str, str]]) -> dict[str, Any]:
    return {
        name: _READ[kind](value) if value is not None and kind in _READ else value
        for (name, kind), value in zip(columns, json.loads(line), strict=True)
    }


def settle(connection: Connection, hold: str, now: datetime, since: datetime) -> list[str]:
    """What is of no use in another place goes; with words in `hold`, nothing unsent is sent.

    That is what waits in the queue, every draft, and each issue that some reader is still owed of
    those made since a moment: she may have had it since. Returns the issues that are held for it.
    """
    for gone in (senders, turns):
        connection.execute(delete(gone))
    if not hold:
        return []
    unsent = (*WAITING, DeliveryState.SENDING)
    waits = exists().where(deliveries.c.issue_id == issues.c.id, deliveries.c.state.in_(unsent))
    is_open = or_(waits, issues.c.draft_until.is_not(None), ~issues.c.is_queued)
    owed: set[str] = set()
    for name in connection.scalars(select(issues.c.digest).distinct()).all():
        missed = ledger.missed(connection, name, since, with_latest=True)
        owed.update(id for ids in missed.values() for id in ids)
    query = select(issues.c.id, is_open).where(issues.c.held == "").order_by(issues.c.made_at)
    held = [id for id, is_so in connection.execute(query) if is_so or id in owed]
    for issue in held:
        sending.hold(connection, issue, hold, now)
    return held


@contextmanager
def _file_replaced(store: Store, schema: str, now: datetime, force: bool) -> Iterator[New]:
    file = store.file
    assert file is not None  # its kind was asked for
    if file.exists() and not force:
        raise Misuse(f"there is a store already, {file}; --force puts the backup in its place")
    aside = file.with_name(f"{file.name}.{HEAD}-{now:%Y%m%dT%H%M%S}.backup")
    if aside.exists():
        raise Misuse(f"{aside} is there already; move it away")
    new = file.with_name(f"{file.name}.{os.getpid()}.new")
    made = engines.at(store.writer.url.set(database=str(new)))
    try:
        upgrade(made.writer, schema)
        yield New(made.writer, str(aside) if file.exists() else "")
        upgrade(made.writer)
        made.scrub()
        made.close()
        if file.exists():
            _alone(file)
            file.rename(aside)
        try:
            new.rename(file)
        except OSError:
            if aside.exists():
                aside.rename(file)
            raise
    finally:
        made.close()
        for tail in ("", "-wal", "-shm"):
            with suppress(OSError):
                new.with_name(new.name + tail).unlink()


def _alone(file: Path) -> None:
    """Bring all there is into the one file, which only who is alone with it can.

    Raises: StoreBusy
    """
    connection = sqlite3.connect(file, timeout=1)
    try:
        connection.execute("PRAGMA journal_mode=DELETE").fetchone()
    except sqlite3.DatabaseError as why:
        if "lock" in str(why):
            raise StoreBusy(f"another process uses the store {file}; {_STOP}") from why
        # It is none, or broken: the more it is to be replaced.
    finally:
        connection.close()


_STOP = "stop `digest serve` and whatever else runs, and try again"


def _alone_there(engine: Engine) -> None:
    query = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
    )
    with engine.connect() as connection:
        if connection.scalar(query):
            raise StoreBusy(f"another process uses the database; {_STOP}")


@contextmanager
def _tables_replaced(store: Store, schema: str, now: datetime, force: bool) -> Iterator[New]:
    aside, ours = f"digest_{now:%Y%m%d_%H%M%S}", [*names(), "alembic_version"]
    with store.writer.begin() as connection:
        found = set(inspect(connection).get_table_names())
        there = [one for one in ours if one in found]
        rows = (text(f"SELECT EXISTS (SELECT FROM {one})") for one in there[:-1])  # noqa: S608
        if not force and any(connection.scalar(query) for query in rows):
            raise Misuse("there is a store already; --force puts the backup in its place")
        if there:
            connection.execute(text(f"CREATE SCHEMA {aside}"))
            _move(connection, there, _here(connection), aside)
    try:
        upgrade(store.writer, schema)
        yield New(store.writer, f"the schema {aside} of the database" if there else "")
        upgrade(store.writer)
    except BaseException:
        with store.writer.begin() as connection:
            for one in ours:
                connection.execute(text(f"DROP TABLE IF EXISTS {one} CASCADE"))
            if there:
                _move(connection, there, aside, _here(connection))
                connection.execute(text(f"DROP SCHEMA {aside}"))
        raise


def _here(connection: Connection) -> str:
    return str(connection.scalar(text("SELECT quote_ident(current_schema())")))


def _move(connection: Connection, tables: list[str], source: str, target: str) -> None:
    for one in tables:
        connection.execute(text(f"ALTER TABLE {source}.{one} SET SCHEMA {target}"))
