"""Texts → the body of a mail, in pieces around what is one reader's alone. Pure.

Quoted-printable works line by line. So texts that end with a line end may be encoded and cut each
for itself, and joined afterwards: the bytes are those of encoding the joined text.
"""

from __future__ import annotations

import re
from binascii import b2a_qp
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from digest.errors import MailTooLarge
from digest.mail.headers import lines
from digest.types import Format

#: Far more than Gmail shows, far less than any server refuses.
MAX_BYTES = 2_000_000

PARTS: dict[Format, tuple[str, ...]] = {
    "html": ("plain", "html"),
    "markdown": ("plain", "markdown", "html"),
    "text": ("plain",),
}

_DOT_ON_FULL_LINE = re.compile(rb"^\.(?=[^\r\n]{74})", re.MULTILINE)
_FIRST_DOT = re.compile(rb"^\.", re.MULTILINE)

#: Which placeholder stands there, and before which of its letters a soft line break is.
Gap = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Cut:
    """Encoded text in pieces, each but the last followed by a placeholder."""

    text: bytes  #: the whole, with the placeholders
    pieces: tuple[bytes, ...]
    gaps: tuple[Gap, ...] = ()


def cut(text: bytes, placeholders: Sequence[str] = ()) -> Cut:
    """Cut around the placeholders; quoted-printable may have broken one in two."""
    pieces: list[bytes] = []
    gaps: list[Gap] = []
    end = 0
    for found in _pattern(tuple(placeholders)).finditer(text) if placeholders else ():
        pieces.append(text[end : found.start()])
        first, broken, _ = found[0].partition(b"=\r\n")
        name = found[0].replace(b"=\r\n", b"").decode()
        gaps.append((name, len(first) if broken else 0))
        end = found.end()
    return Cut(text, (*pieces, text[end:]), tuple(gaps))


@lru_cache(maxsize=16)
def _pattern(placeholders: tuple[str, ...]) -> re.Pattern[bytes]:
    # A break after each letter would be the whole word again for each place it may be broken at.
    patterns = ["(?:=\r\n)?".join(map(re.escape, one)) for one in placeholders]
    return re.compile("|".join(patterns).encode())


def joined(parts: Iterable[Cut]) -> Cut:
    """Several, one after the other."""
    texts: list[bytes] = []
    pieces: list[bytes] = []
    gaps: list[Gap] = []
    last: list[bytes] = []
    for part in parts:
        texts.append(part.text)
        last.append(part.pieces[0])
        if part.gaps:
            pieces.append(b"".join(last))
            pieces += part.pieces[1:-1]
            gaps += part.gaps
            last = [part.pieces[-1]]
    return Cut(b"".join(texts), (*pieces, b"".join(last)), tuple(gaps))


def filled(of: Cut, names: frozenset[Gap], tokens: Mapping[str, str]) -> list[bytes]:
    """What stands in each gap."""
    own = {name: token.encode("ascii") for name, token in tokens.items()}
    written: dict[Gap, bytes] = {}
    for gap in names:
        name, at = gap
        token = own[name]
        if len(token) != len(name) or not token.isalnum():
            raise AssertionError("a token is not of the form of what stands for it")
        written[gap] = b"%b=\r\n%b" % (token[:at], token[at:]) if at else token
    return [written[gap] for gap in of.gaps]


def body(parts: Sequence[Cut], format: Format) -> tuple[tuple[str, ...], Cut]:
    """The Content headers of the whole, and its bytes after the head.

    Raises: MailTooLarge
    """
    size = sum(len(part.text) for part in parts)
    if size > MAX_BYTES:
        raise MailTooLarge(
            f"the mail has {size:,} bytes, more than {MAX_BYTES:,}: show fewer papers"
        )
    kinds = PARTS[format]
    if len(parts) == 1:
        return _content_headers(kinds[0]), joined([cut(b"\r\n"), parts[0]])
    # "=_" cannot stand in quoted-printable, so no text contains the boundary.
    boundary = "=_" + sha256(b"".join([part.text for part in parts])).hexdigest()[:32]
    found: list[Cut] = []
    before = "\r\n"
    for kind, part in zip(kinds, parts, strict=True):
        found += (cut(before.encode() + lines(f"--{boundary}", *_content_headers(kind), "")), part)
        before = "\r\n"
    found.append(cut(lines("", f"--{boundary}--")))
    own = (f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"',)
    return own, joined(found)


def _content_headers(kind: str) -> tuple[str, ...]:
    return (
        f"Content-Type: text/{kind}; charset=utf-8",
        "Content-Transfer-Encoding: quoted-printable",
    )


def quoted(text: str) -> bytes:
    """Quoted-printable with CRLF: 7 bits, at most 76 columns, and legible in the outbox.

    No line begins with a dot, which SMTP would have doubled.
    """
    written = b2a_qp(re.sub(r"\r\n|\r|\n", "\r\n", text).encode(), istext=True)
    full = 1
    while full:  # where "=2E" does not fit, the rest goes to a line of its own
        written, full = _DOT_ON_FULL_LINE.subn(b"=2E=\r\n", written)
    return _FIRST_DOT.sub(b"=2E", written)


def is_fit(content: bytes) -> bool:
    """Can it go over the wire as it is: ASCII, lines with CRLF, and none with a dot first?"""
    return (
        content.isascii()
        and content.endswith(b"\r\n")
        and content.count(b"\r") == content.count(b"\n") == content.count(b"\r\n")
        and not content.startswith(b".")
        and b"\n." not in content
    )


def whole(text: str) -> bytes:
    """The same of a text from its beginning to its end, which is a line end."""
    return quoted(text.rstrip() + "\n")
