"""Matches → an issue and its editions: order, diversity, caps, sections. Pure.

`docs/trending.md` tells in words how the order comes about, with an example.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from digest.types import Edition, Format, Issue, Item, Match, Paper, Pick, PutBy, Signals, Summary

REVISIONS = "revisions"  #: the section of papers sent before and revised since

THRESHOLD = 1.0  #: what a match is worth at least
FOLLOWED = 1.0  #: what a followed author adds: as much as a match is worth at least
HALF_LIFE_DAYS = 7  #: after which a vote counts half
CREDITED = 1.0  #: from here on the community is named: nine votes on the first day
SPREAD = 0.5  #: what the first paper wholly alike takes off; three take double, seven triple
UNRELATED = 0.3  #: cosines up to here are common among all papers of a digest
SAME = 0.92  #: from this cosine on two papers say the same
SAME_TITLE = 0.8  #: the share of words in common that says so where there is no vector
SPREAD_PLACES = 200  #: twice the longest mail; past them diversity is nothing that anybody sees
PICK_WEIGHT = 1e6  #: above every score

Floats = npt.NDArray[np.float32]


# --- order ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """A paper's place before it has a summary."""

    paper: Paper
    section: str  #: the topic that fits best
    score: float
    because: tuple[str, ...]
    put_by: tuple[PutBy, ...] = ()
    note: str = ""

    @property
    def is_pick(self) -> bool:
        """Whether editors put it there."""
        return "editors" in self.put_by


Placed = TypeVar("Placed", Ranked, Item)


def rank(
    matches: Iterable[Match],
    *,
    today: date,
    vectors: Mapping[str, Floats],
    picks: Sequence[Pick] = (),
    authors: Collection[str] = (),
) -> list[Ranked]:
    """One place a paper: picks as they were picked, then the best.

    `authors` are the names of the matches that are no topics'. Ties go by id, so the same papers
    always come in the same order.

    Shapes: vectors by paper id, each of length 1 and as wide as the others; some may be missing.
    """
    by_paper: dict[str, list[Match]] = {pick.paper.id: [] for pick in picks}
    for match in matches:
        by_paper.setdefault(match.paper.id, []).append(match)
    picked = [
        _place(pick.paper, by_paper.pop(pick.paper.id), authors, today, pick)
        for pick in {pick.paper.id: pick for pick in picks}.values()
    ]
    others = [_place(found[0].paper, found, authors, today) for found in by_paper.values()]
    return picked + _spread(others, picked, vectors)


def popularity(signals: Signals) -> float:
    """What upvotes, comments and stars add to a score: a tenfold counts one.

    >>> popularity(Signals()), popularity(Signals(upvotes=9)), popularity(Signals(upvotes=99))
    (0.0, 1.0, 2.0)
    """
    votes = (signals.upvotes or 0) + (signals.comments or 0) + (signals.stars or 0) / 10
    return math.log10(1 + max(votes, 0))


def community(paper: Paper, today: date) -> float:
    """The same, halved for every week since the paper was announced."""
    age = max(0, (today - paper.announced_on).days)
    return popularity(paper.signals) * math.exp2(-age / HALF_LIFE_DAYS)


def _place(
    paper: Paper,
    found: Sequence[Match],
    authors: Collection[str],
    today: date,
    pick: Pick | None = None,
) -> Ranked:
    """A paper that fits several topics stands under the best one and names the reasons of all."""
    of_topics = [match for match in found if match.topic not in authors]
    is_followed = len(of_topics) < len(found)
    # The first of the best: topics are in order. Authors have no section if a topic has the paper.
    best = max(of_topics or found, key=lambda match: match.score, default=None)
    relevance = max((match.score for match in of_topics), default=THRESHOLD if found else 0.0)
    votes = community(paper, today)
    put_by: dict[PutBy, bool] = {
        "editors": pick is not None,
        "community": votes >= CREDITED,
        "topic": bool(of_topics),
        "author": is_followed,
    }
    return Ranked(
        paper=paper,
        section=best.topic if best else "",
        score=round(relevance + votes + FOLLOWED * is_followed, 3),
        because=tuple(dict.fromkeys(reason for match in found for reason in match.because)),
        put_by=tuple(who for who, has_put in put_by.items() if has_put),
        note=pick.note if pick else "",
    )


def _spread(
    places: Sequence[Ranked], picked: Sequence[Ranked], vectors: Mapping[str, Floats]
) -> list[Ranked]:
    """The best first, where each loses something for its likeness to those before it.

    Who says the same as one before it stands right behind it, in its section.
    """
    left = sorted(places, key=lambda place: (-place.score, place.paper.id))
    likeness = _Likeness([place.paper for place in left], vectors)
    scores = np.array([place.score for place in left])
    crowd = np.zeros(len(left))  # how many alike stand before each
    for place in picked:
        crowd += _shared(likeness.to(place.paper))
    is_left = np.ones(len(left), bool)
    ordered: list[Ranked] = []
    while is_left.any() and len(ordered) < SPREAD_PLACES:
        # Rounded, so that the last bits of a sum never decide.
        worth = np.round(scores - SPREAD * np.log2(1 + crowd), 3)
        ties = np.flatnonzero(is_left & (worth == worth[is_left].max()))
        best = min(ties, key=lambda n: left[n].paper.id)
        is_left[best] = False
        cosines = likeness.to(left[best].paper)
        twins = np.flatnonzero(is_left & (cosines >= SAME))
        is_left[twins] = False
        ordered.append(left[best])
        ordered += [replace(left[n], section=left[best].section) for n in twins]
        crowd += _shared(cosines)
        for n in twins:
            crowd += _shared(likeness.to(left[n].paper))
    return ordered + [left[n] for n in np.flatnonzero(is_left)]


def _shared(cosines: Floats) -> Floats:
    """Cosines as shares: 0 for papers that have no more in common than any two, 1 for the same."""
    shares: Floats = np.clip((cosines - UNRELATED) / (1 - UNRELATED), 0, 1)
    return shares


class _Likeness:
    """How like a paper is to each of some papers; by their titles where a vector is missing."""

    def __init__(self, papers: Sequence[Paper], vectors: Mapping[str, Floats]) -> None:
        self.vectors = vectors
        width = len(next(iter(vectors.values()), ()))
        nothing = np.zeros(width, np.float32)
        rows = [vectors.get(paper.id, nothing) for paper in papers]
        self.matrix = np.array(rows, np.float32).reshape(len(papers), width)
        self.titles = [_words(paper.title) for paper in papers]
        self.without = [n for n, paper in enumerate(papers) if paper.id not in vectors]

    def to(self, paper: Paper) -> Floats:
        """Cosines; without vectors 1 for nearly the same title, 0 for another."""
        vector = self.vectors.get(paper.id)
        every = range(len(self.titles))
        # Not by @: its threads wait for each other on a busy machine, 1.6 s for 2,000 papers
        # against 0.06, and their number would have a say in the last bits.
        cosines = (
            np.zeros(len(every), np.float32)
            if vector is None
            else np.einsum("ij,j->i", self.matrix, vector)
        )
        title = _words(paper.title)
        for n in every if vector is None else self.without:
            common, all = title & self.titles[n], title | self.titles[n]
            if len(common) >= SAME_TITLE * len(all):
                cosines[n] = 1
        return cosines


def _words(title: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", title.casefold()))


# --- issue and editions --------------------------------------------------------------------------


def issue(
    digest: str,
    slot: str,
    title: str,
    made_at: datetime,
    ranked: Sequence[Ranked],
    revisions: Sequence[Paper],
    summaries: Mapping[str, Summary],
) -> Issue:
    """The dated list, with the summary of each paper (by paper id)."""
    items = [_item(place, summaries) for place in ranked]
    again = [
        Item(
            paper=paper,
            section=REVISIONS,
            score=0.0,
            because=(),
            summary=summaries[paper.id],
            is_revision=True,
        )
        for paper in sorted(revisions, key=lambda p: p.id)
    ]
    return Issue(
        digest=digest, slot=slot, title=title, made_at=made_at, items=weighed(items + again)
    )


def _item(place: Ranked, summaries: Mapping[str, Summary]) -> Item:
    return Item(
        paper=place.paper,
        section=place.section,
        score=place.score,
        because=place.because,
        summary=summaries[place.paper.id],
        put_by=place.put_by,
        note=place.note,
    )


def weighed(items: Iterable[Item]) -> tuple[Item, ...]:
    """The items of one issue in its order, each of less weight than the one before it.

    That is its score where the order allows it, so that items of several issues can be joined
    without one of an issue ever overtaking another of it.
    """
    found: list[Item] = []
    for item in items:
        below = math.nextafter(found[-1].weight, -math.inf) if found else math.inf
        worth = PICK_WEIGHT if item.is_pick else item.score
        found.append(replace(item, weight=min(worth, below)))
    return tuple(found)


def with_picks(
    draft: Issue, picks: Sequence[Pick], today: date, summaries: Mapping[str, Summary]
) -> Issue:
    """A draft with the picks as they are now on top; what is no pick any more stands by its score.

    A paper that nothing but a pick had put there goes with it. `summaries` are those of the picks
    that the draft does not have.
    """
    rest = {item.paper.id: _without_pick(item) for item in draft.items if not item.is_revision}
    picked = []
    for place in rank([], today=today, vectors={}, picks=picks):
        item = rest.pop(place.paper.id, None)
        if item is None:
            picked.append(_item(place, summaries))
        else:
            picked.append(replace(item, put_by=("editors", *item.put_by), note=place.note))
    others = sorted(rest.values(), key=lambda item: (-item.weight, item.paper.id))
    again = [item for item in draft.items if item.is_revision]
    items = weighed([*picked, *(item for item in others if item.put_by), *again])
    return replace(draft, items=items)


def _without_pick(item: Item) -> Item:
    if not item.is_pick:
        return item
    others = tuple(who for who in item.put_by if who != "editors")
    return replace(item, put_by=others, note="", weight=item.score)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """The most that a mail shows of one source or topic; the rest is listed as more."""

    per_source: int | None = None
    per_section: int | None = None
    sources: frozenset[str] = frozenset()  #: those that count; all, if none are given


NO_CAPS = Caps()


def capped(ordered: Sequence[Placed], caps: Caps, most: int) -> tuple[list[Placed], list[Placed]]:
    """What is shown and what is not, each in order. Picks are always shown.

    A paper that several sources have takes a place of the one with the most left.
    """
    taken: Counter[tuple[str, str]] = Counter()
    shown: list[Placed] = []
    more: list[Placed] = []
    for item in ordered:
        names = {one.source for one in item.paper.listings}
        names = names & caps.sources if caps.sources else names
        source = min((taken["source", name], name) for name in names or {""})[1]
        limits = (
            (("source", source), caps.per_source),
            (("section", item.section), caps.per_section),
        )
        has_room = all(limit is None or taken[key] < limit for key, limit in limits)
        if len(shown) == most or not (item.is_pick or has_room):
            more.append(item)
            continue
        shown.append(item)
        if not item.is_pick:  # editors' choice leaves the others their room
            taken.update(key for key, _ in limits)
    return shown, more


def edition(
    issue: Issue,
    items: Sequence[Item],
    *,
    cap: int,
    topics: Sequence[str],
    caps: Caps = NO_CAPS,
    format: Format = "html",
    language: str = "en",
    is_welcome: bool = False,
) -> Edition:
    """An ordered choice of items: the best `cap` of the new ones by section, then revisions.

    Picks come first, then the sections in the order of the topics; in each the order is the
    issue's. The best of several issues' items are those of most weight.
    """
    new = sorted(
        (item for item in items if not item.is_revision),
        key=lambda i: (-i.weight, -i.score, i.paper.id),
    )
    again = [item for item in items if item.is_revision]
    chosen, rest = capped(new, caps, cap)
    place = {topic: n for n, topic in enumerate(topics)}
    shown = sorted(chosen, key=lambda i: -1 if i.is_pick else place.get(i.section, len(place)))
    some = tuple(shown + again[:cap])
    more = tuple(rest + again[cap:])
    return Edition(
        key=_key(issue.id, some, more, format, language, is_welcome),
        issue=issue,
        shown=some,
        more=more,
        format=format,
        language=language,
        is_welcome=is_welcome,
    )


def _key(
    issue_id: str,
    shown: Sequence[Item],
    more: Sequence[Item],
    format: str,
    language: str,
    is_welcome: bool,
) -> str:
    choice = [
        [[i.paper.id, i.is_revision, i.paper.version, i.section, i.because] for i in part]
        for part in (shown, more)
    ]
    words = json.dumps([issue_id, format, language, is_welcome, choice], ensure_ascii=False)
    return hashlib.sha256(words.encode()).hexdigest()[:32]
