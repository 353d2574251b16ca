"""Notices over a mail server: what fails is tried again, what may have arrived is not."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from mail_server import MailServer, at
from queued import NOW, setup_of, write

from digest import run
from digest.run import notifying, subscribing
from digest.store import notices


def _asked(tmp_path: Path, port: int) -> run.Setup:
    setup = setup_of(write(tmp_path, port))
    subscribing.ask(setup, "reader@example.org", "papers", "page")
    subscribing.answer(setup)
    return setup


def _states(setup: run.Setup) -> dict[str, int]:
    with setup.store.read() as connection:
        return notices.by_state(connection)


def test_a_confirmation_waits_while_no_server_is_there(tmp_path: Path) -> None:
    with MailServer() as server:
        port = server.port
    setup = _asked(tmp_path, port)
    for minutes in range(0, 60, 5):  # more often than it would be tried if that counted
        assert notifying.post(setup.at(NOW + timedelta(minutes=minutes))) == 0
        assert _states(setup) == {"deferred": 1}
    assert notifying.post(setup) == 0


def test_a_confirmation_that_may_have_arrived_is_not_sent_twice(tmp_path: Path) -> None:
    with MailServer(at("dot", "cut")) as server:
        setup = _asked(tmp_path, server.port)
        notifying.post(setup)
        assert _states(setup) == {"in-doubt": 1}
        server.fault = lambda _: ""
        notifying.post(setup.at(NOW + timedelta(days=1)))
        assert server.log.accepted.total() == 1


def test_a_confirmation_that_is_refused_for_now_comes_later(tmp_path: Path) -> None:
    with MailServer(at("rcpt", "450 4.2.1 later")) as server:
        setup = _asked(tmp_path, server.port)
        notifying.post(setup)
        assert _states(setup) == {"deferred": 1}
        server.fault = lambda _: ""
        assert notifying.post(setup.at(NOW + timedelta(hours=1))) == 1
