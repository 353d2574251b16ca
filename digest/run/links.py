"""Where the links in mails lead: of one reader, and what stands for them in what many share."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from digest import tokens
from digest.run.setup import Setup
from digest.tokens import NOBODY, Purpose
from digest.types import Masthead, ReaderLinks

#: A confirmation can be answered for so long; what changes preferences, for half a year.
CONFIRM_FOR = timedelta(days=3)
CHANGE_FOR = timedelta(days=180)

_SHARED = (Purpose.UNSUBSCRIBE, Purpose.PREFERENCES, Purpose.OPINION)
_PATHS = {
    Purpose.CONFIRM: "confirm",
    Purpose.UNSUBSCRIBE: "unsubscribe",
    Purpose.PREFERENCES: "preferences",
    Purpose.OPINION: "opinion",
    Purpose.ADDRESS: "address",
}


def url(setup: Setup, purpose: Purpose, token: str) -> str:
    """The page that takes a token."""
    return f"{setup.config.pages_url}/{_PATHS[purpose]}/{token}"


def token(setup: Setup, purpose: Purpose, id: str, made_at: datetime) -> str:
    """A token for a mail made at a moment; the same whenever the mail is made again."""
    if purpose is Purpose.UNSUBSCRIBE:
        return tokens.sign(setup.keys, purpose, id)
    kept = CONFIRM_FOR if purpose in (Purpose.CONFIRM, Purpose.ADDRESS) else CHANGE_FOR
    return tokens.sign(setup.keys, purpose, id, made_at + kept)


def placeholders(setup: Setup) -> dict[Purpose, str]:
    """What stands for the tokens of a reader. Nobody who writes an abstract can know them."""
    return {purpose: tokens.sign(setup.keys, purpose, NOBODY) for purpose in _SHARED}


def masthead(setup: Setup, name: str) -> Masthead:
    """What stands around the papers in a mail to readers."""
    shared = placeholders(setup)
    return replace(
        setup.config.masthead(name),
        unsubscribe_url=url(setup, Purpose.UNSUBSCRIBE, shared[Purpose.UNSUBSCRIBE]),
        preferences_url=url(setup, Purpose.PREFERENCES, shared[Purpose.PREFERENCES]),
        opinion_url=url(setup, Purpose.OPINION, shared[Purpose.OPINION]),
    )


def of_reader(setup: Setup, subscription: str, made_at: datetime) -> ReaderLinks:
    """One reader's own, in a mail of an issue made at a moment."""
    mine = {purpose: token(setup, purpose, subscription, made_at) for purpose in _SHARED}
    shared = placeholders(setup)
    leave = mine[Purpose.UNSUBSCRIBE]
    return ReaderLinks(
        unsubscribe_url=url(setup, Purpose.UNSUBSCRIBE, leave),
        unsubscribe_mailto=mailto(setup, leave),
        reply_to=reply_address(setup, mine[Purpose.PREFERENCES]),
        tokens=tuple((shared[purpose], mine[purpose]) for purpose in _SHARED),
    )


def reply_address(setup: Setup, token: str) -> str:
    """The address that a token is answered to; empty where no mail is read."""
    if not setup.config.inbox.address:
        return ""
    local, _, domain = setup.config.inbox.address.rpartition("@")
    return f"{local}+{token}@{domain}"


def mailto(setup: Setup, token: str) -> str:
    """Unsubscribing by mail."""
    address = reply_address(setup, token)
    return f"mailto:{address}?subject=unsubscribe" if address else ""
