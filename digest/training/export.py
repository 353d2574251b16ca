"""A trained network → the files that `digest.summarizers.embedded` runs."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor, nn

from digest.summarizers.embedded.choice import COLUMNS
from digest.training.network import SHARED, Network

OPSET = 17


class _Trunk(nn.Module):
    """ids → hidden. One text at a time, so nothing is padded and nothing masked."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.embeddings = network.base.embeddings
        self.layers = network.base.encoder.layer[:SHARED]

    def forward(self, ids: Tensor) -> Tensor:
        return _through(self.layers, self.embeddings(input_ids=ids))


class _Summarizer(nn.Module):
    """hidden → numbers, length, whole."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.layers = network.base.encoder.layer[SHARED:]
        self.network = network

    def forward(self, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        numbers, lengths, whole = self.network.read_out(_through(self.layers, hidden))
        return numbers[..., :COLUMNS], lengths[:, 0], whole


def _through(layers: nn.ModuleList, hidden: Tensor) -> Tensor:
    for layer in layers:
        out = layer(hidden)
        hidden = out if isinstance(out, Tensor) else out[0]
    return hidden


def export(network: Network, tokenizer: Path, folder: Path, facts: dict[str, Any]) -> None:
    """Write the graphs with int8 weights, the tokenizer and `model.json` into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    network.eval()
    network.base.set_attn_implementation("eager")
    width = network.base.config.hidden_size
    ids = torch.ones(1, 12, dtype=torch.long)
    hidden = torch.zeros(1, 12, width)
    _graph(_Trunk(network), ids, ["ids"], ["hidden"], folder / "trunk.onnx")
    names = ["numbers", "length", "whole"]
    _graph(_Summarizer(network), hidden, ["hidden"], names, folder / "summarizer.onnx")
    shutil.copyfile(tokenizer, folder / "tokenizer.json")
    found = {**facts, **asdict(network.weights())}
    (folder / "model.json").write_text(json.dumps(found, indent=1) + "\n", "utf-8")


def _graph(
    module: nn.Module, example: Tensor, inputs: Sequence[str], outputs: Sequence[str], path: Path
) -> None:
    axes = {name: {1: "tokens"} for name in (*inputs, *outputs[:1])}
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = Path(folder) / "plain.onnx"
        torch.onnx.export(
            module.eval(),
            (example,),
            str(plain),
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )
        onnx.checker.check_model(str(plain))
        quantize_dynamic(str(plain), str(path), weight_type=QuantType.QInt8, per_channel=True)
