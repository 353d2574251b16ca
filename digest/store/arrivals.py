"""Mail that came in: that each is dealt with once, and what nobody could read."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, func, select

from digest import arrivals as mails
from digest.store.tables import arrivals
from digest.store.upsert import chunks, upsert


def outcome(connection: Connection, id: str) -> str | None:
    """What became of a mail; None: it is new."""
    return connection.scalar(select(arrivals.c.outcome).where(arrivals.c.id == id))


def add(
    connection: Connection,
    id: str,
    now: datetime,
    *,
    mailbox: str,
    outcome: str,
    detail: str = "",
    content: bytes | None = None,
) -> bool:
    """Note what became of a mail; False where somebody did before."""
    row = {
        "id": id,
        "came_at": now,
        "mailbox": mailbox,
        "outcome": outcome,
        "detail": detail,
        "content": content,
    }
    return upsert(connection, arrivals, [row], overwrite=False) == 1


def outcomes(connection: Connection) -> dict[str, int]:
    """What became of the mails, and how often."""
    query = select(arrivals.c.outcome, func.count()).group_by(arrivals.c.outcome)
    return {row[0]: row[1] for row in connection.execute(query)}


def kept(connection: Connection, outcome: str) -> list[bytes]:
    """The mails that were kept as they came, oldest first."""
    query = select(arrivals.c.content).where(
        arrivals.c.outcome == outcome, arrivals.c.content.is_not(None)
    )
    return list(connection.scalars(query.order_by(arrivals.c.came_at, arrivals.c.id)))


def count_kept(connection: Connection, outcome: str) -> int:
    """How many mails are kept as they came."""
    query = select(func.count()).where(
        arrivals.c.outcome == outcome, arrivals.c.content.is_not(None)
    )
    return connection.scalar(query) or 0


def forget(connection: Connection, address: str) -> int:
    """Remove the mails that were kept and in which an address stands; returns how many."""
    query = select(arrivals.c.id, arrivals.c.content).where(arrivals.c.content.is_not(None))
    rows = connection.execute(query.execution_options(yield_per=20))
    gone = [row.id for row in rows if mails.mentions(row.content, address)]
    for chunk in chunks(gone, 500):
        connection.execute(delete(arrivals).where(arrivals.c.id.in_(chunk)))
    return len(gone)
