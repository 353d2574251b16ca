"""The numbers of a summary: each with its unit must be its abstract's, and of the same things."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from digest.check.quantities import Quantity, quantities
from digest.check.units import LOOSE, UNITS

#: What may be counted without being said.
FEW = frozenset("two three four five".split())
NEAR = 60  #: characters between a number and the noun it may count all the same


@dataclass(frozen=True, slots=True)
class Known:
    """The numbers of a source."""

    quantities: tuple[Quantity, ...]
    units: frozenset[str]  #: that stand without a number, "latency (ms)"


def known_of(source: str, language: str = "en") -> Known:
    """The numbers of a source, as a summary in a language may say them."""
    found = quantities(source, is_source=True)
    if language != "en":
        found += quantities(source, language)
    return Known(tuple(found), _bare_units(source))


def missing(summary: str, known: Known, language: str = "en") -> Iterator[str]:
    """The numbers that a summary has and its source has not, or has of something else."""
    is_translated = language != "en"
    for one in quantities(summary, language):
        if one.text.lower() in FEW and one.units == {""}:
            is_there = True
        elif one.upto:
            values = [abs(value) for other in known.quantities for value in other.values]
            is_there = any(one.values[0] <= value < one.upto for value in values)
        else:
            is_there = any(
                _is_same(one, other, known.units, is_translated=is_translated)
                for other in known.quantities
            )
        if not is_there:
            yield f"the number {one.text!r} is not in the abstract"
        elif not is_translated and (other := _counted_otherwise(one, known.quantities)):
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
