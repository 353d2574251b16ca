"""build(): the issue that a slot's papers give, and a delivery for each of its readers.

Where a digest is reviewed, the issue is a draft first, and release() makes the deliveries.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from digest import compose, plan
from digest.run import editions, encoding, learning
from digest.run.matching import Matched
from digest.run.setup import Setup
from digest.run.summarizing import summarize
from digest.sources import calendar
from digest.store import Connection, issues, ledger, picks, schedules
from digest.store import papers as paper_rows
from digest.types import Due, Issue, Pick, Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What a build came to."""

    issue: Issue | None = None  #: that goes out
    is_taken: bool = False  #: somebody else has settled the slot meanwhile
    draft: Issue | None = None  #: that waits for an editor, made now or before
    queued: int = 0
    readers: int = 0
    looked_at: int = 0  #: papers that were in no issue before
    matched: int = 0
    warnings: tuple[str, ...] = ()


class _Taken(Exception):
    """The slot is settled; what was made for it is not to be kept."""


def build(setup: Setup, name: str, slot: str, due: Due | None = None) -> Built:
    """Make the issue that a slot's papers give, and queue a delivery for each of its readers.

    While a draft waits there is no other issue: what comes meanwhile is in the next one. With
    `due` the slot is settled by the transaction that keeps the issue.
    """
    try:
        return _build(setup, name, slot, due)
    except _Taken:
        return Built(is_taken=True)


def _build(setup: Setup, name: str, slot: str, due: Due | None) -> Built:
    store, digest = setup.store, setup.config.digests[name]
    # One build at a time over the whole store: what one reader is owed depends on what all
    # digests have queued for her.
    with store.exclusive("build"):
        with store.write() as connection:
            # Who had herself erased is not to be known again because she stands in a file.
            to = editions.writable(setup, connection, digest.to)
            ledger.sync_operator_readers(connection, name, to, setup.now, setup.new_id)
            draft = issues.draft(connection, name)
        if draft:
            return replace(_queue(setup, name, None), draft=draft)
        with store.write() as connection:
            today = calendar.newest_feed_day(setup.now)
            # What came before the last run was held against the old topics then.
            ran_at = issues.last_run_at(connection, name)
            changed = calendar.newest_feed_day(ran_at) if ran_at else today
            # A digest new to a store that holds papers begins with the newest day there.
            newest = paper_rows.newest_listing(connection, digest.sources) or today
            first = min(today, newest)
            since = issues.since(connection, name, digest.definition, first, changed)
        since = max(since, today - plan.LOOK_BACK)
        with store.read() as connection:
            until = due.until if due else None
            fresh = list(paper_rows.candidates(connection, name, digest.sources, since, until))
            again = list(paper_rows.revised(connection, name)) if digest.revised else []
            slot = plan.free_slot(slot, issues.taken_slots(connection, name))
            chosen = picks.waiting(connection, name)
        matched = learning.find(setup, name, digest.interest, fresh)
        ranked = rank(setup, name, matched, chosen)
        issue = None
        warnings = matched.warnings
        if ranked:
            said = summarize(setup, [place.paper for place in ranked] + again)
            title = setup.config.title(name)
            issue = compose.issue(name, slot, title, setup.now, ranked, again, said.summaries)
            warnings = (*warnings, *said.warnings)
        if issue and digest.review:
            built = _queue(setup, name, None)
            until = setup.now + timedelta(hours=digest.review_hours)
            draft = replace(issue, draft_until=until)
            with store.write() as connection:
                issues.save(connection, draft)
                _settle(setup, connection, due, draft)
        else:
            built = _queue(setup, name, issue, due)
    return replace(
        built,
        draft=draft,
        looked_at=matched.looked_at,
        matched=len(ranked),
        warnings=(*warnings, *built.warnings),
    )


def release(setup: Setup, name: str, draft: Issue) -> Built | None:
    """Let a draft out with the picks as they are now, and queue its deliveries.

    None if it is a draft no more: somebody else was quicker.
    """
    with setup.store.exclusive("build"):
        with setup.store.read() as connection:
            found = issues.draft(connection, name)
        if found is None or found.id != draft.id:
            return None
        issue, warnings = with_picks(setup, found)
        issue = replace(issue, made_at=setup.now, draft_until=None)
        if all(item.is_revision for item in issue.items):  # its only papers were picks
            with setup.store.write() as connection:
                issues.drop(connection, draft.id)
            return Built(warnings=("no paper is left in the draft",))
        built = _queue(setup, name, issue)
    return replace(built, warnings=(*warnings, *built.warnings))


def with_picks(setup: Setup, draft: Issue) -> tuple[Issue, tuple[str, ...]]:
    """A draft as it would go out now, and what was odd about it."""
    with setup.store.read() as connection:
        chosen = picks.waiting(connection, draft.digest)
    known = {item.paper.id for item in draft.items if not item.is_revision}
    said = summarize(setup, [pick.paper for pick in chosen if pick.paper.id not in known])
    issue = compose.with_picks(draft, chosen, setup.now.date(), said.summaries)
    return issue, said.warnings


def rank(
    setup: Setup,
    name: str,
    matched: Matched,
    chosen: Sequence[Pick] = (),
    *,
    today: date | None = None,
) -> list[compose.Ranked]:
    """The order of a digest's papers, now or on a day."""
    digest = setup.config.digests[name]
    vectors = encoding.papers(setup, [pick.paper for pick in chosen]) if chosen else {}
    return compose.rank(
        matched.matches,
        today=today or setup.now.date(),
        vectors={**matched.vectors, **vectors},
        picks=chosen,
        authors=digest.authors,
    )


def welcome(setup: Setup, name: str, subscribers: Collection[str]) -> frozenset[str]:
    """Queue the latest issue for who has just confirmed; returns for whom there was one."""
    with setup.store.exclusive("build"):
        return editions.queue(setup, name, None, subscribers).got


def catch_up(setup: Setup, name: str) -> int:
    """Queue what waits for readers whose hour has come; returns for how many."""
    with setup.store.exclusive("build"):
        return editions.queue(setup, name, None, is_own_hour=True).queued


def go_on(setup: Setup, name: str, issue_id: str) -> int:
    """Queue an issue for those of its readers whom a process that died had not looked at."""
    with setup.store.exclusive("build"):
        with setup.store.read() as connection:
            issue = issues.load(connection, issue_id)
        assert issue is not None  # nothing takes an issue away that is not queued
        queued = (
            editions.tell(setup, issue) if issue.note else editions.queue(setup, name, issue).queued
        )
        with setup.store.write() as connection:
            issues.set_queued(connection, issue_id)
        return queued


def _queue(setup: Setup, name: str, issue: Issue | None, due: Due | None = None) -> Built:
    def keep(connection: Connection, is_queued: bool) -> None:
        if issue:
            issues.save(connection, issue, is_queued=is_queued)
            schedules.released(connection, name, issue.id)
            picks.use(connection, name, issue.id)
            _settle(setup, connection, due, issue)

    found = editions.queue(setup, name, issue, keep=keep)
    with setup.store.read() as connection:
        readers = ledger.count_readers(connection, name)
    return Built(issue=issue, queued=found.queued, readers=readers, warnings=found.warnings)


def _settle(setup: Setup, connection: Connection, due: Due | None, issue: Issue) -> None:
    outcome = Reason.NOT_DUE if issue.draft_until else Reason.SENT
    if due and not schedules.settle(connection, due.digest, due.slot, outcome, setup.now, issue.id):
        raise _Taken
