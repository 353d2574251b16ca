"""The community's daily papers: what was picked for a day, with its upvotes. Pure.

Read as raw JSON: the hub's own client drops half of the fields this endpoint has. A day's list
grows during the day and its votes for some days after, so the last days are read again each time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

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
    Reason,
    Request,
    Response,
    Signals,
)

AGAIN_DAYS = 2  #: days before today that are read again
BACKFILL_DAYS = 14
PAGE = 100  #: papers
_ID = re.compile(r"\d{4}\.\d{4,5}|[a-z-]+(\.[A-Z]{2})?/\d{7}")


@dataclass(frozen=True, slots=True, kw_only=True)
class HuggingFace:
    """The source `huggingface`."""

    name: str = "huggingface"
    url: str = "https://huggingface.co/api/daily_papers"

    def next_request(self, ask: Ask, answers: Sequence[Answer]) -> Request | None:
        """The open days one after the other, each page by page."""
        if any(isinstance(a, Failure) and a.reason is Reason.BLOCKED for a in answers):
            return None
        full = sum(isinstance(a, Page) and a.rows == PAGE for a in answers)
        if answers and isinstance(answers[-1], Page) and answers[-1].rows == PAGE:
            day, page = _asked(answers[-1])
            return self._request(day, page + 1)
        days, place = _days(ask), len(answers) - full
        return self._request(days[place], 0) if place < len(days) else None

    def read(self, response: Response, ask: Ask) -> Page:
        """One page of one day."""
        request = response.request
        if response.is_unchanged:
            return Page(request=request, is_unchanged=True)
        try:
            rows = json.loads(response.body)
        except ValueError as why:
            raise NotAFeed(f"{request.url} answered with something that is not JSON") from why
        if not isinstance(rows, list):
            raise NotAFeed(f"{request.url} answered with JSON that is not a list of papers")
        day = date.fromisoformat(request.kind.partition("/")[0])
        entries = [self._entry(row, ask.source, day) for row in rows]
        unread = entries.count(None)
        return Page(
            request=request,
            entries=tuple(e for e in entries if e),
            rows=len(rows),
            note=f"{unread} papers without an id or title were left out" if unread else "",
        )

    def conclude(self, ask: Ask, answers: Sequence[Answer]) -> Reading:
        """All days' papers; a day before today that could be read is done with."""
        found = listing.reading(ask, answers)
        read = {_asked(a)[0] for a in answers if isinstance(a, Page)}
        failed = {_asked(a)[0] for a in answers if isinstance(a, Failure)}
        today = listing.today(ask)
        covered = (
            Coverage(category="", day=day, how="feed" if day in read - failed else "asked")
            for day in _days(ask)
            if day < today or day not in read - failed
        )
        return Reading(
            source=found.source,
            reason=found.reason,
            entries=found.entries,
            covered=tuple(covered),
            detail=found.detail,
        )

    def _request(self, day: date, page: int) -> Request:
        question = {"date": day.isoformat(), "limit": PAGE} | ({"p": page} if page else {})
        return Request(
            url=f"{self.url}?{urlencode(question)}",
            source=self.name,
            kind=f"{day}/{page}",
            accept="application/json",
            group="huggingface",
        )

    def _entry(self, row: Any, source: str, day: date) -> Entry | None:
        paper = row.get("paper") if isinstance(row, dict) else None
        if not isinstance(paper, dict):
            return None
        id, title = str(paper.get("id", "")), text.plain(str(paper.get("title") or ""))
        if not _ID.fullmatch(id) or not title:
            return None
        home = urlsplit(self.url)
        return Entry(
            source=source,
            aliases=(f"arxiv:{id}",),
            title=title,
            abstract=text.plain(str(paper.get("summary") or "")),
            authors=_authors(paper.get("authors")),
            announced_on=_day(paper.get("submittedOnDailyAt"), day),
            links=Links(
                abstract=f"https://arxiv.org/abs/{id}",
                pdf=f"https://arxiv.org/pdf/{id}",
                code=_link(paper.get("githubRepo")),
                discussion=f"{home.scheme}://{home.netloc}/papers/{id}",
            ),
            signals=Signals(
                upvotes=_count(paper.get("upvotes")),
                comments=_count(row.get("numComments")),
                stars=_count(paper.get("githubStars")),
            ),
        )


def _days(ask: Ask) -> list[date]:
    """The days to read, oldest first: those never read, the last ones again, and today."""
    today = listing.today(ask)
    again = [today - timedelta(days=n) for n in range(AGAIN_DAYS + 1)]
    first = min((c.day for c in ask.coverage), default=today - timedelta(days=1))
    done = {c.day for c in ask.coverage if c.how == "feed"}
    back = (today - timedelta(days=n) for n in range(BACKFILL_DAYS + 1))
    return sorted({day for day in back if day >= first and (day in again or day not in done)})


def _asked(answer: Answer) -> tuple[date, int]:
    day, _, page = answer.request.kind.partition("/")
    return date.fromisoformat(day), int(page)


def _authors(people: Any) -> tuple[str, ...]:
    if not isinstance(people, list):
        return ()
    shown = [p for p in people if isinstance(p, dict) and not p.get("hidden")]
    return tuple(name for p in shown if (name := text.plain(str(p.get("name") or ""))))


def _day(stamp: Any, otherwise: date) -> date:
    try:
        return date.fromisoformat(str(stamp)[:10])
    except ValueError:
        return otherwise


def _link(address: Any) -> str:
    return address if isinstance(address, str) and address.startswith("https://") else ""


def _count(number: Any) -> int | None:
    is_count = isinstance(number, int) and not isinstance(number, bool) and number >= 0
    return number if is_count else None
