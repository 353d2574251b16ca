"""run_due(): what is due is done, once, whoever asks and however often."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from digest import plan
from digest.errors import DigestError
from digest.run import alerting, building, pruning, reporting, slots
from digest.run.building import Built, build
from digest.run.editing import releases
from digest.run.reading import fetch
from digest.run.sending import Sent, send, transport_of
from digest.run.setup import Setup
from digest.run.summarizing import make_ready
from digest.store import issues, schedules
from digest.types import RETRY, Due, Issue, Reason, Report, SourceReport

log = logging.getLogger(__name__)

HOUSEKEEPING_EVERY = timedelta(days=1)


def run_due(setup: Setup, *, is_sending: bool = True) -> list[Report]:
    """Do what is due: drafts, slots of schedules, readers' own hours; a report of each, kept.

    Any number of processes may call it at once; where one died, the next goes on. Without
    `is_sending` mails are only queued, for whoever sends.
    """
    slots.sync(setup)
    try:
        return _do(setup, is_sending=is_sending)
    finally:
        # Not before: after days of nothing it is only now that the newest slot goes out. But also
        # where nothing can be done at all, since that is what is to be heard of.
        alerting.alert(setup)


def _do(setup: Setup, *, is_sending: bool) -> list[Report]:
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
    _keep_house(setup)
    return [one.report for one in done]


def _keep_house(setup: Setup) -> None:
    """Once a day, forget what is no longer needed."""
    with setup.store.read() as connection:
        names = [row.digest for row in schedules.due(connection, setup.now)]
    if slots.HOUSEKEEPING not in names:
        return
    # First the note: where it fails it is to fail once a day, and not each minute.
    with setup.store.write() as connection:
        schedules.go_on(connection, slots.HOUSEKEEPING, setup.now + HOUSEKEEPING_EVERY)
    try:
        gone = {what: number for what, number in pruning.prune(setup).items() if number}
    except (DigestError, OSError):
        log.exception("what is no longer needed could not be removed; that is tried again tomorrow")
    else:
        log.info("removed what is no longer needed: %s", gone or "nothing", extra={"counts": gone})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    """What became of one digest in a turn."""

    report: Report
    at: datetime  #: of the report: that of a draft is brought up to date
    built: Built | None = None  #: where there are mails to send
    note: str = ""  #: what else is to be said
    why: Reason | None = None  #: for nothing, whatever mails there were besides

    def after(self, setup: Setup, sent: Sent) -> _Done:
        """The same once its mails were sent."""
        if self.built is None:
            return self
        name, slot, found = self.report.digest, self.report.slot, self.report.sources
        report = reporting.report(setup, name, slot, self.built, found, sent)
        detail = "; ".join(filter(None, (self.note, report.detail)))
        reason = self.why if self.why and not report.has_failed else report.reason
        return replace(self, report=replace(report, reason=reason, detail=detail))


def _keep(setup: Setup, done: Sequence[_Done]) -> None:
    with setup.store.write() as connection:
        for one in done:
            slots.keep_report(connection, one.report, one.at)


def _drafts(setup: Setup) -> list[_Done]:
    """Let those out whose time has come though nobody approved them."""
    done = []
    with setup.store.read() as connection:
        waiting = issues.drafts(connection)
    for name in waiting.keys() & setup.config.digests.keys():
        try:
            for draft, built in releases(setup, [name]):
                report = reporting.report(setup, draft.digest, draft.slot, built, [], None)
                done.append(_Done(report=report, built=built, at=draft.made_at))
        except Exception as why:  # of one digest; the others go on
            _log(why, "digest %s: its draft is tried again", name)
            with setup.store.write() as connection:
                issues.put_off_draft(connection, name, setup.now + RETRY)
    _keep(setup, done)
    return done


def _slots(setup: Setup) -> list[_Done]:
    """Fetch for all slots whose hour has come, and make what they give."""
    works, missed = slots.works(setup)
    done = [_Done(report=report, at=setup.now) for report in missed]
    found, broken = _fetched(setup, [work.digest for work in works])
    for work in works:
        setup.notify(f"building {work.digest}")
        try:
            if why := broken.get(work.digest):
                raise why
            done += _slot(setup, work, of_digest(setup, work.digest, found))
        except Exception as why:  # of one digest; the others go on
            _log(why, "digest %s: slot %s is tried again", work.digest, work.slot.key)
            done.append(_Done(report=slots.failed(setup, work, _words(why)), at=setup.now))
    return done


def _fetched(
    setup: Setup, names: Sequence[str]
) -> tuple[dict[str, SourceReport], dict[str, Exception]]:
    """What the sources of all say; and the digests whose sources cannot be asked, and why not."""
    if not names:
        return {}, {}
    try:
        return fetch(setup, names), {}
    except Exception:  # one is to blame, or some
        log.debug("the digests are fetched for one by one", exc_info=True)
    found: dict[str, SourceReport] = {}
    broken: dict[str, Exception] = {}
    for name in names:
        try:
            found |= fetch(setup, [name])
        except Exception as why:
            broken[name] = why
    return found, broken


def _log(why: Exception, words: str, *values: object) -> None:
    """What went wrong with one digest: with a traceback where it is a fault of this program."""
    if isinstance(why, DigestError):
        log.error(f"{words}: %s", *values, why)
    else:
        log.error(words, *values, exc_info=why)


def _words(why: Exception) -> str:
    return str(why) if isinstance(why, DigestError) else f"{type(why).__name__}: {why}"


def _slot(setup: Setup, work: Due, sources: Sequence[SourceReport]) -> list[_Done]:
    name, key = work.digest, work.slot.key
    built = build(setup, name, key, work)
    if built.is_taken:
        return []
    if built.issue or built.draft:
        report = reporting.report(setup, name, key, built, sources, None)
        note = slots.lateness(setup, work)
        report = replace(report, detail="; ".join(filter(None, (note, report.detail))))
        slots.settled(setup, work, report, None)
        return [_Done(report=report, built=built, note=note, at=setup.now)]
    return _nothing(setup, work, built, sources)


def _nothing(setup: Setup, work: Due, built: Built, sources: Sequence[SourceReport]) -> list[_Done]:
    """There is no issue: wait for one, or say why, to readers too where they want to hear it."""
    name, key = work.digest, work.slot.key
    # Readers may have got what they were owed before; that is no reason for there being nothing.
    report = reporting.report(setup, name, key, replace(built, queued=0), sources, None)
    why = report.reason
    notes = [f"what was left for {built.queued} went out"] if built.queued else []
    wait = timedelta(hours=setup.config.digests[name].wait_hours)
    if until := plan.wait_until(sources, work.slot, wait, setup.now):
        report = replace(report, detail="; ".join(filter(None, (*notes, report.detail))))
        report = slots.waits(setup, work, report, until)
        notes.append(slots.again(setup, work, until))
    else:
        notes.insert(0, slots.lateness(setup, work, is_in_vain=True))
        report = replace(report, detail="; ".join(filter(None, (*notes, report.detail))))
        told = _told(setup, work, why) if setup.config.digests[name].send_empty else None
        if not slots.settled(setup, work, report, why, told):
            return []
        if told and (number := building.go_on(setup, name, told.id)):
            built = replace(built, queued=built.queued + number)
            notes.append("readers are told why")
    note = "; ".join(filter(None, notes))
    sends = built if built.queued else None
    return [_Done(report=report, built=sends, note=note, why=why, at=setup.now)]


def _told(setup: Setup, work: Due, why: Reason) -> Issue:
    """What readers are told of a slot without papers."""
    name = work.digest
    with setup.store.read() as connection:
        free = plan.free_slot(work.slot.key, issues.taken_slots(connection, name))
    title = setup.config.title(name)
    return Issue(digest=name, slot=free, title=title, made_at=setup.now, items=(), note=str(why))


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
            try:
                found[row.digest] = building.go_on(setup, row.digest, row.id)
            except Exception as why:  # of one issue; the others go on
                _log(why, "issue %s: what is left of its readers is tried again", row.id)
    for name in names:
        if name in setup.config.digests:
            try:
                found[name] = found.get(name, 0) + building.catch_up(setup, name)
            except Exception as why:  # of one digest; the others go on
                _log(why, "digest %s: readers whose hour has come are tried again", name)
                with setup.store.write() as connection:
                    schedules.put_off_readers(connection, name, setup.now, setup.now + RETRY)
    return {name: number for name, number in found.items() if number}


def is_any(setup: Setup) -> bool:
    """Is anything due? Asked every minute, so it costs next to nothing."""
    ours = setup.config.digests.keys()
    with setup.store.read() as connection:
        return bool(
            {row.digest for row in schedules.due(connection, setup.now)}
            & {*ours, slots.HOUSEKEEPING}
            or ours & schedules.digests_with_readers_due(connection, setup.now)
            or ours & {row.digest for row in issues.unqueued(connection)}
            or any(
                until <= setup.now and name in ours
                for name, until in issues.drafts(connection).items()
            )
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
