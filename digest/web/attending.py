"""Beside the pages: what people asked for is answered, in threads of this process."""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
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
#: After a sender that came to nothing, seconds until the next one.
RESTART_S = 60.0
#: For so long a sender may bring what is on the wire to its end.
DRAIN_S = 10.0


@contextmanager
def attending(
    desk: Desk, sender: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Do all that while the block lasts; what is being done at its end is done to its end.

    `sender` is the command that sends what is due: where much is, a process of its own does it,
    so that no page waits for it.
    """
    stop = Event()
    threads = [
        Thread(target=_keep, args=(desk, work, every_s, stop), name=work.__name__, daemon=True)
        for work, every_s in _WORK
    ]
    if sender:
        threads.append(
            Thread(target=_send, args=(desk, sender, environment, stop), name="send", daemon=True)
        )
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


def _send(
    desk: Desk, command: Sequence[str], environment: Mapping[str, str] | None, stop: Event
) -> None:
    """Have a process send while there is more to send than is done on the side."""
    wait = EVERY_S
    while not stop.wait(wait):
        wait = EVERY_S
        try:
            if notifying.is_much_due(desk.setup()) and _run(command, environment, stop) != 0:
                wait = RESTART_S
        except Temporary as why:
            log.warning("sending is tried again: %s", why)
        except Exception:
            log.exception("sending failed and is tried again")
            wait = RESTART_S


def _run(command: Sequence[str], environment: Mapping[str, str] | None, stop: Event) -> int:
    out = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=out, env=environment) as child:  # noqa: S603 - our own
        while child.poll() is None:
            if stop.wait(0.1):
                child.terminate()
                try:
                    child.wait(DRAIN_S)
                except subprocess.TimeoutExpired:
                    child.kill()
        return child.returncode
