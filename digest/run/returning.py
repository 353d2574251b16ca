"""returned(): a mail came back, or somebody complained of it; what follows is done."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from digest import bounce, tokens
from digest.arrivals import Arrival
from digest.bounce import Decision, Report, Returned
from digest.errors import BadLink
from digest.run.setup import Setup
from digest.run.subscribing import fingerprint
from digest.run.subscribing.choosing import leave_all, leave_one
from digest.store import Connection, asks, bounces, people
from digest.store.bounces import Came
from digest.tokens import Purpose
from digest.types import Evidence

_OF_SUBSCRIPTION = (Purpose.UNSUBSCRIBE, Purpose.PREFERENCES)


def returned(
    setup: Setup, content: bytes, arrival: Arrival, recipients: Sequence[str] = ()
) -> tuple[str, str] | None:
    """Deal with a report; returns its outcome and detail, None where the mail is none.

    The mail it tells of is found by what only who got that can know, never by an address.
    """
    report = bounce.read(content, recipients)
    if report.kind == "other":
        return None
    with setup.store.write() as connection:
        came = _find(setup, connection, report)
        if came is None:
            return "report", f"{report.kind} of no mail of ours"
        found = bounce.about(report, came.address)
        if found is None:
            return "report", f"{report.kind} that does not say of whom"
        return _apply(setup, connection, came, found, arrival.message_id)


def _find(setup: Setup, connection: Connection, report: Report) -> Came | None:
    for token in report.tokens:
        if (id := _read(setup, token, Purpose.RETURN)) and (
            came := bounces.by_return(connection, id)
        ):
            return came
    for message_id in report.message_ids:
        if came := bounces.by_message_id(connection, message_id):
            return came
    for token in report.tokens:
        for purpose in _OF_SUBSCRIPTION:
            if (id := _read(setup, token, purpose)) and (came := bounces.newest(connection, id)):
                return came
    return None


def _read(setup: Setup, token: str, purpose: Purpose) -> str:
    try:
        return tokens.read(setup.keys, token, purpose, setup.now)
    except BadLink:
        return ""


def _apply(
    setup: Setup, connection: Connection, came: Came, found: Returned, message_id: str
) -> tuple[str, str]:
    said = " ".join(filter(None, [found.status, found.words.removeprefix(found.status).strip()]))
    days = _counted(setup, connection, came, found, said)
    todo = bounce.decide(found.fate, days)
    if todo.has_failed:
        bounces.failed(connection, came, setup.now, f"bounced: {said or found.fate}")
    if todo.suppress and _is_hers(connection, came, todo):
        mark = fingerprint(setup, came.address)
        asks.suppress(connection, mark, todo.suppress, setup.now, said)
        bounces.withdraw(connection, came.address, setup.now, f"suppressed: {todo.suppress}")
    if todo.leaves:
        _leave(setup, connection, came, todo, Evidence(form="report", message_id=message_id))
    outcome = "bounced" if todo.has_failed else "complained" if todo.leaves else "report"
    whose = came.issue or f"{came.digest}/notice"
    return outcome, f"{found.fate}: {whose}" + (f": {said}" if said else "")


def _counted(setup: Setup, connection: Connection, came: Came, found: Returned, said: str) -> int:
    """Note the day; returns how many days mail came back softly of late."""
    if not came.subscriber or not bounce.decide(found.fate).has_failed:
        return 0
    today = setup.now.date()
    bounces.note(
        connection,
        came.subscriber,
        today,
        kind=found.fate,
        status=found.status,
        detail=said,
        message_id=came.message_id,
    )
    since = today - timedelta(days=bounce.SOFT_WITHIN_DAYS)
    return bounces.soft_days(connection, came.subscriber, since)


def _is_hers(connection: Connection, came: Came, todo: Decision) -> bool:
    """Does she still have the address that it was sent to? A complaint is about all of them."""
    if came.notice or todo.leaves:
        return True
    moved_at = people.moved_at(connection, came.subscriber)
    return moved_at is None or moved_at <= came.sent_at


def _leave(
    setup: Setup, connection: Connection, came: Came, todo: Decision, evidence: Evidence
) -> None:
    if not came.subscriber:
        return
    if todo.leaves == "all":
        leave_all(setup, connection, came.subscriber, evidence)
        return
    for one in people.of_subscriber(connection, came.subscriber):
        if one.digest == came.digest:
            leave_one(setup, connection, one, evidence)
