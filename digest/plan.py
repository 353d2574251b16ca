"""What is due, who gets it, and what to say of a run that sent nothing. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from digest.errors import BadSchedule
from digest.types import RETRY, Item, Reason, Slot, SourceReport

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LOOK_BACK = timedelta(days=35)  #: a monthly slot, and what a reader may have missed
_ANY_LEAP_YEAR = datetime(2024, 1, 1, tzinfo=UTC)
# Lists of numbers, ranges and steps; months have names, too.
_CRON = re.compile(r"[0-9*/,-]+ [0-9*/,-]+ [0-9*/,-]+ [0-9a-z*/,-]+ \S+")
_TIME = re.compile(r"(?<!\d)(\d{1,2})[:.](\d{2})(?!\d)")
_EXAMPLES = (
    '"daily at 02:30", "weekdays at 08:00", "mon,thu 07:30", "monthly on the 1st at 09:00",'
    ' or as cron does, with names of days: "30 7 * * mon-fri"'
)


# --- slots ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a digest is due, in its own time zone."""

    words: str
    zone: str
    trigger: Any  #: APScheduler's CronTrigger

    def slots(self, after: datetime, until: datetime) -> list[Slot]:
        """The slots in (after, until], oldest first; when clocks change, too, each once.

        A time that the clocks skip is due when it would have been; one they go through twice is
        due the first time.
        """
        found: dict[str, Slot] = {}
        moment = after
        while (slot := self.next(moment)) and slot.due_at <= until:
            found.setdefault(slot.key, slot)
            moment = slot.due_at
        return list(found.values())

    def next(self, after: datetime) -> Slot | None:
        """The first firing after a moment. It may be the second one of a slot."""
        moment = (after + timedelta(microseconds=1)).astimezone(ZoneInfo(self.zone))
        fired = self.trigger.get_next_fire_time(None, moment)
        # Through UTC: added to a local time, the fold would be lost.
        return fired and Slot(fired.astimezone(UTC), f"{fired:%Y-%m-%dT%H:%M}")


def parse_schedule(words: str, zone: str) -> Schedule:
    """Read a schedule as people write it, or cron's five fields with the names of days.

    Raises: BadSchedule, with examples.
    """
    from apscheduler.triggers.cron import CronTrigger

    fields = _cron(words) or _fields(words)
    try:
        trigger = CronTrigger(**fields, second=0, timezone=ZoneInfo(zone))
    except ValueError as why:
        raise BadSchedule(f"schedule {words!r} cannot be read: {why}") from why
    schedule = Schedule(words, zone, trigger)
    if schedule.next(_ANY_LEAP_YEAR) is None:
        raise BadSchedule(f"schedule {words!r} never comes: no month of it has such a day")
    return schedule


def _cron(words: str) -> dict[str, Any]:
    """The fields of a line of cron; none where the words are no such line."""
    said = " ".join(words.lower().split())
    if not _CRON.fullmatch(said):
        return {}
    minute, hour, day, month, weekday = said.split()
    if re.search("[0-9]", weekday):
        raise BadSchedule(
            f"schedule {words!r}: name the days (mon, tue, …); cron counts them from Sunday, others"
            " from Monday"
        )
    if day != "*" and weekday != "*":
        raise BadSchedule(
            f"schedule {words!r}: cron takes days of the month or days of the week, others want"
            " both to be true; name one of them, and * for the other"
        )
    return {"minute": minute, "hour": hour, "day": day, "month": month, "day_of_week": weekday}


def _fields(words: str) -> dict[str, Any]:
    said = " ".join(words.lower().replace(",", " ").split())
    times = _TIME.findall(said)
    if len(times) != 1 or int(times[0][0]) > 23 or int(times[0][1]) > 59:
        what = "names several times of day; cron's 0 8,18 * * * does" if len(times) > 1 else ""
        raise BadSchedule(
            f"schedule {words!r} {what or 'has no time of day from 00:00 to 23:59'}; write it like"
            f" {_EXAMPLES}"
        )
    clock = {"hour": int(times[0][0]), "minute": int(times[0][1])}
    when = " ".join(re.sub(r"\bat\b", " ", _TIME.sub(" ", said)).split())
    if when in ("", "daily", "every day"):
        return clock
    if monthly := re.fullmatch(r"monthly(?: on)?(?: the)? ?(first|\d{1,2})?(?:st|nd|rd|th)?", when):
        day = 1 if monthly[1] == "first" else int(monthly[1] or 1)
        if not 1 <= day <= 28:
            raise BadSchedule(f"schedule {words!r}: not every month has a day {day}; take 1 to 28")
        return clock | {"day": day}
    return clock | {"day_of_week": _days(words, when)}


#: What else stands for days of the week.
_SEVERAL = {"weekday": "mon-fri", "weekend": "sat,sun", "weekly": "mon"}
_FULL = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _days(words: str, when: str) -> str:
    bare = re.sub(r"^every ", "", when)
    if found := _SEVERAL.get(bare.removesuffix("s")):
        return found
    bare = re.sub(r"^weekly\b( on)?|^on\b", "", bare)
    days = []
    for name in bare.replace(" and ", " ").split():
        ends = [_day(end) for end in name.split("-")]
        if not _is_range(ends):
            if re.search("[0-9]", name):
                raise BadSchedule(
                    f"schedule {words!r}: name the days (mon, tue, …); cron and other schedulers"
                    " count them from different ends"
                )
            break
        days.append("-".join(map(str, ends)))
    else:
        if days:
            return ",".join(days)
    raise BadSchedule(f"schedule {words!r} cannot be read; write it like {_EXAMPLES}")


def _is_range(ends: Sequence[str | None]) -> bool:
    """One day, or two in their order: "sun-mon" would be a riddle."""
    places = [DAYS.index(end) for end in ends if end]
    return len(places) == len(ends) <= 2 and places == sorted(places)


def _day(name: str) -> str | None:
    """Of "tue", "tues" or "tuesdays", the first three."""
    short = name[:3]
    is_one = short in DAYS and f"{_FULL[DAYS.index(short)]}s".startswith(name)
    return short if is_one else None


def wall_time(moment: datetime, zone: str) -> str:
    """A slot's name: the local wall time to the minute.

    >>> from datetime import UTC
    >>> wall_time(datetime(2026, 6, 22, 6, 0, tzinfo=UTC), "Europe/Paris")
    '2026-06-22T08:00'
    """
    return f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%dT%H:%M}"


def free_slot(wanted: str, taken: Collection[str]) -> str:
    """`wanted`, or the first minute after it that has no issue yet."""
    moment = datetime.fromisoformat(wanted)
    while (slot := f"{moment:%Y-%m-%dT%H:%M}") in taken:
        moment += timedelta(minutes=1)
    return slot


#: Whoever looks at the clock may be late by so much; a slot found later was missed.
GRACE = timedelta(hours=2)


def split(
    slots: Sequence[Slot], policy: str, planned_at: datetime, now: datetime
) -> tuple[list[Slot], list[Slot]]:
    """Open slots → those to be worked off, oldest first, and those that were missed.

    `planned_at` is when they were to be looked at. `policy` is a digest's `missed`.
    """
    if policy == "all":
        return list(slots), []
    if not slots:
        return [], []
    *passed, last = slots
    is_in_time = now - max(planned_at, last.due_at) <= GRACE
    if policy == "none" and not is_in_time:
        return [], list(slots)
    return [last], passed


def wait_until(
    sources: Sequence[SourceReport], slot: Slot, wait: timedelta, now: datetime
) -> datetime | None:
    """When the sources are asked again for a slot that has no papers; None: it waits no longer."""
    moments = [one.again_at for one in sources if one.again_at]
    again = min(moments, default=None)
    # A last look at the limit itself, where the next one would be a little late.
    limit = slot.due_at + wait
    if again is None or now >= limit:
        return None
    return again if again <= limit else (limit if again - RETRY < limit else None)


# --- readers -------------------------------------------------------------------------------------


def owed(
    new: Sequence[Item], missed: Sequence[Item], had: Collection[tuple[str, bool]]
) -> list[Item]:
    """What a reader is to get: what she missed and what is new, less what she had.

    A revision is for those who had the paper; to nobody does a paper come twice.
    """
    papers = {paper for paper, _ in had}
    found: dict[tuple[str, bool], Item] = {}
    for item in [*new, *missed]:
        id = item.paper.id
        is_fit = id in papers if item.is_revision else id not in papers
        if is_fit:
            found.setdefault((id, item.is_revision), item)
    return list(found.values())


def message_id(issue: str, subscriber: str, host: str) -> str:
    """The same for a delivery whenever its mail is made, so that a double can be told by it."""
    return hashlib.sha256(f"{issue}\n{subscriber}".encode()).hexdigest()[:32] + "@" + host


#: How long a mail waits after each attempt that came to nothing; after the last it is given up.
_WAITS = tuple(timedelta(minutes=minutes) for minutes in (5, 15, 60, 240, 720, 1440))


def wait(attempts: int, hint_s: float | None, seed: str) -> timedelta | None:
    """How long to wait after so many attempts; None: give up.

    Never less than the server asked for (`hint_s`); a little longer for some (by `seed`), so that
    not all of them come back in the same second.
    """
    if attempts > len(_WAITS):
        return None
    spread = int(hashlib.sha256(seed.encode()).hexdigest()[:4], 16) / 0x10000 * 0.25
    own = _WAITS[attempts - 1] * (1 + spread)
    return max(own, timedelta(seconds=(hint_s or 0) * (1 + spread / 4)))


# --- reasons -------------------------------------------------------------------------------------

#: Of several sources' reasons for nothing, the first in this order is the digest's.
_ORDER = (
    Reason.BLOCKED,
    Reason.DOWN,
    Reason.STALE,
    Reason.LATE,
    Reason.HOLIDAY_OR_STALE,
    Reason.HOLIDAY,
    Reason.WEEKEND,
    Reason.QUIET,
)


def reason(
    sources: Sequence[SourceReport], *, has_sent: bool, looked_at: int, matched: int
) -> Reason:
    """Why a digest sent something, or why not.

    `looked_at` are the papers that were in no issue before, `matched` those that fit.
    """
    if has_sent:
        return Reason.SENT
    said = {report.reason for report in sources}
    for one in (Reason.BLOCKED, Reason.DOWN, Reason.STALE, Reason.LATE):
        if one in said:
            return one
    if looked_at and not matched and Reason.SENT in said:
        return Reason.NO_MATCH
    if Reason.SENT in said or Reason.ALL_SENT in said or not said:
        return Reason.ALL_SENT
    return next((one for one in _ORDER if one in said), Reason.ALL_SENT)
