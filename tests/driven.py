"""The real scheduler, whose clock is set instead of waited for, and a source of a paper a day.

clock = Clock(datetime(2026, 1, 1, tzinfo=UTC))
with clock: ... Driven(clock, turn).run(until) ...
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import time_machine
from apscheduler.executors.debug import DebugExecutor
from apscheduler.schedulers.base import BaseScheduler
from sqlalchemy import Connection, func, select

from digest import clock as clocks
from digest.sources.listing import today
from digest.store import Store, tables
from digest.types import Answer, Ask, Entry, Links, Page, Reading, Reason, Request, Response

MINUTE = timedelta(minutes=1)


class Died(BaseException):
    """The process is no more; no `except Exception` has to do with it."""


class Driven(BaseScheduler):
    """APScheduler, which goes on when it is told to: whoever drives it moves time."""

    def __init__(self, turn: Callable[[], object]) -> None:
        super().__init__(timezone=UTC, executors={"default": DebugExecutor()})
        self.end: BaseException | None = None
        self.turns = 0

        def mortal() -> None:
            self.turns += 1
            try:
                turn()
            except BaseException as why:  # APScheduler would log it, and go on
                self.end = why

        clocks.wind(self, mortal)
        self.start()

    def wakeup(self) -> None:
        """Nobody sleeps here."""

    def shutdown(self, wait: bool = True) -> None:
        """Stop."""
        super().shutdown(wait)

    def step(self) -> datetime:
        """Run what is due; returns when the next is.

        Raises: Died, or what else a turn broke off with.
        """
        wait_s = self._process_jobs()
        if self.end:
            raise self.end
        return datetime.now(UTC) + timedelta(seconds=wait_s)


def run(
    scheduler: Driven,
    clock: time_machine.Traveller,
    until: datetime,
    nothing_before: Callable[[], datetime | None] | None = None,
) -> None:
    """Run a scheduler up to a moment, minute by minute.

    With `nothing_before` the minutes before the moment it names are left out, as where a machine
    slept; the turns stay on the same seconds.

    Raises: Died
    """
    while True:
        at = scheduler.step()
        if nothing_before and (first := nothing_before()):
            at += max(0, -(-(first - at) // MINUTE)) * MINUTE
        if at > until:
            clock.move_to(until)
            return
        clock.move_to(at)


def upcoming(store: Store) -> datetime | None:
    """The first moment that any row names; before it there is nothing to do."""
    columns = (
        (tables.schedules.c.next_at, True),
        (tables.subscriptions.c.due_at, tables.subscriptions.c.state == "confirmed"),
        (tables.issues.c.draft_until, True),
    )
    with store.read() as connection:
        if connection.scalar(select(func.count()).where(~tables.issues.c.is_queued)):
            return None
        queries = (select(func.min(column)).where(where) for column, where in columns)
        found = [connection.scalar(query) for query in queries]
    return min((one for one in found if one), default=None)


@dataclass(frozen=True, slots=True)
class MortalStore(Store):
    """A store whose process dies now and then, just before a commit or just after it."""

    dice: random.Random = field(default_factory=random.Random)
    chance: float = 0.0
    deaths: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, store: Store, dice: random.Random, chance: float, deaths: list[str]) -> MortalStore:
        """The same store, for somebody mortal."""
        return cls(
            writer=store.writer,
            reader=store.reader,
            gate=store.gate,
            busy_s=store.busy_s,
            dice=dice,
            chance=chance,
            deaths=deaths,
        )

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may be the last."""
        fate = self.dice.random()
        with Store.write(self) as connection:
            yield connection
            if fate < self.chance / 2:
                self.deaths.append("before")
                raise Died  # nothing is committed: as if the power had gone
        if fate > 1 - self.chance / 2:
            self.deaths.append("after")
            raise Died


# --- a source ------------------------------------------------------------------------------------

KEPT = timedelta(days=10)  #: a feed shows no more


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """A source with one paper a day, asked of nobody: `kind = "driven:Days"`."""

    name: str = "days"

    def next_request(self, ask: Ask, answers: Sequence[Answer]) -> Request | None:
        """None."""
        return None

    def read(self, response: Response, ask: Ask) -> Page:
        """Nothing is ever asked."""
        raise AssertionError(response)

    def conclude(self, ask: Ask, answers: Sequence[Answer]) -> Reading:
        """The papers of the last days."""
        last = today(ask)
        days = [last - timedelta(days=back) for back in range(KEPT.days)]
        return Reading(
            source=self.name,
            reason=Reason.SENT,
            entries=tuple(self._entry(day) for day in reversed(days)),
        )

    def _entry(self, day: Any) -> Entry:
        number = f"{day:%y%m}.{day:%d}001"
        return Entry(
            source=self.name,
            aliases=(f"arxiv:{number}",),
            title=f"The paper of {day:%d %B %Y}",
            # Some days have papers that fit better than others.
            abstract=f"We retrieve a thing. It is small. {'A paper. ' * (day.toordinal() % 5)}",
            authors=("Ada Example",),
            announced_on=day,
            listed_on=day,
            links=Links(abstract=f"https://arxiv.org/abs/{number}"),
        )
