"""What strangers ask for, how often they did, and who is never written to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from digest import consent
from digest.store.people import evidence_words
from digest.store.tables import arrivals, asks, notices, suppressions, tallies
from digest.store.upsert import chunks, upsert
from digest.types import Evidence, SignUp, Suppression

HOUR = timedelta(hours=1)

# --- asks ----------------------------------------------------------------------------------------


def add(connection: Connection, ask: SignUp) -> None:
    """Keep an ask until it is decided."""
    values = {
        "id": ask.id,
        "kind": ask.kind,
        "address": ask.address,
        "digest": ask.digest,
        "preferences": consent.words(ask.preferences),
        "evidence": evidence_words(ask.evidence),
        "asked_at": ask.asked_at,
    }
    connection.execute(insert(asks).values(values))


def waiting(connection: Connection, most: int) -> list[SignUp]:
    """The asks that nobody decided yet, oldest first."""
    query = select(asks).where(asks.c.outcome.is_(None)).order_by(asks.c.asked_at, asks.c.id)
    return [
        SignUp(
            id=row.id,
            kind=row.kind,
            address=row.address,
            digest=row.digest,
            asked_at=row.asked_at,
            evidence=Evidence(**row.evidence),
            preferences=consent.preferences(row.preferences),
        )
        for row in connection.execute(query.limit(most))
    ]


def decide(connection: Connection, id: str, outcome: str) -> bool:
    """Note what became of an ask; False where somebody did before."""
    change = update(asks).where(asks.c.id == id, asks.c.outcome.is_(None))
    return connection.execute(change.values(outcome=outcome)).rowcount == 1


def outcomes(connection: Connection) -> dict[str, int]:
    """What became of asks, and how often."""
    query = select(asks.c.outcome, func.count()).group_by(asks.c.outcome)
    return {row[0] or "waiting": row[1] for row in connection.execute(query)}


# --- bounds --------------------------------------------------------------------------------------


def tally(connection: Connection, what: str, key: str, now: datetime) -> int:
    """Count something within the hour; returns how often it happened, this time included."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    hour = now.replace(minute=0, second=0, microsecond=0)
    row = make(tallies).values(what=what, key=key, hour=hour, count=1)
    counted = row.on_conflict_do_update(
        index_elements=["what", "key", "hour"], set_={"count": tallies.c.count + 1}
    )
    found: int = connection.execute(counted.returning(tallies.c.count)).scalar_one()
    return found


def tallied(connection: Connection, what: str, key: str, now: datetime) -> int:
    """How often something happened within the hour."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    query = select(tallies.c.count).where(
        tallies.c.what == what, tallies.c.key == key, tallies.c.hour == hour
    )
    return connection.scalar(query) or 0


# --- suppressions --------------------------------------------------------------------------------


def suppress(
    connection: Connection,
    fingerprint: str,
    reason: Suppression,
    now: datetime,
    detail: str = "",
) -> bool:
    """Never write to an address again; the first reason stays. False where there was one."""
    row = {"address_hash": fingerprint, "reason": reason, "detail": detail, "at": now}
    return upsert(connection, suppressions, [row], overwrite=False) == 1


def allow(connection: Connection, fingerprint: str) -> bool:
    """Write to an address again."""
    gone = delete(suppressions).where(suppressions.c.address_hash == fingerprint)
    return connection.execute(gone).rowcount == 1


def suppressed(connection: Connection, fingerprints: Sequence[str]) -> dict[str, Suppression]:
    """Which of the addresses are never written to, and why."""
    found: dict[str, Suppression] = {}
    for chunk in chunks(fingerprints, 500):
        query = select(suppressions.c.address_hash, suppressions.c.reason)
        rows = connection.execute(query.where(suppressions.c.address_hash.in_(chunk)))
        found.update((row.address_hash, Suppression(row.reason)) for row in rows)
    return found


def why_suppressed(connection: Connection, fingerprints: Sequence[str]) -> dict[str, str]:
    """What was said of each when it was suppressed, and the day."""
    found: dict[str, str] = {}
    for chunk in chunks(fingerprints, 500):
        rows = connection.execute(
            select(suppressions).where(suppressions.c.address_hash.in_(chunk))
        )
        found.update(
            (row.address_hash, f"{row.detail} ({row.at:%Y-%m-%d})".strip()) for row in rows
        )
    return found


def has_suppressions(connection: Connection) -> bool:
    """Is anybody never written to?"""
    return connection.scalar(select(suppressions.c.address_hash).limit(1)) is not None


def suppressions_by_reason(connection: Connection) -> dict[str, int]:
    """How many addresses are never written to, and why."""
    query = select(suppressions.c.reason, func.count()).group_by(suppressions.c.reason)
    return {row[0]: row[1] for row in connection.execute(query)}


# --- forgetting ----------------------------------------------------------------------------------


def forget(connection: Connection, before: datetime) -> None:
    """Remove what was asked, counted, answered and received before a moment."""
    connection.execute(delete(asks).where(asks.c.asked_at < before, asks.c.outcome.is_not(None)))
    connection.execute(delete(tallies).where(tallies.c.hour < before))
    connection.execute(delete(arrivals).where(arrivals.c.came_at < before))
    # What asked for an answer is kept as long as its subscriber; it counts against asking again.
    old = notices.c.made_at < before
    connection.execute(delete(notices).where(old, notices.c.is_answered))
