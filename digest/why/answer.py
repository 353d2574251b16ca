"""What is asked, and what is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from digest.run import Setup
from digest.run.outlook import shown
from digest.types import Paper, SubscriberState, Subscription


class Why(StrEnum):
    """Why somebody got a paper, or did not, or not yet."""

    DELIVERED = "delivered"
    PAST_THE_CAP = "past-the-cap"  #: it counts as delivered
    QUEUED = "queued"
    SENDING = "sending"
    DEFERRED = "deferred"
    IN_DOUBT = "in-doubt"
    FAILED = "failed"
    BOUNCED = "bounced"
    WITHDRAWN = "withdrawn"
    HELD = "held"
    CANCELLED = "cancelled"
    DRAFT = "draft"

    UNKNOWN_ADDRESS = "unknown-address"
    ERASED = "erased"
    NOT_SUBSCRIBED = "not-subscribed"
    UNCONFIRMED = "unconfirmed"
    LEFT = "left"
    SUPPRESSED = "suppressed"
    PAUSED = "paused"
    WAITING = "waiting-for-her-hour"
    SENT_ELSEWHERE = "sent-in-another-digest"
    BEFORE_SHE_CAME = "before-she-confirmed"

    UNKNOWN_PAPER = "unknown-paper"
    RETIRED = "retired"
    OTHER_SOURCE = "other-source"
    REPLACEMENT = "replacement"
    BEFORE_THE_DIGEST = "before-the-digest"
    TOO_OLD = "too-old"
    CATEGORY = "category"
    EXCLUDED = "excluded"
    NOT_MATCHED = "not-matched"
    OWN_TOPICS = "own-topics-not-matched"

    NO_SUCH_DIGEST = "no-such-digest"
    NO_SCHEDULE = "no-schedule"
    SLOT_OPEN = "slot-open"
    NEXT = "next"  #: nothing is against it


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Why one digest brought somebody a paper, or did not."""

    digest: str
    why: Why
    words: str
    remedy: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)  #: for machines


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One reader, one paper, one digest."""

    setup: Setup
    digest: str
    address: str
    mark: str  #: the address's in the list of those that are never written to
    paper: Paper
    subscriber: str = ""  #: her id; empty: nobody has the address
    state: SubscriberState | None = None
    has: Subscription | None = None

    @property
    def zone(self) -> str:
        """Hers, or else the digest's."""
        own = self.has.preferences.timezone if self.has else ""
        known = self.setup.config.digests.get(self.digest)
        return own or (known.timezone if known else "UTC")

    def when(self, moment: Any) -> str:
        """A moment in her zone."""
        return shown(moment, self.zone)

    def answer(self, why: Why, words: str, remedy: str = "", **facts: Any) -> Answer:
        """That."""
        plain = {
            key: value.isoformat() if hasattr(value, "isoformat") else value
            for key, value in facts.items()
        }
        return Answer(digest=self.digest, why=why, words=words, remedy=remedy, facts=plain)
