"""Mails go out: one loop, many lines, and what becomes of each mail."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from digest import plan
from digest.errors import (
    DigestError,
    InDoubt,
    Misuse,
    NoServer,
    Permanent,
    Refused,
    StoreBusy,
    Temporary,
    Withdrawn,
)
from digest.run.desk import Desk
from digest.run.sending.pool import Pool, outcome
from digest.run.sending.sent import Sent
from digest.run.setup import Setup
from digest.run.subscribing import fingerprint
from digest.store import asks, bounces, sending
from digest.transports import Line, Transport
from digest.types import Delivery, DeliveryState, Edition, Mail, Suppression

#: So many refusals in a row of ourselves, not of addresses, and the issue is held.
_MAX_POLICY = 25
_LATER = timedelta(minutes=5)  #: while no server takes anything
_SHOW_S = 0.25


@dataclass
class Progress:
    """How far a sending is, for whoever watches."""

    notify: Callable[[str], None]
    total: int
    done: int = 0
    started: float = 0.0
    shown: float = 0.0

    def step(self) -> None:
        """One mail more is settled."""
        self.done += 1
        now = time.monotonic()
        if self.started == 0.0:
            self.started = now
        if now - self.shown > _SHOW_S:
            self.shown = now
            self.notify(self.words(now - self.started))

    def words(self, seconds: float) -> str:
        """A bar, the rate, and how long it will take."""
        total = max(self.total, self.done)
        full = 20 * self.done // max(total, 1)
        bar = "█" * full + "░" * (20 - full)
        said = f"{bar} {self.done:,} of {total:,} mails"
        if seconds < 1:
            return said
        rate = self.done / seconds
        left = timedelta(seconds=round((total - self.done) / rate))
        return f"{said}, {rate:,.0f} a second, {left} left"


class Engine:
    """Sends what a pool hands out."""

    def __init__(
        self, setup: Setup, transport: Transport, pool: Pool, sent: Sent, total: int
    ) -> None:
        self.setup, self.transport, self.pool, self.sent = setup, transport, pool, sent
        self.books, self.desk = pool.books, Desk(setup)
        self.progress = Progress(setup.notify, total)
        self.editions: dict[str, Edition] = {}  #: of the last claim
        self.refusals: dict[str, int] = {}  #: issue → how often in a row it was we who were refused

    async def run(self, lines: list[Line]) -> None:
        """Until there is nothing more to send now, or stop was asked for.

        Raises: StoreBusy
        """
        self.books.lines = len(lines)
        with _on_signals(self._stop):
            keeper = asyncio.create_task(self.books.keep())
            workers = [asyncio.create_task(self._work(line)) for line in lines]
            try:
                await _first_failure(keeper, workers)
            finally:
                self.pool.stop()
                await asyncio.gather(*workers, return_exceptions=True)
                self.books.close()
                (end,) = await asyncio.gather(keeper, return_exceptions=True)
                await asyncio.gather(*(line.close() for line in lines), return_exceptions=True)
            if isinstance(end, BaseException):  # the last commit: what went out is not noted
                raise end

    def _stop(self) -> None:
        self.pool.stop()
        self.books.is_hurried = True
        self.sent.is_stopped = True

    async def _work(self, line: Line) -> None:
        while (delivery := await self.pool.next()) is not None:
            if self.pool.fresh:
                self.editions = self.desk.load(self.pool.seen())
            await self._carry(line, delivery)
            self.progress.step()

    async def _carry(self, line: Line, delivery: Delivery) -> None:
        async def ready() -> bool:
            return await self.books.begin(delivery.message_id)

        try:
            mail = await self._mail(delivery)
            receipt = await line.send(mail, delivery.issue, ready)
        except Withdrawn:
            return
        except NoServer as why:
            self._no_server(delivery, why)
        except InDoubt as why:
            self._in_doubt(delivery, why)
        except Permanent as why:
            self._failed(delivery, why)
        except StoreBusy:
            raise
        except (Temporary, Misuse) as why:
            # A template or sender that the operator can mend loses no mail.
            self._deferred(delivery, why)
        else:
            self.refusals.pop(delivery.issue, None)
            self.sent.count(_digest(delivery))
            self._settle(delivery, DeliveryState.SENT, receipt.detail)

    async def _mail(self, delivery: Delivery) -> Mail:
        edition = self.editions.get(delivery.edition)
        if edition is None:  # claimed before the last claim
            edition = self.desk.load([delivery])[delivery.edition]
        made = self.desk.unsealed(delivery, edition)
        # Signing is most of the work, and other threads run meanwhile.
        return await asyncio.to_thread(made.seal) if made.signer else made.seal()

    def _settle(
        self,
        delivery: Delivery,
        state: DeliveryState,
        why: str,
        attempts: int = 1,
        next_at: datetime | None = None,
    ) -> None:
        self.books.settle(outcome(delivery, state, why, attempts=attempts, next_at=next_at))

    def _no_server(self, delivery: Delivery, why: NoServer) -> None:
        self.pool.stop()
        at = self.books.clock() + _LATER
        self._settle(delivery, DeliveryState.DEFERRED, str(why), attempts=0, next_at=at)
        self.sent.note(_digest(delivery), f"no mail goes out: {why}")

    def _in_doubt(self, delivery: Delivery, why: InDoubt) -> None:
        if self.setup.config.smtp.in_doubt == "resend":
            at = self.books.clock() + _LATER
            self._settle(delivery, DeliveryState.DEFERRED, str(why), next_at=at)
            return
        self._settle(delivery, DeliveryState.IN_DOUBT, str(why))
        self.sent.note(_digest(delivery), f"{delivery.issue}: a mail is in doubt: {why}")

    def _deferred(self, delivery: Delivery, why: DigestError) -> None:
        hint = why.wait_s if isinstance(why, Temporary) else None
        wait = plan.wait(delivery.attempts + 1, hint, delivery.message_id)
        if wait is None:
            said = f"given up after {delivery.attempts + 1} attempts: {why}"
            self._settle(delivery, DeliveryState.FAILED, said)
            self.sent.note(_digest(delivery), f"a mail failed: {said}")
            return
        at = self.books.clock() + wait
        self._settle(delivery, DeliveryState.DEFERRED, str(why), next_at=at)
        self.sent.note(_digest(delivery), f"a mail will be tried again: {why}")

    def _failed(self, delivery: Delivery, why: Permanent) -> None:
        self._settle(delivery, DeliveryState.FAILED, str(why))
        self.sent.note(_digest(delivery), f"a mail failed: {why}")
        if not isinstance(why, Refused):
            return
        if why.is_dead:
            with self.setup.store.write() as connection:
                mark = fingerprint(self.setup, delivery.address)
                now = self.books.clock()
                asks.suppress(connection, mark, Suppression.BOUNCE, now, str(why)[:200])
                bounces.withdraw(connection, delivery.address, now, "the address is suppressed")
        if not why.is_policy:
            self.refusals.pop(delivery.issue, None)
            return
        self.refusals[delivery.issue] = self.refusals.get(delivery.issue, 0) + 1
        if self.refusals[delivery.issue] == _MAX_POLICY:
            held = f"{_MAX_POLICY} mails in a row were refused because of us: {why}"
            with self.setup.store.write() as connection:
                sending.hold(connection, delivery.issue, held, self.books.clock())
            self.sent.note(
                _digest(delivery),
                f"{delivery.issue} is held, {held}; `digest release {delivery.issue}` goes on",
            )


def _digest(delivery: Delivery) -> str:
    return delivery.issue.partition("/")[0]


async def _first_failure(keeper: asyncio.Task[None], workers: list[asyncio.Task[None]]) -> None:
    """Wait for the workers, or for whatever goes wrong first."""
    waiting = {keeper, *workers}
    while waiting - {keeper}:
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()


@contextmanager
def _on_signals(stop: Callable[[], None]) -> Iterator[None]:
    """SIGTERM and Ctrl-C let what is on the wire come to its end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.getsignal(number) for number in numbers]
    for number in numbers:
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            loop.remove_signal_handler(number)
            signal.signal(number, handler)
