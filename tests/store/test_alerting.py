"""The operator hears of a digest that does not go out: once, in time, and of nothing else."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from desk import ADA, BEN, Desk, body, listed
from sqlalchemy import insert, update

from digest import plan, run, texts
from digest.run import Setup, notifying
from digest.run.alerting import alert
from digest.store import issues, schedules
from digest.store.tables import deliveries
from digest.templating import BUILT_IN
from digest.types import Reason, Slot

BOSS = "papers@example.org"
#: 08:00 UTC on a Monday
FIRST = datetime.fromisoformat("2026-06-22T08:00:00+00:00")
DAILY = "daily at 08:00"


@pytest.fixture
def desk(tmp_path: Path, url: str) -> Iterator[Desk]:
    made = Desk(tmp_path, store=url)
    made.now = FIRST - timedelta(days=1)
    made.at()
    with made.setup.store.write() as connection:
        schedules.keep(connection, "d", DAILY, "UTC", made.now, FIRST)
    yield made
    made.setup.store.close()


def slot(day: int) -> Slot:
    due_at = FIRST + timedelta(days=day)
    return Slot(due_at, plan.wall_time(due_at, "UTC"))


def settle(
    desk: Desk, day: int, outcome: Reason, issue: str | None = None, detail: str = ""
) -> Setup:
    """What a run leaves behind that settles a day's slot; it is a minute later then."""
    due = slot(day)
    desk.now = due.due_at + timedelta(minutes=1)
    setup = desk.at()
    report = {"reason": outcome, "detail": "", "sources": [{"source": "lab", "detail": detail}]}
    with setup.store.write() as connection:
        assert schedules.settle(connection, "d", due, outcome, desk.now, issue)
        schedules.go_on(connection, "d", slot(day + 1).due_at, due.due_at)
        issues.report(connection, "d", due.key, outcome, report, desk.now)
    return setup


def words(desk: Desk) -> list[str]:
    """The texts of the mails to the operator."""
    notifying.post(desk.setup)
    return [re.sub(r"\s+", " ", body(mail)) for mail in desk.mails(BOSS)]


def test_after_so_many_slots_without_an_issue_one_mail_says_which_and_why(desk: Desk) -> None:
    found = [
        alert(settle(desk, 0, Reason.SENT)),
        alert(settle(desk, 1, Reason.DOWN, detail="https://lab.example.org gave 503")),
        alert(settle(desk, 2, Reason.NO_MATCH)),
        alert(settle(desk, 3, Reason.QUIET)),
        alert(desk.at(hours=1)),
        alert(settle(desk, 4, Reason.DOWN)),
    ]
    assert found == [[], [], [], ["d"], [], []]
    (said,) = words(desk)
    assert "The digest d has not gone out for 3 of its slots in a row" in said
    places = [said.index(f"2026-06-{day} 08:00: ") for day in (25, 24, 23)]
    assert places == sorted(places)
    assert "2026-06-22" not in said
    assert "(lab: https://lab.example.org gave 503)" in said
    assert "none on the topics" in said
    assert "`digest status`" in said
    (mail,) = desk.mails(BOSS)
    assert mail["Subject"] == "Not going out: D"
    assert "2026-06-24 08:00: " in body(mail, "html")
    assert not re.search(r"[a-z2-7]{40}", mail.as_string())
    assert mail["List-Unsubscribe"] is None


def test_it_is_told_anew_after_it_went_out_and_stopped_again(desk: Desk) -> None:
    for day in range(3):
        settle(desk, day, Reason.DOWN)
    assert alert(desk.setup) == ["d"]
    assert alert(settle(desk, 3, Reason.SENT)) == []
    assert [alert(settle(desk, day, Reason.BLOCKED)) for day in (4, 5, 6)] == [[], [], ["d"]]
    assert len(words(desk)) == 2


def test_weekends_and_holidays_neither_count_nor_end_a_row(desk: Desk) -> None:
    outcomes = (Reason.DOWN, Reason.DOWN, Reason.WEEKEND, Reason.HOLIDAY, Reason.DOWN)
    found = [alert(settle(desk, day, outcome)) for day, outcome in enumerate(outcomes)]
    assert found == [[], [], [], [], ["d"]]
    assert alert(settle(desk, 5, Reason.WEEKEND)) == []
    (said,) = words(desk)
    assert "2026-06-24" not in said


def test_slots_that_nobody_settles_count_when_they_are_overdue(desk: Desk) -> None:
    setup = settle(desk, 0, Reason.SENT)
    wait = setup.config.digests["d"].wait_hours
    with setup.store.write() as connection:
        schedules.go_on(connection, "d", slot(1).due_at)
    desk.now = slot(3).due_at
    assert alert(desk.at(hours=wait + 0.9)) == []
    assert alert(desk.at(hours=0.2)) == ["d"]
    (said,) = words(desk)
    assert said.count("nobody has taken care of it") == 3
    assert alert(settle(desk, 3, Reason.SENT)) == []
    for day in (4, 5):
        settle(desk, day, Reason.DOWN)
    assert alert(settle(desk, 6, Reason.DOWN)) == ["d"]


def test_an_issue_that_is_just_going_out_is_waited_for(desk: Desk) -> None:
    desk.join()
    settle(desk, 0, Reason.SENT)
    for day in (1, 2, 3):
        settle(desk, day, Reason.MISSED)
    desk.now = slot(4).due_at
    desk.at()
    desk.keep(listed("sparse", 1, desk.now.date()))
    issue = run.build(desk.setup, "d", slot(4).key).issue
    assert issue
    setup = settle(desk, 4, Reason.SENT, issue.id)
    assert alert(setup) == []
    assert alert(desk.at(hours=1)) == ["d"]  # but not for ever


def test_slots_so_old_that_nobody_counts_them_are_said_to_be_at_least_so_many(desk: Desk) -> None:
    setup = settle(desk, 0, Reason.SENT)
    with setup.store.write() as connection:
        schedules.go_on(connection, "d", slot(1).due_at)
    assert alert(desk.at(hours=24 * 60)) == ["d"]
    (said,) = words(desk)
    assert "has not gone out for at least 35 of its slots in a row" in said


def test_the_same_once_they_are_settled_as_missed(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    settle(desk, 0, Reason.SENT)
    for day in range(25, 29):
        setup = settle(desk, day, Reason.MISSED)
    assert alert(setup) == ["d"]
    assert "d has not gone out for at least 4 slots in a row" in caplog.text


def test_an_issue_whose_mails_do_not_go_out_counts_after_an_hour(desk: Desk) -> None:
    desk.join()
    desk.join(BEN)
    for day in range(3):
        desk.now = slot(day).due_at
        desk.at()
        desk.keep(listed(f"sparse {day}", day + 1, desk.now.date()))
        issue = desk.build().issue
        assert issue
        with desk.setup.store.write() as connection:
            change = update(deliveries).where(deliveries.c.issue_id == issue.id)
            connection.execute(change.values(state="deferred", next_at=desk.now + timedelta(99)))
        setup = settle(desk, day, Reason.SENT, issue.id)
    assert alert(setup) == []
    assert alert(desk.at(hours=1)) == ["d"]
    (said,) = words(desk)
    assert said.count("its mails do not go out") == 3
    with setup.store.write() as connection:  # one reader has it: it goes out again
        mine = (deliveries.c.issue_id == issue.id) & (deliveries.c.state == "deferred")
        one = update(deliveries).where(mine).values(state="sent")
        connection.execute(one)
    assert alert(desk.setup) == []
    for day in (3, 4, 5):
        setup = settle(desk, day, Reason.DOWN)
    assert alert(setup) == ["d"]


def test_an_issue_for_nobody_went_out_all_the_same(desk: Desk) -> None:
    for day in range(4):
        assert alert(settle(desk, day, Reason.SENT, f"d/{slot(day).key}")) == []
    assert alert(desk.at(hours=5)) == []


def test_without_a_contact_the_log_says_it_once(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.at(operator={"name": "The Group"})
    for day in range(4):
        alert(settle(desk, day, Reason.DOWN))
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert said == [
        "d has not gone out for 3 slots in a row",
        "nobody is told that d does not go out: set contact under [operator]",
    ]
    assert words(desk) == []


def test_nobody_is_told_where_that_is_not_wanted(desk: Desk) -> None:
    desk.at(operator={"contact": BOSS, "alert_after": 0})
    assert [alert(settle(desk, day, Reason.DOWN)) for day in range(5)] == [[]] * 5


def test_a_digest_that_is_no_more_is_forgotten(desk: Desk) -> None:
    for day in range(3):
        alert(settle(desk, day, Reason.DOWN))
    before = desk.tables["digests"]
    assert alert(desk.at(digests={"e": before["e"]})) == []
    assert alert(desk.at(digests=before)) == ["d"]


def test_a_readers_address_in_a_servers_words_is_not_in_the_mail(desk: Desk) -> None:
    for day in range(3):
        setup = settle(desk, day, Reason.DOWN, detail=f"550 <{ADA}>\nno")
    assert alert(setup) == ["d"]
    assert "(lab: 550 <[address]> no)" in words(desk)[0]


def test_it_takes_no_time_where_nothing_is_wrong(desk: Desk) -> None:
    from digest.store import tables

    now = FIRST
    one = desk.tables["digests"]["d"]
    names = [f"d{n}" for n in range(1000)]
    setup = desk.at(digests=dict.fromkeys(names, one))
    rows: list[dict[str, Any]] = [
        {"digest": name, "slot": slot(-day).key, "due_at": slot(-day).due_at,
         "settled_at": now, "outcome": "sent"}
        for name in names for day in range(100)
    ]  # fmt: skip
    kept = [
        {"digest": name, "words": DAILY, "zone": "UTC", "after": now, "next_at": slot(1).due_at}
        for name in names
    ]
    with setup.store.write() as connection:
        connection.execute(insert(tables.slots), rows)
        connection.execute(insert(tables.schedules), kept)
    times = []
    for _ in range(5):
        began = time.perf_counter()
        assert alert(setup) == []
        times.append(time.perf_counter() - began)
    print(f"alert over 1000 digests: {min(times) * 1000:.1f} ms")
    assert min(times) < 0.2  # 20 ms, on a machine that does nothing else


def test_there_are_words_for_every_reason() -> None:
    found = texts.load([BUILT_IN], "en")
    others = {Reason.SENT, Reason.WEEKEND, Reason.HOLIDAY}
    for reason in {*Reason, "unsent", "overdue"} - others:
        assert found[f"alert.{reason}"]
