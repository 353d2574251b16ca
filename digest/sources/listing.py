"""From which day entries are owed, for sources that announce without a calendar. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date

from digest.types import RETRY, Answer, Ask, Entry, Failure, Page, Reading, Reason

FIRST = "first reading: only the newest day counts as new"


def today(ask: Ask) -> date:
    """The UTC date at `ask.now`."""
    return ask.now.astimezone(UTC).date()


def listed(entries: Iterable[Entry], ask: Ask) -> tuple[Entry, ...]:
    """The entries with the day from which they are owed; replacements are owed to nobody.

    Whatever turns up after the first reading is owed from the day it turned up: services post
    late and under old dates. On the first reading only the newest day there is counts as new.
    """
    # A date in the future is a mistake; it must not make its paper the newest.
    kept = tuple(replace(e, announced_on=min(e.announced_on, today(ask))) for e in entries)
    news = [e for e in kept if e.announce not in ("replace", "replace-cross")]
    newest = max((e.announced_on for e in news), default=today(ask))

    def day(entry: Entry) -> date | None:
        if entry.announce in ("replace", "replace-cross"):
            return None
        is_old = ask.is_first and entry.announced_on < newest
        return entry.announced_on if is_old else today(ask)

    return tuple(replace(e, listed_on=day(e)) for e in kept)


def reading(ask: Ask, answers: Sequence[Answer]) -> Reading:
    """The sum of all answers: their entries, and the reason where one failed or none had any."""
    pages = [a for a in answers if isinstance(a, Page)]
    failures = [a for a in answers if isinstance(a, Failure)]
    entries = listed((e for page in pages for e in page.entries), ask)
    notes = dict.fromkeys([f.detail for f in failures] + [p.note for p in pages if p.note])
    if ask.is_first and entries:
        notes[FIRST] = None
    return Reading(
        source=ask.source,
        reason=_reason(ask, pages, failures, entries),
        entries=entries,
        detail="; ".join(notes),
        again_at=ask.now + RETRY if failures else None,
    )


def _reason(
    ask: Ask, pages: Sequence[Page], failures: Sequence[Failure], entries: Sequence[Entry]
) -> Reason:
    if failures:
        is_blocked = any(f.reason is Reason.BLOCKED for f in failures)
        return Reason.BLOCKED if is_blocked else Reason.DOWN
    if any(e.listed_on and not ask.recent.keys() & set(e.aliases) for e in entries):
        return Reason.SENT
    if entries or (pages and all(page.is_unchanged for page in pages)):
        return Reason.ALL_SENT
    return Reason.WEEKEND if today(ask).weekday() >= 5 else Reason.QUIET
