"""Signed links: what a token allows, and for whom, is written in it. Pure.

A token is forty letters of a-z and 2-7 and stands as well in an address of the web as before the @
of an address of mail, where capitals may be lost. It holds a purpose, the number of the key, whom
it is for, when it ends, and a signature over all four (HMAC-SHA-256, its first 96 bits: whoever
guesses has to ask our server each time).
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from hashlib import sha256

from digest.errors import BadLink

LENGTH = 40
#: The same in a regular expression.
PATTERN = rf"[a-z2-7]{{{LENGTH}}}"
NOBODY = "0" * 16  #: whom the links of a preview are for
_ALPHABET = b"abcdefghijklmnopqrstuvwxyz234567".ljust(256)
_HOUR = timedelta(hours=1)
EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
_NEVER = 0
_SIGNATURE_BYTES = 12


class Purpose(StrEnum):
    """What a token is good for, and nothing else."""

    CONFIRM = "c"  #: one subscription
    UNSUBSCRIBE = "u"  #: one subscription
    PREFERENCES = "p"  #: one subscription, and leaving everything
    OPINION = "o"  #: likes and dislikes of one subscription
    ADDRESS = "a"  #: a change of address, from the new one
    RETURN = "r"  #: where a mail comes back to: its delivery or notice


@dataclass(frozen=True)
class Keys:
    """The secrets that links are signed with: the newest signs, all of them are good.

    An unsubscribe link never ends, so no key is ever thrown away.
    """

    secrets: Mapping[int, bytes]  #: number (1 to 255) → at least 32 bytes

    @cached_property
    def newest(self) -> int:
        """The number of the key that signs."""
        return max(self.secrets)

    @cached_property
    def signing(self) -> Mapping[int, hmac.HMAC]:
        """Number → what a link's signature starts from."""
        return {number: hmac.new(key, b"link\0", sha256) for number, key in self.secrets.items()}

    def fingerprint(self, kind: str, value: str) -> str:
        """A keyed hash, 32 hexadecimal digits: the same for the same value as long as we live.

        By it something is known again that is not kept: an address that must never be written to.
        """
        # The oldest key, since that one stays when others come.
        secret = self.secrets[min(self.secrets)]
        said = f"fingerprint\0{kind}\0{value}".encode()
        return hmac.new(secret, said, sha256).hexdigest()[:32]


def sign(keys: Keys, purpose: Purpose, id: str, until: datetime | None = None) -> str:
    """A token for whom `id` names (16 hexadecimal digits), to the hour; without end where none.

    >>> keys = Keys({1: b"?" * 32})
    >>> sign(keys, Purpose.UNSUBSCRIBE, "00112233445566ff")
    'ouaqaejcgncfkzx7aaaaas7lseykh77swamtfvrv'
    """
    return sign_all(keys, [(purpose, id, until)])[0]


def sign_all(keys: Keys, wanted: Iterable[tuple[Purpose, str, datetime | None]]) -> list[str]:
    """Several tokens, in less time than one by one."""
    number = bytes([keys.newest])
    whole: list[bytes] = []
    for purpose, id, until in wanted:
        hours = _NEVER if until is None else max(1, -((EPOCH - until) // _HOUR))
        head = purpose.encode() + number + bytes.fromhex(id) + hours.to_bytes(3)
        whole += (head, _signature(keys, keys.newest, head))
    # 25 bytes are 40 letters, so that each token is by itself what it is among others.
    words = _letters(b"".join(whole))
    return [words[at : at + LENGTH] for at in range(0, len(words), LENGTH)]


def read(keys: Keys, token: str, purpose: Purpose, now: datetime) -> str:
    """Whom a token is for.

    Raises: BadLink, saying what is wrong with it.
    """
    if not re.fullmatch(PATTERN, token.lower(), re.ASCII):
        raise BadLink("this link is not whole; please open it again from the mail")
    whole = base64.b32decode(token.upper())
    head, signature = whole[:-_SIGNATURE_BYTES], whole[-_SIGNATURE_BYTES:]
    number = head[1]
    if number not in keys.secrets or not hmac.compare_digest(
        signature, _signature(keys, number, head)
    ):
        raise BadLink("this link is not one of ours; please open it again from the mail")
    if head[:1] != purpose.encode():
        raise BadLink("this link is for something else; please open it again from the mail")
    id, hours = head[2:10].hex(), int.from_bytes(head[10:13])
    if hours != _NEVER and now > EPOCH + hours * _HOUR:
        raise BadLink("this link has expired; please ask for a new one")
    if id == NOBODY:
        raise BadLink("this link comes from a preview; there is nobody behind it")
    return id


def ends_at(token: str) -> datetime | None:
    """When a token that was read ends; None: never."""
    hours = int.from_bytes(base64.b32decode(token.upper())[10:13])
    return None if hours == _NEVER else EPOCH + hours * _HOUR


def _letters(whole: bytes) -> str:
    """Base 32, in a third of the time that base64.b32encode() takes, which is plain Python."""
    import numpy as np

    bits = np.unpackbits(np.frombuffer(whole, np.uint8)).reshape(-1, 5)
    fives = bits @ np.array((16, 8, 4, 2, 1), np.uint8)
    return bytes(fives).translate(_ALPHABET).decode()


def _signature(keys: Keys, number: int, head: bytes) -> bytes:
    state = keys.signing[number].copy()
    state.update(head)
    return state.digest()[:_SIGNATURE_BYTES]
