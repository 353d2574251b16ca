"""What is to come: a digest's next slot, the one that is open, and when a reader wants her mail."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from digest import consent, plan
from digest.run.setup import Setup
from digest.store import Connection, schedules
from digest.types import Preferences, Slot


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """What is to come of a digest."""

    zone: str
    next: Slot | None = None
    open: Slot | None = None  #: the newest that has come and is not done with
    look_at: datetime | None = None  #: when the open one is tried again, or given up


def coming(
    setup: Setup, connection: Connection, names: Collection[str] | None = None
) -> dict[str, Coming]:
    """Digest → what is to come of it, of all that have a schedule or of some."""
    wanted = setup.config.digests if names is None else names
    kept = schedules.known(connection)
    done = schedules.last_of_all(connection)
    # Many digests go out at the same hour, and to read it takes longer than all else.
    read: dict[tuple[str, str], tuple[plan.Schedule, Slot | None]] = {}
    found = {}
    for name in wanted:
        digest = setup.config.digests[name]
        if digest.schedule:
            key = digest.schedule, digest.timezone
            if key not in read:
                schedule = plan.parse_schedule(*key)
                read[key] = schedule, schedule.next(setup.now)
            schedule, following = read[key]
            last = _last(schedule, kept.get(name), done.get(name), setup.now)
            found[name] = Coming(
                zone=schedule.zone,
                next=following,
                open=last,
                look_at=kept[name].next_at if last else None,
            )
    return found


def _last(schedule: plan.Schedule, kept: Any, done: Any, now: datetime) -> Slot | None:
    """The newest slot that has come and is not done with."""
    is_same = kept and (kept.words, kept.zone) == (schedule.words, schedule.zone)
    # A schedule that nothing was made of yet, or that was changed, has no slot in the past.
    if not is_same or kept.next_at is None or kept.after >= now:
        return None
    after = max(kept.after, done.due_at if done else kept.after, now - plan.LOOK_BACK)
    first = schedule.next(after)
    if first is None or first.due_at > now:
        return None
    return schedule.slots(after, now)[-1]


def wanted_at(preferences: Preferences, zone: str, had_at: datetime, now: datetime) -> datetime:
    """The first moment from now on at which a reader wants mail.

    `zone` is the digest's, `had_at` when her last mail was made.
    """
    return consent.next_at(preferences, zone, had_at, now) or now


def first_moment(day: date, zone: str) -> datetime:
    """When a day begins."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


#: Whoever runs `digest run` by hand or rarely has looked within it.
_AWAY = timedelta(minutes=20)


def open_words(one: Coming, report: Mapping[str, Any] | None, now: datetime) -> str:
    """What a slot that is open waits for, and until when, in words."""
    assert one.open is not None
    if one.look_at and now - one.look_at > _AWAY:
        return (
            f"the slot {one.open.key} is open, and nobody has looked since"
            f" {shown(one.look_at, one.zone)}: does `digest serve`, `digest schedule` or cron run?"
        )
    waits = [
        f"{source['source']} is {source['reason']}"
        for source in (report or {}).get("sources", ())
        if source["reason"] in ("stale", "late", "blocked", "down")
    ]
    what = f"waits, since {', '.join(waits)}" if waits else "is not done with"
    again = f"; looked at again at {shown(one.look_at, one.zone)}" if one.look_at else ""
    return f"the slot {one.open.key} {what}{again}"


def shown(moment: datetime | None, zone: str) -> str:
    """A moment as people read it, with its zone.

    >>> shown(datetime(2026, 6, 22, 6, 0, tzinfo=UTC), "Europe/Paris")
    '2026-06-22 08:00 Europe/Paris'
    """
    if moment is None:
        return "never"
    return f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} {zone}"
