"""The ledger as senders see it: claims, what is on the wire, what became of it, and turns.

Every statement here names the state that a row must be in, so that of two who want the same row
one gets nothing. A row is known by its Message-ID.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    text,
    update,
)

from digest.store import ledger
from digest.store.ledger import CANCELLED, WAITING
from digest.store.tables import deliveries, issues, senders, subscribers, subscriptions, turns
from digest.store.upsert import chunks, upsert
from digest.types import Delivery, DeliveryState

# SQLite uses a partial index only where the query has the index's own words in it.
_IS_QUEUED: ColumnElement[bool] = deliveries.c.state == literal_column("'queued'")
_IS_DEFERRED: ColumnElement[bool] = deliveries.c.state == literal_column("'deferred'")
_RETRYING = "retrying"  #: stands for the machine of what has a tag
#: Issues that may be sent.
_OUT = select(issues.c.id).where(issues.c.held == "", issues.c.draft_until.is_(None))
_IS_CLAIM = text("deliveries.state IN ('claimed', 'sending')")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a delivery."""

    message_id: str
    state: DeliveryState
    detail: str
    attempts: int
    next_at: datetime | None = None


# --- senders -------------------------------------------------------------------------------------


def arrive(
    connection: Connection, sender: str, machine: str, now: datetime, until: datetime
) -> None:
    """Note a sender. Those of the same machine are dead: it holds the machine's lease."""
    connection.execute(update(senders).where(senders.c.machine == machine).values(lease_until=now))
    row = {"id": sender, "machine": machine, "lease_until": until}
    upsert(connection, senders, [row], overwrite=True)


def renew(connection: Connection, sender: str, until: datetime) -> None:
    """Let a sender's claims stand for longer."""
    change = update(senders).where(senders.c.id == sender)
    connection.execute(change.values(lease_until=until))


def leave(connection: Connection, sender: str, now: datetime) -> None:
    """Give back what a sender did not begin, and forget the sender."""
    values: dict[str, Any] = {"state": DeliveryState.QUEUED, "sender": "", "updated_at": now}
    mine = and_(deliveries.c.sender == sender, deliveries.c.state == DeliveryState.CLAIMED)
    connection.execute(update(deliveries).where(_IS_CLAIM, mine).values(**values))
    # What was on the wire while its issue was cancelled, and came back.
    gone = select(issues.c.id).where(issues.c.held == CANCELLED)
    back = update(deliveries).where(_IS_DEFERRED, deliveries.c.issue_id.in_(gone))
    values = {"state": DeliveryState.FAILED, "detail": CANCELLED, "updated_at": now}
    connection.execute(back.values(**values))
    connection.execute(delete(senders).where(senders.c.id == sender))


def recover(
    connection: Connection, now: datetime, after: DeliveryState, tag: str = ""
) -> list[str]:
    """Take over from senders that died; returns the issues of mails that were on the wire.

    What they had only claimed is queued again; what they had begun becomes `after`.
    """
    # Those who wanted something tried again, and died; all but `tag`.
    dead = select(senders.c.id).where(senders.c.machine == _RETRYING, senders.c.id != tag)
    for left in list(connection.scalars(dead)):
        untag(connection, left)
    alive = exists().where(senders.c.id == deliveries.c.sender, senders.c.lease_until > now)
    claimed = and_(deliveries.c.state == DeliveryState.CLAIMED, ~alive)
    values: dict[str, Any] = {"state": DeliveryState.QUEUED, "sender": "", "updated_at": now}
    connection.execute(update(deliveries).where(_IS_CLAIM, claimed).values(**values))
    sending = and_(deliveries.c.state == DeliveryState.SENDING, ~alive)
    values = {"state": after, "detail": "the sender died meanwhile", "updated_at": now}
    if after is DeliveryState.QUEUED:
        values["sender"] = ""
    # Else the sender stays: if it comes back after all, it may still say what became of it.
    change = update(deliveries).where(_IS_CLAIM, sending).values(**values)
    return list(connection.scalars(change.returning(deliveries.c.issue_id)))


# --- claims --------------------------------------------------------------------------------------


def claim(
    connection: Connection, sender: str, now: datetime, most: int, tag: str = ""
) -> list[Delivery]:
    """Take deliveries to send: those whose time has come again, then those that were queued.

    With a `tag` only those that retry() gave it. Each issue has its share, whatever its length.
    """
    is_queued = and_(_IS_QUEUED, deliveries.c.sender == tag)
    is_out = deliveries.c.issue_id.in_(_OUT)
    found: list[str] = []
    if not tag:
        is_due = and_(_IS_DEFERRED, deliveries.c.next_at <= now)
        found = _some(connection, [is_due, is_out], deliveries.c.next_at, most)
        urgent = [is_queued, deliveries.c.is_urgent, is_out]
        found += _some(connection, urgent, deliveries.c.issue_id, most - len(found))
    if len(found) < most:
        waiting = _with_queue(connection, is_queued, is_urgent=False)
        for place, issue in enumerate(waiting):
            share = max(1, (most - len(found)) // (len(waiting) - place))
            of_issue = [is_queued, ~deliveries.c.is_urgent, deliveries.c.issue_id == issue]
            found += _some(connection, of_issue, deliveries.c.edition, share)
            if len(found) >= most:
                break
    return _take(connection, sender, now, found)


def waiting_issues(connection: Connection) -> list[str]:
    """The issues that have something to send, now or later, and may."""
    found = _with_queue(connection, _IS_QUEUED, is_urgent=None)
    deferred = select(deliveries.c.issue_id).where(_IS_DEFERRED, deliveries.c.issue_id.in_(_OUT))
    return list({*found, *connection.scalars(deferred.distinct())})


def _with_queue(connection: Connection, is_queued: Any, *, is_urgent: bool | None) -> list[str]:
    """The issues that have something queued."""
    conditions = [is_queued, deliveries.c.issue_id == issues.c.id]
    if is_urgent is not None:
        conditions.append(deliveries.c.is_urgent == is_urgent)
    some = exists().where(*conditions)
    query = select(issues.c.id).where(issues.c.id.in_(_OUT), some).order_by(issues.c.made_at)
    return list(connection.scalars(query))


def _some(connection: Connection, conditions: Sequence[Any], order: Any, most: int) -> list[str]:
    if most <= 0:
        return []
    query = select(deliveries.c.message_id).where(*conditions).order_by(order).limit(most)
    if connection.dialect.name == "postgresql":
        query = query.with_for_update(skip_locked=True)
    return list(connection.scalars(query))


def _take(connection: Connection, sender: str, now: datetime, ids: Sequence[str]) -> list[Delivery]:
    taken: list[Delivery] = []
    for chunk in chunks(ids, 500):
        free = deliveries.c.state.in_((DeliveryState.QUEUED, DeliveryState.DEFERRED))
        change = update(deliveries).where(deliveries.c.message_id.in_(chunk), free)
        values = {"state": DeliveryState.CLAIMED, "sender": sender, "updated_at": now}
        connection.execute(change.values(**values))
        _leave_out_who_left(connection, sender, chunk, now)
        query = (
            ledger.whole()
            .where(
                deliveries.c.message_id.in_(chunk),
                deliveries.c.sender == sender,
                deliveries.c.state == DeliveryState.CLAIMED,
            )
            # Neighbors in the queue are neighbors on the disk, so a commit writes fewer pages.
            .order_by(
                deliveries.c.is_urgent.desc(),
                deliveries.c.issue_id,
                deliveries.c.edition,
                deliveries.c.subscriber_id,
            )
        )
        taken += [ledger.read(row) for row in connection.execute(query)]
    return taken


def _leave_out_who_left(
    connection: Connection, sender: str, chunk: Sequence[str], now: datetime
) -> None:
    """Who left since it was queued, or failed, gets it no more, whoever asks for it."""
    wants = exists().where(
        subscriptions.c.subscriber_id == deliveries.c.subscriber_id,
        subscriptions.c.digest == issues.c.digest,
        issues.c.id == deliveries.c.issue_id,
        subscriptions.c.state == "confirmed",
        subscribers.c.id == deliveries.c.subscriber_id,
        subscribers.c.state == "active",
    )
    change = update(deliveries).where(
        deliveries.c.message_id.in_(chunk), deliveries.c.sender == sender, ~wants
    )
    values = {"state": DeliveryState.SUPPRESSED, "detail": "unsubscribed", "updated_at": now}
    connection.execute(change.values(**values))


_BEGIN = (
    update(deliveries)
    .where(
        deliveries.c.message_id.in_(bindparam("ids", expanding=True)),
        deliveries.c.state == literal(DeliveryState.CLAIMED.value),
        deliveries.c.sender == bindparam("me"),
        # Held while it was being claimed, where the other could not see the claim yet.
        deliveries.c.issue_id.in_(_OUT),
    )
    .values(state=DeliveryState.SENDING.value, updated_at=bindparam("at"))
    .returning(deliveries.c.message_id)
)
_SETTLE = (
    update(deliveries)
    .where(
        deliveries.c.message_id == bindparam("id"),
        deliveries.c.sender == bindparam("me"),
        # Not what a bounce or the operator has settled meanwhile.
        or_(
            deliveries.c.state == literal(DeliveryState.SENDING.value),
            deliveries.c.state == literal(DeliveryState.CLAIMED.value),
            deliveries.c.state == literal(DeliveryState.IN_DOUBT.value),
        ),
    )
    .values(
        state=bindparam("after"),
        detail=bindparam("why"),
        attempts=bindparam("tries"),
        next_at=bindparam("next"),
        updated_at=bindparam("at"),
    )
)


# SQLite takes all rows as one value: it parses them in less time than it takes to bind them, and
# the interpreter's lock, which mails need meanwhile, is let go once and not once for each row.
_BEGIN_LITE = text(
    "UPDATE deliveries SET state = 'sending', updated_at = :at"
    " WHERE message_id IN (SELECT value FROM json_each(:ids))"
    " AND state = 'claimed' AND sender = :me"
    " AND issue_id IN (SELECT id FROM issues WHERE held = '' AND draft_until IS NULL)"
    " RETURNING message_id"
).bindparams(bindparam("at", type_=deliveries.c.updated_at.type))
_SETTLE_LITE = text(
    "UPDATE deliveries SET state = one.value ->> 1, detail = one.value ->> 2,"
    " attempts = one.value ->> 3, next_at = one.value ->> 4, updated_at = :at"
    " FROM json_each(:rows) AS one"
    " WHERE message_id = one.value ->> 0 AND sender = :me"
    " AND state IN ('sending', 'claimed', 'in-doubt')"
).bindparams(bindparam("at", type_=deliveries.c.updated_at.type))


def begin(connection: Connection, sender: str, ids: Sequence[str], now: datetime) -> set[str]:
    """Note that mails are about to be on the wire; returns those that may."""
    if connection.dialect.name == "sqlite":
        lite = {"ids": json.dumps(ids), "me": sender, "at": now}
        return set(connection.scalars(_BEGIN_LITE, lite))
    return set(connection.scalars(_BEGIN, {"ids": ids, "me": sender, "at": now}))


def settle(connection: Connection, sender: str, outcomes: Sequence[Outcome], now: datetime) -> None:
    """Note what became of mails."""
    if not outcomes:
        return
    if connection.dialect.name == "sqlite":
        lite = json.dumps(
            [
                (one.message_id, one.state, one.detail, one.attempts, _written(connection, one))
                for one in outcomes
            ]
        )
        connection.execute(_SETTLE_LITE, {"rows": lite, "me": sender, "at": now})
        return
    rows = [
        {
            "id": one.message_id,
            "me": sender,
            "after": one.state.value,
            "why": one.detail,
            "tries": one.attempts,
            "next": one.next_at,
            "at": now,
        }
        for one in outcomes
    ]
    connection.execute(_SETTLE, rows)


def _written(connection: Connection, outcome: Outcome) -> Any:
    """When it is tried again, as the column has it."""
    if outcome.next_at is None:
        return None
    kind = deliveries.c.next_at.type.dialect_impl(connection.dialect)
    write = kind.bind_processor(connection.dialect)
    return write(outcome.next_at) if write else outcome.next_at


# --- turns ---------------------------------------------------------------------------------------


def take_turns(
    connection: Connection, of: str, per_second: float, most: int, now: datetime, ahead: timedelta
) -> list[datetime]:
    """When up to `most` mails may go, none of them later than `ahead` from now."""
    # Who writes the row first has the others wait for the end of its transaction.
    upsert(connection, turns, [{"of": of, "free_at": now}], overwrite=False)
    query = select(turns.c.free_at).where(turns.c.of == of).with_for_update()
    free_at = max(connection.execute(query).scalar_one(), now)
    step = timedelta(seconds=1 / per_second)
    fit = max(0, -((free_at - (now + ahead)) // step))
    number = min(most, fit)
    taken = [free_at + place * step for place in range(number)]
    change = update(turns).where(turns.c.of == of)
    connection.execute(change.values(free_at=free_at + number * step))
    return taken


def next_turn(connection: Connection, of: str) -> datetime | None:
    """When the next mail may go."""
    found: datetime | None = connection.scalar(select(turns.c.free_at).where(turns.c.of == of))
    return found


# --- what operators ask for ----------------------------------------------------------------------


def retry(
    connection: Connection, state: DeliveryState, ids: Collection[str], tag: str, now: datetime
) -> int:
    """Queue the deliveries of some issues that are in a state, under a tag; returns how many."""
    moved = 0
    row = {"id": tag, "machine": _RETRYING, "lease_until": now}
    upsert(connection, senders, [row], overwrite=True)
    for chunk in chunks(sorted(ids), 500):
        change = update(deliveries).where(
            deliveries.c.issue_id.in_(chunk),
            deliveries.c.issue_id.in_(_OUT),
            deliveries.c.state == state,
        )
        values = {
            "state": DeliveryState.QUEUED,
            "sender": tag,
            "attempts": 0,
            "next_at": None,
            "updated_at": now,
        }
        moved += connection.execute(change.values(**values)).rowcount
    return moved


def untag(connection: Connection, tag: str) -> None:
    """What is left of a retry is queued like all else."""
    is_left = and_(deliveries.c.sender == tag, _IS_QUEUED)
    connection.execute(update(deliveries).where(is_left).values(sender=""))
    connection.execute(delete(senders).where(senders.c.id == tag))


def hold(connection: Connection, issue: str, why: str, now: datetime) -> None:
    """Send nothing more of an issue but what is on the wire."""
    connection.execute(update(issues).where(issues.c.id == issue).values(held=why))
    mine = and_(deliveries.c.issue_id == issue, deliveries.c.state == DeliveryState.CLAIMED)
    values = {"state": DeliveryState.QUEUED, "sender": "", "updated_at": now}
    connection.execute(update(deliveries).where(mine).values(**values))


def release(connection: Connection, issue: str) -> bool:
    """Go on with an issue; False where it was not held, or is cancelled."""
    change = update(issues).where(issues.c.id == issue, issues.c.held.not_in(("", CANCELLED)))
    return connection.execute(change.values(held="")).rowcount == 1


def cancel(connection: Connection, issue: str, now: datetime) -> int:
    """Give up what is left of an issue; returns how many mails that were."""
    connection.execute(update(issues).where(issues.c.id == issue).values(held=CANCELLED))
    change = update(deliveries).where(
        deliveries.c.issue_id == issue, deliveries.c.state.in_(WAITING)
    )
    values = {
        "state": DeliveryState.FAILED,
        "detail": CANCELLED,
        "sender": "",
        "updated_at": now,
    }
    return connection.execute(change.values(**values)).rowcount


def held(connection: Connection) -> dict[str, str]:
    """The issues that are held, and why."""
    query = select(issues.c.id, issues.c.held).where(issues.c.held != "")
    return {row.id: row.held for row in connection.execute(query)}


# --- how far it is -------------------------------------------------------------------------------


def counts(connection: Connection, issue: str | None = None) -> dict[str, dict[str, int]]:
    """Issue → state → how many deliveries, of one or of all."""
    query = select(deliveries.c.issue_id, deliveries.c.state, func.count())
    if issue is not None:
        query = query.where(deliveries.c.issue_id == issue)
    found: dict[str, dict[str, int]] = {}
    for id, state, number in connection.execute(query.group_by("issue_id", "state")):
        found.setdefault(id, {})[state] = number
    return found


def due(connection: Connection, now: datetime, most: int | None = None) -> int:
    """How many deliveries can be sent now; with `most`, those that are more are not counted."""
    found = 0
    for condition in _due(now):
        some = select(deliveries.c.message_id).where(condition, deliveries.c.issue_id.in_(_OUT))
        query = select(func.count()).select_from(some.limit(most).subquery())
        found += connection.scalar(query) or 0
    return found


def due_by_issue(connection: Connection, now: datetime) -> dict[str, int]:
    """Issue → how many deliveries can be sent now."""
    found: dict[str, int] = {}
    for condition in _due(now):
        query = select(deliveries.c.issue_id, func.count())
        query = query.where(condition, deliveries.c.issue_id.in_(_OUT))
        for id, number in connection.execute(query.group_by(deliveries.c.issue_id)):
            found[id] = found.get(id, 0) + number
    return found


def is_due(connection: Connection, now: datetime) -> bool:
    """Can anything be sent now?"""
    for condition in _due(now):
        query = select(deliveries.c.message_id).where(condition, deliveries.c.issue_id.in_(_OUT))
        if connection.scalar(query.limit(1)) is not None:
            return True
    return False


def waiting(connection: Connection) -> tuple[int, datetime | None]:
    """How many deliveries are to be tried again, and when the first of them."""
    query = select(func.count(), func.min(deliveries.c.next_at)).where(_IS_DEFERRED)
    number, first = connection.execute(query).one()
    return number, first


def _due(now: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return _IS_QUEUED, and_(_IS_DEFERRED, deliveries.c.next_at <= now)


def listed(
    connection: Connection, issue: str, states: Collection[str] = (), domain: str = ""
) -> list[dict[str, Any]]:
    """Who got an issue, who did not, and why: address, state, detail, attempts and times."""
    query = (
        select(
            subscribers.c.address,
            deliveries.c.state,
            deliveries.c.detail,
            deliveries.c.attempts,
            deliveries.c.updated_at,
            deliveries.c.next_at,
            deliveries.c.message_id,
        )
        .join(subscribers, subscribers.c.id == deliveries.c.subscriber_id)
        .where(deliveries.c.issue_id == issue)
        .order_by(_STATE_ORDER, subscribers.c.address)
    )
    if states:
        query = query.where(deliveries.c.state.in_(states))
    if domain:
        query = query.where(subscribers.c.mailbox.endswith(f"@{domain.lower()}", autoescape=True))
    return [dict(row) for row in connection.execute(query).mappings()]


_STATE_ORDER = case(
    {state: place for place, state in enumerate(("failed", "in-doubt", "deferred", "suppressed"))},
    value=deliveries.c.state,
    else_=9,
)
