"""The order of the stages: fetch(), build(), send(), and run(), which is all three.

Each gathers what it needs, has the pure stages decide, and applies what they say in one
transaction. Nothing here knows how a stage decides; nothing elsewhere knows the order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from digest import plan
from digest.run import building, notifying, reporting, subscribing
from digest.run.building import Built, build, rank, with_picks
from digest.run.editing import approve, drop, overdue, pick, unpick
from digest.run.editions import caps, fit
from digest.run.encoding import Encoding
from digest.run.learning import Opinion, as_seen_by, find, opine, opinions_of, reader_id
from digest.run.matching import Matched, match, match_without_store
from digest.run.reading import fetch
from digest.run.reporting import exit_code, source_words, sources_exit_code, waits, words
from digest.run.sending import send, transport_of
from digest.run.setup import Setup
from digest.run.summarizing import fallbacks, make_ready, summarize, without_store
from digest.store import Connection, issues
from digest.store import sending as sending_rows
from digest.types import Reason, Report

__all__ = [
    "Encoding",
    "Matched",
    "Opinion",
    "Setup",
    "approve",
    "as_seen_by",
    "attend",
    "build",
    "caps",
    "catch_up",
    "drop",
    "due",
    "exit_code",
    "fallbacks",
    "fetch",
    "find",
    "fit",
    "make_ready",
    "match",
    "match_without_store",
    "opine",
    "opinions_of",
    "overdue",
    "pick",
    "rank",
    "reader_id",
    "run",
    "send",
    "source_words",
    "sources_exit_code",
    "summarize",
    "unpick",
    "waits",
    "with_picks",
    "without_store",
    "words",
]

RETRY_AFTER = timedelta(minutes=15)  #: before a slot that came to nothing is tried again


def run(setup: Setup, slots: Mapping[str, str]) -> list[Report]:
    """Fetch, build and send the digests of `slots` (name → slot); one report each, kept.

    Drafts of theirs whose time has come go out before, with a report of their own.
    """
    # What cannot be sent or summarized is said before anything is asked or stored.
    transport_of(setup.config)
    if setup.config.dkim.selector:
        assert setup.signing_key
    make_ready(setup.summarizer, setup.config.language)
    reports = overdue(setup, slots)
    found = fetch(setup, list(slots))
    built: dict[str, Built] = {}
    for name, slot in slots.items():
        setup.notify(f"building {name}")
        built[name] = build(setup, name, slot)
    sent = send(setup, [one.issue for one in built.values() if one.issue])
    for name, slot in slots.items():
        mine = [found[source] for source in setup.config.digests[name].sources]
        report = reporting.report(setup, name, slot, built[name], mine, sent)
        # While a draft waits no slot is done with but its own.
        draft = built[name].draft
        slot, at = (draft.slot, draft.made_at) if draft else (slot, setup.now)
        with setup.store.write() as connection:
            issues.report(connection, name, slot, report.reason, words(report), at)
        reports.append(report)
    return reports


def catch_up(setup: Setup, names: Sequence[str]) -> list[Report]:
    """Send what waits for readers whose own hour or day has come; a report where there was any."""
    queued = {name: found for name in names if (found := building.catch_up(setup, name))}
    if not queued:
        return []
    sent = send(setup)
    reports = []
    for name, readers in queued.items():
        with setup.store.read() as connection:
            latest = issues.latest(connection, name)
        assert latest is not None  # something of it was queued
        problems = sent.problems.get(name, [])
        report = Report(
            digest=name,
            slot=latest.slot,
            reason=Reason.SENT,
            mails=sent.mails.get(name, 0),
            has_failed=bool(problems),
            detail="; ".join([f"for {readers} whose own hour has come", *problems]),
        )
        reports.append(report)
    return reports


def attend(setup: Setup) -> None:
    """Answer what people asked for, welcome who confirmed, and forget what is no longer needed."""
    subscribing.answer(setup)
    notifying.post(setup)
    notifying.welcome(setup)
    with setup.store.read() as connection:
        is_due = sending_rows.is_due(connection, setup.now)
    if is_due:
        send(setup)
    notifying.forget(setup)


def due(setup: Setup) -> tuple[dict[str, str], list[Report]]:
    """The digests whose slot has come, with it; and why the others' has not.

    Drafts hold up what comes after them; overdue() lets those out whose time has come.
    """
    slots: dict[str, str] = {}
    others: list[Report] = []
    with setup.store.read() as connection:
        for name, digest in setup.config.digests.items():
            slot, why = "", "it has no schedule; `digest run NAME` runs it now"
            if digest.schedule:
                schedule = plan.parse_schedule(digest.schedule, digest.timezone)
                past = schedule.slots(setup.now - plan.LOOK_BACK, setup.now)
                slot = past[-1] if past else ""
                why = _why_not(connection, name, slot, setup.now)
            if draft := issues.draft(connection, name):
                why = waits(setup, draft)
            if why:
                others.append(Report(digest=name, slot=slot, reason=Reason.NOT_DUE, detail=why))
            else:
                slots[name] = slot
    return slots, others


def _why_not(connection: Connection, name: str, slot: str, now: datetime) -> str:
    if not slot:
        return "its first slot is yet to come"
    if issues.is_done_with(connection, name, slot):
        return f"the slot {slot} is done with"
    tried_at = issues.last_run_at(connection, name, slot)
    if tried_at and now - tried_at < RETRY_AFTER:
        return f"the slot {slot} was tried at {tried_at:%H:%M} UTC and is tried again soon"
    return ""
