"""What a topic needs to know of the world of papers: its themes, and how common words are. Pure.

Numbers are rounded to fixed steps before they are multiplied, so that sums are exact in whatever
order they are added up: a score does not depend on what else is scored in the same call.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Steps = npt.NDArray[np.int16]

STEP = 2.0**-15  #: of a vector's components
LONG_STEP = 2.0**-11  #: of a direction's
PIECE = 1024  #: topics at a time
_SHARE_STEP = 2.0**-20  #: of the themes' shares in a topic
#: How fast a theme's share falls with its distance from the topic, in cosine.
NEARNESS = 0.04
#: How much of the nearest themes a topic takes over.
BROADER = 1.0
#: What the themes count beside the topic's own words, and the usual spread of cosines with those.
BROAD_SHARE, USUAL_SPREAD = 0.85, 0.17
LEAST_SPREAD = 0.01
#: Documents in which an unknown word may be.
RARE = 5


@dataclass(frozen=True, slots=True)
class World:
    """The papers of many fields, in short."""

    themes: npt.NDArray[np.int8]  #: centers of clusters of abstracts. Shapes: [themes, width]
    scales: Floats  #: what the themes' components are multiplied by. Shapes: [themes]
    sizes: Floats  #: abstracts in each theme. Shapes: [themes]
    frequencies: Mapping[str, int]  #: stem, or two with a blank → abstracts that have it
    documents: int
    words: tuple[str, ...] = ()  #: what each theme is about, for encoders that see it otherwise

    def seen_as(self, themes: npt.ArrayLike) -> World:
        """The same world by the vectors another encoder gives the themes' words.

        Shapes: [themes, width].
        """
        vectors = np.asarray(themes, np.float64)
        scales = np.maximum(np.abs(vectors).max(1), 1e-9) / 127
        rounded = np.round(vectors / scales[:, None]).astype(np.int8)
        return replace(self, themes=rounded, scales=scales)

    def share(self, phrase: Sequence[str]) -> float:
        """How many of the abstracts may have a phrase: at most those with its rarest part."""
        parts = [" ".join(pair) for pair in pairwise(phrase)] or list(phrase)
        return min(self.frequencies.get(part, RARE) for part in parts) / self.documents

    def rarity(self, stem: str) -> float:
        """The weight of a word: BM25's inverse document frequency."""
        count = self.frequencies.get(stem, RARE)
        return math.log(1 + (self.documents - count + 0.5) / (count + 0.5))


@dataclass(frozen=True, slots=True)
class Places:
    """Where some topics lie among the themes of the world.

    How far a paper goes in a topic's direction, less the offset, is what it means to the topic:
    the cosine of the two and that with the themes nearest to the topic, in units of how much the
    world's abstracts differ there. A topic that has no vector has a direction of 0.
    """

    directions: Steps  #: in LONG_STEPs. Shapes: [topics, width]
    offsets: Floats  #: Shapes: [topics]

    @property
    def is_known(self) -> npt.NDArray[np.bool_]:
        """Which topics have a vector. Shapes: [topics]."""
        return np.asarray(self.directions.any(axis=1))

    def meaning(self, papers: Steps) -> Floats:
        """Shapes: [papers, width] → [papers, topics]; exact, in pieces."""
        found = np.empty((len(papers), len(self.directions)))
        left = papers.astype(np.float64)
        for start in range(0, len(self.directions), PIECE):
            piece = self.directions[start : start + PIECE].astype(np.float64)
            found[:, start : start + PIECE] = left @ piece.T
        return found * (STEP * LONG_STEP) - self.offsets


def placed(near: Sequence[npt.NDArray[np.float32] | None], world: World) -> Places:
    """Topics by their vectors, where they have one. Shapes: [width] each."""
    width = world.themes.shape[1]
    directions = np.zeros((len(near), width), np.int16)
    offsets = np.zeros(len(near))
    nothing = np.zeros(width, np.float32)
    for start in range(0, len(near), PIECE):
        some = [nothing if one is None else one for one in near[start : start + PIECE]]
        piece = slice(start, start + PIECE)
        directions[piece], offsets[piece] = _placed(steps(np.stack(some)), world)
    return Places(directions, offsets)


def _placed(near: Steps, world: World) -> tuple[Steps, Floats]:
    themes = world.themes.astype(np.float64)
    likeness = (near @ themes.T) * (world.scales * STEP)
    share = np.exp((likeness - likeness.max(1, keepdims=True)) / NEARNESS)
    share = share / share.sum(1, keepdims=True) * world.scales
    taken = (np.round(share / _SHARE_STEP) @ themes) * _SHARE_STEP
    moved = near * STEP + BROADER * taken
    length = np.linalg.norm(moved, axis=1, keepdims=True)
    broad = np.round(moved / np.where(length > 0, length, 1) / STEP)
    likeness = (broad @ themes.T) * (world.scales * STEP)
    size = world.sizes / world.sizes.sum()
    mean = (likeness * size).sum(1)
    spread = np.sqrt((np.square(likeness - mean[:, None]) * size).sum(1))
    spread = np.maximum(spread, LEAST_SPREAD)  # another encoder may see all themes in one place
    directions = (
        BROAD_SHARE * broad * STEP / spread[:, None]
        + (1 - BROAD_SHARE) * near * STEP / USUAL_SPREAD
    )
    directions[~near.any(axis=1)] = 0
    found = np.clip(np.round(directions / LONG_STEP), -32767, 32767).astype(np.int16)
    return found, np.where(near.any(axis=1), BROAD_SHARE * mean / spread, 0.0)


def cosines(some: Steps, others: Steps) -> Floats:
    """Shapes: [some, width], [others, width] → [some, others]; exact."""
    found: Floats = some.astype(np.float64) @ others.astype(np.float64).T
    return found * (STEP * STEP)


def steps(vectors: npt.ArrayLike) -> Steps:
    """Vectors of length 1 in whole STEPs."""
    found: Steps = np.clip(np.round(np.asarray(vectors) / STEP), -32767, 32767).astype(np.int16)
    return found
