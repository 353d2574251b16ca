"""For who watches: does it answer, can it work, and how much of what there is.

Nothing here names a person or an address, a path or an error's words: the log has those.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import timedelta
from pathlib import Path
from threading import Lock, Thread
from typing import Generic, TypeVar

from fastapi import APIRouter
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.exceptions import HTTPException

from digest.store import watching
from digest.web.desk import Desk

log = logging.getLogger(__name__)

#: The clock turns every minute; after so long without a turn it has stopped.
CLOCK_WITHIN = timedelta(minutes=5)
ROOM_BYTES = 100_000_000
#: Whoever asks more often is told the same: asking must not be a way to keep us busy.
READY_FOR_S = 2.0
READY_MOST_S = 10.0
#: What has not come to its end after so long fails; a busy store is waited for a little less long.
WITHIN_S = 6.0
FIGURES_FOR_S = 15.0
#: Of the time there is, figures may take so much.
SHARE = 0.02
T = TypeVar("T")


class Lasting(Generic[T]):
    """What is made at most once in a while, and no more often than its making leaves time for."""

    def __init__(self, make: Callable[[], T], for_s: float, most_s: float = float("inf")) -> None:
        self.make, self.for_s, self.most_s = make, for_s, most_s
        self._lock, self._until = Lock(), float("-inf")
        self._made: T

    def get(self) -> T:
        """The last one made, or a new one."""
        with self._lock:
            began = time.monotonic()
            if began >= self._until:
                self._made = self.make()
                took = time.monotonic() - began
                self._until = time.monotonic() + min(self.most_s, max(self.for_s, took / SHARE))
            return self._made


def routes(desk: Desk) -> APIRouter:
    """The three addresses."""
    router = APIRouter(include_in_schema=False)
    ready = Lasting(Checks(desk), READY_FOR_S, READY_MOST_S)
    # Pages that wait for a store that hangs take all threads there are: neither of the first two
    # may need one of these.
    own = ThreadPoolExecutor(1, thread_name_prefix="readyz")
    headers = {"Cache-Control": "no-store"}

    @router.get("/healthz")
    async def healthz() -> Response:
        return PlainTextResponse("ok\n", headers=headers)

    @router.get("/readyz")
    async def readyz() -> Response:
        found = await asyncio.get_running_loop().run_in_executor(own, ready.get)
        is_ready = "failing" not in found.values()
        words = {"ready": is_ready, "checks": found}
        return JSONResponse(words, 200 if is_ready else 503, headers)

    figures: Lasting[bytes] | None = None
    if desk.config.web.metrics:
        from digest.web.metrics import exposition

        figures = Lasting(exposition(desk), FIGURES_FOR_S)

    @router.get("/metrics")
    def metrics() -> Response:
        if figures is None:
            raise HTTPException(404)
        kind = "text/plain; version=0.0.4; charset=utf-8"
        return Response(figures.get(), headers=headers, media_type=kind)

    return router


class Checks:
    """What must work, and whether it does: "ok", "failing", or "none" where there is no such.

    Why something fails is logged once, until it is well again.
    """

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.told: set[str] = set()
        self._looking: dict[str, Future[str | None]] = {}

    def __call__(self) -> dict[str, str]:
        """All of them, side by side: one that hangs keeps none of the others."""
        looks = {"store": self._store, "clock": self._clock, "disk": self._disk}
        for name, look in looks.items():
            if name not in self._looking:
                self._looking[name] = _begun(look)
        wait(self._looking.values(), WITHIN_S)
        return {name: self._found(name) for name in looks}

    def _found(self, name: str) -> str:
        """A look says what is wrong, nothing, or None where there is nothing to look at."""
        if self._looking[name].done():
            why = self._looking.pop(name).result()
        else:  # it is asked for again, and not begun anew
            why = f"it has not answered within {WITHIN_S:g} s"
        if not why:
            self.told.discard(name)
            return "none" if why is None else "ok"
        if name not in self.told:
            self.told.add(name)
            log.warning("not ready, %s: %s", name, why, extra={"check": name})
        return "failing"

    def _store(self) -> str:
        setup = self.desk.setup()
        with setup.store.rehearse() as connection:
            watching.try_out(connection, setup.now)
        return ""

    def _clock(self) -> str | None:
        woke = self.desk.clock_at
        if woke is None:
            return None
        is_awake = self.desk.setup().now - woke <= CLOCK_WITHIN
        return "" if is_awake else f"it has not woken since {woke.isoformat()}"

    def _disk(self) -> str:
        left = {place: free_bytes(place) for place in places(self.desk).values()}
        short = [str(place) for place, room in left.items() if room < ROOM_BYTES]
        return f"there is no room left at {', '.join(short)}" if short else ""


def _begun(look: Callable[[], str | None]) -> Future[str | None]:
    found: Future[str | None] = Future()

    def run() -> None:
        try:
            found.set_result(look())
        except Exception as why:  # whatever it is, it does not work
            found.set_result(str(why) or type(why).__name__)

    # A daemon: one that hangs for ever keeps the process from no end.
    Thread(target=run, name="look", daemon=True).start()
    return found


def places(desk: Desk) -> dict[str, Path]:
    """Where things are kept on this machine."""
    store = desk.setup().store
    found = {"outbox": desk.config.outbox}
    if store.is_file:
        found["store"] = Path(str(store.writer.url.database))
    return found


def free_bytes(place: Path) -> int:
    """The room that is left where something is, or will be."""
    there = next((one for one in (place, *place.parents) if one.exists()), Path("/"))
    return shutil.disk_usage(there).free
