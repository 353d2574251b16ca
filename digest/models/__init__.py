"""The model files in the package, and how such files are opened: onnxruntime and `tokenizers`.

`embedded/trunk.onnx` (the embeddings) turns a text into vectors, one a token. What goes on from
there: `summarizer.onnx` and `head.onnx`, `doubter.onnx` (`digest.summarizers.embedded`) and
`encoder.onnx` (`digest.encoders.embedded`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from digest.errors import BadConfig

if TYPE_CHECKING:
    import onnxruntime
    from tokenizers import Tokenizer

#: Where the model files lie in the package.
MODEL = Path(str(resources.files("digest"))) / "models" / "embedded"
START, END = 101, 102  #: BERT's [CLS] and [SEP]
MAX_TOKENS = 512  #: BERT has no more positions


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
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def fingerprint(folder: Path, names: Iterable[str], *more: object) -> str:
    """What stands for the files of a model and for whatever else its answers depend on."""
    found = hashlib.sha256(repr(more).encode())
    for name in names:
        found.update(hashlib.sha256((folder / name).read_bytes()).digest())
    return found.hexdigest()[:8]


def session(path: Path) -> onnxruntime.InferenceSession:
    """A graph, ready to run."""
    import onnxruntime  # 20 MB that who only sends, or shows pages, can do without

    options = onnxruntime.SessionOptions()
    # Texts run side by side, each on one core: that is faster than one text on all.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
