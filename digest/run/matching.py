"""match(): which papers belong to an interest, by meaning and by words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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


def match(
    setup: Setup, interest: Interest, papers: Iterable[Paper], *, keep: bool = True
) -> Matched:
    """The papers that belong to an interest.

    With `keep` false nothing is written, not even a vector.
    """
    some = list(papers)
    found = list(matching.match(some, interest))
    wanted = {one.paper.id: one.paper for one in found}
    vectors = encoding.papers(setup, list(wanted.values()), keep=keep)
    return Matched(matches=found, vectors=vectors, looked_at=len(some))
