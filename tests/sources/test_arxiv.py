from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
import shapes

from digest.errors import NotAFeed, SourceDown
from digest.sources.arxiv import Arxiv
from digest.sources.arxiv_days import open_days
from digest.types import (
    Answer,
    Ask,
    Coverage,
    Failure,
    Page,
    Reading,
    Reason,
    Request,
    Response,
)

MON, TUE, WED, THU, FRI = (date(2026, 6, d) for d in (22, 23, 24, 25, 26))
SOURCE = Arxiv(rss="https://rss.test", api="https://api.test/query")


def ask(day: date = TUE, **changes: object) -> Ask:
    plain = Ask(source="arxiv", now=shapes.utc(day), categories=("cs.AI", "cs.CL"))
    return replace(plain, **changes)  # type: ignore[arg-type]


def covered(*days: date, how: str = "feed") -> tuple[Coverage, ...]:
    return tuple(
        Coverage(category=c, day=d, how=how)  # type: ignore[arg-type]
        for c in ("cs.AI", "cs.CL")
        for d in days
    )


def drive(
    asked: Ask, feed: bytes | Failure | None, api: bytes = b""
) -> tuple[Reading, list[Request]]:
    """Answer every request: the feed with `feed` (None: unchanged), the API with `api`."""
    answers: list[Answer] = []
    requests: list[Request] = []
    while request := SOURCE.next_request(asked, answers):
        requests.append(request)
        assert len(requests) < 20
        if request.kind == "feed" and isinstance(feed, Failure):
            answers.append(replace(feed, request=request))
        elif request.kind == "feed" and feed is None:
            answers.append(Page(request=request, is_unchanged=True))
        else:
            body = feed if request.kind == "feed" else api or shapes.api([])
            assert isinstance(body, bytes)
            answers.append(SOURCE.read(Response(request=request, body=body), asked))
    return SOURCE.conclude(asked, answers), requests


def days_of(reading: Reading) -> Mapping[str, date | None]:
    return {e.aliases[0].removeprefix("arxiv:"): e.listed_on for e in reading.entries}


def full_days(reading: Reading) -> set[date]:
    return {c.day for c in reading.covered if c.how == "feed"}


def failure(reason: Reason = Reason.DOWN) -> Failure:
    request = Request(url="https://rss.test/", source="arxiv", kind="feed", group="arxiv")
    return Failure(request=request, reason=reason, detail="no answer")


def test_all_categories_are_asked_for_in_one_request() -> None:
    request = SOURCE.next_request(ask(), [])
    assert request is not None
    assert request.url == "https://rss.test/rss/cs.AI+cs.CL"
    assert (request.group, request.pace_s) == ("arxiv", 3.0)


def test_a_good_day_lists_new_and_cross_and_never_replacements() -> None:
    rows = [
        *shapes.rows(TUE, 2),
        *shapes.rows(TUE, 1, 2, "cross"),
        *shapes.rows(TUE, 1, 3, "replace"),
    ]
    reading, requests = drive(ask(coverage=covered(MON)), shapes.rss(TUE, rows))
    assert reading.reason is Reason.SENT
    assert len(requests) == 1
    listed = days_of(reading)
    assert [listed[id] for id in shapes.ids(TUE, 4)] == [TUE, TUE, TUE, None]
    assert full_days(reading) == {TUE}


def test_an_entry_is_read_whole() -> None:
    reading, _ = drive(ask(), shapes.rss(TUE, shapes.rows(TUE, 1)))
    (entry,) = reading.entries
    number = shapes.number(shapes.ids(TUE, 1)[0])
    assert entry.title == shapes.title(number)
    assert entry.abstract == shapes.abstract(number)
    assert entry.authors == (f"Ada Example{number}", "Bo Sample")
    assert (entry.announce, entry.version, entry.categories) == ("new", 1, ("cs.CL",))
    assert entry.links.pdf == entry.links.abstract.replace("/abs/", "/pdf/")


@pytest.mark.parametrize("id", ["hep-ex/0307015", "math.GT/0309136"])
def test_old_ids_keep_their_slash(id: str) -> None:
    feed = shapes.rss(TUE, [("2606.00001", "new", ("hep-ex",))]).replace(b"2606.00001", id.encode())
    reading, _ = drive(ask(), feed)
    assert reading.entries[0].aliases == (f"arxiv:{id}",)


def test_an_empty_feed_on_a_weekend_is_a_weekend_and_asks_nothing_more() -> None:
    saturday = date(2026, 6, 27)
    coverage = covered(MON, TUE, WED, THU, FRI)
    reading, requests = drive(ask(saturday, coverage=coverage), shapes.rss(saturday, []))
    assert reading.reason is Reason.WEEKEND
    assert len(requests) == 1


def test_an_empty_feed_on_a_holiday_is_a_holiday() -> None:
    day = date(2026, 9, 7)
    assert (
        drive(ask(day, coverage=covered(day - timedelta(days=3))), shapes.rss(day, []))[0].reason
        is Reason.HOLIDAY
    )


def test_an_empty_feed_on_a_working_day_is_quiet_and_leaves_the_day_open() -> None:
    reading, requests = drive(ask(coverage=covered(MON)), shapes.rss(TUE, []))
    assert reading.reason is Reason.QUIET
    assert full_days(reading) == set()
    assert [r.kind for r in requests] == ["feed", "api"]


def test_yesterdays_papers_under_todays_date_are_stale() -> None:
    known = {f"arxiv:{id}": MON for id in shapes.ids(MON, 3)}
    reading, _ = drive(
        ask(coverage=covered(MON), recent=known), shapes.rss(TUE, shapes.rows(MON, 3))
    )
    assert reading.reason is Reason.STALE
    assert full_days(reading) == set()
    assert "dated 2026-06-23, and its papers came before" in reading.detail


def test_a_feed_not_yet_rebuilt_is_late() -> None:
    known = {f"arxiv:{id}": MON for id in shapes.ids(MON, 3)}
    reading, _ = drive(
        ask(coverage=covered(MON), recent=known), shapes.rss(MON, shapes.rows(MON, 3))
    )
    assert reading.reason is Reason.LATE


def test_an_unchanged_feed_is_late_on_a_new_day_and_fine_on_the_same_day() -> None:
    assert drive(ask(coverage=covered(MON)), None)[0].reason is Reason.LATE
    assert drive(ask(coverage=covered(MON, TUE)), None)[0].reason is Reason.ALL_SENT


def test_a_feed_that_came_to_nothing_today_is_read_in_full_again() -> None:
    """That it has not changed since would not tell a holiday from a day that is late."""
    asked = Coverage(category="cs.CL", day=TUE, how="asked")
    for coverage, expected in ((covered(MON), True), ((*covered(MON), asked), False)):
        request = SOURCE.next_request(ask(coverage=coverage), [])
        assert request
        assert request.is_conditional is expected


def test_a_feed_that_is_still_sundays_is_late_on_a_monday() -> None:
    sunday = MON - timedelta(days=1)
    reading, _ = drive(ask(MON, coverage=covered(FRI - timedelta(days=7))), shapes.rss(sunday, []))
    assert reading.reason is Reason.LATE
    assert "still that of 2026-06-21" in reading.detail


def test_a_feed_of_yesterday_with_nothing_but_replacements_is_late() -> None:
    reading, _ = drive(
        ask(coverage=covered(MON)), shapes.rss(MON, shapes.rows(MON, 1, kind="replace"))
    )
    assert reading.reason is Reason.LATE
    assert full_days(reading) == set()


def test_one_category_going_stale_leaves_its_day_open() -> None:
    rows = [*shapes.rows(TUE, 2), *shapes.rows(MON, 2, categories=("cs.AI",))]
    known = {f"arxiv:{id}": MON for id in shapes.ids(MON, 2)}
    reading, requests = drive(ask(coverage=covered(MON), recent=known), shapes.rss(TUE, rows))
    assert reading.reason is Reason.SENT
    assert {c.category for c in reading.covered if c.how == "feed"} == {"cs.CL"}
    assert [r.kind for r in requests] == ["feed", "api"]


def test_unknown_papers_under_a_wrong_date_count_as_todays_and_are_noted() -> None:
    asked = ask(WED, coverage=covered(MON, TUE))
    reading, _ = drive(asked, shapes.rss(MON, shapes.rows(WED, 2)))
    assert set(days_of(reading).values()) == {WED}
    assert "wrong date" in reading.detail
    assert reading.reason is Reason.SENT


def test_on_a_first_reading_the_newest_papers_count_as_todays_whatever_their_date() -> None:
    reading, _ = drive(ask(WED, is_first=True), shapes.rss(MON, shapes.rows(WED, 2)))
    assert set(days_of(reading).values()) == {WED}


def test_a_feed_cut_at_its_limit_does_not_count_as_the_whole_day() -> None:
    reading, requests = drive(ask(coverage=covered(MON)), shapes.rss(TUE, shapes.rows(TUE, 2000)))
    assert full_days(reading) == set()
    assert "cut at 2000" in reading.detail
    assert [r.kind for r in requests] == ["feed", "api"]


def test_a_skipped_day_is_asked_of_the_api_and_its_papers_get_that_day() -> None:
    missed = shapes.ids(TUE, 3)
    held = datetime.fromisoformat("2026-06-17T12:00:00+00:00")  # in time for the 18th, but held
    on_time = datetime.fromisoformat("2026-06-22T12:00:00+00:00")
    api = shapes.api([(missed[0], on_time), (missed[1], held), (missed[2], on_time)])
    feed = shapes.rss(WED, shapes.rows(WED, 2))
    reading, requests = drive(ask(WED, coverage=covered(MON)), feed, api)
    assert [r.kind for r in requests] == ["feed", "api"]
    assert "cat%3Acs.AI+OR+cat%3Acs.CL" in requests[1].url
    # From a week before the day's own submissions began: moderation holds papers that long.
    assert "submittedDate%3A%5B202606121800+TO+" in requests[1].url
    assert {days_of(reading)[id] for id in missed} == {TUE}
    assert {days_of(reading)[id] for id in shapes.ids(WED, 2)} == {WED}


def test_the_api_stands_in_when_the_feed_is_down_and_the_fault_is_named() -> None:
    on_time = datetime.fromisoformat("2026-06-22T12:00:00+00:00")
    api = shapes.api([(id, on_time) for id in shapes.ids(TUE, 3)])
    reading, _ = drive(ask(coverage=covered(MON)), failure(), api)
    assert reading.reason is Reason.DOWN
    assert set(days_of(reading).values()) == {TUE}
    assert "no answer" in reading.detail
    assert "(2026-06-23): 3 new papers" in reading.detail
    assert full_days(reading) == set()


def test_who_is_told_to_stay_away_asks_nothing_more() -> None:
    reading, requests = drive(ask(coverage=covered(MON)), failure(Reason.BLOCKED))
    assert len(requests) == 1
    assert reading.reason is Reason.BLOCKED


def test_the_api_is_read_to_its_last_page() -> None:
    on_time = datetime.fromisoformat("2026-06-22T12:00:00+00:00")
    ids = shapes.ids(TUE, 5)
    asked = ask(WED, coverage=covered(MON))
    pages = [shapes.api([(id, on_time) for id in part], total=5) for part in (ids[:3], ids[3:])]
    answers: list[Answer] = []
    bodies = [shapes.rss(WED, shapes.rows(WED, 1)), *pages]
    while request := SOURCE.next_request(asked, answers):
        body = bodies[len(answers)]
        answers.append(SOURCE.read(Response(request=request, body=body), asked))
    assert "start=3" in answers[-1].request.url
    assert set(days_of(SOURCE.conclude(asked, answers))) == {*ids, *shapes.ids(WED, 1)}


def test_an_empty_page_before_the_end_does_not_close_the_day() -> None:
    today = date(2026, 7, 2)
    asked = ask(today, coverage=covered(MON, how="asked") + covered(*_feed_days(TUE, today)))
    short, _ = drive(asked, shapes.rss(today, shapes.rows(today, 1)), shapes.api([], total=5))
    assert not [c for c in short.covered if c.how == "api"]
    assert "fewer papers than it has" in short.detail
    whole, _ = drive(asked, shapes.rss(today, shapes.rows(today, 1)), shapes.api([]))
    assert {c.day for c in whole.covered if c.how == "api"} == {MON}


def test_a_day_stays_open_until_the_index_must_have_caught_up() -> None:
    coverage = covered(MON) + covered(WED)
    assert open_days(ask(THU, coverage=coverage), THU) == [TUE, THU]
    reading, _ = drive(ask(THU, coverage=coverage), shapes.rss(THU, shapes.rows(THU, 1)))
    assert not [c for c in reading.covered if c.how == "api"]


def test_a_category_added_later_owes_nothing_of_before() -> None:
    coverage = tuple(Coverage(category="cs.CL", day=d, how="feed") for d in (MON, TUE))
    coverage += (Coverage(category="cs.AI", day=TUE, how="feed"),)
    assert open_days(ask(TUE, coverage=coverage), TUE) == []


def test_the_first_reading_on_a_weekend_takes_fridays_papers() -> None:
    saturday = date(2026, 6, 27)
    on_time = datetime.fromisoformat("2026-06-25T12:00:00+00:00")
    api = shapes.api([(id, on_time) for id in shapes.ids(FRI, 2)])
    reading, _ = drive(ask(saturday, is_first=True), shapes.rss(saturday, []), api)
    assert set(days_of(reading).values()) == {FRI}


def _feed_days(first: date, last: date) -> list[date]:
    days = [first + timedelta(days=n) for n in range((last - first).days)]
    return [d for d in days if d.weekday() < 5]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "nothing at all"),
        (b"<!doctype html><title>Just a moment</title>", "not a feed"),
        (shapes.rss(TUE, shapes.rows(TUE, 9))[:4000], "cut off"),
    ],
)
def test_what_is_not_the_whole_feed_is_a_failure(body: bytes, why: str) -> None:
    request = SOURCE.next_request(ask(), [])
    assert request is not None
    with pytest.raises(NotAFeed, match=why):
        SOURCE.read(Response(request=request, body=body), ask())


def test_an_error_that_looks_like_a_paper_is_an_error() -> None:
    request = Request(url="https://api.test/query?x", source="arxiv", kind="api", group="arxiv")
    with pytest.raises(SourceDown, match="incorrect query"):
        SOURCE.read(Response(request=request, body=shapes.API_ERROR), ask())


def test_a_flaw_in_the_middle_of_a_feed_does_not_hide_the_other_papers() -> None:
    feed = shapes.rss(TUE, shapes.rows(TUE, 3)).replace(b"On ", b"On & \x01 ", 1)
    reading, _ = drive(ask(), feed)
    assert len(reading.entries) == 3
    assert "not well-formed" in reading.detail
