"""ask(): what a stranger asks for is kept. She is told the same whatever we know of her."""

from __future__ import annotations

from digest import consent, match
from digest.errors import Misuse, TooMany
from digest.run.setup import Setup
from digest.store import asks
from digest.types import (
    Preferences,
    SignUp,
)


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
    known(setup, digest)
    address = consent.address(address)
    check(preferences)
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
            client=client_mark(setup, client),
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


def known(setup: Setup, digest: str) -> None:
    """Raises: Misuse for a digest that there is not, naming those there are."""
    if digest not in setup.config.digests:
        names = ", ".join(setup.config.digests)
        raise Misuse(f"there is no digest {digest[:80]!r}; there are {names}")


def check(preferences: Preferences | None) -> None:
    """Raises: Misuse for topics that cannot be read."""
    try:
        for topic in preferences.topics if preferences else ():
            match.parse_topic(topic)
    except Misuse as why:
        raise Misuse(f"topics: {why}") from why


def client_mark(setup: Setup, client: str) -> str:
    """What is kept of an IP address."""
    return setup.keys.fingerprint("client", client) if client else ""


def fingerprint(setup: Setup, address: str) -> str:
    """What a suppressed address is known by."""
    return setup.keys.fingerprint("address", consent.mailbox(address))
