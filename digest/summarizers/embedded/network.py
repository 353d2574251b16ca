"""The network in the package: onnxruntime and `tokenizers`, nothing else.

`trunk` (the embeddings) turns a text into vectors, `summarizer` (the layers) into what it means
at each token, and `head` says what the choices from it are worth. Every text goes through alone:
int8 arithmetic takes its scale from all that is in a batch, and a summary must not depend on its
neighbours.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from digest.models import MODEL, fingerprint, read_tokenizer, reading_model, session
from digest.summarizers.embedded.choice import Grid
from digest.summarizers.embedded.reading import Floats

T = TypeVar("T")
R = TypeVar("R")

FILES = ("model.json", "tokenizer.json", "trunk.onnx", "summarizer.onnx", "head.onnx")


class Network:
    """The model of a folder. Threads may share it."""

    def __init__(self, folder: Path = MODEL, threads: int = 2) -> None:
        """Raises: BadConfig when files are missing or damaged."""
        self.threads = threads
        with reading_model(folder):
            facts: dict[str, Any] = json.loads((folder / "model.json").read_text("utf-8"))
            if "revision" not in facts:
                raise ValueError("its model.json names no revision")
            self.revision = str(facts["revision"])
            self.fingerprint = fingerprint(folder, FILES)
            self.tokenizer = read_tokenizer(folder)
            self._trunk, self._summarizer, self._head = (
                session(folder / f"{name}.onnx") for name in ("trunk", "summarizer", "head")
            )

    def states(self, ids: Sequence[int]) -> tuple[Floats, float]:
        """What the network says of each token, and the log-odds that the text is a sentence.

        Shapes: [tokens] → [tokens, width].
        """
        (hidden,) = self._trunk.run(None, {"ids": np.array([ids], np.int64)})
        states, whole = self._summarizer.run(None, {"hidden": hidden})
        return states[0], float(whole[0])

    def worth(self, states: Floats, words: Floats, title: Floats, of: Grid) -> Floats:
        """What each choice is worth: the logarithm, up to a constant, of its chance to be best.

        Shapes: as `reading.weights` and `Grid` say → [choices].
        """
        shown = {"states": states, "words": words, "title": title, **asdict(of)}
        (worth,) = self._head.run(None, shown)
        found: Floats = worth
        return found

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.threads)

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """The function of each, on all cores: onnxruntime lets other threads run meanwhile."""
        return self._pool.map(function, items)
