from __future__ import annotations

import socket
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from build import NOW
from sqlalchemy import text

from digest.errors import BadConfig, SchemaTooNew, StoreBusy
from digest.store import Store, engine, open_store
from digest.store.tables import metadata


def test_the_migrations_make_the_tables(store: Store) -> None:
    with store.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, metadata) == []


def test_the_newest_migration_is_the_one_the_program_knows() -> None:
    assert engine.revisions()[-1] == engine.HEAD


def test_opening_again_keeps_what_is_there(reopen: Callable[[], Store]) -> None:
    with reopen().write() as connection:
        connection.execute(
            text("INSERT INTO digests (name, definition, since) VALUES ('d', 'x', '2026-06-22')")
        )
    with reopen().read() as connection:
        assert connection.scalar(text("SELECT name FROM digests")) == "d"


def test_a_newer_schema_is_refused_with_the_remedy(reopen: Callable[[], Store]) -> None:
    with reopen().write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaTooNew, match="install that version"):
        reopen()


def test_an_older_file_is_copied_before_it_is_changed(tmp_path: Path) -> None:
    file = tmp_path / "digest.db"
    with sqlite3.connect(file) as old:
        old.execute("CREATE TABLE notes (words TEXT)")
        old.execute("INSERT INTO notes VALUES ('precious')")
    old.close()
    open_store(f"sqlite:///{file}", NOW).close()
    (backup,) = tmp_path.glob("digest.db.*.backup")
    with sqlite3.connect(backup) as copy:
        assert copy.execute("SELECT words FROM notes").fetchone() == ("precious",)
        assert copy.execute("SELECT name FROM sqlite_master").fetchall() == [("notes",)]
    copy.close()


def test_a_failed_block_leaves_nothing_behind(store: Store) -> None:
    insert = text("INSERT INTO digests (name, definition, since) VALUES ('d', 'x', '2026-06-22')")

    def fail() -> None:
        with store.write() as connection:
            connection.execute(insert)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with store.read() as connection:
        assert connection.scalar(text("SELECT count(*) FROM digests")) == 0


def lock(store: Store) -> AbstractContextManager[None]:
    """SQLite's writers need no lock of ours: they take turns from the first read on."""
    return nullcontext() if store.writer.dialect.name == "sqlite" else store.exclusive("count")


def test_writers_wait_for_each_other_instead_of_failing(store: Store) -> None:
    with store.write() as connection:
        connection.execute(
            text("INSERT INTO digests (name, definition, since) VALUES ('n', '0', '2026-06-22')")
        )

    def count() -> None:
        for _ in range(20):
            with lock(store), store.write() as connection:
                found = int(connection.scalar(text("SELECT definition FROM digests")) or 0)
                connection.execute(text(f"UPDATE digests SET definition = '{found + 1}'"))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as connection:
        assert connection.scalar(text("SELECT definition FROM digests")) == "80"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("digest.db", "not the address of a database"),
        ("mysql://host/name", "'mysql' is not known"),
        ("sqlite://", "must be a file"),
        ("sqlite:////proc/nowhere/digest.db", "cannot be opened"),
        ("postgresql+psycopg://reader:secret@127.0.0.1:1/x", "cannot be opened"),
    ],
)
def test_a_store_that_cannot_be_opened_is_named_without_its_password(url: str, why: str) -> None:
    with pytest.raises(BadConfig, match=why) as error:
        open_store(url, NOW)
    assert "secret" not in str(error.value)


def test_a_store_that_another_holds_is_busy_and_says_so(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/digest.db"
    holder, other = open_store(url, NOW), open_store(url, NOW, busy_s=0.1)
    with holder.write(), pytest.raises(StoreBusy, match="try again"), other.write():
        pass
    with other.write():
        pass
    holder.close()
    other.close()


def test_what_was_removed_stays_in_the_log_while_somebody_reads_and_then_goes(
    tmp_path: Path,
) -> None:
    store = open_store(f"sqlite:///{tmp_path}/digest.db", NOW)
    with store.read() as reading:
        reading.execute(text("SELECT count(*) FROM subscribers")).one()
        with store.write() as connection:
            connection.execute(text("DELETE FROM tallies"))
        assert not store.scrub()
    assert store.scrub()
    store.close()


def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    assert engine.CONNECT_S <= 10
    monkeypatch.setattr(engine, "CONNECT_S", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # the system takes the call, we do not
        url = f"postgresql+psycopg://ada:secret@127.0.0.1:{silent.getsockname()[1]}/x"
        began = time.monotonic()
        with pytest.raises(BadConfig, match="cannot be opened") as why:
            open_store(url, NOW)
    assert time.monotonic() - began < 5
    assert "secret" not in str(why.value)
