"""Reports as the standards have them. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from digest import arrivals, refusals, text
from digest.bounce.parts import (
    ADDRESS,
    MAX_BLOCKS,
    MAX_RECIPIENTS,
    Fields,
    Mail,
    clean,
    fields,
    raw,
)
from digest.bounce.report import Fate, Returned
from digest.refusals import Kind

_MAX_WORDS = 300  #: letters that are kept of what a server said
_COMPLAINTS = {"abuse": Fate.COMPLAINT, "fraud": Fate.COMPLAINT, "opt-out": Fate.OPT_OUT}


def complaint(block: Fields) -> tuple[Returned, ...]:
    """Source: RFC 5965, 3. What a filter found (virus, auth-failure) is no reader's word."""
    said = " ".join(block.get("feedback-type", ())).lower()
    kind = next(iter(re.findall(r"[a-z-]+", said)), "")
    whom = [_address(one) for one in block.get("original-rcpt-to", ())[:MAX_RECIPIENTS]] or [""]
    fate = _COMPLAINTS.get(kind, Fate.NOTHING)
    return tuple(Returned(address=one, action=kind, fate=fate, words=kind) for one in whom)


def recipient_blocks(mail: Mail) -> list[Fields]:
    """Source: RFC 3464, 2.1: a block about the mail, then one for each recipient."""
    part = mail.part(arrivals.STATUS)
    if part:
        said = raw(part)
    elif mail.says == "delivery-status":
        held = mail.message.get_payload()  # a boundary that is not the one announced
        said = clean(held) if isinstance(held, str) else ""
    else:
        return []
    blocks = [fields(one) for one in re.split(r"\n[ \t]*\n", said)[:MAX_BLOCKS]]
    names = {"final-recipient", "original-recipient"}
    return [one for one in blocks if one.keys() & names][:MAX_RECIPIENTS]


def failures(blocks: Sequence[Fields], human: str) -> tuple[Returned, ...]:
    """One for each recipient's block; `human` is what people are told."""
    is_only = len(blocks) == 1
    return tuple(_failure(one, human if is_only else "") for one in blocks)


def _failure(block: Fields, human: str) -> Returned:
    def said(name: str) -> str:
        return " ".join(block.get(name, ())[:1])

    original = _address(said("original-recipient"))
    address = _address(said("final-recipient")) or original
    words = said("diagnostic-code").partition(";")[2].strip() or said("diagnostic-code")
    status = next(iter(re.findall(r"[245]\.\d{1,3}\.\d{1,3}", said("status"))), "")
    action = next(iter(re.findall(r"[a-z]+", said("action").lower())), "")
    if not action and status.startswith("5"):
        action = "failed"
    told = Returned(address=address, original=original, action=action, status=status)
    if action == "failed":
        is_vague = not status or status.endswith(".0.0")
        return judged(told, words or (human if is_vague else ""), status)
    fate = Fate.DELAYED if action == "delayed" else Fate.NOTHING
    return replace(told, fate=fate, words=kept(words))


_FATES = {Kind.DEAD: Fate.HARD, Kind.POLICY: Fate.POLICY, Kind.SOFT: Fate.SOFT}


def judged(told: Returned, words: str, status: str = "") -> Returned:
    """A recipient whom it did not reach, with what the words make of that."""
    # Without a code the status says whether they gave up; without either they did.
    code = refusals.code_in(words) or (0 if status or refusals.status_in(words) else 500)
    found = refusals.judge(code, words, status)
    return replace(
        told,
        action="failed",
        fate=_FATES[found.kind],
        status=found.status or status,
        words=kept(words),
    )


def kept(words: str) -> str:
    """What is kept of words: one line."""
    return text.line(words[: 4 * _MAX_WORDS])[:_MAX_WORDS]


def _address(said: str) -> str:
    found = ADDRESS.search(said[:2000].partition(";")[2] or said[:2000])
    return found[0] if found else ""
