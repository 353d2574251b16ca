"""Mail servers that fail in every way there is: each delivery ends where it should.

`make soak` does it with 10,000 deliveries for each fault (DIGEST_SOAK).
"""

from __future__ import annotations

import os
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from mail_server import Fault, MailServer, at, seeded
from queued import NOW, by_id, queue, setup_of, states, write

from digest import run

MANY = int(os.environ.get("DIGEST_SOAK", "0"))
FEW = MANY or 120


def _sent(tmp_path: Path, server: MailServer, number: int, smtp: str = "") -> run.Setup:
    setup = setup_of(write(tmp_path, server.port, smtp="timeout_s = 0.3\n" + smtp))
    queue(setup, number)
    run.send(setup)
    return setup


def _accounted(setup: run.Setup, server: MailServer) -> Counter[str]:
    """Nothing is lost or doubled: what the ledger says is what the server has."""
    found = by_id(setup)
    for message_id, state in found.items():
        times = server.log.accepted[message_id]
        if state == "sent":
            assert times == 1
        elif state == "in-doubt":
            assert times <= 1
        else:
            assert times == 0
    assert set(server.log.accepted) <= set(found)
    now = states(setup)
    assert not now["claimed"]
    assert not now["sending"]
    return now


@pytest.mark.parametrize("phase", ["connect", "ehlo", "mail", "rcpt", "data"])
@pytest.mark.parametrize("fault", ["cut", "garbage", "endless", "wrong"])
def test_a_server_that_fails_now_and_then_before_the_end_costs_nothing(
    tmp_path: Path, phase: str, fault: str
) -> None:
    with MailServer(seeded(6, {(phase, fault): 0.02})) as server:
        setup = _sent(tmp_path, server, FEW)
        now = _accounted(setup, server)
        assert now["sent"] + now["deferred"] + now["queued"] + now["failed"] == FEW
        assert now["sent"] > FEW / 2
        later = setup.at(NOW + timedelta(hours=1))
        server.fault = lambda _: ""
        run.send(later)
        again = _accounted(later, server)
    assert again["sent"] + again["failed"] == FEW


@pytest.mark.parametrize(
    ("phase", "fault"),
    [
        ("dot", "cut"),
        ("dot", "lose"),
        ("dot", "garbage"),
        ("dot", "421 4.3.2 closing"),
        # The whole mail is on its way at once: how much of it arrived nobody knows.
        ("body", "cut"),
        ("body", "garbage"),
    ],
)
def test_what_breaks_after_the_last_byte_is_in_doubt_and_stays_there(
    tmp_path: Path, phase: str, fault: str
) -> None:
    with MailServer(seeded(6, {(phase, fault): 0.05})) as server:
        setup = _sent(tmp_path, server, FEW)
        now = _accounted(setup, server)
        run.send(setup.at(NOW + timedelta(days=2)))
        assert _accounted(setup, server)["in-doubt"] == now["in-doubt"]
    assert now["sent"] + now["in-doubt"] + now["deferred"] == FEW
    if not fault.startswith("4"):
        assert now["in-doubt"]


@pytest.mark.parametrize(
    ("phase", "reply", "state"),
    [
        ("mail", "451 4.3.0 busy", "deferred"),
        ("rcpt", "450 4.2.1 try again in 900 seconds", "deferred"),
        ("data", "452 4.3.1 no room", "deferred"),
        ("dot", "451 4.7.1 greylisted", "deferred"),
        ("rcpt", "550 5.1.1 no such user", "failed"),
        ("dot", "552 5.3.4 too big", "failed"),
        ("dot", "554 5.7.1 spam", "failed"),
    ],
)
def test_what_a_server_refuses_is_tried_again_or_not(
    tmp_path: Path, phase: str, reply: str, state: str
) -> None:
    with MailServer(seeded(6, {(phase, reply): 0.1})) as server:
        setup = _sent(tmp_path, server, FEW)
        now = _accounted(setup, server)
        assert now[state]
        assert now[state] + now["sent"] == FEW
        server.fault = lambda _: ""
        later = setup.at(NOW + timedelta(hours=1))
        run.send(later)
        again = _accounted(later, server)
    assert again["sent"] == (FEW if state == "deferred" else FEW - now[state])


def test_a_server_that_is_not_there_loses_nothing_and_says_so(tmp_path: Path) -> None:
    with MailServer() as server:
        port = server.port
    setup = setup_of(write(tmp_path, port))
    queue(setup, FEW)
    sent = run.send(setup)
    now = states(setup)
    assert now["queued"] + now["deferred"] == FEW
    assert not sent.mails
    assert f"127.0.0.1:{port}" in " ".join(sent.problems["papers"])


def test_where_one_of_two_servers_is_down_the_other_takes_all(tmp_path: Path) -> None:
    with MailServer() as dead:
        gone = dead.port
    with MailServer() as server:
        two = "".join(
            f'[smtp.servers.{name}]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\n'
            for name, port in (("one", gone), ("two", server.port))
        )
        setup = setup_of(write(tmp_path, 1, smtp=two))
        queue(setup, FEW)
        run.send(setup)
        assert _accounted(setup, server)["sent"] == FEW


def test_refusals_of_ourselves_hold_the_issue_and_spare_the_rest(tmp_path: Path) -> None:
    fault: Fault = at("dot", "550 5.7.1 your address is listed")
    with MailServer(fault) as server:
        setup = _sent(tmp_path, server, 600)
        now = states(setup)
        assert 25 <= now["failed"] <= 40
        assert now["queued"] == 600 - now["failed"]
        sent = run.send(setup)
        assert not sent.mails
