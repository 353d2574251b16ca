"""Asking, confirming, changing, leaving: what people and operators do about subscriptions.

Whoever asks is told the same whatever we know of the address: ask() only keeps the ask. answer()
decides on it later, in the background, and only the mail tells the difference.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice

from digest import consent, match, plan, tokens
from digest.errors import BadAddress, BadLink, Misuse, TooMany
from digest.run import learning
from digest.run.links import reply_address, token
from digest.run.setup import Setup
from digest.store import Connection, asks, ledger, notices, people
from digest.tokens import Purpose
from digest.types import (
    Evidence,
    Notice,
    NoticeKind,
    Preferences,
    SignUp,
    SubscriberState,
    Subscription,
    SubscriptionState,
    Suppression,
)

_BATCH = 500
_MOVES_AN_HOUR = 3  #: addresses that one subscriber can have us write to
#: Asks decided in one transaction: an fsync each would take as long as deciding does.
_TOGETHER = 20
_UNCONFIRMED, _CONFIRMED = SubscriptionState.UNCONFIRMED, SubscriptionState.CONFIRMED
_UNSUBSCRIBED = SubscriptionState.UNSUBSCRIBED
NOBODY = "this address cannot be written to"

# --- asking --------------------------------------------------------------------------------------


def wording(setup: Setup, digest: str) -> str:
    """The sentence that somebody who asks for a digest agrees to."""
    return setup.words["consent.wording"].replace("{title}", setup.config.title(digest))


def ask(
    setup: Setup,
    address: str,
    digest: str,
    form: str,
    *,
    client: str = "",
    message_id: str = "",
    preferences: Preferences | None = None,
    wants_link: bool = False,
) -> None:
    """Keep what a stranger asks for: a subscription, or a link to the one she has.

    `client` is her IP address, where she came by the web.

    Raises: Misuse for what cannot be asked for; TooMany, of her network.
    """
    _known(setup, digest)
    address = consent.address(address)
    _check(preferences)
    with setup.store.write() as connection:
        if network := consent.network(client):
            key = setup.keys.fingerprint("network", network)
            counted = asks.tally(connection, "network", key, setup.now)
            if counted > setup.config.limits.per_network:
                raise TooMany(
                    "this was asked very often from your network; please try again in an hour"
                )
        evidence = consent.evidence(
            form,
            wording(setup, digest),
            client=_client(setup, client),
            message_id=message_id,
        )
        asks.add(
            connection,
            SignUp(
                id=setup.new_id(),
                kind="link" if wants_link else "subscribe",
                address=address,
                digest=digest,
                asked_at=setup.now,
                evidence=evidence,
                preferences=preferences or Preferences(),
            ),
        )


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
    return _answer(setup, connection, one, _bounds(setup))


def _bounds(setup: Setup) -> consent.Limits:
    limits = setup.config.limits
    return consent.Limits(per_domain=limits.per_domain, overall=limits.overall)


def _known(setup: Setup, digest: str) -> None:
    if digest not in setup.config.digests:
        known = ", ".join(setup.config.digests)
        raise Misuse(f"there is no digest {digest[:80]!r}; there are {known}")


def _check(preferences: Preferences | None) -> None:
    try:
        for topic in preferences.topics if preferences else ():
            match.parse_topic(topic)
    except Misuse as why:
        raise Misuse(f"topics: {why}") from why


def _client(setup: Setup, client: str) -> str:
    return setup.keys.fingerprint("client", client) if client else ""


def fingerprint(setup: Setup, address: str) -> str:
    """What a suppressed address is known by."""
    return setup.keys.fingerprint("address", consent.mailbox(address))


# --- answering -----------------------------------------------------------------------------------


def answer(setup: Setup) -> dict[str, int]:
    """Decide on all asks that wait, and queue the mails that follow; outcome → how many."""
    found: dict[str, int] = {}
    bounds = _bounds(setup)
    with setup.store.exclusive("answer"):
        while True:
            with setup.store.read() as connection:
                waiting = asks.waiting(connection, _BATCH)
            rest = iter(waiting)
            while some := list(islice(rest, _TOGETHER)):
                with setup.store.write() as connection:
                    outcomes = [_answer(setup, connection, one, bounds) for one in some]
                for outcome in outcomes:
                    found[outcome] = found.get(outcome, 0) + 1
            if len(waiting) < _BATCH:
                return found


def _answer(setup: Setup, connection: Connection, one: SignUp, bounds: consent.Limits) -> str:
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


def _standing(setup: Setup, connection: Connection, one: SignUp) -> consent.Standing:
    has = people.find(connection, one.address, one.digest)
    mark = fingerprint(setup, one.address)
    asked = notices.unanswered(connection, one.address)
    return consent.Standing(
        state=has.state if has else None,
        suppressed=asks.suppressed(connection, [mark]).get(mark),
        last_mail_at=max((row.made_at for row in asked if row.digest == one.digest), default=None),
        unanswered=len(asked),
        mails_to_domain=asks.tallied(
            connection, "mail to domain", consent.domain(one.address), setup.now
        ),
        mails=asks.tallied(connection, "mail", "", setup.now),
    )


def _request(
    setup: Setup, connection: Connection, one: SignUp, has: Subscription | None
) -> Subscription:
    """The subscription that is to be confirmed."""
    subscriber = people.add(connection, one.address, setup.now, setup.new_id)
    row = people.row(
        id=has.id if has else setup.new_id(),
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


# --- by link -------------------------------------------------------------------------------------


def look(setup: Setup, token: str, purpose: Purpose) -> Subscription:
    """The subscription of a link, to be shown; changes nothing.

    Raises: BadLink
    """
    id = tokens.read(setup.keys, token, purpose, setup.now)
    with setup.store.read() as connection:
        return _of(connection, id)


def _of(connection: Connection, id: str) -> Subscription:
    found = people.subscription(connection, id)
    if found is None:
        raise BadLink("nothing is known here of this subscription any more; it was erased")
    return found


def confirm(
    setup: Setup, token: str, *, form: str = "page", client: str = "", message_id: str = ""
) -> Subscription:
    """The answer to a confirmation mail. Twice is the same as once.

    Raises: BadLink
    """
    id = tokens.read(setup.keys, token, Purpose.CONFIRM, setup.now)
    with setup.store.write() as connection:
        has = _of(connection, id)
        if has.state is _CONFIRMED:
            return has
        if has.state is _UNSUBSCRIBED:
            raise BadLink("you unsubscribed after this mail was sent; please ask for a new one")
        mark = fingerprint(setup, has.address)
        if asks.suppressed(connection, [mark]):
            raise BadLink(NOBODY)
        asked = notices.about(connection, id, "confirm")
        evidence = Evidence(
            form=form, client=_client(setup, client), message_id=message_id or asked
        )
        _confirmed(setup, connection, has, evidence, "double opt-in")
        return _of(connection, id)


def _confirmed(
    setup: Setup, connection: Connection, has: Subscription, evidence: Evidence, why: str
) -> None:
    before = (_UNCONFIRMED, _UNSUBSCRIBED)
    people.change_state(connection, has.id, before, _CONFIRMED, setup.now, evidence=why)
    people.set_state(connection, has.subscriber, SubscriberState.ACTIVE)
    note = (has.subscriber, has.digest, "confirmed", evidence)
    people.note(connection, [note], setup.now, setup.new_id)
    notices.answered(connection, has.address)
    queue(setup, connection, "welcome", has.address, has.digest, about=has.id)


def subscriptions_of(setup: Setup, has: Subscription) -> list[Subscription]:
    """All subscriptions of the person behind one."""
    with setup.store.read() as connection:
        return people.of_subscriber(connection, has.subscriber)


def prefer(
    setup: Setup, token: str, preferences: Preferences, *, form: str = "page", client: str = ""
) -> Subscription:
    """Change how a reader wants a digest.

    Raises: BadLink; Misuse for topics that cannot be read.
    """
    _check(preferences)
    id = tokens.read(setup.keys, token, Purpose.PREFERENCES, setup.now)
    return _prefer(setup, id, preferences, form, client)


def _prefer(
    setup: Setup, id: str, preferences: Preferences, form: str, client: str = ""
) -> Subscription:
    with setup.store.write() as connection:
        has = _of(connection, id)
        if has.preferences != preferences:
            people.prefer(connection, id, preferences)
            changed = Evidence(
                form=form,
                client=_client(setup, client),
                text=str(consent.words(preferences)) if preferences != Preferences() else "",
            )
            note = (has.subscriber, has.digest, "preferences", changed)
            people.note(connection, [note], setup.now, setup.new_id)
        notices.answered(connection, has.address)
        return _of(connection, id)


def unsubscribe(
    setup: Setup,
    token: str,
    *,
    purpose: Purpose = Purpose.UNSUBSCRIBE,
    form: str = "page",
    client: str = "",
    message_id: str = "",
) -> Subscription:
    """Leave one digest. Twice is the same as once.

    Raises: BadLink
    """
    id = tokens.read(setup.keys, token, purpose, setup.now)
    with setup.store.write() as connection:
        has = _of(connection, id)
        said = Evidence(form=form, client=_client(setup, client), message_id=message_id)
        leave_one(setup, connection, has, said)
        return _of(connection, id)


def leave_one(setup: Setup, connection: Connection, has: Subscription, evidence: Evidence) -> bool:
    """Take somebody out of one digest; False where she was in it no more."""
    before = (_UNCONFIRMED, _CONFIRMED)
    # Whoever was put on the list by the operator is not to come back with the next run.
    why = f"unsubscribed by {evidence.form}"
    if not people.change_state(connection, has.id, before, _UNSUBSCRIBED, setup.now, why):
        return False
    note = (has.subscriber, has.digest, "unsubscribed", evidence)
    people.note(connection, [note], setup.now, setup.new_id)
    ledger.withdraw(connection, has.subscriber, has.digest, setup.now)
    notices.answered(connection, has.address)
    rest = people.of_subscriber(connection, has.subscriber)
    if all(one.state is not _CONFIRMED for one in rest):
        people.set_state(connection, has.subscriber, SubscriberState.LEFT)
    return True


def leave(
    setup: Setup,
    token: str,
    *,
    purpose: Purpose = Purpose.PREFERENCES,
    form: str = "page",
    client: str = "",
) -> int:
    """Leave every digest; returns how many it were. What is known stays, and she can come back.

    Raises: BadLink
    """
    id = tokens.read(setup.keys, token, purpose, setup.now)
    evidence = Evidence(form=form, client=_client(setup, client))
    with setup.store.write() as connection:
        has = _of(connection, id)
        return _leave(setup, connection, has.subscriber, evidence)


def _leave(setup: Setup, connection: Connection, subscriber: str, evidence: Evidence) -> int:
    mine = people.of_subscriber(connection, subscriber)
    left = sum(leave_one(setup, connection, one, evidence) for one in mine)
    people.set_state(connection, subscriber, SubscriberState.LEFT)
    return left


def erase_by_link(
    setup: Setup, token: str, remove: Callable[[str], int], *, purpose: Purpose
) -> None:
    """Forget the person behind a link, and never write to her again.

    Raises: BadLink
    """
    has = look(setup, token, purpose)
    erase(setup, has.address, remove)


def erase(
    setup: Setup,
    address: str,
    remove: Callable[[str], int],
    *,
    reason: Suppression = Suppression.REQUEST,
) -> dict[str, int]:
    """Forget all that is known of an address, but that it must never be written to again.

    `remove` takes away what the transport keeps of its mails. Returns how much of what is gone.
    """
    with setup.store.write() as connection:
        gone = people.erase(connection, address)
        asks.suppress(connection, fingerprint(setup, address), reason, setup.now)
    files = remove(address)
    setup.store.scrub()
    return {**gone, "files": files}


def ask_to_move(setup: Setup, token: str, address: str) -> None:
    """Write to the new address whether it wants a subscriber's mail.

    She is told the same whether we know it or not.

    Raises: BadLink; BadAddress; TooMany
    """
    id = tokens.read(setup.keys, token, Purpose.PREFERENCES, setup.now)
    address = consent.address(address)
    with setup.store.write() as connection:
        has = _of(connection, id)
        if consent.mailbox(address) == consent.mailbox(has.address):
            raise BadAddress("this is the address that you have")
        # One subscriber must not have us write to all the world.
        if asks.tally(connection, "move", has.subscriber, setup.now) > consent.MAX_UNANSWERED:
            raise TooMany("you asked for this very often; please try again in an hour")
        mark = fingerprint(setup, address)
        asked = notices.unanswered(connection, address)
        is_known = people.id_of(connection, address) is not None
        is_often = len(asked) >= consent.MAX_UNANSWERED or any(
            setup.now - row.made_at < consent.DAY for row in asked if row.kind == "address"
        )
        tries = asks.tally(connection, "address change", has.subscriber, setup.now)
        if tries > _MOVES_AN_HOUR:
            raise TooMany("you asked for several other addresses; please try again in an hour")
        if is_known or is_often or asks.suppressed(connection, [mark]):
            return
        domain, limits = consent.domain(address), setup.config.limits
        to_domain = asks.tally(connection, "mail to domain", domain, setup.now)
        if to_domain > limits.per_domain:
            return
        if asks.tally(connection, "mail", "", setup.now) > limits.overall:
            return
        change = setup.new_id()
        people.ask_to_move(connection, change, has.subscriber, address, setup.now)
        queue(setup, connection, "address", address, has.digest, about=change)


def look_at_move(setup: Setup, token: str) -> str:
    """The address that a change of address leads to; changes nothing.

    Raises: BadLink
    """
    id = tokens.read(setup.keys, token, Purpose.ADDRESS, setup.now)
    with setup.store.read() as connection:
        change = people.address_change(connection, id)
        if change is None:
            raise BadLink("another change was asked for since, or the subscriber left")
        address: str = change.address
        return address


def move(setup: Setup, token: str, *, form: str = "page", client: str = "") -> str:
    """Confirm a change of address from the new one; returns it. Twice is the same as once.

    Raises: BadLink
    """
    address = look_at_move(setup, token)
    id = tokens.read(setup.keys, token, Purpose.ADDRESS, setup.now)
    with setup.store.write() as connection:
        change = people.address_change(connection, id)
        if change is None:
            raise BadLink("another change was asked for since, or the subscriber left")
        if change.done_at:
            return address
        if people.id_of(connection, address) is not None:
            raise BadLink("this address subscribed by itself since")
        people.move(connection, change.subscriber_id, address)
        people.moved(connection, id, setup.now)
        moved = Evidence(
            form=form,
            client=_client(setup, client),
            message_id=notices.about(connection, id, "address"),
        )
        note = (change.subscriber_id, "", "address changed", moved)
        people.note(connection, [note], setup.now, setup.new_id)
        notices.answered(connection, address)
    return address


def opine_by_link(setup: Setup, token: str, paper: str, is_liked: bool) -> str:
    """A reader's like or dislike from her mail; returns the paper's title.

    Raises: BadLink; Misuse for a paper that is not known.
    """
    has = look(setup, token, Purpose.OPINION)
    if has.state is not _CONFIRMED:
        raise BadLink("you are no longer subscribed to this digest")
    said, _ = learning.opine(setup, has.digest, paper, is_liked, address=has.address)
    return said.title


# --- by the operator -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribed:
    """What an operator's subscribing came to."""

    subscription: Subscription | None
    outcome: str  #: "confirmed", "already", or what became of the ask


def subscribe(setup: Setup, address: str, digest: str, evidence: str = "") -> Subscribed:
    """Ask an address for its consent; with evidence of it, confirm at once.

    Raises: Misuse; also where the address is suppressed.
    """
    _known(setup, digest)
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
        _confirmed(setup, connection, has, said, "evidence of the operator")
        return Subscribed(subscription=_of(connection, has.id), outcome="confirmed")


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
        return _leave(setup, connection, subscriber, evidence) if subscriber else 0


# --- by mail -------------------------------------------------------------------------------------


def prefer_by_mail(
    setup: Setup, token: str, change: Callable[[Preferences], Preferences]
) -> Subscription:
    """Change some of the preferences, by a token in the reply address.

    Raises: BadLink; Misuse
    """
    has = look(setup, token, Purpose.PREFERENCES)
    return prefer(setup, token, change(has.preferences), form="mail")


def answer_address(setup: Setup, has: Subscription, purpose: Purpose) -> str:
    """Where a subscriber's mail to us goes, with her token in it; empty: no mail is read."""
    return reply_address(setup, token(setup, purpose, has.id, setup.now))
