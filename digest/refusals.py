"""What a mail server's refusal means: the words of SMTP replies and of bounces. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Who or what is to blame."""

    DEAD = "dead"  #: there is no such mailbox, and never will be
    POLICY = "policy"  #: it is us, or what we write, that is not wanted
    SOFT = "soft"  #: full, busy, too large, or nobody knows


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A refusal, understood."""

    kind: Kind
    is_final: bool  #: the same mail will be refused again (5xx)
    status: str = ""  #: "5.1.1", where it was said
    wait_s: float | None = None  #: how long the server asked us to wait


def judge(code: int, words: str, status: str = "") -> Refusal:
    """Read a reply: its three digits, its words, and the enhanced status if it is not in them."""
    is_final = 500 <= code <= 599
    return Refusal(kind=Kind.SOFT, is_final=is_final, status=status)
