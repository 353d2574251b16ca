"""Readers' own hours: each paper once, at the hour they chose, in the zone they live in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import get_args

from hypothesis import example, given, settings
from hypothesis import strategies as st

from digest.consent import next_at, wants_now
from digest.types import Frequency, Preferences, Weekday

QUARTER = timedelta(minutes=15)
ZONES = (
    "Africa/Cairo",  # clocks change at midnight
    "America/Havana",
    "America/New_York",
    "Antarctica/Troll",  # by two hours
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",  # by half an hour
    "Europe/Paris",
    "Pacific/Apia",
    "UTC",
)


def first_yes(wanted: Preferences, zone: str, last: datetime, now: datetime) -> datetime | None:
    """When a mail may go first: whatever clocks say changes on the quarter of an hour only."""
    moment = now
    while moment < now + timedelta(days=64):
        if wants_now(wanted, zone, last, moment):
            return moment
        moment += QUARTER - (moment - datetime(2026, 1, 1, tzinfo=UTC)) % QUARTER
    return None


moments = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC)).map(
    lambda moment: moment.replace(second=0, microsecond=0)
)
wishes = st.builds(
    Preferences,
    frequency=st.none() | st.sampled_from(get_args(Frequency)),
    weekday=st.sampled_from(get_args(Weekday)),
    hour=st.none() | st.integers(0, 23),
    timezone=st.sampled_from(("", *ZONES)),
)


@settings(max_examples=400, deadline=None)
@given(
    wishes,
    st.sampled_from(ZONES),
    moments,
    st.timedeltas(timedelta(0), timedelta(days=40)),
    st.none() | st.integers(-3, 12),
)
@example(
    Preferences(frequency="daily", hour=2, timezone="Antarctica/Troll"),
    "UTC",
    datetime(2026, 3, 28, 23, tzinfo=UTC),
    timedelta(hours=2),
    None,
)
def test_the_moment_a_reader_is_due_is_the_first_at_which_she_wants_mail(
    wanted: Preferences, zone: str, now: datetime, since: timedelta, pause: int | None
) -> None:
    if pause is not None:
        wanted = replace(wanted, paused_until=now.date() + timedelta(days=pause))
    last = now - since
    due = next_at(wanted, zone, last, now)
    first = first_yes(wanted, zone, last, now)
    assert first is not None, "she never gets anything"
    if due is None:
        assert first == now
    else:
        assert due == first > now
