"""What `digest status` says: what is wrong on top, what comes, what was."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from build import NOW
from desk import ADA, BEN, Desk, listed
from sqlalchemy import insert

from digest import run
from digest.plan import parse_schedule
from digest.status import lines, status
from digest.store import issues, papers, schedules, sending, tables
from digest.types import Coverage, Reason, Slot

D = {"topics": ['"sparse"'], "sources": ["lab"], "schedule": "daily at 05:00"}
DAILY = parse_schedule("daily at 05:00", "UTC")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    found = Desk(tmp_path)
    found.at(digests={"d": D})
    yield found
    found.setup.store.close()


def kept(desk: Desk, hours: float = 20, look_in: float = 0.2) -> None:
    """The schedule is followed since so many hours, and is looked at again in so many."""
    with desk.setup.store.write() as connection:
        after, next_at = NOW - timedelta(hours=hours), NOW + timedelta(hours=look_in)
        schedules.keep(connection, "d", "daily at 05:00", "UTC", after, next_at)


def reported(desk: Desk, reason: Reason, slot: str = "2026-06-22T05:00") -> None:
    words = {
        "slot": slot,
        "reason": str(reason),
        "sources": [{"source": "lab", "reason": str(reason), "detail": "still shows Friday"}],
    }
    with desk.setup.store.write() as connection:
        issues.report(connection, "d", slot, reason, words, NOW - timedelta(minutes=50))


def said(desk: Desk) -> str:
    return "\n".join(lines(status(desk.setup)))


def test_the_next_run_is_told_in_the_digests_zone_and_in_utc(desk: Desk) -> None:
    desk.at(digests={"d": {**D, "schedule": "daily at 08:30", "timezone": "Europe/Paris"}})
    found = status(desk.setup)["digests"][0]
    assert found["next"] == "2026-06-22T08:30 Europe/Paris"
    assert found["next_at"] == "2026-06-22T06:30:00+00:00"
    assert "  next     2026-06-22T08:30 Europe/Paris (06:30 UTC), in 30 min" in said(desk)


def test_a_source_without_an_account_of_days_was_read_when_the_newest_run_says_so(
    desk: Desk,
) -> None:
    reported(desk, Reason.NO_MATCH)
    (source,) = status(desk.setup)["sources"]
    assert source["read_at"] == (NOW - timedelta(minutes=50)).isoformat()
    assert "source lab: last read in full 2026-06-22 05:10 UTC, 50 min ago" in said(desk)


def test_an_open_slot_says_for_what_it_waits_and_stands_out(desk: Desk) -> None:
    kept(desk)
    reported(desk, Reason.LATE)
    text = " ".join(said(desk).split())
    told = (
        "the slot 2026-06-22T05:00 waits, since lab is late; looked at again at"
        " 2026-06-22 06:12 UTC"
    )
    assert text.startswith(f"! d: {told}")
    assert f" open {told}" in text
    assert "! source lab is late: still shows Friday" in text
    assert "last 2026-06-22T05:00: late (lab late), 50 min ago" in text
    assert "source lab: last read in full never; said last: late" in text


def test_a_service_that_nobody_runs_any_more_is_noticed(desk: Desk) -> None:
    kept(desk, hours=30, look_in=-20)
    assert said(desk).startswith("! nobody has looked at d since 2026-06-21T10:00 UTC: does")
    kept(desk, hours=30, look_in=-0.5)
    assert "nobody has looked at" not in said(desk)


def test_slots_that_are_done_with_are_told_newest_first_and_are_not_open(desk: Desk) -> None:
    kept(desk, hours=24 * 6)
    with desk.setup.store.write() as connection:
        for days, outcome in ((4, Reason.SENT), (3, Reason.SENT), (2, Reason.WEEKEND),
                              (1, Reason.HOLIDAY), (0, Reason.QUIET)):  # fmt: skip
            at = NOW.replace(hour=5) - timedelta(days=days)
            slot = Slot(at, f"{at:%Y-%m-%dT%H:%M}")
            assert schedules.settle(connection, "d", slot, outcome, NOW)
    (found,) = status(desk.setup)["digests"]
    assert [one["outcome"] for one in found["slots"]] == ["quiet", "holiday", "weekend"]
    assert found["open"] is None
    assert (
        "  slots    2026-06-22T05:00 quiet, 2026-06-21T05:00 holiday, 2026-06-20T05:00 weekend"
        in said(desk)
    )


def test_mails_in_doubt_come_with_the_command_to_use(desk: Desk) -> None:
    desk.join()
    desk.keep(listed("A sparse thing", 1))
    run.build(desk.setup, "d", "2026-06-22T05:00")
    with desk.setup.store.write() as connection:
        sending.arrive(connection, "dead", "elsewhere", NOW, NOW)
        (one,) = sending.claim(connection, "dead", NOW, 1)
        sending.begin(connection, "dead", [one.message_id], NOW)
        from digest.types import DeliveryState

        sending.recover(connection, NOW, DeliveryState.IN_DOUBT)
    found = status(desk.setup)
    assert found["in_doubt"] == [
        {
            "issue": "d/2026-06-22T05:00",
            "mails": 1,
            "command": "digest send --retry in-doubt d/2026-06-22T05:00",
        }
    ]
    assert found["queue"] == {"in-doubt": 1}
    assert "! 1 of d/2026-06-22T05:00 in doubt" in said(desk)


def test_readers_who_wait_for_their_own_hour_are_counted(desk: Desk) -> None:
    people = [desk.join(one).subscriber for one in (ADA, BEN)]
    with desk.setup.store.write() as connection:
        moments = {people[0]: NOW + timedelta(hours=3), people[1]: NOW + timedelta(hours=1)}
        schedules.set_due(connection, "d", moments)
    text = said(desk)
    assert "  readers  2, 2 of them waiting for their own hour" in text
    assert "2 readers wait for hours of their own; the next is due 2026-06-22 07:00 UTC" in text


def test_open_alerts_are_on_top(desk: Desk) -> None:
    with desk.setup.store.write() as connection:
        row = {"about": "d has not gone out for 3 of its slots", "since": NOW}
        connection.execute(insert(tables.alerts).values(row))
    assert said(desk).startswith(
        "! d has not gone out for 3 of its slots: alerted since 2026-06-22"
    )


def test_days_that_arxiv_has_still_to_be_asked_for_are_named(desk: Desk) -> None:
    desk.at(digests={"d": {**D, "sources": ["arxiv"], "categories": ["cs.CL"]}})
    with desk.setup.store.write() as connection:
        rows = [
            Coverage(category="cs.CL", day=NOW.date() - timedelta(days=days), how=how)
            for days, how in ((4, "feed"), (3, "asked"), (0, "feed"))
        ]
        papers.cover(connection, "arxiv", rows, NOW)
    (found,) = status(desk.setup)["sources"]
    assert (found["source"], found["open"]) == ("arxiv", ["2026-06-19"])
    assert "less than a minute ago; still to be read: 2026-06-19" in " ".join(said(desk).split())


def test_a_quiet_installation_has_nothing_on_top(desk: Desk) -> None:
    assert status(desk.setup)["problems"] == []
    assert said(desk).startswith("d: issues 0, mails sent 0")


def test_a_thousand_digests_take_less_than_a_second(desk: Desk) -> None:
    many = {f"d{n}": {**D, "schedule": f"daily at 05:{n % 60:02}"} for n in range(1000)}
    desk.at(digests=many)
    rows: list[dict[str, Any]] = []
    with desk.setup.store.write() as connection:
        for name, one in many.items():
            after = NOW - timedelta(days=3)
            schedules.keep(connection, name, one["schedule"], "UTC", after, NOW)
            for days in range(1, 31):
                at = NOW - timedelta(days=days)
                rows.append(
                    {"digest": name, "slot": f"{at:%Y-%m-%dT%H:%M}", "due_at": at,
                     "settled_at": at, "outcome": "sent", "issue_id": None}
                )  # fmt: skip
            issues.report(
                connection, name, "2026-06-21T05:00", "sent",
                {"slot": "2026-06-21T05:00", "reason": "sent", "sources": []}, NOW,
            )  # fmt: skip
        connection.execute(insert(tables.slots), rows)
    best = 9.0
    for _ in range(3):
        began = time.process_time()
        found = status(desk.setup)
        lines(found)
        best = min(best, time.process_time() - began)
    assert len(found["digests"]) == 1000
    assert len(found["problems"]) < 70  # what is alike is said once
    assert best < 1, best
