"""Who subscribes to what: listed, exported, told in full, erased, suppressed, allowed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any

from digest import consent
from digest.run import sending, subscribing
from digest.run.setup import Setup
from digest.run.sheet import Row
from digest.store import Connection, arrivals, asks, bounces, notices, people
from digest.store.ledger import BY_OPERATOR
from digest.types import (
    Evidence,
    SubscriberState,
    Subscription,
    SubscriptionState,
    Suppression,
)

_BATCH = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One line of the list."""

    subscription: Subscription
    subscriber: SubscriberState
    suppressed: Suppression | None = None
    why: str = ""  #: in a server's words, where it is suppressed


def listed(
    setup: Setup, digest: str = "", state: SubscriptionState | None = None
) -> Iterator[Listed]:
    """All subscriptions, by digest and address; read as they are asked for."""
    with setup.store.read() as connection, setup.store.read() as beside:
        found = people.every(connection, digest, state)
        has_suppressions = asks.has_suppressions(beside)
        while batch := list(islice(found, _BATCH)):
            marks: dict[str, str] = {}
            gone: dict[str, Suppression] = {}
            said: dict[str, str] = {}
            if has_suppressions:
                marks = {
                    one.address: subscribing.fingerprint(setup, one.address) for one, _ in batch
                }
                gone = asks.suppressed(beside, list(marks.values()))
                said = asks.why_suppressed(beside, list(gone))
            for one, subscriber in batch:
                mark = marks.get(one.address, "")
                yield Listed(
                    subscription=one,
                    subscriber=subscriber,
                    suppressed=gone.get(mark),
                    why=said.get(mark, ""),
                )


# --- export --------------------------------------------------------------------------------------


def rows(setup: Setup) -> Iterator[Row]:
    """All subscriptions as rows of a file that can be imported again."""
    with setup.store.read() as connection, setup.store.read() as beside:
        found = people.every(connection)
        line = 1
        while batch := list(islice(found, _BATCH)):
            proofs = people.confirmations(beside, list({one.subscriber for one, _ in batch}))
            for one, _ in batch:
                line += 1
                yield Row(
                    line=line,
                    address=one.address,
                    digest=one.digest,
                    state=one.state,
                    evidence=_proof(one, proofs.get((one.subscriber, one.digest))),
                    preferences=one.preferences,
                )


def _proof(one: Subscription, noted: tuple[Evidence, datetime] | None) -> str:
    """How we know that she agreed, in words that are evidence elsewhere too."""
    if one.state is not SubscriptionState.CONFIRMED:
        return ""
    if noted is None:
        return BY_OPERATOR if one.evidence == BY_OPERATOR else one.evidence or "not known"
    evidence, at = noted
    if evidence.text:
        return evidence.text
    mail = f", mail {evidence.message_id}" if evidence.message_id else ""
    return f"double opt-in by {evidence.form}, {at:%Y-%m-%dT%H:%MZ}{mail}"


# --- one person ----------------------------------------------------------------------------------


def known_of(setup: Setup, address: str) -> dict[str, Any]:
    """Everything that is known of an address, as plain values."""
    address = consent.address(address)
    mark = subscribing.fingerprint(setup, address)
    with setup.store.read() as connection:
        reason = asks.suppressed(connection, [mark]).get(mark)
        found = people.everything(connection, address)
    tables = {name: [_plain(row) for row in some] for name, some in found.items()}
    return {"address": address, "suppressed": reason, **tables}


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {
        key: value.isoformat() if isinstance(value, date) else value for key, value in row.items()
    }


def erase(setup: Setup, address: str) -> dict[str, int]:
    """Forget all that is known of an address, but that it must never be written to again."""
    transport = sending.transport_of(setup.config)
    return subscribing.erase(setup, consent.address(address), transport.erase)


def suppress(setup: Setup, address: str, reason: Suppression) -> bool:
    """Never write to an address again; False where that was so already."""
    mark = subscribing.fingerprint(setup, consent.address(address))
    with setup.store.write() as connection:
        bounces.withdraw(connection, address, setup.now, f"the address is suppressed: {reason}")
        return asks.suppress(connection, mark, reason, setup.now)


def allow(setup: Setup, address: str) -> bool:
    """Write to an address again; False where nothing was against it."""
    address = consent.address(address)
    with setup.store.write() as connection:
        if subscriber := people.id_of(connection, address):
            bounces.forget(connection, subscriber)
        return asks.allow(connection, subscribing.fingerprint(setup, address))


# --- counts --------------------------------------------------------------------------------------


def counts(connection: Connection) -> dict[str, Any]:
    """How many there are of what, for the operator."""
    by_digest: dict[str, dict[str, int]] = {}
    for (digest, state), number in sorted(people.count(connection).items()):
        by_digest.setdefault(digest, {})[state] = number
    return {
        "digests": by_digest,
        "suppressed": asks.suppressions_by_reason(connection),
        "asks": asks.outcomes(connection),
        "notices": notices.by_state(connection),
        "arrivals": arrivals.outcomes(connection),
    }
