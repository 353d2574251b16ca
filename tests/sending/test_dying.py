"""What is left when a sender, or somebody who wanted something tried again, dies half-way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from mail_server import MailServer, Moment, at
from queued import ISSUE, NOW, address, queue, setup_of, states, write
from sqlalchemy import update

from digest import run
from digest.errors import StoreBusy
from digest.run import roll, steering, subscribing
from digest.run.sending import books
from digest.run.sending.pool import Limits, Pool
from digest.store import bounces, sending, tables
from digest.types import DeliveryState, Suppression

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(("doubt", "state"), [("hold", "in-doubt"), ("resend", "sent")])
def test_what_a_dead_sender_had_begun_is_held_or_sent_again_as_told(
    tmp_path: Path, doubt: str, state: str
) -> None:
    with MailServer() as server:
        setup = setup_of(write(tmp_path, server.port, smtp=f'in_doubt = "{doubt}"'))
        queue(setup, 6)
        with setup.store.write() as connection:
            sending.arrive(connection, "dead", "file", NOW, NOW + HOUR)
            claimed = sending.claim(connection, "dead", NOW, 4)
            sending.begin(connection, "dead", [one.message_id for one in claimed[:3]], NOW)
        run.send(setup)
        assert states(setup)["sent"] == (6 if doubt == "resend" else 3)
        assert states(setup)[state] >= 3


def test_what_was_to_be_tried_again_is_not_forgotten_where_who_asked_died(tmp_path: Path) -> None:
    with MailServer(at("rcpt", "550 5.3.0 no")) as server:
        setup = setup_of(write(tmp_path, server.port))
        queue(setup, 6)
        run.send(setup)
        server.fault = lambda _: ""
        with setup.store.write() as connection:
            assert sending.retry(connection, DeliveryState.FAILED, [ISSUE], "retry x", NOW) == 6
        run.send(setup)
        assert states(setup) == {"sent": 6}


def test_who_left_since_gets_nothing_by_trying_again(tmp_path: Path) -> None:
    with MailServer(at("rcpt", "550 5.3.0 no")) as server:
        setup = setup_of(write(tmp_path, server.port))
        queue(setup, 2)
        run.send(setup)
        server.fault = lambda _: ""
        with setup.store.write() as connection:
            connection.execute(update(tables.subscriptions).values(state="unsubscribed"))
        steering.retry(setup, DeliveryState.FAILED)
        assert not server.log.accepted
        assert states(setup) == {"suppressed": 2}


def test_what_is_cancelled_while_it_is_on_the_wire_does_not_come_back(tmp_path: Path) -> None:
    def cancels(moment: Moment) -> str:
        if moment.phase != "dot":
            return ""
        steering.cancel(setup, "papers")
        return "451 4.3.0 later"

    with MailServer(cancels) as server:
        setup = setup_of(write(tmp_path, server.port))
        queue(setup, 1)
        run.send(setup)
        server.fault = lambda _: ""
        run.send(setup.at(NOW + HOUR))
        assert not server.log.accepted
        assert states(setup) == {"failed": 1}
        assert steering.release(setup, "papers") == (ISSUE, False)


def _by_the_operator(setup: run.Setup) -> None:
    roll.suppress(setup, address(0), Suppression.OPERATOR)


def _by_leaving(setup: run.Setup) -> None:
    subscribing.unsubscribe_address(setup, address(0), "papers", form="mail")


def _by_a_bounce(setup: run.Setup) -> None:
    with setup.store.write() as connection:
        bounces.withdraw(connection, address(0), NOW, "the address is suppressed")


@pytest.mark.parametrize("how", [_by_the_operator, _by_leaving, _by_a_bounce])
def test_who_is_suppressed_after_the_claim_gets_nothing(
    tmp_path: Path, how: Callable[[run.Setup], None]
) -> None:
    setup = setup_of(write(tmp_path, 1))
    queue(setup, 1)
    with setup.store.write() as connection:
        sending.arrive(connection, "one", "file", NOW, NOW + HOUR)
        (claimed,) = sending.claim(connection, "one", NOW, 1)
    how(setup)
    with setup.store.write() as connection:
        assert not sending.begin(connection, "one", [claimed.message_id], NOW)


def test_who_asks_a_store_that_gave_up_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(books, "PATIENCE_S", 0.1)
    setup = setup_of(write(tmp_path, 1))
    queue(setup, 1)
    kept = books.Books(setup.store, "one", lambda: NOW)
    (tmp_path / "digest.db").rename(tmp_path / "gone.db")
    setup.store.close()
    (tmp_path / "digest.db").mkdir()

    async def late() -> None:
        keeper = asyncio.create_task(kept.keep())
        with pytest.raises(StoreBusy):
            await kept.begin("one@example.org")
        with pytest.raises(StoreBusy):
            await asyncio.wait_for(kept.begin("two@example.org"), 5)
        with pytest.raises(StoreBusy):
            await keeper

    asyncio.run(late())


def test_turns_that_nobody_took_are_not_made_up_for(tmp_path: Path) -> None:
    setup = setup_of(write(tmp_path, 1))
    queue(setup, 200)
    now = NOW

    async def after_a_stall() -> int:
        nonlocal now
        kept = books.Books(setup.store, "one", lambda: now)
        pool = Pool(setup, kept, Limits(overall=20))
        assert await pool.next()
        now = NOW + timedelta(seconds=4.5)
        number = 0
        while number < 90:
            try:
                await asyncio.wait_for(pool.next(), 0.05)
            except TimeoutError:
                break
            number += 1
        return number

    assert asyncio.run(after_a_stall()) <= 2
