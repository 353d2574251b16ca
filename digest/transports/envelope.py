"""Whom a mail goes to and from, and its lines: nothing in them may mean more than it says. Pure."""

from __future__ import annotations

import re

import numpy as np

from digest.errors import Permanent, Refused

_ADDRESS = re.compile(r"[^\x00-\x20\x7f<>]+")


def address(what: str, value: str, *, may_be_empty: bool = True) -> bytes:
    """An envelope address that can do no harm in a command.

    Raises: Refused, Permanent.
    """
    if not value and may_be_empty:
        return b""
    if not value.isascii():
        raise Refused(
            f"{what} {value!r} has letters that are not ASCII; such addresses (SMTPUTF8) are not"
            " written to: the domain can be spelled in its xn-- form, the part before the @ cannot"
        )
    if not _ADDRESS.fullmatch(value):
        raise Permanent(f"{what} {value!r} is not an address that can stand in a command")
    return value.encode()


def check(content: bytes) -> bool:
    """Does a line begin with a dot?

    Lines must end in CRLF, and neither half of it stand alone: servers differ in what they make of
    a lone one before a dot, and that has been used to put one mail into another.

    Source: RFC 5321, 2.3.8.

    Raises: Permanent.
    """
    if not content.endswith(b"\r\n"):
        raise Permanent("the mail does not end with a line end")
    # numpy looks at 20 KB in 9 µs; count() and `in` take 48.
    letters = np.frombuffer(content, np.uint8)
    ends = letters == 10
    if ends[0] or np.count_nonzero((letters == 13)[:-1] != ends[1:]):
        raise Permanent("the mail has a carriage return or line feed that stands alone")
    return bool(content[:1] == b"." or np.count_nonzero(ends[:-1] & (letters == 46)[1:]))
