"""Where the links in mails lead: of one reader, and what stands for them in what many share."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta

from digest import tokens
from digest.run.setup import Setup
from digest.tokens import NOBODY, Purpose
from digest.types import Masthead, ReaderLinks

#: A confirmation can be answered for so long; what changes preferences, for half a year.
CONFIRM_FOR = timedelta(days=3)
CHANGE_FOR = timedelta(days=180)

_ID = re.compile(r"[0-9a-f]{16}")  #: what a token can be for
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
    return tokens.sign(setup.keys, purpose, id, _until(purpose, made_at))


def _until(purpose: Purpose, made_at: datetime) -> datetime | None:
    if purpose is Purpose.UNSUBSCRIBE:
        return None
    return made_at + (CONFIRM_FOR if purpose in (Purpose.CONFIRM, Purpose.ADDRESS) else CHANGE_FOR)


def return_path(setup: Setup, id: str, made_at: datetime) -> str:
    """Where a mail comes back to: it names the mail, whatever the report about it says."""
    if not setup.config.inbox.address or not _ID.fullmatch(id):
        return ""
    return reply_address(setup, token(setup, Purpose.RETURN, id, made_at))


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


def of_reader(
    setup: Setup, subscription: str, made_at: datetime, message_id: str = ""
) -> ReaderLinks:
    """One reader's own, in a mail of an issue made at a moment."""
    return Readers(setup).links(subscription, made_at, message_id)


class Readers:
    """The links of one reader after the other."""

    def __init__(self, setup: Setup) -> None:
        self.keys = setup.keys
        shared = placeholders(setup)
        self.shared = [shared[purpose] for purpose in _SHARED]
        self.leave = url(setup, Purpose.UNSUBSCRIBE, "")
        address = setup.config.inbox.address
        self.local, self.at = "", ""
        if address:
            local, _, domain = address.rpartition("@")
            self.local, self.at = f"{local}+", f"@{domain}"

    def links(self, subscription: str, made_at: datetime, message_id: str) -> ReaderLinks:
        """The links of one. A message id that is not ours has no way back of its own."""
        wanted = [(one, subscription, _until(one, made_at)) for one in _SHARED]
        id = message_id[:16]
        if self.at and _ID.fullmatch(id):
            wanted.append((Purpose.RETURN, id, _until(Purpose.RETURN, made_at)))
        leave, change, opine, *back = tokens.sign_all(self.keys, wanted)
        own = tuple(zip(self.shared, (leave, change, opine), strict=True))
        if not self.at:
            return ReaderLinks(unsubscribe_url=self.leave + leave, tokens=own)
        return ReaderLinks(
            unsubscribe_url=self.leave + leave,
            unsubscribe_mailto=f"mailto:{self.local}{leave}{self.at}?subject=unsubscribe",
            reply_to=f"{self.local}{change}{self.at}",
            return_path=f"{self.local}{back[0]}{self.at}" if back else "",
            tokens=own,
        )


def reply_address(setup: Setup, token: str) -> str:
    """The address that a token is answered to; empty where no mail is read."""
    if not setup.config.inbox.address:
        return ""
    local, _, domain = setup.config.inbox.address.rpartition("@")
    return f"{local}+{token}@{domain}"
