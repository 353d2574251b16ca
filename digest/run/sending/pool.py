"""Which mail goes next: what a sender has claimed, and the turns that limits give them."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from digest.run.sending.books import Books
from digest.run.setup import Setup
from digest.run.subscribing import fingerprint
from digest.store import Connection, asks, sending
from digest.store.sending import Outcome
from digest.types import Delivery, DeliveryState, Suppression

_BATCH = 500
#: Turns are taken so far ahead; what a killed sender had taken of them is lost.
_AHEAD = timedelta(seconds=5)
_OVERALL = "all"


@dataclass(frozen=True, slots=True)
class Limits:
    """Mails a second."""

    overall: float | None = None
    domains: Mapping[str, float] = field(default_factory=dict)


class Pool:
    """Claims deliveries as they are needed, and hands them out one by one."""

    def __init__(self, setup: Setup, books: Books, limits: Limits, tag: str = "") -> None:
        self.setup, self.books, self.limits, self.tag = setup, books, limits, tag
        self.claimed: list[tuple[datetime, int, Delivery]] = []  # a heap
        self.number = 0
        self.is_stopped = False
        self.handed: dict[str, datetime] = {}  #: what has a limit → when a mail last went
        self.turns_until = books.clock()  #: the last turn that was given for later
        self.fresh: list[Delivery] = []  #: claimed since somebody looked
        self._lock = asyncio.Lock()

    def stop(self) -> None:
        """Hand out nothing more."""
        self.is_stopped = True

    async def next(self) -> Delivery | None:
        """The next delivery, once it may go; None when there is nothing more to do now."""
        async with self._lock:
            while not (self.is_stopped or self.setup.is_stopping()):
                if not self.claimed:
                    if not await self._claim():
                        return None
                    continue
                now = self.books.clock()
                at, _, delivery = self.claimed[0]
                if at <= now:
                    heapq.heappop(self.claimed)
                    # Turns that nobody took in time do not add up to a rush.
                    if (own := self._earliest(delivery)) <= now:
                        self._note(delivery, now)
                        return delivery
                    self._push(own, delivery, is_new=False)
                    continue
                await asyncio.sleep(min((at - now).total_seconds(), 0.2))
            return None

    async def _claim(self) -> bool:
        """Take more; False when there is no more."""
        now = self.books.clock()
        with self.setup.store.write() as connection:
            most, turns = self._turns(connection, now)
            if most == 0:
                at = sending.next_turn(connection, _OVERALL) or now
                is_more = sending.is_due(connection, now)
            else:
                found = sending.claim(connection, self.books.sender, now, most, self.tag)
                is_more = bool(found)
                self._admit(connection, found, turns, now)
        if most == 0:
            await asyncio.sleep(min(0.2, max(0.01, (at - now).total_seconds())))
        elif not self.claimed and now < self.turns_until:
            await asyncio.sleep(0.1)
            return True
        return is_more

    def _turns(self, connection: Connection, now: datetime) -> tuple[int, Sequence[datetime]]:
        if self.limits.overall is None:
            return _BATCH, ()
        turns = sending.take_turns(connection, _OVERALL, self.limits.overall, _BATCH, now, _AHEAD)
        return len(turns), turns

    def _admit(
        self,
        connection: Connection,
        found: Sequence[Delivery],
        turns: Sequence[datetime],
        now: datetime,
    ) -> None:
        """Leave out who is not to be written to, and give each mail its turn."""
        outcomes: list[Outcome] = []
        suppressed = self._suppressed(connection, found)
        of_domain: dict[str, list[Delivery]] = {}
        at = {one.message_id: turn for one, turn in zip(found, turns, strict=False)}
        for one in found:
            domain = one.address.rpartition("@")[2].lower()
            if one.address in suppressed:
                why = f"the address is suppressed: {suppressed[one.address]}"
                outcomes.append(outcome(one, DeliveryState.SUPPRESSED, why))
            elif domain in self.limits.domains:
                of_domain.setdefault(domain, []).append(one)
            else:
                self._push(at.get(one.message_id, now), one)
        for domain, group in of_domain.items():
            rate = self.limits.domains[domain]
            key = f"domain {domain}"
            own = sending.take_turns(connection, key, rate, len(group), now, _AHEAD)
            for one, turn in zip(group, own, strict=False):
                self._push(max(turn, at.get(one.message_id, now)), one)
            free_at = sending.next_turn(connection, key) or now
            for place, one in enumerate(group[len(own) :]):
                later = free_at + place * timedelta(seconds=1 / rate)
                why = f"waits for its turn: {domain} gets {rate:g} a second"
                outcomes.append(outcome(one, DeliveryState.DEFERRED, why, next_at=later))
                self.turns_until = max(self.turns_until, later)
        sending.settle(connection, self.books.sender, outcomes, now)

    def _suppressed(
        self, connection: Connection, found: Sequence[Delivery]
    ) -> dict[str, Suppression]:
        if not asks.has_suppressions(connection):
            return {}
        marks = {one.address: fingerprint(self.setup, one.address) for one in found}
        gone = asks.suppressed(connection, list(marks.values()))
        return {address: gone[mark] for address, mark in marks.items() if mark in gone}

    def _limits_on(self, one: Delivery) -> list[tuple[str, float]]:
        if not self.limits.overall and not self.limits.domains:
            return []
        domain = one.address.rpartition("@")[2].lower()
        found = [(_OVERALL, self.limits.overall), (domain, self.limits.domains.get(domain))]
        return [(of, rate) for of, rate in found if rate]

    def _earliest(self, one: Delivery) -> datetime:
        times = [
            self.handed[of] + timedelta(seconds=0.9 / rate)
            for of, rate in self._limits_on(one)
            if of in self.handed
        ]
        return max(times, default=datetime.min.replace(tzinfo=UTC))

    def _note(self, one: Delivery, now: datetime) -> None:
        for of, _ in self._limits_on(one):
            self.handed[of] = now

    def _push(self, at: datetime, one: Delivery, *, is_new: bool = True) -> None:
        self.number += 1
        heapq.heappush(self.claimed, (at, self.number, one))
        if is_new:
            self.fresh.append(one)

    def seen(self) -> list[Delivery]:
        """What was claimed since this was last asked."""
        found, self.fresh = self.fresh, []
        return found


def outcome(
    delivery: Delivery,
    state: DeliveryState,
    why: str,
    *,
    attempts: int = 0,
    next_at: datetime | None = None,
) -> Outcome:
    """What became of a delivery, after so many attempts more."""
    return Outcome(
        message_id=delivery.message_id,
        state=state,
        detail=why[:500],
        attempts=delivery.attempts + attempts,
        next_at=next_at,
    )
