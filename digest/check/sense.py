"""Whether a summary denies what its abstract says, or says what it denies. English only. Pure.

Only what can be pointed at: two words that the abstract has side by side, once with a "not" and
once without; and a word that it never denies. The network that comes after sees more.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from digest.check.words import STOPS, stem

_WORD = re.compile(r"[^\W_]+(?:[.,]\d+)*%?(?:['’-][^\W_]+)*|[.;:!?,]")
_NOT = frozenset("not no never neither nor without cannot hardly rarely barely none unable".split())
_FAILS = frozenset("fail fails failed failing lack lacks lacked lacking".split())
#: What makes it unclear whether the words near it are denied.
_UNCLEAR = frozenset(
    "unlike instead rather avoid avoids avoiding eliminate eliminates eliminating remove removes"
    " removing free independent independently difficult hard few little limited only less seldom"
    " insufficient impossible prevent prevents preventing reduce reduces reducing without if"
    " whether"
    " may might although while despite challenge challenges challenging infeasible impractical"
    " neglect ignore ignores ignoring beyond overcome overcomes miss misses poor poorly stop stops"
    " prohibit obviate obviates alleviate skip un non nontrivial rule rules omit omits drop drops"
    " except but unclear unknown question debate struggle struggles".split()
)
NEAR = 6  #: words of one sentence
#: "more" and "less" are what a comparison says.
_KEPT = frozenset("more most less better than over under".split())
_LIGHT = (STOPS - _KEPT) | frozenset("only even still just any all".split())
#: Comparisons only: whatever else has an opposite is too often said of something else.
_OPPOSITES = tuple(
    pair.split("/")
    for pair in "work/fail succeed/fail better/worse more/less more/fewer best/worst"
    " higher/lower faster/slower larger/smaller most/least".split()
)
_OPPOSITE: dict[str, set[str]] = defaultdict(set)
for _one, _other in _OPPOSITES:
    _OPPOSITE[stem(_one)].add(stem(_other))
    _OPPOSITE[stem(_other)].add(stem(_one))


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    stem: str
    is_denied: bool  #: by a "not" right before it
    is_unclear: bool  #: something near it denies
    is_left_out: bool = False  #: it is "without" that, which abstracts say in other words


def _words(text: str) -> list[_Word]:
    """The words of content, each with whether it is denied."""
    found: list[_Word] = []
    pieces = [piece[0] for piece in _WORD.finditer(text.replace("n’t", "n't"))]
    lower = [piece.lower() for piece in pieces]
    denies = [_denies(lower, at) for at in range(len(lower))]
    unclear = [
        d or w in _UNCLEAR or w.startswith(("un", "non"))
        for w, d in zip(lower, denies, strict=True)
    ]
    sentence = list(accumulate(word in ".;!?" for word in lower))
    denied, denial = 0, ""
    for at, word in enumerate(lower):
        if denies[at]:
            denied, denial = 3, word  # so many light words a "not" waits for its verb
            continue
        if word in ".;:!?,":
            denied = 0
            continue
        denied = max(0, denied - 1) if word in _LIGHT else denied
        if word in _LIGHT or len(word) < 2:
            continue
        near = any(
            unclear[other] and sentence[other] == sentence[at]
            for other in range(max(0, at - NEAR), min(len(lower), at + NEAR + 1))
        )
        is_left_out = denied > 0 and denial == "without"
        found.append(_Word(pieces[at], stem(word), denied > 0, near, is_left_out))
        denied = 0
    return found


def _denies(lower: Sequence[str], at: int) -> bool:
    word = lower[at]
    if word == "not" and lower[at + 1 : at + 2] == ["only"]:
        return False
    if word == "no" and lower[at + 1 : at + 2] in (["longer"], ["more"], ["doubt"]):
        return False
    if word in _NOT or word.endswith("n't"):
        return True
    # "fails to plan", "lacks a map"; alone they are what is said.
    return (
        word in _FAILS
        and lower[at + 1 : at + 2] != []
        and (
            (word.startswith("lack") and lower[at + 1 : at + 2] != ["of"])
            or lower[at + 1 : at + 2] == ["to"]
        )
    )


def turned(summary: str, source: str) -> Iterator[str]:
    """What a summary turns into its opposite."""
    said, known = _words(summary), _words(source)
    #: Whether each pair is denied (True), is not (False), or may be (None).
    pairs: dict[tuple[str, str], set[bool | None]] = defaultdict(set)
    for one, other in pairwise(known):
        is_denied = one.is_denied or other.is_left_out
        may_be = one.is_unclear or other.is_unclear
        pairs[one.stem, other.stem].add(True if is_denied else None if may_be else False)
    by_stem: dict[str, list[_Word]] = defaultdict(list)
    for word in known:
        by_stem[word.stem].append(word)
    for one, other in pairwise(said):
        is_denied = one.is_denied or other.is_denied
        is_left_out = one.is_left_out or other.is_left_out
        there = pairs.get((one.stem, other.stem), set())
        is_turned = there == {False} if is_denied else there == {True} and not one.is_unclear
        if is_turned and not is_left_out:
            yield f"{one.text + ' … ' + other.text!r} is {'not ' * is_denied}denied in the abstract"
            return
        if not there and (found := _opposed(one.stem, other.stem, pairs)):
            ours, theirs = f"{one.text} {other.text}", " ".join(found)
            yield f"{ours!r} stands where the abstract has {theirs!r}"
            return
    for word in said:
        there_too = by_stem.get(word.stem)
        if (
            word.is_denied
            and not word.is_left_out
            and there_too
            and not any(one.is_unclear for one in there_too)
        ):
            yield f"'not' is too much before {word.text!r}"
            return


def _opposed(
    one: str, other: str, pairs: dict[tuple[str, str], set[bool | None]]
) -> tuple[str, str] | None:
    """The pair of the source that says the opposite, word by word."""
    for new in _OPPOSITE.get(one, ()):
        if (new, other) in pairs:
            return new, other
    for new in _OPPOSITE.get(other, ()):
        if (one, new) in pairs:
            return one, new
    return None
