"""Whether somebody is a reader at all, and whether she wants mail now."""

from __future__ import annotations

from digest import consent
from digest.run import outlook
from digest.store import Connection, ledger, traces
from digest.types import SubscriberState, Subscription, SubscriptionState, Suppression
from digest.why.answer import Answer, Asked, Why


def standing(asked: Asked, connection: Connection) -> Answer | None:
    """Why she is no reader of the digest, where she is none."""
    gone = traces.suppression(connection, asked.mark)
    has = asked.has
    if not asked.subscriber:
        return _unknown(asked, gone)
    if has is None:
        return asked.answer(
            Why.NOT_SUBSCRIBED,
            f"{asked.address} is known, but never asked for this digest",
            f"`digest subscribe {asked.address} {asked.digest}` asks her",
        )
    if gone:
        return _suppressed(asked, gone)
    if has.state is SubscriptionState.UNCONFIRMED:
        at = traces.created_at(connection, asked.subscriber)
        return asked.answer(
            Why.UNCONFIRMED,
            f"she was asked to confirm, and has not yet; known since {asked.when(at)}",
            "she finds the link in the mail that asked her; it can be asked for again",
        )
    if has.state is SubscriptionState.UNSUBSCRIBED or asked.state is SubscriberState.LEFT:
        return _left(asked, has)
    return None


def _unknown(asked: Asked, gone: object) -> Answer:
    reason = getattr(gone, "reason", "")
    if reason == Suppression.REQUEST:
        return asked.answer(
            Why.ERASED,
            f"nothing is known of {asked.address}, but that who has it wants no mail of ours"
            f" (since {asked.when(getattr(gone, 'at', None))}): all else was erased, or never was",
            "nothing, unless she asks for it herself",
            at=getattr(gone, "at", None),
        )
    if gone:
        return _suppressed(asked, gone)
    return asked.answer(
        Why.UNKNOWN_ADDRESS,
        f"nobody is known by {asked.address}, with any spelling of capitals",
        "`digest subscribers list` shows who is; who stands under `to` is known from the next"
        " run on",
    )


def _suppressed(asked: Asked, gone: object) -> Answer:
    detail = getattr(gone, "detail", "")
    said = f': the server said "{detail}"' if detail else ""
    words = {
        Suppression.BOUNCE: f"her mail came back{said}",
        Suppression.COMPLAINT: f"she called a mail of ours junk{said}",
        Suppression.REQUEST: "she asked for it",
        Suppression.OPERATOR: "the operator wanted it",
    }
    reason = Suppression(getattr(gone, "reason", ""))
    at = getattr(gone, "at", None)
    return asked.answer(
        Why.SUPPRESSED,
        f"the address is suppressed since {asked.when(at)}: {words[reason]}",
        f"if that is settled with her: `digest subscribers allow {asked.address}`",
        at=at,
        reason=str(reason),
        detail=detail,
    )


def _left(asked: Asked, has: Subscription) -> Answer:
    when = f" {asked.when(has.ended_at)}" if has.ended_at else ""
    how = f" ({has.evidence})" if has.evidence else ""
    return asked.answer(
        Why.LEFT,
        f"she left the digest{when}{how}",
        "nothing, unless she subscribes again",
        at=has.ended_at,
        evidence=has.evidence,
    )


def waiting(asked: Asked, connection: Connection) -> Answer | None:
    """That she wants no mail before a moment, where that is so."""
    has, setup = asked.has, asked.setup
    assert has is not None
    assert has.since is not None  # or she would be no reader
    zone = setup.config.digests[asked.digest].timezone
    wants = has.preferences
    last = ledger.last_at(connection, asked.digest, [has.subscriber])
    had_at = last.get(has.subscriber, has.since - consent.DAY)
    moment = outlook.wanted_at(wants, zone, had_at, setup.now)
    due = traces.due_at(connection, has.id)
    if due and due > setup.now and (moment is None or due > moment):
        moment = due
    if moment is not None and moment <= setup.now:
        return None
    here = outlook.first_moment(wants.paused_until, asked.zone) if wants.paused_until else None
    if here and here > setup.now:
        return asked.answer(
            Why.PAUSED,
            f"she has paused until {wants.paused_until}; her next mail can come"
            f" {asked.when(moment) if moment else 'then'}",
            "nothing: she gets the best of what she missed then, of the last five weeks",
            at=moment,
            until=wants.paused_until,
        )
    return asked.answer(
        Why.WAITING,
        f"she wants mail {_rhythm(asked)}: her next one can come {asked.when(moment)}",
        "nothing: the paper waits for her",
        at=moment,
    )


def _rhythm(asked: Asked) -> str:
    assert asked.has is not None
    wants = asked.has.preferences
    how = wants.frequency or "daily"
    said = (
        f"weekly on {wants.weekday}"
        if how == "weekly"
        else "on weekdays"
        if how == "weekdays"
        else how
    )
    return said + ("" if wants.hour is None else f", not before {wants.hour:02}:00")
