"""The weights of a model in the package → the network again, to train it further.

The int8 weights are what every user has; as a start they are as good as the originals.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor

from digest.training.network import SHARED, Network

#: What the quantization calls the nodes of a module.
_OPERATION = re.compile(r"/(?:MatMul|Gemm_MatMul)_quant$")
Arrays = dict[str, npt.NDArray[np.generic]]


def restore(network: Network, folder: Path) -> None:
    """Put the weights of a folder into the network."""
    state = network.state_dict()
    for file, first_layer in (("trunk", 0), ("summarizer", SHARED), ("head", 0)):
        for name, value in _weights(folder / f"{file}.onnx"):
            state[_name(name, first_layer)].copy_(value)
    network.load_state_dict(state)


def _name(name: str, first_layer: int) -> str:
    """What the network calls the weight of a graph."""
    part, _, rest = name.partition(".")
    if part in ("head", "whole"):
        return name
    if part == "layers":
        number, _, rest = rest.partition(".")
        return f"base.encoder.layer.{int(number) + first_layer}.{rest}"
    return f"base.{name}"


def _weights(path: Path) -> list[tuple[str, Tensor]]:
    """The parameters by the names that torch gave them."""
    graph = onnx.load(str(path)).graph
    arrays: Arrays = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    found = [
        (name, torch.from_numpy(np.array(value)))
        for name, value in arrays.items()
        if "." in name and not name.endswith(("_quantized", "_scale", "_zero_point"))
    ]
    for name in arrays:
        if name.endswith(".weight_quantized"):  # embeddings
            found.append((name.removesuffix("_quantized"), _plain(arrays, name)))
    for node in graph.node:
        if node.op_type == "MatMulInteger":
            module = _OPERATION.sub("", node.name).strip("/").replace("/", ".")
            # torch has [out, in] where ONNX has [in, out].
            found.append((f"{module}.weight", _plain(arrays, node.input[1]).T))
    return found


def _plain(arrays: Arrays, name: str) -> Tensor:
    stem = name.removesuffix("_quantized")
    whole = arrays[name].astype(np.float32) - arrays[f"{stem}_zero_point"].astype(np.float32)
    return torch.from_numpy(np.array(whole * arrays[f"{stem}_scale"].astype(np.float32)))
