"""The slots of schedules: which are open, and each settled once, whoever looks and however late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from digest import plan
from digest.config import Digest
from digest.run import editions, reporting
from digest.run.setup import Setup
from digest.store import Connection, issues, schedules
from digest.types import RETRY, Due, Issue, Reason, Report, Slot

#: The row of what has to be done daily for all digests together; none can be called so.
HOUSEKEEPING = "*housekeeping"
LATE = timedelta(minutes=20)  #: what is said to be late
#: While a draft waits, its digest is looked at so often: it may have been approved.
DRAFT_EVERY = timedelta(minutes=15)


def sync(setup: Setup) -> None:
    """Keep the schedules that the configuration has now."""
    wanted = {name: one for name, one in setup.config.digests.items() if one.schedule}
    with setup.store.read() as connection:
        known = schedules.known(connection)
    changed = {
        name: one
        for name, one in wanted.items()
        if name not in known
        or (known[name].words, known[name].zone) != (one.schedule, one.timezone)
    }
    gone = known.keys() - wanted.keys() - {HOUSEKEEPING}
    if not changed and not gone and HOUSEKEEPING in known:
        return
    with setup.store.write() as connection:
        schedules.drop(connection, gone)
        if HOUSEKEEPING not in known:
            schedules.keep(connection, HOUSEKEEPING, "daily", "UTC", setup.now, setup.now)
        for name, one in changed.items():
            _begin(connection, name, one, known.get(name), setup.now)
            if name in known and known[name].zone != one.timezone:
                schedules.look_again(connection, name, setup.now)


def _begin(
    connection: Connection, name: str, digest: Digest, before: Any | None, now: datetime
) -> None:
    """A new schedule begins with its newest slot, unless an issue of today has taken its place.

    One that was changed begins now, unless a slot of the one before is open: its place is taken.
    """
    schedule = plan.parse_schedule(digest.schedule, digest.timezone)
    past = schedule.slots(now - plan.LOOK_BACK, now)
    if before and not _open_slots(connection, before, now):
        past = []
    after = past[-1].due_at - timedelta(microseconds=1) if past else now
    last = next(iter(schedules.last(connection, name)), None)
    if last and (
        last.due_at > after or last.slot[:10] == plan.wall_time(now, digest.timezone)[:10]
    ):
        after = now
    upcoming = schedule.next(after)
    at = upcoming.due_at if upcoming else None
    schedules.keep(connection, name, digest.schedule, digest.timezone, after, at)


def works(setup: Setup) -> tuple[list[Due], list[Report]]:
    """The slots whose work is to be done now; those that were missed are settled as such.

    Of each digest that missed some there is one report more.
    """
    found: list[Due] = []
    missed: list[Report] = []
    with setup.store.read() as connection:
        rows = schedules.due(connection, setup.now)
        drafts = issues.drafts(connection) if rows else {}
    for row in rows:
        digest = setup.config.digests.get(row.digest)
        if digest is None:
            continue
        if until := drafts.get(row.digest):
            at = max(min(until, setup.now + DRAFT_EVERY), setup.now + timedelta(minutes=1))
            with setup.store.write() as connection:
                schedules.go_on(connection, row.digest, at)
            continue
        with setup.store.write() as connection:
            open_slots = _open_slots(connection, row, setup.now)
            todo, passed = plan.split(open_slots, digest.missed, row.next_at, setup.now)
            if report := _missed(connection, row.digest, passed, setup.now):
                missed.append(report)
            if work := _work(connection, row.digest, digest, todo, setup.now):
                found.append(work)
    return found, missed


def _open_slots(connection: Connection, row: Any, now: datetime) -> list[Slot]:
    """Those of a schedule as it is kept that are not done with."""
    schedule = plan.parse_schedule(row.words, row.zone)
    # Further back, nobody is owed anything.
    slots = schedule.slots(max(row.after, now - plan.LOOK_BACK), now)
    done = schedules.settled(connection, row.digest, [slot.key for slot in slots])
    return [slot for slot in slots if slot.key not in done]


def _missed(
    connection: Connection, name: str, passed: Sequence[Slot], now: datetime
) -> Report | None:
    """Settle the slots that others take the place of; a report where nobody had tried them."""
    never = []
    for slot in passed:
        said = issues.last_reason(connection, name, slot.key)
        schedules.settle(connection, name, slot, Reason(said) if said else Reason.MISSED, now)
        if not said:
            never.append(slot)
    if not never:
        return None
    more = f", nor at {len(never) - 1} before" if len(never) > 1 else ""
    report = Report(
        digest=name,
        slot=never[-1].key,
        reason=Reason.MISSED,
        detail=f"nothing ran here at its hour{more}",
    )
    keep_report(connection, report, now)
    return report


def _work(
    connection: Connection, name: str, digest: Digest, todo: Sequence[Slot], now: datetime
) -> Due | None:
    if not todo:
        schedule = plan.parse_schedule(digest.schedule, digest.timezone)
        _go_on(connection, name, schedule, now)
        return None
    slot, *later = todo
    if not later:
        return Due(digest=name, slot=slot)
    last = issues.latest_made_at(connection, name)
    if last and now - last < editions.APART:
        schedules.go_on(connection, name, last + editions.APART)
        return None
    return Due(digest=name, slot=slot, until=slot.due_at.date())


def settled(
    setup: Setup, due: Due, report: Report, outcome: Reason | None, told: Issue | None = None
) -> bool:
    """Keep the report of a slot, and what it came to; False where somebody else was quicker.

    `outcome` is nothing where the work on it has settled it; `told`, what readers are still to be
    told of it.
    """
    digest = setup.config.digests[due.digest]
    schedule = plan.parse_schedule(digest.schedule, digest.timezone)
    with setup.store.write() as connection:
        if outcome and not schedules.settle(connection, due.digest, due.slot, outcome, setup.now):
            return False
        if told:
            issues.save(connection, told, is_queued=False)
        keep_report(connection, report, setup.now)
        _go_on(connection, due.digest, schedule, due.slot.due_at)
    return True


def lateness(setup: Setup, due: Due, *, is_in_vain: bool = False) -> str:
    """That it is well after the slot's hour, and why; nothing where it is not."""
    late = setup.now - due.slot.due_at
    if late < LATE:
        return ""
    with setup.store.read() as connection:
        said = issues.last_reason(connection, due.digest, due.slot.key)
        done = {one.slot for one in schedules.last(connection, due.digest, most=2)}
    hours, minutes = divmod(int(late.total_seconds()) // 60, 60)
    time = " ".join([f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(minutes))
    if said and is_in_vain:
        return f"waited {time} for its sources, in vain"
    if said:
        return f"waited {time} for its sources ({said})"
    if done <= {due.slot.key}:
        return "its schedule is new and begins with the last slot that went by"
    return f"{time} late: nothing ran here at its hour"


def failed(setup: Setup, due: Due, why: str) -> Report:
    """A slot whose issue could not be made; it is tried again soon."""
    report = Report(
        digest=due.digest, slot=due.slot.key, reason=Reason.DOWN, has_failed=True, detail=why
    )
    return waits(setup, due, report, setup.now + RETRY)


def waits(setup: Setup, due: Due, report: Report, until: datetime) -> Report:
    """Keep the report of a slot that is looked at again, and say in it when."""
    said = again(setup, due, until)
    report = replace(report, detail="; ".join(filter(None, (report.detail, said))))
    with setup.store.write() as connection:
        keep_report(connection, report, setup.now)
        schedules.go_on(connection, due.digest, until)
    return report


def again(setup: Setup, due: Due, until: datetime) -> str:
    """When a slot is looked at again, in words."""
    zone = setup.config.digests[due.digest].timezone
    when = plan.wall_time(until, zone)
    if when[:10] == plan.wall_time(setup.now, zone)[:10]:
        when = when[11:]
    return f"looked at again at {when} {zone}"


def keep_report(connection: Connection, report: Report, at: datetime) -> None:
    """Keep what a run came to."""
    words = reporting.words(report)
    issues.report(connection, report.digest, report.slot, report.reason, words, at)


def _go_on(connection: Connection, name: str, schedule: plan.Schedule, after: datetime) -> None:
    upcoming = schedule.next(after)
    schedules.go_on(connection, name, upcoming.due_at if upcoming else None, after)


def others(setup: Setup, but: set[str]) -> list[Report]:
    """Why nothing is due of the digests that are not among `but`."""
    with setup.store.read() as connection:
        known = schedules.known(connection)
        last = schedules.last_of_all(connection)
        drafts = {name: issues.draft(connection, name) for name in issues.drafts(connection)}
    found = []
    for name, digest in setup.config.digests.items():
        if name in but:
            continue
        slot, why = "", "it has no schedule; `digest run NAME` runs it now"
        if draft := drafts.get(name):
            slot, why = draft.slot, reporting.waits(setup, draft)
        elif name in known:
            slot = last[name].slot if name in last else ""
            why = f"the slot {slot} is done with" if slot else "its first slot is yet to come"
            if at := known[name].next_at:
                why += f"; next at {plan.wall_time(at, digest.timezone)} {digest.timezone}"
        found.append(Report(digest=name, slot=slot, reason=Reason.NOT_DUE, detail=why))
    return found
