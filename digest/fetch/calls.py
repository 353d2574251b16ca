"""POST to a service that the operator named: no redirect, limits of time and size on the answer.

The operator's own services have private addresses more often than not, so these are allowed here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from digest.fetch.guard import Guard, parsed_url
from digest.fetch.pace import retry_after_s
from digest.fetch.timer import Timer
from digest.fetch.wire import Broken, Wire

CONNECT_S = 10.0
MAX_BYTES = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a service answered to a call."""

    status: int
    body: bytes  #: of a 200, and of an error of ours
    retry_after_s: float | None = None  #: how long it asks to be left alone


class Caller:
    """Calls one address, each time over a connection of its own. Threads may share one."""

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float,
        max_bytes: int = MAX_BYTES,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._url = parsed_url(url)
        self._timeout_s = timeout_s
        self._now = now
        self._wire = Wire(
            Guard([self._url.netloc.decode("ascii")]),
            timeout_s=timeout_s,
            connect_s=min(CONNECT_S, timeout_s),
            max_bytes=max_bytes,
            telling=range(400, 500),
        )

    def __call__(self, headers: Mapping[str, str], content: bytes) -> Answer:
        """What comes back within the time there is, whatever its status.

        Raises: SourceDown, TooLarge.
        """
        timer = Timer(self._timeout_s, time.monotonic)
        try:
            reply = self._wire.ask(
                self._url,
                {
                    "User-Agent": "papers-digest",
                    "Accept-Encoding": "gzip",
                    "Connection": "close",
                    "Content-Length": str(len(content)),
                    **headers,
                },
                timer,
                lambda: None,
                content,
            )
        except Broken as broken:
            raise broken.error from broken
        after_s = retry_after_s(reply.headers.get("retry-after", ""), self._now())
        return Answer(status=reply.status, body=reply.body, retry_after_s=after_s)


def look(
    url: str, headers: Mapping[str, str], *, timeout_s: float, allow: Collection[str] | None = None
) -> tuple[int, datetime | None]:
    """The status that an address answers with, and its own clock; nothing is read of the answer.

    `allow` are the hosts that may have private addresses; else it is an operator's own service.

    Raises: SourceDown; AddressRefused.
    """
    where = parsed_url(url)
    hosts = [where.netloc.decode("ascii")] if allow is None else allow
    wire = Wire(Guard(hosts), timeout_s=timeout_s, connect_s=timeout_s, max_bytes=MAX_BYTES)
    told = {"User-Agent": "papers-digest", "Connection": "close", **headers}
    try:
        reply = wire.ask(where, told, Timer(timeout_s, time.monotonic), lambda: None)
    except Broken as broken:
        raise broken.error from broken
    return reply.status, _date(reply.headers.get("date", ""))


def _date(header: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(header)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
