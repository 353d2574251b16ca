"""match(): which papers belong to an interest, by meaning and by words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from digest import match as matching
from digest.encoders import Floats
from digest.match import Interest
from digest.run import encoding
from digest.run.setup import Setup
from digest.types import Match, Paper


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """What came of it."""

    matches: list[Match]
    vectors: Mapping[str, Floats]  #: of the papers that match, by id
    looked_at: int  #: papers
    near: Sequence[Match] = ()  #: the best topic of papers that match none; not the excluded


def match(
    setup: Setup,
    interest: Interest,
    papers: Iterable[Paper],
    *,
    keep: bool = True,
    down_to: float = matching.THRESHOLD,
) -> Matched:
    """The papers that belong to an interest, and those that miss it but score `down_to`.

    With `keep` false nothing is written, not even a vector.
    """
    some = list(papers)
    found = list(matching.match(some, interest))
    wanted = {one.paper.id: one.paper for one in found}
    vectors = encoding.papers(setup, list(wanted.values()), keep=keep)
    is_asked = down_to < matching.THRESHOLD
    near = list(matching.near(some, interest, down_to)) if is_asked else []
    return Matched(matches=found, vectors=vectors, looked_at=len(some), near=near)
