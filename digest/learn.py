"""What people liked and disliked → how far a paper's score moves, and because of which. Pure.

    move = MOST × (pull of the nearest liked paper − pull of the nearest disliked one)

A paper's pull grows with the cosine between the two abstracts' vectors, from 0 at FAR to 1 at
NEAR. Only the nearest ones count: one example is enough, a hundred are not stronger, and each
move has one paper to name as its reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from digest.types import LIKED, LIKENESS, Item, Match, Paper

#: The bound of a move either way. A match scores 1 and more, seldom over 2.
MOST = 0.5
# Measured with the encoder in the package: of two papers that arXiv's cs.CL, cs.CV and the like
# announce in one week, 4 % are nearer than 0.5, 0.5 % than 0.6 and 0.1 % than 0.65. From 0.45
# on, mails named likes that had moved a paper by thousandths.
FAR = 0.5  #: a cosine up to here says nothing
NEAR = 0.65  #: from here on two papers are on the same narrow thing

Floats = npt.NDArray[np.float32]
Placed = TypeVar("Placed", Match, Item)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Example:
    """A paper that somebody has an opinion of."""

    paper: Paper
    is_liked: bool
    vector: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What examples do to one paper."""

    by: float  #: rounded to three places; within ±MOST
    because: str = ""  #: for the reader of the mail; nothing where it moves down


def moves(
    vectors: Mapping[str, Floats], examples: Sequence[Example], liked_by: str
) -> dict[str, Move]:
    """Paper id → its move, for the papers that move.

    A move depends on the paper and on the examples alone. `liked_by` are words: "you".

    Shapes: each vector [width], of length 1 or 0.
    """
    ids = list(vectors)
    # In double precision the sums of half-precision products do not depend on what is beside them.
    wide = np.array([vectors[id] for id in ids], np.float64)
    liked, disliked = (
        _nearest(wide, [e for e in examples if e.is_liked is which]) for which in (True, False)
    )
    found: dict[str, Move] = {}
    for id, (pull, example), (push, _) in zip(ids, liked, disliked, strict=True):
        by = round(MOST * (pull - push), 3)
        if by:
            because = ""
            if by > 0 and example is not None:
                is_itself = example.paper.id == id
                because = f"{LIKED} {liked_by}" if is_itself else _reason(example, liked_by)
            found[id] = Move(by=by, because=because)
    return found


def moved(some: Iterable[Placed], by: Mapping[str, Move]) -> list[Placed]:
    """The same, in the same order, with the moves in their scores and reasons.

    A revision is for those who had the paper, whatever they think of it now.
    """
    return [_moved(one, by.get(one.paper.id)) for one in some]


def _moved(one: Placed, move: Move | None) -> Placed:
    if move is None or (isinstance(one, Item) and one.is_revision):
        return one
    because = (*one.because, move.because) if move.because else one.because
    changes: dict[str, Any] = {"score": round(one.score + move.by, 3), "because": because}
    if isinstance(one, Item) and not one.is_pick:  # what editors put on top stays there
        changes["weight"] = one.weight + move.by
    return replace(one, **changes)


def _nearest(
    vectors: npt.NDArray[np.float64], examples: Sequence[Example]
) -> list[tuple[float, Example | None]]:
    """For each vector the strongest pull and whose it is; of equal ones the first by id."""
    if not examples or not len(vectors):
        return [(0.0, None)] * len(vectors)
    ordered = sorted(examples, key=lambda e: e.paper.id)
    cosines = vectors @ np.array([e.vector for e in ordered], np.float64).T
    best = cosines.argmax(1)
    pulls = np.clip((cosines.max(1) - FAR) / (NEAR - FAR), 0, 1)
    return [(float(pull), ordered[place]) for pull, place in zip(pulls, best, strict=True)]


def _reason(example: Example, liked_by: str) -> str:
    return f"{LIKENESS}{example.paper.title}”, which {liked_by} liked"
