"""What whoever watches asks for again and again: each question is one cheap query."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    text,
)

from digest.store.issues import is_out
from digest.store.tables import (
    alerts,
    coverage,
    deliveries,
    issues,
    reports,
    schedules,
    slots,
    subscriptions,
    validators,
)
from digest.store.upsert import chunks, upsert
from digest.types import DeliveryState, Reason

#: Of slots with these nothing was to be expected.
NEUTRAL = frozenset({Reason.WEEKEND, Reason.HOLIDAY})
_PROBE = "probe"


def try_out(connection: Connection, now: datetime) -> None:
    """Read and write; whoever calls takes it back."""
    if connection.dialect.name == "postgresql":  # SQLite waits no longer than it was told to
        connection.execute(text("SET LOCAL statement_timeout = '5s'"))
    connection.execute(delete(alerts).where(alerts.c.about == _PROBE))
    connection.execute(insert(alerts).values(about=_PROBE, since=now))
    connection.execute(select(alerts.c.since).where(alerts.c.about == _PROBE)).one()


# --- slots ---------------------------------------------------------------------------------------


def standing(connection: Connection) -> list[Row[Any]]:
    """Every schedule, and what its newest slot that is done with came to."""
    return list(connection.execute(_standing()))


def doubtful(connection: Connection, soon: datetime, also: Collection[str]) -> list[Row[Any]]:
    """Those of which the newest slot came to nothing, or that are looked at again soon; and some.

    Of a thousand digests that are well none is read.
    """
    is_odd = or_(
        slots.c.outcome.not_in((Reason.SENT, *NEUTRAL)),
        and_(slots.c.issue_id.is_not(None), *_nobody_got(slots.c.issue_id)),
        schedules.c.next_at <= soon,
        schedules.c.digest.in_(also),
    )
    return list(connection.execute(_standing().where(is_odd)))


def _standing() -> Select[Any]:
    any_slot = slots.alias()
    newest = (
        select(func.max(any_slot.c.due_at))
        .where(any_slot.c.digest == schedules.c.digest)
        .correlate(schedules)
        .scalar_subquery()
    )
    same = (slots.c.digest == schedules.c.digest) & (slots.c.due_at == newest)
    last = (slots.c.slot, slots.c.outcome, slots.c.issue_id, slots.c.settled_at)
    return select(schedules, *last).select_from(schedules.outerjoin(slots, same))


def unsent(connection: Connection, ids: Iterable[str]) -> set[str]:
    """Which of the issues have deliveries, of which none reached anybody."""
    found: set[str] = set()
    for chunk in chunks(ids, 500):
        query = select(issues.c.id).where(issues.c.id.in_(chunk), *_nobody_got(issues.c.id))
        found.update(connection.execute(query).scalars())
    return found


def _nobody_got(issue: Any) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    mine = deliveries.c.issue_id == issue
    return (
        ~exists().where(mine, deliveries.c.state == DeliveryState.SENT),
        exists().where(mine, deliveries.c.state != DeliveryState.SUPPRESSED),
    )


def last_report(connection: Connection, digest: str, slot: str) -> dict[str, Any]:
    """What the newest run of a slot said."""
    query = select(reports.c.report).where(reports.c.digest == digest, reports.c.slot == slot)
    return connection.scalar(query.order_by(reports.c.run_at.desc()).limit(1)) or {}


# --- alerts --------------------------------------------------------------------------------------


def alerted(connection: Connection) -> set[str]:
    """What the operator was told of, and has not mended since."""
    return set(connection.execute(select(alerts.c.about)).scalars())


def alert(connection: Connection, about: str, now: datetime) -> bool:
    """Note that the operator is told; False where somebody else does it."""
    row = {"about": about, "since": now}
    return upsert(connection, alerts, [row], overwrite=False) == 1


def mended(connection: Connection, abouts: Iterable[str]) -> None:
    """Forget that the operator was told."""
    for chunk in chunks(abouts, 500):
        connection.execute(delete(alerts).where(alerts.c.about.in_(chunk)))


# --- figures -------------------------------------------------------------------------------------


def sendings(connection: Connection, since: datetime) -> list[Row[Any]]:
    """Deliveries by state: how many in all, and how many changed since a moment."""
    recent = func.sum(case((deliveries.c.updated_at >= since, 1), else_=0))
    query = select(deliveries.c.state, func.count().label("all"), recent.label("recent"))
    return list(connection.execute(query.group_by(deliveries.c.state)))


def made(connection: Connection) -> list[Row[Any]]:
    """Digest, how many issues are out, and when the newest was made."""
    query = select(
        issues.c.digest, func.count().label("all"), func.max(issues.c.made_at).label("at")
    )
    return list(connection.execute(query.where(is_out).group_by(issues.c.digest)))


def readers(connection: Connection) -> dict[str, int]:
    """Digest → how many people get it."""
    # Who left altogether has no subscription that is confirmed: there is no need to join people.
    query = select(subscriptions.c.digest, func.count()).where(subscriptions.c.state == "confirmed")
    return {row[0]: row[1] for row in connection.execute(query.group_by(subscriptions.c.digest))}


def readings(connection: Connection) -> dict[str, datetime]:
    """Source → when it last gave the whole of something."""
    found: dict[str, datetime] = {}
    days = select(coverage.c.source, func.max(coverage.c.read_at).label("at"))
    pages = select(validators.c.source, func.max(validators.c.read_at).label("at"))
    for query in (days.where(coverage.c.how != "asked"), pages):
        for row in connection.execute(query.group_by(query.selected_columns.source)):
            found[row.source] = max(row.at, found.get(row.source, row.at))
    return found


def store_bytes(connection: Connection) -> int:
    """How much room the store takes."""
    if connection.dialect.name == "postgresql":
        return int(connection.scalar(text("SELECT pg_database_size(current_database())")) or 0)
    file = str(connection.engine.url.database)
    beside = (Path(file + end) for end in ("", "-wal", "-shm"))
    return sum(one.stat().st_size for one in beside if one.exists())
