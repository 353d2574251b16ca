"""Whose turn it is to ask: one request at a time in a group, in its pace, and none while stopped.

What a group's last requests came to lies in GROUP.json in a folder of the user's, which is read
and written under GROUP.lock. So all threads and processes of the user keep one pace together.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from threading import get_ident
from urllib.parse import quote

import filelock

from digest.errors import Misuse, SourceBlocked, SourceDown
from digest.fetch.timer import Timer

# Source: arXiv's robots.md: after a 403, requests that go on are taken for an attack.
FIRST_STOP_S = 15 * 60.0
LONGEST_STOP_S = 24 * 3600.0
# What a service asks for is done, but a longer time than this is a mistake rather than a wish.
LONGEST_RETRY_AFTER_S = 7 * 24 * 3600.0

_POLL_S = 0.02  #: between two looks at whether the lock is free
# The lock is not fair. Whoever had the last turn comes this much after the others, more than they
# take from one look to the next, or one process with many requests would have all the turns.
_REST_S = 0.05
_NEVER = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What a group's last requests came to."""

    started_at: datetime = _NEVER  #: the last request
    ended_at: datetime = _NEVER
    holder: str = ""  #: the process and thread that made it
    stopped_at: datetime = _NEVER
    stop_s: float = 0.0  #: how long from then on nothing may be asked
    refusals: int = 0  #: 403s since the last success
    why: str = ""  #: what stopped it

    @property
    def stopped_until(self) -> datetime:
        """When the group may be asked again."""
        return self.stopped_at + timedelta(seconds=self.stop_s)

    def wait_s(self, now: datetime, pace_s: float, holder: str) -> float:
        """Seconds until the next request may start, if it is `holder` who asks."""
        rest = timedelta(seconds=_REST_S if holder == self.holder else 0)
        next_at = max(self.started_at + timedelta(seconds=pace_s), self.ended_at) + rest
        return max(0.0, (max(next_at, self.stopped_until) - now).total_seconds())

    def settled(self, now: datetime) -> Pace:
        """The same under a clock that has jumped back: what lies ahead of `now` was just now."""
        return replace(
            self,
            started_at=min(self.started_at, now),
            ended_at=min(self.ended_at, now),
            stopped_at=min(self.stopped_at, now),
        )


class Turn:
    """A request's hold on its group, to be told how the request went."""

    def __init__(self, pace: Pace, path: Path, now: Callable[[], datetime]) -> None:
        self.pace = pace
        self.remedy = f"to ask sooner, delete {path}"
        self._now = now

    def began(self) -> None:
        """The connection stands: the service counts from here, not from the look-up of its name."""
        self.pace = replace(self.pace, started_at=self._now())

    def succeeded(self) -> None:
        """The service gave what it was asked for."""
        self.pace = replace(self.pace, refusals=0)

    def stop(self, stop_s: float, why: str) -> None:
        """Ask nothing of the group for so long."""
        self.pace = replace(self.pace, stopped_at=self._now(), stop_s=stop_s, why=why)

    def refuse(self, retry_after_s: float, why: str) -> None:
        """Stop for what a 403 means: longer each time, and no shorter than was asked for."""
        refusals = self.pace.refusals + 1
        self.pace = replace(self.pace, refusals=refusals)
        self.stop(max(stop_s(refusals), retry_after_s), why)


def stop_s(refusals: int) -> float:
    """Seconds to stay away after `refusals` (>= 1) 403s in a row: doubling, capped.

    >>> [stop_s(n) / 60 for n in (1, 2, 3, 7, 8, 99)]
    [15.0, 30.0, 60.0, 960.0, 1440.0, 1440.0]
    """
    return min(FIRST_STOP_S * 2.0 ** min(refusals - 1, 16), LONGEST_STOP_S)


def retry_after_s(text: str, now: datetime) -> float | None:
    """Seconds from `now` that a Retry-After header asks for; None where it cannot be read.

    Source: RFC 9110, 10.2.3 (seconds, or a date in any of the three old forms).

    >>> at = datetime(2026, 6, 24, 7, 28, tzinfo=UTC)
    >>> [retry_after_s(t, at) for t in ("120", "Wed, 24 Jun 2026 07:29:00 GMT", "soon")]
    [120.0, 60.0, None]
    """
    text = text.strip()
    if re.fullmatch(r"[0-9]{1,20}", text):
        return min(float(text), LONGEST_RETRY_AFTER_S)
    try:
        at = parsedate_to_datetime(text)
        wait_s = (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return min(max(wait_s, 0.0), LONGEST_RETRY_AFTER_S)


def shown(moment: datetime) -> str:
    """A moment for an operator to read."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


class Pacer:
    """Gives out turns. It holds nothing itself: the state is in the files of `folder`."""

    def __init__(
        self, folder: Path, now: Callable[[], datetime], sleep: Callable[[float], object]
    ) -> None:
        self._folder = folder
        self._now = now
        self._sleep = sleep

    @contextmanager
    def turn(self, url: str, group: str, pace_s: float, timer: Timer) -> Iterator[Turn]:
        """Wait until `group` may be asked, and let nobody else ask until the end of the block.

        Raises: SourceBlocked where the group is stopped for longer than `timer` has left,
        SourceDown where another holds it for so long, Misuse where the folder cannot be used.
        """
        name = quote(group, safe=" ")
        path = self._folder / f"{name}.json"
        holder = f"{os.getpid()}.{get_ident()}"
        while True:
            with self._held(self._folder / f"{name}.lock", url, group, timer):
                now = self._now()
                found = _read(path)
                pace = found.settled(now)
                wait_s = pace.wait_s(now, pace_s, holder)
                if wait_s <= 0:
                    turn = Turn(replace(pace, started_at=now, holder=holder), path, self._now)
                    _write(path, turn.pace)  # before the request: a kill must not lose the pace
                    try:
                        yield turn
                    finally:
                        _write(path, replace(turn.pace, ended_at=self._now()))
                    return
                if pace != found:
                    _write(path, pace)  # or the wait would begin anew at the next look
            # The wait is not in the lock, so that others learn at once how long theirs will be.
            if wait_s > timer.left_s():
                if pace.stopped_until > now:
                    raise SourceBlocked(
                        f"{url}: not asked, for the group {group!r} is stopped until "
                        f"{shown(pace.stopped_until)} ({pace.why}); to ask sooner, delete {path}"
                    )
                raise SourceDown(f"{url}: no turn in the group {group!r} in {timer.span_s:g} s")
            self._sleep(wait_s)

    @contextmanager
    def _held(self, path: Path, url: str, group: str, timer: Timer) -> Iterator[None]:
        lock = filelock.FileLock(path)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=timer.left_s(), poll_interval=_POLL_S)
        except filelock.Timeout:
            raise SourceDown(
                f"{url}: another process or thread holds the group {group!r}, "
                f"and gave no turn in {timer.span_s:g} s"
            ) from None
        except OSError as error:
            raise Misuse(f"cannot keep the pace in {self._folder}: {error}") from error
        try:
            yield
        finally:
            lock.release()


def _read(path: Path) -> Pace:
    """What the file holds; a new one where there is none, or none that we wrote."""
    try:
        row = json.loads(path.read_text("utf-8"))
        pace = Pace(
            started_at=datetime.fromisoformat(row["started_at"]).astimezone(UTC),
            ended_at=datetime.fromisoformat(row["ended_at"]).astimezone(UTC),
            holder=str(row["holder"]),
            stopped_at=datetime.fromisoformat(row["stopped_at"]).astimezone(UTC),
            stop_s=float(row["stop_s"]),
            refusals=int(row["refusals"]),
            why=str(row["why"]),
        )
    except (FileNotFoundError, ValueError, TypeError, KeyError, OverflowError):
        return Pace()
    is_ours = 0 <= pace.stop_s <= LONGEST_RETRY_AFTER_S and pace.refusals >= 0
    return pace if is_ours else Pace()


def _write(path: Path, pace: Pace) -> None:
    row = {k: v.isoformat() if isinstance(v, datetime) else v for k, v in asdict(pace).items()}
    new = path.with_suffix(".new")
    new.write_text(json.dumps(row, indent=1) + "\n", "utf-8")
    os.replace(new, path)
