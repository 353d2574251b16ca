"""The sources without a calendar: the community's daily papers, bioRxiv, any feed, the samples."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from importlib.resources import files

import pytest
import shapes

from digest.dedupe import dedupe
from digest.errors import NotAFeed
from digest.sources import Source
from digest.sources.biorxiv import Biorxiv
from digest.sources.feed import Feed
from digest.sources.huggingface import HuggingFace
from digest.sources.sample import FILES, FIRST_DAY, SECOND_DAY, Sample
from digest.types import Answer, Ask, Coverage, Failure, Reading, Reason, Request, Response

MON, TUE, WED, THU, FRI = (date(2026, 6, d) for d in (22, 23, 24, 25, 26))
HUB = HuggingFace(url="https://hub.test/api/daily_papers")
LAB = Feed(name="lab", url="https://lab.test/feed.xml")


def ask(day: date, source: str = "x", **changes: object) -> Ask:
    return replace(Ask(source=source, now=shapes.utc(day)), **changes)  # type: ignore[arg-type]


def drive(
    source: Source, asked: Ask, body: Callable[[Request], bytes | None]
) -> tuple[Reading, list[str]]:
    """Answer every request with `body(request)`; None is a failure."""
    answers: list[Answer] = []
    while request := source.next_request(asked, answers):
        assert len(answers) < 50
        if (found := body(request)) is None:
            answers.append(Failure(request=request, reason=Reason.DOWN, detail="no answer"))
        else:
            answers.append(source.read(Response(request=request, body=found), asked))
    return source.conclude(asked, answers), [a.request.url for a in answers]


def days(urls: list[str]) -> list[str]:
    return [url.partition("date=")[2][:10] for url in urls]


# --- the community's daily papers ----------------------------------------------------------------


def test_votes_come_with_the_arxiv_id() -> None:
    reading, _ = drive(HUB, ask(TUE), lambda r: shapes.daily([("2606.00001", 0)], TUE))
    entry = reading.entries[0]
    assert entry.aliases == ("arxiv:2606.00001",)
    assert (entry.signals.upvotes, entry.signals.comments, entry.signals.stars) == (0, 2, None)
    assert entry.announced_on == TUE
    assert entry.links.discussion == "https://hub.test/papers/2606.00001"


def test_the_last_days_are_read_again_because_votes_grow() -> None:
    coverage = tuple(Coverage(category="", day=d, how="feed") for d in (MON, TUE, WED))
    _, urls = drive(HUB, ask(THU, coverage=coverage), lambda r: b"[]")
    assert days(urls) == ["2026-06-23", "2026-06-24", "2026-06-25"]


def test_a_day_that_failed_is_asked_for_again() -> None:
    first, _ = drive(HUB, ask(MON), lambda r: None)
    assert first.reason is Reason.DOWN
    _, urls = drive(HUB, ask(FRI, coverage=first.covered), lambda r: b"[]")
    assert days(urls)[:2] == ["2026-06-21", "2026-06-22"]
    assert days(urls)[-1] == "2026-06-26"


def test_today_is_never_done_with() -> None:
    reading, _ = drive(HUB, ask(TUE), lambda r: shapes.daily([("2606.00001", 1)], TUE))
    assert {c.day for c in reading.covered} == {MON}


def test_a_full_page_is_followed_by_the_next() -> None:
    def page(request: Request) -> bytes:
        picks = [(id, 1) for id in shapes.ids(TUE, 130)]
        if "date=2026-06-23" not in request.url:
            return b"[]"
        return shapes.daily(picks[100:] if "p=1" in request.url else picks[:100], TUE)

    reading, _ = drive(HUB, ask(TUE), page)
    assert len(reading.entries) == 130


def test_odd_rows_are_left_out_and_counted() -> None:
    good = json.loads(shapes.daily([("2606.00001", 1)], TUE))
    bad = [
        {"paper": {"id": "../etc", "title": "x"}},
        {"paper": None},
        7,
        {"paper": {"id": "2606.1"}},
    ]
    reading, _ = drive(HUB, ask(TUE), lambda r: json.dumps(good + bad).encode())
    assert {e.aliases[0] for e in reading.entries} == {"arxiv:2606.00001"}
    assert "4 papers without an id or title were left out" in reading.detail


def test_a_quiet_weekend_is_a_weekend() -> None:
    assert drive(HUB, ask(date(2026, 6, 28)), lambda r: b"[]")[0].reason is Reason.WEEKEND
    assert drive(HUB, ask(TUE), lambda r: b"[]")[0].reason is Reason.QUIET


@pytest.mark.parametrize("body", [b"<html>", b'{"error": "x"}', b'[{"paper":'])
def test_what_is_not_the_list_is_a_failure(body: bytes) -> None:
    with pytest.raises(NotAFeed):
        drive(HUB, ask(TUE), lambda r: body)


# --- bioRxiv -------------------------------------------------------------------------------------

BIO = Biorxiv(url="https://bio.test")


def test_pages_are_followed_by_what_came_until_the_total() -> None:
    every = [shapes.preprint(n, "2026-06-23") for n in range(7)]

    def page(request: Request) -> bytes:
        start = int(request.url.split("/")[-2])
        return shapes.biorxiv(every[start : start + 3], total="7")

    reading, urls = drive(BIO, ask(TUE), page)
    assert len(reading.entries) == 7
    assert [url.split("/")[-2] for url in urls] == ["0", "3", "6"]


def test_dates_may_lack_their_zeros_and_later_versions_are_no_news() -> None:
    found = [shapes.preprint(1, "2026-6-3"), shapes.preprint(1, "2026-06-23", version="2")]
    reading, _ = drive(BIO, ask(TUE), lambda r: shapes.biorxiv(found))
    first, second = reading.entries
    assert (first.announced_on, first.announce) == (date(2026, 6, 3), "new")
    assert (second.announce, second.listed_on) == ("replace", None)
    assert first.authors == ("A. Example1", "B. C. Sample")
    (paper,) = dedupe(reading.entries, {}).papers
    assert paper.version == 2
    assert paper.listings[0].listed_on is not None


def test_no_posts_found_is_no_error() -> None:
    body = b'{"messages":[{"status":"no posts found"}],"collection":[]}'
    assert drive(BIO, ask(TUE), lambda r: body)[0].reason is Reason.QUIET


def test_the_days_since_the_last_full_reading_are_asked_for() -> None:
    coverage = (
        Coverage(category="", day=MON, how="feed"),
        Coverage(category="", day=TUE, how="asked"),
    )
    _, urls = drive(BIO, ask(FRI, coverage=coverage), lambda r: shapes.biorxiv([]))
    assert "/2026-06-20/2026-06-26/" in urls[0]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"messages":[]}', b'{"messages":[{"status":"error"}]}']
)
def test_what_is_not_the_details_is_a_failure(body: bytes) -> None:
    with pytest.raises(NotAFeed):
        drive(BIO, ask(TUE), lambda r: body)


# --- any feed ------------------------------------------------------------------------------------


def test_a_feed_without_ids_still_gives_papers_that_can_be_told_apart() -> None:
    body = shapes.feed([("One fine paper", "", "a < b & c"), ("Another fine paper", "", "text")])
    reading, _ = drive(LAB, ask(TUE), lambda r: body)
    assert [e.abstract for e in reading.entries] == ["a < b & c", "text"]
    assert len({e.aliases for e in reading.entries}) == 2


def test_links_to_arxiv_and_dois_become_aliases() -> None:
    items = [
        ("One fine paper", "https://arxiv.org/abs/2606.00001v2", "a"),
        ("Another fine paper", "https://doi.org/10.5555/AbC", "b"),
    ]
    reading, _ = drive(LAB, ask(TUE), lambda r: shapes.feed(items))
    assert reading.entries[0].aliases[0] == "arxiv:2606.00001"
    assert reading.entries[1].aliases[0] == "doi:10.5555/abc"


def test_links_that_are_no_web_addresses_are_dropped() -> None:
    items = [("One fine paper", "javascript:alert(1)", "a")]
    reading, _ = drive(LAB, ask(TUE), lambda r: shapes.feed(items))
    assert reading.entries[0].links.abstract == ""


def test_the_first_reading_lists_the_newest_day_only_and_later_ones_whatever_is_new() -> None:
    old = "<pubDate>Mon, 01 Jun 2026 08:00:00 GMT</pubDate></item>"
    items = [(f"Fine paper number {n}", f"https://lab.test/{n}", "a") for n in (1, 2)]
    body = shapes.feed(items).replace(b"</item>", old.encode(), 1)
    first, _ = drive(LAB, ask(TUE, is_first=True), lambda r: body)
    assert [e.listed_on for e in first.entries] == [date(2026, 6, 1), TUE]
    later, _ = drive(LAB, ask(WED), lambda r: body)
    assert [e.listed_on for e in later.entries] == [WED, WED]


def test_a_date_in_the_future_makes_no_paper_the_newest() -> None:
    items = [(f"Fine paper number {n}", f"https://lab.test/{n}", "a") for n in (1, 2)]
    ahead = b"<pubDate>Fri, 01 Jan 2027 08:00:00 GMT</pubDate></item>"
    body = shapes.feed(items).replace(b"</item>", ahead, 1)
    reading, _ = drive(LAB, ask(TUE, is_first=True), lambda r: body)
    assert [e.listed_on for e in reading.entries] == [TUE, TUE]
    assert [e.announced_on for e in reading.entries] == [TUE, TUE]


# --- the samples ---------------------------------------------------------------------------------


def sample_bytes(request: Request) -> bytes:
    return files("digest").joinpath("samples", request.url.removeprefix("sample:")).read_bytes()


def test_the_samples_are_at_least_forty_papers_over_two_days_all_marked() -> None:
    first, _ = drive(Sample(), ask(FIRST_DAY, "sample", is_first=True), sample_bytes)
    both, _ = drive(Sample(), ask(SECOND_DAY, "sample", is_first=True), sample_bytes)
    papers = dedupe(both.entries, {}).papers
    assert len(papers) >= 40
    assert all(p.abstract.endswith("This is an invented sample paper.") for p in papers)
    assert {e.announced_on for e in first.entries} == {FIRST_DAY}
    assert len(dedupe(first.entries, {}).papers) >= 20


def test_the_samples_have_the_shape_of_every_service() -> None:
    kinds = {kind.partition("/")[0] for _, kind, _ in FILES}
    assert kinds == {"arxiv", "biorxiv", "feed", "huggingface"}
    assert {kind for _, kind, _ in FILES} >= {"arxiv/feed", "arxiv/api"}


def test_no_link_of_an_invented_paper_leads_to_a_real_service() -> None:
    both, _ = drive(Sample(), ask(SECOND_DAY, "sample"), sample_bytes)
    for entry in both.entries:
        for address in (
            entry.links.abstract,
            entry.links.pdf,
            entry.links.code,
            entry.links.discussion,
        ):
            assert not address or ".example." in address, address


@pytest.mark.parametrize("link", ["https://[arxiv.org/abs/1", "https://lab.test/a&#x85;b"])
def test_a_link_that_is_none_costs_a_feed_nothing_else(link: str) -> None:
    feed = f"<rss><channel><item><title>One</title><link>{link}</link></item></channel></rss>"
    found, _ = drive(LAB, ask(MON, "lab"), lambda _: feed.encode())
    assert [entry.title for entry in found.entries] == ["One"]
