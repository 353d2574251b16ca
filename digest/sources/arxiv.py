"""arXiv: the daily feed, and the query API for the days the feed could not give. Pure.

The feed holds one day, complete and with announce types; whoever misses the day finds it gone. The
query API has every day, but its index lags and its dates are those of submission. So the feed is
asked first, in one request for all categories; each feed day that it did not give in full stays
open, and the API is asked for the open days until its index must have caught up.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from digest import text
from digest.errors import BadConfig, NotAFeed, SourceDown
from digest.sources import calendar, listing, syndication
from digest.sources.arxiv_days import (
    HELD_DAYS,
    again_at,
    backfilled,
    closed,
    days_to_ask,
    failures,
    found,
    judge,
    was_asked,
)
from digest.sources.categories import own
from digest.types import (
    AnnounceType,
    Answer,
    Ask,
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
API_PAGE = 500  #: entries; the manual asks for fewer than 1,000
SLACK = timedelta(hours=6)  # a list may be closed late

_ID = re.compile(r"(?P<id>\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7})(?:v(?P<version>\d+))?$")
_PREFIX = re.compile(r"^\s*arXiv:\S+\s+Announce Type:\s*\S+\s+Abstract:\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arxiv:
    """The source `arxiv`."""

    name: str = "arxiv"
    rss: str = "https://rss.arxiv.org"
    api: str = "https://export.arxiv.org/api/query"
    holidays: Sequence[date | str] = ()  #: more than we know of

    @property
    def all_holidays(self) -> calendar.Holidays:
        """Those, too.

        Raises: BadConfig for what is no date.
        """
        try:
            return calendar.KNOWN.with_own(date.fromisoformat(str(day)) for day in self.holidays)
        except ValueError as why:
            raise BadConfig(f"[sources.{self.name}] holidays: {why}") from why

    def next_request(self, ask: Ask, answers: Sequence[Answer]) -> Request | None:
        """The feed; then the API, page by page, where days are open."""
        categories = own(ask.categories)
        if not categories:
            return None
        if not answers:
            path = "/rss/" + "+".join(quote(category) for category in categories)
            request = self._request(self.rss.rstrip("/") + path, "feed")
            return replace(request, is_conditional=not was_asked(ask))
        if any(isinstance(a, Failure) and a.reason is Reason.BLOCKED for a in answers):
            return None
        days = days_to_ask(ask, answers)
        return self._next_page(categories, days, ask, answers[1:]) if days else None

    def named(self, ids: Sequence[str]) -> Request:
        """What to ask for papers by their ids, at most API_PAGE; nobody is owed them for that."""
        question = urlencode({"id_list": ",".join(ids), "max_results": len(ids)})
        return self._request(f"{self.api}?{question}", "named")

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
        holidays = self.all_holidays
        verdict = judge(answers[0], ask, holidays)
        late = backfilled(ask, answers, verdict)
        details = [verdict.detail, failures(answers), found(ask, answers, late)]
        if ask.is_first and not ask.coverage and (verdict.entries or late):
            details.append(listing.FIRST)
        return Reading(
            source=self.name,
            reason=verdict.reason,
            entries=verdict.entries + late,
            covered=verdict.covered + closed(ask, answers),
            detail="; ".join(detail for detail in details if detail),
            again_at=again_at(ask, verdict, holidays),
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
    if not isinstance(total, str) or not re.fullmatch("[0-9]{1,9}", total):
        raise NotAFeed(f"{request.url} answered with a feed that is not the query API's")
    entries = []
    for raw in parsed.entries:
        submitted = syndication.when(raw)
        if submitted is None:
            continue
        # What was submitted before the window and matched all the same is a replacement.
        if entry := _entry(raw, ask.source, calendar.announced_on(submitted)):
            asked = {c.split(".")[0] for c in own(ask.categories)} | set(ask.categories)
            primary = entry.categories[0] if entry.categories else ""
            kind: AnnounceType = "new" if {primary, primary.split(".")[0]} & asked else "cross"
            entries.append(entry if request.kind == "named" else replace(entry, announce=kind))
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
        categories=own(_terms(raw)),
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
