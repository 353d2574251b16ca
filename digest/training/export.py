"""A trained network → the files that `digest.summarizers.embedded` runs."""

from __future__ import annotations

import json
import logging
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor, nn

from digest.training.doubt import Doubter
from digest.training.examples import PEOPLE, WEAK
from digest.training.network import SHARED, WIDTH, Network, Shown

OPSET = 17
#: What the many weak pairs taught counts beside what people wrote.
WEAK_SHARE = 0.6
Axes = dict[str, dict[int, str]]


class _Trunk(nn.Module):
    """ids → hidden. One text at a time, so nothing is padded and nothing masked."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.embeddings = network.base.embeddings
        self.layers = network.base.encoder.layer[:SHARED]

    def forward(self, ids: Tensor) -> Tensor:
        return _through(self.layers, self.embeddings(input_ids=ids))


class _Summarizer(nn.Module):
    """hidden → states, whole."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.layers = network.base.encoder.layer[SHARED:]
        self.whole = network.whole

    def forward(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        states = _through(self.layers, hidden)
        return states, self.whole(states[:, 0])[:, 0]


class _Head(nn.Module):
    """states and choices → worth: as people would have it, and a little as a language model."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.head = network.head

    def forward(self, states: Tensor, *shown: Tensor) -> Tensor:
        people: Tensor = self.head(states, Shown(*shown), PEOPLE)[0]
        weak: Tensor = self.head(states, Shown(*shown), WEAK)[0]
        return people + WEAK_SHARE * weak


class _Doubter(nn.Module):
    """hidden → the log-odds of a lie."""

    def __init__(self, network: Doubter) -> None:
        super().__init__()
        self.layers = network.base.encoder.layer
        self.whole = network.whole

    def forward(self, hidden: Tensor) -> Tensor:
        odds: Tensor = self.whole(_through(self.layers, hidden)[:, 0])[:, 0]
        return odds


class _Encoder(nn.Module):
    """hidden → what the layers make of each token, after the mean of it. Shapes: [1, width]."""

    def __init__(self, base: nn.Module) -> None:
        super().__init__()
        self.layers = base.encoder.layer

    def forward(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        states = _through(self.layers, hidden)
        return states.mean(1), states


def _through(layers: nn.ModuleList, hidden: Tensor) -> Tensor:
    for layer in layers:
        out = layer(hidden)
        hidden = out if isinstance(out, Tensor) else out[0]
    return hidden


def export(network: Network, tokenizer: Path, folder: Path, facts: dict[str, Any]) -> None:
    """Write the graphs, the layers with int8 weights, the tokenizer and `model.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    network.eval()
    network.base.set_attn_implementation("eager")
    ids, hidden = torch.ones(1, 12, dtype=torch.long), torch.zeros(1, 12, WIDTH)
    text = {1: "tokens"}
    with _exported(_Trunk(network), (ids,), {"ids": text}, {"hidden": text}) as plain:
        _quantized(plain, folder / "trunk.onnx")
    states = {"states": text, "whole": {}}
    with _exported(_Summarizer(network), (hidden,), {"hidden": text}, states) as plain:
        _quantized(plain, folder / "summarizer.onnx")
    shown = Shown(
        words=torch.full((5, 12), 0.1),
        title=torch.full((1, 12), 0.1),
        kept=torch.ones(2, 5),
        fresh=torch.ones(2, 5),
        first=torch.zeros(2, dtype=torch.long),
        last=torch.zeros(2, dtype=torch.long),
        pairs=torch.zeros(2),
    )
    axes: Axes = {
        "states": {0: "tokens"},
        "words": {0: "words", 1: "tokens"},
        "title": text,
        "kept": {0: "choices", 1: "words"},
        "fresh": {0: "choices", 1: "words"},
        **{name: {0: "choices"} for name in ("first", "last", "pairs")},
    }
    worth: Axes = {"worth": {0: "choices"}}
    with _exported(_Head(network), (hidden[0], *shown), axes, worth) as plain:
        shutil.copyfile(plain, folder / "head.onnx")
    shutil.copyfile(tokenizer, folder / "tokenizer.json")
    (folder / "model.json").write_text(json.dumps(facts, indent=1) + "\n", "utf-8")


def export_doubter(network: Doubter, folder: Path) -> None:
    """Write the graph that goes on from the trunk's."""
    network.eval()
    network.base.set_attn_implementation("eager")
    hidden, text = torch.zeros(1, 12, WIDTH), {1: "tokens"}
    with _exported(_Doubter(network), (hidden,), {"hidden": text}, {"doubt": {}}) as plain:
        _quantized(plain, folder / "doubter.onnx")


def export_encoder(base: nn.Module, folder: Path, facts: dict[str, Any]) -> None:
    """Write the graph that goes on from the trunk's: `base` is a BertModel with its embeddings."""
    base.eval()
    base.set_attn_implementation("eager")
    hidden, text = torch.zeros(1, 12, WIDTH), {1: "tokens"}
    with _exported(
        _Encoder(base), (hidden,), {"hidden": text}, {"vector": {}, "states": text}
    ) as plain:
        _quantized(plain, folder / "encoder.onnx")
    (folder / "encoder.json").write_text(json.dumps(facts, indent=1) + "\n", "utf-8")


@contextmanager
def _exported(
    module: nn.Module, examples: tuple[Tensor, ...], inputs: Axes, outputs: Axes
) -> Iterator[Path]:
    """The graph in a file that is gone afterwards."""
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "plain.onnx"
        torch.onnx.export(
            module.eval(),
            examples,
            str(path),
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes={name: axes for name, axes in (inputs | outputs).items() if axes},
            opset_version=OPSET,
            dynamo=False,
        )
        onnx.checker.check_model(str(path))
        yield path


def _quantized(plain: Path, path: Path) -> None:
    # It warns that the graph was not prepared first, which changes nothing where shapes are free.
    log = logging.getLogger()
    log.addFilter(_is_no_advice)
    try:
        quantize_dynamic(str(plain), str(path), weight_type=QuantType.QInt8, per_channel=True)
    finally:
        log.removeFilter(_is_no_advice)


def _is_no_advice(record: logging.LogRecord) -> bool:
    return "pre-processing before quantization" not in record.getMessage()
