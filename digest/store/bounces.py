"""Mails that came back: which they were, how often it happened, and what they change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, Connection, Row, Select, delete, func, select, update

from digest import consent
from digest.store.tables import bounces, deliveries, issues, notices, subscribers, subscriptions
from digest.store.upsert import upsert
from digest.types import DeliveryState

_WAITING = (DeliveryState.QUEUED, DeliveryState.DEFERRED, DeliveryState.CLAIMED)
#: Who comes back was on its way.
_GONE = (DeliveryState.SENT, DeliveryState.IN_DOUBT, DeliveryState.SENDING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """The mail that came back: a delivery, or a notice where `notice` is its id."""

    address: str
    message_id: str
    sent_at: datetime  #: not before
    subscriber: str = ""  #: empty: a notice to nobody we know
    digest: str = ""
    issue: str = ""
    notice: str = ""


# --- finding -------------------------------------------------------------------------------------


def by_return(connection: Connection, id: str) -> Came | None:
    """By what its return path names: how a delivery's Message-ID begins, or a notice's id."""
    # Between two bounds, for an index is of no use to LIKE.
    begins = deliveries.c.message_id.between(id, f"{id}g") & deliveries.c.message_id.startswith(id)
    found = _one(connection, begins)
    return found or _notice(connection, notices.c.id == id)


def by_message_id(connection: Connection, message_id: str) -> Came | None:
    """By its Message-ID, without brackets."""
    found = _one(connection, deliveries.c.message_id == message_id)
    return found or _notice(connection, notices.c.message_id == message_id)


def newest(connection: Connection, subscription: str) -> Came | None:
    """The newest mail of a subscription that was on its way."""
    query = (
        _deliveries()
        .join(issues, issues.c.id == deliveries.c.issue_id)
        .join(
            subscriptions,
            (subscriptions.c.subscriber_id == deliveries.c.subscriber_id)
            & (subscriptions.c.digest == issues.c.digest),
        )
        .where(subscriptions.c.id == subscription)
        .where(deliveries.c.state.in_((*_GONE, DeliveryState.FAILED)))
        .order_by(deliveries.c.queued_at.desc(), deliveries.c.issue_id.desc())
    )
    row = connection.execute(query.limit(1)).one_or_none()
    return _came(row) if row else None


def _deliveries() -> Select[tuple[str, str, datetime, str, str]]:
    return select(
        deliveries.c.issue_id,
        deliveries.c.message_id,
        deliveries.c.queued_at,
        deliveries.c.subscriber_id,
        subscribers.c.address,
    ).join(subscribers, subscribers.c.id == deliveries.c.subscriber_id)


def _one(connection: Connection, condition: ColumnElement[bool]) -> Came | None:
    row = connection.execute(_deliveries().where(condition).limit(1)).one_or_none()
    return _came(row) if row else None


def _came(row: Row[tuple[str, str, datetime, str, str]]) -> Came:
    return Came(
        address=row.address,
        message_id=row.message_id,
        sent_at=row.queued_at,
        subscriber=row.subscriber_id,
        digest=row.issue_id.partition("/")[0],
        issue=row.issue_id,
    )


def _notice(connection: Connection, condition: ColumnElement[bool]) -> Came | None:
    query = select(notices, subscribers.c.id.label("subscriber_id")).outerjoin(
        subscribers, subscribers.c.mailbox == notices.c.mailbox
    )
    row = connection.execute(query.where(condition).limit(1)).one_or_none()
    if row is None:
        return None
    return Came(
        address=row.address,
        message_id=row.message_id,
        sent_at=row.made_at,
        subscriber=row.subscriber_id or "",
        digest=row.digest,
        notice=row.id,
    )


# --- noting --------------------------------------------------------------------------------------


def failed(connection: Connection, came: Came, now: datetime, detail: str) -> bool:
    """It did not arrive, whatever we thought; False where that was known, or it was not sent."""
    values = {"state": DeliveryState.FAILED, "detail": detail}
    if came.notice:
        of_notice = update(notices).where(notices.c.id == came.notice, notices.c.state.in_(_GONE))
        return connection.execute(of_notice.values(**values)).rowcount == 1
    change = update(deliveries).where(
        deliveries.c.issue_id == came.issue,
        deliveries.c.subscriber_id == came.subscriber,
        deliveries.c.state.in_(_GONE),
    )
    return connection.execute(change.values(**values, updated_at=now)).rowcount == 1


def note(
    connection: Connection,
    subscriber: str,
    day: date,
    *,
    kind: str,
    status: str,
    detail: str,
    message_id: str,
) -> None:
    """Count a day on which mail came back, once."""
    row = {
        "subscriber_id": subscriber,
        "day": day,
        "kind": kind,
        "status": status,
        "detail": detail,
        "message_id": message_id,
    }
    # What is our own fault takes nobody's day.
    upsert(connection, bounces, [row], overwrite=kind != "policy")


def soft_days(connection: Connection, subscriber: str, since: date) -> int:
    """On how many days since one mail came back softly."""
    query = select(func.count()).where(
        bounces.c.subscriber_id == subscriber, bounces.c.kind == "soft", bounces.c.day >= since
    )
    return connection.scalar(query) or 0


def forget(connection: Connection, subscriber: str) -> int:
    """Count anew from here; returns how many days are forgotten."""
    gone = delete(bounces).where(bounces.c.subscriber_id == subscriber)
    return connection.execute(gone).rowcount


def withdraw(connection: Connection, address: str, now: datetime, detail: str) -> int:
    """Send nothing that waits for an address; returns how many mails that were."""
    box = consent.mailbox(address)
    mine = select(subscribers.c.id).where(subscribers.c.mailbox == box)
    values = {"state": DeliveryState.SUPPRESSED, "detail": detail}
    of_issues = update(deliveries).where(
        deliveries.c.subscriber_id.in_(mine), deliveries.c.state.in_(_WAITING)
    )
    of_notices = update(notices).where(notices.c.mailbox == box, notices.c.state.in_(_WAITING))
    gone = connection.execute(of_issues.values(**values, updated_at=now)).rowcount
    return gone + connection.execute(of_notices.values(**values)).rowcount
