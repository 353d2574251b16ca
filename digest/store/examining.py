"""How a database is, looked at without bringing it to a newer schema."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError

from digest.errors import BadConfig
from digest.store.engine import HEAD, revisions

OLDEST_SQLITE = (3, 38, 0)  #: ->> and RETURNING
_BUSY_S = 3


class Unreachable(BadConfig):
    """There is no telling how a database is: it cannot be asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What was found."""

    place: str
    is_there: bool = True
    program: str = ""  #: "SQLite 3.45.1"
    is_old: bool = False  #: of a version that lacks what is used
    schema: str = ""  #: empty: it has no tables of ours
    bytes: int = 0
    cannot_write: str = ""  #: why not; empty: it can

    @property
    def is_newest(self) -> bool:
        """Is the schema what this program writes?"""
        return self.schema == HEAD

    @property
    def is_too_new(self) -> bool:
        """Did a newer version of this program write it?"""
        return bool(self.schema) and self.schema not in revisions()


def examine(url: str) -> Examined:
    """Look at a database.

    Raises: BadConfig when it cannot be opened; Unreachable when it cannot even be asked.
    """
    with _opened(url) as found:
        if not isinstance(found, Connection):
            return Examined(place=found, is_there=False, program=_sqlite())
        place = found.engine.url.render_as_string(hide_password=True)
        has = inspect(found).has_table("alembic_version")
        version = found.scalar(text("SELECT version_num FROM alembic_version")) if has else ""
        is_lite = found.dialect.name == "sqlite"
        return Examined(
            place=place,
            program=_sqlite() if is_lite else _postgres(found),
            is_old=is_lite and sqlite3.sqlite_version_info < OLDEST_SQLITE,
            schema=str(version or ""),
            bytes=_bytes(found),
            cannot_write=_cannot_write(found),
        )


def quick_check(url: str) -> list[str] | None:
    """What SQLite finds damaged in its file; None where there is no file to check.

    Raises: BadConfig when it cannot be opened; Unreachable when it cannot even be asked.
    """
    with _opened(url) as found:
        if not isinstance(found, Connection) or found.dialect.name != "sqlite":
            return None
        said = [str(row[0]) for row in found.exec_driver_sql("PRAGMA quick_check(5)")]
        return [] if said == ["ok"] else said


@contextmanager
def _opened(url: str) -> Iterator[Connection | str]:
    """A connection, or the file that is not there."""
    try:
        address = make_url(url)
        is_lite = address.get_backend_name() == "sqlite"
        if is_lite and not Path(str(address.database)).exists():
            yield str(address.database)
            return
        limit = {"timeout": _BUSY_S} if is_lite else {"connect_timeout": _BUSY_S}
        engine = create_engine(address, connect_args=limit, hide_parameters=True)
    except (ArgumentError, ModuleNotFoundError) as why:
        raise Unreachable(f"store = {url!r}: {why}") from why
    try:
        with engine.connect() as connection:
            yield connection
    except DatabaseError as why:
        place = address.render_as_string(hide_password=True)
        reason = str(getattr(why, "orig", why)).strip()
        kind = Unreachable if isinstance(why, OperationalError) else BadConfig  # no database
        raise kind(f"the store {place} cannot be opened: {reason}") from why
    finally:
        engine.dispose()


def _sqlite() -> str:
    return f"SQLite {sqlite3.sqlite_version}"


def _postgres(connection: Connection) -> str:
    return f"PostgreSQL {connection.scalar(text('SHOW server_version'))}"


def _bytes(connection: Connection) -> int:
    if connection.dialect.name == "sqlite":
        file = Path(str(connection.engine.url.database))
        beside = [file, file.with_name(f"{file.name}-wal")]
        return sum(one.stat().st_size for one in beside if one.exists())
    return int(connection.scalar(text("SELECT pg_database_size(current_database())")) or 0)


def _cannot_write(connection: Connection) -> str:
    if connection.dialect.name != "sqlite":
        is_read_only = connection.scalar(text("SHOW transaction_read_only")) == "on"
        return "it is read-only" if is_read_only else ""
    driver: Any = connection.connection.driver_connection
    try:
        connection.rollback()
        driver.execute("BEGIN IMMEDIATE")
        driver.execute("PRAGMA user_version = 0")  # the lock alone needs no right to write
        driver.execute("ROLLBACK")
    except sqlite3.OperationalError as why:
        is_busy = getattr(why, "sqlite_errorname", "").startswith("SQLITE_BUSY")
        return "" if is_busy else str(why)
    return ""
