"""The summarizer in the package: a small network chooses what to keep of an abstract.

It selects and trims and never writes: a summary is at most three spans of the abstract in their
order. `cuts` says what English allows to leave out, `reading` turns it into the network's input,
`network` runs the model, `choice` takes the best.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from pathlib import Path

from digest.models import END, MODEL, START
from digest.summarizers import Summarizer, Text
from digest.summarizers.embedded.choice import (
    Choice,
    cost,
    counts,
    ends,
    grid,
    pairs,
    singles,
)
from digest.summarizers.embedded.cuts import MAX_WORDS, Cut, spaced
from digest.summarizers.embedded.network import Network
from digest.summarizers.embedded.reading import Floats, Reading, read, weights
from digest.summarizers.lead import capitalized, contribution, shortened, trimmed

log = logging.getLogger(__name__)

#: Of the rules around the network: raise it with whatever changes a summary.
RULES = 3
MAX_ABSTRACT = 6000  #: characters: more than the network can read, and than abstracts have
BEST = 12  #: so many cuts are tried in pairs
CANDIDATES = 4  #: so many of the best choices are asked whether they are sentences
#: How much that answer weighs against the worth.
SENTENCE_WEIGHT = 0.25
#: Where nothing parts words (Chinese, Japanese), so many characters are enough.
MAX_CHARACTERS = 280


class Embedded(Summarizer):
    """Selects what states the contribution, and trims it to the point."""

    extracts = True

    def __init__(self, folder: Path = MODEL) -> None:
        """Raises: BadConfig when the model's files are missing or damaged."""
        self._network = Network(folder)

    @property
    def id(self) -> str:
        """With the model's revision, that of the rules, and a hash of the files.

        The hash is for files that change without a new revision, as one's own do.
        """
        return f"embedded/{self._network.revision}.{RULES}-{self._network.fingerprint}"

    def summarize(self, texts: Sequence[Text]) -> list[str]:
        """A sentence or two of each abstract, at most MAX_WORDS words; empty without abstract.

        Shapes: same length and order as `texts`.
        """
        return list(self._network.map(self._safe, texts))

    def _safe(self, text: Text) -> str:
        """One abstract that is a riddle to us must not take the others with it."""
        try:
            return self._summary(text)
        except Exception:
            log.exception("the summary of %r: a fault of this program", text.title[:80])
            return opening(text)

    def _summary(self, text: Text) -> str:
        abstract = spaced(text.abstract[:MAX_ABSTRACT])
        reading = read(text.title, abstract, self._network.tokenizer)
        if not reading.cuts:
            return opening(text)
        best = max(
            self._ranked(reading)[:CANDIDATES],
            key=lambda one: one[1] + SENTENCE_WEIGHT * self._doubt(one[0], reading, abstract),
        )
        return " ".join(said(abstract, reading.cuts[number]) for number in best[0])

    def _ranked(self, reading: Reading) -> list[tuple[Choice, float]]:
        """The cuts and the pairs of the best cuts with their worth, best first."""
        states, _ = self._network.states(reading.ids)
        words, title = weights(reading)

        def worth(choices: list[Choice]) -> Floats:
            of = grid(counts(reading, choices), *ends(reading, choices), choices)
            return self._network.worth(states, words, title, of)

        alone = singles(reading)
        values = list(worth(alone))
        best = sorted(range(len(alone)), key=lambda number: -values[number])[:BEST]
        together = pairs(reading, best)
        if together:
            values += list(worth(together))
        found = [
            (choice, float(value) - cost(reading, choice))
            for choice, value in zip([*alone, *together], values, strict=True)
        ]
        return sorted(found, key=lambda one: -one[1])

    def _doubt(self, choice: Choice, reading: Reading, abstract: str) -> float:
        """That a cut may not be a sentence: 0 where it surely is one, less elsewhere."""
        doubt = 0.0
        for number in choice:
            kept = said(abstract, reading.cuts[number]).rstrip(".")
            ids = self._network.tokenizer.encode(kept, add_special_tokens=False).ids
            doubt += min(0.0, self._network.states([START, *ids, END])[1])
        return doubt


def said(abstract: str, cut: Cut) -> str:
    """The words of a cut as a sentence: a capital in front, a full stop behind.

    >>> cut = Cut(((6, 11), (21, 26)), 0, 2, is_dangling=False, presents=False, tells=True)
    >>> said("Here, mBERT (a model) wins, we show.", cut)
    'mBERT wins.'
    """
    kept = "".join(abstract[start:end] for start, end in cut.spans)
    kept = re.sub(r" +([,;.])", r"\1", " ".join(kept.split())).strip(" ,;:")
    kept = capitalized(kept)
    return kept if kept.rstrip("\"”'’)").endswith((".", "!", "?", "…", "。")) else kept + "."


def opening(text: Text) -> str:
    """The sentence that stands for a text without a sentence of a fitting length.

    >>> opening(Text("", "word " * 40)).count("word"), opening(Text("", ""))
    (35, '')
    """
    whole = trimmed(contribution(text))
    words = whole.split()
    kept = shortened(" ".join(words[:MAX_WORDS]), MAX_CHARACTERS)
    return kept if kept == whole or kept.endswith("…") else kept.rstrip(" ,;:") + "…"
