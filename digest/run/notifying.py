"""post(): notices go out; welcome(): who has just confirmed gets the latest issue; forget()."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta

from digest import mail as letters
from digest import notices as written
from digest import transports
from digest.errors import DigestError, InDoubt, Misuse, NoServer, Permanent, Temporary
from digest.logs import without_answers
from digest.run import building, sending
from digest.run.links import reply_address, return_path, token, url
from digest.run.setup import Setup
from digest.run.signing import signer
from digest.run.subscribing import fingerprint
from digest.store import asks, notices, people
from digest.store import sending as sending_rows
from digest.tokens import Purpose
from digest.types import DeliveryState, Mail, Notice

log = logging.getLogger(__name__)

_BATCH = 500
FEW = 200  #: mails that are sent on the side
#: How long a notice waits after each failure; after the last it is given up.
WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240, 720))
_MAIN = {
    "confirm": Purpose.CONFIRM,
    "already": Purpose.PREFERENCES,
    "link": Purpose.PREFERENCES,
    "welcome": Purpose.PREFERENCES,
    "address": Purpose.ADDRESS,
    "answer": Purpose.PREFERENCES,
}  #: an alert leads nowhere: it is for the operator
_WAITING = (DeliveryState.QUEUED, DeliveryState.DEFERRED)


def post(setup: Setup) -> int:
    """Send all notices that are due but welcomes; returns how many went out."""
    with setup.store.read() as connection:
        if not (
            notices.due(connection, setup.now, 1, but="welcome") or notices.left_sending(connection)
        ):  # every few seconds, mostly
            return 0
    transport = sending.transport_of(setup.config)
    with setup.store.exclusive("post"):
        _recover(setup, transport)
        sent = 0
        while True:
            with setup.store.read() as connection:
                batch = notices.due(connection, setup.now, _BATCH, but="welcome")
            went = _post_all(setup, transport, batch)
            sent += went or 0
            if went is None or len(batch) < _BATCH:
                return sent


def _post_all(setup: Setup, transport: transports.Transport, batch: Sequence[Notice]) -> int | None:
    """Send some; returns how many went out, or None where there is no server to take any."""
    sent = 0
    try:
        for one in batch:
            sent += _post(setup, transport, one)
    except NoServer as why:
        setup.notify(f"no notice goes out: {why}")
        log.warning("no notice goes out: %s", without_answers(str(why)))
        return None
    finally:
        if batch:
            extra = {"sent": sent, "notices": len(batch)}
            log.info("notices sent %d of %d", sent, len(batch), extra=extra)
    return sent


def _recover(setup: Setup, transport: transports.Transport) -> None:
    """Whoever began to send a notice before us is dead, for we hold the lock."""
    after = DeliveryState.QUEUED if transport.is_repeatable else DeliveryState.IN_DOUBT
    with setup.store.write() as connection:
        for id in notices.left_sending(connection):
            why = "the sender died meanwhile"
            notices.move(connection, id, [DeliveryState.SENDING], after, detail=why)


def _post(setup: Setup, transport: transports.Transport, one: Notice) -> bool:
    with setup.store.write() as connection:
        mark = fingerprint(setup, one.address)
        if asks.suppressed(connection, [mark]):
            notices.move(connection, one.id, _WAITING, DeliveryState.SUPPRESSED)
            return False
        if not notices.move(connection, one.id, _WAITING, DeliveryState.SENDING):
            return False
    try:
        receipt = transport.send(_mail(setup, one), f"{one.digest or 'digest'}/notices")
    except NoServer as why:
        # It is not this notice that is not wanted: the others need not be tried.
        _wait(setup, one, str(why))
        raise
    except InDoubt as why:
        _move(setup, one, DeliveryState.IN_DOUBT, str(why))
        return False
    except (Temporary, Misuse) as why:
        _defer(setup, one, str(why))
        return False
    except Permanent as why:
        _move(setup, one, DeliveryState.FAILED, str(why))
        return False
    _move(setup, one, DeliveryState.SENT, receipt.detail)
    return True


def _move(setup: Setup, one: Notice, after: DeliveryState, detail: str) -> None:
    with setup.store.write() as connection:
        notices.move(connection, one.id, [DeliveryState.SENDING], after, detail=detail)


def _wait(setup: Setup, one: Notice, why: str) -> None:
    with setup.store.write() as connection:
        at = setup.now + WAITS[0]
        notices.move(
            connection,
            one.id,
            [DeliveryState.SENDING],
            DeliveryState.DEFERRED,
            detail=why,
            next_at=at,
            is_attempt=False,
        )


def _defer(setup: Setup, one: Notice, why: str) -> None:
    with setup.store.write() as connection:
        failures = notices.attempts(connection, one.id)
        if failures > len(WAITS):
            state, at = DeliveryState.FAILED, None
        else:
            state, at = DeliveryState.DEFERRED, setup.now + WAITS[failures - 1]
        notices.move(connection, one.id, [DeliveryState.SENDING], state, detail=why, next_at=at)


def _mail(setup: Setup, one: Notice) -> Mail:
    config = setup.config
    if one.digest not in config.digests:
        raise Permanent(f"digest {one.digest!r} is no longer in the configuration")
    # An answer is about nobody where who asked proved nothing.
    own = token(setup, _MAIN[one.kind], one.about, one.made_at) if one.about else ""
    links = written.Links(
        main=url(setup, _MAIN[one.kind], own) if own else "",
        unsubscribe=_unsubscribe(setup, one),
        privacy=f"{config.pages_url}/privacy",
    )
    words = setup.words
    rendered = written.notice(
        one,
        config.masthead(one.digest),
        links,
        words,
        setup.environment,
        can_reply=bool(own and config.inbox.address),
    )
    return letters.notice(
        rendered,
        one.address,
        config.notices_from,
        one.made_at,
        one.message_id,
        reply_to=reply_address(setup, own) if own else config.inbox.address,
        in_reply_to=one.in_reply_to,
        language=words["language"],
        # A mail to the operator that comes back must not have her taken for a reader who left.
        return_path="" if one.kind == "alert" else return_path(setup, one.id, one.made_at),
        signer=signer(setup, config.notices_from),
    )


def _unsubscribe(setup: Setup, one: Notice) -> str:
    """A way out for who gets the digest already."""
    if one.kind not in ("already", "link", "welcome", "answer") or not one.about:
        return ""
    return url(setup, Purpose.UNSUBSCRIBE, token(setup, Purpose.UNSUBSCRIBE, one.about, setup.now))


def welcome(setup: Setup) -> int:
    """Bring the latest issue to who has just confirmed, or a few words where there is none yet.

    Takes the builder's lock, so that it waits while an issue is made. Returns how many mails.
    """
    with setup.store.read() as connection:
        waiting = notices.due(connection, setup.now, _BATCH, only="welcome")
        found = {one.id: people.subscription(connection, one.about) for one in waiting}
        due = sending_rows.due(connection, setup.now, FEW + 1)
    if not waiting:
        return _send_few(setup, due)
    issues_sent = 0
    by_digest: dict[str, list[Notice]] = {}
    for one in waiting:
        by_digest.setdefault(one.digest, []).append(one)
    for name, group in by_digest.items():
        subscribers = [has.subscriber for one in group if (has := found[one.id])]
        got = _bring(setup, name, subscribers)
        issues_sent += len(got)
        for one in group:
            has = found[one.id]
            if has and has.subscriber in got:
                with setup.store.write() as connection:
                    detail = "with the latest issue"
                    notices.move(connection, one.id, _WAITING, DeliveryState.SENT, detail=detail)
    transport = sending.transport_of(setup.config)
    with setup.store.exclusive("post"):
        with setup.store.read() as connection:
            rest = notices.due(connection, setup.now, _BATCH, only="welcome")
        plain = _post_all(setup, transport, rest) or 0
    if issues_sent:
        with setup.store.read() as connection:
            due = sending_rows.due(connection, setup.now, FEW + 1)
        _send_few(setup, due)
    return issues_sent + plain


def is_much_due(setup: Setup) -> bool:
    """Is there more to send than is done on the side?"""
    with setup.store.read() as connection:
        return sending_rows.due(connection, setup.now, FEW + 1) > FEW


def _send_few(setup: Setup, due: int) -> int:
    """Send what is due: what could not be sent before, or was left when a sender stopped.

    More than a few is for `digest send`, or the process that `digest serve` starts for it.
    """
    return sum(sending.send(setup, most=FEW).mails.values()) if 0 < due <= FEW else 0


def _bring(setup: Setup, name: str, subscribers: list[str]) -> frozenset[str]:
    """Queue the latest issue for some readers; returns for whom there was one."""
    if name not in setup.config.digests:
        return frozenset()
    try:
        return building.welcome(setup, name, subscribers)
    except DigestError as why:
        setup.notify(f"{name}: the welcome mail goes without an issue: {why}")
        return frozenset()


def forget(setup: Setup) -> int:
    """Remove what is personal and no longer needed; returns how many people were forgotten."""
    keep = setup.config.keep
    setup.store.scrub()  # what was erased while somebody read
    with setup.store.write() as connection:
        asks.forget(connection, setup.now - timedelta(days=keep.requests_days))
        gone = people.forget_unconfirmed(
            connection, setup.now - timedelta(days=keep.unconfirmed_days)
        )
    transport = sending.transport_of(setup.config)
    for address in gone:
        transport.erase(address)  # the confirmation that nobody answered
    return len(gone)
