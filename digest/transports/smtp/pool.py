"""The connections that all lines share: kept, handed on, and opened where `servers` says."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Sequence

from digest.transports.smtp.connection import Connection
from digest.transports.smtp.greeting import Manners, connect
from digest.transports.smtp.servers import Standing, Unusable, none_left, pick

#: Look again after this even if nothing happened.
_LONGEST_WAIT_S = 60.0


class Pool:
    """Belongs to one event loop."""

    def __init__(self, standings: Sequence[Standing], manners: Manners) -> None:
        self.loop = asyncio.get_running_loop()
        self.lines = 0
        self._standings = standings
        is_plain = len(standings) == 1 and not standings[0].server.per_second
        self._only = standings[0] if is_plain else None
        self._manners = manners
        self._of: dict[Connection, Standing] = {}
        #: who waits for a connection, and whether it must be a new one
        self._waiting: deque[tuple[asyncio.Future[Connection | None], bool]] = deque()

    async def take(self, *, fresh: bool = False) -> Connection:
        """A connection for one mail, once it is its server's turn.

        Raises: NoServer.
        """
        while True:
            if not fresh and (kept := self._kept()):
                return kept
            now = self.loop.time()
            connection: Connection | None
            found = pick(self._standings, now, fresh=fresh)
            if found is None:
                if all(s.open <= len(s.idle) for s in self._standings):
                    raise none_left(self._standings, now)
                connection = await self._wait(now, fresh)
            elif found[1]:
                connection = await self._open(found[0], fresh)
            else:
                connection = found[0].idle.pop()
            if connection and self._is_good(connection):
                return await self._at_its_turn(connection)

    def give(self, connection: Connection) -> None:
        """Back after a mail that was carried or refused."""
        self._of[connection].works()
        self._lay(connection)

    def drop(self, connection: Connection, broke: str = "") -> None:
        """It is no good any more; `broke` says why, if that is the server's fault."""
        standing = self._of.pop(connection)
        connection.abort()
        standing.open -= 1
        if broke:
            standing.broke(self.loop.time(), broke)
        self._wake_all()

    async def leave(self) -> None:
        """A line less; what nobody can need any more is closed."""
        self.lines -= 1
        surplus = [c for s in self._standings for c in s.idle][max(0, self.lines) :]
        for connection in surplus:
            self._of[connection].idle.remove(connection)
        await asyncio.gather(*(c.close() for c in surplus))
        for connection in surplus:
            self.drop(connection)

    def _kept(self) -> Connection | None:
        """The short way, for most: there is one server, a free connection, and no rate."""
        if not self._only:
            return None
        while self._only.idle:
            connection = self._only.idle.pop()
            if self._is_good(connection):
                return connection
        return None

    def _lay(self, connection: Connection) -> None:
        if not connection.is_open:
            self.drop(connection)
            return
        while self._waiting:
            waiter, fresh = self._waiting.popleft()
            if not waiter.done():
                if not fresh:
                    waiter.set_result(connection)
                    return
                waiter.set_result(None)
        self._of[connection].idle.append(connection)

    def _is_good(self, connection: Connection) -> bool:
        if not connection.is_open:
            self.drop(connection)
            return False
        return True

    async def _at_its_turn(self, connection: Connection) -> Connection:
        wait_s = self._of[connection].turn_s(self.loop.time())
        if wait_s > 0:
            try:
                await asyncio.sleep(wait_s)
            except BaseException:
                self._lay(connection)
                raise
        return connection

    async def _open(self, standing: Standing, fresh: bool) -> Connection | None:
        self._make_room(standing, fresh)
        standing.open += 1
        seen = standing.failures
        try:
            connection = await connect(standing.server, self._manners)
        except Unusable as why:
            standing.open -= 1
            standing.failed(self.loop.time(), why, seen)
            self._wake_all()
            return None
        except BaseException:
            standing.open -= 1
            self._wake_all()
            raise
        self._of[connection] = standing
        return connection

    def _make_room(self, standing: Standing, fresh: bool) -> None:
        """A new one in the place of an idle one: of its own server, or of who has too many."""
        idle = [s for s in self._standings if s.idle]
        if standing in idle and standing.open >= standing.server.connections:
            self.drop(standing.idle.pop())
        elif idle and not fresh:
            most = max(idle, key=lambda s: s.open / (s.server.weight or 1e-9))
            self.drop(most.idle.pop())

    async def _wait(self, now: float, fresh: bool) -> Connection | None:
        """Until a connection is given back, or a server may be tried again."""
        waiter: asyncio.Future[Connection | None] = self.loop.create_future()
        self._waiting.append((waiter, fresh))
        soonest = min((s.cools_until for s in self._standings if s.cools(now)), default=math.inf)
        timer = self.loop.call_later(min(_LONGEST_WAIT_S, soonest - now), _wake, waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and (given := waiter.result()):
                self._lay(given)
            raise
        finally:
            timer.cancel()

    def _wake_all(self) -> None:
        waiting, self._waiting = self._waiting, deque()
        for waiter, _ in waiting:
            _wake(waiter)


def _wake(waiter: asyncio.Future[Connection | None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
