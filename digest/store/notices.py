"""Mails to one person that are no issues: what is to be sent, and what was."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from digest import consent
from digest.store.tables import notices
from digest.types import DeliveryState, Notice, NoticeKind

#: They go to whoever a stranger names, so they count against asking again.
ASKING: tuple[NoticeKind, ...] = ("confirm", "already", "link", "address")


def add(connection: Connection, notice: Notice) -> None:
    """Put a notice into the queue."""
    connection.execute(
        insert(notices).values(
            id=notice.id,
            kind=notice.kind,
            address=notice.address,
            mailbox=consent.mailbox(notice.address),
            digest=notice.digest,
            about=notice.about,
            lines=list(notice.lines),
            in_reply_to=notice.in_reply_to,
            message_id=notice.message_id,
            is_answered=notice.kind not in ASKING,
            state=DeliveryState.QUEUED,
            attempts=0,
            detail="",
            made_at=notice.made_at,
            next_at=notice.made_at,
        )
    )


def due(
    connection: Connection,
    now: datetime,
    most: int,
    *,
    only: NoticeKind | None = None,
    but: NoticeKind | None = None,
) -> list[Notice]:
    """The notices to send now, of one kind or of all but one, oldest first."""
    waiting = (DeliveryState.QUEUED, DeliveryState.DEFERRED)
    query = select(notices).where(notices.c.state.in_(waiting), notices.c.next_at <= now)
    if only:
        query = query.where(notices.c.kind == only)
    if but:
        query = query.where(notices.c.kind != but)
    rows = connection.execute(query.order_by(notices.c.made_at, notices.c.id).limit(most))
    return [_notice(row) for row in rows]


def move(
    connection: Connection,
    id: str,
    before: Sequence[DeliveryState],
    after: DeliveryState,
    *,
    detail: str = "",
    next_at: datetime | None = None,
    is_attempt: bool = True,
) -> bool:
    """Bring a notice from one state to another; False when it was in none of `before`.

    What turned out to be no attempt is taken off their number again.
    """
    values: dict[str, Any] = {"state": after, "detail": detail}
    if after is DeliveryState.SENDING:
        values["attempts"] = notices.c.attempts + 1
    if not is_attempt:
        values["attempts"] = notices.c.attempts - 1
    if next_at:
        values["next_at"] = next_at
    change = update(notices).where(notices.c.id == id, notices.c.state.in_(before))
    return connection.execute(change.values(**values)).rowcount == 1


def attempts(connection: Connection, id: str) -> int:
    """How often a notice was handed to a transport."""
    return connection.scalar(select(notices.c.attempts).where(notices.c.id == id)) or 0


def left_sending(connection: Connection) -> list[str]:
    """Those whose sender died."""
    query = select(notices.c.id).where(notices.c.state == DeliveryState.SENDING)
    return list(connection.scalars(query))


def unanswered(connection: Connection, address: str) -> list[Row[Any]]:
    """What asks something of an address and is not answered: kind, digest, made_at, message_id."""
    query = select(notices).where(
        notices.c.mailbox == consent.mailbox(address), ~notices.c.is_answered
    )
    return list(connection.execute(query))


def is_asked(connection: Connection, about: str, kind: NoticeKind) -> bool:
    """Does something still ask for an answer about a subscription?"""
    query = select(notices.c.id).where(notices.c.about == about, notices.c.kind == kind)
    return connection.scalar(query.where(~notices.c.is_answered).limit(1)) is not None


def withdraw(connection: Connection, about: str, kind: NoticeKind) -> None:
    """Send nothing of a kind about a subscription that is not sent yet."""
    waiting = (DeliveryState.QUEUED, DeliveryState.DEFERRED)
    change = update(notices).where(
        notices.c.about == about, notices.c.kind == kind, notices.c.state.in_(waiting)
    )
    connection.execute(change.values(state=DeliveryState.SUPPRESSED, detail="unsubscribed"))


def answered(connection: Connection, address: str) -> None:
    """Somebody with the address did what a mail asked for: she may be asked again."""
    change = update(notices).where(notices.c.mailbox == consent.mailbox(address))
    connection.execute(change.values(is_answered=True))


def last_at(connection: Connection, address: str, kind: NoticeKind) -> datetime | None:
    """When an address last got a notice of the kind."""
    query = select(func.max(notices.c.made_at)).where(
        notices.c.mailbox == consent.mailbox(address), notices.c.kind == kind
    )
    found: datetime | None = connection.scalar(query)
    return found


def about(connection: Connection, id: str, kind: NoticeKind) -> str:
    """The Message-ID of the newest notice of a kind about a subscription; empty: there is none."""
    query = select(notices.c.message_id).where(notices.c.about == id, notices.c.kind == kind)
    return connection.scalar(query.order_by(notices.c.made_at.desc()).limit(1)) or ""


def by_state(connection: Connection) -> dict[str, int]:
    """How many notices there are in each state."""
    query = select(notices.c.state, func.count()).group_by(notices.c.state)
    return {row[0]: row[1] for row in connection.execute(query)}


def _notice(row: Row[Any]) -> Notice:
    return Notice(
        id=row.id,
        kind=row.kind,
        address=row.address,
        digest=row.digest,
        about=row.about,
        made_at=row.made_at,
        message_id=row.message_id,
        lines=tuple(row.lines),
        in_reply_to=row.in_reply_to,
    )
