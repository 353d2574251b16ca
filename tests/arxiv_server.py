"""arXiv as it is from day to day, with invented papers: its feed and query API at a moment.

with ArxivServer(date(2026, 6, 15), date(2026, 7, 14)) as server:
    server.faults[date(2026, 6, 16)] = Fault(kind="late", hours=3)
    server.now = datetime(2026, 6, 16, 6, tzinfo=UTC)
    ... server.url("/rss/cs.CL+cs.LG") ...
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from typing import Literal
from urllib.parse import parse_qs, unquote

import shapes
from servers import Canned, FeedServer, Hit

from digest.sources.calendar import EASTERN

DAY = timedelta(days=1)
CATEGORIES = ("cs.CL", "cs.LG")


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """A paper, and when it was announced."""

    id: str
    submitted_at: datetime
    day: date  #: whose feed shows it
    categories: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong on a day, from its midnight on."""

    #: late: the feed is yesterday's; stale: it says today, and holds what was there before (of one
    #: `category`, or of all); down: 404; blocked: 403; wrong-date: it says another day; empty
    kind: Literal["late", "stale", "down", "blocked", "wrong-date", "empty"]
    hours: float = 24
    category: str = ""
    off_days: int = -2  #: of a wrong date


class ArxivServer(FeedServer):
    """A feed and an API whose clock is `now`."""

    def __init__(self, first: date, last: date, holidays: Collection[date] = (), a_day: int = 3):
        super().__init__()
        self.now = datetime.combine(first, time(), UTC)
        self.first = first
        self.holidays = frozenset(holidays)  #: feed days without papers
        self.faults: dict[date, Fault] = {}
        self.lag_days: dict[date, float] = {}  #: so much later the index knows a day's papers
        self.papers: list[Announced] = []
        numbers: Counter[str] = Counter()
        day = first - 7 * DAY
        while day <= last:
            if self._has_papers(day):
                self.papers += self._announce(day, a_day, numbers)
            day += DAY

    # --- what is announced -----------------------------------------------------------------------

    def _has_papers(self, day: date) -> bool:
        return day.weekday() < 5 and day not in self.holidays

    def _announce(self, day: date, count: int, numbers: Counter[str]) -> list[Announced]:
        """A day's papers, with ids in their order; moderation has held back the second one."""
        evening = day - DAY
        while evening.weekday() in (4, 5):  # no announcement on Friday and Saturday
            evening -= DAY
        closed = datetime.combine(evening, time(14), EASTERN)
        if day.weekday() == 0:  # what is announced on Sunday was handed in until Friday
            closed = datetime.combine(day - 3 * DAY, time(14), EASTERN)
        found = []
        for n in range(count):
            month = f"{day:%y%m}"
            numbers[month] += 1
            held = 3 * DAY if n == 1 else timedelta()
            kinds = (("cs.CL",), ("cs.LG", "cs.CL"), ("cs.LG",))
            found.append(
                Announced(
                    id=f"{month}.{numbers[month]:05d}",
                    submitted_at=(closed - timedelta(hours=2 + n) - held).astimezone(UTC),
                    day=day,
                    categories=kinds[n % 3],
                )
            )
        return found

    # --- what is answered ------------------------------------------------------------------------

    def choose(self, hit: Hit) -> Canned:
        """What arXiv would answer at `now`."""
        path, _, query = hit.path.partition("?")
        fault = self._fault()
        if fault and fault.kind in ("down", "blocked"):
            # Not 503: after that a fetcher tries again at once, for as long as it may.
            return Canned(status=404 if fault.kind == "down" else 403)
        if path.startswith("/rss/"):
            body = self._feed(unquote(path).removeprefix("/rss/").split("+"), fault)
            return Canned(body=body, headers={"ETag": f'"{sha256(body).hexdigest()}"'})
        return Canned(body=self._api(parse_qs(query)))

    def _fault(self) -> Fault | None:
        today = self.now.astimezone(EASTERN).date()
        fault = self.faults.get(today)
        hours = (self.now - _midnight(today)).total_seconds() / 3600
        return fault if fault and hours < fault.hours else None

    def _feed(self, categories: Sequence[str], fault: Fault | None) -> bytes:
        today = self.now.astimezone(EASTERN).date()
        rows, dated = self._rows(today, categories), today
        match fault.kind if fault else "":
            case "empty":
                rows = []
            case "late":
                dated = today - DAY
                rows = self._rows(dated, categories)
            case "wrong-date":
                assert fault
                dated = today + fault.off_days * DAY
            case "stale":
                assert fault
                old = today - DAY
                while not self._has_papers(old):
                    old -= DAY
                is_old = {c for c in categories if fault.category in ("", c)}
                rows = [row for row in rows if not is_old.intersection(row[2])]
                rows += [row for row in self._rows(old, categories) if is_old.intersection(row[2])]
        return shapes.rss(dated, rows)

    def _rows(self, day: date, categories: Sequence[str]) -> list[shapes.Row]:
        """New papers, then those listed here from elsewhere, then one that was replaced."""
        some = [one for one in self.papers if set(one.categories) & set(categories)]
        new = [one for one in some if one.day == day]
        rows = [
            (one.id, "new" if one.categories[0] in categories else "cross", one.categories)
            for one in reversed(new)
        ]
        rows.sort(key=lambda row: row[1], reverse=True)
        before = [one for one in some if one.day < day]
        if new and before:
            rows.append((before[-1].id, "replace", before[-1].categories))
        return rows

    def _api(self, query: dict[str, list[str]]) -> bytes:
        asked = query["search_query"][0]
        categories = re.findall(r"cat:([\w.-]+)", asked)
        first, last = (
            datetime.strptime(stamp, "%Y%m%d%H%M").replace(tzinfo=UTC)
            for stamp in re.findall(r"\d{12}", asked)
        )
        found = [
            one
            for one in self.papers
            if self._indexed_at(one.day) <= self.now
            and first <= one.submitted_at <= last
            and set(one.categories) & set(categories)
        ]
        found.sort(key=lambda one: (one.submitted_at, one.id))
        start, most = int(query["start"][0]), int(query["max_results"][0])
        page = found[start : start + most]
        return shapes.api(
            [(one.id, one.submitted_at) for one in page],
            total=len(found),
            categories={one.id: one.categories for one in page},
        )

    def _indexed_at(self, day: date) -> datetime:
        """With the feed, or later."""
        fault = self.faults.get(day)
        hours = fault.hours if fault and fault.kind in ("late", "empty") else 0
        return _midnight(day) + timedelta(hours=hours, days=self.lag_days.get(day, 0))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), EASTERN).astimezone(UTC)
