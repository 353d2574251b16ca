"""answer(): what was asked for is decided on later, and only a mail tells the difference."""

from __future__ import annotations

import logging
from datetime import datetime
from itertools import islice

from digest import consent, plan
from digest.run.setup import Setup
from digest.run.subscribing.asking import fingerprint, wording
from digest.store import Connection, asks, notices, people
from digest.types import (
    Evidence,
    Notice,
    NoticeKind,
    Preferences,
    SignUp,
    Subscription,
    SubscriptionState,
)

_BATCH = 500
#: Asks decided in one transaction: an fsync each would take as long as deciding does.
_TOGETHER = 20
log = logging.getLogger(__name__)

_UNCONFIRMED, _CONFIRMED = SubscriptionState.UNCONFIRMED, SubscriptionState.CONFIRMED


def answer(setup: Setup) -> dict[str, int]:
    """Decide on all asks that wait, and queue the mails that follow; outcome → how many."""
    found: dict[str, int] = {}
    with setup.store.read() as connection:
        if not asks.waiting(connection, 1):  # every two seconds, mostly
            return found
    within = bounds(setup)
    with setup.store.exclusive("answer"):
        while True:
            with setup.store.read() as connection:
                waiting = asks.waiting(connection, _BATCH)
            rest = iter(waiting)
            while some := list(islice(rest, _TOGETHER)):
                with setup.store.write() as connection:
                    outcomes = [decide(setup, connection, one, within) for one in some]
                for outcome in outcomes:
                    found[outcome] = found.get(outcome, 0) + 1
            if len(waiting) < _BATCH:
                break
    if found:
        said = ", ".join(f"{outcome} {number}" for outcome, number in sorted(found.items()))
        log.info("asks: %s", said, extra={"outcomes": found})
    return found


def decide(setup: Setup, connection: Connection, one: SignUp, bounds: consent.Limits) -> str:
    """Decide on one ask, and queue the mail that follows; returns the outcome.

    Whoever calls holds the lock of `answer`.
    """
    if one.digest not in setup.config.digests:  # taken out of the configuration since
        asks.decide(connection, one.id, "no such digest")
        return "no such digest"
    standing = _standing(setup, connection, one)
    said = consent.answer(one, standing, bounds, setup.now)
    outcome = said.notice or said.why
    asks.decide(connection, one.id, outcome)
    if not said.notice:
        return outcome
    domain = consent.domain(one.address)
    asks.tally(connection, "mail to domain", domain, setup.now)
    asks.tally(connection, "mail", "", setup.now)
    asks.tally(connection, "mail to alike", _alike(setup, one), _day(setup))
    has = people.find(connection, one.address, one.digest)
    if said.notice == "confirm":
        has = _request(setup, connection, one, has)
    assert has is not None  # or there would be nothing to confirm or to change
    made = queue(setup, connection, said.notice, has.address, one.digest, about=has.id)
    if said.notice == "confirm":
        sent = Evidence(form=one.evidence.form, message_id=made.message_id)
        people.note(
            connection,
            [
                (has.subscriber, one.digest, "asked", one.evidence),
                (has.subscriber, one.digest, "confirmation sent", sent),
            ],
            setup.now,
            setup.new_id,
        )
    return outcome


def _alike(setup: Setup, one: SignUp) -> str:
    """What is kept of the one mailbox that many spellings may lead to."""
    return setup.keys.fingerprint("alike", consent.alike(one.address))


def _day(setup: Setup) -> datetime:
    return setup.now.replace(hour=0)


def _standing(setup: Setup, connection: Connection, one: SignUp) -> consent.Standing:
    has = people.find(connection, one.address, one.digest)
    mark = fingerprint(setup, one.address)
    asked = notices.unanswered(connection, one.address)
    is_confirmed = has is not None and has.state is _CONFIRMED
    if is_confirmed:
        # Strangers can use up what she may ask for; after a week she may ask again.
        asked = [row for row in asked if setup.now - row.made_at < consent.WEEK]
    return consent.Standing(
        state=has.state if has else None,
        suppressed=asks.suppressed(connection, [mark]).get(mark),
        last_mail_at=max((row.made_at for row in asked if row.digest == one.digest), default=None),
        unanswered=len(asked),
        mails_to_domain=asks.tallied(
            connection, "mail to domain", consent.domain(one.address), setup.now
        ),
        mails_to_alike=asks.tallied(connection, "mail to alike", _alike(setup, one), _day(setup)),
        mails=asks.tallied(connection, "mail", "", setup.now),
    )


def _request(
    setup: Setup, connection: Connection, one: SignUp, has: Subscription | None
) -> Subscription:
    """The subscription that is to be confirmed."""
    if has:
        # Who left stays so until she confirms, and what she chose is hers: anybody can ask.
        if has.state is _UNCONFIRMED and one.preferences != Preferences():
            people.prefer(connection, has.id, one.preferences)
        return has
    subscriber = people.add(connection, one.address, setup.now, setup.new_id)
    row = people.row(
        id=setup.new_id(),
        subscriber=subscriber,
        digest=one.digest,
        state=_UNCONFIRMED,
        evidence="",
        preferences=one.preferences,
    )
    people.save(connection, [row])
    found = people.find(connection, one.address, one.digest)
    assert found is not None
    return found


def queue(
    setup: Setup,
    connection: Connection,
    kind: NoticeKind,
    address: str,
    digest: str,
    *,
    about: str = "",
    lines: tuple[str, ...] = (),
    in_reply_to: str = "",
) -> Notice:
    """Put a notice into the queue."""
    id = setup.new_id()
    sender = setup.config.notices_from
    made = Notice(
        id=id,
        kind=kind,
        address=address,
        digest=digest,
        about=about,
        made_at=setup.now,
        message_id=plan.message_id("notice", id, sender.rpartition("@")[2]),
        lines=lines,
        in_reply_to=in_reply_to,
    )
    notices.add(connection, made)
    return made


def ask_for(
    setup: Setup,
    connection: Connection,
    address: str,
    digest: str,
    form: str,
    *,
    text: str = "",
    preferences: Preferences | None = None,
) -> str:
    """Ask an address in the operator's name, at once; returns the outcome, "confirm" or why not.

    Whoever calls holds the lock of `answer`.
    """
    one = SignUp(
        id=setup.new_id(),
        kind="subscribe",
        address=address,
        digest=digest,
        asked_at=setup.now,
        evidence=consent.evidence(form, wording(setup, digest), text=text),
        preferences=preferences or Preferences(),
    )
    asks.add(connection, one)
    return decide(setup, connection, one, bounds(setup))


def bounds(setup: Setup) -> consent.Limits:
    """How many mails strangers can make us send in an hour."""
    limits = setup.config.limits
    return consent.Limits(per_domain=limits.per_domain, overall=limits.overall)
