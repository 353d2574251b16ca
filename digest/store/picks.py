"""Picks: the papers that editors want on top of the next issue."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, exists, select, update

from digest.store import papers as paper_rows
from digest.store.issues import is_out
from digest.store.tables import issue_items, issues, picks
from digest.store.upsert import upsert
from digest.types import Pick


def pick(connection: Connection, digest: str, paper_id: str, note: str, now: datetime) -> None:
    """Want a paper in the next issue. To pick it again replaces the note, and not its place."""
    row = {"digest": digest, "paper_id": paper_id, "note": note, "picked_at": now, "issue_id": None}
    upsert(connection, picks, [row], keep=("picked_at",))


def take_back(connection: Connection, digest: str, paper_id: str) -> bool:
    """Want it no more; False when it was no pick, or its issue is out."""
    mine = delete(picks).where(picks.c.digest == digest, picks.c.paper_id == paper_id)
    return connection.execute(mine.where(picks.c.issue_id.is_(None))).rowcount == 1


def waiting(connection: Connection, digest: str) -> list[Pick]:
    """The picks for the next issue, as they were picked; none that came out in one by itself."""
    came_out = exists().where(
        issue_items.c.paper_id == picks.c.paper_id,
        issue_items.c.issue_id == issues.c.id,
        ~issue_items.c.is_revision,
        issues.c.digest == digest,
        is_out,
    )
    query = select(picks).where(picks.c.digest == digest, picks.c.issue_id.is_(None), ~came_out)
    rows = connection.execute(query.order_by(picks.c.picked_at, picks.c.paper_id)).all()
    known = paper_rows.by_id(connection, [row.paper_id for row in rows])
    gone = paper_rows.retired(connection, known)
    return [
        Pick(paper=known[row.paper_id], note=row.note) for row in rows if row.paper_id not in gone
    ]


def use(connection: Connection, digest: str, issue_id: str) -> None:
    """What went out with an issue is done with."""
    its = select(issue_items.c.paper_id).where(issue_items.c.issue_id == issue_id)
    mine = update(picks).where(picks.c.digest == digest, picks.c.paper_id.in_(its))
    connection.execute(mine.where(picks.c.issue_id.is_(None)).values(issue_id=issue_id))
