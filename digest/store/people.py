"""Subscribers and their subscriptions, what proves them, and how all of it is forgotten."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    Select,
    delete,
    func,
    insert,
    literal_column,
    select,
    update,
)

from digest import consent
from digest.store.arrivals import forget as forget_mails
from digest.store.tables import (
    address_changes,
    arrivals,
    asks,
    bounces,
    consents,
    deliveries,
    notices,
    opinions,
    subscribers,
    subscriptions,
)
from digest.store.upsert import chunks, insert_new, upsert
from digest.types import (
    Evidence,
    Person,
    Preferences,
    SubscriberState,
    Subscription,
    SubscriptionState,
)

_EVIDENCE = tuple(field.name for field in fields(Evidence))

# --- who is there --------------------------------------------------------------------------------


def id_of(connection: Connection, address: str) -> str | None:
    """Who has the address, however it is spelled."""
    query = select(subscribers.c.id).where(subscribers.c.mailbox == consent.mailbox(address))
    return connection.scalar(query.order_by(subscribers.c.created_at).limit(1))


def ids_of(connection: Connection, addresses: Sequence[str]) -> dict[str, str]:
    """Mailbox → who has it."""
    found: dict[str, str] = {}
    for chunk in chunks(map(consent.mailbox, addresses), 500):
        query = select(subscribers.c.mailbox, subscribers.c.id)
        rows = connection.execute(query.where(subscribers.c.mailbox.in_(chunk)))
        found.update((row.mailbox, row.id) for row in rows)
    return found


def address_of(connection: Connection, subscriber: str) -> str | None:
    """Where a subscriber gets her mail."""
    return connection.scalar(select(subscribers.c.address).where(subscribers.c.id == subscriber))


def state_of(connection: Connection, subscriber: str) -> SubscriberState | None:
    """Where a subscriber stands."""
    found = connection.scalar(select(subscribers.c.state).where(subscribers.c.id == subscriber))
    return SubscriberState(found) if found else None


def add(connection: Connection, address: str, now: datetime, new_id: Callable[[], str]) -> str:
    """The subscriber with an address, pending where she is new."""
    if found := id_of(connection, address):
        return found
    id = new_id()
    connection.execute(
        insert(subscribers).values(
            id=id,
            address=address,
            mailbox=consent.mailbox(address),
            state=SubscriberState.PENDING,
            created_at=now,
        )
    )
    return id


def add_all(
    connection: Connection,
    some: Mapping[str, SubscriberState],
    now: datetime,
    new_id: Callable[[], str],
) -> dict[str, str]:
    """Many new subscribers: address → state. Returns mailbox → id, also of who came meanwhile."""
    rows = [
        {
            "id": new_id(),
            "address": address,
            "mailbox": consent.mailbox(address),
            "state": state,
            "created_at": now,
        }
        for address, state in some.items()
    ]
    insert_new(connection, subscribers, rows)
    return ids_of(connection, list(some))


def set_states(connection: Connection, some: Sequence[str], state: SubscriberState) -> None:
    """Where many subscribers stand from now on."""
    for chunk in chunks(some, 500):
        change = update(subscribers).where(subscribers.c.id.in_(chunk))
        connection.execute(change.values(state=state))


def set_state(connection: Connection, subscriber: str, state: SubscriberState) -> None:
    """Where a subscriber stands from now on."""
    change = update(subscribers).where(subscribers.c.id == subscriber)
    connection.execute(change.values(state=state))


def move(connection: Connection, subscriber: str, address: str) -> None:
    """Give a subscriber another address."""
    change = update(subscribers).where(subscribers.c.id == subscriber)
    connection.execute(change.values(address=address, mailbox=consent.mailbox(address)))


# --- subscriptions -------------------------------------------------------------------------------


def _subscriptions() -> Select[Any]:
    return select(subscriptions, subscribers.c.address).join(
        subscribers, subscribers.c.id == subscriptions.c.subscriber_id
    )


def subscription(connection: Connection, id: str) -> Subscription | None:
    """The subscription of a link."""
    row = connection.execute(_subscriptions().where(subscriptions.c.id == id)).one_or_none()
    return _subscription(row) if row else None


def of_subscriber(connection: Connection, subscriber: str) -> list[Subscription]:
    """All that a subscriber ever had, by digest."""
    query = _subscriptions().where(subscriptions.c.subscriber_id == subscriber)
    rows = connection.execute(query.order_by(subscriptions.c.digest))
    return [_subscription(row) for row in rows]


def find(connection: Connection, address: str, digest: str) -> Subscription | None:
    """What an address has of a digest."""
    query = _subscriptions().where(
        subscribers.c.mailbox == consent.mailbox(address), subscriptions.c.digest == digest
    )
    row = connection.execute(query.limit(1)).one_or_none()
    return _subscription(row) if row else None


def known(connection: Connection, addresses: Sequence[str]) -> dict[str, Person]:
    """Mailbox → who has it, of those that are known."""
    found: dict[str, Person] = {}
    had: dict[str, list[Subscription]] = {}
    for chunk in chunks(map(consent.mailbox, addresses), 500):
        mine = _subscriptions().where(subscribers.c.mailbox.in_(chunk))
        for row in connection.execute(mine.order_by(subscriptions.c.digest)):
            had.setdefault(row.subscriber_id, []).append(_subscription(row))
        query = select(subscribers).where(subscribers.c.mailbox.in_(chunk))
        for row in connection.execute(query):
            found[row.mailbox] = Person(
                id=row.id,
                address=row.address,
                state=SubscriberState(row.state),
                subscriptions=tuple(had.get(row.id, ())),
            )
    return found


def every(
    connection: Connection, digest: str = "", state: SubscriptionState | None = None
) -> Iterator[tuple[Subscription, SubscriberState]]:
    """All subscriptions with their subscriber's state, by digest and address; read as asked for."""
    query = _subscriptions().add_columns(subscribers.c.state.label("subscriber_state"))
    if digest:
        query = query.where(subscriptions.c.digest == digest)
    if state:
        query = query.where(subscriptions.c.state == state)
    query = query.order_by(subscriptions.c.digest, subscribers.c.address)
    rows = connection.execution_options(yield_per=1000).execute(query)
    return ((_subscription(row), SubscriberState(row.subscriber_state)) for row in rows)


def count(connection: Connection) -> dict[tuple[str, str], int]:
    """(digest, state) → how many subscriptions."""
    query = select(subscriptions.c.digest, subscriptions.c.state, func.count())
    rows = connection.execute(query.group_by(subscriptions.c.digest, subscriptions.c.state))
    return {(row[0], row[1]): row[2] for row in rows}


def save(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write subscriptions, new or known; what was evidence stays so until there is other."""
    upsert(connection, subscriptions, rows, keep=("id", "evidence"))


def save_new(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write many subscriptions; those that there are stay as they are."""
    insert_new(connection, subscriptions, rows)


def row(
    *,
    id: str,
    subscriber: str,
    digest: str,
    state: SubscriptionState,
    evidence: str,
    preferences: Preferences,
    confirmed_at: datetime | None = None,
    ended_at: datetime | None = None,
) -> dict[str, Any]:
    """A row for `save`. Who has wishes is looked at by whoever sends next."""
    return {
        "id": id,
        "subscriber_id": subscriber,
        "digest": digest,
        "state": state,
        "evidence": evidence,
        "preferences": consent.words(preferences),
        "confirmed_at": confirmed_at,
        "ended_at": ended_at,
        "due_at": confirmed_at if consent.words(preferences) else None,
    }


def prefer(connection: Connection, id: str, preferences: Preferences) -> None:
    """Keep how a reader wants a digest, and have her be looked at by whoever sends next."""
    change = update(subscriptions).where(subscriptions.c.id == id)
    words = consent.words(preferences)
    connection.execute(change.values(preferences=words, due_at=subscriptions.c.confirmed_at))


def change_state(
    connection: Connection,
    id: str,
    before: Sequence[SubscriptionState],
    after: SubscriptionState,
    now: datetime,
    evidence: str | None = None,
) -> bool:
    """Bring a subscription from one state to another; False when it was in none of `before`."""
    values: dict[str, Any] = {"state": after}
    if after is SubscriptionState.CONFIRMED:
        values |= {"confirmed_at": now, "ended_at": None}
    if after is SubscriptionState.UNSUBSCRIBED:
        values["ended_at"] = now
    if evidence is not None:
        values["evidence"] = evidence
    change = update(subscriptions).where(
        subscriptions.c.id == id, subscriptions.c.state.in_(before)
    )
    return connection.execute(change.values(**values)).rowcount == 1


def _subscription(row: Row[Any]) -> Subscription:
    return Subscription(
        id=row.id,
        subscriber=row.subscriber_id,
        address=row.address,
        digest=row.digest,
        state=SubscriptionState(row.state),
        preferences=consent.preferences(row.preferences),
        since=row.confirmed_at,
        ended_at=row.ended_at,
        evidence=row.evidence,
    )


# --- changes of address --------------------------------------------------------------------------


def ask_to_move(
    connection: Connection, id: str, subscriber: str, address: str, now: datetime
) -> None:
    """Note that a subscriber wants her mail elsewhere; what she asked before is off."""
    off = delete(address_changes).where(
        address_changes.c.subscriber_id == subscriber, address_changes.c.done_at.is_(None)
    )
    connection.execute(off)
    values = {"id": id, "subscriber_id": subscriber, "address": address, "asked_at": now}
    connection.execute(insert(address_changes).values(values))


def address_change(connection: Connection, id: str) -> Row[Any] | None:
    """A change of address: subscriber_id, address, done_at."""
    query = select(address_changes).where(address_changes.c.id == id)
    return connection.execute(query).one_or_none()


def moved(connection: Connection, id: str, now: datetime) -> None:
    """Note that a change of address is done."""
    change = update(address_changes).where(address_changes.c.id == id)
    connection.execute(change.values(done_at=now))


# --- evidence ------------------------------------------------------------------------------------


def note(
    connection: Connection,
    rows: Sequence[tuple[str, str, str, Evidence]],
    now: datetime,
    new_id: Callable[[], str],
) -> None:
    """Keep for ever: (subscriber, digest, what happened, how we know)."""
    values = [
        {
            "id": new_id(),
            "subscriber_id": subscriber,
            "digest": digest,
            "what": what,
            "evidence": evidence_words(evidence),
            "at": now,
        }
        for subscriber, digest, what, evidence in rows
    ]
    for chunk in chunks(values, 1000):
        connection.execute(insert(consents), chunk)


def evidence_words(evidence: Evidence) -> dict[str, str]:
    """Evidence as plain values, without what is empty."""
    # `asdict` takes longer than the row's INSERT.
    return {key: value for key in _EVIDENCE if (value := getattr(evidence, key))}


def noted(connection: Connection, subscriber: str) -> list[Row[Any]]:
    """What was noted of a subscriber, oldest first: digest, what, evidence, at."""
    query = select(consents).where(consents.c.subscriber_id == subscriber)
    return list(connection.execute(query.order_by(consents.c.at, consents.c.id)))


def confirmations(
    connection: Connection, some: Sequence[str]
) -> dict[tuple[str, str], tuple[Evidence, datetime]]:
    """(subscriber, digest) → the newest proof that she confirmed, and when."""
    found: dict[tuple[str, str], tuple[Evidence, datetime]] = {}
    for chunk in chunks(some, 500):
        query = select(consents).where(
            consents.c.what == "confirmed", consents.c.subscriber_id.in_(chunk)
        )
        for row in connection.execute(query.order_by(consents.c.at, consents.c.id)):
            found[row.subscriber_id, row.digest] = (Evidence(**row.evidence), row.at)
    return found


def everything(connection: Connection, address: str) -> dict[str, list[dict[str, Any]]]:
    """All rows about an address, by table; of kept messages not their content."""
    box = consent.mailbox(address)
    boxes = [consent.mailbox(one) for one in known_as(connection, address)]
    mine = select(subscribers.c.id).where(subscribers.c.mailbox == box)
    shown = [column for column in arrivals.c if column.name != "content"]
    asked = func.lower(asks.c.address).in_(boxes)
    queries = {
        "subscriber": select(subscribers).where(subscribers.c.mailbox == box),
        "subscriptions": select(subscriptions).where(subscriptions.c.subscriber_id.in_(mine)),
        "consents": select(consents).where(consents.c.subscriber_id.in_(mine)),
        "asks": select(asks).where(asked),
        "notices": select(notices).where(notices.c.mailbox.in_(boxes)),
        "address_changes": select(address_changes).where(address_changes.c.subscriber_id.in_(mine)),
        "deliveries": select(deliveries).where(deliveries.c.subscriber_id.in_(mine)),
        "bounces": select(bounces).where(bounces.c.subscriber_id.in_(mine)),
        "opinions": select(opinions).where(opinions.c.subscriber_id.in_(mine)),
        "arrivals": select(*shown).where(arrivals.c.mailbox.in_(boxes)),
    }
    return {
        name: [dict(row._mapping) for row in connection.execute(query)]
        for name, query in queries.items()
    }


# --- forgetting ----------------------------------------------------------------------------------


def erase(connection: Connection, addresses: Sequence[str]) -> dict[str, int]:
    """Remove everything that is known of one person's addresses; returns how many rows, by table.

    What was delivered goes too: it is hers, and nobody needs it any more. So do kept mails of
    others in which an address stands.
    """
    found: Counter[str] = Counter()
    for address in addresses:
        found.update(_erase(connection, address))
        found["arrivals"] += forget_mails(connection, address)
    return dict(found)


def known_as(connection: Connection, address: str) -> list[str]:
    """An address, and those that its owner had before."""
    box = consent.mailbox(address)
    query = (
        select(consents.c.evidence)
        .join(subscribers, subscribers.c.id == consents.c.subscriber_id)
        .where(subscribers.c.mailbox == box, consents.c.what == "address changed")
    )
    former = [row.evidence.get("former", "") for row in connection.execute(query)]
    return list(dict.fromkeys([address, *filter(None, former)]))


def moved_at(connection: Connection, subscriber: str) -> datetime | None:
    """When a subscriber last changed her address."""
    query = select(func.max(address_changes.c.done_at))
    found: datetime | None = connection.scalar(
        query.where(address_changes.c.subscriber_id == subscriber)
    )
    return found


def _erase(connection: Connection, address: str) -> dict[str, int]:
    box = consent.mailbox(address)
    ids = list(connection.scalars(select(subscribers.c.id).where(subscribers.c.mailbox == box)))
    gone = {
        "asks": delete(asks).where(func.lower(asks.c.address) == box),
        "notices": delete(notices).where(notices.c.mailbox == box),
        "arrivals": delete(arrivals).where(arrivals.c.mailbox == box),
        "address_changes": delete(address_changes).where(
            address_changes.c.subscriber_id.in_(ids)
            | (func.lower(address_changes.c.address) == box)
        ),
        "deliveries": delete(deliveries).where(deliveries.c.subscriber_id.in_(ids)),
        "bounces": delete(bounces).where(bounces.c.subscriber_id.in_(ids)),
        "opinions": delete(opinions).where(opinions.c.subscriber_id.in_(ids)),
        "consents": delete(consents).where(consents.c.subscriber_id.in_(ids)),
        "subscriptions": delete(subscriptions).where(subscriptions.c.subscriber_id.in_(ids)),
        "subscribers": delete(subscribers).where(subscribers.c.id.in_(ids)),
    }
    return {name: connection.execute(query).rowcount for name, query in gone.items()}


def forget_unconfirmed(connection: Connection, before: datetime) -> list[str]:
    """Remove who was asked before a moment and never confirmed; returns their addresses."""
    young = select(notices.c.mailbox).where(notices.c.made_at >= before)
    query = select(subscribers.c.address).where(
        # SQLite uses a partial index only where the query has the index's own words in it.
        subscribers.c.state == literal_column("'pending'"),
        subscribers.c.created_at < before,
        subscribers.c.mailbox.not_in(young),
    )
    addresses = list(connection.scalars(query))
    for address in addresses:
        _erase(connection, address)
    return addresses
