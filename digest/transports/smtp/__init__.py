"""The transport that hands mails to mail servers."""

from __future__ import annotations

import asyncio
import math
import re
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from digest.errors import BadConfig, Interrupted, Refused, Temporary
from digest.transports import Line, Ready
from digest.transports.smtp.greeting import Manners, connect
from digest.transports.smtp.parcel import Parcel
from digest.transports.smtp.pool import Pool
from digest.transports.smtp.replies import Broken, Reply
from digest.transports.smtp.servers import Server, Standing, Unusable
from digest.types import Mail, Receipt

#: Source: RFC 5321, 4.5.3.2.6: whoever gives up sooner sends many mails twice.
DOT_TIMEOUT_S = 600.0
_TRIES = 2


class Smtp:
    """Mails over SMTP, many at once. Notices go one at a time, by `send`."""

    is_repeatable = False

    def __init__(
        self,
        servers: Sequence[Server],
        *,
        timeout_s: float = 300.0,
        dot_timeout_s: float = DOT_TIMEOUT_S,
        ca_file: Path | None = None,
        ehlo_name: str = "",
        turn: Callable[[str, float], float] | None = None,
    ) -> None:
        """`turn` gives the servers' turns, where more than this process must keep to them.

        Raises: BadConfig.
        """
        _check(servers, ehlo_name)
        self.lines = sum(server.connections for server in servers)
        self._has_names = len(servers) > 1
        self._manners = Manners(
            context=_context(servers, ca_file),
            ehlo_name=ehlo_name,
            timeout_s=timeout_s,
            dot_timeout_s=dot_timeout_s,
        )
        self._standings = [Standing(server, turn=turn) for server in servers]
        # Notices may go from another thread while lines are open.
        self._aside = [Standing(server, turn=turn) for server in servers]
        self._lock = threading.Lock()
        self._pool: Pool | None = None

    def line(self) -> Line:
        """One that takes whatever connection is free."""
        return _Line(self)

    def send(self, mail: Mail, issue: str) -> Receipt:
        """Carry one mail away, over a connection of its own.

        Raises: Temporary, Permanent, InDoubt.
        """

        async def carry() -> Receipt:
            for standing in self._aside:
                standing.open = 0
                standing.idle.clear()
            pool = Pool(self._aside, self._manners)
            pool.lines = 1
            try:
                return await self.carry(pool, mail, _yes)
            finally:
                await pool.leave()

        with self._lock:
            return asyncio.run(carry())

    def publish(self, issue: str, pages: Mapping[str, str]) -> Path | None:
        """Mail servers have no place for pages."""
        return None

    def erase(self, address: str) -> int:
        """Nothing is kept here."""
        return 0

    async def greet(self) -> list[tuple[str, str, str]]:
        """For each server its place, why it cannot be used, or "", and who was let in.

        Each is connected to, encrypted, logged in to as for a mail, and left again.
        """

        async def tried(server: Server) -> tuple[str, str, str]:
            try:
                connection = await connect(server, self._manners)
            except Unusable as why:
                return server.place, str(why), server.user
            await connection.close()
            return server.place, "", server.user

        servers = [standing.server for standing in self._standings]
        return list(await asyncio.gather(*map(tried, servers)))

    def pool(self) -> Pool:
        """The connections of the running loop."""
        if not self._pool or self._pool.loop is not asyncio.get_running_loop():
            for standing in self._standings:
                standing.open = 0
                standing.idle.clear()
            self._pool = Pool(self._standings, self._manners)
        return self._pool

    async def carry(self, pool: Pool, mail: Mail, ready: Ready) -> Receipt:
        """Carry one mail away; once more where the line broke before its last byte.

        Raises: as Line.send.
        """
        parcel = Parcel(mail)
        for number in range(1, _TRIES + 1):
            connection = await pool.take(fresh=number > 1)
            try:
                reply = await connection.carry(parcel, ready)
            except Broken as why:
                pool.drop(connection, str(why))
                if number == _TRIES:
                    raise Interrupted(f"{connection.name}: {why}") from why
            except (Refused, Temporary):
                pool.give(connection)
                raise
            except BaseException:  # withdrawn, in doubt, called off: the connection is closed
                pool.drop(connection)
                raise
            else:
                pool.give(connection)
                return Receipt(detail=self._detail(connection.name, reply))
        raise AssertionError("unreachable")

    def _detail(self, place: str, reply: Reply) -> str:
        name = place.partition(" (")[0]
        return (f"{name}: {reply}" if self._has_names else str(reply))[:200]


class _Line:
    def __init__(self, smtp: Smtp) -> None:
        self._smtp = smtp
        self._pool: Pool | None = None

    async def send(self, mail: Mail, issue: str, ready: Ready) -> Receipt:
        pool = self._pool
        if not pool:
            pool = self._pool = self._smtp.pool()
            pool.lines += 1
        return await self._smtp.carry(pool, mail, ready)

    async def close(self) -> None:
        if self._pool:
            pool, self._pool = self._pool, None
            await pool.leave()


async def _yes() -> bool:
    return True


def _context(servers: Sequence[Server], ca_file: Path | None) -> ssl.SSLContext:
    if all(server.security == "none" for server in servers):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # not used; the real one takes 20 ms
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as why:
        raise BadConfig(
            f"[smtp] ca_file {str(ca_file)!r} cannot be read: {why.strerror or why}; it holds"
            " certificates in PEM form"
        ) from why


def _check(servers: Sequence[Server], ehlo_name: str) -> None:
    if not servers:
        raise BadConfig("[smtp] has no server; give it a host")
    if len({server.name for server in servers}) < len(servers):
        raise BadConfig("[smtp] has two servers of one name")
    if not re.fullmatch(r"[A-Za-z0-9.:\[\]_-]{0,255}", ehlo_name):
        raise BadConfig(f"{ehlo_name!r} is not the name of a host to say EHLO with")
    for server in servers:
        where = f"[smtp] server {server.place}"
        if server.security == "none" and (server.user or server.password):
            raise BadConfig(
                f'{where}: security = "none" with a user: a password does not go over the network'
                ' without encryption; use "starttls" or "tls", or leave out the user'
            )
        if "\0" in server.user or "\0" in server.password:
            raise BadConfig(f"{where}: the user or password has a null character in it")
        if server.user and not server.password:
            raise BadConfig(f"{where}: there is a user, {server.user!r}, but no password")
        if server.per_second is not None and not 0 < server.per_second < math.inf:
            raise BadConfig(f"{where}: per_second = {server.per_second} is no rate")
