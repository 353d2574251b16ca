"""The encoder in the package: all-MiniLM-L6-v2's six layers over the trunk that all models share.

Every text goes through alone: int8 arithmetic takes its scale from all that is in a batch, and a
vector must not depend on its neighbours.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np

from digest.encoders import Encoder, Floats, unit
from digest.models import END, MODEL, START, read_tokenizer, reading_model, session

#: What is longer is cut off, as in the model's own training. An abstract has some 280.
MAX_TOKENS = 256
#: Characters that could be so many tokens; the rest is not even split into them.
MAX_CHARACTERS = 4000
WIDTH = 384
UNKNOWN = 100  #: BERT's [UNK]
LAST_LATIN = "\u0250"


class Embedded(Encoder):
    """The model of a folder. Threads may share it."""

    def __init__(self, folder: Path = MODEL, threads: int = 2) -> None:
        """Raises: BadConfig when files are missing or damaged."""
        self._threads = threads
        with reading_model(folder):
            facts = json.loads((folder / "encoder.json").read_text("utf-8"))
            self._revision = facts["revision"]
            self._tokenizer = read_tokenizer(folder)
            self._trunk = session(folder / "trunk.onnx")
            self._layers = session(folder / "encoder.onnx")

    @property
    def id(self) -> str:
        """With the model's revision."""
        return f"embedded/{self._revision}"

    def encode(self, texts: Sequence[str]) -> Floats:
        """See `Encoder`."""
        if not texts:
            return np.zeros((0, WIDTH), np.float32)
        return unit(np.stack(list(self._pool.map(self._one, texts))))

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._threads)

    def _one(self, text: str) -> Floats:
        ids = self.ids(text)
        return self.run(ids)[0] if ids else np.zeros(WIDTH, np.float32)

    def ids(self, text: str) -> list[int]:
        """The tokens that are read; none of a text that is not in Latin letters."""
        given = " ".join(text[:MAX_CHARACTERS].split())
        found: list[int] = self._tokenizer.encode(given, add_special_tokens=False).ids
        # Of signs that it does not know nothing can be said, not even that they are alike; and of
        # scripts that it knows by their letters alone, hardly more.
        letters = [c for c in given if c.isalpha()]
        is_latin = 2 * sum(c < LAST_LATIN for c in letters) > len(letters)
        return found[: MAX_TOKENS - 2] if is_latin and set(found) != {UNKNOWN} else []

    def run(self, ids: Sequence[int]) -> tuple[Floats, Floats]:
        """What the network makes of tokens: the mean of all [width], and each [tokens, width]."""
        (hidden,) = self._trunk.run(None, {"ids": np.array([[START, *ids, END]], np.int64)})
        vector, states = self._layers.run(None, {"hidden": hidden})
        return vector[0], states[0]

    def parts(self, before: str, parts: Sequence[str]) -> Floats:
        """See `Encoder`: what the whole text, read once, means in each part."""
        ids: list[int] = []
        ends: list[int] = []
        for part in (before, *parts):
            ids += self._tokenizer.encode(part, add_special_tokens=False).ids
            ends.append(min(len(ids), MAX_TOKENS - 2))
        _, states = self.run(ids[: MAX_TOKENS - 2])
        means = [
            states[start + 1 : end + 1].mean(0) if end > start else np.zeros(WIDTH, np.float32)
            for start, end in pairwise(ends)
        ]
        return unit(np.stack(means)) if means else np.zeros((0, WIDTH), np.float32)
