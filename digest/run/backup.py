"""backup() and restore(): everything that cannot be made again, in one file.

The file is a tar: lines of JSON for the store's tables, the configuration, the keys, templates
and a prompt of one's own, and at its end a manifest with the sums of them all.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import IO, Any

from digest import __version__, plan
from digest import config as configs
from digest.config import Config
from digest.errors import BadConfig, Misuse
from digest.run import placing
from digest.run.setup import Setup
from digest.store import dump
from digest.store.engine import HEAD, checked

MANIFEST, CONFIG, KEYS, DKIM, PROMPT = "manifest.json", "digest.toml", "keys", "dkim", "prompt"
FORMAT = 1
#: A table is in parts of about this size, so that none has to fit beside the whole.
PART_BYTES = 64 * 1024 * 1024
FILE_BYTES = 8 * 1024 * 1024  #: of one of the operator's own files, and of the manifest
MEMBERS = 20_000
_BLOCK = 512
_NAME = re.compile(
    r"manifest\.json|digest\.toml|keys|dkim|prompt|store/\d{5}-[a-z_]+\.jsonl"
    r"|templates(/[\w-][\w.-]*){1,5}",
    re.ASCII,
)
_DAMAGED = "is damaged or no backup of this program"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """What is in one."""

    made_at: datetime
    version: str
    schema: str
    rows: int
    files: tuple[str, ...]  #: of the operator, as they are called in it


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What became of one."""

    backup: Backup
    config: Path
    kept: tuple[Path, ...]  #: files that were there before and are beside now
    store_kept: str  #: where the store is that was there before; empty: there was none
    held: tuple[str, ...]  #: issues that wait for `digest release`


# --- backing up ----------------------------------------------------------------------------------


def backup(setup: Setup, file: Path, target: Path, *, force: bool = False) -> Backup:
    """Write a backup of the store and of what belongs to it; nobody has to stop for it.

    Raises: Misuse where there is such a file, without `force`, or it cannot be written.
    """
    if target.exists() and not force:
        raise Misuse(f"{target} is there already; --force writes over it")
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as raw:
                made = _write(setup, file, raw, target)
                raw.flush()
                os.fsync(raw.fileno())
            aside.replace(target)
        finally:
            aside.unlink(missing_ok=True)
    except OSError as why:
        raise Misuse(f"cannot write {target}: {why.strerror or why}") from why
    return made


def has_password(config: Config) -> bool:
    """Does the configuration tell the database's password?"""
    address = checked(config.store)
    return bool(address.password or "password" in address.query)


def _write(setup: Setup, file: Path, raw: IO[bytes], target: Path) -> Backup:
    if target.name.endswith((".gz", ".tgz")):
        with gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=1, filename="", mtime=0) as packed:
            return _pack(setup, file, _Writer(packed, setup.now, target.parent))
    return _pack(setup, file, _Writer(raw, setup.now, target.parent))


def _pack(setup: Setup, file: Path, writer: _Writer) -> Backup:
    rows, number = 0, 0
    # The store first: a key that is made meanwhile is then among the keys, not the other way round.
    with dump.snapshot(setup.store) as connection:
        for name in dump.names():
            lines = dump.lines(connection, name)
            while found := writer.part(f"store/{number:05}-{name}.jsonl", name, lines):
                rows, number = rows + found, number + 1
    for name, path in _own_files(setup.config, file):
        writer.add(name, path.read_bytes())
    made = Backup(
        made_at=setup.now,
        version=__version__,
        schema=HEAD,
        rows=rows,
        files=tuple(name for name in writer.sums if not name.startswith("store/")),
    )
    words = {
        "format": FORMAT,
        "made_at": made.made_at.isoformat(),
        "version": made.version,
        "schema": made.schema,
        "rows": rows,
        "members": writer.sums,
    }
    writer.add(MANIFEST, json.dumps(words, indent=1).encode())
    writer.end()
    return made


def _own_files(config: Config, file: Path) -> Iterator[tuple[str, Path]]:
    """What the operator has beside the store, by its name in the archive."""
    single = [(CONFIG, file), (KEYS, config.keys), (DKIM, config.dkim.key)]
    if config.prompt:
        single.append((PROMPT, config.prompt))
    yield from ((name, path) for name, path in single if path.is_file())
    for folder, folders, names in os.walk(config.templates):
        folders.sort()
        for one in sorted(names):
            path = Path(folder, one)
            name = f"templates/{path.relative_to(config.templates).as_posix()}"
            if path.is_file() and not path.is_symlink() and _NAME.fullmatch(name):
                yield name, path


@dataclass(slots=True)
class _Writer:
    """A tar of plain files of mode 0600, and the sums of what was written."""

    out: IO[bytes] | gzip.GzipFile
    now: datetime
    folder: Path  #: with room for a part
    sums: dict[str, dict[str, Any]] = field(default_factory=dict)

    def part(self, member: str, table: str, lines: Iterator[bytes]) -> int:
        """Write the next part of a table; returns how many rows that are, 0 when all are there."""
        count, size = 0, 0
        with tempfile.TemporaryFile(dir=self.folder) as file:
            file.write(dump.head(table))
            for line in lines:
                size += file.write(line)
                count += 1
                if size > PART_BYTES:
                    break
            if not count:
                return 0
            size = file.tell()
            file.seek(0)
            self._put(member, size, iter(lambda: file.read(1024 * 1024), b""))
        return count

    def add(self, member: str, content: bytes) -> None:
        """Write a file."""
        if len(content) > FILE_BYTES:
            raise Misuse(f"{member} has {len(content)} bytes; {FILE_BYTES} are the most")
        self._put(member, len(content), [content])

    def _put(self, member: str, size: int, content: Iterable[bytes]) -> None:
        info = tarfile.TarInfo(member)
        info.size, info.mode, info.mtime = size, 0o600, int(self.now.timestamp())
        self.out.write(info.tobuf(tarfile.USTAR_FORMAT, "utf-8", "strict"))
        sum = hashlib.sha256()
        for piece in content:
            sum.update(piece)
            self.out.write(piece)
        self.out.write(bytes(-size % _BLOCK))
        self.sums[member] = {"bytes": size, "sha256": sum.hexdigest()}

    def end(self) -> None:
        self.out.write(bytes(2 * _BLOCK))


# --- restoring -----------------------------------------------------------------------------------


def restore(
    archive: Path,
    place: Path,
    now: datetime,
    *,
    force: bool = False,
    hold: bool = True,
    elsewhere: bool = False,
) -> Restored:
    """Put a backup where a configuration says, or, where there is none, its own.

    With `hold`, drafts and issues of which something was unsent, or is owed to a reader whose hour
    is yet to come, wait for `digest release`: it may have been sent since. A configuration that is
    there stays; with `force` other files and the store are kept beside. The backup's own may name
    places outside its folder only with `elsewhere`. If anything fails, nothing has changed.

    Raises: Misuse for what is no backup, damaged or in the way; StoreBusy; SchemaTooNew.
    """
    home = place.resolve().parent
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".digest-restore-", dir=home) as folder:
            found = _Found(Path(folder), _unpacked(archive, Path(folder)), now)
            if place.exists():
                return _put_back(found, place, force=force, hold=hold, is_trusted=True)
            return _put_back_with_own(found, place, force=force, hold=hold, is_trusted=elsewhere)
    except OSError as why:
        where = why.filename or archive
        raise Misuse(f"{where}: {why.strerror or why}; nothing was restored") from why


@dataclass(frozen=True, slots=True)
class _Found:
    """An archive, unpacked."""

    folder: Path
    backup: Backup
    now: datetime


def _put_back_with_own(
    found: _Found, place: Path, *, force: bool, hold: bool, is_trusted: bool
) -> Restored:
    if CONFIG not in found.backup.files:
        raise Misuse(f"the backup has no configuration, and {place} is not there")
    placing.write(place, (found.folder / CONFIG).read_bytes())
    try:
        return _put_back(found, place, force=force, hold=hold, is_trusted=is_trusted)
    except BaseException:
        place.unlink(missing_ok=True)
        raise


def _put_back(found: _Found, place: Path, *, force: bool, hold: bool, is_trusted: bool) -> Restored:
    folder, backup = found.folder, found.backup
    config = configs.load(place)
    targets = list(_targets(config, backup.files))
    if not is_trusted:
        placing.refuse_elsewhere(config, place, [target for _, target in targets])
    known = {name: folder / name for name, _ in targets}
    placing.refuse_no_key(known.get(KEYS), known.get(DKIM))
    moves = [
        (folder / name, target)
        for name, target in targets
        if not target.exists() or target.read_bytes() != (folder / name).read_bytes()
    ]
    for _, target in moves:
        if target.is_symlink() or (target.exists() and not force):
            raise Misuse(f"{target} is there and another; --force keeps it beside")
    words = f"restored from a backup of {backup.made_at:%Y-%m-%d %H:%M} UTC" if hold else ""
    replaced = dump.replaced(config.store, backup.schema, found.now, force=force)
    # All that can fail comes before the store takes its place.
    with placing.ready(moves, found.now) as ready, replaced as new:
        held = _filled(new, found, words)
        kept = ready.put()
    return Restored(backup=backup, config=place, kept=kept, store_kept=new.kept, held=tuple(held))


def _filled(new: dump.New, found: _Found, hold: str) -> list[str]:
    rows, since = 0, found.now - plan.LOOK_BACK
    with new.engine.begin() as connection:
        for part in sorted((found.folder / "store").glob("*.jsonl")):
            with part.open("rb") as file:
                rows += dump.load(connection, iter(partial(file.readline, dump.LINE_BYTES), b""))
        if rows != found.backup.rows:
            raise Misuse(f"the backup says it has {found.backup.rows} rows, and has {rows}")
        return dump.settle(connection, hold, found.now, since)


def _targets(config: Config, names: Iterable[str]) -> Iterator[tuple[str, Path]]:
    single = {KEYS: config.keys, DKIM: config.dkim.key, PROMPT: config.prompt}
    for name in names:
        if name in single and (path := single[name]):
            yield name, path
        elif name.startswith("templates/"):
            yield name, config.templates / name.removeprefix("templates/")


# --- reading what may be anything ----------------------------------------------------------------


def _unpacked(archive: Path, folder: Path) -> Backup:
    """Unpack an archive into a folder, if all of it is as its manifest says.

    Raises: Misuse
    """
    try:
        with archive.open("rb") as raw:
            is_packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            sums = _members(gzip.GzipFile(fileobj=raw) if is_packed else raw, folder)
    except (
        tarfile.TarError,
        gzip.BadGzipFile,
        zlib.error,
        EOFError,
        ValueError,
        OverflowError,
    ) as why:
        raise Misuse(f"{archive} {_DAMAGED}: {why}") from why
    found = _manifest(archive, folder, sums)
    if found is None:
        raise Misuse(f"{archive} {_DAMAGED}: its manifest does not fit what is in it")
    return found


def _members(file: IO[bytes] | gzip.GzipFile, folder: Path) -> dict[str, dict[str, Any]]:
    """Every file in it, unpacked.

    Headers are read here and not by tarfile's own reader: that one believes what archives say of
    links, and of names as long as memory.
    """
    sums: dict[str, dict[str, Any]] = {}
    room = shutil.disk_usage(folder).free // 2
    while (block := file.read(_BLOCK)).strip(b"\0"):
        info = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
        name = info.name
        if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or not _NAME.fullmatch(name):
            raise ValueError(f"it holds {name[:100]!r}, which no backup does")
        if name in sums or len(sums) >= MEMBERS or ".." in name:
            raise ValueError(f"it holds {name!r} twice, or too many files")
        room -= info.size
        most = PART_BYTES + dump.LINE_BYTES + _BLOCK if name.startswith("store/") else FILE_BYTES
        if not 0 <= info.size <= most or room < 0:
            raise ValueError(f"{name!r} is said to have {info.size} bytes: too many")
        sums[name] = _taken(file, info.size, folder / name)
    if not block:
        raise EOFError("it ends in the middle")
    return sums


def _taken(file: IO[bytes] | gzip.GzipFile, size: int, target: Path) -> dict[str, Any]:
    target.parent.mkdir(parents=True, exist_ok=True)
    sum, left = hashlib.sha256(), size
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        while left:
            piece = file.read(min(left, 1024 * 1024))
            if not piece:
                raise EOFError("it ends in the middle")
            sum.update(piece)
            out.write(piece)
            left -= len(piece)
    file.read(-size % _BLOCK)
    return {"bytes": size, "sha256": sum.hexdigest()}


def _manifest(archive: Path, folder: Path, sums: dict[str, dict[str, Any]]) -> Backup | None:
    if sums.pop(MANIFEST, None) is None:
        return None
    with suppress(ValueError, KeyError, TypeError, RecursionError, OverflowError):
        said = json.loads((folder / MANIFEST).read_bytes())
        if said["format"] != FORMAT:
            raise BadConfig(f"{archive} was written by a newer version of this program")
        made_at = datetime.fromisoformat(said["made_at"])
        if said["members"] == sums:
            return Backup(
                made_at=made_at.astimezone(UTC),
                version=str(said["version"]),
                schema=str(said["schema"]),
                rows=int(said["rows"]),
                files=tuple(name for name in sums if not name.startswith("store/")),
            )
    return None
