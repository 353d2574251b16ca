"""arXiv: the daily feed, and the query API for the days the feed could not give. Pure.

The feed holds one day, complete and with announce types; whoever misses the day finds it gone. The
query API has every day, but its index lags and its dates are those of submission. So the feed is
asked first, in one request for all categories; each feed day that it did not give in full stays
open, and the API is asked for the open days until its index must have caught up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, timedelta
from itertools import accumulate
from typing import Any, Literal
from urllib.parse import quote, urlencode

from digest import text
from digest.errors import NotAFeed, SourceDown
from digest.sources import calendar, listing, syndication
from digest.types import (
    AnnounceType,
    Answer,
    Ask,
    Coverage,
    Entry,
    Failure,
    Links,
    Page,
    Reading,
    Reason,
    Request,
    Response,
)

ACCEPT = "application/atom+xml, application/rss+xml, text/xml, */*"
# Source: arXiv's terms of use: one request every three seconds, one connection, over all services.
PACE_S = 3.0
# Source: arXiv's RSS specification.
FEED_LIMIT = 2000  #: items; the feed is cut there, replacements first
API_PAGE = 500  #: entries; the manual asks for fewer than 1,000
# Moderation holds papers for days, and the index learns of some days after the feed.
HELD_DAYS = 7
LAG_DAYS = 7
SLACK = timedelta(hours=6)  # a list may be closed late
BACKFILL_DAYS = 30  #: how far back a missed day is still asked for

ARCHIVES = frozenset(
    "astro-ph cond-mat cs econ eess gr-qc hep-ex hep-lat hep-ph hep-th math math-ph nlin nucl-ex"
    " nucl-th physics q-bio q-fin quant-ph stat".split()
)
_CATEGORY = re.compile(r"[a-z]+(-[a-z]+)?(\.[A-Za-z-]+)?")
_ID = re.compile(r"(?P<id>\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7})(?:v(?P<version>\d+))?$")
_PREFIX = re.compile(r"^\s*arXiv:\S+\s+Announce Type:\s*\S+\s+Abstract:\s*", re.IGNORECASE)


def is_category(name: str) -> bool:
    """Is it an archive of arXiv's, or a category of one?

    >>> [is_category(c) for c in ("cs.CL", "cs", "neuroscience", "I.2.6")]
    [True, True, False, False]
    """
    return bool(_CATEGORY.fullmatch(name)) and name.split(".")[0] in ARCHIVES


@dataclass(frozen=True, slots=True, kw_only=True)
class Arxiv:
    """The source `arxiv`."""

    name: str = "arxiv"
    rss: str = "https://rss.arxiv.org"
    api: str = "https://export.arxiv.org/api/query"

    def next_request(self, ask: Ask, answers: Sequence[Answer]) -> Request | None:
        """The feed; then the API, page by page, where days are open."""
        categories = _own(ask.categories)
        if not categories:
            return None
        if not answers:
            path = "/rss/" + "+".join(quote(category) for category in categories)
            return self._request(self.rss.rstrip("/") + path, "feed")
        if any(isinstance(a, Failure) and a.reason is Reason.BLOCKED for a in answers):
            return None
        days = _days_to_ask(ask, answers)
        return self._next_page(categories, days, ask, answers[1:]) if days else None

    def read(self, response: Response, ask: Ask) -> Page:
        """One feed, or one page of the API."""
        request = response.request
        if response.is_unchanged:
            return Page(request=request, is_unchanged=True)
        parsed = syndication.parse(response.body, request.url)
        if request.kind == "feed":
            return _read_feed(parsed, request, ask)
        return _read_api(parsed, request, ask)

    def conclude(self, ask: Ask, answers: Sequence[Answer]) -> Reading:
        """The feed's papers, the API's for the open days, and which days are now done with."""
        if not answers:
            return Reading(source=self.name, reason=Reason.QUIET, detail="no arXiv categories")
        verdict = _judge(answers[0], ask)
        backfilled = _backfilled(ask, answers, verdict)
        found = _found(ask, answers, backfilled)
        first = listing.FIRST if ask.is_first and (verdict.entries or backfilled) else ""
        details = [verdict.detail, _failures(answers[1:]), found, first]
        return Reading(
            source=self.name,
            reason=verdict.reason,
            entries=verdict.entries + backfilled,
            covered=verdict.covered + _closed(ask, answers),
            detail="; ".join(detail for detail in details if detail),
        )

    def _request(self, url: str, kind: str) -> Request:
        return Request(
            url=url,
            source=self.name,
            kind=kind,
            accept=ACCEPT,
            group="arxiv",
            pace_s=PACE_S,
            is_conditional=kind == "feed",
        )

    def _next_page(
        self, categories: Sequence[str], days: Sequence[date], ask: Ask, answers: Sequence[Answer]
    ) -> Request | None:
        start = 0
        if answers:
            last = answers[-1]
            if isinstance(last, Failure) or not last.rows:
                return None
            start = sum(a.rows for a in answers if isinstance(a, Page))
            if last.total is None or start >= last.total:
                return None
        since = calendar.opened_at(days[0]) - timedelta(days=HELD_DAYS)
        until = min(ask.now, calendar.closed_at(days[-1]) + SLACK)
        window = f"[{since.astimezone(UTC):%Y%m%d%H%M} TO {until.astimezone(UTC):%Y%m%d%H%M}]"
        anyof = " OR ".join(f"cat:{c if '.' in c else c + '.*'}" for c in categories)
        question = urlencode(
            {
                "search_query": f"({anyof}) AND submittedDate:{window}",
                "start": start,
                "max_results": API_PAGE,
                "sortBy": "submittedDate",
                "sortOrder": "ascending",
            }
        )
        return self._request(f"{self.api}?{question}", "api")


# --- reading -------------------------------------------------------------------------------------


def _read_feed(parsed: Any, request: Request, ask: Ask) -> Page:
    title = parsed.feed.get("title", "")
    if title.startswith("Feed error"):
        raise SourceDown(f"{request.url} answered: {text.plain(title)}")
    stamp = syndication.feed_time(parsed)
    day = stamp.astimezone(calendar.EASTERN).date() if stamp else calendar.feed_day(ask.now)
    entries = tuple(e for raw in parsed.entries if (e := _entry(raw, ask.source, day)))
    note = syndication.note(parsed)
    if unread := len(parsed.entries) - len(entries):
        note = f"{unread} items without an arXiv id or title were left out"
    return Page(request=request, entries=entries, day=day, note=note)


def _read_api(parsed: Any, request: Request, ask: Ask) -> Page:
    for raw in parsed.entries:
        if "/api/errors" in raw.get("id", ""):
            raise SourceDown(f"the query API answered: {text.plain(raw.get('summary', ''))[:200]}")
    total = parsed.feed.get("opensearch_totalresults")
    if total is None or not total.isdigit():
        raise NotAFeed(f"{request.url} answered with a feed that is not the query API's")
    entries = []
    for raw in parsed.entries:
        submitted = syndication.when(raw)
        if submitted is None:
            continue
        # What was submitted before the window and matched all the same is a replacement.
        if entry := _entry(raw, ask.source, calendar.announced_on(submitted)):
            own = {c.split(".")[0] for c in _own(ask.categories)} | set(ask.categories)
            primary = entry.categories[0] if entry.categories else ""
            kind: AnnounceType = "new" if {primary, primary.split(".")[0]} & own else "cross"
            entries.append(replace(entry, announce=kind))
    return Page(request=request, entries=tuple(entries), rows=len(parsed.entries), total=int(total))


def _entry(raw: Any, source: str, day: date) -> Entry | None:
    found = _ID.search(raw.get("id", "")) or _ID.search(raw.get("link", ""))
    title = text.plain(raw.get("title", ""))
    if not found or not title:
        return None
    id = found["id"]
    doi = raw.get("arxiv_doi", "").strip().lower()
    comment = text.plain(raw.get("arxiv_comment", ""))
    abstract = text.plain(_PREFIX.sub("", raw.get("summary", "")))
    announce = raw.get("arxiv_announce_type", "").strip().lower()
    return Entry(
        source=source,
        aliases=(f"arxiv:{id}", *([f"doi:{doi}"] if doi else [])),
        title=title,
        abstract=abstract,
        authors=_authors(raw),
        categories=_own(_terms(raw)),
        announce=announce if announce in ("new", "cross", "replace", "replace-cross") else None,
        announced_on=day,
        version=int(found["version"]) if found["version"] else None,
        links=_links(id, raw.get("link", ""), f"{comment} {abstract}"),
    )


def _authors(raw: Any) -> tuple[str, ...]:
    people = raw.get("authors", [])
    if len(people) > 1:
        return tuple(name for p in people if (name := text.plain(p.get("name", ""))))
    return text.authors(raw.get("author", ""))


def _terms(raw: Any) -> list[str]:
    primary = raw.get("arxiv_primary_category", {}).get("term")
    terms = [tag.get("term", "") or "" for tag in raw.get("tags", [])]
    return [primary, *terms] if primary else terms


def _own(categories: Iterable[str]) -> tuple[str, ...]:
    """Those that are arXiv's, each once, in order. Records also carry ACM and MSC classes."""
    return tuple(dict.fromkeys(c for c in categories if is_category(c)))


_CODE = re.compile(
    r"https?://(?:www\.)?(?:github\.com|gitlab\.com|codeberg\.org|code\.example\.org)/[\w./~-]*[\w/]"
)


def _links(id: str, link: str, prose: str) -> Links:
    """The paper's pages, without the version, so that they lead to the newest one."""
    page = re.sub(r"v\d+$", "", link) if link.startswith(("http://", "https://")) else ""
    page = page.replace("http://arxiv.org", "https://arxiv.org") or f"https://arxiv.org/abs/{id}"
    code = _CODE.search(prose)
    return Links(
        abstract=page,
        pdf=page.replace("/abs/", "/pdf/") if "/abs/" in page else "",
        code=code[0] if code else "",
    )


# --- judging the feed ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verdict:
    reason: Reason
    entries: tuple[Entry, ...] = ()
    covered: tuple[Coverage, ...] = ()
    detail: str = ""


def _judge(answer: Answer, ask: Ask) -> _Verdict:
    """What today's answer of the feed is worth."""
    today = calendar.feed_day(ask.now)
    asked = tuple(
        Coverage(category=c, day=calendar.newest_feed_day(ask.now), how="asked")
        for c in _own(ask.categories)
    )
    if isinstance(answer, Failure):
        return _Verdict(reason=answer.reason, detail=answer.detail, covered=asked)
    if answer.is_unchanged:
        return _judge_unchanged(ask, today, asked)
    fresh = [e for e in answer.entries if e.announce in ("new", "cross", None)]
    if not answer.entries:
        return _judge_empty(today, asked)
    day, note = _day_of_feed(answer.day or today, today, ask)
    known = [e for e in fresh if ask.recent.get(e.aliases[0], day) < day]
    if fresh and len(known) == len(fresh):
        is_late = (answer.day or today) < today
        return _Verdict(
            reason=Reason.LATE if is_late else Reason.STALE,
            entries=_replacements(answer.entries, day),
            covered=asked,
            detail=f"the feed is dated {answer.day} and all {len(fresh)} of its papers came before",
        )
    # On a first reading the newest day there is counts as today's, whatever its date.
    listed_on = max(day, calendar.newest_feed_day(ask.now)) if ask.is_first else day
    is_news = any(e.aliases[0] not in ask.recent for e in fresh)
    return _Verdict(
        reason=Reason.SENT if is_news else Reason.ALL_SENT,
        entries=tuple(replace(e, listed_on=listed_on) for e in fresh)
        + _replacements(answer.entries, day),
        covered=asked + _covered(answer, fresh, {e.aliases[0] for e in known}, day, ask),
        detail="; ".join(n for n in (note, answer.note, _cut(answer)) if n),
    )


def _judge_unchanged(ask: Ask, today: date, asked: tuple[Coverage, ...]) -> _Verdict:
    if not calendar.is_feed_day(today):
        return _Verdict(reason=Reason.WEEKEND)
    if _has_covered(ask, today):
        return _Verdict(reason=Reason.ALL_SENT, detail="not changed since it was last read")
    return _Verdict(
        reason=Reason.STALE, covered=asked, detail="the feed has not changed since the last day"
    )


def _judge_empty(today: date, asked: tuple[Coverage, ...]) -> _Verdict:
    if not calendar.is_feed_day(today):
        return _Verdict(reason=Reason.WEEKEND, covered=asked)
    reason = Reason.HOLIDAY if calendar.is_holiday(today) else Reason.QUIET
    return _Verdict(reason=reason, covered=asked, detail="the feed was empty")


def _day_of_feed(dated: date, today: date, ask: Ask) -> tuple[date, str]:
    """The feed day that a feed with unknown papers stands for, and a note where it is odd."""
    newest = calendar.newest_feed_day(ask.now)
    if dated in (today, newest):
        return dated, ""
    is_missed = calendar.is_feed_day(dated) and not _has_covered(ask, dated)
    if is_missed and newest - timedelta(days=HELD_DAYS) <= dated <= today + timedelta(days=1):
        return dated, f"the feed is of {dated}, not yet of {today}"
    return (
        newest,
        f"wrong date: the feed is dated {dated}, its papers are new and count as {newest}",
    )


def _has_covered(ask: Ask, day: date) -> bool:
    full = {c.category for c in ask.coverage if c.day == day and c.how == "feed"}
    return full >= set(_own(ask.categories))


def _covered(
    page: Page, fresh: Sequence[Entry], known: set[str], day: date, ask: Ask
) -> tuple[Coverage, ...]:
    """The categories whose day the feed gave in full. Feeds go stale category by category."""
    if _cut(page):
        return ()
    full = []
    for category in _own(ask.categories):
        own = [e.aliases[0] for e in fresh if _is_in(e, category)]
        if not own or not known.issuperset(own):
            full.append(Coverage(category=category, day=day, how="feed"))
    return tuple(full)


def _is_in(entry: Entry, category: str) -> bool:
    return any(c == category or c.split(".")[0] == category for c in entry.categories)


def _cut(page: Page) -> str:
    is_full = len(page.entries) >= FEED_LIMIT
    is_cut = is_full and page.entries[-1].announce in ("new", "cross")
    return f"the feed was cut at {FEED_LIMIT} items" if is_cut else ""


def _replacements(entries: Iterable[Entry], day: date) -> tuple[Entry, ...]:
    again = (e for e in entries if e.announce in ("replace", "replace-cross"))
    return tuple(replace(e, announced_on=day) for e in again)


# --- the days the feed did not give --------------------------------------------------------------


def open_days(ask: Ask, last: date) -> list[date]:
    """Feed days up to `last` that some category has not got in full, as far back as it goes."""
    earliest = calendar.feed_day(ask.now) - timedelta(days=BACKFILL_DAYS)
    days: set[date] = set()
    for category in _own(ask.categories):
        rows = [c for c in ask.coverage if c.category == category]
        if rows:
            done = {c.day for c in rows if c.how != "asked"}
            first = max(earliest, min(c.day for c in rows))
            days |= {d for d in calendar.feed_days(first, last) if d not in done}
    return sorted(days)


def _days_to_ask(ask: Ask, answers: Sequence[Answer]) -> list[date]:
    """The days still open once today's feed is counted."""
    verdict = _judge(answers[0], ask)
    with_today = replace(ask, coverage=ask.coverage + verdict.covered)
    return open_days(with_today, calendar.newest_feed_day(ask.now))


def _backfilled(ask: Ask, answers: Sequence[Answer], verdict: _Verdict) -> tuple[Entry, ...]:
    """The API's entries, each with the feed day on which it was announced.

    Ids are given in the order of announcement, and most papers are announced on the first day
    they can be. So, in the order of ids, the latest first-possible day so far is the day.
    """
    entries = [e for a in answers[1:] if isinstance(a, Page) for e in a.entries]
    fed = {e.aliases[0] for e in verdict.entries if e.listed_on}
    unknown = [e for e in entries if e.aliases[0] not in fed]
    unknown.sort(key=lambda e: _order(e.aliases[0]))
    newest = calendar.newest_feed_day(ask.now)
    days = accumulate((min(e.announced_on, newest) for e in unknown), max)
    still_open = _days_to_ask(ask, answers)
    return tuple(
        replace(e, announced_on=(on := _open_from(day, still_open)), listed_on=on)
        for e, day in zip(unknown, days, strict=True)
    )


def _open_from(day: date, still_open: Sequence[date]) -> date:
    """`day`, or the next open one: on a day that the feed gave in full it cannot have been."""
    if not still_open or day < still_open[0]:
        return day
    return next((d for d in still_open if d >= day), day)


def _order(alias: str) -> tuple[int, str]:
    id = alias.removeprefix("arxiv:")
    return (0, id) if "/" in id else (1, id)


def _closed(ask: Ask, answers: Sequence[Answer]) -> tuple[Coverage, ...]:
    """Open days that the API has now given in full, its index having had time to catch up."""
    if not _is_complete(answers[1:]):
        return ()
    today = calendar.feed_day(ask.now)
    days = [d for d in _days_to_ask(ask, answers) if today - d >= timedelta(days=LAG_DAYS)]
    how: Literal["api"] = "api"
    return tuple(Coverage(category=c, day=d, how=how) for c in _own(ask.categories) for d in days)


def _is_complete(answers: Sequence[Answer]) -> bool:
    pages = [a for a in answers if isinstance(a, Page)]
    if not pages or len(pages) != len(answers):
        return False
    return sum(p.rows for p in pages) >= (pages[-1].total or 0)


def _failures(answers: Sequence[Answer]) -> str:
    failed = [a.detail for a in answers if isinstance(a, Failure)]
    if not failed and answers and not _is_complete(answers):
        failed = ["the query API gave fewer papers than it has"]
    return "; ".join(failed)


def _found(ask: Ask, answers: Sequence[Answer], entries: Sequence[Entry]) -> str:
    if not any(isinstance(a, Page) for a in answers[1:]):
        return ""
    new = sum(e.aliases[0] not in ask.recent for e in entries)
    days = ", ".join(str(day) for day in _days_to_ask(ask, answers))
    return f"asked the query API for {days}: {new} papers not seen before"
