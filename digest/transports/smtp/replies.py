"""What a mail server says: bytes → replies, and their words. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

from digest import refusals
from digest.errors import Permanent, Refused, Temporary
from digest.refusals import Kind

#: A hundred lines of RFC 5321's length; who says more in one reply never ends.
MAX_BYTES = 512 * 100
_MAX_WORDS = 200
_MOST_KNOWN = 16
_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*?))?\r?", re.DOTALL)
_STATUS = re.compile(rb"[245]\.[0-9]{1,3}\.[0-9]{1,3}(?![0-9.])")


class Broken(Exception):
    """The conversation cannot go on; nothing is known to have been sent by it."""


class Reply(NamedTuple):
    """One reply."""

    code: int
    lines: tuple[bytes, ...]  #: without code and line end

    @property
    def words(self) -> str:
        """All of it but the code in one printable line."""
        return printable(b" ".join(self.lines))

    @property
    def status(self) -> str:
        """The enhanced status that RFC 2034 puts first, "5.1.1"; empty where there is none."""
        found = _STATUS.match(self.lines[0])
        return found[0].decode() if found else ""

    def __str__(self) -> str:
        return f"{self.code} {self.words}"[:_MAX_WORDS].rstrip()


def printable(said: bytes) -> str:
    r"""Foreign bytes as one line that can be shown and kept.

    >>> printable(b"2.0.0 Ok\x1b[2J: queued\xff")
    '2.0.0 Ok?[2J: queued?'
    """
    text = said.decode("ascii", "replace")
    if not text.isprintable() or "\ufffd" in text:
        text = "".join(c if c.isprintable() and c != "\ufffd" else "?" for c in text)
    return text[:_MAX_WORDS].strip()


class Reader:
    """Bytes as they come → whole replies."""

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[bytes] = []
        self._code = b""
        self._size = 0
        #: Bytes that came before, to their replies: most servers say "ok" in few ways.
        self._known: dict[bytes, list[Reply]] = {}

    @property
    def is_between(self) -> bool:
        """Has nothing of a reply come that is not whole yet?"""
        return not self._rest and not self._lines

    def feed(self, data: bytes) -> list[Reply]:
        """The replies that these bytes complete.

        Raises: Broken where they are none.
        """
        if not self.is_between:
            return self._read(data)
        found = self._known.get(data)
        if found is None:
            found = self._read(data)
            if self.is_between and len(self._known) < _MOST_KNOWN:
                self._known[data] = found
        return found

    def _read(self, data: bytes) -> list[Reply]:
        *lines, self._rest = (self._rest + data if self._rest else data).split(b"\n")
        found = []
        for line in lines:
            self._size += len(line)
            match = _LINE.fullmatch(line)
            if not match or self._size > MAX_BYTES or (self._code or match[1]) != match[1]:
                raise Broken(f"the server said what is no reply: {printable(line[:100])!r}")
            self._lines.append(match[3] or b"")
            if match[2] == b"-":
                self._code = match[1]
                continue
            found.append(Reply(int(match[1]), tuple(self._lines)))
            self._lines, self._code, self._size = [], b"", 0
        if self._size + len(self._rest) > MAX_BYTES:
            raise Broken("the server said a reply that does not end")
        return found


def refusal(reply: Reply, where: str, *, is_of_sender: bool = False) -> Temporary | Permanent:
    """What a 4xx or 5xx means for the mail. `where` names the server and the command."""
    said = refusals.judge(reply.code, reply.words, reply.status)
    words = f"{where}: {reply}"
    if not said.is_final:
        error = Temporary(words)
        error.wait_s = said.wait_s
        return error
    if is_of_sender:  # whoever will not take our mail from us says nothing of who it is for
        return Refused(words, is_policy=True)
    return Refused(words, is_dead=said.kind is Kind.DEAD, is_policy=said.kind is Kind.POLICY)
