"""Who signs our mails."""

from __future__ import annotations

from digest import dkim
from digest.mail.headers import sender
from digest.run.setup import Setup


def signer(setup: Setup, of: str) -> dkim.Signer | None:
    """What signs the mails from "Name <address>"; none where [dkim] names no selector.

    Raises: BadConfig
    """
    own = setup.config.dkim
    if not own.selector:
        return None
    return dkim.Signer(own.domain or domain(of), own.selector, setup.signing_key)


def domain(of: str) -> str:
    """The domain that mails from "Name <address>" are of."""
    return sender(of)[1].rpartition("@")[2]
