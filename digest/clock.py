"""The clock: APScheduler calls one function once a minute, and knows nothing of schedules."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.schedulers.base import BaseScheduler

from digest.errors import Temporary

log = logging.getLogger(__name__)

EVERY_S = 60


def wind(scheduler: BaseScheduler, turn: Callable[[], object]) -> None:
    """Have a scheduler call `turn` at once and then once a minute, however late it is.

    While a turn lasts there is no other: what falls due meanwhile is found by the next one.
    """

    def quietly() -> None:
        try:
            turn()
        except Temporary as why:
            log.warning("what is due is looked at again: %s", why)
        except Exception:  # the next turn may go well
            log.exception("what is due could not be looked at")

    how = {"coalesce": True, "misfire_grace_time": None, "max_instances": 1}
    scheduler.add_job(quietly, "interval", seconds=EVERY_S, id="turn", **how)
    scheduler.add_job(quietly, id="first turn", **how)  # without a trigger: at once


@contextmanager
def running(turn: Callable[[], object]) -> Iterator[None]:
    """The clock runs while the block lasts, in threads of its own."""
    # It says each minute that it did something, and warns where a turn takes longer.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    scheduler = BackgroundScheduler(timezone=UTC, executors={"default": ThreadPoolExecutor(1)})
    wind(scheduler, turn)
    scheduler.start()
    try:
        yield
    finally:
        scheduler.shutdown(wait=True)
