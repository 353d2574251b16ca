"""An abstract as the network sees it: tokens, their words, and the cuts over them. Pure."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from digest.models import END, MAX_TOKENS, START
from digest.summarizers.embedded.cuts import Cut, cuts

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

MAX_TITLE_TOKENS = 48
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Reading:
    """One abstract with its title, ready for the network."""

    ids: list[int]
    title: str
    words: list[str]  #: of the abstract, in lower case, without punctuation
    tokens: list[list[int]]  #: for each word the indices of its ids; empty beyond MAX_TOKENS
    cuts: list[Cut]  #: those whose words all were read
    ranges: list[list[tuple[int, int]]]  #: for each cut the words of its spans, from and to


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
    reading = Reading(ids, title, [word[0].lower() for word in found], tokens, [], [])
    for cut in cuts(abstract):
        spans = ((bisect_left(starts, a), bisect_left(starts, b)) for a, b in cut.spans)
        ranges = [(first, end) for first, end in spans if end > first]
        if ranges and tokens[ranges[-1][1] - 1]:
            reading.cuts.append(cut)
            reading.ranges.append(ranges)
    return reading


def weights(reading: Reading) -> tuple[Floats, Floats]:
    """What makes means over tokens of sums: for each word, and for the title.

    Shapes: [words, tokens], [1, tokens].
    """
    words = np.zeros((len(reading.words), len(reading.ids)), np.float32)
    for word, tokens in enumerate(reading.tokens):
        words[word, tokens] = 1 / max(1, len(tokens))
    title = np.zeros((1, len(reading.ids)), np.float32)
    end = max(2, reading.ids.index(END))
    title[0, 1:end] = 1 / (end - 1)
    return words, title
