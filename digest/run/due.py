"""run_due(): what is due is done, once, whoever asks and however often."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from digest import plan
from digest.errors import Permanent, Temporary
from digest.run import alerting, building, reporting, slots
from digest.run.building import Built, build
from digest.run.editing import releases
from digest.run.reading import fetch
from digest.run.sending import Sent, send, transport_of
from digest.run.setup import Setup
from digest.run.summarizing import make_ready
from digest.store import issues, schedules
from digest.types import Due, Reason, Report, SourceReport

log = logging.getLogger(__name__)


HOUSEKEEPING = "*housekeeping"  #: no digest can be called so
HOUSEKEEPING_EVERY = timedelta(days=1)


def run_due(setup: Setup, *, is_sending: bool = True) -> list[Report]:
    """Do what is due: drafts, slots of schedules, readers' own hours; a report of each, kept.

    Any number of processes may call it at once; where one died, the next goes on. Without
    `is_sending` mails are only queued, for whoever sends.
    """
    slots.sync(setup)
    alerting.alert(setup)
    if not is_any(setup):
        return []
    check(setup)
    with setup.store.exclusive("due"):
        done = [*_drafts(setup), *_slots(setup), *_own_hours(setup)]
    fresh = [one.built.issue for one in done if one.built and one.built.issue]
    if is_sending and any(one.built for one in done):
        sent = send(setup, fresh)
        done = [one.after(setup, sent) for one in done]
        _keep(setup, done)
    for one in done:
        reporting.tell(one.report)
    return [one.report for one in done]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    """What became of one digest in a turn."""

    report: Report
    at: datetime  #: of the report: that of a draft is brought up to date
    built: Built | None = None  #: where there are mails to send
    note: str = ""  #: what else is to be said

    def after(self, setup: Setup, sent: Sent) -> _Done:
        """The same once its mails were sent."""
        if self.built is None:
            return self
        name, slot, found = self.report.digest, self.report.slot, self.report.sources
        report = reporting.report(setup, name, slot, self.built, found, sent)
        detail = "; ".join(filter(None, (self.note, report.detail)))
        return replace(self, report=replace(report, detail=detail))


def _keep(setup: Setup, done: Sequence[_Done]) -> None:
    with setup.store.write() as connection:
        for one in done:
            slots.keep_report(connection, one.report, one.at)


def _drafts(setup: Setup) -> list[_Done]:
    """Let those out whose time has come though nobody approved them."""
    done = []
    for draft, built in releases(setup, setup.config.digests):
        report = reporting.report(setup, draft.digest, draft.slot, built, [], None)
        done.append(_Done(report=report, built=built, at=draft.made_at))
    _keep(setup, done)
    return done


def _slots(setup: Setup) -> list[_Done]:
    """Fetch for all slots whose hour has come, and make what they give."""
    works = list(slots.works(setup))
    found = fetch(setup, [work.digest for work in works]) if works else {}
    done = []
    for work in works:
        setup.notify(f"building {work.digest}")
        try:
            done += _slot(setup, work, of_digest(setup, work.digest, found))
        except (Temporary, Permanent) as why:  # of one digest; the others go on
            log.exception("digest %s: slot %s is tried again", work.digest, work.slot.key)
            done.append(_Done(report=slots.failed(setup, work, str(why)), at=setup.now))
    return done


def _slot(setup: Setup, work: Due, sources: Sequence[SourceReport]) -> list[_Done]:
    name, key = work.digest, work.slot.key
    built = build(setup, name, key, work)
    if built.is_taken:
        return []
    report = reporting.report(setup, name, key, built, sources, None)
    if built.issue or built.draft:
        note = slots.lateness(setup, work)
        report = replace(report, detail="; ".join(filter(None, (note, report.detail))))
        slots.settled(setup, work, report, None)
        return [_Done(report=report, built=built, note=note, at=setup.now)]
    wait = timedelta(hours=setup.config.digests[name].wait_hours)
    if until := plan.wait_until(sources, work.slot, wait, setup.now):
        return [_Done(report=slots.waits(setup, work, report, until), at=setup.now)]
    note = slots.lateness(setup, work)
    report = replace(report, detail="; ".join(filter(None, (note, report.detail))))
    if not slots.settled(setup, work, report, report.reason):
        return []
    if setup.config.digests[name].send_empty:
        built = replace(built, queued=built.queued + _tell(setup, work, report))
    return [_Done(report=report, built=built if built.queued else None, note=note, at=setup.now)]


def _own_hours(setup: Setup) -> list[_Done]:
    """Queue what waits for readers whose own hour has come."""
    done = []
    for name, readers in _queue_own_hours(setup).items():
        with setup.store.read() as connection:
            latest = issues.latest(connection, name)
        assert latest is not None  # something of it was queued
        note = f"for {readers} whose own hour has come"
        report = Report(digest=name, slot=latest.slot, reason=Reason.SENT, detail=note)
        built = Built(queued=readers, readers=readers)
        done.append(_Done(report=report, built=built, note=note, at=setup.now))
    return done


def _queue_own_hours(setup: Setup) -> dict[str, int]:
    """Digest → for how many readers there is something now."""
    with setup.store.read() as connection:
        names = schedules.digests_with_readers_due(connection, setup.now)
        halfway = issues.unqueued(connection)
    found: dict[str, int] = {}
    for row in halfway:
        if row.digest in setup.config.digests:
            found[row.digest] = building.go_on(setup, row.digest, row.id)
    for name in names:
        if name in setup.config.digests:
            found[name] = found.get(name, 0) + building.catch_up(setup, name)
    return {name: number for name, number in found.items() if number}


def _tell(setup: Setup, work: Due, report: Report) -> int:
    return building.tell(setup, work.digest, work.slot.key, report.reason)


def is_any(setup: Setup) -> bool:
    """Is anything due? Asked every minute, so it costs next to nothing."""
    with setup.store.read() as connection:
        return bool(
            schedules.due(connection, setup.now)
            or schedules.digests_with_readers_due(connection, setup.now)
            or issues.unqueued(connection)
            or any(until <= setup.now for until in issues.drafts(connection).values())
        )


def check(setup: Setup) -> None:
    """What cannot be sent or summarized is said before anything is asked or stored."""
    transport_of(setup.config)
    if setup.config.dkim.selector:
        assert setup.signing_key
    make_ready(setup.summarizer, setup.config.language)


def of_digest(setup: Setup, name: str, found: Mapping[str, SourceReport]) -> list[SourceReport]:
    """The reports of a digest's sources."""
    return [found[source] for source in setup.config.digests[name].sources]
