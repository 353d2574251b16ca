"""What a reader does by her links: confirm, change, leave, be forgotten."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from digest import consent, tokens
from digest.errors import BadLink
from digest.run import learning, links
from digest.run.setup import Setup
from digest.run.subscribing.answering import queue
from digest.run.subscribing.asking import check, client_mark, fingerprint
from digest.store import Connection, asks, ledger, notices, people
from digest.tokens import Purpose
from digest.types import (
    Evidence,
    Preferences,
    SubscriberState,
    Subscription,
    SubscriptionState,
    Suppression,
)

_UNCONFIRMED, _CONFIRMED = SubscriptionState.UNCONFIRMED, SubscriptionState.CONFIRMED
_UNSUBSCRIBED = SubscriptionState.UNSUBSCRIBED
_TO_THE_HOUR = timedelta(hours=1)  #: links end at a full hour
NOBODY = "this address cannot be written to"


def look(setup: Setup, token: str, purpose: Purpose) -> Subscription:
    """The subscription of a link, to be shown; changes nothing.

    Raises: BadLink
    """
    id = tokens.read(setup.keys, token, purpose, setup.now)
    with setup.store.read() as connection:
        found = of(connection, id)
        refuse_older(connection, found, token, purpose)
        return found


def refuse_older(connection: Connection, has: Subscription, token: str, purpose: Purpose) -> None:
    """Raises: BadLink for what was sent to an address that she has no more.

    Unsubscribing stays possible: that link never ends.
    """
    moved_at = people.moved_at(connection, has.subscriber)
    made_at = (tokens.ends_at(token) or moved_at or tokens.EPOCH) - links.CHANGE_FOR
    changes = purpose in (Purpose.PREFERENCES, Purpose.OPINION)
    if changes and moved_at and made_at + _TO_THE_HOUR < moved_at:
        raise BadLink("your address changed since this mail was sent; newer mails have newer links")


def of(connection: Connection, id: str) -> Subscription:
    """The subscription of an id.

    Raises: BadLink where it was erased.
    """
    found = people.subscription(connection, id)
    if found is None:
        raise BadLink(
            "nothing is known here of this subscription any more; it was erased, and only the"
            " operator can have mail sent to its address again"
        )
    return found


def confirm(
    setup: Setup, token: str, *, form: str = "page", client: str = "", message_id: str = ""
) -> Subscription:
    """The answer to a confirmation mail. Twice is the same as once.

    Raises: BadLink
    """
    id = tokens.read(setup.keys, token, Purpose.CONFIRM, setup.now)
    with setup.store.write() as connection:
        has = of(connection, id)
        if has.state is _CONFIRMED:
            notices.answered(connection, has.address)
            return has
        if has.state is _UNSUBSCRIBED and not notices.is_asked(connection, id, "confirm"):
            raise BadLink("you unsubscribed after this mail was sent; please ask for a new one")
        mark = fingerprint(setup, has.address)
        if asks.suppressed(connection, [mark]):
            raise BadLink(NOBODY)
        asked = notices.about(connection, id, "confirm")
        evidence = Evidence(
            form=form, client=client_mark(setup, client), message_id=message_id or asked
        )
        confirmed(setup, connection, has, evidence, "double opt-in")
        return of(connection, id)


def confirmed(
    setup: Setup, connection: Connection, has: Subscription, evidence: Evidence, why: str
) -> None:
    """Confirm a subscription, keep what proves it, and have its reader welcomed."""
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
    check(preferences)
    id = look(setup, token, Purpose.PREFERENCES).id
    return _prefer(setup, id, preferences, form, client)


def _prefer(
    setup: Setup, id: str, preferences: Preferences, form: str, client: str = ""
) -> Subscription:
    with setup.store.write() as connection:
        has = of(connection, id)
        if has.preferences != preferences:
            people.prefer(connection, id, preferences)
            changed = Evidence(
                form=form,
                client=client_mark(setup, client),
                text=str(consent.words(preferences)) if preferences != Preferences() else "",
            )
            note = (has.subscriber, has.digest, "preferences", changed)
            people.note(connection, [note], setup.now, setup.new_id)
        notices.answered(connection, has.address)
        return of(connection, id)


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
    id = look(setup, token, purpose).id
    with setup.store.write() as connection:
        has = of(connection, id)
        said = Evidence(form=form, client=client_mark(setup, client), message_id=message_id)
        leave_one(setup, connection, has, said)
        return of(connection, id)


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
    notices.withdraw(connection, has.id, "welcome")
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
    id = look(setup, token, purpose).id
    evidence = Evidence(form=form, client=client_mark(setup, client))
    with setup.store.write() as connection:
        has = of(connection, id)
        return leave_all(setup, connection, has.subscriber, evidence)


def leave_all(setup: Setup, connection: Connection, subscriber: str, evidence: Evidence) -> int:
    """Take a subscriber out of every digest; returns of how many."""
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
    with setup.store.read() as connection:
        known_as = people.known_as(connection, address)
    # Files first: if they cannot be removed nothing is forgotten, and it can be tried again. Once
    # more at the end, for what was sent meanwhile.
    files = sum(remove(one) for one in known_as)
    with setup.store.write() as connection:
        gone = people.erase(connection, known_as)
        for one in known_as:
            asks.suppress(connection, fingerprint(setup, one), reason, setup.now)
    files += sum(remove(one) for one in known_as)
    setup.store.scrub()
    return {**gone, "files": files}


def opine_by_link(setup: Setup, token: str, paper: str, is_liked: bool) -> str:
    """A reader's like or dislike from her mail; returns the paper's title.

    Raises: BadLink; Misuse for a paper that is not known.
    """
    has = look(setup, token, Purpose.OPINION)
    if has.state is not _CONFIRMED:
        raise BadLink("you are no longer subscribed to this digest; subscribe again to say that")
    said, _ = learning.opine(setup, has.digest, paper, is_liked, address=has.address)
    return said.title


def prefer_by_mail(
    setup: Setup, token: str, change: Callable[[Preferences], Preferences]
) -> Subscription:
    """Change some of the preferences, by a token in the reply address.

    Raises: BadLink; Misuse
    """
    has = look(setup, token, Purpose.PREFERENCES)
    return prefer(setup, token, change(has.preferences), form="mail")
