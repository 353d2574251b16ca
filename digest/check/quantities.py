"""A text → its numbers with their units, in digits and in words. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from digest.check.characters import with_digits
from digest.check.units import (
    FACTOR_OF,
    LETTERS,
    NUMBER_WORDS,
    OF_A_PART,
    PARTS,
    PHRASES,
    SCALES,
    SIGNS,
    UNITS,
    VAGUE,
)
from digest.check.words import STOPS, parted, stem

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_POWER = re.compile(r"(?<=\d)[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_DIGITS = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d])|\d+(?:\.\d+)?"
_OTHER_DIGITS = r"\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?:[.,]\d+)?(?!\d)|\d+(?:[.,]\d+)*"
_GRAMMAR = (
    r"(?P<sign>(?<![^\s(\[~≈<>=$€£])[-−])?(?P<digits>(?<![^\W_])(?:%s))"
    r"(?P<power>\^[-+]?\d{1,2}|e[-+]?\d{1,2}(?!\w)|\s?[×x*·]\s?10\^[-+−]?\d{1,2})?"
    r"(?P<fraction>[/⁄]\d+(?![\d/.]))?"
    r"|(?P<word>[^\W\d_][^\W_]*(?:['’-][^\W_]+)*|[%%％×°℃℉]\w?)"
)
_ENGLISH = re.compile(_GRAMMAR % _DIGITS)
_OTHER = re.compile(_GRAMMAR % _OTHER_DIGITS)
_BETWEEN = re.compile(
    r"\s?(?:-|±|\+/-|–|—|~|to|and|or|,|bis|und|à|et|a|y|e|至|到|から)\s?", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A number of a text."""

    text: str
    values: tuple[float, ...]  #: as it may be read: "1.500" is two numbers in German
    units: frozenset[str]  #: the first number of "2 to 3 ms" has its own, "", and the other's
    nouns: tuple[str, ...] = ()  #: the words behind, as stems
    start: int = 0
    end: int = 0
    is_word: bool = False
    is_apart: bool = True  #: no part of "61131-3"
    counts: bool = False  #: "four robots"; no factor
    upto: float = 0.0  #: of "millions"


@dataclass(slots=True)
class _Sum:
    """What the words of a number have come to."""

    words: int = 0
    total: float = 0.0
    current: float = 0.0  #: since the last thousand or million

    @property
    def value(self) -> float:
        """Of all words so far."""
        return self.total + self.current

    def add(self, word: str) -> bool:
        """Go on with a word; False where it is none of this number."""
        parts = [NUMBER_WORDS.get(part) for part in word.split("-")]
        values = [value for value in parts if value is not None]
        if len(values) == len(parts):
            # "one two" are two numbers.
            if self.words and 0 < self.current < 20:
                return False
            self.current += sum(values)
        elif self.words and word in SCALES and word not in LETTERS:
            scale = SCALES[word]
            if scale == 100:
                self.current = max(1.0, self.current) * 100
            else:
                self.total, self.current = self.total + max(1.0, self.current) * scale, 0.0
        else:
            return False
        self.words += 1
        return True


def _part(word: str, so_far: _Sum) -> float | None:
    """The value of "two-thirds", or of "thirds" after "two"."""
    if so_far.words and word in PARTS:
        return so_far.value * PARTS[word]
    count, _, part = word.partition("-")
    return NUMBER_WORDS[count] * PARTS[part] if count in NUMBER_WORDS and part in PARTS else None


@dataclass(slots=True)
class _Reader:
    """Goes through the tokens of a text."""

    text: str
    tokens: list[re.Match[str]]
    is_english: bool
    at: int = 0
    found: list[Quantity] = field(default_factory=list)

    def word(self, ahead: int = 0) -> str:
        """The word so many tokens ahead in lower case, else nothing."""
        at = self.at + ahead
        return (self.tokens[at]["word"] or "").lower() if at < len(self.tokens) else ""

    def is_near(self, ahead: int) -> bool:
        """Whether no more than a blank or a hyphen parts a token from the one before it."""
        at = self.at + ahead
        if not 0 < at < len(self.tokens):
            return False
        gap = self.text[self.tokens[at - 1].end() : self.tokens[at].start()]
        return gap in ("", " ", "-", "\u00a0", "\u202f", "‑")

    def read(self) -> list[Quantity]:
        """All quantities."""
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            if token["digits"]:
                self._digits(token)
            elif not self._words():
                self.at += 1
        return self._with_units_of_ranges()

    def _digits(self, token: re.Match[str]) -> None:
        sign = -1.0 if token["sign"] else 1.0
        times = _power(token["power"] or "", token["digits"])
        values = [sign * one for one in _readings(token["digits"], self.is_english)]
        if (token["power"] or "").startswith("^"):
            values = [sign * times]
        elif times != 1:
            values = [one * times for one in values]
        if token["fraction"] and (below := float(token["fraction"][1:][:15])):
            values = [one / below for one in values]
        start = token.start()
        before = self.text[max(0, start - 1) : start]
        self.at += 1
        values = [one * self._scale() for one in values] if len(values) == 1 else values
        if len(values) > 1 and (scale := self._scale()) != 1:
            values = [one * scale for one in values]
        self._add(start, values, SIGNS.get(before, ""), is_word=False)

    def _scale(self) -> float:
        """What the words behind multiply with."""
        scale = 1.0
        while self.at < len(self.tokens) and self.is_near(0):
            whole = self.tokens[self.at]["word"] or ""
            first = whole.split("-")[0]
            if first in LETTERS and (first == whole or scale == 1):
                scale *= LETTERS[first]
            elif first.lower().rstrip(".") in SCALES:
                scale *= SCALES[first.lower()]
            elif own := _begins_with(whole, SCALES):
                scale *= SCALES[own]
                if own != whole:  # "万参数"
                    return scale
            else:
                return scale
            self.at += 1
            if first != whole:  # "million-parameter"
                return scale
        return scale

    def _words(self) -> bool:
        """Read a number in words where one begins."""
        start = self.tokens[self.at].start()
        word, first = self.word(), self.at
        parts = word.split("-")
        if word in FACTOR_OF:
            self.at += 1
            if word != "half" or self.word(-2) not in ("a", "one"):
                self._add(start, [FACTOR_OF[word]], "x", is_word=True)
                return True
        if word in VAGUE:
            low, high = VAGUE[word]
            self.at += 1
            self.found.append(Quantity(text=word, values=(low,), units=frozenset(("",)), upto=high))
            return True
        if len(parts) == 2 and parts[0] in NUMBER_WORDS and parts[1] in ("fold", "times"):
            self.at += 1
            self._add(start, [NUMBER_WORDS[parts[0]]], "x", is_word=True)
            return True
        value = self._spelled()
        if value is None:
            self.at = first
            return False
        self._add(start, [value], "", is_word=True)
        return True

    def _spelled(self) -> float | None:
        """The value of "twenty-one", "five hundred and six", "a million", "two thirds"."""
        sum_ = _Sum()
        if self.word() in ("a", "an"):
            following = self.word(1)
            if following in PARTS and self.word(2) in OF_A_PART:
                self.at += 2
                return PARTS[following]
            if SCALES.get(following, 0) < 12 or following in LETTERS:
                return None
            self.at += 1
            sum_ = _Sum(words=1, current=1.0)
        while self.at < len(self.tokens) and (not sum_.words or self.is_near(0)):
            word = self.word()
            if part := _part(word, sum_):
                self.at += 1
                return part
            is_joined = word == "and" and self.word(1) in NUMBER_WORDS and sum_.value >= 100
            if not is_joined and not sum_.add(word):
                break
            self.at += 1
        return None if not sum_.words or sum_.value == 1 else sum_.value

    def _add(self, start: int, values: Sequence[float], unit: str, *, is_word: bool) -> None:
        end = self.tokens[self.at - 1].end()
        if not unit or (unit == "x" and is_word):
            found, end = self._unit(end)
            unit = found or unit
        nouns: list[str] = []
        counts = False
        for token in self.tokens[self.at : self.at + 4]:
            word = (token["word"] or "").lower()
            if not word or word in STOPS or re.search(r"[.,;:()]", self.text[end : token.start()]):
                break
            counts = counts or (not nouns and word.endswith("s") and len(word) > 3)
            nouns.append(stem(word.rsplit("-", 1)[-1]))
        text = self.text[start:end].strip()
        self.found.append(
            Quantity(
                text=text, values=tuple(values), units=frozenset((unit,)), nouns=tuple(nouns[:3]),
                start=start, end=end, is_word=is_word, counts=counts,
                is_apart=not start or self.text[start - 1] in " (",
            )
        )  # fmt: skip

    def _unit(self, end: int) -> tuple[str, int]:
        if self.at >= len(self.tokens) or not self.is_near(0):
            return "", end
        word = self.word()
        both = f"{word} {self.word(1)}"
        if both in PHRASES and self.is_near(1):
            self.at += 2
            return PHRASES[both], self.tokens[self.at - 1].end()
        first = word.split("-")[0]
        if first == "percentage" and word == "percentage-point":
            first = word
        # "3D" has no days.
        is_symbol = len(first) > 1 or (self.tokens[self.at]["word"] or "")[:1] == first
        own = first if first in UNITS and is_symbol else _begins_with(word, UNITS)
        if not own:
            return "", end
        if first == word or own != first:
            self.at += 1
        return UNITS[own], self.tokens[self.at - 1].end() if own == word else end

    def _with_units_of_ranges(self) -> list[Quantity]:
        """In "12 to 14%" are twelve per cent, too."""
        found = self.found
        for at in range(len(found) - 2, -1, -1):
            one, other = found[at], found[at + 1]
            between = self.text[one.end : other.start]
            if one.units == {""} and one.end and _BETWEEN.fullmatch(between):
                found[at] = replace(one, units=one.units | other.units)
        return found


def _begins_with(word: str, known: dict[str, str] | dict[str, float]) -> str:
    """What a word begins with where nothing parts words: "毫秒每步"."""
    if not word or word[0] < "\u3000":
        return ""
    return next((word[:size] for size in (4, 3, 2, 1) if word[:size] in known), "")


def _power(written: str, digits: str) -> float:
    exponent = re.search(r"[-+]?\d+$", written.replace("−", "-"))
    if not exponent:
        return 1.0
    base = float(digits.replace(",", "")[:15]) if written.startswith("^") else 10.0
    try:
        return float(base ** int(exponent[0]))
    except (OverflowError, ZeroDivisionError):
        return 0.0


def _readings(digits: str, is_english: bool) -> list[float]:
    """What a number may mean: English has one way of writing, the others mix theirs with it."""
    digits = digits[:40]
    if is_english:
        return [float(digits.replace(",", ""))]
    digits = re.sub(r"[ \u00a0\u202f]", "", digits)
    marks = re.findall(r"[.,]", digits)
    bare = re.sub(r"[.,]", "", digits)
    if not marks:
        return [float(bare)]
    whole, _, rest = digits.replace(",", ".").rpartition(".")
    decimal = float(f"{re.sub(r'[.,]', '', whole)}.{rest}")
    if re.fullmatch(r"\d{1,3}([.,])\d{3}(?:\1\d{3})*", digits):
        return [float(bare), decimal] if len(marks) == 1 else [float(bare)]
    return [decimal]


def quantities(text: str, language: str = "en", *, is_source: bool = False) -> list[Quantity]:
    """The numbers of a text, those in words included; of a source also "two" of "two-stage".

    >>> [(q.values[0], sorted(q.units)) for q in quantities("Two dozen need 40 ms, not 5k to 6k %")]
    [(24.0, ['']), (40.0, ['ms']), (5000.0, ['', '%']), (6000.0, ['%'])]
    """
    text = _POWER.sub(lambda m: "^" + m[0].translate(_SUPERSCRIPTS), text)
    text = unicodedata.normalize("NFKC", text)
    text = parted(with_digits(text, language))
    is_english = language.partition("-")[0] in ("en", "zh", "ja", "ko", "th", "he", "hi")
    pattern = _ENGLISH if is_english else _OTHER
    found = _Reader(text, list(pattern.finditer(text)), is_english).read()
    if is_source:
        found += [
            Quantity(text=m[0], values=(NUMBER_WORDS[m[1].lower()],), units=frozenset(("",)))
            for m in re.finditer(r"\b([A-Za-z]+)(?=-)", text)
            if m[1].lower() in NUMBER_WORDS
        ]
    return found
