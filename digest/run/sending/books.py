"""The ledger as it is written while mails go out: one commit for all lines at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from digest.errors import StoreBusy
from digest.store import Store, sending
from digest.store.sending import Outcome

LEASE = timedelta(minutes=5)  #: of a sender's claims, renewed while it lives
_RENEW_S = 60.0
_JOIN_S = 0.001  #: a commit waits so long for more lines: each costs as much for ten as for one
#: A store that is locked or full is asked again for so long before the sender gives up.
PATIENCE_S = 120.0
_HURRY_S = 5.0  #: or for so long, once it is told to end


class Books:
    """What a sender writes into the ledger.

    Each line asks before a mail's last byte goes out, and says afterwards what became of it. All
    that was asked and said meanwhile is one transaction, so ten lines share one write to the disk;
    and a line has never more than one mail that is begun and not settled.
    """

    def __init__(self, store: Store, sender: str, clock: Callable[[], datetime]) -> None:
        self.store, self.sender, self.clock = store, sender, clock
        self.asked: dict[str, asyncio.Future[bool]] = {}
        self.settled: list[Outcome] = []
        self.wanted = asyncio.Event()
        self.lines = 1  #: that are at work
        self.is_closed = False
        self.is_hurried = False  #: somebody waits for us to end
        self.failure: Exception | None = None
        self.renewed_at = time.monotonic()

    async def begin(self, message_id: str) -> bool:
        """Note that a mail is about to be on the wire; False: it must not go any more."""
        if self.failure:
            raise self.failure
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.asked[message_id] = answer
        self.wanted.set()
        return await answer

    def settle(self, outcome: Outcome) -> None:
        """Note what became of a mail, with the next commit."""
        self.settled.append(outcome)
        self.wanted.set()

    async def keep(self) -> None:
        """Write whenever there is something to write, until close().

        Raises: StoreBusy when the store cannot be written for too long.
        """
        while not self.is_closed or self.asked or self.settled:
            await self.wanted.wait()
            if len(self.asked) < self.lines and not self.is_closed:
                await asyncio.sleep(_JOIN_S)
            self.wanted.clear()
            try:
                await self._write()
            except Exception as why:
                # Who asks from now on must not wait for somebody who has gone.
                self.failure = why
                for answer in self.asked.values():
                    if not answer.done():
                        answer.set_exception(why)
                raise

    def close(self) -> None:
        """Write what is left, and no more."""
        self.is_closed = True
        self.wanted.set()

    async def _write(self) -> None:
        asked, settled = self.asked, self.settled
        self.asked, self.settled = {}, []
        start = time.monotonic()
        try:
            while True:
                try:
                    # In a thread: mails go on while the disk writes, or somebody else does.
                    begun = await asyncio.to_thread(self._commit, list(asked), settled)
                    break
                except StoreBusy:
                    patience = _HURRY_S if self.is_hurried else PATIENCE_S
                    if time.monotonic() - start > patience:
                        raise
                    await asyncio.sleep(0.2)
        except Exception as why:
            for answer in asked.values():
                if not answer.done():
                    answer.set_exception(why)
            raise
        for message_id, answer in asked.items():
            if not answer.done():  # its line was cancelled
                answer.set_result(message_id in begun)

    def _commit(self, asked: list[str], settled: list[Outcome]) -> set[str]:
        now = self.clock()
        with self.store.write() as connection:
            sending.settle(connection, self.sender, settled, now)
            if time.monotonic() - self.renewed_at > _RENEW_S:
                sending.renew(connection, self.sender, now + LEASE)
                self.renewed_at = time.monotonic()
            return sending.begin(connection, self.sender, asked, now) if asked else set()
