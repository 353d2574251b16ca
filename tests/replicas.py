"""Several processes with the program in each, over one store; who started them sets their clocks.

with Replicas(file, now, [timedelta(0)] * 4) as replicas:
    replicas.begin(moment); replicas.kill(2); replicas.end() ...
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self

import time_machine
from driven import Driven

from digest import config as configs
from digest import run as runs
from digest import templating
from digest.store import open_store

# A process of its own for each, which has imported all there is.
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["replicas", "css_inline", "onnxruntime", "psycopg"])


class Setup(runs.Setup):
    """One that compiles the templates once in a process, not once a turn: half of all the time."""

    @cached_property
    def environment(self) -> Any:
        """Jinja."""
        return _environment()


@cache
def _environment() -> Any:
    return templating.environment([])


def replica(orders: Connection, file: Path, now: datetime, ahead: timedelta) -> None:
    """The program, whose clock is set by orders: a moment, answered with how much was done."""
    config = configs.load(file)
    store = open_store(config.store, now)
    setup = Setup(config=config, store=store, now=now)
    done = 0

    def turn() -> None:
        nonlocal setup, done
        setup = setup.at(datetime.now(UTC))
        done += len(runs.run_due(setup, is_sending=False))

    with time_machine.travel(now + ahead, tick=False) as clock:
        scheduler = Driven(turn)
        scheduler.step()
        orders.send(done)
        while (moment := orders.recv()) is not None:
            done = 0
            clock.move_to(moment + ahead)
            scheduler.step()
            orders.send(done)
        scheduler.shutdown()
    store.close()


class Replicas:
    """So many of them."""

    def __init__(self, file: Path, now: datetime, aheads: Sequence[timedelta]) -> None:
        self.file, self.now, self.aheads = file, now, aheads
        self.processes: list[Any] = []
        self.lines: list[Connection] = []
        self.turns = 0
        self.done = [0 for _ in aheads]  #: reports made by each

    def __enter__(self) -> Self:
        for n in range(len(self.aheads)):
            process, line = self._start(n)
            self.processes.append(process)
            self.lines.append(line)
            self.done[n] += line.recv()
        return self

    def __exit__(self, *_: object) -> None:
        for line, process in zip(self.lines, self.processes, strict=True):
            if process.is_alive():
                line.send(None)
            process.join()
            line.close()

    def _start(self, n: int) -> tuple[Any, Connection]:
        ours, theirs = _PROCESSES.Pipe()
        arguments = (theirs, self.file, self.now, self.aheads[n])
        process = _PROCESSES.Process(target=replica, args=arguments, daemon=True)
        process.start()
        theirs.close()
        return process, ours

    def begin(self, moment: datetime) -> None:
        """Have all look at the clock."""
        self.now = moment
        self.turns += 1
        for line in self.lines:
            line.send(moment)

    def end(self) -> None:
        """Wait for those that live."""
        for n, line in enumerate(self.lines):
            self.done[n] += line.recv()

    def kill(self, n: int) -> None:
        """One is no more, in the middle of its turn; another takes its place."""
        os.kill(self.processes[n].pid, signal.SIGKILL)
        self.processes[n].join()
        self.lines[n].close()
        self.processes[n], self.lines[n] = self._start(n)
