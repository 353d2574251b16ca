"""The weights of a model in the package → the network again, to train it further.

The int8 weights are what every user has; as a start they are as good as the originals.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor

from digest.summarizers.embedded.choice import COLUMNS
from digest.training.examples import PEOPLE
from digest.training.network import SHARED, Network

Arrays = dict[str, npt.NDArray[np.generic]]


def restore(network: Network, folder: Path) -> None:
    """Put the weights of a folder into the network; what it has for weak pairs stays new."""
    state = network.state_dict()
    for file, first_layer in (("trunk", 0), ("summarizer", SHARED)):
        for name, value in _weights(folder / f"{file}.onnx"):
            _put(state, name, value, first_layer)
    facts = json.loads((folder / "model.json").read_text("utf-8"))
    state["overlap"][PEOPLE] = facts["overlap"]
    state["by_words"][PEOPLE] = torch.tensor(facts["by_words"])
    network.load_state_dict(state)


def _put(state: dict[str, Tensor], name: str, value: Tensor, first_layer: int) -> None:
    part, _, rest = name.partition(".")
    if part == "network":  # the heads; those of weak pairs are not shipped
        head, _, kind = rest.partition(".")
        target = state[f"{head}.{kind}"]
        kept = {"head": COLUMNS, "length": 1, "whole": 1}[head]
        target[:kept] = value[:kept]
        return
    if part == "layers":
        number, _, rest = rest.partition(".")
        name = f"encoder.layer.{int(number) + first_layer}.{rest}"
    state[f"base.{name}"].copy_(value)


def _weights(path: Path) -> list[tuple[str, Tensor]]:
    """The parameters by the names that torch gave them."""
    graph = onnx.load(str(path)).graph
    arrays: Arrays = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    found = [
        (name, torch.from_numpy(np.array(value)))
        for name, value in arrays.items()
        if name.endswith((".bias", ".weight"))
    ]
    for name in arrays:
        if name.endswith(".weight_quantized"):  # embeddings
            found.append((name.removesuffix("_quantized"), _plain(arrays, name)))
    for node in graph.node:
        if node.op_type == "MatMulInteger":
            module = node.name.removesuffix("/MatMul_quant").strip("/").replace("/", ".")
            # torch has [out, in] where ONNX has [in, out].
            found.append((f"{module}.weight", _plain(arrays, node.input[1]).T))
    return found


def _plain(arrays: Arrays, name: str) -> Tensor:
    stem = name.removesuffix("_quantized")
    whole = arrays[name].astype(np.float32) - arrays[f"{stem}_zero_point"].astype(np.float32)
    return torch.from_numpy(np.array(whole * arrays[f"{stem}_scale"].astype(np.float32)))
