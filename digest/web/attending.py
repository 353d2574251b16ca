"""Beside the pages: what people asked for is answered, in threads of this process."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

from digest.errors import Temporary
from digest.run import Setup, notifying, subscribing
from digest.web.desk import Desk

log = logging.getLogger(__name__)

#: Seconds from the end of one turn to the next.
EVERY_S = 2.0
FORGET_EVERY_S = 3600.0

#: Each in a thread of its own: mail may go slowly, and a welcome waits while an issue is made.
_WORK: tuple[tuple[Callable[[Setup], object], float], ...] = (
    (subscribing.answer, EVERY_S),
    (notifying.post, EVERY_S),
    (notifying.welcome, EVERY_S),
    (notifying.forget, FORGET_EVERY_S),
)


@contextmanager
def attending(desk: Desk) -> Iterator[None]:
    """Do all that while the block lasts; what is being done at its end is done to its end."""
    stop = Event()
    threads = [
        Thread(target=_keep, args=(desk, work, every_s, stop), name=work.__name__, daemon=True)
        for work, every_s in _WORK
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            # A mail server that hangs must not keep us; what was begun is taken up by the next.
            thread.join(timeout=20)


def _keep(desk: Desk, work: Callable[[Setup], object], every_s: float, stop: Event) -> None:
    while True:
        try:
            work(desk.setup())
        except Temporary as why:  # the store is busy, say
            log.warning("%s is tried again: %s", work.__name__, why)
        except Exception:  # whatever it is, the next turn may go well
            log.exception("%s failed and is tried again", work.__name__)
        if stop.wait(every_s):
            return
