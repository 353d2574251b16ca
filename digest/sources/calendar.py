"""arXiv's calendar: when it announces, and what a submission time says of the day. Pure.

A *feed day* is the Eastern date under which the daily feed shows an announcement: the mailing of
20:00 on one evening is the feed from midnight on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

EASTERN = ZoneInfo("America/New_York")
CLOSES_AT = time(14, 0)
FRIDAY, SATURDAY = 4, 5

# Source: arXiv's availability page, read 2026. Past the end of the table nobody knows.
HOLIDAYS_UNTIL = date(2026, 12, 31)
HOLIDAYS = frozenset(
    date(2026, month, day)
    for month, day in [
        (1, 1), (1, 19), (6, 19), (7, 3), (9, 7), (11, 26), (12, 25), (12, 29), (12, 31),
    ]
)  # fmt: skip


def feed_day(now: datetime) -> date:
    """The Eastern date at `now`: what the daily feed shows, or should."""
    return now.astimezone(EASTERN).date()


def is_feed_day(day: date) -> bool:
    """Can the feed of that day hold papers? Not on Saturdays and Sundays."""
    return day.weekday() < SATURDAY


@dataclass(frozen=True, slots=True)
class Holidays:
    """The evenings without an announcement, as far as they are known."""

    days: frozenset[date] = HOLIDAYS
    until: date = HOLIDAYS_UNTIL

    def with_own(self, days: Iterable[date]) -> Holidays:
        """The same with an operator's own: whoever names one of a year names all of it."""
        own = frozenset(days)
        last = max((date(day.year, 12, 31) for day in own), default=self.until)
        return Holidays(self.days | own, max(self.until, last))

    def is_one(self, day: date) -> bool:
        """Is the day, or the evening before whose mailing it shows, without an announcement?"""
        return day in self.days or self.is_skipped(day)

    def is_skipped(self, day: date) -> bool:
        """Was there no mailing on the evening before, so that its feed has nothing to show?"""
        return day - timedelta(days=1) in self.days

    def is_known(self, day: date) -> bool:
        """Does the table tell whether it is one?"""
        return day <= self.until or self.is_one(day)


KNOWN = Holidays()
#: The feed of a day is there so long after its midnight.
READY_AFTER = timedelta(minutes=10)


def next_ready(now: datetime, holidays: Holidays = KNOWN) -> datetime:
    """When the next feed that can hold papers is there, in UTC.

    The feed of a holiday itself shows the evening before, so it is asked for.

    >>> from datetime import UTC
    >>> str(next_ready(datetime(2026, 11, 26, 12, tzinfo=UTC)))  # a Thursday, and a holiday
    '2026-11-30 05:10:00+00:00'
    """
    day = feed_day(now - READY_AFTER) + timedelta(days=1)
    while not is_feed_day(day) or holidays.is_skipped(day):
        day += timedelta(days=1)
    return datetime.combine(day, time(), EASTERN).astimezone(UTC) + READY_AFTER


def newest_feed_day(now: datetime) -> date:
    """The last feed day up to `now`."""
    day = feed_day(now)
    while not is_feed_day(day):
        day -= timedelta(days=1)
    return day


def feed_days(first: date, last: date) -> list[date]:
    """The feed days from `first` to `last`, both included."""
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return [day for day in days if is_feed_day(day)]


def announced_on(submitted: datetime) -> date:
    """The earliest feed day on which a paper submitted then can stand; moderation may hold it.

    >>> from datetime import UTC
    >>> [str(announced_on(datetime(2026, 6, d, 17, tzinfo=UTC))) for d in (15, 18, 19, 20)]
    ['2026-06-16', '2026-06-19', '2026-06-22', '2026-06-23']
    """
    local = submitted.astimezone(EASTERN)
    closing = local.date() + timedelta(days=local.time() >= CLOSES_AT)
    while not is_feed_day(closing):
        closing += timedelta(days=1)
    return closing + timedelta(days=3 if closing.weekday() == FRIDAY else 1)


def opened_at(day: date) -> datetime:
    """When the submissions of a feed day begin."""
    return closed_at(closed_at(day).date())


def closed_at(day: date) -> datetime:
    """When they end: at 14:00 on the working day before; Monday's list closes on Friday."""
    closing = day - timedelta(days=3 if day.weekday() == 0 else 1)
    return datetime.combine(closing, CLOSES_AT, EASTERN)
