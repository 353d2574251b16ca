"""Whether a model's summary says something else than its abstract: a network's doubt.

`digest.check` sees what the abstract does not have. This sees what it has elsewhere: a number, a
name or a "not" that was moved. A network was shown true summaries and lies (`digest.training`);
besides its doubt it counts whether it would doubt less if another name or number of the abstract
stood there.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from digest.check.numbers import known_of, missing
from digest.models import (
    END,
    MAX_TOKENS,
    MODEL,
    START,
    fingerprint,
    read_tokenizer,
    reading_model,
    session,
)
from digest.summarizers import Text
from digest.summarizers.embedded.variants import (
    Variant,
    is_misquoted,
    is_quoted,
    pairs,
    place_in,
    variants,
)

if TYPE_CHECKING:
    from tokenizers import Tokenizer

FILES = ("tokenizer.json", "trunk.onnx", "doubter.onnx")
MAX_SUMMARY_TOKENS = 96
#: What is doubted so much falls; so does what is doubted so much more than one of its variants:
#: little is enough for numbers, which people seldom use otherwise. Log-odds, set where 15 of 100
#: true references of SciTLDR's dev part fall, most of them for names that their abstract lacks.
LIKELY = 5.5
GAINS = {"quote": 0.0, "name": 3.0, "number": -1.0, "sense": 3.0}
CERTAIN = 99.0
#: So many variants of a kind are asked about at most.
MAX_VARIANTS = 24


def question(
    said: str, title: str, abstract: str, tokenizer: Tokenizer, max_tokens: int = MAX_TOKENS
) -> tuple[list[int], list[tuple[int, int]]]:
    """The ids of a summary and its source, and where the summary's tokens lie in it."""
    ours = tokenizer.encode(said, add_special_tokens=False)
    ids = ours.ids[:MAX_SUMMARY_TOKENS]
    room = max_tokens - len(ids) - 3
    source = tokenizer.encode(f"{title}. {abstract}", add_special_tokens=False).ids[:room]
    return [START, *ids, END, *source, END], ours.offsets[:MAX_SUMMARY_TOKENS]


@dataclass(frozen=True, slots=True)
class Doubt:
    """What is thought of a summary."""

    alone: float  #: the log-odds of a lie
    better: Mapping[str, tuple[Variant, float]]  #: by kind the variant that is doubted least
    #: (its text and how much less it is doubted than the summary)


class Doubter:
    """The network of a folder. Threads may share it."""

    def __init__(self, folder: Path = MODEL) -> None:
        """Raises: BadConfig when files are missing or damaged."""
        with reading_model(folder):
            self._tokenizer = read_tokenizer(folder)
            self._trunk = session(folder / "trunk.onnx")
            self._doubter = session(folder / "doubter.onnx")
            self.fingerprint = fingerprint(folder, FILES, LIKELY, GAINS)
        self._pool = ThreadPoolExecutor(2)

    def doubt(self, said: str, text: Text) -> Doubt:
        """What is thought of a summary of a text."""
        source = f"{text.title}. {text.abstract}"
        words = pairs(source)
        known = known_of(source)
        others = [
            (kind, one)
            for kind, some in variants(said, source).items()
            for one in some[:MAX_VARIANTS]
            if not is_quoted(said, place_in(said, one), words, kind)
            # "12%" is never meant where the source has 12 of something else.
            and not (kind == "number" and any(missing(one.text, known)))
        ]
        for _, one in others:
            if is_misquoted(said, one, words):
                return Doubt(0.0, {"quote": (one, CERTAIN)})
        alone, *rest = self._pool.map(
            lambda one: self._odds(one, text), [said, *(one.text for _, one in others)]
        )
        better: dict[str, tuple[Variant, float]] = {}
        for (kind, one), odds in zip(others, rest, strict=True):
            if kind not in better or alone - odds > better[kind][1]:
                better[kind] = one, alone - odds
        return Doubt(alone, better)

    def problems(self, said: str, text: Text) -> tuple[str, ...]:
        """Why it must not be mailed; empty where it may."""
        found = self.doubt(said, text)
        for kind, (other, gain) in found.better.items():
            if gain > GAINS[kind]:
                ours, theirs = difference(said, other)
                if ours and theirs:
                    return (f"{ours!r} stands where the abstract has {theirs!r}",)
                return (f"{ours or theirs!r} is {'too much' if ours else 'missing'} here",)
        if found.alone > LIKELY:
            return ("it says something else than the abstract",)
        return ()

    def _odds(self, said: str, text: Text) -> float:
        ids, _ = question(said, text.title, text.abstract, self._tokenizer)
        (hidden,) = self._trunk.run(None, {"ids": np.array([ids], np.int64)})
        (odds,) = self._doubter.run(None, {"hidden": hidden})
        return float(odds[0])


def difference(said: str, other: Variant) -> tuple[str, str]:
    """What the two say in the place where they differ.

    >>> difference("It has 4 legs.", Variant("It has 40 legs.", (7, 9)))
    ('4', '40')
    >>> difference("It does not fall.", Variant("It does fall.", (6, 9)))
    ('not', '')
    """
    ours, theirs = said.split(), other.text.split()
    while ours and theirs and ours[0] == theirs[0]:
        ours, theirs = ours[1:], theirs[1:]
    while ours and theirs and ours[-1] == theirs[-1]:
        ours, theirs = ours[:-1], theirs[:-1]
    return " ".join(ours).strip(".,;:"), " ".join(theirs).strip(".,;:")


@cache
def doubter() -> Doubter:
    """The one in the package, which a process reads once."""
    return Doubter()
