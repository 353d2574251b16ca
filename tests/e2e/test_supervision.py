"""`digest serve` as something starts it, stops it, and starts it again when it was killed."""

from __future__ import annotations

import os
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import pytest
from mail_server import MailServer
from queued import by_id, queue, setup_of, states, write

pytestmark = pytest.mark.slow
LINES = 4
ENDS_S = 10.0  #: what is promised


class Supervised:
    """One start of it, in a process group of its own, as a supervisor makes one."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.folder = folder
        self.err = folder / f"err-{time.monotonic_ns()}"
        with self.err.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "digest", *(words or ("serve", "--port", "0"))],
                cwd=folder,
                stdout=subprocess.PIPE,
                stderr=err,
                start_new_session=True,
                env={
                    **os.environ,
                    "DIGEST_STATE_FOLDER": str(folder / "state"),
                    "OMP_NUM_THREADS": "1",
                },
            )
        assert self.process.stdout
        ready, _, _ = select.select([self.process.stdout], [], [], 40)
        assert ready, self.err.read_text()
        self.process.stdout.readline()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for pid in self.group():
            os.kill(pid, signal.SIGKILL)
        self.process.wait(10)
        assert self.process.stdout
        self.process.stdout.close()

    def group(self) -> list[int]:
        """Who of it is alive: itself and its children."""
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            try:
                fields = (place / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # gone meanwhile
                continue
            if int(fields[2]) == self.process.pid and fields[0] != "Z":
                found.append(int(place.name))
        return found

    def end(self) -> int:
        """Tell it to end, as systemd does; it must have within what is promised."""
        start = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        assert time.monotonic() - start < ENDS_S
        assert self.group() == []
        return code


def until(
    is_true: Callable[[], object], seconds: float = 60, say: Callable[[], object] = str
) -> None:
    end = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < end, say()
        time.sleep(0.02)


SCHEDULED = """
transport = "smtp"
summarizer = "lead"
[smtp]
host = "127.0.0.1"
port = {port}
security = "none"
[digests.papers]
topics = ["retrieval"]
sources = ["sample"]
schedule = "daily at 00:00"
to = ["reader@example.org"]
"""


@pytest.mark.parametrize("words", [("serve", "--port", "0"), ("schedule",)], ids=lambda w: w[0])
def test_what_is_due_when_it_starts_goes_out_once_and_it_ends_when_told_to(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    with MailServer() as server:
        (tmp_path / "digest.toml").write_text(SCHEDULED.format(port=server.port))
        for _ in range(2):  # the second start finds nothing to do
            with Supervised(tmp_path, *words) as one:
                until(lambda: server.log.accepted.total() > 0)
                time.sleep(3)
                assert one.end() == 0
                assert " ERROR " not in one.err.read_text()
                assert " WARNING " not in one.err.read_text()
        assert list(server.log.accepted.values()) == [1]


def test_told_to_end_while_an_issue_is_made_it_ends_and_the_next_makes_it(tmp_path: Path) -> None:
    with MailServer() as server:
        (tmp_path / "digest.toml").write_text(SCHEDULED.format(port=server.port))
        with Supervised(tmp_path) as one:
            until(lambda: len(one.group()) > 1)
            time.sleep(random.Random(7).random())
            assert one.end() == 0
        with Supervised(tmp_path) as one:
            until(lambda: server.log.accepted.total() > 0)
            time.sleep(3)
            assert one.end() == 0
        assert list(server.log.accepted.values()) == [1]


@pytest.mark.parametrize("number", [100, 600], ids=["on the side", "by a child"])
def test_told_to_end_while_it_sends_it_leaves_nothing_in_doubt(tmp_path: Path, number: int) -> None:
    with MailServer() as server:
        setup = setup_of(write(tmp_path, server.port, connections=LINES, smtp="overall = 20"))
        queue(setup, number)
        with Supervised(tmp_path) as one:
            until(lambda: server.log.accepted.total() > 10)
            assert one.end() == 0
        now = states(setup)
        assert now["sent"] == server.log.accepted.total()
        assert now["sent"] + now["queued"] == number
        assert now["queued"] > 0  # it was in the middle of it


@pytest.mark.parametrize("whom", ["main", "group"])
def test_killed_at_any_moment_and_started_again_it_loses_and_doubles_nothing(
    tmp_path: Path, whom: str
) -> None:
    dice = random.Random(whom)
    number, doubts = 900, 0
    with MailServer() as server:
        setup = setup_of(write(tmp_path, server.port, connections=LINES, smtp="overall = 60"))
        queue(setup, number)
        for _ in range(3):
            before = server.log.accepted.total()
            with Supervised(tmp_path) as one:
                until(
                    lambda before=before: server.log.accepted.total() > before,
                    say=lambda one=one: (states(setup), one.err.read_text()),
                )
                time.sleep(dice.random())
                if whom == "main":
                    one.process.kill()
                    # Its children see that it is gone, bring what they send to its end, and end.
                    until(lambda one=one: not one.group(), ENDS_S + 2)
                    assert states(setup)["sending"] == 0
                else:
                    os.killpg(one.process.pid, signal.SIGKILL)
                    one.process.wait()
                    assert states(setup)["sending"] <= LINES
                    doubts += states(setup)["sending"]
        with Supervised(tmp_path) as one:
            until(lambda: not states(setup).keys() - {"sent", "in-doubt"})
            assert one.end() == 0
        found, now = by_id(setup), states(setup)
    assert now["in-doubt"] == doubts
    assert now["sent"] + now["in-doubt"] == number
    for message_id, state in found.items():
        times = server.log.accepted[message_id]
        assert times == 1 if state == "sent" else times <= 1
