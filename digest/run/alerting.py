"""alert(): the operator hears of a digest that has not gone out for several slots in a row."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from digest import plan
from digest.logs import masked
from digest.run.reporting import waits
from digest.run.setup import Setup
from digest.run.subscribing.answering import queue
from digest.store import Connection, issues, schedules, watching
from digest.types import Reason, Slot

log = logging.getLogger(__name__)

#: After so long mails of an issue should be out, and a slot that nobody settled is overdue.
PATIENCE = timedelta(hours=1)
_MOST_LINES = 10
_MOST_WORDS = 400


@dataclass(frozen=True, slots=True)
class _Lost:
    """A slot on which nothing went out, and why."""

    slot: str
    why: str  #: a reason, "unsent" or "overdue"
    due_at: datetime


@dataclass(slots=True)
class _Streak:
    """The slots since a digest last went out, newest first."""

    lost: list[_Lost]
    has_ended: bool = False  #: it did go out before them
    is_least: bool = False  #: there may be more: nobody counts those that are very old


def alert(setup: Setup) -> list[str]:
    """Tell the operator of each digest that has not gone out for too long, once; returns of which.

    Where nothing is wrong it takes two queries.
    """
    most = setup.config.operator.alert_after
    if not most:
        return []
    mended: set[str] = set()
    lost: dict[str, _Streak] = {}
    with setup.store.read() as connection:
        told = watching.alerted(connection)
        names = [about.partition(":")[2] for about in told]
        rows = watching.doubtful(connection, setup.now + PATIENCE, names)
        rows = [row for row in rows if row.digest in setup.config.digests]
        unsent = watching.unsent(connection, [row.issue_id for row in rows if row.issue_id])
        for row in rows:
            late = overdue(setup, connection, row)
            if late or (row.outcome and not _is_good(row, unsent)):
                if row.outcome in watching.NEUTRAL and not late:
                    continue
                found = _streak(setup, connection, row, late, most)
                if len(found.lost) >= most and _about(row.digest) not in told:
                    lost[row.digest] = found
                if found.has_ended and not found.lost:
                    mended.add(_about(row.digest))
            elif row.outcome:
                mended.add(_about(row.digest))
        lines = {name: _lines(setup, connection, name, found) for name, found in lost.items()}
    gone = {about for about in told if about.partition(":")[2] not in setup.config.digests}
    if over := told & (mended | gone):
        with setup.store.write() as connection:
            watching.mended(connection, over)
    return [name for name, said in lines.items() if _tell(setup, name, lost[name], said)]


def overdue(setup: Setup, connection: Connection, row: Any) -> list[Slot]:
    """The slots of a schedule that should be done with by now and are not, newest first."""
    digest = setup.config.digests[row.digest]
    until = setup.now - timedelta(hours=digest.wait_hours) - PATIENCE
    # While a slot is open, its digest is looked at again and again.
    if row.next_at is None or row.next_at > setup.now + PATIENCE or row.after >= until:
        return []
    after = max(row.after, until - plan.LOOK_BACK)
    first = _next(row.words, row.zone, after)
    if first is None or first.due_at > until:
        return []
    found = plan.parse_schedule(row.words, row.zone).slots(after, until)
    done = schedules.settled(connection, row.digest, [slot.key for slot in found])
    return [slot for slot in reversed(found) if slot.key not in done]


@lru_cache(maxsize=10_000)
def _next(words: str, zone: str, after: datetime) -> Slot | None:
    """Reckoning takes longer than all else here, and from turn to turn it comes to the same."""
    return plan.parse_schedule(words, zone).next(after)


def _about(digest: str) -> str:
    return f"digest:{digest}"


def _is_good(row: Any, unsent: set[str]) -> bool:
    return row.outcome == Reason.SENT and row.issue_id not in unsent


def _streak(
    setup: Setup, connection: Connection, schedule: Any, late: Sequence[Slot], most: int
) -> _Streak:
    found = _Streak([_Lost(slot.key, "overdue", slot.due_at) for slot in late])
    limit = 3 * most + 30
    rows = schedules.last(connection, schedule.digest, limit)
    unsent = watching.unsent(connection, [row.issue_id for row in rows if row.issue_id])
    is_going_out = False
    before: Any = None  #: the newest row that is older than all that are lost
    for row in rows:
        before = before or row
        if _is_good(row, unsent):
            found.has_ended = True
            break
        if row.outcome in watching.NEUTRAL:
            continue
        if row.outcome != Reason.SENT:
            found.lost.append(_Lost(row.slot, row.outcome, row.due_at))
        elif row.settled_at <= setup.now - PATIENCE:
            found.lost.append(_Lost(row.slot, "unsent", row.due_at))
        else:
            is_going_out = True
            continue
        before = None
    if is_going_out and not any(one.why == "unsent" for one in found.lost):
        return _Streak([])  # its mails are on their way, and nothing says that they will not come
    found.is_least = len(rows) == limit and not found.has_ended
    found.is_least |= bool(found.lost) and _is_cut(schedule, before, found.lost[-1].due_at)
    return found


def _is_cut(schedule: Any, before: Any, first: datetime) -> bool:
    """Were there slots before the first that is known to be lost, of which nobody knows?

    Those further back than people are owed anything are not settled any more.
    """
    after = before.due_at if before else schedule.after
    upcoming = _next(schedule.words, schedule.zone, after)
    return upcoming is not None and upcoming.due_at < first


# --- words ---------------------------------------------------------------------------------------


def _lines(setup: Setup, connection: Connection, name: str, streak: _Streak) -> tuple[str, ...]:
    """What the mail says: each slot with its reason, and what to do."""
    words, found = setup.words, streak.lost
    number = str(len(found))
    if streak.is_least:
        number = words["alert.least"].replace("{slots}", number)
    lines = [words["alert.digest"].replace("{name}", name).replace("{slots}", number)]
    for lost in found[:_MOST_LINES]:
        line = words["alert.slot"].replace("{slot}", lost.slot.replace("T", " "))
        line = line.replace("{why}", words[f"alert.{lost.why}"])
        detail = _detail(connection, name, lost)
        lines.append(f"{line} ({detail})" if detail else line)
    if len(found) > _MOST_LINES:
        more = str(len(found) - _MOST_LINES)
        lines.append(words["alert.more"].replace("{slots}", more))
    if draft := issues.draft(connection, name):
        lines.append(waits(setup, draft))
    lines.append(words["alert.next"])
    return tuple(lines)


def _detail(connection: Connection, name: str, lost: _Lost) -> str:
    """What the sources said, or what the mails met with."""
    report = watching.last_report(connection, name, lost.slot)
    said = [
        f"{one['source']}: {one['detail']}" for one in report.get("sources", ()) if one["detail"]
    ]
    if lost.why == "unsent":
        said = [report.get("detail", "")]
    # A mail server's words may name a reader.
    return " ".join(masked("; ".join(filter(None, said))).split())[:_MOST_WORDS]


def _tell(setup: Setup, name: str, found: _Streak, lines: tuple[str, ...]) -> bool:
    contact = setup.config.operator.contact
    with setup.store.write() as connection:
        if not watching.alert(connection, _about(name), setup.now):
            return False  # another process did
        if contact:
            queue(setup, connection, "alert", contact, name, lines=lines)
    values = {"digest": name, "slots": len(found.lost)}
    number = f"{'at least ' if found.is_least else ''}{len(found.lost)}"
    log.error("%s has not gone out for %s slots in a row", name, number, extra=values)
    if not contact:
        log.error(
            "nobody is told that %s does not go out: set contact under [operator]",
            name,
            extra={"digest": name},
        )
    return True
