"""Which mail server next: weights, fail-over, and leaving those alone that do not work. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from digest.errors import NoServer

if TYPE_CHECKING:
    from digest.transports.smtp.connection import Connection

#: How long a server is left alone after each failure in a row.
COOL_S = (60, 300, 900, 1800, 3600)
#: Conversations that broke off without one mail between them, until the server counts as failing.
MOST_BREAKS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One mail server of the configuration."""

    name: str = ""  #: the configured one; empty where there is one server only
    host: str
    port: int
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password: str = field(default="", repr=False)
    connections: int = 10
    weight: int = 1  #: 0: only when all others are down
    per_second: float | None = None

    @property
    def place(self) -> str:
        """Where it is, for words."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.name} ({host}:{self.port})" if self.name else f"{host}:{self.port}"


class Unusable(Exception):
    """The server cannot be used now; with `is_final`, not in this run."""

    def __init__(self, words: str, *, is_final: bool = False) -> None:
        super().__init__(words)
        self.is_final = is_final


@dataclass(slots=True)
class Standing:
    """How we stand with a server."""

    server: Server
    open: int = 0  #: connections, those included that are being made
    idle: list[Connection] = field(default_factory=list)
    failures: int = 0  #: in a row
    cools_until: float = -math.inf  #: by the monotonic clock
    words: str = ""  #: why it cools
    next_at: float = -math.inf  #: when the next mail may go
    #: (what of, mails a second) → seconds until the next turn, taken; it outlives this process.
    turn: Callable[[str, float], float] | None = None
    _breaks: int = 0

    def cools(self, now: float) -> bool:
        """Is it to be left alone?"""
        return now < self.cools_until

    def failed(self, now: float, why: Unusable, seen: int) -> None:
        """It could not be used by who saw it with `seen` failures before."""
        if why.is_final:
            self.cools_until, self.words = math.inf, str(why)
        # Ten lines that run into one dead server at a time are one failure.
        elif seen == self.failures and self.cools_until < math.inf:
            self.failures += 1
            wait_s = COOL_S[min(self.failures, len(COOL_S)) - 1]
            self.cools_until, self.words = max(self.cools_until, now + wait_s), str(why)

    def works(self) -> None:
        """It took a mail, or refused one in order."""
        self.failures = self._breaks = 0

    def broke(self, now: float, words: str) -> None:
        """A conversation broke off."""
        self._breaks += 1
        if self._breaks >= MOST_BREAKS:
            self._breaks = 0
            self.failed(now, Unusable(f"it broke off {MOST_BREAKS} times, {words}"), self.failures)

    def turn_s(self, now: float) -> float:
        """Take the next turn; the seconds until then."""
        if not self.server.per_second:
            return 0.0
        if self.turn:
            return self.turn(f"server {self.server.place}", self.server.per_second)
        at = max(now, self.next_at)
        self.next_at = at + 1 / self.server.per_second
        return at - now


def pick(standings: Sequence[Standing], now: float, *, fresh: bool) -> tuple[Standing, bool] | None:
    """The server for the next mail, and whether over a new connection; None: not now.

    Open connections come to be in proportion to the weights. With `fresh` none that is idle will
    do, but where there cannot be another.
    """
    wanted = [s for s in standings if s.server.weight and (s.idle or not s.cools(now))]
    found: list[tuple[float, bool, int]] = []
    among = wanted or standings
    for place, one in enumerate(among):
        weight = one.server.weight or 1
        cools = one.cools(now)
        if one.idle and (cools or not fresh):
            found.append((one.open / weight, False, place))
        elif not cools and (one.idle or one.open < one.server.connections):
            found.append(((one.open + 1) / weight, True, place))
    if not found:
        return None
    _, is_new, place = min(found)
    return among[place], is_new


def none_left(standings: Sequence[Standing], now: float) -> NoServer:
    """That no server takes mail, and why."""
    reasons = "; ".join(f"{s.server.place}: {s.words or 'not reached'}" for s in standings)
    error = NoServer(f"no mail server takes mail: {reasons}")
    soonest = min(s.cools_until for s in standings)
    error.wait_s = max(0.0, soonest - now) if math.isfinite(soonest) else None
    return error
