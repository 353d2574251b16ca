"""What became of a mail that has the paper."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from digest.store import Connection, traces
from digest.store.ledger import CANCELLED, NOT_DELIVERED
from digest.types import DeliveryState
from digest.why.answer import Answer, Asked, Why

#: Of several mails with the paper the first in this order says most.
_ORDER = (
    DeliveryState.SENT,
    DeliveryState.IN_DOUBT,
    DeliveryState.SENDING,
    DeliveryState.CLAIMED,
    DeliveryState.QUEUED,
    DeliveryState.DEFERRED,
    DeliveryState.FAILED,
    DeliveryState.SUPPRESSED,
)


#: What never reached her.
UNDONE = frozenset({Why.FAILED, Why.BOUNCED, Why.CANCELLED, Why.WITHDRAWN})


def of_digest(asked: Asked, connection: Connection, rows: Sequence[Any]) -> Answer | None:
    """What became of the digest's own mail with the paper, if there is one."""
    own = [row for row in rows if row.digest == asked.digest]
    if not own:
        return None
    # The newest of equal ones: what failed is made up for in a later issue.
    row = min(reversed(own), key=lambda row: _ORDER.index(DeliveryState(row.state)))
    return _ANSWERS[DeliveryState(row.state)](asked, connection, row)


def elsewhere(asked: Asked, rows: Sequence[Any]) -> Answer | None:
    """Another digest brought it, and no paper comes twice."""
    others = [row for row in rows if row.digest != asked.digest and row.state not in NOT_DELIVERED]
    if not others:
        return None
    row = others[0]
    went = f"went out {asked.when(row.updated_at)}" if row.state == "sent" else f"is {row.state}"
    return asked.answer(
        Why.SENT_ELSEWHERE,
        f"the digest {row.digest!r} brought it: its issue {row.slot} {went}; nobody gets a paper"
        " twice, whatever digest it is in",
        f"`digest why … --digest {row.digest}` tells of that mail",
        issue=row.issue_id,
        state=row.state,
    )


def _sent(asked: Asked, connection: Connection, row: Any) -> Answer:
    facts = {"issue": row.issue_id, "at": row.updated_at, "message_id": row.message_id}
    went = f"issue {row.slot}, sent {asked.when(row.updated_at)}"
    said = f' (the server said "{row.detail}")' if row.detail else ""
    if row.is_shown:
        return asked.answer(Why.DELIVERED, f"delivered in the {went}{said}", **facts)
    shown, more = traces.sizes(connection, row.edition)
    place = row.position + 1
    return asked.answer(
        Why.PAST_THE_CAP,
        f"it matched and came {_nth(place)}, past the {shown} that her mail shows: it is one of"
        f" {more} more that the mail links to ({went}); that counts as delivered",
        "`papers` of the digest, or her own number in her preferences, makes mails longer",
        position=place,
        shown=shown,
        more=more,
        **facts,
    )


def _in_doubt(asked: Asked, connection: Connection, row: Any) -> Answer:
    return asked.answer(
        Why.IN_DOUBT,
        f"the issue {row.slot} was on the wire when we lost sight of it"
        f" ({row.detail or 'no reason is noted'}): it may have arrived or not, and is not sent"
        " again by itself, so that nobody gets it twice",
        f"ask her, or send it again: `digest send --retry in-doubt {row.issue_id}`",
        issue=row.issue_id,
        at=row.updated_at,
        detail=row.detail,
    )


def _sending(asked: Asked, connection: Connection, row: Any) -> Answer:
    return asked.answer(
        Why.SENDING,
        f"the issue {row.slot} is on its way just now, since {asked.when(row.updated_at)}",
        issue=row.issue_id,
        at=row.updated_at,
    )


def _queued(asked: Asked, connection: Connection, row: Any) -> Answer:
    if row.held:
        return _held(asked, row)
    return asked.answer(
        Why.QUEUED,
        f"the issue {row.slot} is queued for her since {asked.when(row.queued_at)}",
        "it goes with the next `digest run`, or at once with `digest send`",
        issue=row.issue_id,
        at=row.queued_at,
    )


def _deferred(asked: Asked, connection: Connection, row: Any) -> Answer:
    if row.held:
        return _held(asked, row)
    said = f": {row.detail}" if row.detail else ""
    tries = "one attempt" if row.attempts == 1 else f"{row.attempts} attempts"
    until = asked.when(row.next_at) if row.next_at else "the next run"
    return asked.answer(
        Why.DEFERRED,
        f"the issue {row.slot} could not be handed over yet, after {tries}{said}; it is tried"
        f" again at {until}",
        f"to try at once: `digest send --retry deferred {row.issue_id}`",
        issue=row.issue_id,
        at=row.next_at,
        attempts=row.attempts,
        detail=row.detail,
    )


def _held(asked: Asked, row: Any) -> Answer:
    return asked.answer(
        Why.HELD,
        f"the issue {row.slot} is held: {row.held}",
        f"`digest release {row.issue_id}` lets it go",
        issue=row.issue_id,
        detail=row.held,
    )


def _failed(asked: Asked, connection: Connection, row: Any) -> Answer:
    if row.detail == CANCELLED:
        return asked.answer(
            Why.CANCELLED,
            f"the issue {row.slot} was cancelled before her mail went",
            "its papers are in her next issue, if one comes within five weeks",
            issue=row.issue_id,
            at=row.updated_at,
        )
    back = traces.came_back(connection, asked.subscriber, row.message_id)
    if back is not None or row.detail.startswith("bounced:"):
        gone = traces.suppression(connection, asked.mark)
        said = back.detail if back is not None and back.detail else row.detail
        never = "; since then the address is suppressed" if gone else ""
        remedy = (
            f"if the address works again: `digest subscribers allow {asked.address}`"
            if gone
            else "its papers are in her next issue"
        )
        return asked.answer(
            Why.BOUNCED,
            f'the issue {row.slot} went out and came back: the server said "{said}"{never}',
            remedy,
            issue=row.issue_id,
            at=row.updated_at,
            detail=said,
        )
    return asked.answer(
        Why.FAILED,
        f"the issue {row.slot} could not be delivered: {row.detail or 'no reason is noted'}",
        f"its papers are in her next issue; to try at once: `digest send --retry failed"
        f" {row.issue_id}`",
        issue=row.issue_id,
        at=row.updated_at,
        detail=row.detail,
    )


def _withdrawn(asked: Asked, connection: Connection, row: Any) -> Answer:
    return asked.answer(
        Why.WITHDRAWN,
        f"the issue {row.slot} was withdrawn before it went: {row.detail}",
        "she is a reader again, and gets its papers in her next issue",
        issue=row.issue_id,
        at=row.updated_at,
        detail=row.detail,
    )


def _nth(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if 10 < number % 100 < 14 else ending}"


_ANSWERS: dict[DeliveryState, Callable[[Asked, Connection, Any], Answer]] = {
    DeliveryState.SENT: _sent,
    DeliveryState.IN_DOUBT: _in_doubt,
    DeliveryState.SENDING: _sending,
    DeliveryState.CLAIMED: _sending,
    DeliveryState.QUEUED: _queued,
    DeliveryState.DEFERRED: _deferred,
    DeliveryState.FAILED: _failed,
    DeliveryState.SUPPRESSED: _withdrawn,
}
