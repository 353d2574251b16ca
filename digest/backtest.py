"""What a digest would have sent, day by day: to tune its topics before anyone reads it.

Writes nothing, neither into the store nor anywhere else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from heapq import nlargest
from statistics import median
from textwrap import fill
from typing import Any

from digest import compose, run
from digest.compose import Ranked
from digest.errors import Misuse
from digest.store import Connection
from digest.store import papers as paper_rows
from digest.templating import reasons
from digest.types import Match, Reason

MISSES = 3  #: of the papers that match nothing, how many are shown
_COLUMNS = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What one day would have brought."""

    day: date
    reason: Reason  #: SENT, or why there is nothing
    looked_at: int = 0  #: papers that were new on that day
    shown: tuple[Ranked, ...] = ()  #: best first
    more: tuple[Ranked, ...] = ()  #: past the cap
    near: tuple[Match, ...] = ()  #: the best of those that match nothing
    warnings: tuple[str, ...] = ()


def backtest(
    setup: run.Setup,
    name: str,
    days: int,
    topics: Sequence[str] = (),
    until: date | None = None,
) -> Iterator[Day]:
    """The last days the store has papers of, oldest first, or the last up to `until`.

    Every paper is in its first day, whatever was sent of it; votes and opinions count as they
    are now. One day's papers at a time are in memory.

    Raises: Misuse when there are none.
    """
    digest = setup.config.digests[name]
    interest = digest.interest.on(topics)
    with setup.store.read() as connection:
        known = paper_rows.listing_days(connection, digest.sources)
        unread = _unread(connection, digest.sources)
    listed = [day for day in known if until is None or day <= until]
    if not listed:
        there = f"the first ones are of {known[0]}" if known else "`digest fetch` gets them"
        raise Misuse(f"the store holds no papers{f' up to {until}' if known else ' yet'}; {there}")
    last = listed[-1]
    day = next(day for day in listed if last - day < timedelta(days=days))
    while day <= last:
        setup.notify(f"matching the papers of {day}")
        with setup.store.read() as connection:
            papers = list(paper_rows.first_listed_on(connection, digest.sources, day))
        found = run.find(setup, name, interest, papers, keep=False, down_to=0.0)
        ranked = run.rank(setup, name, found, today=day)
        shown, more = compose.capped(ranked, run.caps(digest), digest.papers)
        misses = (one for one in found.near if one.score > 0)
        yield Day(
            day=day,
            reason=_reason(day, ranked, papers, unread),
            looked_at=found.looked_at,
            shown=tuple(shown),
            more=tuple(more),
            warnings=found.warnings,
            near=tuple(nlargest(MISSES, misses, key=lambda m: m.score)),
        )
        day += timedelta(days=1)


def _unread(connection: Connection, sources: Sequence[str]) -> set[date]:
    """The days that a source was asked for in vain."""
    covered = [one for source in sources for one in paper_rows.covered(connection, source)]
    return {one.day for one in covered if one.how == "asked"}


def _reason(day: date, ranked: Sequence[Any], papers: Sequence[Any], unread: set[date]) -> Reason:
    if ranked:
        return Reason.SENT
    if papers:
        return Reason.NO_MATCH
    if day.weekday() >= 5:
        return Reason.WEEKEND
    return Reason.DOWN if day in unread else Reason.QUIET


# --- in words ------------------------------------------------------------------------------------


def words(one: Day) -> dict[str, Any]:
    """A day as one JSON object."""
    return {
        "day": str(one.day),
        "reason": one.reason,
        "papers": one.looked_at,
        "shown": [_place(place) for place in one.shown],
        "more": [_place(place) for place in one.more],
        "near": [
            {"id": m.paper.id, "title": m.paper.title, "score": m.score, "topic": m.topic}
            for m in one.near
        ],
    }


def _place(place: Ranked) -> dict[str, Any]:
    return {
        "id": place.paper.id,
        "title": place.paper.title,
        "score": place.score,
        "section": place.section,
        "because": list(place.because),
    }


_NOTHING = {
    Reason.NO_MATCH: "none matches",
    Reason.DOWN: "no new papers; a source was asked for them in vain",
    Reason.WEEKEND: "no new papers; a weekend",
    Reason.QUIET: "no new papers",
}


def lines(one: Day) -> list[str]:
    """The same for people."""
    matched = len(one.shown) + len(one.more)
    said = f"{matched} of {one.looked_at} papers"
    if one.reason is not Reason.SENT:
        said = _NOTHING[one.reason] + (f" of {one.looked_at} papers" if one.looked_at else "")
    found = [f"{one.day:%a %Y-%m-%d}  {said}"]
    for place in one.shown:
        found += _entry(f"{place.score:6.2f}", place.paper.title)
        about = [place.paper.id, place.section, reasons(place.because)]
        found += _entry("", " · ".join(filter(None, about)))
    if one.more:
        found.append(f"        and {len(one.more)} more past the cap of {len(one.shown)}")
    for miss in one.near:
        missed = " · ".join(filter(None, (miss.paper.title, miss.paper.id, miss.topic)))
        found += _entry(f"{miss.score:6.2f}", f"missed: {missed}")
    return [*found, ""] if len(found) > 1 else found


def _entry(number: str, text: str) -> list[str]:
    start = f"{number:<8}"
    indent = " " * len(start)
    filled = fill(
        text, _COLUMNS, initial_indent=start, subsequent_indent=indent, break_on_hyphens=False
    )
    return filled.splitlines()


def totals(days: Sequence[tuple[int, int]]) -> str:
    """The sum of it, from how many papers matched and were new on each day."""
    matched, new = sum(m for m, _ in days), sum(n for _, n in days)
    counted = [m for m, n in days if n] or [0]
    share = f" ({100 * matched / new:.1f} %)" if new else ""
    return (
        f"{len(days)} day{'s' if len(days) != 1 else ''}, {sum(1 for _, n in days if n)} of them"
        f" with new papers\nmatches a day: median {median(counted):g}, most {max(counted)};"
        f" in all {matched} of {new} papers{share}"
    )
