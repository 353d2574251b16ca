"""The database, the key files, and the room on the disk."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from digest import keys
from digest.doctor.finding import FAULT, OK, SKIPPED, WARNING, Case, Finding
from digest.errors import BadConfig
from digest.store import examining, open_store, people
from digest.store.engine import checked
from digest.types import SubscriptionState

LITTLE_MB, TIGHT_MB = 200, 1000
_MB = 1_000_000
_NOT_ASKED = "the database cannot be asked"
_ALL_READ = "every digest has some"


def database(case: Case) -> Finding:
    """Does it open, is its schema the newest, can it be written to?"""
    name = "database"
    try:
        found = examining.examine(case.config.store)
    except BadConfig as why:
        return Finding(name, FAULT, str(why), "see that it runs, and that `store` names it")
    if found.is_old:
        oldest = ".".join(map(str, examining.OLDEST_SQLITE))
        said = f"{found.program} is too old: {oldest} or newer is needed"
        return Finding(name, FAULT, said, "take a Python with a newer SQLite")
    if not found.is_there:
        said = f"{found.place} is not there yet ({found.program})"
        return Finding(name, WARNING, said, "the first command that needs it makes it")
    if found.is_too_new:
        said = f"{found.place} was written by a newer version of this program"
        return Finding(name, FAULT, said, "install that version, or restore the backup beside it")
    if found.cannot_write:
        said = f"{found.place} cannot be written to: {found.cannot_write}"
        return Finding(name, FAULT, said, "let this user write to it and to its folder")
    about = f"{found.place}, {found.program}, {_size(found.bytes)}"
    if not found.is_newest:
        said = f"{about}: its schema is {found.schema or 'none'}, older than this program's"
        return Finding(name, WARNING, said, "the next command brings it up, after a copy")
    return Finding(name, OK, about)


def integrity(case: Case) -> Finding:
    """Is SQLite's file whole?"""
    name = "integrity"
    try:
        found = examining.quick_check(case.config.store)
    except examining.Unreachable:
        return Finding(name, SKIPPED, _NOT_ASKED)
    except BadConfig as why:
        return Finding(name, FAULT, str(why), "restore the newest backup")
    if found is None:
        return Finding(name, SKIPPED, "there is no SQLite file to check")
    if found:
        said = f"the file is damaged: {'; '.join(found)}"
        return Finding(name, FAULT, said, "stop all that uses it, and restore the newest backup")
    return Finding(name, OK, "the file is whole")


def rights(case: Case) -> Finding:
    """Can others on this machine read the readers' addresses, or a password?"""
    name = "rights"
    address = checked(case.config.store)
    files = []
    if address.get_backend_name() == "sqlite":
        store = Path(str(address.database))
        files = [store, *sorted(store.parent.glob(f"{store.name}*.backup"))]
        files += [store.with_name(f"{store.name}-{tail}") for tail in ("wal", "shm")]
    elif address.password or "password" in address.query:
        files = [case.file]
    open_to_all = [str(one) for one in files if _is_open(one)]
    if open_to_all:
        said = f"everybody on this machine can read {', '.join(open_to_all[:5])}"
        return Finding(name, WARNING, said, f"chmod o= {' '.join(open_to_all[:5])}")
    return Finding(name, OK, "no strangers on this machine can read what is personal")


def _is_open(file: Path) -> bool:
    try:
        return os.name == "posix" and bool(file.stat().st_mode & 0o004)
    except OSError:
        return False


def readers(case: Case) -> Finding:
    """Has each digest some?"""
    name = "readers"
    alone = {one for one, digest in case.config.digests.items() if not digest.to}
    try:
        there = examining.examine(case.config.store)
    except BadConfig:
        return Finding(name, SKIPPED, _NOT_ASKED) if alone else Finding(name, OK, _ALL_READ)
    if alone and there.schema and not there.is_newest:
        return Finding(name, SKIPPED, "the database's schema is not this program's")
    counted: dict[tuple[str, str], int] = {}
    if there.is_newest:
        store = open_store(case.config.store, case.now, 3)
        try:
            with store.read() as connection:
                counted = people.count(connection)
        finally:
            store.close()
    without = [
        one
        for one in case.config.digests
        if one in alone and not counted.get((one, SubscriptionState.CONFIRMED))
    ]
    if without:
        shown = ", ".join(without[:5]) + (f" and {len(without) - 5} more" if without[5:] else "")
        return Finding(
            name,
            WARNING,
            f"nobody reads {shown}",
            'name some under `to`, or `digest subscribe ADDRESS NAME --evidence "…"`',
        )
    return Finding(name, OK, _ALL_READ)


# --- key files -----------------------------------------------------------------------------------


def link_keys(case: Case) -> Finding:
    """Are the keys there that links are signed with?"""
    name, file = "link keys", case.config.keys
    if not file.exists():
        said = f"{file} is not there; without it no link in any mail that was sent works"
        return Finding(name, WARNING, said, "restore it; where none was ever made, a run makes it")
    try:
        keys.load(file)
    except BadConfig as why:
        return Finding(name, FAULT, str(why), "restore it from a backup, or mend its rights")
    return Finding(name, OK, f"{file}, for its owner alone")


def signing_key(case: Case) -> Finding:
    """Is the key there that mails are signed with?"""
    name, own = "signing key", case.config.dkim
    if not own.selector:
        return Finding(name, SKIPPED, "mails are not signed: [dkim] names no selector")
    try:
        keys.load_signing(own.key)
    except BadConfig as why:
        return Finding(name, FAULT, str(why), "`digest dkim` makes one and shows its record")
    return Finding(name, OK, f"{own.key}, for its owner alone")


# --- disk ----------------------------------------------------------------------------------------


def disk(case: Case) -> list[Finding]:
    """Is there room, and may we write where we must?"""
    config = case.config
    wanted = {"the outbox": config.outbox, "the folder of the configuration": case.file.parent}
    if config.store.startswith("sqlite:///"):
        wanted["the folder of the store"] = Path(config.store.removeprefix("sqlite:///")).parent
    if config.log.file:
        wanted["the folder of the log"] = config.log.file.parent
    found = [_room(what, folder.resolve()) for what, folder in wanted.items()]
    bad = [one for one in found if one.state != OK]
    return list(dict.fromkeys(bad)) or [found[0]]


def _room(what: str, folder: Path) -> Finding:
    name = "disk"
    there = next(one for one in (folder, *folder.parents) if one.exists())
    if not there.is_dir() or not _is_writable(there):
        said = f"{what}, {folder}, cannot be written to"
        return Finding(name, FAULT, said, f"let this user write to {there}")
    try:
        free = shutil.disk_usage(there).free // _MB
    except OSError as why:
        return Finding(name, WARNING, f"{what}: how much is free is not known: {why.strerror}")
    said = f"{_size(free * _MB)} free for {what}, {folder}"
    remedy = "make room; `digest prune` and [keep] say what is kept for how long"
    if free < LITTLE_MB:
        return Finding(name, FAULT, said, remedy)
    if free < TIGHT_MB:
        return Finding(name, WARNING, said, remedy)
    return Finding(name, OK, said)


def _is_writable(folder: Path) -> bool:
    if not os.access(folder, os.W_OK | os.X_OK):
        return False
    try:  # a file system may be mounted for reading only
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _size(number: float) -> str:
    return f"{number / 1e9:.1f} GB" if number >= 1e9 else f"{number / 1e6:.1f} MB"
