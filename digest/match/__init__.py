"""Papers × topics → matches, each with its reason. Pure.

A topic of plain words is matched by meaning (`world`) and by words; one that is meant literally
(`topic`) by its words alone, and meaning gives the order. A pair's score depends on nothing else
in the call.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from digest.match.topic import Topic, has_not, holds, is_barred, parse_topic
from digest.match.words import joined, stems
from digest.match.world import Floats, Places, Steps, World, cosines, placed, steps
from digest.types import LIKENESS, Example, Match, Paper

__all__ = [
    "Interest",
    "Lens",
    "Sought",
    "Topic",
    "World",
    "excluded",
    "is_in_categories",
    "lens",
    "match",
    "parse_topic",
]

#: A score from here on is a match; it is how much meaning and words together come to, in ENOUGHs.
THRESHOLD, ENOUGH = 1.0, 2.0
#: What the topic's words count beside the meaning, if all of them were said many times.
WORDS = 1.0
#: BM25's: how fast saying it again counts less, and how much long texts are discounted.
SATURATION, BY_LENGTH, USUAL_LENGTH = 1.2, 0.75, 180.0
#: A paper that has the topic word for word is a match, however little its meaning comes to: so
#: much above the threshold as TENTH of its score. Of a phrase that more than so many of the world's
#: abstracts have, it must come so near by itself (NEAR_ENOUGH).
TENTH, COMMON, NEAR_ENOUGH = 0.1, 0.01, 0.85
NEARLY = 0.99  #: the most that a paper without a match can score
AUTHOR_SCORE = 2.0
UNSORTED = "it has no category"  #: a reason
#: The topic under which papers stand that are like somebody's own.
YOURS = "papers like yours"
#: The mean cosine with the NEAREST of somebody's papers that is enough, where there is one and
#: where there are ten times as many: among many there is always one that is near by chance.
LIKE_ONE, LIKE_TENFOLD, NEAREST = 0.5, 0.04, 3
SAME = 0.98  #: from this cosine on it is one of hers

Vectors = Mapping[str, npt.NDArray[np.float32]]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interest:
    """All that decides which papers belong to a digest."""

    topics: tuple[Topic, ...]
    exclude: tuple[Topic, ...] = ()
    categories: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    like: tuple[str, ...] = ()  #: ids of papers, and files with papers, that others should be like

    def on(self, topics: Sequence[str]) -> Interest:
        """The same on other topics, where there are some: authors and papers like these go too.

        Raises: BadTopic
        """
        if not topics:
            return self
        return replace(self, topics=tuple(map(parse_topic, topics)), authors=(), like=())


class Sought:
    """Topics, ready to be held against papers."""

    def __init__(self, topics: Sequence[Topic], vectors: Vectors, world: World) -> None:
        """`vectors` are by a topic's text; a topic without one is matched by words alone."""
        self.topics = tuple(topics)
        self.places: Places = placed([vectors.get(topic.text) for topic in topics], world)
        self.is_known = self.places.is_known
        self.is_common = [
            len(topic.phrases) == 1 and world.share(topic.phrases[0].stems) > COMMON
            for topic in topics
        ]
        #: How many stems a paper must have for a topic to be there word for word: all, of one
        #: phrase; one, of what is meant literally, or none ("x OR NOT y"). Else no number is
        #: enough.
        self.fewest = np.full(len(topics), np.iinfo(np.int16).max, np.int16)
        by_stem: dict[str, tuple[list[int], list[float]]] = {}
        for row, topic in enumerate(topics):
            weights = {s: world.rarity(s) for phrase in topic.phrases for s in phrase.stems}
            if topic.expression is not None:
                self.fewest[row] = 0 if has_not(topic.expression) else 1
            elif len(topic.phrases) == 1:
                self.fewest[row] = len(weights)
            whole = sum(weights[stem] for stem in sorted(weights)) * (SATURATION + 1)
            for stem, weight in weights.items():
                rows, shares = by_stem.setdefault(stem, ([], []))
                rows.append(row)
                shares.append(weight / whole)
        #: stem → the topics that have it, and its share in each. In order: sums must not depend
        #: on what else is asked.
        self.by_stem = {
            stem: (np.array(rows), np.array(shares))
            for stem, (rows, shares) in sorted(by_stem.items())
        }

    def scores(
        self, papers: Sequence[Words], vectors: npt.ArrayLike
    ) -> tuple[Floats, Flags, Flags]:
        """How much meaning and words come to, where words must be looked at, where all is words.

        The first in ENOUGHs.

        Shapes: [papers], [papers, width] → three times [papers, topics].
        """
        words = np.zeros((len(papers), len(self.topics)))
        there = np.zeros((len(papers), len(self.topics)), np.int16)
        with_stem: dict[str, list[int]] = {}
        for row, paper in enumerate(papers):
            for stem in paper.counts.keys() & self.by_stem.keys():
                with_stem.setdefault(stem, []).append(row)
        for stem in sorted(with_stem):
            rows = with_stem[stem]
            topics, shares = self.by_stem[stem]
            said = np.array([papers[row].weight(stem) for row in rows])
            places = np.ix_(np.array(rows), topics)
            words[places] += said[:, None] * shares
            there[places] += 1
        meaning = self.places.meaning(steps(vectors))
        value = (meaning + WORDS * words) / ENOUGH
        # Scores are never negative, and the far ones still have an order.
        found: Floats = np.where(value < 0.5, 0.5 * np.exp(2 * np.minimum(value, 0.5) - 1), value)
        has_vector = np.asarray(np.asarray(vectors).any(axis=1))
        is_blind = ~(has_vector[:, None] & self.is_known)
        return found, (there >= self.fewest) | (is_blind & (there > 0)), is_blind


@dataclass(frozen=True)
class Words:
    """A paper's stems."""

    title: str  #: to search phrases in, `joined`
    abstract: str
    counts: Mapping[str, int]

    @classmethod
    def of(cls, paper: Paper) -> Words:
        """Those of a paper."""
        title, abstract = stems(paper.title), stems(paper.abstract)
        counts: dict[str, int] = {}
        for stem in (*title, *abstract):
            counts[stem] = counts.get(stem, 0) + 1
        return cls(joined(title), joined(abstract), counts)

    @cached_property
    def _discount(self) -> float:
        length = sum(self.counts.values())
        return SATURATION * (1 - BY_LENGTH + BY_LENGTH * length / USUAL_LENGTH)

    def weight(self, stem: str) -> float:
        """BM25's for a word that is there, without its rarity."""
        count = self.counts[stem]
        return count * (SATURATION + 1) / (count + self._discount)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lens:
    """An interest with its topics made ready."""

    interest: Interest
    topics: Sought
    exclude: Sought
    examples: tuple[Example, ...] = ()
    places: Steps | None = None  #: of the examples. Shapes: [examples, width]


def lens(
    interest: Interest,
    vectors: Vectors,
    world: World,
    examples: Sequence[tuple[Example, npt.NDArray[np.float32]]] = (),
) -> Lens:
    """Make an interest ready; `vectors` are by the topics' texts, `examples` with theirs."""
    return Lens(
        interest=interest,
        topics=Sought(interest.topics, vectors, world),
        exclude=Sought(interest.exclude, vectors, world),
        examples=tuple(example for example, _ in examples),
        places=steps(np.stack([vector for _, vector in examples])) if examples else None,
    )


def match(
    papers: Iterable[Paper], lens: Lens, vectors: Vectors, *, down_to: float = THRESHOLD
) -> Iterator[Match]:
    """Yield every (paper, topic) that reaches the threshold and that nothing excludes.

    One paper may match many topics; order follows `papers`, then the topics. A paper by a
    followed author matches under the name of the author. Without topics and authors everything
    in the categories matches. `vectors` are by paper id; a paper without one is matched by words
    alone. With `down_to` under the threshold also what comes near it is given.
    """
    interest = lens.interest
    some = [paper for paper in papers if is_in_categories(paper, interest.categories)]
    words = [Words.of(paper) for paper in some]
    width = lens.topics.places.directions.shape[1]
    nothing = np.zeros(width, np.float32)
    near = np.array([vectors.get(p.id, nothing) for p in some], np.float32).reshape(-1, width)
    wanted = list(_found(lens.topics, words, near, down_to))
    barred = _barred(lens.exclude, words, near)
    for row, paper in enumerate(some):
        if barred[row]:
            continue
        for n, value in wanted[row]:
            topic = interest.topics[n]
            because = reasons(topic, words[row]) if value >= THRESHOLD else ()
            yield Match(paper=paper, topic=topic.name, score=value, because=because)
        if lens.places is not None:
            yield from _likeness(
                paper, steps(near[row : row + 1]), lens.examples, lens.places, down_to
            )
        yield from _besides(paper, interest)


def excluded(paper: Paper, lens: Lens, vectors: Vectors) -> Topic | None:
    """The exclusion that keeps a paper out, the first of them, if there is one."""
    width = lens.exclude.places.directions.shape[1]
    near = np.array([vectors.get(paper.id, np.zeros(width, np.float32))], np.float32)
    return _barred(lens.exclude, [Words.of(paper)], near)[0]


def _barred(exclude: Sought, words: Sequence[Words], near: npt.ArrayLike) -> list[Topic | None]:
    """For each paper the exclusion that keeps it out."""
    values, _, is_blind = exclude.scores(words, near)
    return [
        next(
            (
                topic
                for n, topic in enumerate(exclude.topics)
                if is_excluded(topic, words[row], values[row, n], is_blind=bool(is_blind[row, n]))
            ),
            None,
        )
        for row in range(len(words))
    ]


def _found(
    sought: Sought, words: Sequence[Words], near: npt.ArrayLike, down_to: float
) -> Iterator[list[tuple[int, float]]]:
    """For each paper the topics, by number, that score so much. Most pairs are not looked at."""
    values, has_words, is_blind = sought.scores(words, near)
    # What is rounded up to `down_to` is as much.
    for row, candidates in enumerate(has_words | (values >= down_to - 0.001)):
        found = []
        for n in np.flatnonzero(candidates):
            value = score(
                sought.topics[n],
                words[row],
                float(values[row, n]),
                is_blind=bool(is_blind[row, n]),
                is_common=sought.is_common[n],
            )
            if value >= down_to:
                found.append((int(n), value))
        yield found


def _likeness(
    paper: Paper, place: Steps, examples: Sequence[Example], places: Steps, down_to: float
) -> Iterator[Match]:
    """A match with the papers that somebody gave, if it is like some of them and none of them."""
    likeness = cosines(place, places)[0]
    order = np.argsort(-likeness, kind="stable")[:NEAREST]
    if likeness[order[0]] >= SAME:
        return
    enough = LIKE_ONE + LIKE_TENFOLD * math.log10(len(examples))
    value = _rounded(max(0.0, float(likeness[order].sum()) / len(order) / enough))
    if value >= down_to:
        is_match = value >= THRESHOLD
        because = (f"{LIKENESS}{examples[order[0]].title}”, which is yours",) if is_match else ()
        yield Match(paper=paper, topic=YOURS, score=value, because=because)


def _besides(paper: Paper, interest: Interest) -> Iterator[Match]:
    """What matches for other reasons than a topic."""
    for name in interest.authors:
        if by := next((a for a in paper.authors if is_same_person(name, a)), None):
            yield Match(paper=paper, topic=name, score=AUTHOR_SCORE, because=(by,))
    if not interest.topics and not interest.authors and not interest.like:
        wanted = set(interest.categories)
        named = [c for c in paper.categories if {c, c.split(".")[0]} & wanted] or [UNSORTED]
        yield Match(paper=paper, topic="", score=THRESHOLD, because=tuple(named))


def score(
    topic: Topic, words: Words, value: float, *, is_blind: bool = False, is_common: bool = False
) -> float:
    """How well a paper fits a topic, given what meaning and words come to; to three places.

    `is_blind` says that nothing is known of the meaning: then any phrase of the topic is enough.
    `is_common` says that many papers have the topic's phrase.
    """
    if topic.expression is not None:
        if holds(topic.expression, words.title, words.abstract):
            value = max(value, THRESHOLD + TENTH * value)
        else:
            is_out = is_barred(topic.expression, words.title, words.abstract)
            value = 0.0 if is_out else min(value, NEARLY)
    elif any(_is_said(phrase.stems, words) for phrase in topic.unwanted):
        value = 0.0
    elif (
        is_blind or (len(topic.phrases) == 1 and (not is_common or value >= NEAR_ENOUGH))
    ) and any(_is_said(phrase.stems, words) for phrase in topic.phrases):
        value = max(value, THRESHOLD + TENTH * value)
    return _rounded(value)


def _rounded(value: float) -> float:
    # What comes nearly to the threshold must not be rounded up to it.
    return round(value, 3) if value >= THRESHOLD else min(round(value, 3), 0.999)


def is_excluded(topic: Topic, words: Words, value: float, *, is_blind: bool) -> bool:
    """Whether an exclusion keeps a paper out: by its words, any of its choices; or by meaning.

    Where nothing is known of the meaning it is enough that all words of a choice are there.
    """
    if topic.expression is not None:
        return holds(topic.expression, words.title, words.abstract)
    if any(_is_said(phrase.stems, words) for phrase in topic.unwanted):
        return False
    if any(_is_said(choice.stems, words) for choice in topic.choices):
        return True
    if is_blind:
        return any(all(s in words.counts for s in choice.stems) for choice in topic.choices)
    return value >= THRESHOLD


def _is_said(phrase: Sequence[str], words: Words) -> bool:
    if not all(stem in words.counts for stem in phrase):
        return False
    sought = joined(phrase)
    return sought in words.title or sought in words.abstract


def reasons(topic: Topic, words: Words) -> tuple[str, ...]:
    """The phrases of a topic that a paper has, for its reader to find."""
    return tuple(phrase.shown for phrase in topic.phrases if _is_said(phrase.stems, words))


def is_in_categories(paper: Paper, categories: Sequence[str]) -> bool:
    """Does the paper carry one of them, or one of their archives'? Papers without any pass."""
    if not categories or not paper.categories:
        return True
    own = set(paper.categories) | {c.split(".")[0] for c in paper.categories}
    return not own.isdisjoint(categories)


def is_same_person(wanted: str, name: str) -> bool:
    """Same last name, and given names or initials that agree.

    >>> [is_same_person("J. K. Doe", n) for n in ("Jane K. Doe", "John Doe", "Karl Doe")]
    [True, True, False]
    """
    mine, theirs = _name(wanted), _name(name)
    if not mine or not theirs or mine[-1] != theirs[-1]:
        return False
    pairs = zip(mine[:-1], theirs[:-1], strict=False)
    return all(a == b or (min(len(a), len(b)) == 1 and a[0] == b[0]) for a, b in pairs)


def _name(name: str) -> list[str]:
    last, comma, first = name.partition(",")
    folded = unicodedata.normalize("NFKD", f"{first} {last}" if comma else name).casefold()
    plain = "".join(c for c in folded if not unicodedata.combining(c))
    return re.findall(r"[^\W\d_]+", plain)
