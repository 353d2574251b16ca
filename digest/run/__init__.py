"""The order of the stages: fetch(), build(), send(), run(), which is all three, and run_due().

Each gathers what it needs, has the pure stages decide, and applies what they say in one
transaction. Nothing here knows how a stage decides; nothing elsewhere knows the order.
"""

from __future__ import annotations

from collections.abc import Mapping

from digest.run import notifying, reporting, subscribing
from digest.run.building import Built, build, rank, with_picks
from digest.run.due import check, of_digest, run_due
from digest.run.editing import approve, drop, overdue, pick, unpick
from digest.run.editions import caps, fit
from digest.run.encoding import Encoding
from digest.run.learning import Opinion, as_seen_by, find, opine, opinions_of, reader_id
from digest.run.matching import Matched, match, match_without_store
from digest.run.reading import fetch
from digest.run.reporting import exit_code, source_words, sources_exit_code, waits, words
from digest.run.sending import send
from digest.run.setup import Setup
from digest.run.summarizing import fallbacks, make_ready, summarize, without_store
from digest.store import issues
from digest.store import sending as sending_rows
from digest.types import Report

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
    "drop",
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
    "run_due",
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


def run(setup: Setup, slots: Mapping[str, str]) -> list[Report]:
    """Fetch, build and send the digests of `slots` (name → slot) now; one report each, kept.

    Drafts of theirs whose time has come go out before, with a report of their own.
    """
    check(setup)
    reports = overdue(setup, slots)
    found = fetch(setup, list(slots))
    built: dict[str, Built] = {}
    for name, slot in slots.items():
        setup.notify(f"building {name}")
        built[name] = build(setup, name, slot)
    sent = send(setup, [one.issue for one in built.values() if one.issue])
    for name, slot in slots.items():
        report = reporting.report(
            setup, name, slot, built[name], of_digest(setup, name, found), sent
        )
        # While a draft waits no slot is done with but its own.
        draft = built[name].draft
        slot, at = (draft.slot, draft.made_at) if draft else (slot, setup.now)
        with setup.store.write() as connection:
            issues.report(connection, name, slot, report.reason, words(report), at)
        reporting.tell(report)
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
