"""What the tables know of one reader and one paper, for who asks why she did or did not get it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select

from digest.store.tables import (
    bounces,
    deliveries,
    edition_items,
    issue_items,
    issues,
    papers,
    subscribers,
    subscriptions,
    suppressions,
)

#: Of a delivery, what a trace shows.
_OF_DELIVERY = (
    deliveries.c.issue_id,
    deliveries.c.state,
    deliveries.c.detail,
    deliveries.c.attempts,
    deliveries.c.queued_at,
    deliveries.c.updated_at,
    deliveries.c.next_at,
    deliveries.c.message_id,
    deliveries.c.edition,
    issues.c.digest,
    issues.c.slot,
    issues.c.held,
)


def deliveries_of(connection: Connection, subscriber: str, paper: str) -> list[Row[Any]]:
    """Her deliveries with a paper as new, in whatever digest and state, oldest first."""
    query = (
        select(*_OF_DELIVERY, edition_items.c.is_shown, edition_items.c.position)
        .join(edition_items, edition_items.c.edition == deliveries.c.edition)
        .join(issues, issues.c.id == deliveries.c.issue_id)
        .where(deliveries.c.subscriber_id == subscriber)
        .where(edition_items.c.paper_id == paper, ~edition_items.c.is_revision)
    )
    return list(connection.execute(query.order_by(deliveries.c.queued_at, deliveries.c.issue_id)))


def sizes(connection: Connection, edition: str) -> tuple[int, int]:
    """How many papers an edition shows, and how many more it has."""
    query = select(edition_items.c.is_shown, func.count()).where(edition_items.c.edition == edition)
    found = {row[0]: row[1] for row in connection.execute(query.group_by("is_shown"))}
    return found.get(True, 0), found.get(False, 0)


def issues_with(connection: Connection, digest: str, paper: str) -> list[Row[Any]]:
    """The issues of a digest that have a paper as new, drafts included; the newest first."""
    query = (
        select(issues, issue_items.c.position, issue_items.c.score)
        .join(issue_items, issue_items.c.issue_id == issues.c.id)
        .where(issues.c.digest == digest)
        .where(issue_items.c.paper_id == paper, ~issue_items.c.is_revision)
    )
    return list(connection.execute(query.order_by(issues.c.made_at.desc())))


def retired_on(connection: Connection, paper: str) -> date | None:
    """Since when nobody is sent a paper."""
    found: date | None = connection.scalar(select(papers.c.retired_on).where(papers.c.id == paper))
    return found


def came_back(connection: Connection, subscriber: str, message_id: str) -> Row[Any] | None:
    """What was said when a mail came back: kind, status, detail, day."""
    query = select(bounces).where(
        bounces.c.subscriber_id == subscriber, bounces.c.message_id == message_id
    )
    return connection.execute(query.limit(1)).one_or_none()


def suppression(connection: Connection, fingerprint: str) -> Row[Any] | None:
    """Why an address is never written to, and since when: reason, detail, at."""
    query = select(suppressions).where(suppressions.c.address_hash == fingerprint)
    return connection.execute(query).one_or_none()


def due_at(connection: Connection, subscription: str) -> datetime | None:
    """Before when nothing of a subscription goes out; None: with whatever comes."""
    query = select(subscriptions.c.due_at).where(subscriptions.c.id == subscription)
    found: datetime | None = connection.scalar(query)
    return found


def created_at(connection: Connection, subscriber: str) -> datetime:
    """Since when somebody is known."""
    query = select(subscribers.c.created_at).where(subscribers.c.id == subscriber)
    found: datetime = connection.execute(query).scalar_one()
    return found
