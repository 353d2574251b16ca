"""What a reader follows, in a few words of her own. Pure.

Plain words are looked for by meaning and by words: "robots that walk, run or swim". What is to be
taken literally says so by quotes or AND, OR and NOT in capitals: words that stand together are
then a phrase, and phrases are joined and grouped by parentheses. In both, what comes behind a
"not" must not be there. Case, hyphens and endings do not count: "fine-tuning language models"
finds "Fine-Tuned Language Model".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from digest.errors import BadTopic
from digest.match.words import joined, stems

MOST_WORDS = 200  #: in a topic

_TOKEN = re.compile(r'"([^"]*)"|(\()|(\))|([^\s()"]+)')
MOST_NESTED = 50  #: parentheses within each other
_LITERAL = re.compile(r'"|(?<![\w-])(?:AND|OR|NOT)(?![\w-])')
#: "models that do not forget" and "not-for-profit" bar nothing.
_NOT = re.compile(
    r"(?<![\w-])(?<!\bor )(?<!\bdo )(?<!\bdoes )(?<!\bdid )(?<!\bcan )(?<!\bis )(?<!\bare )"
    r"(?<!\bwill )(?<!\bmay )(?<!\bhas )(?<!\bhave )(?<!\bwhy )(?<!\bif )not(?![\w-])"
)
_PARTS = re.compile(r"[,;()]|\b(?:and|or)\b", re.IGNORECASE)
_CHOICES = re.compile(r"[,;()]|\bor\b", re.IGNORECASE)


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
    text: str  #: what speaks for a paper, as one text
    phrases: tuple[Phrase, ...]  #: the same in phrases, each once
    unwanted: tuple[Phrase, ...] = ()  #: what must not be there
    choices: tuple[Phrase, ...] = ()  #: the same as `phrases`, where "a and b" is one phrase
    expression: Expression | None = None  #: what must hold, where it is meant literally


def parse_topic(words: str) -> Topic:
    """Read a topic.

    Raises: BadTopic, naming the topic and what is wrong with it.

    >>> parse_topic("robots that walk, run or swim not toys").unwanted[0].shown
    'toys'
    >>> parse_topic('"in context" AND (video OR image)').expression.right.left.shown
    'video'
    """
    name = " ".join(words.split())
    if len(name.split()) > MOST_WORDS:
        raise BadTopic(f"topic {name[:60] + '…'!r} has more than {MOST_WORDS} words")
    if _LITERAL.search(name):
        expression = _Parser(name).parse()
        phrases = _once(_wanted(expression))
        if not phrases:
            raise _only_not(name)
        text = " ".join(one.shown for one in phrases)
        return Topic(name, text, phrases, (), phrases, expression)
    wanted, *unwanted = (part.strip(" ,;") for part in _NOT.split(name))
    if not wanted and unwanted:
        raise _only_not(name)
    phrases, choices = (
        _once(_phrase(part, name) for part in parts.split(wanted) if part.strip())
        for parts in (_PARTS, _CHOICES)
    )
    if not phrases:
        raise BadTopic(f"topic {name!r} cannot be read: it is empty")
    return Topic(name, wanted, phrases, tuple(_phrase(part, name) for part in unwanted), choices)


def _phrase(words: str, topic: str) -> Phrase:
    shown = words.strip()
    if not stems(shown):
        why = f"{shown!r} has no letters or digits" if shown else "it ends early"
        raise BadTopic(f"topic {topic!r} cannot be read: {why}")
    return Phrase(shown, tuple(stems(shown)))


def _once(phrases: Iterator[Phrase]) -> tuple[Phrase, ...]:
    # "agent or agents" is one phrase twice: said once and counted once.
    by_stems: dict[tuple[str, ...], Phrase] = {}
    for phrase in phrases:
        by_stems.setdefault(phrase.stems, phrase)
    return tuple(by_stems.values())


def _only_not(name: str) -> BadTopic:
    return BadTopic(f"topic {name!r} only says what it is not about; add what it is about")


def holds(expression: Expression, title: str, abstract: str) -> bool:
    """Whether it is so of a paper's words, `joined`."""
    match expression:
        case Phrase(_, parts):
            sought = joined(parts)
            return sought in title or sought in abstract
        case And(left, right):
            return holds(left, title, abstract) and holds(right, title, abstract)
        case Or(left, right):
            return holds(left, title, abstract) or holds(right, title, abstract)
        case Not(inner):
            return not holds(inner, title, abstract)


def is_barred(expression: Expression, title: str, abstract: str) -> bool:
    """Whether it fails for something that is there, not for something that is missing."""
    match expression:
        case Phrase():
            return False
        case And(left, right):
            return is_barred(left, title, abstract) or is_barred(right, title, abstract)
        case Or(left, right):
            return is_barred(left, title, abstract) and is_barred(right, title, abstract)
        case Not(inner):
            return holds(inner, title, abstract)


def has_not(expression: Expression) -> bool:
    """Whether it may hold though none of its words are there."""
    match expression:
        case Phrase():
            return False
        case And(left, right) | Or(left, right):
            return has_not(left) or has_not(right)
        case Not():
            return True


def _wanted(expression: Expression) -> Iterator[Phrase]:
    """The phrases that speak for a paper; those under a NOT do not."""
    match expression:
        case Phrase():
            yield expression
        case And(left, right) | Or(left, right):
            yield from _wanted(left)
            yield from _wanted(right)


class _Parser:
    """OR binds loosest, then AND, then NOT; "a NOT b" is "a AND NOT b"."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.tokens = [_token(found) for found in _TOKEN.finditer(name)]
        self.place = 0
        self.depth = 0

    def parse(self) -> Expression:
        if self.name.count('"') % 2:
            raise self._bad("a quotation mark is not closed")
        if not self.tokens:
            raise self._bad("it is empty")
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
        negations = 0
        while self._take("not"):
            negations += 1
        if negations:
            inner = self._one()
            return Not(inner) if negations % 2 else inner
        if self._take("("):
            self.depth += 1
            if self.depth > MOST_NESTED:
                raise self._bad(f"more than {MOST_NESTED} parentheses stand within each other")
            inner = self._either()
            self.depth -= 1
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
