"""The numbers of a summary: each with its unit must be its abstract's, and of the same things."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

from digest.check.characters import with_digits
from digest.check.units import (
    FACTOR_OF,
    LETTERS,
    LOOSE,
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

#: What may be counted without being said.
FEW = frozenset("two three four five".split())
NEAR = 60  #: characters between a number and the noun it may count all the same

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_POWER = re.compile(r"(?<=\d)[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_DIGITS = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d])|\d+(?:\.\d+)?"
_OTHER_DIGITS = r"\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?:[.,]\d+)?(?!\d)|\d+(?:[.,]\d+)*"
_TOKEN = (
    r"(?P<sign>(?<![^\s(\[~≈<>=$€£])[-−])?(?P<digits>(?<![^\W_])(?:%s))"
    r"(?P<power>\^[-+]?\d{1,2}|e[-+]?\d{1,2}(?!\w)|\s?[×x*·]\s?10\^[-+−]?\d{1,2})?"
    r"(?P<fraction>[/⁄]\d+(?![\d/.]))?"
    r"|(?P<word>[^\W\d_][^\W_]*(?:['’-][^\W_]+)*|[%%％×°℃℉]\w?)"
)
_ENGLISH = re.compile(_TOKEN % _DIGITS)
_OTHER = re.compile(_TOKEN % _OTHER_DIGITS)
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
        total = current = 0.0
        count = 0
        is_article = self.word() in ("a", "an")
        if is_article:
            nxt, after = self.word(1), self.word(2)
            if nxt in PARTS and nxt not in ("half", "halves") and after in OF_A_PART:
                self.at += 2
                return PARTS[nxt]
            if SCALES.get(nxt, 0) < 12 or nxt in LETTERS:
                return None
            self.at += 1
            current = 1.0
        while self.at < len(self.tokens):
            word = self.word()
            parts = word.split("-")
            values = [NUMBER_WORDS.get(part) for part in parts]
            if count and word in PARTS and self.is_near(0):
                self.at += 1
                return (total + current) * PARTS[word]
            if len(parts) == 2 and parts[0] in NUMBER_WORDS and parts[1] in PARTS:
                self.at += 1
                return NUMBER_WORDS[parts[0]] * PARTS[parts[1]]
            if all(value is not None for value in values):
                if count and current and current % 10 and current < 20:
                    break
                current += sum(value for value in values if value is not None)
            elif (count or is_article) and word in SCALES and word not in LETTERS:
                scale = SCALES[word]
                if scale == 100:
                    current = max(1.0, current) * 100
                else:
                    total, current = total + max(1.0, current) * scale, 0.0
            elif (
                count and word == "and" and self.word(1) in NUMBER_WORDS and total + current >= 100
            ):
                pass
            else:
                break
            if count and not self.is_near(0):
                break
            count += 1
            self.at += 1
        is_one = count == 1 and total + current == 1
        return None if not count or is_one else total + current

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
        """ "12 to 14%" are twelve per cent, too."""
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


# --- what the abstract does not have -------------------------------------------------------------


def missing(summary: str, source: str, language: str) -> Iterator[str]:
    """The numbers that a summary has and its source has not, or has of something else."""
    known = quantities(source, is_source=True)
    if language != "en":
        known += quantities(source, language)
    loose = _bare_units(source)
    is_translated = language != "en"
    for one in quantities(summary, language):
        if one.text.lower() in FEW and one.units == {""}:
            is_there = True
        elif one.upto:
            values = [abs(value) for other in known for value in other.values]
            is_there = any(one.values[0] <= value < one.upto for value in values)
        else:
            is_there = any(
                _is_same(one, other, loose, is_translated=is_translated) for other in known
            )
        if not is_there:
            yield f"the number {one.text!r} is not in the abstract"
        elif not is_translated and (other := _counted_otherwise(one, known)):
            yield f"the number {one.text!r} stands where the abstract has {other.text!r}"


def _bare_units(source: str) -> frozenset[str]:
    """Units that stand without a number, "latency (ms)"."""
    words = re.findall(r"[^\W\d_]+|%", re.sub(r"\d\s?(?:[^\W\d_]+|%)", "0", source))
    # One letter is too often something else.
    return frozenset(
        UNITS[w.lower()] for w in words if w.lower() in UNITS and (len(w) > 1 or w == "%")
    )


def _is_same(one: Quantity, other: Quantity, loose: frozenset[str], *, is_translated: bool) -> bool:
    (unit, *_) = sorted(one.units - {""}) or [""]
    for value in one.values:
        for theirs in other.values:
            if _equal(value, theirs):
                is_count = other.counts and unit == "x"
                if one.units & other.units or (not is_count and _may_be(unit, other.units, loose)):
                    return True
                # Its units may have names that we do not know.
                if is_translated and unit == "":
                    return True
            if _is_other_form(value, unit, theirs, other.units):
                return True
    return False


def _may_be(unit: str, others: frozenset[str], loose: frozenset[str]) -> bool:
    if unit == "":
        return bool(others & LOOSE)
    if "" in others:
        return unit in ("x", "pt", "usd", "eur", "gbp", "deg") or unit in loose
    return (unit == "pt" and bool(others & {"%", "pp"})) or (
        "pt" in others and unit in ("%", "pp")
    )  # fmt: skip


def _is_other_form(value: float, unit: str, theirs: float, others: frozenset[str]) -> bool:
    """0.85 and 85 %, a half and 50 %, a minus that words express."""
    if "%" in others and unit in ("", "x") and _equal(value * 100, theirs):
        return True
    if unit == "%" and "" in others and 0 < theirs < 1 and _equal(value, theirs * 100):
        return True
    if unit == "%" and "x" in others and _equal(value, theirs * 100):
        return True
    if unit == "%" and "%" in others and value > 0 and _equal(value, -theirs):
        return True
    return 0 < value < 1 and unit in ("", "x") and "x" in others and _equal(value * theirs, 1)


def _equal(one: float, other: float) -> bool:
    # 0.33 and "a third" are the same.
    return abs(one - other) <= 1e-9 * max(abs(one), abs(other)) or (
        0.2 < one < 1 and abs(one - other) < 0.005
    )


def _counted_otherwise(one: Quantity, known: Sequence[Quantity]) -> Quantity | None:
    """What the source has instead, where it counts the same things and comes to another number."""
    if one.units != {""} or not one.nouns or one.upto or not one.is_apart:
        return None
    noun = one.nouns[0]
    same = [other for other in known if noun in other.nouns and "" in other.units]
    values = [other.values[0] for other in same]
    mine = one.values[0]
    if not same or mine in values or any(a + b == mine for a, b in combinations(values, 2)):
        return None
    beside = (o for o in known if mine in o.values for s in same if abs(o.start - s.start) < NEAR)
    if next(beside, None) or mine == sum(values):
        return None
    return same[0]
