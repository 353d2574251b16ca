"""opine(), and what follows: find() for a whole digest, as_seen_by() for one of its readers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from digest import dedupe, learn
from digest.errors import Misuse
from digest.match import THRESHOLD, Interest
from digest.run import encoding
from digest.run.matching import Matched, match
from digest.run.setup import Setup
from digest.store import Connection, ledger, opinions
from digest.store import papers as paper_rows
from digest.types import Item, Paper

REACH = THRESHOLD - learn.MOST  #: no like lifts what scores less over the threshold


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What somebody thinks of a paper."""

    paper: Paper
    is_liked: bool
    said_at: datetime


def opine(
    setup: Setup, name: str, paper: str, is_liked: bool, *, address: str = "", undo: bool = False
) -> tuple[Paper, bool]:
    """Say or take back that a paper is liked, or disliked; says too whether that changed anything.

    `paper` is an id as people write it. Without an address it is the digest's own opinion.

    Raises: Misuse for a paper that is not in the store, and for who is no reader.
    """
    with setup.store.write() as connection:
        who = reader_id(connection, name, address) if address else opinions.EDITORS
        found = next(iter(paper_rows.by_alias(connection, dedupe.aliases_of(paper)).values()), None)
        if found is None:
            raise Misuse(
                f"no paper in the store is known as {paper!r};"
                " ids are like 2606.01234, arxiv:2606.01234 or doi:10.1234/abc"
            )
        had = {row.paper_id: row.is_liked for row in opinions.of(connection, name, who)}
        has_said = had.get(found.id) is is_liked
        if undo and has_said:
            opinions.take_back(connection, name, who, found.id)
        elif not undo and not has_said:
            opinions.say(connection, name, who, found.id, is_liked, setup.now)
    return found, has_said is undo


def opinions_of(setup: Setup, name: str, address: str = "") -> list[Opinion]:
    """What a reader said of a digest's papers, or the digest's own opinions; the newest first.

    Raises: Misuse for who is no reader.
    """
    with setup.store.read() as connection:
        who = reader_id(connection, name, address) if address else opinions.EDITORS
        return _opinions(connection, name, who)


def reader_id(connection: Connection, name: str, address: str) -> str:
    """The reader of a digest with that address.

    Raises: Misuse when there is none.
    """
    found = ledger.reader_id(connection, name, address)
    if found is None:
        raise Misuse(
            f"{address!r} is no reader of {name!r}; whoever stands under `to` is one"
            " from the next `digest run` on"
        )
    return found


def find(
    setup: Setup,
    name: str,
    interest: Interest,
    papers: Iterable[Paper],
    *,
    keep: bool = True,
    down_to: float = THRESHOLD,
) -> Matched:
    """The papers that belong to an interest, as the opinions of the digest's editors move them.

    A near miss that is like a liked paper may come in; nothing that matches goes out.
    See `match` for `keep` and `down_to`.
    """
    examples = _examples(setup, name, opinions.EDITORS, keep)
    reach = REACH if any(one.is_liked for one in examples) else THRESHOLD
    found = match(setup, interest, papers, keep=keep, down_to=min(reach, down_to))
    if not examples:
        return found
    close = [one.paper for one in found.near if one.score >= REACH]
    vectors = {**found.vectors, **encoding.papers(setup, close, keep=keep)}
    moves = learn.moves(vectors, examples, "the editors")
    near = learn.moved(found.near, moves)
    come_in = [one for one in near if one.score >= THRESHOLD]
    return replace(
        found,
        matches=learn.moved(found.matches, moves) + come_in,
        near=[one for one in near if down_to <= one.score < THRESHOLD],
        vectors=vectors,
    )


def as_seen_by(setup: Setup, name: str, reader: str, items: Sequence[Item]) -> list[Item]:
    """What a reader is owed, with what her own opinions do to the scores."""
    examples = _examples(setup, name, reader, keep=True)
    if not examples:
        return list(items)
    vectors = encoding.papers(setup, [item.paper for item in items])
    return learn.moved(items, learn.moves(vectors, examples, "you"))


def _examples(setup: Setup, name: str, who: str, keep: bool) -> list[learn.Example]:
    with setup.store.read() as connection:
        said = _opinions(connection, name, who)
    vectors = encoding.papers(setup, [one.paper for one in said], keep=keep)
    return [
        learn.Example(paper=one.paper, is_liked=one.is_liked, vector=vectors[one.paper.id])
        for one in said
        if one.paper.id in vectors
    ]


def _opinions(connection: Connection, name: str, who: str) -> list[Opinion]:
    rows = opinions.of(connection, name, who)
    papers = paper_rows.by_id(connection, [row.paper_id for row in rows])
    return [
        Opinion(paper=papers[row.paper_id], is_liked=row.is_liked, said_at=row.said_at)
        for row in rows
    ]
