"""What the operator does about a subscription, and what she writes herself by mail."""

from __future__ import annotations

from dataclasses import dataclass, replace

from digest import consent
from digest.errors import Misuse
from digest.run.setup import Setup
from digest.run.subscribing.answering import ask_for
from digest.run.subscribing.asking import fingerprint, known
from digest.run.subscribing.choosing import confirmed, leave_all, leave_one, of
from digest.store import Connection, asks, people
from digest.types import (
    Evidence,
    Preferences,
    Subscription,
    SubscriptionState,
)

_UNCONFIRMED, _CONFIRMED = SubscriptionState.UNCONFIRMED, SubscriptionState.CONFIRMED
_UNSUBSCRIBED = SubscriptionState.UNSUBSCRIBED


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribed:
    """What an operator's subscribing came to."""

    subscription: Subscription | None
    outcome: str  #: "confirmed", "already", or what became of the ask


def subscribe(setup: Setup, address: str, digest: str, evidence: str = "") -> Subscribed:
    """Ask an address for its consent; with evidence of it, confirm at once.

    Raises: Misuse; also where the address is suppressed.
    """
    known(setup, digest)
    address = consent.address(address)
    text = consent.statement(evidence)
    with setup.store.exclusive("answer"), setup.store.write() as connection:
        refuse_suppressed(setup, connection, address)
        has = people.find(connection, address, digest)
        if has and has.state is _CONFIRMED:
            return Subscribed(subscription=has, outcome="already")
        if not text:
            outcome = ask_for(setup, connection, address, digest, "operator")
            has = people.find(connection, address, digest)
            return Subscribed(subscription=has, outcome=outcome)
        if has is None:
            subscriber = people.add(connection, address, setup.now, setup.new_id)
            row = people.row(
                id=setup.new_id(),
                subscriber=subscriber,
                digest=digest,
                state=_UNCONFIRMED,
                evidence="",
                preferences=Preferences(),
            )
            people.save(connection, [row])
            has = people.find(connection, address, digest)
        assert has is not None
        said = replace(consent.evidence("operator", ""), text=text)
        # The words themselves are kept as evidence; here they could be taken for the mark that
        # readers listed under `to` have.
        confirmed(setup, connection, has, said, "evidence of the operator")
        return Subscribed(subscription=of(connection, has.id), outcome="confirmed")


def refuse_suppressed(setup: Setup, connection: Connection, address: str) -> None:
    """Raises: Misuse where the address is suppressed, with the way out."""
    mark = fingerprint(setup, address)
    if reason := asks.suppressed(connection, [mark]).get(mark):
        raise Misuse(
            f"{address} must not be written to ({reason});"
            f" `digest subscribers allow {address}` lifts that"
        )


def unsubscribe_address(
    setup: Setup, address: str, digest: str = "", *, form: str = "operator", message_id: str = ""
) -> int:
    """Take an address out of a digest, or of all; returns how many it left."""
    evidence = Evidence(form=form, message_id=message_id)
    with setup.store.write() as connection:
        if digest:
            has = people.find(connection, address, digest)
            return int(bool(has and leave_one(setup, connection, has, evidence)))
        subscriber = people.id_of(connection, address)
        return leave_all(setup, connection, subscriber, evidence) if subscriber else 0
