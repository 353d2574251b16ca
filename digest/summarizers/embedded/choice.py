"""What could stand for an abstract: one cut, or two of different sentences. Pure.

The network says what each choice is worth; here is what there is to choose from, and how the
network is shown it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from digest.summarizers.embedded.cuts import MAX_SPANS, MAX_WORDS, Cut
from digest.summarizers.embedded.reading import Floats, Ints, Reading

#: A reference says "the" once where a long cut says it three times: what a word is worth when it
#: comes again, and how often it is told apart.
AGAIN, OFTEN = 0.3, 3

#: What it costs to point to what a reader cannot see; to speak of the world alone; to do so before
#: coming to the paper; to be how an abstract closes; to be shorter than FEW_WORDS; to say little
#: that the title does not say. Readers asked for these.
DANGLING, BACKGROUND, PREAMBLE, CLOSING, SHORT, REPEATS_TITLE = 6.0, 5.0, 0.7, 0.7, 1.0, 2.5
#: The same for an acronym that is spelled out elsewhere, and for nothing but the world's problems.
UNEXPLAINED, WORLDLY = 1.5, 2.0
#: The same for a background told by halves, and for what announces more than it says.
HALVED, ANNOUNCES, HESITATES = 2.0, 2.0, 2.0
#: The same for each sentence that is cut off before its end: the point is often there.
SHORTENED = 1.0
PASSES_OVER = 1.0  #: to leave out all sentences that present something, where there are some
MANY_SENTENCES = 4  #: counted from 0: five or more
FEW_WORDS, FEW_NEW_WORDS = 12, 4
ROOT = 5  #: letters by which words are told apart
_STOCK = frozenset(
    word[:ROOT]
    for word in "propose present introduce novel new framework comprehensive systematic study"
    " studies evaluation benchmark method approach paper model based using use our this that for"
    " and the with from into can are which show learning work".split()
)

Choice = tuple[int, ...]  #: one or two cuts, by their number in the reading


@dataclass(frozen=True, slots=True)
class Grid:
    """Choices over the words of an abstract."""

    kept: Floats  #: 1 where a word is kept. Shapes: [choices, words]
    fresh: Floats  #: 1 where a word is kept first, AGAIN and less where it was kept before
    first: Ints  #: the first word of each choice. Shapes: [choices]
    last: Ints
    pairs: Floats  #: 1 for two cuts


def singles(reading: Reading) -> list[Choice]:
    """Every cut alone."""
    return [(number,) for number in range(len(reading.cuts))]


def pairs(reading: Reading, of: Iterable[int]) -> list[Choice]:
    """Those of the cuts that may stand together, in the order of the abstract."""
    return [
        (one, other)
        for one, other in combinations(sorted(of), 2)
        if _fit(reading.cuts[one], reading.cuts[other])
    ]


def _fit(one: Cut, other: Cut) -> bool:
    return (
        one.sentence < other.sentence
        and len(one.spans) + len(other.spans) <= MAX_SPANS
        and one.words + other.words <= MAX_WORDS
    )


def is_dangling(reading: Reading, choice: Choice) -> bool:
    """Whether a reader of the choice alone misses what it points to.

    "It", "our method" and the like are no riddle behind the sentence before them, nor behind one
    that presents something.
    """
    first, *rest = (reading.cuts[number] for number in choice)
    if first.is_dangling:
        return True
    return any(
        cut.is_dangling
        and not (cut.sentence == first.sentence + 1 and first.is_to_the_end)
        and not (first.presents and not cut.concludes)
        for cut in rest
    )


def cost(reading: Reading, choice: Choice) -> float:
    """What a choice loses, in worth, for what readers mind more than ROUGE does."""
    cuts = [reading.cuts[number] for number in choice]
    return (
        DANGLING * is_dangling(reading, choice)
        + BACKGROUND * (not any(cut.tells for cut in cuts))
        + PASSES_OVER * (not any(c.presents for c in cuts) and _presents(reading))
        + HALVED * any(not (cut.tells or cut.is_to_the_end) for cut in cuts)
        + HESITATES * any(cut.hesitates for cut in cuts)
        + ANNOUNCES * any(cut.announces for cut in cuts)
        + SHORTENED * sum(not cut.is_to_the_end for cut in cuts)
        + WORLDLY * all(cut.is_worldly for cut in cuts)
        + PREAMBLE * (len(cuts) > 1 and not cuts[0].tells)
        + CLOSING * any(_is_closing(reading, cut) for cut in cuts)
        + SHORT * (sum(cut.words for cut in cuts) < FEW_WORDS)
        + REPEATS_TITLE * (_new_words(reading, choice) < FEW_NEW_WORDS)
        + UNEXPLAINED * bool(_unexplained(reading, choice))
    )


def _presents(reading: Reading) -> bool:
    return any(cut.presents and not cut.is_dangling for cut in reading.cuts)


def _is_closing(reading: Reading, cut: Cut) -> bool:
    """Whether it is the last of some sentences, where authors praise more than they say."""
    last = reading.cuts[-1].sentence
    return last >= MANY_SENTENCES and cut.sentence == last and not cut.presents


def _unexplained(reading: Reading, choice: Choice) -> frozenset[str]:
    """The acronyms of which neither the choice nor the title says what they stand for."""
    cuts = [reading.cuts[number] for number in choice]
    used = frozenset[str]().union(*(cut.unexplained for cut in cuts))
    told = frozenset[str]().union(*(cut.explained for cut in cuts))
    initials = "".join(word[0] for word in re.findall(r"[^\W_]+", reading.title.lower()))
    left = (one for one in used - told if not reading.title.startswith(one))
    return frozenset(one for one in left if one.lower().replace("2", "t") not in initials)


def _new_words(reading: Reading, choice: Choice) -> int:
    """How many words, by their beginnings, are neither the title's nor said of every paper."""
    known = {word[:ROOT] for word in re.findall(r"[^\W_]+", reading.title.lower())} | _STOCK
    said = {
        word[:ROOT]
        for a, b in _ranges(reading, choice)
        for word in reading.words[a:b]
        if len(word) > 2
    }
    return len(said - known)


def counts(
    reading: Reading, choices: Sequence[Choice]
) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """How often each choice has said a word, this time included; 0 where it leaves the word out.

    Shapes: [choices, words].
    """
    found = np.zeros((len(choices), len(reading.words)), np.uint8)
    for row, choice in enumerate(choices):
        said: Counter[str] = Counter()
        for start, end in _ranges(reading, choice):
            for at in range(start, end):
                said[reading.words[at]] += 1
                found[row, at] = min(OFTEN, said[reading.words[at]])
    return found


def ends(reading: Reading, choices: Sequence[Choice]) -> tuple[Ints, Ints]:
    """The first and the last word of each choice."""
    ranges = [_ranges(reading, choice) for choice in choices]
    first = np.array([some[0][0] for some in ranges], np.int64)
    last = np.array([some[-1][1] - 1 for some in ranges], np.int64)
    return first, last


def grid(
    said: np.ndarray[tuple[int, int], np.dtype[np.uint8]],
    first: Ints,
    last: Ints,
    choices: Sequence[Choice],
) -> Grid:
    """What the network is shown, from `counts` and `ends`."""
    fresh = np.array([0, *(AGAIN**times for times in range(OFTEN))], np.float32)[said]
    is_pair = np.array([len(choice) - 1 for choice in choices], np.float32)
    return Grid((said > 0).astype(np.float32), fresh, first, last, is_pair)


def _ranges(reading: Reading, choice: Choice) -> list[tuple[int, int]]:
    return [span for number in choice for span in reading.ranges[number]]
