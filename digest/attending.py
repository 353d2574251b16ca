"""What `digest serve` and `digest schedule` do all the time, in threads and children of theirs."""

from __future__ import annotations

import logging
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread

from digest.errors import Temporary
from digest.run import Setup, alerting, due, notifying, slots, subscribing

log = logging.getLogger(__name__)

Work = Callable[[Setup], object]

#: Seconds from the end of one turn to the next.
EVERY_S = 3.0
FORGET_EVERY_S = 3600.0
#: So often it is asked whether a child is to send: few mails are sent without one.
SEND_EVERY_S = 6.0

#: Each in a thread of its own: mail may go slowly, and a welcome waits while an issue is made.
_WORK: tuple[tuple[Work, float], ...] = (
    (subscribing.answer, EVERY_S),
    (notifying.post, EVERY_S),
    (notifying.welcome, EVERY_S),
    (notifying.forget, FORGET_EVERY_S),
)
#: After a sender that came to nothing, seconds until the next one.
RESTART_S = 60.0
#: All that was begun has so long to come to its end; then it is taken up by who comes next.
END_S = 5.0
BEAT_S = 20.0


@dataclass(frozen=True, slots=True)
class Children:
    """Processes of ours that do what is long or big: no page waits for them, and no memory stays.

    `command` is our own program with its configuration, told to end when its standard input does:
    that happens, too, when we are killed, and then nobody is left who would end it.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    stop: Event

    def run(self, *words: str, beat: Callable[[], object] = lambda: None) -> int:
        """Run a command to its end, or until we end: then it may bring its work to an end, too.

        Meanwhile `beat` is called now and then: whoever waits for a child is not dead.
        """
        started = [*self.command, *words]
        alive, out = subprocess.PIPE, subprocess.DEVNULL
        with subprocess.Popen(started, stdin=alive, stdout=out, env=self.environment) as child:  # noqa: S603 - our own
            beaten = time.monotonic()
            while child.poll() is None:
                if time.monotonic() - beaten > BEAT_S:
                    beat()
                    beaten = time.monotonic()
                if self.stop.wait(0.1):
                    child.terminate()
                    try:
                        child.wait(END_S - 1)
                    except subprocess.TimeoutExpired:
                        child.kill()
            return child.returncode


@contextmanager
def attending(
    setup: Callable[[], Setup], children: Children | None = None, stop: Event | None = None
) -> Iterator[None]:
    """Do all that while the block lasts; what is being done at its end is done to its end.

    Where much is to be sent, a child does it.
    """
    stop = stop or Event()
    threads = [
        Thread(target=_keep, args=(setup, work, every_s, stop), name=work.__name__, daemon=True)
        for work, every_s in _WORK
    ]
    if children:
        threads.append(Thread(target=_send, args=(setup, children, stop), name="send", daemon=True))
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        end = time.monotonic() + END_S
        for thread in threads:
            # A mail server that hangs must not keep us; what was begun is taken up by the next.
            thread.join(timeout=max(0.0, end - time.monotonic()))


def turn(wake: Callable[[], Setup], children: Children) -> None:
    """One turn of the clock: a child does what is due, if anything is."""
    setup = wake()
    slots.sync(setup)
    if due.is_any(setup):
        code = children.run("run", "--queue-only", beat=wake)
        if children.stop.is_set():
            return
        if code not in (0, 1):  # -9: something killed it
            log.error("what is due could not be done: `digest run` ended with %s", code)
    # Not before: after days of nothing it is only now that the newest slot goes out.
    alerting.alert(wake())


def _keep(setup: Callable[[], Setup], work: Work, every_s: float, stop: Event) -> None:
    while True:
        try:
            work(setup().until(stop.is_set))
        except Temporary as why:  # the store is busy, say
            log.warning("%s is tried again: %s", work.__name__, why)
        except Exception:  # whatever it is, the next turn may go well
            log.exception("%s failed and is tried again", work.__name__)
        if stop.wait(every_s):
            return


def _send(setup: Callable[[], Setup], children: Children, stop: Event) -> None:
    """Have a process send while there is more to send than is done on the side."""
    wait = SEND_EVERY_S
    while not stop.wait(wait):
        wait = SEND_EVERY_S
        try:
            if notifying.is_much_due(setup()) and children.run("send") != 0:
                wait = RESTART_S
        except Temporary as why:
            log.warning("sending is tried again: %s", why)
        except Exception:
            log.exception("sending failed and is tried again")
            wait = RESTART_S
