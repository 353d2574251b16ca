"""A month of arXiv's days, with all that goes wrong, before the real run_due()."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta

import arxiv_month
import pytest
from arxiv_month import JULY, JUNE
from desk import body
from month import STEP, Month, log, papers_in

from digest.plan import parse_schedule
from digest.types import Reason

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def patched() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("digest.sources.arxiv.PACE_S", 0.0)  # nobody is at the other end
        yield patch


Made = tuple[Month, dict[date, str]]


@pytest.fixture(scope="module")
def summer(tmp_path_factory: pytest.TempPathFactory, patched: pytest.MonkeyPatch) -> Iterator[Made]:
    folder = tmp_path_factory.mktemp("summer")
    patched.setenv("DIGEST_STATE_FOLDER", str(folder / "state"))
    with arxiv_month.summer_server() as server:
        month, days = arxiv_month.summer(folder, server)
        yield month, days
        month.setup.store.close()


@pytest.fixture(scope="module")
def winter(tmp_path_factory: pytest.TempPathFactory, patched: pytest.MonkeyPatch) -> Iterator[Made]:
    folder = tmp_path_factory.mktemp("winter")
    patched.setenv("DIGEST_STATE_FOLDER", str(folder / "state"))
    with arxiv_month.winter_server() as server:
        month, days = arxiv_month.winter(folder, server)
        yield month, days
        month.setup.store.close()


def outcomes(month: Month, digest: str) -> dict[str, Reason]:
    """Slot → what its last report says, of the digest's own slots."""
    said = [one.report for one in month.said if one.report.digest == digest]
    return {one.slot[5:10]: one.reason for one in said if "own hour" not in one.detail}


def test_every_paper_reaches_every_reader_once(summer: Made, winter: Made) -> None:
    for (month, _), readers in (
        (summer, ("work@", "early@", "strict@", "own@")),
        (winter, ("midnight@",)),
    ):
        announced = [one.id for one in month.server.papers if one.day >= month.server.first]
        for reader in readers:
            got = month.got()[reader + "example.org"]
            assert set(got.values()) == {1}
            assert set(announced) <= set(got)


def test_a_weekly_reader_has_what_was_announced_by_her_day(summer: Made) -> None:
    month, _ = summer
    got = month.got()["weekly@example.org"]
    assert set(got.values()) == {1}
    # On Wednesday, 8 July at 9:00; that of 7 July has come by then, and that of the 8th.
    due = {one.id for one in month.server.papers if JUNE(15) <= one.day <= JULY(8)}
    assert due <= set(got)
    days = Counter(
        mail["Date"].datetime.weekday() for mail in month.mails("weekly@example.org", "issues")
    )
    assert days.keys() <= {0, 2}  # her first issue came when she joined, on a Monday


def test_no_mail_is_empty_but_those_that_say_why(summer: Made, winter: Made) -> None:
    for month, _ in (summer, winter):
        for mail in month.mails(kind="issues"):
            tells = "no papers" in mail["Subject"]
            assert tells is not bool(papers_in(body(mail)))
            assert not tells or mail["To"].startswith(("work@", "midnight@"))


def test_issues_are_late_rather_than_empty_and_never_later_than_their_digest_waits(
    summer: Made, winter: Made
) -> None:
    late = 0
    for month, _ in (summer, winter):
        for name, digest in month.setup.config.digests.items():
            schedule = parse_schedule(digest.schedule, digest.timezone)
            own = [one for one in month.said if one.report.digest == name]
            for said in own[1:]:  # a new digest begins with a slot that went by
                if "own hour" in said.report.detail:
                    continue
                slot = {s.key: s for s in schedule.slots(said.at - timedelta(days=1), said.at)}
                after = said.at - slot[said.report.slot].due_at
                assert after <= timedelta(hours=digest.wait_hours) + STEP
                late += bool(said.report.papers and after > STEP)
    assert late > 10


EXPECTED = {
    JUNE(16): Reason.SENT, JUNE(17): Reason.SENT, JUNE(18): Reason.SENT, JUNE(22): Reason.LATE,
    JUNE(24): Reason.DOWN, JUNE(26): Reason.SENT, JUNE(30): Reason.SENT, JULY(1): Reason.STALE,
    JULY(3): Reason.HOLIDAY, JULY(7): Reason.SENT, JULY(9): Reason.QUIET, JULY(14): Reason.SENT,
}  # fmt: skip


def test_each_day_has_its_reason(summer: Made, winter: Made) -> None:
    month, _ = summer
    work = outcomes(month, "work")
    assert {day: work[f"{day:%m-%d}"] for day in EXPECTED} == EXPECTED
    early = outcomes(month, "early")
    assert early["06-21"] is early["07-12"] is Reason.WEEKEND
    assert early["06-17"] is Reason.STALE
    strict = outcomes(month, "strict")
    assert [strict[day] for day in ("06-16", "06-30", "07-07")] == [
        Reason.LATE,
        Reason.BLOCKED,
        Reason.QUIET,
    ]
    month, _ = winter
    midnight = outcomes(month, "midnight")
    assert [midnight[day] for day in ("12-30", "01-01", "01-02", "01-05", "01-07")] == [
        Reason.HOLIDAY,
        Reason.HOLIDAY,
        Reason.WEEKEND,
        Reason.HOLIDAY_OR_STALE,
        Reason.SENT,
    ]


def test_whoever_wants_to_hears_why_there_is_nothing(summer: Made, winter: Made) -> None:
    found: dict[str, str] = {}
    for month, reader in ((summer[0], "work@example.org"), (winter[0], "midnight@example.org")):
        for mail in month.mails(reader, "issues"):
            if "no papers" in mail["Subject"]:
                day = datetime.astimezone(mail["Date"].datetime, UTC).date()
                found[f"{day:%m-%d}"] = " ".join(body(mail).split())
    late = "papers could not be had in time. They will be in the next issue."
    assert late in found["06-22"]
    assert late in found["06-24"]
    assert late in found["07-01"]
    assert "No papers were announced: it is a holiday." in found["07-03"]
    assert "No papers were announced." in found["07-09"]
    assert "it is a holiday." in found["12-30"]
    assert "it is the weekend." in found["01-02"]
    assert "it is a holiday, or they are late" in found["01-05"]


def test_the_months_are_told_as_they_are_kept(
    summer: Made, winter: Made, golden: Callable[[str, bytes], None]
) -> None:
    told = "\n".join(log(*made) for made in (summer, winter))
    golden("arxiv-month.txt", told.encode())
