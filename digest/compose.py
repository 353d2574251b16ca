"""Matches → an issue and its editions: order, cap, sections. Pure."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from digest.types import Edition, Format, Issue, Item, Match, Paper, Signals, Summary

REVISIONS = "revisions"  #: the section of papers sent before and revised since


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """A paper's place before it has a summary."""

    paper: Paper
    section: str  #: the topic that fits best
    score: float
    because: tuple[str, ...]


def rank(matches: Iterable[Match]) -> list[Ranked]:
    """One place a paper, best first: how well it fits, then what the community says.

    A paper that fits several topics stands under the best one and names the reasons of all. Ties
    go by id, so the same papers always come in the same order.
    """
    by_paper: dict[str, list[Match]] = {}
    for match in matches:
        by_paper.setdefault(match.paper.id, []).append(match)
    places = []
    for found in by_paper.values():
        best = max(found, key=lambda m: m.score)  # the first of the best: topics are in order
        score = best.score + popularity(best.paper.signals)
        because = dict.fromkeys(reason for match in found for reason in match.because)
        places.append(
            Ranked(
                paper=best.paper,
                section=best.topic,
                score=round(score, 3),
                because=tuple(because),
            )
        )
    return sorted(places, key=lambda p: (-p.score, p.paper.id))


def popularity(signals: Signals) -> float:
    """What upvotes, comments and stars add to a score: a tenfold counts for one title word.

    >>> popularity(Signals()), popularity(Signals(upvotes=9)), popularity(Signals(upvotes=99))
    (0.0, 1.0, 2.0)
    """
    votes = (signals.upvotes or 0) + (signals.comments or 0) + (signals.stars or 0) / 10
    return math.log10(1 + votes)


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
    items = [
        Item(
            paper=place.paper,
            section=place.section,
            score=place.score,
            because=place.because,
            summary=summaries[place.paper.id],
        )
        for place in ranked
    ]
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
    return Issue(digest=digest, slot=slot, title=title, made_at=made_at, items=tuple(items + again))


def edition(
    issue: Issue,
    items: Sequence[Item],
    *,
    cap: int,
    topics: Sequence[str],
    format: Format = "html",
    language: str = "en",
) -> Edition:
    """An ordered choice of items: the best `cap` of the new ones by section, then revisions.

    Sections come in the order of the topics; within one the best stands first.
    """
    new = sorted(
        (item for item in items if not item.is_revision), key=lambda i: (-i.score, i.paper.id)
    )
    again = [item for item in items if item.is_revision]
    place = {topic: n for n, topic in enumerate(topics)}
    shown = sorted(new[:cap], key=lambda i: place.get(i.section, len(place)))
    some = tuple(shown + again[:cap])
    more = tuple(new[cap:] + again[cap:])
    return Edition(
        key=_key(issue.id, some, more, format, language),
        issue=issue,
        shown=some,
        more=more,
        format=format,
        language=language,
    )


def _key(
    issue_id: str, shown: Sequence[Item], more: Sequence[Item], format: str, language: str
) -> str:
    choice = [
        [[i.paper.id, i.is_revision, i.paper.version, i.because] for i in part]
        for part in (shown, more)
    ]
    words = json.dumps([issue_id, format, language, choice], ensure_ascii=False)
    return hashlib.sha256(words.encode()).hexdigest()[:32]
