"""What a report says, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Fate(StrEnum):
    """What a report says of one recipient."""

    HARD = "hard"  #: the mailbox is not there
    SOFT = "soft"  #: it did not arrive this time
    POLICY = "policy"  #: it is us, or what we write, that is not wanted
    DELAYED = "delayed"  #: they are still at it
    COMPLAINT = "complaint"  #: she says that it is spam
    OPT_OUT = "opt-out"  #: she wants no more of it
    NOTHING = "nothing"  #: it arrived, or nothing follows


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """One recipient of a report. Only its words are; who she is they may not know."""

    address: str  #: where it ended; empty: taken out, or not said
    original: str = ""  #: where it was sent to, if they say so
    action: str = ""
    fate: Fate = Fate.NOTHING
    status: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a mail reports."""

    kind: Literal["bounce", "complaint", "other"] = "other"
    recipients: tuple[Returned, ...] = ()
    tokens: tuple[str, ...] = ()  #: in the addresses it was sent to, then in the returned mail
    message_ids: tuple[str, ...] = ()  #: of the returned mail, without brackets
