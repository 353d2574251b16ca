"""What the package knows of the world of papers, see `digest.match.world`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from digest.match import World
from digest.models import MODEL, reading_model


@cache
def world(folder: Path = MODEL) -> World:
    """The world as the encoder of a folder sees it.

    Raises: BadConfig when its file is missing or damaged.
    """
    path = folder / "world.npz"
    # Opened here: numpy leaves a damaged archive open.
    with reading_model(folder), path.open("rb") as raw, np.load(raw) as file:
        words = bytes(file["stems"]).decode().split("\n")
        return World(
            themes=file["themes"],
            scales=file["scales"].astype(np.float64),
            sizes=file["sizes"].astype(np.float64),
            frequencies=dict(zip(words, file["counts"].tolist(), strict=True)),
            documents=int(file["documents"]),
            words=tuple(bytes(file["words"]).decode().split("\n")),
        )
