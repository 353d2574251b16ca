"""The bytes of a report → what became of which mail; and what follows from it. Pure.

Anybody can write a report, so nothing follows from an address in one: whoever asks for a delivery
needs a token or a Message-ID, which only who got the mail can know.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from email.message import Message
from typing import Literal

from digest import arrivals, tokens
from digest.bounce.parts import Fields, Mail, fields, raw
from digest.bounce.report import Fate, Report, Returned
from digest.bounce.standard import complaint, failures, recipient_blocks
from digest.bounce.words import told
from digest.types import Suppression

__all__ = ["Decision", "Fate", "Report", "Returned", "about", "decide", "read"]

MAX_BYTES = 300_000  #: what stands further down of a report is not read
SOFT_DAYS, SOFT_WITHIN_DAYS = 5, 90  #: days with a soft bounce that end it, within so many
_MAX_TOKENS = 10


def read(content: bytes, recipients: Sequence[str] = ()) -> Report:
    """Read a mail. `recipients` are what a mail server says besides of whom it was sent to."""
    content = content[:MAX_BYTES]
    if not arrivals.is_plain(content):
        return Report()
    try:
        return _read(arrivals.parsed(content), recipients)
    # The parser of the standard library fails on some mails in ways that nobody listed.
    except Exception:
        return Report()


def _read(message: Message, recipients: Sequence[str]) -> Report:
    mail = Mail(message)
    if mail.is_report and (said := mail.part("message/feedback-report")):
        report = Report(kind="complaint", recipients=complaint(fields(raw(said))))
    elif mail.is_report and (blocks := recipient_blocks(mail)):
        report = Report(kind="bounce", recipients=failures(blocks, mail.human))
    elif mail.is_report and mail.says == "delivery-status":
        report = Report(kind="bounce")
    elif mail.is_from_machine:
        report = Report(kind="bounce", recipients=told(mail))
    else:
        return Report()
    returned = mail.returned
    about = arrivals.values(message, "in-reply-to") + arrivals.values(message, "references")
    ids = [*returned.get("message-id", ()), *(about if report.kind == "bounce" else ())]
    own = arrivals.addressed(message, recipients)
    return replace(report, tokens=_tokens(own, returned), message_ids=_ids(ids))


# --- what leads to the delivery ------------------------------------------------------------------


def _tokens(own: Sequence[str], returned: Fields) -> tuple[str, ...]:
    said = " ".join(
        value
        for name in ("return-path", "list-unsubscribe", "reply-to")
        for value in returned.get(name, ())
    )
    found = re.findall(rf"[+/]({tokens.PATTERN})(?![a-z2-7])", said.lower(), re.ASCII)
    return tuple(dict.fromkeys([*own, *found]))[:_MAX_TOKENS]


def _ids(values: Sequence[str]) -> tuple[str, ...]:
    found = re.findall(r"<?([!-;=?A-~]{1,120}@[!-;=?A-~]{1,120})>?", " ".join(values)[:2000])
    return tuple(dict.fromkeys(found))[:_MAX_TOKENS]


# --- what follows --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is done about a delivery that a report tells of."""

    has_failed: bool = False  #: it did not arrive, so its papers are owed again
    counts: bool = False  #: a day with a soft bounce
    suppress: Suppression | None = None
    leaves: Literal["", "digest", "all"] = ""


def decide(fate: Fate, soft_days: int = 0) -> Decision:
    """What follows; `soft_days` are the days with a soft bounce of late, this one included."""
    if fate is Fate.HARD:
        return Decision(has_failed=True, suppress=Suppression.BOUNCE)
    if fate is Fate.SOFT:
        is_enough = soft_days >= SOFT_DAYS
        return Decision(
            has_failed=True, counts=True, suppress=Suppression.BOUNCE if is_enough else None
        )
    if fate is Fate.POLICY:
        return Decision(has_failed=True)
    if fate is Fate.COMPLAINT:
        return Decision(suppress=Suppression.COMPLAINT, leaves="all")
    return Decision(leaves="digest") if fate is Fate.OPT_OUT else Decision()


def about(report: Report, address: str) -> Returned | None:
    """What a report says of the one whom its mail was sent to.

    One recipient is she, whatever the address: her mail may be passed on. Of several it is the
    one with her address; where that is none of them, only what is true of all.
    """
    mine = [
        one
        for one in report.recipients
        if address.lower() in (one.address.lower(), one.original.lower())
    ]
    some = mine or list(report.recipients)
    return some[0] if len({one.fate for one in some}) == 1 else None
