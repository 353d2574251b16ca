"""What stands where over all digests at once: no query here is asked once for each of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select

from digest.store import issues as issue_rows
from digest.store.issues import is_out
from digest.store.tables import (
    alerts,
    deliveries,
    issues,
    picks,
    slots,
    subscribers,
    subscriptions,
)
from digest.types import DeliveryState, Issue


def issues_out(connection: Connection) -> dict[str, int]:
    """Digest → how many issues are out."""
    query = select(issues.c.digest, func.count()).where(is_out).group_by(issues.c.digest)
    return {row[0]: row[1] for row in connection.execute(query)}


def mails_sent(connection: Connection) -> dict[str, int]:
    """Digest → how many mails of its issues went out."""
    query = (
        select(issues.c.digest, func.count())
        .select_from(deliveries.join(issues, issues.c.id == deliveries.c.issue_id))
        .where(deliveries.c.state == DeliveryState.SENT)
    )
    return {row[0]: row[1] for row in connection.execute(query.group_by(issues.c.digest))}


def in_doubt(connection: Connection) -> dict[str, int]:
    """Issue → how many of its mails are in doubt."""
    query = select(deliveries.c.issue_id, func.count())
    mine = query.where(deliveries.c.state == DeliveryState.IN_DOUBT)
    rows = connection.execute(mine.group_by(deliveries.c.issue_id).order_by("issue_id"))
    return {row[0]: row[1] for row in rows}


def readers(connection: Connection) -> dict[str, int]:
    """Digest → how many readers it has."""
    query = (
        select(subscriptions.c.digest, func.count())
        .join(subscribers, subscribers.c.id == subscriptions.c.subscriber_id)
        .where(subscriptions.c.state == "confirmed", subscribers.c.state == "active")
    )
    return {row[0]: row[1] for row in connection.execute(query.group_by(subscriptions.c.digest))}


def waiting_readers(connection: Connection, now: datetime) -> dict[str, tuple[int, datetime]]:
    """Digest → how many readers wait for an hour of their own, and the first of these."""
    query = select(subscriptions.c.digest, func.count(), func.min(subscriptions.c.due_at)).where(
        subscriptions.c.due_at > now, subscriptions.c.state == "confirmed"
    )
    rows = connection.execute(query.group_by(subscriptions.c.digest))
    return {row[0]: (row[1], row[2]) for row in rows}


def drafts(connection: Connection) -> dict[str, Issue]:
    """Digest → its draft."""
    query = select(issues.c.id).where(issues.c.draft_until.is_not(None))
    found = (issue_rows.load(connection, id) for id in connection.scalars(query).all())
    return {one.digest: one for one in found if one}


def with_picks(connection: Connection) -> set[str]:
    """The digests with picks that no issue has used."""
    query = select(picks.c.digest).where(picks.c.issue_id.is_(None))
    return set(connection.scalars(query.distinct()))


def last_slots(connection: Connection, since: datetime, most: int) -> Mapping[str, list[Row[Any]]]:
    """Digest → its newest slots that are done with, newest first; none due before a moment."""
    place = func.row_number().over(partition_by=slots.c.digest, order_by=slots.c.due_at.desc())
    recent = select(slots, place.label("place")).where(slots.c.due_at >= since).subquery()
    query = select(recent).where(recent.c.place <= most)
    found: dict[str, list[Row[Any]]] = {}
    for row in connection.execute(query.order_by(recent.c.digest, recent.c.place)):
        found.setdefault(row.digest, []).append(row)
    return found


def open_alerts(connection: Connection) -> list[Row[Any]]:
    """What the operator was told of and has not mended: about, since; the oldest first."""
    return list(connection.execute(select(alerts).order_by(alerts.c.since, alerts.c.about)))
