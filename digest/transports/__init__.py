"""What carries a mail away."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from digest.types import Mail, Receipt


class Transport(Protocol):
    """Takes mails, one at a time."""

    #: May the same mail be handed over again after a crash without a second one coming of it?
    is_repeatable: bool

    def send(self, mail: Mail, issue: str) -> Receipt:
        """Carry a mail of an issue away.

        Raises: Temporary when it may work later, Permanent when it never will.
        """

    def publish(self, issue: str, pages: Mapping[str, str]) -> Path | None:
        """Lay an issue's pages (file name → text) where people find them, if there is a place."""

    def erase(self, address: str) -> int:
        """Remove what is kept of the mails to an address; returns how many they were."""


def _outbox(folder: Path, **_: Any) -> Transport:
    from digest.transports.outbox import Outbox

    return Outbox(folder)


BUILTIN: dict[str, Callable[..., Transport]] = {"outbox": _outbox}
