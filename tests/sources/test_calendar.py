"""arXiv's calendar: which feeds can hold papers, and when they are there."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.sources.calendar import EASTERN, KNOWN, is_feed_day, next_ready

moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))


@given(moments)
def test_the_next_feed_lies_ahead_ten_minutes_after_an_eastern_midnight(now: datetime) -> None:
    found = next_ready(now)
    there = found.astimezone(EASTERN)
    assert now < found <= now + timedelta(days=6)
    assert (there.hour, there.minute) == (0, 10)
    assert is_feed_day(there.date())
    assert there.date() - timedelta(days=1) not in KNOWN.days


@given(moments)
def test_no_feed_with_papers_is_passed_over(now: datetime) -> None:
    day = now.astimezone(EASTERN).date()
    while (day := day + timedelta(days=1)) < next_ready(now).astimezone(EASTERN).date():
        assert not is_feed_day(day) or KNOWN.is_skipped(day)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-06-16T02:30", "2026-06-16T04:10"),  # Monday evening there
        ("2026-06-16T04:05", "2026-06-16T04:10"),
        ("2026-06-16T04:10", "2026-06-17T04:10"),
        ("2026-06-19T12:00", "2026-06-22T04:10"),
        ("2026-11-25T12:00", "2026-11-26T05:10"),  # the day of a holiday shows the evening before
        ("2026-11-26T12:00", "2026-11-30T05:10"),
        ("2026-03-06T12:00", "2026-03-09T04:10"),  # clocks have changed there
    ],
)
def test_when_the_next_feed_is_there(now: str, expected: str) -> None:
    assert next_ready(datetime.fromisoformat(now).replace(tzinfo=UTC)) == datetime.fromisoformat(
        expected
    ).replace(tzinfo=UTC)


def test_who_names_a_holiday_of_a_year_names_all_of_it() -> None:
    more = KNOWN.with_own([date(2027, 1, 18)])
    assert more.until == date(2027, 12, 31)
    assert more.is_one(date(2027, 1, 18))
    assert more.is_one(date(2027, 1, 19))
    assert not more.is_one(date(2027, 1, 20))
    assert KNOWN.is_known(date(2027, 1, 1))  # it shows the last evening of the table
    assert not KNOWN.is_known(date(2027, 1, 4))
    assert KNOWN.with_own([]) == KNOWN
