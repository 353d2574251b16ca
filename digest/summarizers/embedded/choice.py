"""Which cut says best what the paper does: the network's numbers for each token → spans. Pure.

The network says of every word how likely a person would use it in a summary, what it adds, and
whether a summary would begin or end there. A cut is worth what its words are worth together; two
cuts from different sentences may stand together where that is worth more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from digest.summarizers.embedded.cuts import MAX_SPANS, MAX_WORDS
from digest.summarizers.embedded.reading import Floats, Grid, Reading, grid

KEEP, ADDS, BEGINS, ENDS = range(4)  #: what the network says of a token
COLUMNS = 4
BEST = 12  #: so many cuts are tried in pairs
#: What it costs to point to what a reader cannot see. Never to do so would cost a point of
#: ROUGE-1 on SciTLDR's dev part; this costs 0.2.
DANGLING = -2.0
_TINY = 1e-3


@dataclass(frozen=True, slots=True)
class Weights:
    """What the network's numbers weigh; learned with it."""

    overlap: float
    by_words: Sequence[float]  #: what a number of words adds, from 0 to MAX_WORDS
    pair: float  #: what is added where two sentences stand together


@dataclass(frozen=True, slots=True)
class Choice:
    """One or two cuts, by their number in the reading, and what they are worth."""

    cuts: tuple[int, ...]
    worth: float


def by_word(numbers: Floats, reading: Reading) -> Floats:
    """The mean over the tokens of each word. Shapes: [tokens, n] → [words, n]."""
    tokens = [token for some in reading.tokens for token in some]
    words = [word for word, some in enumerate(reading.tokens) for _ in some]
    sums = np.zeros((len(reading.words), numbers.shape[1]), np.float32)
    np.add.at(sums, words, numbers[tokens])
    counts = np.bincount(words, minlength=len(reading.words)).clip(min=1)
    means: Floats = (sums / counts[:, None]).astype(np.float32)
    return means


def worth(of: Grid, words: Floats, length: float, weights: Weights) -> Floats:
    """What each cut is worth: the logarithm, up to a constant, of its chance to be the best.

    `length` is how many words the network expects a summary to have. Its first term is the F1
    that the words' chances promise.

    Shapes: grid of [cuts, words], [words, COLUMNS] → [cuts].
    """
    chance = 1 / (1 + np.exp(-words[:, KEEP]))
    count = of.kept.sum(1)
    overlap = 2 * (of.fresh @ chance) / (count + length)
    table = np.asarray(weights.by_words, np.float32)
    found: Floats = (
        weights.overlap * np.log(overlap + _TINY)
        + (of.kept @ words[:, ADDS]) / count
        + of.first @ words[:, BEGINS]
        + of.last @ words[:, ENDS]
        + table[count.astype(int).clip(max=len(table) - 1)]
    )
    return found


def choices(reading: Reading, numbers: Floats, length: float, weights: Weights) -> list[Choice]:
    """The cuts and the pairs of the best cuts, best first."""
    words = by_word(numbers, reading)
    alone = worth(grid(reading.words, reading.ranges), words, length, weights)
    alone += [DANGLING * cut.is_dangling for cut in reading.cuts]
    found = [Choice((number,), float(value)) for number, value in enumerate(alone)]
    best = sorted(found, key=lambda one: -one.worth)[:BEST]
    pairs = [
        pair
        for one, other in combinations(sorted(one.cuts[0] for one in best), 2)
        if _fit(reading, pair := (one, other))
    ]
    if pairs:
        ranges = [reading.ranges[one] + reading.ranges[other] for one, other in pairs]
        together = worth(grid(reading.words, ranges), words, length, weights) + weights.pair
        together += [
            DANGLING * any(reading.cuts[number].is_dangling for number in pair) for pair in pairs
        ]
        found += [Choice(pair, float(value)) for pair, value in zip(pairs, together, strict=True)]
    return sorted(found, key=lambda one: -one.worth)


def _fit(reading: Reading, pair: tuple[int, int]) -> bool:
    one, other = (reading.cuts[number] for number in pair)
    return (
        one.sentence < other.sentence
        and len(one.spans) + len(other.spans) <= MAX_SPANS
        and one.words + other.words <= MAX_WORDS
    )
