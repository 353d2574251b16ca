"""The network in the package: onnxruntime and `tokenizers`, nothing else.

Three graphs share one text: `trunk` (embeddings and the lower layers), and on top of it
`summarizer` and `encoder` (the upper layers of each). Every text goes through alone: int8
arithmetic takes its scale from all that is in a batch, and a summary must not depend on its
neighbours.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from digest.errors import BadConfig
from digest.summarizers.embedded.reading import Floats

T = TypeVar("T")
R = TypeVar("R")

#: Where the model files lie in the package.
MODEL = Path(str(resources.files("digest"))) / "models" / "embedded"
FILES = ("model.json", "tokenizer.json", "trunk.onnx", "summarizer.onnx")


class Network:
    """The model of a folder. Threads may share it."""

    def __init__(self, folder: Path = MODEL, threads: int = 2) -> None:
        """Raises: BadConfig when files are missing or damaged."""
        self.threads = threads
        try:
            self.facts: dict[str, Any] = json.loads((folder / "model.json").read_text("utf-8"))
            self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            self._trunk = _session(folder / "trunk.onnx")
            self._summarizer = _session(folder / "summarizer.onnx")
        except Exception as why:  # onnxruntime and tokenizers raise types of their own
            raise BadConfig(
                f"the model in {folder} cannot be read ({why}); install papers-digest again,"
                " or train one with 'digest train'"
            ) from why
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()

    def numbers(self, ids: Sequence[int]) -> tuple[Floats, float, float]:
        """What the network says of each token, of the length, and whether the text is a sentence.

        Shapes: [tokens] → [tokens, 4], words, log-odds.
        """
        (hidden,) = self._trunk.run(None, {"ids": np.array([ids], np.int64)})
        numbers, length, whole = self._summarizer.run(None, {"hidden": hidden})
        return numbers[0], float(length[0]), float(whole[0])

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.threads)

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """The function of each, on all cores: onnxruntime lets other threads run meanwhile."""
        return self._pool.map(function, items)


def _session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    # Texts run side by side, each on one core: that is faster than one text on all.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
