"""What else a summary could have said: another name, another number, the opposite. Pure.

A lie is a variant of something true, and so the truth is a variant of the lie: what a network is
taught with (`digest.training.lies`) is also what it is asked about (`doubt`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

Span = tuple[int, int]

NUMBER = re.compile(r"(?<![\w.])[-−]?\d+(?:[.,]\d+)*(?:\s?(?:%|×|x\b))?")
UNIT = re.compile(r"\s?[%×x]$")
_NAME = re.compile(r"\b(?:[A-Z][\w+-]*[A-Z0-9][\w+-]*|[A-Z][a-z]{2,}[\w-]*|[a-z]+[A-Z]\w*)\b")
#: Capitals that begin sentences rather than name something.
_NO_NAMES = frozenset(
    "The This We Our It In For To A An By On With These That Using Their They And But However"
    " While When Both Finally Experiments Results Extensive From As Through Under Unlike Such Each"
    " Based".split()
)
AUXILIARY = re.compile(
    r"\b(is|are|can|does|do|was|were|has|have|could|will|may|should|must)\b(?! not\b)"
)
NEGATION = re.compile(
    r"\b(?:is|are|can|does|do|was|were|has|have|could|may|will|should)(?P<not> not)\b"
    r"|\b(?P<cannot>cannot)\b|\b(?P<without>without)\b|\b(?P<no>no) (?=\w)"
    r"|\b(?P<gone>never |hardly |rarely |not |fails? to )"
    r"|\b(?P<prefix>non-?|un)(?=(?:linear|supervised|convex|stationary|bounded|stable|known|labeled"
    r"|trained|parametric|autoregressive|negative|smooth|trivial)\b)"
)
INSTEAD = {"not": "", "cannot": "can", "without": "with", "no": "a", "gone": "", "prefix": ""}
_VERBS = (
    "improve/worsen increase/decrease reduce/increase outperform/underperform enhance/degrade"
    " lower/raise mitigate/aggravate accelerate/delay enable/prevent allow/prevent"
    " support/contradict confirm/refute prevent/cause minimize/maximize maximize/minimize"
    " achieve/miss"
)
_OTHERS = (
    "better/worse higher/lower faster/slower larger/smaller more/less most/least best/worst"
    " with/without without/with supervised/unsupervised unsupervised/supervised linear/nonlinear"
    " nonlinear/linear strong/weak weak/strong positive/negative negative/positive"
    " possible/impossible efficient/inefficient accurate/inaccurate stable/unstable robust/fragile"
    " sufficient/insufficient consistent/inconsistent dependent/independent independent/dependent"
    " convex/non-convex bounded/unbounded finite/infinite infinite/finite upper/lower lower/upper"
    " before/after above/below success/failure succeed/fail high/low low/high large/small"
    " small/large early/late short/long long/short always/never never/always all/no no/many"
    " online/offline offline/online local/global global/local static/dynamic dynamic/static"
    " deterministic/stochastic stochastic/deterministic discrete/continuous continuous/discrete"
    " maximum/minimum simple/complex frequent/rare similar/different different/similar"
    " necessary/unnecessary cheap/expensive"
)


def _opposites() -> dict[str, str]:
    found = dict(pair.split("/") for pair in _OTHERS.split())
    for one, other in (pair.split("/") for pair in _VERBS.split()):
        for ending in ("ed", "ing"):
            found[one.rstrip("e") + ending] = other.rstrip("e") + ending
        found |= {one: other, f"{one}s": f"{other}s"}
    return found


OPPOSITES = _opposites()
#: The same the other way round, for what a lie may have been made of.
_ORIGINALS = {other: one for one, other in OPPOSITES.items()}


_DENIES = re.compile(r"\b(?:not|cannot|never|neither|nor|no|without|hardly)\b|n't\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Variant:
    """A summary with one thing changed."""

    text: str
    changed: Span  #: where, in characters


def put(said: str, start: int, end: int, new: str) -> Variant:
    """With something else in a place."""
    # Where a word only went, what stands beside its place is changed.
    changed = (start, start + len(new)) if new else (max(0, start - 1), start + 2)
    return Variant(said[:start] + new + said[end:], changed)


def name_places(text: str) -> list[Span]:
    """Where a text names something, as far as capitals tell."""
    return [
        match.span()
        for match in _NAME.finditer(text)
        if match[0] not in _NO_NAMES
        and (
            # At the start of a sentence only what no other word looks like.
            re.search("[A-Z0-9].*[A-Z0-9]", match[0])
            or (match.start() and text[match.start() - 2 : match.start()] not in (". ", "? ", "! "))
        )
    ]


def names(text: str) -> set[str]:
    """What a text names."""
    return {text[start:end] for start, end in name_places(text)}


def numbers(text: str) -> set[str]:
    """The numbers of a text, without their units."""
    return {UNIT.sub("", match[0].strip()) for match in NUMBER.finditer(text)}


def other_names(said: str, place: Span, pool: set[str]) -> list[str]:
    """What could stand in the place of a name."""
    old, all_ours = said[slice(*place)].lower(), said.lower()
    return [
        name for name in sorted(pool) if name.lower() not in all_ours and old not in name.lower()
    ]


def variants(said: str, source: str) -> dict[str, list[Variant]]:
    """All that the source would let it say instead: other names, other numbers, the opposite."""
    return {
        "name": list(_names(said, source)),
        "number": list(_numbers(said, source)),
        "sense": list(_senses(said, source)),
    }


def _names(said: str, source: str) -> Iterator[Variant]:
    there = names(source)
    for place in name_places(said):
        for name in other_names(said, place, there):
            yield put(said, *place, name)


def _numbers(said: str, source: str) -> Iterator[Variant]:
    values = sorted(numbers(source) - numbers(said))
    for match in NUMBER.finditer(said):
        bare = UNIT.sub("", match[0])
        for value in values:
            yield put(said, match.start(), match.start() + len(bare), value)


def _senses(said: str, source: str) -> Iterator[Variant]:
    for match in NEGATION.finditer(said):
        kind = match.lastgroup or ""
        yield put(said, *match.span(kind), INSTEAD[kind])
    for match in re.finditer(r"[A-Za-z-]+", said):
        for table in (OPPOSITES, _ORIGINALS):
            if new := table.get(match[0].lower()):
                capital = match[0][0].isupper()
                yield put(said, *match.span(), new.capitalize() if capital else new)
    if _DENIES.search(source):  # a "not" may have got lost
        for match in AUXILIARY.finditer(said):
            yield put(said, match.end(), match.end(), " not")


# --- word for word -------------------------------------------------------------------------------

Pair = tuple[str, str]
_WORD = re.compile(r"[^\W_]+(?:[.,]\d+)*%?")
#: Beside these a number stands by chance.
_LOOSE = frozenset("a an the of to in on at by for with from and or as is are was were be".split())


def pairs(text: str) -> frozenset[Pair]:
    """The words of a text with the words behind them."""
    words = _WORD.findall(text.lower())
    return frozenset(pairwise(words))


def beside(text: str, place: Span) -> list[Pair]:
    """The words in a place of a text, with the one before and the one behind.

    >>> beside("It falls 12% less often.", (9, 12))
    [('falls', '12%'), ('12%', 'less')]
    """
    words = [match for match in _WORD.finditer(text) if match.start() < place[1] + 60]
    inside = [n for n, w in enumerate(words) if w.start() < place[1] and w.end() > place[0]]
    if not inside:
        return []
    near = words[max(0, inside[0] - 1) : inside[-1] + 2]
    lower = [match[0].lower() for match in near]
    found = list(pairwise(lower))
    return [found[0], found[-1]] if len(found) > 1 else found


def place_in(said: str, other: Variant) -> Span:
    """Where a summary has what a variant has changed; with a neighbor where that is nothing."""
    start, end = other.changed
    own_end = len(said) - (len(other.text) - end)
    return (start, own_end) if own_end > start else (max(0, start - 1), start + 2)


def is_quoted(said: str, place: Span, source: frozenset[Pair], kind: str) -> bool:
    """Whether the source has it word for word: a number beside one word, all else beside both."""
    found = beside(said, place)
    if kind == "number":
        return any(pair in source and not _LOOSE & set(pair) for pair in found)
    return len(found) == 2 and all(pair in source for pair in found)


def is_misquoted(said: str, other: Variant, source: frozenset[Pair]) -> bool:
    """Whether the source has the variant word for word, and nothing like the summary's words."""
    theirs = beside(other.text, other.changed)
    ours = beside(said, place_in(said, other))
    return (
        len(theirs) == 2
        and all(pair in source for pair in theirs)
        and not any(pair in source for pair in ours)
    )
