"""What is due is done, whatever becomes of others; each reader hears of it when she wants to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from arxiv_server import ArxivServer
from month import Month, utc
from sqlalchemy import event

from digest import plan, run
from digest.run import due, slots
from digest.store import issues, people, schedules
from digest.types import Preferences, Reason

FIRST = date(2026, 6, 15)  # a Monday
DAILY = {"schedule": "daily at 08:00"}


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGEST_STATE_FOLDER", str(tmp_path / "state"))
    monkeypatch.setattr("digest.sources.arxiv.PACE_S", 0.0)  # nobody is at the other end


@pytest.fixture
def server() -> Iterator[ArxivServer]:
    with ArxivServer(FIRST, date(2026, 6, 26), a_day=2) as running:
        yield running


def day(number: int, hour: int = 8, minute: int = 0) -> datetime:
    return utc(date(2026, 6, number), hour, minute)


def prefer(month: Month, address: str, digest: str = "d", **wishes: Any) -> None:
    with month.setup.store.write() as connection:
        reader = people.ids_of(connection, [address])[address]
        found = [one for one in people.of_subscriber(connection, reader) if one.digest == digest]
        people.prefer(connection, found[0].id, Preferences(**wishes))


def mails(month: Month, address: str) -> list[datetime]:
    return sorted(mail["Date"].datetime for mail in month.mails(address, "issues"))


def test_a_digest_that_cannot_be_made_stops_no_other_and_says_why(
    tmp_path: Path, server: ArxivServer
) -> None:
    library = tmp_path / "mine.bib"
    library.write_text("@article{a, title={A title}, abstract={About a number.}}", "utf-8")
    month = Month(tmp_path, server, {"a": DAILY, "b": {**DAILY, "papers_like": [str(library)]}})
    month.run(day(16), day(17))
    library.unlink()
    for number in (18, 19):
        reports = {one.digest: one for one in month.turn(day(number, 8, 5))}
        assert (reports["a"].reason, reports["a"].mails) == (Reason.SENT, 1)
        assert (reports["b"].reason, reports["b"].has_failed) == (Reason.DOWN, True)
        assert "mine.bib" in reports["b"].detail
        assert month.turn(day(number, 8, 6)) == []  # it is tried again, and not each minute
    library.write_text("@article{a, title={A title}, abstract={About a number.}}", "utf-8")
    (again,) = month.turn(day(19, 8, 30))
    assert (again.digest, again.reason) == ("b", Reason.SENT)
    assert set(month.got()["b@example.org"].values()) == {1}


def test_readers_of_one_digest_whose_mail_cannot_be_made_hold_up_no_others(
    tmp_path: Path, server: ArxivServer
) -> None:
    month = Month(tmp_path, server, {"a": DAILY, "b": DAILY})
    month.run(day(16, 8), day(16, 9))
    for name in ("a", "b"):
        prefer(month, f"{name}@example.org", name, hour=10)
    month.run(day(17, 8), day(17, 9))
    with month.setup.store.write() as connection:  # a row that nothing can be made of
        connection.exec_driver_sql(
            "UPDATE issue_items SET because = '{' WHERE issue_id LIKE 'a/2026-06-17%'"
        )
    reports = month.turn(day(17, 10))
    assert [one.digest for one in reports] == ["b"]
    assert len(mails(month, "b@example.org")) == 2
    assert len(mails(month, "a@example.org")) == 1
    assert not due.is_any(month.moment(day(17, 10, 1)))  # not each minute


@pytest.mark.parametrize("wishes", [{"frequency": "daily"}, {"frequency": "weekly"}])
def test_who_names_no_hour_gets_her_mail_with_the_issues_and_not_at_midnight(
    tmp_path: Path, server: ArxivServer, wishes: dict[str, Any]
) -> None:
    month = Month(tmp_path, server, {"d": DAILY})
    month.run(day(16), day(16))
    prefer(month, "d@example.org", **wishes)
    month.run(day(16, 9), day(24))
    times = mails(month, "d@example.org")
    assert {(at.hour, at.minute) for at in times} == {(8, 0)}
    days = [at.day for at in times]
    assert days == ([16, 22] if wishes["frequency"] == "weekly" else days)
    assert set(month.got()["d@example.org"].values()) == {1}


def test_where_nothing_missed_is_made_up_for_the_slot_that_is_on_time_goes_out(
    tmp_path: Path, server: ArxivServer
) -> None:
    month = Month(tmp_path, server, {"d": {**DAILY, "missed": "none"}})
    month.run(day(15), day(16))
    missed, sent = month.turn(day(22, 8, 5))
    assert (missed.slot, missed.reason) == ("2026-06-21T08:00", Reason.MISSED)
    assert missed.detail == "nothing ran here at its hour, nor at 4 before"
    assert (sent.slot, sent.reason) == ("2026-06-22T08:00", Reason.SENT)
    assert run.exit_code([missed, sent]) == 0


def test_a_schedule_changed_before_its_hour_waits_for_the_new_one(
    tmp_path: Path, server: ArxivServer
) -> None:
    month = Month(tmp_path, server, {"d": DAILY})
    month.run(day(16), day(17))
    month.change(d={"schedule": "daily at 18:00"})
    assert month.turn(day(18, 7)) == []
    assert [one.slot for one in month.turn(day(18, 18))] == ["2026-06-18T18:00"]


def test_a_schedule_changed_while_a_slot_was_open_makes_up_for_it(
    tmp_path: Path, server: ArxivServer
) -> None:
    month = Month(tmp_path, server, {"d": DAILY})
    month.run(day(16), day(17))
    month.change(d={"schedule": "daily at 08:30"})
    assert [one.slot for one in month.turn(day(18, 10))] == ["2026-06-18T08:30"]


def test_what_waits_for_digests_that_are_no_more_is_not_due(
    tmp_path: Path, server: ArxivServer
) -> None:
    month = Month(tmp_path, server, {"d": DAILY, "e": DAILY})
    month.run(day(16), day(16))
    prefer(month, "d@example.org", hour=20)
    month.change(d={**DAILY, "topics": ['"nothing of it"']})
    del month.setup.config.digests["d"]
    setup = month.moment(day(16, 21))
    slots.sync(setup)
    assert not due.is_any(setup)


def test_an_issue_that_all_readers_wait_for_was_made_and_is_not_called_old(
    tmp_path: Path, server: ArxivServer
) -> None:
    month = Month(tmp_path, server, {"d": DAILY})
    month.run(day(16), day(16))
    prefer(month, "d@example.org", hour=18)
    (made,) = month.turn(day(17))
    assert (made.reason, made.papers, made.mails) == (Reason.SENT, 2, 0)
    assert "waits for her own hour" in made.detail
    (gone,) = month.turn(day(17, 18))
    assert (gone.reason, gone.mails) == (Reason.SENT, 1)


def test_a_word_for_readers_is_not_lost_with_the_process_that_owed_it(
    tmp_path: Path, server: ArxivServer
) -> None:
    month = Month(tmp_path, server, {"d": {**DAILY, "send_empty": True}})
    month.run(day(17), day(19))
    before = len(mails(month, "d@example.org"))

    class Killed(BaseException):
        pass

    def die(connection: object) -> None:
        setup = month.setup
        with setup.store.read() as view:
            if setup.now == day(20) and schedules.settled(view, "d", ["2026-06-20T08:00"]):
                raise Killed

    event.listen(month.setup.store.writer, "begin", die)
    with pytest.raises(Killed):
        month.turn(day(20))
    event.remove(month.setup.store.writer, "begin", die)
    with month.setup.store.read() as connection:
        assert [row.digest for row in issues.unqueued(connection)] == ["d"]
    month.turn(day(20, 8, 1))
    assert len(mails(month, "d@example.org")) == before + 1


def test_a_digest_in_another_zone_has_its_readers_looked_at_again(
    tmp_path: Path, server: ArxivServer
) -> None:
    month = Month(tmp_path, server, {"d": DAILY})
    month.run(day(16), day(16))
    prefer(month, "d@example.org", hour=18)
    month.run(day(17), day(17, 9))
    month.change(d={**DAILY, "timezone": "Asia/Tokyo"})  # 18:00 there is 9:00 in UTC
    month.run(day(17, 9, 15), day(17, 10))
    assert [at.hour for at in mails(month, "d@example.org")] == [8, 9]


def test_what_is_no_longer_needed_goes_once_a_day(tmp_path: Path, server: ArxivServer) -> None:
    month = Month(tmp_path, server, {"d": DAILY})
    month.run(day(16), day(16))
    old = tmp_path / "outbox" / "d" / "2024-01-01T08:00"
    old.mkdir(parents=True)
    (old / "issue.html").write_text("old", "utf-8")
    month.turn(day(16, 20))
    assert old.exists()
    month.turn(day(17, 8))
    assert not old.exists()
    with month.setup.store.read() as connection:
        row = schedules.known(connection)[slots.HOUSEKEEPING]
    assert row.next_at == day(17, 8) + timedelta(days=1)


@pytest.mark.parametrize("words", ["0 8 30 2 *", "0 8 31 4,6 *"])
def test_a_schedule_that_never_comes_is_refused(words: str) -> None:
    with pytest.raises(plan.BadSchedule, match="never comes"):
        plan.parse_schedule(words, "UTC")
