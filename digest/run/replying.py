"""What is answered to mail that came in, to whom, and how often."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from email.utils import parseaddr
from functools import cached_property

from digest import consent, texts
from digest.run.editions import template_folders
from digest.run.setup import Setup
from digest.run.subscribing import fingerprint, queue
from digest.store import Connection, asks, notices

#: Source: RFC 3834, 2: not often to the same, whatever is asked.
ONCE_IN = timedelta(hours=1)
_MAX_DIGESTS = 50
_PAUSE_EXAMPLE = timedelta(days=30)
_COMMANDS = ("subscribe", "unsubscribe", "often", "topics", "pause", "help")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What is to be said to somebody, in our words only."""

    to: str
    digest: str  #: which it is about; empty: none of them
    about: str = ""  #: her subscription, where she proved that it is hers
    lines: tuple[str, ...] = ()
    in_reply_to: str = ""


class Voice:
    """Our words for answers, read once."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup

    @cached_property
    def _texts(self) -> dict[str, str]:
        return texts.load(template_folders(self._setup.config), self._setup.config.language)

    def said(self, key: str, digest: str = "", **values: str) -> str:
        """A sentence of the texts, filled in."""
        config = self._setup.config
        name = digest or next(iter(config.digests), "")
        known = {
            "name": name,
            "title": config.title(name) if name in config.digests else name,
            "date": (self._setup.now + _PAUSE_EXAMPLE).date().isoformat(),
            **values,
        }
        words = self._texts[f"answer.{key}"]
        for one, value in known.items():
            words = words.replace(f"{{{one}}}", value)
        return words

    def names(self) -> tuple[str, ...]:
        """The digests, a line each."""
        known = list(self._setup.config.digests)[:_MAX_DIGESTS]
        return (self.said("digests"), *(self.said("digest", name) for name in known))

    def instructions(self) -> tuple[str, ...]:
        """What can be written to us."""
        commands = (self.said(f"command-{one}") for one in _COMMANDS)
        return (self.said("commands"), *commands, *self.names())


def is_ours(setup: Setup, address: str) -> bool:
    """Is it an address that we write from, or the operator's? Whatever stands behind a plus."""
    config = setup.config
    senders = [config.inbox.address, config.operator.contact, config.notices_from]
    senders += [parseaddr(config.masthead(name).sender)[1] for name in config.digests]
    return _plain(address) in {_plain(one) for one in senders if one}


def _plain(address: str) -> str:
    local, _, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"


def reply(setup: Setup, connection: Connection, one: Reply) -> bool:
    """Queue an answer, unless there are reasons to say nothing."""
    name = (
        one.digest if one.digest in setup.config.digests else next(iter(setup.config.digests), "")
    )
    if not name or not one.lines or is_ours(setup, one.to):
        return False
    last = notices.last_at(connection, one.to, "answer")
    if last is not None and setup.now - last < ONCE_IN:
        return False
    if asks.suppressed(connection, [fingerprint(setup, one.to)]):
        return False
    # Whoever proved nothing may be anybody's forgery, so these count as all that strangers cause.
    if not one.about and not _within_limits(setup, connection, one.to):
        return False
    queue(
        setup,
        connection,
        "answer",
        one.to,
        name,
        about=one.about,
        lines=tuple(dict.fromkeys(one.lines)),
        # An answer is one also where there is no Message-ID to name.
        in_reply_to=one.in_reply_to or "-",
    )
    return True


def _within_limits(setup: Setup, connection: Connection, address: str) -> bool:
    limits, domain = setup.config.limits, consent.domain(address)
    if (
        asks.tallied(connection, "mail to domain", domain, setup.now) >= limits.per_domain
        or asks.tallied(connection, "mail", "", setup.now) >= limits.overall
    ):
        return False
    asks.tally(connection, "mail to domain", domain, setup.now)
    asks.tally(connection, "mail", "", setup.now)
    return True
