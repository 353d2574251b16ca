"""ready(): files that are put in their places together, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from digest import keys
from digest.config import Config
from digest.errors import BadConfig, Misuse
from digest.store import engine as engines

Move = tuple[Path, Path]  #: from where, to where


@dataclass
class Ready:
    """Files that lie beside their places."""

    moves: Sequence[Move]
    now: datetime
    done: list[tuple[Path, Path | None]] = field(default_factory=list)  #: and what was there

    def put(self) -> tuple[Path, ...]:
        """Put all in their places; returns where those are that were there."""
        for _, target in self.moves:
            before = None
            if target.exists():
                before = target.with_name(f"{target.name}.{self.now:%Y%m%dT%H%M%S}.before")
                target.rename(before)
            self.done.append((target, before))
            _aside(target).replace(target)
        return tuple(before for _, before in self.done if before)

    def undo(self) -> None:
        """Bring back what was there."""
        while self.done:
            target, before = self.done.pop()
            with suppress(OSError):
                if before:
                    before.replace(target)
                else:
                    target.unlink(missing_ok=True)

    def clean(self) -> None:
        """Remove what still lies beside."""
        for _, target in self.moves:
            with suppress(OSError):
                _aside(target).unlink(missing_ok=True)


@contextmanager
def ready(moves: Sequence[Move], now: datetime) -> Iterator[Ready]:
    """Write files beside their places, with room on the disk and the right to; `put` is quick then.

    If the block fails, all is as it was.
    """
    made, folders = Ready(moves, now), _missing(target for _, target in moves)
    try:
        for source, target in moves:
            _write_aside(target, source.read_bytes())
        yield made
    except BaseException:
        made.undo()
        made.clean()
        for folder in folders:
            with suppress(OSError):
                folder.rmdir()
        raise
    made.clean()


def _missing(targets: Iterable[Path]) -> list[Path]:
    """The folders that are to be made, those within others first."""
    found = {folder for target in targets for folder in target.parents if not folder.exists()}
    return sorted(found, key=lambda one: len(one.parts), reverse=True)


def write(target: Path, content: bytes) -> None:
    """Write a file for its owner alone, whole or not at all."""
    try:
        _write_aside(target, content)
        _aside(target).replace(target)
    finally:
        _aside(target).unlink(missing_ok=True)


def _aside(target: Path) -> Path:
    return target.with_name(f".{target.name}.{os.getpid()}")


def _write_aside(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(_aside(target), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


# --- what somebody else says ---------------------------------------------------------------------


def refuse_elsewhere(config: Config, place: Path, targets: Iterable[Path]) -> None:
    """A configuration that came with an archive may name any place: only those beside it are taken.

    Raises: Misuse
    """
    home = place.resolve().parent
    address = engines.checked(config.store)
    is_file = address.get_backend_name() == "sqlite"
    places = [*targets, *([Path(str(address.database))] if is_file else [])]
    found = [str(one) for one in places if not one.resolve().is_relative_to(home)]
    found += [] if is_file else [engines.shown(address)]
    if found:
        raise Misuse(
            f"the backup's own configuration has its files outside {home}: {', '.join(found[:5])};"
            " --elsewhere puts them there, if you trust the backup, or write a digest.toml here"
        )
    if len({one.resolve() for one in [*places, place]}) <= len(places):
        raise Misuse("the backup's own configuration has two files in one place")


def refuse_no_key(link: Path | None, signing: Path | None) -> None:
    """Refuse a file that is said to be a key and is none.

    Raises: Misuse
    """
    for name, file, load in (("keys", link, keys.load), ("dkim", signing, keys.load_signing)):
        try:
            if file:
                load(file)
        except (BadConfig, ValueError) as why:
            raise Misuse(f"what the backup has as {name!r} is no file of keys") from why
