"""Papers × topics → matches, each with its reason. Pure.

A topic is a few words. Words that stand together are a phrase; phrases are joined by `and`, `or`
and `not`, grouped by parentheses, and taken literally between double quotes. Case, hyphens and
endings do not count: "fine-tuning language models" finds "Fine-Tuned Language Model".
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from digest.errors import BadTopic
from digest.types import Match, Paper

THRESHOLD = 1.0  #: a score from here on is a match
TITLE_WEIGHT = 1.0  #: what a phrase in the title is worth above one in the abstract
MOST_WORDS = 200  #: in a topic
NEARLY = 0.9  #: the most that a paper without a match can score

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?|[+#]{1,2}")
_TOKEN = re.compile(r'"([^"]*)"|(\()|(\))|([^\s()"]+)')


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that must stand together."""

    shown: str  #: as the topic has it
    stems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class And:
    """Both sides."""

    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Or:
    """Either side."""

    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Not:
    """The absence of the inner part."""

    inner: Expression


Expression = Phrase | And | Or | Not


@dataclass(frozen=True, slots=True)
class Topic:
    """What a reader follows."""

    name: str  #: as it was written
    expression: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Interest:
    """All that decides which papers belong to a digest."""

    topics: tuple[Topic, ...]
    exclude: tuple[Topic, ...] = ()
    categories: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()


def parse_topic(words: str) -> Topic:
    """Read a topic.

    Raises: BadTopic, naming the topic and what is wrong with it.

    >>> parse_topic("diffusion and (video or image) not medical").expression.right.inner.shown
    'medical'
    """
    name = " ".join(words.split())
    expression = _Parser(name).parse()
    if not any(True for _ in _wanted(expression)):
        raise BadTopic(f"topic {name!r} only says what it is not about; add what it is about")
    return Topic(name, expression)


def match(papers: Iterable[Paper], interest: Interest) -> Iterator[Match]:
    """Yield every (paper, topic) that reaches the threshold and that nothing excludes.

    One paper may match many topics; order follows `papers`, then the topics. A paper by a
    followed author matches under the name of the author. Without topics and authors everything
    in the categories matches.
    """
    for paper in papers:
        if is_in_categories(paper, interest.categories):
            yield from _matches(_Words.of(paper), paper, interest)


def near(papers: Iterable[Paper], interest: Interest, down_to: float) -> Iterator[Match]:
    """Yield the best topic of each paper that matches nothing, from a score of `down_to` on.

    What is excluded, or has what a topic says it must not have, is near to nothing.
    """
    for paper in papers:
        if not is_in_categories(paper, interest.categories):
            continue
        words = _Words.of(paper)
        is_excluded = any(_holds(topic.expression, words) for topic in interest.exclude)
        if is_excluded or any(True for _ in _matches(words, paper, interest)):
            continue
        topics = [t for t in interest.topics if not _is_barred(t.expression, words)]
        found = [_score(words, paper, topic) for topic in topics]
        best = max(found, key=lambda m: m.score, default=None)
        if best and best.score >= down_to:
            yield best


def score(paper: Paper, topic: Topic) -> Match:
    """How well a paper fits a topic, whatever the threshold."""
    return _score(_Words.of(paper), paper, topic)


def is_in_categories(paper: Paper, categories: Sequence[str]) -> bool:
    """Does the paper carry one of them, or one of their archives'? Papers without any pass."""
    if not categories or not paper.categories:
        return True
    own = set(paper.categories) | {c.split(".")[0] for c in paper.categories}
    return not own.isdisjoint(categories)


# --- scoring -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Words:
    """A paper's stems, as text to search phrases in: " fine tun languag model "."""

    title: str
    abstract: str

    @classmethod
    def of(cls, paper: Paper) -> _Words:
        return cls(_joined(stems(paper.title)), _joined(stems(paper.abstract)))


def _matches(words: _Words, paper: Paper, interest: Interest) -> Iterator[Match]:
    if any(_holds(topic.expression, words) for topic in interest.exclude):
        return
    for topic in interest.topics:
        found = _score(words, paper, topic)
        if found.score >= THRESHOLD:
            yield found
    for name in interest.authors:
        if by := next((a for a in paper.authors if is_same_person(name, a)), None):
            yield Match(paper=paper, topic=name, score=2.0, because=(by,))
    if not interest.topics and not interest.authors:
        named = [c for c in paper.categories if c in interest.categories]
        yield Match(paper=paper, topic="", score=1.0, because=tuple(named))


def _score(words: _Words, paper: Paper, topic: Topic) -> Match:
    # "agent or agents" is one phrase twice: said once and counted once.
    by_stems: dict[tuple[str, ...], Phrase] = {}
    for phrase in _wanted(topic.expression):
        by_stems.setdefault(phrase.stems, phrase)
    wanted = list(by_stems.values())
    if not _holds(topic.expression, words):
        near = NEARLY * _share(wanted, words)
        return Match(paper=paper, topic=topic.name, score=round(near, 3), because=())
    total, found = THRESHOLD, []
    for phrase in wanted:
        in_title, in_abstract = (_count(phrase, text) for text in (words.title, words.abstract))
        if in_title or in_abstract:
            found.append(phrase.shown)
        total += TITLE_WEIGHT * bool(in_title) + 0.25 * math.log2(1 + in_abstract)
    because = tuple(dict.fromkeys(found))
    return Match(paper=paper, topic=topic.name, score=round(total, 3), because=because)


def _holds(expression: Expression, words: _Words) -> bool:
    match expression:
        case Phrase():
            return bool(_count(expression, words.title) or _count(expression, words.abstract))
        case And(left, right):
            return _holds(left, words) and _holds(right, words)
        case Or(left, right):
            return _holds(left, words) or _holds(right, words)
        case Not(inner):
            return not _holds(inner, words)


def _is_barred(expression: Expression, words: _Words) -> bool:
    """Does anything hold that stands under a `not`?"""
    match expression:
        case Phrase():
            return False
        case And(left, right) | Or(left, right):
            return _is_barred(left, words) or _is_barred(right, words)
        case Not(inner):
            return _holds(inner, words)


def _wanted(expression: Expression) -> Iterator[Phrase]:
    """The phrases that speak for a paper; those under a `not` do not."""
    match expression:
        case Phrase():
            yield expression
        case And(left, right) | Or(left, right):
            yield from _wanted(left)
            yield from _wanted(right)


def _count(phrase: Phrase, text: str) -> int:
    return text.count(_joined(phrase.stems))


def _share(phrases: Sequence[Phrase], words: _Words) -> float:
    """The share of the topic's words that stand anywhere in the paper."""
    wanted = {stem for phrase in phrases for stem in phrase.stems}
    have = sum(f" {stem} " in words.title or f" {stem} " in words.abstract for stem in wanted)
    return have / len(wanted) if wanted else 0.0


def is_same_person(wanted: str, name: str) -> bool:
    """Same last name, and given names or initials that agree.

    >>> [is_same_person("J. K. Doe", n) for n in ("Jane K. Doe", "John Doe", "Karl Doe")]
    [True, True, False]
    """
    mine, theirs = _name(wanted), _name(name)
    if not mine or not theirs or mine[-1] != theirs[-1]:
        return False
    pairs = zip(mine[:-1], theirs[:-1], strict=False)
    return all(a.startswith(b) or b.startswith(a) for a, b in pairs)


def _name(name: str) -> list[str]:
    last, comma, first = name.partition(",")
    folded = unicodedata.normalize("NFKD", f"{first} {last}" if comma else name).casefold()
    plain = "".join(c for c in folded if not unicodedata.combining(c))
    return re.findall(r"[^\W\d_]+", plain)


# --- words ---------------------------------------------------------------------------------------


def stems(text: str) -> list[str]:
    """The words of a text, without case, accents, hyphens and endings."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(c for c in folded if not unicodedata.combining(c))
    return [_stem(word) for word in _WORD.findall(plain)]


def _joined(words: Iterable[str]) -> str:
    # Two blanks between words, so that adjacent finds of one word do not share theirs.
    return " " + "  ".join(words) + " "


@lru_cache(maxsize=1)
def _stemmer() -> Callable[[str], str]:
    import snowballstemmer

    stem: Callable[[str], str] = snowballstemmer.stemmer("english").stemWord
    return stem


@lru_cache(maxsize=100_000)
def _stem(word: str) -> str:
    stem = _stemmer()(word)
    # The stemmer wants a vowel before a plural's s; "LLMs" and "GNNs" have none.
    is_plural = len(stem) > 3 and stem[-1] == "s" and stem[-2] not in "aeiousy"
    return stem[:-1] if is_plural else stem


# --- reading topics ------------------------------------------------------------------------------


class _Parser:
    """`or` binds loosest, then `and`, then `not`; "a not b" is "a and not b"."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.tokens = [_token(found) for found in _TOKEN.finditer(name)]
        self.place = 0

    def parse(self) -> Expression:
        if self.name.count('"') % 2:
            raise self._bad("a quotation mark is not closed")
        if not self.tokens:
            raise self._bad("it is empty")
        if len(self.tokens) > MOST_WORDS:
            raise BadTopic(f"topic {self.name[:60] + '…'!r} has more than {MOST_WORDS} words")
        found = self._either()
        if self.place < len(self.tokens):
            raise self._bad("a parenthesis closes that was not opened")
        return found

    def _either(self) -> Expression:
        left = self._both()
        while self._take("or"):
            left = Or(left, self._both())
        return left

    def _both(self) -> Expression:
        left = self._one()
        while self._peek() not in ("or", ")", ""):
            self._take("and")
            left = And(left, self._one())
        return left

    def _one(self) -> Expression:
        if self._take("not"):
            return Not(self._one())
        if self._take("("):
            inner = self._either()
            if not self._take(")"):
                raise self._bad("a parenthesis is not closed")
            return inner
        return self._phrase()

    def _phrase(self) -> Expression:
        words: list[str] = []
        while self.place < len(self.tokens):
            kind, word = self.tokens[self.place]
            if kind == "quoted" and words:
                break
            if kind not in ("word", "quoted"):
                break
            words.append(word)
            self.place += 1
            if kind == "quoted":
                break
        shown = " ".join(words)
        if not words:
            where = self._peek()
            raise self._bad(f"there are no words before {where!r}" if where else "it ends early")
        if not stems(shown):
            raise self._bad(f"{shown!r} has no letters or digits")
        return Phrase(shown, tuple(stems(shown)))

    def _peek(self) -> str:
        if self.place >= len(self.tokens):
            return ""
        kind, word = self.tokens[self.place]
        return word if kind == "operator" else "a phrase"

    def _take(self, operator: str) -> bool:
        is_next = self._peek() == operator
        self.place += is_next
        return is_next

    def _bad(self, why: str) -> BadTopic:
        return BadTopic(f"topic {self.name!r} cannot be read: {why}")


def _token(found: re.Match[str]) -> tuple[str, str]:
    quoted, opening, closing, word = found.groups()
    if quoted is not None:
        return "quoted", quoted
    if opening or closing:
        return "operator", opening or closing
    is_operator = word.lower() in ("and", "or", "not")
    return ("operator", word.lower()) if is_operator else ("word", word)
