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
from contextlib import contextmanager
from dataclasses import asdict
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from digest.errors import BadConfig
from digest.summarizers.embedded.choice import Grid
from digest.summarizers.embedded.reading import Floats

T = TypeVar("T")
R = TypeVar("R")

#: Where the model files lie in the package.
MODEL = Path(str(resources.files("digest"))) / "models" / "embedded"
FILES = ("model.json", "tokenizer.json", "trunk.onnx", "summarizer.onnx", "head.onnx")


class Network:
    """The model of a folder. Threads may share it."""

    def __init__(self, folder: Path = MODEL, threads: int = 2) -> None:
        """Raises: BadConfig when files are missing or damaged."""
        self.threads = threads
        with reading_model(folder):
            self.facts: dict[str, Any] = json.loads((folder / "model.json").read_text("utf-8"))
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


@contextmanager
def reading_model(folder: Path) -> Iterator[None]:
    """Raises: BadConfig where what stands within fails: the libraries raise types of their own."""
    try:
        yield
    except Exception as why:
        raise BadConfig(
            f"the model in {folder} cannot be read ({why}); install papers-digest again,"
            " or train one with 'digest train'"
        ) from why


def read_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of a folder, which neither pads nor cuts off."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def session(path: Path) -> onnxruntime.InferenceSession:
    """A graph, ready to run."""
    options = onnxruntime.SessionOptions()
    # Texts run side by side, each on one core: that is faster than one text on all.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
