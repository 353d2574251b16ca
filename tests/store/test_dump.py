"""Backups, of either kind of store into either."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from build import NOW, delivery, edition, issue, item, paper
from commands import digest
from sqlalchemy import func, insert, make_url, select, text, update

from digest import config as configs
from digest import dkim, keys, run
from digest.errors import Misuse, SchemaTooNew, StoreBusy
from digest.run import backup as backups
from digest.store import Store, engine, issues, ledger, open_store, papers, tables
from digest.store.engine import at, checked, upgrade
from digest.types import DeliveryState

LATER = NOW + timedelta(days=1)


def home(folder: Path, url: str) -> Path:
    """A folder with a configuration, keys and a template."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "digest.toml"
    file.write_text(f'store = "{url}"\n[digests.reading]\ntopics = ["a"]\nsources = ["sample"]\n')
    keys.ensure(folder / "digest.keys")
    (folder / "templates").mkdir(exist_ok=True)
    (folder / "templates/issue.txt").write_text("{{ title }}")
    return file


def setup_of(file: Path) -> run.Setup:
    config = configs.load(file)
    return run.Setup(config=config, store=open_store(config.store, NOW), now=NOW)


def fill(store: Store, *, state: DeliveryState = DeliveryState.QUEUED) -> str:
    """An issue of two papers and its delivery; returns the issue's id."""
    some = [paper("A π paper", "2606.00001"), paper("Another", "2606.00002", version=3)]
    made = issue([item(one) for one in some])
    whole = edition(made.items, issue=made)
    with store.write() as connection:
        papers.save(connection, some, [], NOW)
        reader = {"id": "s1", "address": "Ö@example.org", "mailbox": "ö@example.org"}
        connection.execute(
            insert(tables.subscribers).values(**reader, state="active", created_at=NOW)
        )
        issues.since(connection, "reading", "x", NOW.date(), NOW.date())
        issues.save(connection, made)
        issues.save_editions(connection, [whole])
        vector = {"text_hash": "h", "encoder": "e", "vector": bytes(range(256)), "made_at": NOW}
        connection.execute(insert(tables.vectors).values(vector))
        ledger.enqueue(connection, [delivery(issue=made.id, edition=whole.key)], NOW)
        connection.execute(update(tables.deliveries).values(state=state))
    return made.id


def everything(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    with store.read() as connection:
        return {
            one.name: sorted((tuple(row) for row in connection.execute(select(one))), key=repr)
            for one in tables.metadata.sorted_tables
        }


def test_what_is_restored_is_what_was_backed_up(url: str, tmp_path: Path) -> None:
    setup = setup_of(home(tmp_path / "a", url))
    fill(setup.store)
    before = everything(setup.store)
    target = tmp_path / "b.tar"
    backups.backup(setup, tmp_path / "a/digest.toml", target)
    setup.store.close()
    assert target.stat().st_mode & 0o777 == 0o600
    done = backups.restore(target, tmp_path / "a/digest.toml", LATER, force=True, hold=False)
    assert done.backup.files == ("digest.toml", "keys", "templates/issue.txt")
    again = open_store(url, LATER)
    assert everything(again) == before
    again.close()


def test_a_store_moves_from_one_database_to_another(url: str, tmp_path: Path) -> None:
    """From SQLite to both, and back to SQLite."""
    first = setup_of(home(tmp_path / "a", "sqlite:///first.db"))
    fill(first.store)
    backups.backup(first, tmp_path / "a/digest.toml", tmp_path / "1.tar.gz")
    place = home(tmp_path / "b", url)
    keys_there = tmp_path / "b/digest.keys"
    keys_there.unlink()
    backups.restore(tmp_path / "1.tar.gz", place, LATER, hold=False)
    assert keys_there.read_bytes() == (tmp_path / "a/digest.keys").read_bytes()
    second = setup_of(place)
    assert everything(second.store) == everything(first.store)
    backups.backup(second, place, tmp_path / "2.tar")
    second.store.close()
    back = home(tmp_path / "c", "sqlite:///third.db")
    (tmp_path / "c/digest.keys").unlink()
    backups.restore(tmp_path / "2.tar", back, LATER, hold=False)
    assert everything(setup_of(back).store) == everything(first.store)


@pytest.mark.parametrize(
    ("state", "is_held"),
    [("queued", True), ("deferred", True), ("claimed", True), ("sending", True), ("sent", False)],
)
def test_what_may_have_been_sent_since_is_held(
    tmp_path: Path, state: DeliveryState, is_held: bool
) -> None:
    setup = setup_of(home(tmp_path / "a", "sqlite:///digest.db"))
    id = fill(setup.store, state=state)
    backups.backup(setup, tmp_path / "a/digest.toml", tmp_path / "b.tar")
    done = backups.restore(tmp_path / "b.tar", tmp_path / "new/digest.toml", LATER)
    assert done.held == ((id,) if is_held else ())
    with setup_of(tmp_path / "new/digest.toml").store.read() as connection:
        held = connection.scalar(select(tables.issues.c.held))
    assert held == (f"restored from a backup of {NOW:%Y-%m-%d %H:%M} UTC" if is_held else "")


def test_a_backup_of_an_older_schema_is_brought_up(url: str, tmp_path: Path) -> None:
    setup = setup_of(home(tmp_path / "a", "sqlite:///digest.db"))
    fill(setup.store)
    new = tmp_path / "new.tar"
    backups.backup(setup, tmp_path / "a/digest.toml", new)
    old = altered(new, tmp_path / "old.tar", _as_of_0005)
    place = home(tmp_path / "b", url)
    backups.restore(old, place, LATER, force=True, hold=False)
    store = open_store(url, LATER)
    found, had = everything(store), everything(setup.store)
    store.close()
    assert found["deliveries"] == had["deliveries"]
    assert found["papers"] == had["papers"]


def test_a_backup_of_a_newer_schema_is_refused(url: str, tmp_path: Path) -> None:
    setup = setup_of(home(tmp_path / "a", "sqlite:///digest.db"))
    backups.backup(setup, tmp_path / "a/digest.toml", tmp_path / "b.tar")

    def newer(members: dict[str, bytes]) -> None:
        members["manifest.json"] = members["manifest.json"].replace(b'"0006"', b'"9999"')

    altered(tmp_path / "b.tar", tmp_path / "c.tar", newer)
    with pytest.raises(SchemaTooNew, match="9999"):
        backups.restore(tmp_path / "c.tar", home(tmp_path / "n", url), LATER, force=True)


def test_where_a_store_is_it_stays_unless_forced_and_then_beside(
    url: str, tmp_path: Path, reopen: Callable[[], Store]
) -> None:
    place = home(tmp_path / "a", url)
    setup = setup_of(place)
    backups.backup(setup, place, tmp_path / "empty.tar")
    fill(setup.store)
    setup.store.close()
    with pytest.raises(Misuse, match="there is a store already"):
        backups.restore(tmp_path / "empty.tar", place, LATER)
    again = reopen()
    assert everything(again)["papers"]
    again.close()
    done = backups.restore(tmp_path / "empty.tar", place, LATER, force=True)
    again = reopen()
    assert everything(again)["papers"] == []
    if not again.is_file:
        with again.read() as connection:
            schema = done.store_kept.split()[2]
            assert connection.scalar(text(f"SELECT count(*) FROM {schema}.papers")) == 2
    again.close()
    beside = list((tmp_path).glob("digest.db.*.backup"))
    assert len(beside) == url.startswith("sqlite")
    for one in beside:
        assert done.store_kept == str(one)
        old = at(checked(f"sqlite:///{one}"))
        assert len(everything(old)["papers"]) == 2
        old.close()


def test_another_process_that_uses_the_store_is_noticed(url: str, tmp_path: Path) -> None:
    place = home(tmp_path / "a", url)
    setup = setup_of(place)
    fill(setup.store)
    backups.backup(setup, place, tmp_path / "b.tar")
    with setup.store.read() as connection:
        connection.execute(select(tables.papers)).all()
        with pytest.raises(StoreBusy, match="another process uses"):
            backups.restore(tmp_path / "b.tar", place, LATER, force=True)
    assert len(everything(setup.store)["papers"]) == 2
    setup.store.close()


def test_what_fails_half_way_leaves_all_as_it_was(url: str, tmp_path: Path) -> None:
    place = home(tmp_path / "a", url)
    setup = setup_of(place)
    fill(setup.store)
    before = everything(setup.store)
    backups.backup(setup, place, tmp_path / "b.tar")
    setup.store.close()

    def broken(members: dict[str, bytes]) -> None:
        name = next(name for name in members if name.endswith("-deliveries.jsonl"))
        members[name] = members[name].replace(b'"s1"', b'"s9"')  # who is not there

    altered(tmp_path / "b.tar", tmp_path / "c.tar", broken)
    with pytest.raises(Misuse, match="cannot be taken"):
        backups.restore(tmp_path / "c.tar", place, LATER, force=True)
    again = open_store(url, LATER)
    assert everything(again) == before
    again.close()
    assert not list((tmp_path / "a").glob("*.new*"))
    assert not list((tmp_path / "a").glob(".digest-restore*"))


def test_a_backup_is_of_one_moment_though_somebody_writes(url: str, tmp_path: Path) -> None:
    """A writer adds a paper and its alias in one transaction, over and over."""
    place = home(tmp_path / "a", url)
    setup = setup_of(place)
    fill(setup.store)
    is_over, written = threading.Event(), []

    def write() -> None:
        for number in range(100, 5000):
            if is_over.is_set():
                return
            with setup.store.write() as connection:
                papers.save(connection, [paper(f"P {number}", f"2606.{number:05}")], [], NOW)
            written.append(number)

    writer = threading.Thread(target=write)
    writer.start()
    while len(written) < 5:
        pass
    for n in range(5):
        backups.backup(setup, place, tmp_path / f"{n}.tar")
    is_over.set()
    writer.join()
    setup.store.close()
    counts = []
    for n in range(5):
        target = home(tmp_path / f"r{n}", "sqlite:///digest.db")
        (tmp_path / f"r{n}/digest.keys").unlink()
        backups.restore(tmp_path / f"{n}.tar", target, LATER)
        with setup_of(target).store.read() as connection:
            numbers = [
                connection.scalar(select(func.count()).select_from(one)) or 0
                for one in (tables.papers, tables.aliases, tables.listings)
            ]
        assert len(set(numbers)) == 1
        counts.append(numbers[0])
    assert counts == sorted(counts)
    assert counts[-1] > counts[0]


# --- archives that are none ----------------------------------------------------------------------


def members_of(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        found = {}
        for one in tar:
            file = tar.extractfile(one)
            assert file is not None
            found[one.name] = file.read()
        return found


def altered(
    archive: Path, target: Path, change: Callable[[dict[str, bytes]], None], *, sums: bool = True
) -> Path:
    """Another archive of other members, with the sums that fit them."""
    import hashlib

    members = members_of(archive)
    change(members)
    said = json.loads(members.pop("manifest.json"))
    if sums:
        said["members"] = {
            name: {"bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
            for name, raw in members.items()
        }
        lines = [raw.count(b"\n") - 1 for name, raw in members.items() if name.startswith("store/")]
        said["rows"] = sum(lines)
    members["manifest.json"] = json.dumps(said).encode()
    return rewritten(members, target)


def rewritten(members: dict[str, bytes], target: Path) -> Path:
    with tarfile.open(target, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, raw in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(raw)
            tar.addfile(info, io.BytesIO(raw))
    return target


def _as_of_0005(members: dict[str, bytes]) -> None:
    """What the last schema did not have, left out."""
    members["manifest.json"] = members["manifest.json"].replace(b'"0006"', b'"0005"')
    new = {"retired_on", "seen_on", "due_at", "note", "is_queued"}
    for name in [name for name in members if name.startswith("store/")]:
        head, *rows = members[name].splitlines()
        said = json.loads(head)
        if said["table"] in ("schedules", "slots", "alerts"):
            del members[name]
            continue
        kept = [n for n, (column, _) in enumerate(said["columns"]) if not (
            column in new and (said["table"], column) != ("issue_items", "note")
        )]  # fmt: skip
        said["columns"] = [said["columns"][n] for n in kept]
        lines = [json.dumps(said)]
        lines += [json.dumps([json.loads(row)[n] for n in kept]) for row in rows]
        members[name] = ("\n".join(lines) + "\n").encode()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    setup = setup_of(home(tmp_path / "a", "sqlite:///digest.db"))
    fill(setup.store)
    backups.backup(setup, tmp_path / "a/digest.toml", tmp_path / "b.tar")
    setup.store.close()
    return tmp_path / "b.tar"


def refused(archive: Path, tmp_path: Path, why: str) -> None:
    place = tmp_path / "new/digest.toml"
    with pytest.raises(Misuse, match=why):
        backups.restore(archive, place, LATER)
    left = {path.name for path in (tmp_path / "new").iterdir()}
    assert left <= {"digest.db.migrate.lock"}


@pytest.mark.parametrize(
    "name",
    ["../evil", "/etc/evil", "templates/../../evil", "templates/.ssh", "other", "store/x.jsonl",
     "templates/a/b/c/d/e/f", "store/00001-../x.jsonl", "templates//x", "templates/a\nb"],
)  # fmt: skip
def test_a_name_that_no_backup_has_is_refused(archive: Path, tmp_path: Path, name: str) -> None:
    def add(members: dict[str, bytes]) -> None:
        members[name] = b"x"

    altered(archive, tmp_path / "c.tar", add)
    refused(tmp_path / "c.tar", tmp_path, "which no backup does")


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE]
)
def test_a_link_or_device_is_refused(archive: Path, tmp_path: Path, kind: bytes) -> None:
    with tarfile.open(tmp_path / "c.tar", "w") as tar:
        info = tarfile.TarInfo("templates/x")
        info.type, info.linkname = kind, "/etc/passwd"
        tar.addfile(info)
    refused(tmp_path / "c.tar", tmp_path, "which no backup does")


def test_headers_that_ask_for_memory_are_refused(tmp_path: Path) -> None:
    info = tarfile.TarInfo("././@PaxHeader")
    info.type, info.size = tarfile.XHDTYPE, 7 * 1024**3
    (tmp_path / "c.tar").write_bytes(info.tobuf(tarfile.USTAR_FORMAT))
    refused(tmp_path / "c.tar", tmp_path, "which no backup does")


def test_more_than_a_file_may_have_is_refused(tmp_path: Path) -> None:
    info = tarfile.TarInfo("digest.toml")
    info.size = 100_000_000
    with gzip.open(tmp_path / "c.tar", "wb") as file:
        file.write(info.tobuf(tarfile.USTAR_FORMAT))
        file.write(bytes(100_000_000))
    refused(tmp_path / "c.tar", tmp_path, "too many")


def test_what_was_changed_or_cut_is_refused(archive: Path, tmp_path: Path) -> None:
    whole = archive.read_bytes()
    place = whole.index(b"We measure a thing")
    (tmp_path / "c.tar").write_bytes(whole[:place] + b"x" + whole[place + 1 :])
    refused(tmp_path / "c.tar", tmp_path, "manifest does not fit")
    for size in (0, 100, 5000, len(whole) // 2):
        (tmp_path / "c.tar").write_bytes(whole[:size])
        refused(tmp_path / "c.tar", tmp_path, "is damaged")
    packed = gzip.compress(whole)
    (tmp_path / "c.tar").write_bytes(packed[: len(packed) // 2])
    refused(tmp_path / "c.tar", tmp_path, "is damaged")
    (tmp_path / "c.tar").write_bytes(b"PK\x03\x04" * 300)
    refused(tmp_path / "c.tar", tmp_path, "is damaged")


@pytest.mark.parametrize(
    "head",
    [b"{}", b"[]", b"\xff", b'{"table": "sqlite_master", "columns": [["name", "plain"]]}',
     b'{"table": "papers", "columns": [["id; DROP TABLE papers", "plain"]]}'],
)  # fmt: skip
def test_rows_of_something_else_are_refused(archive: Path, tmp_path: Path, head: bytes) -> None:
    def change(members: dict[str, bytes]) -> None:
        members["store/00000-papers.jsonl"] = head + b'\n["x"]\n'

    altered(archive, tmp_path / "c.tar", change)
    refused(tmp_path / "c.tar", tmp_path, "cannot be taken")


@pytest.mark.parametrize(
    ("line", "victim"),
    [('templates = "{}"', "issue.txt"), ('keys = "{}/keys"', "keys"),
     ('dkim.key = "{}/dkim"', "dkim"), ('store = "sqlite:///{}/x.db"', "x.db"),
     ('templates = "../victim"', "issue.txt"), ('templates = "link"', "issue.txt")],
)  # fmt: skip
def test_the_archives_own_configuration_writes_beside_itself_alone(
    archive: Path, tmp_path: Path, line: str, victim: str
) -> None:
    """Unless somebody trusts it."""
    outside, place = tmp_path / "victim", tmp_path / "new/digest.toml"
    outside.mkdir()
    place.parent.mkdir()
    (place.parent / "link").symlink_to(outside)

    def move(members: dict[str, bytes]) -> None:
        words = members["digest.toml"].decode()
        if line.startswith("store"):
            words = words.partition("\n")[2]
        members["digest.toml"] = f"{line.format(outside)}\n{words}".encode()
        if "dkim" in line:
            members["dkim"] = dkim.generate()

    altered(archive, tmp_path / "c.tar", move)
    with pytest.raises(Misuse, match=r"has its files outside .*; --elsewhere puts them there"):
        backups.restore(tmp_path / "c.tar", place, LATER)
    assert list(outside.iterdir()) == []
    assert not place.exists()
    backups.restore(tmp_path / "c.tar", place, LATER, elsewhere=True)
    assert (outside / victim).exists()


def test_an_archive_may_not_put_two_files_in_one_place(archive: Path, tmp_path: Path) -> None:
    def same(members: dict[str, bytes]) -> None:
        members["digest.toml"] = b'keys = "digest.toml"\n' + members["digest.toml"]

    altered(archive, tmp_path / "c.tar", same)
    refused(tmp_path / "c.tar", tmp_path, "two files in one place")


@pytest.mark.parametrize("name", ["keys", "dkim"])
def test_what_is_said_to_be_a_key_and_is_none_is_refused(
    archive: Path, tmp_path: Path, name: str
) -> None:
    def change(members: dict[str, bytes]) -> None:
        members[name] = b"* * * * * root touch /owned\n"

    altered(archive, tmp_path / "c.tar", change)
    refused(tmp_path / "c.tar", tmp_path, f"has as '{name}' is no file of keys")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (rb'"rows": \d+', b'"rows": Infinity'),
        (rb'"made_at": "[^"]+"', b'"made_at": "0001-01-01T00:00:00+23:00"'),
    ],
)
def test_a_manifest_of_impossible_numbers_is_refused(
    archive: Path, tmp_path: Path, old: bytes, new: bytes
) -> None:
    whole = members_of(archive)
    whole["manifest.json"], count = re.subn(old, new, whole["manifest.json"])
    assert count == 1
    rewritten(whole, tmp_path / "c.tar")
    refused(tmp_path / "c.tar", tmp_path, "is damaged")


@pytest.mark.parametrize("value", ["1000000000000000000000000000000", '{"a": 1}', "NaN"])
def test_values_that_no_column_takes_are_refused(
    url: str, archive: Path, tmp_path: Path, value: str
) -> None:
    def change(members: dict[str, bytes]) -> None:
        name = next(name for name in members if name.endswith("-issue_items.jsonl"))
        head, *rows = members[name].splitlines()
        at = [column for column, _ in json.loads(head)["columns"]].index("position")
        made = [json.loads(row) for row in rows]
        lines = [json.dumps([*row[:at], "XX", *row[at + 1 :]]) for row in made]
        members[name] = b"\n".join([head, *(one.encode() for one in lines)]) + b"\n"
        members[name] = members[name].replace(b'"XX"', value.encode())

    altered(archive, tmp_path / "c.tar", change)
    place = home(tmp_path / "n", url)
    with pytest.raises(Misuse, match="cannot be taken"):
        backups.restore(tmp_path / "c.tar", place, LATER, force=True)


@pytest.mark.parametrize("way", ["file", "folder"])
def test_a_file_that_cannot_be_written_leaves_the_store_that_was_there(
    url: str, tmp_path: Path, way: str
) -> None:
    place = home(tmp_path / "a", url)
    setup = setup_of(place)
    backups.backup(setup, place, tmp_path / "empty.tar")
    fill(setup.store)
    before = everything(setup.store)
    setup.store.close()
    own = b"1 " + b"ab" * 32
    (tmp_path / "a/digest.keys").write_bytes(own)
    (tmp_path / "a/templates/issue.txt").unlink()
    if way == "file":  # where a folder is to be
        (tmp_path / "a/templates").rmdir()
        (tmp_path / "a/templates").write_text("")
    else:  # where a file is to be moved away to
        (tmp_path / "a/templates/issue.txt").write_text("mine")
        aside = tmp_path / f"a/templates/issue.txt.{LATER:%Y%m%dT%H%M%S}.before"
        aside.mkdir()
    with pytest.raises(Misuse, match="nothing was restored"):
        backups.restore(tmp_path / "empty.tar", place, LATER, force=True)
    again = open_store(url, LATER)
    assert everything(again) == before
    again.close()
    assert (tmp_path / "a/digest.keys").read_bytes() == own
    left = {path.name for path in (tmp_path / "a").iterdir()}
    assert left == {"digest.toml", "digest.keys", "templates"}


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_a_store_is_its_owners_alone_also_restored_and_copied(
    archive: Path, tmp_path: Path
) -> None:
    old = os.umask(0o022)
    try:
        place = home(tmp_path / "n", "sqlite:///digest.db")
        for _ in range(2):  # the second time one is there already
            backups.restore(archive, place, LATER, force=True)
        store = setup_of(place).store
        with store.write() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '0005'"))
            modes = {
                one.name: one.stat().st_mode & 0o777
                for one in (tmp_path / "n").glob("digest.db*")
                if one.suffix != ".lock"
            }
        store.close()
        engine._back_up(tmp_path / "n/digest.db", "0005", NOW)
    finally:
        os.umask(old)
    (copy,) = (tmp_path / "n").glob(f"*.0005-{NOW:%Y%m%dT%H%M%S}.backup")
    assert copy.stat().st_mode & 0o777 == 0o600
    assert {"digest.db", "digest.db-wal", "digest.db-shm"} < modes.keys()
    assert len(modes) == 4
    assert set(modes.values()) == {0o600}


@pytest.mark.postgres
def test_a_password_that_a_backup_holds_is_told(
    postgres: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres.psql("CREATE DATABASE told;")
    url = make_url(postgres.get_uri("told")).set(drivername="postgresql+psycopg")
    plain, secret = url.set(password=None), url.set(password="s3cret")
    for address, is_told in ((plain, False), (secret, True)):
        place = home(tmp_path / f"a{is_told}", address.render_as_string(hide_password=False))
        monkeypatch.chdir(place.parent)
        done = digest("backup", "b.tar")
        assert done.returncode == 0, done.stderr
        assert ("PGPASSWORD keeps it out" in done.stderr) == is_told
        assert "s3cret" not in done.stdout + done.stderr
    postgres.psql("DROP DATABASE told WITH (FORCE);")


def test_nothing_is_written_over_unasked(archive: Path, tmp_path: Path) -> None:
    setup = setup_of(tmp_path / "a/digest.toml")
    with pytest.raises(Misuse, match="--force writes over it"):
        backups.backup(setup, tmp_path / "a/digest.toml", archive)
    place = home(tmp_path / "n", "sqlite:///digest.db")  # with keys of its own
    own = (tmp_path / "n/digest.keys").read_bytes()
    with pytest.raises(Misuse, match=r"digest\.keys is there and another"):
        backups.restore(archive, place, LATER)
    assert not (tmp_path / "n/digest.db").exists()
    done = backups.restore(archive, place, LATER, force=True)
    assert [one.read_bytes() for one in done.kept] == [own]
    assert (tmp_path / "n/digest.keys").stat().st_mode & 0o777 == 0o600


def test_an_upgrade_to_a_schema_can_stop_there(tmp_path: Path) -> None:
    made = at(checked(f"sqlite:///{tmp_path}/x.db"))
    upgrade(made.writer, "0003")
    with made.read() as connection:
        assert connection.exec_driver_sql("SELECT * FROM alembic_version").scalar() == "0003"
    made.close()


def test_in_an_empty_folder_a_restored_digest_says_how_it_is(archive: Path, tmp_path: Path) -> None:
    place = tmp_path / "new"
    place.mkdir()

    def said_by(*words: str) -> str:
        command = [sys.executable, "-m", "digest", *words]
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=True)
        return done.stdout

    said = said_by("restore", str(archive))
    assert "reading/2026-06-22T08:00 is held; `digest release reading/2026-06-22T08:00`" in said
    assert "issues 1" in said_by("status")
    assert (place / "digest.toml").stat().st_mode & 0o777 == 0o600
