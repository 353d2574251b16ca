"""The encoder in the package and its world: `python -m digest.training.encoder FOLDER`.

The layers are all-MiniLM-L6-v2's own, untrained by us and in int8; they go on from the trunk that
the summarizer's training wrote. FOLDER holds tldr/train.jsonl.gz, and topics/dev.json if what int8
costs is to be measured.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from digest.encoders import unit
from digest.encoders.embedded import Embedded
from digest.errors import DigestError
from digest.models import END, MODEL, START
from digest.text import plain
from digest.training.base import fetch_base
from digest.training.export import export_encoder
from digest.training.fit import Say
from digest.training.network import bert
from digest.training.recipe import BASE
from digest.training.world import make_world

REVISION = 1  #: a new one means that all texts are encoded anew
Floats = npt.NDArray[np.float32]


def make(data: Path, work: Path, folder: Path, say: Say) -> None:
    """Write encoder.onnx, encoder.json and world.npz into the folder of the trunk."""
    base = bert(fetch_base(work))
    export_encoder(base, folder, {"revision": REVISION, "base": BASE})
    make_world(data / "tldr" / "train.jsonl.gz", work, folder, say)
    if (data / "topics" / "dev.json").is_file():
        say(json.dumps(loss(data / "topics" / "dev.json", base, Embedded(folder))))


def loss(topics: Path, base: nn.Module, encoder: Embedded) -> dict[str, float]:
    """Mean average precision by cosine alone, in full precision and in int8."""
    given = json.loads(topics.read_text("utf-8"))
    papers = [f"{plain(p['title'])}. {plain(p['abstract'])}" for p in given["papers"]]
    names = [topic["topic"] for topic in given["topics"]]
    wanted = [np.array([p["id"] in t["papers"] for p in given["papers"]]) for t in given["topics"]]
    full, small = (
        _map(of(names) @ of(papers).T, wanted)
        for of in (lambda texts: _full(texts, base, encoder), encoder.encode)
    )
    return {"MAP_full": round(full, 4), "MAP_int8": round(small, 4), "cost": round(full - small, 4)}


def _full(texts: list[str], base: nn.Module, encoder: Embedded) -> Floats:
    rows = []
    with torch.inference_mode():
        for text in texts:
            ids = torch.tensor([[START, *encoder.ids(text), END]])
            rows.append(base(input_ids=ids).last_hidden_state[0].mean(0).float().numpy())
    return unit(np.stack(rows))


def _map(scores: Floats, wanted: list[npt.NDArray[np.bool_]]) -> float:
    found = []
    for row, is_wanted in zip(scores, wanted, strict=True):
        hits = is_wanted[np.argsort(-row, kind="stable")]
        found.append((np.cumsum(hits) / np.arange(1, len(hits) + 1) * hits).sum() / hits.sum())
    return float(np.mean(found))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print("python -m digest.training.encoder FOLDER: see docs/model-card.md", file=sys.stderr)
        sys.exit(2)
    try:
        make(Path(sys.argv[1]), Path("build/model"), MODEL, lambda line: print(line, flush=True))
    except DigestError as why:
        sys.exit(f"digest.training.encoder: {why}")
