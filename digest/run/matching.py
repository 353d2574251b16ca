"""match(): which papers belong to an interest, by meaning and by words, and why."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from digest import match as matching
from digest.encoders import Floats
from digest.match import Interest, Lens, World
from digest.models.world import world
from digest.run.encoding import Encoding
from digest.run.examples import examples
from digest.run.setup import Setup
from digest.types import MEANING, Example, Match, Paper

LONGEST_REASON = 160  #: characters of a sentence that is given as a reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """What came of it."""

    matches: list[Match]
    vectors: Mapping[str, Floats]  #: of the papers, by id
    looked_at: int  #: papers
    near: Sequence[Match] = ()  #: the best topic of papers that match none; not the excluded
    warnings: tuple[str, ...] = ()


def match(
    setup: Setup,
    interest: Interest,
    papers: Iterable[Paper],
    *,
    keep: bool = True,
    down_to: float = matching.THRESHOLD,
) -> Matched:
    """The papers that belong to an interest.

    With `keep` false nothing is written, not even a vector. With `down_to` under the threshold
    what scores so much is given as `near`; never what the interest excludes.
    """
    code = Encoding(setup.encoder, setup, keep=keep)
    some = [one for one in papers if matching.is_in_categories(one, interest.categories)]
    given, unknown = examples(setup, interest.like)
    is_asked = bool(interest.topics or interest.exclude or given)
    ready, vectors = prepared(interest, code, some if is_asked else (), given)
    found = list(matching.match(some, ready, vectors, down_to=down_to))
    matches = [one for one in found if one.score >= matching.THRESHOLD]
    return Matched(
        matches=explained(matches, interest, code),
        vectors=vectors or ({} if code.warnings else code.papers([m.paper for m in found])),
        looked_at=len(some),
        near=_near(found, {one.paper.id for one in matches}),
        warnings=(*unknown, *code.warnings),
    )


def excluded(setup: Setup, interest: Interest, paper: Paper) -> str:
    """The exclusion of an interest that keeps a paper out; empty where none does."""
    code = Encoding(setup.encoder, setup, keep=False)
    ready, vectors = prepared(interest, code, [paper])
    found = matching.excluded(paper, ready, vectors)
    return found.name if found else ""


def _near(found: Sequence[Match], matched: Collection[str]) -> list[Match]:
    best: dict[str, Match] = {}
    for one in found:
        if one.paper.id not in matched:
            known = best.get(one.paper.id, one)
            best[one.paper.id] = max(known, one, key=lambda match: match.score)
    return list(best.values())


def match_without_store(code: Encoding, interest: Interest, papers: Sequence[Paper]) -> list[Match]:
    """Every pair of a paper and a topic with its score, whatever the threshold."""
    ready, vectors = prepared(interest, code, papers)
    found = list(matching.match(papers, ready, vectors, down_to=0.0))
    return explained(found, interest, code)


def prepared(
    interest: Interest, code: Encoding, papers: Sequence[Paper], given: Sequence[Example] = ()
) -> tuple[Lens, dict[str, Floats]]:
    """The interest with the vectors of its topics and examples; and the papers', by id."""
    topics = (*interest.topics, *interest.exclude)
    words = code.words([topic.text for topic in topics])
    near, vectors, seen = code.examples(given), code.papers(papers), _seen_by(code)
    if code.warnings:  # some vectors would fit neither the others nor the world
        return matching.lens(interest, {}, world()), {}
    return matching.lens(interest, words, seen, [(one, near[one]) for one in given]), vectors


def _seen_by(code: Encoding) -> World:
    """The world as an encoder sees it."""
    known = world()
    if code.encoder_id.startswith("embedded/"):
        return known
    themes = code.words(known.words)
    if any(words not in themes for words in known.words):
        return known  # it has failed: there is a warning, and no vector is used
    return known.seen_as(np.stack([themes[words] for words in known.words]))


def explained(found: Sequence[Match], interest: Interest, code: Encoding) -> list[Match]:
    """With a reason for matches by meaning alone: the sentence that comes closest to the topic."""
    text_of = {topic.name: topic.text for topic in interest.topics}
    silent: dict[str, list[Match]] = {}
    for one in found:
        if one.score >= matching.THRESHOLD and not one.because and one.topic in text_of:
            silent.setdefault(one.paper.id, []).append(one)
    near = code.words(
        [text_of[name] for name in {m.topic for some in silent.values() for m in some}]
    )
    reasons: dict[tuple[str, str], str] = {}
    for id, some in silent.items():
        closest = code.closest(some[0].paper, near)
        for one in some:
            sentence = closest.get(text_of[one.topic]) or one.paper.title or one.paper.abstract
            # "x OR NOT y" may hold of a paper without a word.
            reasons[id, one.topic] = f"{MEANING}{_short(sentence)}”" if sentence else one.topic
    return [
        replace(one, because=(reasons[one.paper.id, one.topic],))
        if (one.paper.id, one.topic) in reasons
        else one
        for one in found
    ]


def _short(sentence: str) -> str:
    if len(sentence) <= LONGEST_REASON:
        return sentence
    return sentence[:LONGEST_REASON].rpartition(" ")[0].rstrip(" ,;:") + "…"
