"""arXiv's calendar: when it announces, and what a submission time says of the day. Pure.

A *feed day* is the Eastern date under which the daily feed shows an announcement: the mailing of
20:00 on one evening is the feed from midnight on.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

EASTERN = ZoneInfo("America/New_York")
CLOSES_AT = time(14, 0)
FRIDAY, SATURDAY = 4, 5

# Source: arXiv's availability page, read 2026. Past the last one an empty weekday is just quiet.
HOLIDAYS = frozenset(
    date(2026, month, day)
    for month, day in [
        (1, 1), (1, 19), (6, 19), (7, 3), (9, 7), (11, 26), (12, 25), (12, 29), (12, 31),
    ]
)  # fmt: skip
HOLIDAYS_UNTIL = date(2026, 12, 31)  #: what the table knows of


def feed_day(now: datetime) -> date:
    """The Eastern date at `now`: what the daily feed shows, or should."""
    return now.astimezone(EASTERN).date()


def is_feed_day(day: date) -> bool:
    """Can the feed of that day hold papers? Not on Saturdays and Sundays."""
    return day.weekday() < SATURDAY


def is_holiday(day: date) -> bool:
    """Is the day, or the evening before whose mailing it shows, without an announcement?"""
    return day in HOLIDAYS or day - timedelta(days=1) in HOLIDAYS


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
