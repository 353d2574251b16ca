"""A subscriber gets another address, and confirms that from there."""

from __future__ import annotations

from digest import consent, tokens
from digest.errors import BadAddress, BadLink, TooMany
from digest.run.setup import Setup
from digest.run.subscribing.answering import queue
from digest.run.subscribing.asking import client_mark, fingerprint
from digest.run.subscribing.choosing import NOBODY, look, of
from digest.store import asks, notices, people
from digest.tokens import Purpose
from digest.types import Evidence

_OUTDATED = (
    "another change was asked for since, or the subscriber left; what was mailed last counts"
)
_MOVES_AN_HOUR = 3  #: addresses that one subscriber can have us write to


def ask_to_move(setup: Setup, token: str, address: str) -> None:
    """Write to the new address whether it wants a subscriber's mail.

    She is told the same whether we know it or not.

    Raises: BadLink; BadAddress; TooMany
    """
    id = look(setup, token, Purpose.PREFERENCES).id
    address = consent.address(address)
    with setup.store.write() as connection:
        has = of(connection, id)
        if consent.mailbox(address) == consent.mailbox(has.address):
            raise BadAddress("this is the address that you have")
        # One subscriber must not have us write to all the world.
        if asks.tally(connection, "move", has.subscriber, setup.now) > _MOVES_AN_HOUR:
            raise TooMany("you asked for this very often; please try again in an hour")
        mark = fingerprint(setup, address)
        asked = notices.unanswered(connection, address)
        is_known = people.id_of(connection, address) is not None
        is_often = len(asked) >= consent.MAX_UNANSWERED or any(
            setup.now - row.made_at < consent.DAY for row in asked if row.kind == "address"
        )
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
            raise BadLink(_OUTDATED)
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
            raise BadLink(_OUTDATED)
        if change.done_at:
            return address
        if people.id_of(connection, address) is not None:
            raise BadLink("this address subscribed by itself since; its own mails have its links")
        if asks.suppressed(connection, [fingerprint(setup, address)]):
            raise BadLink(NOBODY)
        former = people.address_of(connection, change.subscriber_id) or ""
        people.move(connection, change.subscriber_id, address)
        people.moved(connection, id, setup.now)
        moved = Evidence(
            form=form,
            client=client_mark(setup, client),
            message_id=notices.about(connection, id, "address"),
            former=former,
        )
        note = (change.subscriber_id, "", "address changed", moved)
        people.note(connection, [note], setup.now, setup.new_id)
        notices.answered(connection, address)
    return address
