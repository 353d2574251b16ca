"""What carries a mail away."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from digest.types import Mail, Receipt

if TYPE_CHECKING:
    from digest.transports.smtp.servers import Server

#: Awaited before the last byte of a mail goes out; False: it must not go.
Ready = Callable[[], Awaitable[bool]]


class Line(Protocol):
    """One way out, kept open, for one mail at a time."""

    async def send(self, mail: Mail, issue: str, ready: Ready) -> Receipt:
        """Carry a mail away.

        Raises: Temporary, Refused and other Permanent; NoServer (nothing goes now, whatever the
        mail), Interrupted, Withdrawn (`ready` said no), InDoubt.
        """

    async def close(self) -> None:
        """Say goodbye."""


@runtime_checkable
class Lines(Protocol):
    """A transport that takes many mails at once."""

    lines: int  #: at most so many at once

    def line(self) -> Line:
        """A new one, not yet connected."""


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


def _smtp(
    *,
    servers: Sequence[Server],
    timeout_s: float = 300.0,
    ca_file: Path | None = None,
    ehlo_name: str = "",
    dot_timeout_s: float = 600.0,
    turn: Callable[[str, float], float] | None = None,
    **_: Any,
) -> Transport:
    from digest.transports.smtp import Smtp

    return Smtp(
        servers,
        timeout_s=timeout_s,
        dot_timeout_s=dot_timeout_s,
        ca_file=ca_file,
        ehlo_name=ehlo_name,
        turn=turn,
    )


def _sendmail(*, command: Sequence[str], **_: Any) -> Transport:
    from digest.transports.sendmail import Sendmail

    return Sendmail(command)


BUILTIN: dict[str, Callable[..., Transport]] = {
    "outbox": _outbox,
    "smtp": _smtp,
    "sendmail": _sendmail,
}
