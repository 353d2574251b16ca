"""The transport without a server: files in a folder. Writing there is sending."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from digest.errors import Permanent, Temporary
from digest.types import Mail, Receipt


@dataclass(frozen=True, slots=True)
class Outbox:
    """`outbox/DIGEST/SLOT/` with the issue's pages and one .eml a mail. Nothing moves them."""

    folder: Path
    is_repeatable = True  # the same mail is the same file

    def send(self, mail: Mail, issue: str) -> Receipt:
        """Write the mail, whole or not at all."""
        tail = re.sub(r"[^0-9a-f]", "", mail.message_id.partition("@")[0])[:8]
        path = self._home(issue) / f"{_name(mail.to)}-{tail}.eml"
        _write(path, mail.content)
        return Receipt(detail=str(path))

    def publish(self, issue: str, pages: Mapping[str, str]) -> Path:
        """Write the issue's pages; returns their folder."""
        home = self._home(issue)
        for name, words in pages.items():
            _write(home / name, words.encode())
        return home

    def erase(self, address: str) -> int:
        """Remove every mail to the address, however it is spelled."""
        wanted = f"to: {address}".lower().encode()
        gone = 0
        for path in self.folder.glob("*/*/*.eml"):
            if not path.name.lower().startswith(_name(address).lower()):
                continue
            with path.open("rb") as file:
                first = file.readline().strip().lower()
            if first == wanted:
                try:
                    path.unlink(missing_ok=True)
                except OSError as why:
                    raise Temporary(f"cannot remove {path}: {why.strerror}") from why
                gone += 1
        return gone

    def _home(self, issue: str) -> Path:
        digest, _, slot = issue.partition("/")
        if not re.fullmatch(r"[\w-]+", digest) or not re.fullmatch(r"[\w:+-]+", slot):
            raise Permanent(f"issue {issue!r} has a name that is no name of a folder")
        return self.folder / digest / slot


def _name(address: str) -> str:
    return re.sub(r"[^\w.@+-]", "_", address, flags=re.ASCII)[:120]


def _write(path: Path, content: bytes) -> None:
    """Aside first and then renamed, so that nobody ever reads half a mail."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with aside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError as why:
        with suppress(OSError):
            aside.unlink()
        raise Temporary(f"cannot write {path}: {why.strerror or why}") from why
