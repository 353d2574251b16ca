"""bioRxiv and medRxiv: everything posted between two days, as JSON. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from digest import text
from digest.errors import NotAFeed
from digest.sources import listing
from digest.types import (
    Answer,
    Ask,
    Coverage,
    Entry,
    Failure,
    Links,
    Page,
    Reading,
    Request,
    Response,
)

OVERLAP_DAYS = 2  #: papers are posted under the dates of the days before
BACKFILL_DAYS = 30
_DOI = re.compile(r"10\.\d{4,9}/[!-~]{1,200}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Biorxiv:
    """The sources `biorxiv` and, with `server = "medrxiv"`, medRxiv."""

    name: str = "biorxiv"
    url: str = "https://api.biorxiv.org"
    server: str = "biorxiv"

    def next_request(self, ask: Ask, answers: Sequence[Answer]) -> Request | None:
        """The next page of the days since the last good reading."""
        start = 0
        if answers:
            last = answers[-1]
            if isinstance(last, Failure) or last.is_unchanged or not last.entries:
                return None
            # Pages are of 30 or of 100, depending on whom one asks: go on by what came.
            start = int(last.request.kind) + last.rows
            if last.total is None or start >= last.total:
                return None
        first, today = _first_day(ask), listing.today(ask)
        return Request(
            url=f"{self.url.rstrip('/')}/details/{self.server}/{first}/{today}/{start}/json",
            source=self.name,
            kind=str(start),
            accept="application/json",
            group="biorxiv",
        )

    def read(self, response: Response, ask: Ask) -> Page:
        """One page."""
        request = response.request
        if response.is_unchanged:
            return Page(request=request, is_unchanged=True)
        try:
            answer = json.loads(response.body)
            message = answer["messages"][0]
            status, rows = str(message["status"]), answer.get("collection", [])
        except (ValueError, TypeError, LookupError, AttributeError) as why:
            raise NotAFeed(f"{request.url} answered with something else than papers") from why
        if status.lower() != "ok" and "no posts found" not in status.lower():
            raise NotAFeed(f"{request.url} answered: {text.plain(status)[:200]}")
        if not isinstance(rows, list):
            raise NotAFeed(f"{request.url} answered without a list of papers")
        entries = [self._entry(row, ask) for row in rows]
        unread = entries.count(None)
        return Page(
            request=request,
            entries=tuple(e for e in entries if e),
            rows=len(rows),
            total=_whole(message.get("total"), len(rows)),
            note=f"{unread} rows without a DOI, title or date were left out" if unread else "",
        )

    def conclude(self, ask: Ask, answers: Sequence[Answer]) -> Reading:
        """All pages' papers; the days are done with when every page could be read."""
        found = listing.reading(ask, answers)
        is_whole = not any(isinstance(a, Failure) for a in answers)
        today = listing.today(ask)
        how = "feed" if is_whole else "asked"
        return replace(found, covered=(Coverage(category="", day=today, how=how),))  # type: ignore[arg-type]  # narrowed above

    def _entry(self, row: Any, ask: Ask) -> Entry | None:
        if not isinstance(row, dict):
            return None
        doi = str(row.get("doi") or "").strip().lower()
        title = text.plain(str(row.get("title") or ""))
        posted = _day(str(row.get("date") or ""))
        if not _DOI.fullmatch(doi) or not title or not posted:
            return None
        version = min(max(_whole(row.get("version"), 1), 1), 999)
        page = f"https://www.{self.server}.org/content/{doi}v{version}"
        return Entry(
            source=ask.source,
            aliases=(f"doi:{doi}",),
            title=title,
            abstract=text.plain(str(row.get("abstract") or "")),
            authors=_authors(str(row.get("authors") or "")),
            categories=tuple(filter(None, [text.plain(str(row.get("category") or "")).lower()])),
            announce="new" if version == 1 else "replace",
            announced_on=posted,
            version=version,
            links=Links(abstract=page, pdf=f"{page}.full.pdf"),
        )


def _first_day(ask: Ask) -> date:
    """From when on to ask: the last day read in full, and some days before it."""
    today = listing.today(ask)
    if ask.is_first:
        return today - timedelta(days=OVERLAP_DAYS)
    full = [c.day for c in ask.coverage if c.how == "feed"]
    last = max(full) if full else min((c.day for c in ask.coverage), default=today)
    return max(last - timedelta(days=OVERLAP_DAYS), today - timedelta(days=BACKFILL_DAYS))


def _authors(line: str) -> tuple[str, ...]:
    """`Bauer, A.; Okafor, N. C.` → given names first."""
    names = []
    for part in line.split(";"):
        last, _, first = text.plain(part).partition(",")
        if name := f"{first.strip()} {last.strip()}".strip():
            names.append(name)
    return tuple(names)


def _day(stamp: str) -> date | None:
    """A date that may lack its zeros, "2026-6-30"."""
    try:
        year, month, day = (int(part) for part in stamp.split("-"))
        return date(year, month, day)
    except ValueError:
        return None


def _whole(number: Any, otherwise: int) -> int:
    """Counts come as numbers and as strings."""
    try:
        return int(number)
    except (TypeError, ValueError):
        return otherwise
