"""An abstract as the network sees it: tokens, their words, and the cuts over them. Pure."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from digest.summarizers.embedded.cuts import Cut, cuts

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Floats = npt.NDArray[np.float32]

START, END = 101, 102  #: BERT's [CLS] and [SEP]
MAX_TOKENS = 512  #: BERT has no more positions
MAX_TITLE_TOKENS = 48
#: The reference says "the" once where a long cut says it three times: what a word is worth when
#: it comes again.
AGAIN = 0.3

_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Reading:
    """One abstract with its title, ready for the network."""

    ids: list[int]
    words: list[str]  #: of the abstract, in lower case, without punctuation
    tokens: list[list[int]]  #: for each word the indices of its ids; empty beyond MAX_TOKENS
    cuts: list[Cut]  #: those whose words all were read
    ranges: list[list[tuple[int, int]]]  #: for each cut the words of its spans, from and to


@dataclass(frozen=True, slots=True)
class Grid:
    """Which words each of the cuts has. Shapes: [cuts, words]."""

    kept: Floats
    fresh: Floats  #: 1 where a word is kept first, AGAIN and less where it was kept before
    first: Floats  #: 1 where a span begins
    last: Floats  #: 1 where a span ends


def read(title: str, abstract: str, tokenizer: Tokenizer, max_tokens: int = MAX_TOKENS) -> Reading:
    """The title and the abstract, of which what is too long for the network is left out."""
    heading = tokenizer.encode(title, add_special_tokens=False).ids[:MAX_TITLE_TOKENS]
    body = tokenizer.encode(abstract, add_special_tokens=False)
    offset = len(heading) + 2
    room = max_tokens - offset - 1
    found = list(_WORD.finditer(abstract))
    starts = [word.start() for word in found]
    tokens: list[list[int]] = [[] for _ in found]
    for number, (start, end) in enumerate(body.offsets[:room]):
        at = bisect_right(starts, end - 1) - 1
        while at >= 0 and found[at].end() > start:
            if found[at].start() < end:
                tokens[at].append(offset + number)
            at -= 1
    ids = [START, *heading, END, *body.ids[:room], END]
    reading = Reading(ids, [word[0].lower() for word in found], tokens, [], [])
    for cut in cuts(abstract):
        spans = ((bisect_left(starts, a), bisect_left(starts, b)) for a, b in cut.spans)
        ranges = [(first, end) for first, end in spans if end > first]
        if ranges and tokens[ranges[-1][1] - 1]:
            reading.cuts.append(cut)
            reading.ranges.append(ranges)
    return reading


def grid(words: Sequence[str], ranges: Sequence[Sequence[tuple[int, int]]]) -> Grid:
    """The cuts over the words, from the words of their spans."""
    kept, fresh, first, last = np.zeros((4, len(ranges), len(words)), np.float32)
    for row, spans in enumerate(ranges):
        seen: Counter[str] = Counter()
        for start, end in spans:
            first[row, start] = last[row, end - 1] = 1
            kept[row, start:end] = 1
            for at in range(start, end):
                fresh[row, at] = AGAIN ** seen[words[at]]
                seen[words[at]] += 1
    return Grid(kept, fresh, first, last)
