"""Readers' own hours: each paper once, at the hour they chose, in the zone they live in."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import get_args
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
import time_machine
from driven import Died, Driven, MortalStore, run, upcoming
from hypothesis import example, given, settings
from hypothesis import strategies as st
from replicas import Setup
from sqlalchemy import select

from digest import config as configs
from digest import run as runs
from digest.consent import next_at, wants_now
from digest.run import editions
from digest.store import Store, issues, open_store, people, tables
from digest.types import Frequency, Preferences, SubscriberState, SubscriptionState, Weekday

IS_LONG = bool(os.environ.get("DIGEST_YEAR"))
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


# --- the whole program ----------------------------------------------------------------------------

CAP = 3
TOML = f"""
store = "{{store}}"
summarizer = "lead"
[operator]
contact = "papers@example.org"
[sources.days]
kind = "driven:Days"
[digests.papers]
topics = ["paper"]
sources = ["days"]
papers = {CAP}
schedule = "daily at 05:00"
"""
START, END = datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 4, 13, tzinfo=UTC)
PAUSE = date(2026, 3, 20)
KINDS = {
    "whatever": Preferences(),
    "daily": Preferences(frequency="daily", hour=7),
    "night": Preferences(frequency="daily", hour=2),
    "hour": Preferences(hour=18),
    "anytime": Preferences(frequency="daily"),
    "weekdays": Preferences(frequency="weekdays", hour=18),
    "weekly": Preferences(frequency="weekly", weekday="fri", hour=7),
    "monday": Preferences(frequency="weekly"),
    "monthly": Preferences(frequency="monthly"),
    "paused": Preferences(frequency="daily", hour=7, paused_until=PAUSE),
}
#: Their clocks change on 29 March (by two hours), 8 March and 5 April (by half an hour).
LIVING = ("Antarctica/Troll", "America/New_York", "Australia/Lord_Howe")[: 3 if IS_LONG else 1]


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGEST_STATE_FOLDER", str(tmp_path / "state"))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/digest.db"
        return
    server = request.getfixturevalue("postgres")
    name = f"t{uuid4().hex[:12]}"
    server.psql(f"CREATE DATABASE {name};")
    yield server.get_uri(name).replace("postgresql://", "postgresql+psycopg://", 1)
    server.psql(f"DROP DATABASE {name} WITH (FORCE);")


def world(folder: Path, url: str, wishes: dict[str, Preferences]) -> Setup:
    """A digest, and a reader of each name."""
    folder.mkdir(exist_ok=True)
    file = folder / "digest.toml"
    file.write_text(TOML.format(store=url))
    config = configs.load(file)
    setup = Setup(config=config, store=open_store(url, START), now=START)
    with setup.store.write() as connection:
        states = {f"{name}@example.org": SubscriberState.ACTIVE for name in wishes}
        ids = people.add_all(connection, states, START, setup.new_id)
        rows = [
            people.row(
                id=setup.new_id(),
                subscriber=ids[f"{name.lower()}@example.org"],
                digest="papers",
                state=SubscriptionState.CONFIRMED,
                evidence="test",
                preferences=wanted,
                confirmed_at=START,
            )
            for name, wanted in wishes.items()
        ]
        people.save_new(connection, rows)
    return setup


@dataclass(frozen=True, slots=True)
class Mail:
    at: datetime
    shown: tuple[str, ...]
    more: tuple[str, ...]

    @property
    def papers(self) -> tuple[str, ...]:
        return self.shown + self.more


def mails(store: Store) -> dict[str, list[Mail]]:
    """Reader → what she got, oldest first."""
    query = (
        select(tables.deliveries.c.queued_at, tables.deliveries.c.edition, tables.subscribers)
        .join(tables.subscribers, tables.subscribers.c.id == tables.deliveries.c.subscriber_id)
        .order_by(tables.deliveries.c.queued_at)
    )
    found: dict[str, list[Mail]] = {}
    with store.read() as connection:
        items: dict[str, tuple[list[str], list[str]]] = {}
        places = select(tables.edition_items).order_by(tables.edition_items.c.position)
        for place in connection.execute(places):
            parts = items.setdefault(place.edition, ([], []))
            parts[0 if place.is_shown else 1].append(place.paper_id)
        for row in connection.execute(query):
            shown, more = items[row.edition]
            reader = row.address.partition("@")[0]
            found.setdefault(reader, []).append(Mail(row.queued_at, tuple(shown), tuple(more)))
    return found


def hour_of(day: date, hour: int, zone: str) -> datetime:
    """The first quarter of an hour of a day at which clocks show at least that hour."""
    here = ZoneInfo(zone)
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=1)
    while (wall := moment.astimezone(here)).date() < day or (wall.date(), wall.hour) < (day, hour):
        moment += QUARTER
    return moment


@pytest.mark.slow
def test_six_weeks_bring_each_paper_once_to_readers_of_all_kinds_at_their_hour(
    tmp_path: Path, url: str
) -> None:
    wishes = {
        f"{kind}-{n}": wanted if kind == "whatever" else replace(wanted, timezone=zone)
        for n, zone in enumerate(LIVING)
        for kind, wanted in KINDS.items()
    }
    setup = world(tmp_path / "world", url, wishes)

    def turn() -> None:
        nonlocal setup
        setup = setup.at(datetime.now(UTC))
        runs.run_due(setup, is_sending=False)

    with time_machine.travel(START, tick=False) as clock:
        run(Driven(turn), clock, END, lambda: upcoming(setup.store))
    got = mails(setup.store)
    with setup.store.read() as connection:
        made = {
            row.id: issues.load(connection, row.id)
            for row in connection.execute(select(tables.issues))
        }
    setup.store.close()
    assert got.keys() == wishes.keys()
    out = {item.paper.id: issue.made_at for issue in made.values() if issue for item in issue.items}
    best = {
        item.paper.id: (-item.weight, -item.score, item.paper.id)
        for issue in made.values()
        if issue
        for item in issue.items
    }
    assert len(out) >= 42
    for reader, had in got.items():
        wanted, here = wishes[reader], ZoneInfo(wishes[reader].timezone or "UTC")
        papers = Counter(paper for mail in had for paper in mail.papers)
        assert papers == Counter(paper for paper, at in out.items() if at <= had[-1].at), reader
        assert all(len(mail.shown) <= CAP for mail in had)
        days = [mail.at.astimezone(here).date() for mail in had]
        if reader.startswith("whatever"):
            assert [mail.at for mail in had] == sorted(set(out.values()))
            continue
        if wanted.hour is None:  # with the issues, and not at midnight
            assert {mail.at for mail in had} <= set(out.values()), reader
        for mail in had:
            if wanted.hour is None:
                continue
            # Not before her hour: what comes later on the same day comes at once.
            hour = hour_of(mail.at.astimezone(here).date(), wanted.hour or 0, wanted.timezone)
            came_at = min(out[paper] for paper in mail.papers)
            assert mail.at == max(hour, came_at), (reader, mail.at)
        check_days(reader, days)
        if wanted.frequency == "weekly":
            assert all(len(mail.papers) == 7 for mail in had[2:])
            for mail in had:
                assert list(mail.papers) == sorted(mail.papers, key=best.__getitem__)
            assert any(list(mail.papers) != sorted(mail.papers) for mail in had)


def check_days(reader: str, days: list[date]) -> None:
    """That mails came on the days that a kind of reader wants them."""
    assert len(set(days)) == len(days), reader
    kind = reader.partition("-")[0]
    gaps = {(after - before).days for before, after in pairwise(days[1:])}
    if kind in ("daily", "night", "hour", "anytime"):
        assert gaps == {1}, reader
    elif kind == "weekdays":
        assert gaps == {1, 3}, reader
        assert all(day.weekday() < 5 for day in days[1:])
    elif kind in ("weekly", "monday"):
        assert gaps == {7}, reader
        assert {day.weekday() for day in days[1:]} == {4 if kind == "weekly" else 0}
    elif kind == "monthly":
        assert days == [date(2026, 4, 1)]  # March was over for her when she came
    else:
        assert days[0] == PAUSE
        assert gaps == {1}


# --- halfway --------------------------------------------------------------------------------------


class Fate(Random):
    """Lets the process die at one commit, just before it or just after it."""

    def __init__(self, at: int, is_before: bool) -> None:
        super().__init__()
        self.left, self.is_before = at, is_before

    def random(self) -> float:
        self.left -= 1
        if self.left >= 0:
            return 0.5
        return (0.0 if self.is_before else 1.0) if self.left == -1 else 0.5


@pytest.mark.slow
@pytest.mark.parametrize("is_before", [True, False])
def test_a_process_may_die_at_any_commit_and_each_reader_gets_the_issue_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_before: bool
) -> None:
    monkeypatch.setattr(editions, "READERS", 4)
    moment = START + timedelta(hours=6)
    halfway: list[int] = []
    for at in range(200):
        url = f"sqlite:///{tmp_path}/{at}/digest.db"
        wishes = {f"r{n}": Preferences(papers=n % 2 + 1) for n in range(10)}
        setup = world(tmp_path / str(at), url, wishes)
        store = MortalStore.of(setup.store, Fate(at, is_before), 0.1, [])
        try:
            runs.run_due(replace(setup, store=store, now=moment), is_sending=False)
            has_died = False
        except Died:
            has_died = True
            halfway.append(len(mails(setup.store)))
        for minutes in (1, 2):
            runs.run_due(setup.at(moment + timedelta(minutes=minutes)), is_sending=False)
        got = mails(setup.store)
        with setup.store.read() as connection:
            assert not issues.unqueued(connection)
            assert connection.execute(select(tables.slots.c.slot)).scalars().all() == [
                "2026-03-02T05:00"
            ]
        setup.store.close()
        assert {reader: len(had) for reader, had in got.items()} == dict.fromkeys(wishes, 1)
        if not has_died:
            break
    else:
        pytest.fail("it never came to its end")
    assert {0, 4, 8} <= set(halfway)
