"""Readers, and the ledger: one delivery per (issue, subscriber), the only sending queue."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    exists,
    func,
    or_,
    select,
    true,
    update,
)

from digest import consent
from digest.store import people
from digest.store.issues import is_out
from digest.store.tables import (
    deliveries,
    edition_items,
    editions,
    issues,
    subscribers,
    subscriptions,
)
from digest.store.upsert import chunks, upsert
from digest.types import Delivery, DeliveryState, SubscriberState, SubscriptionState

#: Why an issue is held for good; what it did not bring is owed again.
CANCELLED = "cancelled by the operator"
#: A paper in one of these never reached the reader, and is still owed.
NOT_DELIVERED = (DeliveryState.FAILED, DeliveryState.SUPPRESSED)
#: In these nothing of a mail has gone out: it can still be kept back.
WAITING = (DeliveryState.QUEUED, DeliveryState.DEFERRED, DeliveryState.CLAIMED)
BY_OPERATOR = "listed under `to` in the operator's configuration"


# --- readers -------------------------------------------------------------------------------------


def sync_operator_readers(
    connection: Connection,
    digest: str,
    addresses: Sequence[str],
    now: datetime,
    new_id: Callable[[], str],
) -> None:
    """Make the subscriptions of a digest's `to` what the configuration says.

    A reader who left by herself stays away; one whom the operator took out and put back in is
    confirmed anew, from now on.
    """
    here = people.ids_of(connection, addresses)
    for address in addresses:
        box = consent.mailbox(address)
        if box not in here:
            here[box] = people.add(connection, address, now, new_id)
    wanted = list(dict.fromkeys(here[consent.mailbox(address)] for address in addresses))
    _activate(connection, digest, wanted, now)
    of_operator = select(subscriptions).where(
        subscriptions.c.digest == digest, subscriptions.c.evidence == BY_OPERATOR
    )
    had = {row.subscriber_id: row for row in connection.execute(of_operator)}
    fresh = {"digest": digest, "state": "confirmed", "evidence": BY_OPERATOR, "confirmed_at": now}
    joining = [id for id in wanted if id not in had or had[id].ended_at is not None]
    back = [id for id in joining if id in had]
    new = [
        {"id": new_id(), "subscriber_id": id, "ended_at": None, **fresh}
        for id in joining
        if id not in had
    ]
    upsert(connection, subscriptions, new, overwrite=False)
    _set(connection, digest, back, state="confirmed", confirmed_at=now, ended_at=None)
    gone = [id for id, row in had.items() if id not in wanted and row.ended_at is None]
    _set(connection, digest, gone, state="unsubscribed", ended_at=now)


def _activate(connection: Connection, digest: str, ids: Sequence[str], now: datetime) -> None:
    """Who asked for a digest and has not answered yet needs no answer any more."""
    for chunk in chunks(ids, 500):
        is_new = subscribers.c.state == SubscriberState.PENDING
        change = update(subscribers).where(subscribers.c.id.in_(chunk), is_new)
        connection.execute(change.values(state=SubscriberState.ACTIVE))
        asked = update(subscriptions).where(
            subscriptions.c.digest == digest,
            subscriptions.c.subscriber_id.in_(chunk),
            subscriptions.c.state == SubscriptionState.UNCONFIRMED,
            # Who left by herself has evidence of that, even where a stranger asked since.
            subscriptions.c.evidence == "",
        )
        values = {"state": "confirmed", "evidence": BY_OPERATOR, "confirmed_at": now}
        connection.execute(asked.values(values))


def _set(connection: Connection, digest: str, ids: Sequence[str], **values: Any) -> None:
    for chunk in chunks(ids, 500):
        change = update(subscriptions).where(
            subscriptions.c.digest == digest,
            subscriptions.c.subscriber_id.in_(chunk),
            subscriptions.c.evidence == BY_OPERATOR,
        )
        connection.execute(change.values(**values))


def readers(
    connection: Connection, digest: str, only: Collection[str] | None = None
) -> list[Row[Any]]:
    """Who is to get a digest, or who of `only`: subscriber, address, preferences, since, due."""
    if only is None:
        return list(connection.execute(_readers(digest).order_by(subscribers.c.id)))
    found: list[Row[Any]] = []
    for chunk in chunks(sorted(only), 500):
        query = _readers(digest).where(subscribers.c.id.in_(chunk))
        found += connection.execute(query.order_by(subscribers.c.id)).all()
    return found


def readers_at(
    connection: Connection,
    digest: str,
    now: datetime,
    *,
    after: str = "",
    most: int,
    is_own_hour: bool = False,
) -> list[Row[Any]]:
    """The next readers by id whom nothing of their own keeps from getting mail at `now`.

    With `is_own_hour` only those whose own hour has come.
    """
    due_at = subscriptions.c.due_at
    # By the subscriptions' own column: in its order an index gives them, and none is read twice.
    id = subscriptions.c.subscriber_id
    # Both, or PostgreSQL goes through all subscribers before those, for each part again.
    query = _readers(digest).where(id > after, subscribers.c.id > after)
    query = query.where(due_at <= now if is_own_hour else or_(due_at.is_(None), due_at <= now))
    return list(connection.execute(query.order_by(id).limit(most)).all())


def count_readers(connection: Connection, digest: str) -> int:
    """How many get a digest."""
    return connection.scalar(_who(func.count()).where(subscriptions.c.digest == digest)) or 0


def reader_id(connection: Connection, digest: str, address: str) -> str | None:
    """Who of a digest's readers has the address."""
    query = _readers(digest).where(subscribers.c.mailbox == consent.mailbox(address))
    row = connection.execute(query).one_or_none()
    return row.id if row else None


def _readers(digest: str) -> Select[Any]:
    columns = (
        subscribers.c.id,
        subscribers.c.address,
        subscriptions.c.preferences,
        subscriptions.c.confirmed_at,
        subscriptions.c.due_at,
    )
    return _who(*columns).where(subscriptions.c.digest == digest)


def _who(*columns: Any) -> Select[Any]:
    """Something of those who get a digest."""
    return (
        select(*columns)
        .select_from(subscriptions)
        .join(subscribers, subscribers.c.id == subscriptions.c.subscriber_id)
        .where(subscriptions.c.state == "confirmed", subscribers.c.state == "active")
    )


# --- what is owed --------------------------------------------------------------------------------

#: The first and the last of the readers that are meant; None: all of them.
Among = tuple[str, str] | None


def _is_among(column: Any, among: Among) -> Any:
    return column.between(*among) if among else true()


def missed(
    connection: Connection,
    digest: str,
    since: datetime,
    *,
    with_latest: bool,
    among: Among = None,
) -> dict[str, list[str]]:
    """Reader → the issues made since she confirmed, and since a moment, that never reached her.

    With `with_latest` a reader who has had no issue of the digest is owed the newest one too,
    though it was made before she came. Drafts are owed to nobody. Nor are issues that are held: no
    mail of another one may bring what is in them.
    """
    got = exists().where(
        deliveries.c.issue_id == issues.c.id,
        deliveries.c.subscriber_id == subscriptions.c.subscriber_id,
        deliveries.c.state.not_in(NOT_DELIVERED),
    )
    any_issue = issues.alias()
    got_any = exists().where(
        deliveries.c.issue_id == any_issue.c.id,
        any_issue.c.digest == subscriptions.c.digest,
        deliveries.c.subscriber_id == subscriptions.c.subscriber_id,
    )
    newest = (
        select(issues.c.id)
        .where(issues.c.digest == digest, is_out)
        .order_by(issues.c.made_at.desc(), issues.c.slot.desc())
        .limit(1)
        .scalar_subquery()
    )
    is_owed = and_(issues.c.made_at >= subscriptions.c.confirmed_at, issues.c.made_at >= since)
    may_go: ColumnElement[bool] = issues.c.held.in_(("", CANCELLED))
    if with_latest:
        is_owed = or_(is_owed, and_(issues.c.id == newest, ~got_any))
        # The mail is one of the newest issue, so it waits with that.
        may_go = or_(may_go, issues.c.id == newest)
    query = (
        select(subscriptions.c.subscriber_id, issues.c.id)
        .join(issues, issues.c.digest == subscriptions.c.digest)
        .where(subscriptions.c.digest == digest, subscriptions.c.state == "confirmed", ~got)
        .where(is_owed, is_out, may_go, _is_among(subscriptions.c.subscriber_id, among))
        .order_by(issues.c.made_at)
    )
    found: dict[str, list[str]] = {}
    for reader, issue in connection.execute(query):
        found.setdefault(reader, []).append(issue)
    return found


def delivered(
    connection: Connection, papers: Iterable[str], among: Among = None
) -> dict[str, set[tuple[str, bool]]]:
    """Reader → which of the papers she got, as new or as a revision, in whatever digest."""
    found: dict[str, set[tuple[str, bool]]] = {}
    for chunk in chunks(sorted(set(papers)), 500):
        query = (
            select(
                deliveries.c.subscriber_id, edition_items.c.paper_id, edition_items.c.is_revision
            )
            .join(editions, editions.c.issue_id == deliveries.c.issue_id)
            .join(edition_items, edition_items.c.edition == editions.c.key)
            .where(edition_items.c.paper_id.in_(chunk), editions.c.key == deliveries.c.edition)
            .where(deliveries.c.state.not_in(NOT_DELIVERED))
            .where(_is_among(deliveries.c.subscriber_id, among))
        )
        for reader, paper, is_revision in connection.execute(query):
            found.setdefault(reader, set()).add((paper, is_revision))
    return found


# --- the queue -----------------------------------------------------------------------------------


def enqueue(connection: Connection, rows: Sequence[Delivery], now: datetime) -> int:
    """Queue deliveries; building twice queues once. Returns how many are new."""
    values = [
        {
            "issue_id": one.issue,
            "subscriber_id": one.subscriber,
            "edition": one.edition,
            "state": one.state,
            "message_id": one.message_id,
            "attempts": 0,
            "detail": "",
            "queued_at": now,
            "updated_at": now,
            "is_urgent": one.is_urgent,
        }
        for one in rows
    ]
    return upsert(connection, deliveries, values, overwrite=False)


def has_delivery(connection: Connection, issue: str, among: Among = None) -> set[str]:
    """The readers with a delivery of an issue, in whatever state."""
    query = select(deliveries.c.subscriber_id).where(deliveries.c.issue_id == issue)
    mine = query.where(_is_among(deliveries.c.subscriber_id, among))
    return set(connection.execute(mine).scalars())


def in_state(
    connection: Connection, states: Sequence[DeliveryState], digests: Sequence[str] | None = None
) -> list[Delivery]:
    """The deliveries in any of the states, edition by edition."""
    query = (
        whole()
        .where(deliveries.c.state.in_(states))
        .order_by(issues.c.made_at, deliveries.c.edition, deliveries.c.subscriber_id)
    )
    if digests is not None:
        query = query.where(issues.c.digest.in_(digests))
    return [read(row) for row in connection.execute(query)]


def move(
    connection: Connection,
    delivery: Delivery,
    before: DeliveryState,
    after: DeliveryState,
    now: datetime,
    detail: str = "",
) -> bool:
    """Bring a delivery from one state to another; False when it was not in the first."""
    change = update(deliveries).where(
        deliveries.c.issue_id == delivery.issue,
        deliveries.c.subscriber_id == delivery.subscriber,
        deliveries.c.state == before,
    )
    values: dict[str, Any] = {"state": after, "detail": detail, "updated_at": now}
    if after is DeliveryState.SENDING:
        values["attempts"] = deliveries.c.attempts + 1
    return connection.execute(change.values(**values)).rowcount == 1


def withdraw(connection: Connection, subscriber: str, digest: str, now: datetime) -> None:
    """Send nothing that waits for a reader who left a digest."""
    of_digest = select(issues.c.id).where(issues.c.digest == digest)
    change = update(deliveries).where(
        deliveries.c.subscriber_id == subscriber,
        deliveries.c.issue_id.in_(of_digest),
        deliveries.c.state.in_(WAITING),
    )
    values = {
        "state": DeliveryState.SUPPRESSED,
        "detail": "unsubscribed",
        "updated_at": now,
        "sender": "",
    }
    connection.execute(change.values(**values))


def last_at(connection: Connection, digest: str, readers: Iterable[str]) -> dict[str, datetime]:
    """Reader → when her newest mail of a digest was made, of those who had one."""
    found: dict[str, datetime] = {}
    for chunk in chunks(readers, 500):
        query = (
            select(deliveries.c.subscriber_id, func.max(deliveries.c.queued_at))
            .join(issues, issues.c.id == deliveries.c.issue_id)
            .where(issues.c.digest == digest, deliveries.c.subscriber_id.in_(chunk))
            .where(deliveries.c.state.not_in(NOT_DELIVERED))
            .group_by(deliveries.c.subscriber_id)
        )
        found.update((row[0], row[1]) for row in connection.execute(query))
    return found


def last_in_any(connection: Connection, readers: Iterable[str]) -> dict[str, datetime]:
    """Reader → when her newest mail of any digest was made, of those who had one."""
    found: dict[str, datetime] = {}
    for chunk in chunks(readers, 500):
        query = (
            select(deliveries.c.subscriber_id, func.max(deliveries.c.queued_at))
            .where(deliveries.c.subscriber_id.in_(chunk))
            .where(deliveries.c.state.not_in(NOT_DELIVERED))
            .group_by(deliveries.c.subscriber_id)
        )
        found.update((row[0], row[1]) for row in connection.execute(query))
    return found


def by_state(connection: Connection) -> dict[str, int]:
    """How many deliveries there are in each state."""
    query = select(deliveries.c.state, func.count()).group_by(deliveries.c.state)
    return {row.state: row[1] for row in connection.execute(query)}


def whole() -> Select[Any]:
    """Deliveries with the address and the subscription that they are for; `read` makes values."""
    return (
        select(deliveries, subscribers.c.address, subscriptions.c.id.label("subscription"))
        .join(subscribers, subscribers.c.id == deliveries.c.subscriber_id)
        .join(issues, issues.c.id == deliveries.c.issue_id)
        .join(
            subscriptions,
            and_(
                subscriptions.c.subscriber_id == deliveries.c.subscriber_id,
                subscriptions.c.digest == issues.c.digest,
            ),
        )
    )


def read(row: Row[Any]) -> Delivery:
    """A row of `whole`."""
    return Delivery(
        issue=row.issue_id,
        subscriber=row.subscriber_id,
        subscription=row.subscription,
        address=row.address,
        edition=row.edition,
        state=DeliveryState(row.state),
        message_id=row.message_id,
        queued_at=row.queued_at,
        attempts=row.attempts,
        is_urgent=row.is_urgent,
    )
