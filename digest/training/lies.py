"""True summaries → summaries with one thing wrong, from which a network learns to doubt. Pure.

A number or a name is exchanged, by another of the same abstract more often than by one from
elsewhere, since that is what is hard to see; or a negation is put in, taken out, or a word turned
into its opposite.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from digest.summarizers.embedded.variants import (
    AUXILIARY,
    INSTEAD,
    NEGATION,
    NUMBER,
    OPPOSITES,
    UNIT,
    Variant,
    name_places,
    names,
    numbers,
    other_names,
    put,
)

_VERB = re.compile(
    r"\b(achieve|improve|outperform|provide|enable|require|use|reduce|learn|allow|show|depend|lead"
    r"|yield|ensure|guarantee|support|capture|generalize|converge|perform)s\b"
)
_BY = re.compile(r"\b(using|with|by|for) ")

#: Kinds, as often as they are tried first.
_KINDS = (
    ["name from here"] * 5
    + ["number from here"] * 4
    + ["name from elsewhere", "number from elsewhere"]
    + ["negation added"] * 2
    + ["negation removed", "opposite", "opposite"]
)
_TRIES = 6


def lie(said: str, source: str, chance: random.Random, elsewhere: Sequence[str]) -> Variant | None:
    """The summary with one thing changed; None where there is nothing to change.

    `elsewhere` are names of other papers.

    >>> lie("It is fast.", "It is fast.", random.Random(1), ())
    Variant(text='It is not fast.', changed=(6, 9))
    """
    for _ in range(_TRIES):
        kind, _, how = chance.choice(_KINDS).partition(" ")
        if kind == "name":
            pool = set(elsewhere) if how == "from elsewhere" else names(source)
            made = _other_name(said, pool, chance)
        elif kind == "number":
            made = _other_number(said, source if how == "from here" else "", chance)
        elif kind == "opposite":
            made = _opposite(said, chance)
        else:
            made = (_negated if how == "added" else _affirmed)(said, chance)
        if made and made.text != said:
            return made
    return None


def _other_name(said: str, pool: set[str], chance: random.Random) -> Variant | None:
    places = name_places(said)
    if not places:
        return None
    place = chance.choice(places)
    fitting = other_names(said, place, pool)
    return put(said, *place, chance.choice(fitting)) if fitting else None


def _other_number(said: str, source: str, chance: random.Random) -> Variant | None:
    places = [match.span() for match in NUMBER.finditer(said)]
    if not places:
        return None
    start, end = chance.choice(places)
    bare = UNIT.sub("", said[start:end])
    if source:
        others = numbers(source) - numbers(said)
        new = chance.choice(sorted(others)) if others else bare
    else:
        first = re.match(r"[-−]?(\d{1,9})", bare)
        value = int(first[1]) if first else 0
        other = chance.choice([value + chance.randint(1, 9), value * 2, value * 10, value // 2])
        new = bare.replace(str(value), str(other), 1)
    return put(said, start, start + len(bare), new)


def _negated(said: str, chance: random.Random) -> Variant | None:
    places = list(AUXILIARY.finditer(said))
    if places and chance.random() < 0.7:
        match = chance.choice(places)
        made = put(said, match.end(), match.end(), " not")
        return Variant(made.text, (match.end() + 1, match.end() + 4))
    if verbs := list(_VERB.finditer(said)):
        match = chance.choice(verbs)
        verb = match[1]
        new = chance.choice(
            [f"does not {verb}", f"fails to {verb}", f"hardly {verb}s", f"never {verb}s"]
        )
        return put(said, *match.span(), new)
    if places := list(_BY.finditer(said)):
        match = chance.choice(places)
        new = {"using": "without using", "with": "without"}.get(match[1], f"not {match[1]}")
        return put(said, *match.span(1), new)
    return None


def _affirmed(said: str, chance: random.Random) -> Variant | None:
    places = list(NEGATION.finditer(said))
    if not places:
        return None
    match = chance.choice(places)
    kind = match.lastgroup or ""
    return put(said, *match.span(kind), INSTEAD[kind])


def _opposite(said: str, chance: random.Random) -> Variant | None:
    places = [m for m in re.finditer(r"[A-Za-z-]+", said) if m[0].lower() in OPPOSITES]
    if not places:
        return None
    match = chance.choice(places)
    new = OPPOSITES[match[0].lower()]
    return put(said, *match.span(), new.capitalize() if match[0][0].isupper() else new)
