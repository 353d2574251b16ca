"""Slots that nobody was there for, schedules that change, and readers who come back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from arxiv_server import ArxivServer, Fault
from desk import body
from month import Month, papers_in, utc

from digest.errors import DigestError
from digest.store import people, watching
from digest.types import Preferences, Reason

FIRST = date(2026, 6, 15)  # a Monday
DAILY = {"schedule": "daily at 08:00"}


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGEST_STATE_FOLDER", str(tmp_path / "state"))
    monkeypatch.setattr("digest.sources.arxiv.PACE_S", 0.0)  # nobody is at the other end


@pytest.fixture
def server() -> Iterator[ArxivServer]:
    with ArxivServer(FIRST, date(2026, 7, 3), a_day=2) as running:
        yield running


def day(number: int, hour: int = 8, minute: int = 0) -> datetime:
    return utc(date(2026, 6, number), hour, minute)


def begun(folder: Path, server: ArxivServer, **digests: dict[str, Any]) -> Month:
    """Digests that went out on Tuesday, and then nothing ran until Monday."""
    month = Month(folder, server, digests)
    month.run(day(15), day(16))
    month.said.clear()
    return month


def sent(month: Month, digest: str = "d") -> list[tuple[str, int]]:
    """Slot and papers of each issue."""
    return [
        (one.report.slot, one.report.papers)
        for one in month.said
        if one.report.digest == digest and one.report.papers
    ]


@pytest.mark.parametrize(
    ("missed", "first"), [("latest", "2026-06-22T08:00"), ("none", "2026-06-23T08:00")]
)
def test_after_days_of_nothing_the_latest_slot_is_made_up_for_or_none(
    tmp_path: Path, server: ArxivServer, missed: str, first: str
) -> None:
    month = begun(tmp_path, server, d={**DAILY, "missed": missed})
    month.run(day(22, 20), day(23))
    assert sent(month)[0][0] == first
    got = month.got()["d@example.org"]
    assert set(got.values()) == {1}
    assert {one.id for one in server.papers if FIRST <= one.day <= date(2026, 6, 23)} <= set(got)


def test_after_days_of_nothing_the_operator_is_told_only_where_it_does_not_go_on(
    tmp_path: Path, server: ArxivServer, caplog: pytest.LogCaptureFixture
) -> None:
    month = begun(tmp_path, server, d=DAILY, e=DAILY)
    month.run(day(22, 20), day(23))
    assert sent(month)
    assert "has not gone out" not in caplog.text
    # And where nothing can be sent at all, nothing is begun, but that is told.
    month.at(0, transport="nowhere.at:all")
    for number in (25, 26, 27, 28):
        with pytest.raises(DigestError):
            month.turn(day(number, 20))
    assert len(alerted(month)) == 2


def alerted(month: Month) -> set[str]:
    with month.setup.store.read() as connection:
        return watching.alerted(connection)


def test_all_missed_slots_are_made_up_for_each_with_its_own_day_one_an_hour(
    tmp_path: Path, server: ArxivServer
) -> None:
    both = {"missed": "all", "to": ["both@example.org"]}
    month = begun(
        tmp_path, server, d={**DAILY, **both}, e={**DAILY, **both, "topics": ['"number"', '"on"']}
    )
    month.run(day(22, 20), day(23, 12))
    mails = month.mails("both@example.org", "issues")
    times = sorted(mail["Date"].datetime for mail in mails)[1:]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert min(gaps) >= timedelta(hours=1)
    got = month.got()["both@example.org"]
    assert set(got.values()) == {1}
    assert {one.id for one in server.papers if FIRST <= one.day <= date(2026, 6, 23)} <= set(got)
    slots = [slot for slot, _ in sent(month)]
    assert slots == sorted(slots)
    days = {one.id: one.day for one in server.papers}
    for mail in mails[2:]:
        assert len({days[id] for id in papers_in(body(mail))}) == 1


def test_a_new_schedule_begins_with_the_slot_that_went_by_and_says_so(
    tmp_path: Path, server: ArxivServer
) -> None:
    month = Month(tmp_path, server, {"d": DAILY})
    (report,) = month.turn(day(16, 10))
    assert (report.slot, report.reason) == ("2026-06-16T08:00", Reason.SENT)
    assert "its schedule is new and begins with the last slot that went by" in report.detail
    assert month.turn(day(16, 11)) == []


def test_a_changed_schedule_gives_no_second_issue_of_a_day(
    tmp_path: Path, server: ArxivServer
) -> None:
    month = begun(tmp_path, server, d=DAILY)
    month.change(d={"schedule": "daily at 07:00"})
    assert month.turn(day(16, 9)) == []
    assert [one.slot for one in month.turn(day(17, 7))] == ["2026-06-17T07:00"]
    month.change(d={"schedule": "daily at 11:00"})
    assert month.turn(day(17, 12)) == []
    assert [one.slot for one in month.turn(day(18, 11))] == ["2026-06-18T11:00"]


def test_who_paused_comes_back_to_one_mail(tmp_path: Path, server: ArxivServer) -> None:
    month = begun(tmp_path, server, d=DAILY)
    one = month.join("ada@example.org", "d")
    with month.setup.store.write() as connection:
        people.prefer(connection, one.id, Preferences(paused_until=date(2026, 6, 24)))
    before = len(month.mails("ada@example.org", "issues"))
    month.run(day(17), day(23, 20))
    assert len(month.mails("ada@example.org", "issues")) == before
    month.run(day(24, 0), day(24, 20))
    mails = month.mails("ada@example.org", "issues")
    assert len(mails) == before + 1
    assert mails[-1]["Date"].datetime == day(24)  # with the issue, and not at midnight
    month.run(day(25), day(26))
    got = month.got()["ada@example.org"]
    assert set(got.values()) == {1}
    assert {p.id for p in server.papers if date(2026, 6, 17) <= p.day <= date(2026, 6, 26)} <= set(
        got
    )


def test_a_wait_that_is_longer_than_to_the_next_slot_ends_with_it(
    tmp_path: Path, server: ArxivServer
) -> None:
    month = begun(tmp_path, server, d={"schedule": "daily at 08:00", "wait_hours": 72})
    for number in (17, 18):
        server.faults[date(2026, 6, number)] = Fault(kind="down")
    month.run(day(17), day(17, 9))
    month.run(day(18, 7, 30), day(19, 5))
    slots = [one.report.slot[8:10] for one in month.said]
    assert slots == sorted(slots)  # once the next one is due, the one before is left alone
    assert sent(month) == [("2026-06-18T08:00", 6)]


@pytest.mark.parametrize("night", [date(2026, 3, 29), date(2026, 10, 25)])
def test_a_slot_in_the_hour_that_is_skipped_or_comes_twice_is_due_once(
    tmp_path: Path, night: date
) -> None:
    with ArxivServer(night - timedelta(days=10), night + timedelta(days=3), a_day=1) as server:
        digest = {"schedule": "daily at 02:30", "timezone": "Europe/Berlin", "wait_hours": 0}
        month = Month(tmp_path, server, {"d": digest})
        month.run(utc(night - timedelta(days=2), 12), utc(night + timedelta(days=1), 12))
    own = [one.report.slot for one in month.said]
    assert len(own) == len(set(own))
    assert [slot[:10] for slot in own].count(f"{night}") == 1
