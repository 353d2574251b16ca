"""Notices on their way: what fails is tried again, what never will is given up, none goes twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from desk import ADA, BEN, Desk, Moody

from digest.errors import Permanent, Temporary
from digest.run import notifying, roll, subscribing
from digest.store import notices
from digest.types import DeliveryState, Suppression


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    Moody.fails.clear()
    Moody.took.clear()
    made = Desk(tmp_path, transport="desk:Moody")
    yield made
    made.setup.store.close()


def states(desk: Desk) -> dict[str, int]:
    with desk.setup.store.read() as connection:
        return notices.by_state(connection)


def test_a_notice_that_fails_for_now_is_tried_later_and_goes_once(desk: Desk) -> None:
    Moody.fails += [Temporary("busy"), Temporary("busy")]
    desk.ask()
    assert states(desk) == {"deferred": 1}
    for minutes, sent in ((0.9, 0), (0.2, 0), (4.9, 0), (0.2, 1), (60, 1)):
        desk.at(hours=minutes / 60)
        notifying.post(desk.setup)
        assert len(Moody.took) == sent
    assert states(desk) == {"sent": 1}


def test_a_notice_is_given_up_after_so_many_failures(desk: Desk) -> None:
    Moody.fails += [Temporary("busy")] * 100
    desk.ask()
    for _ in range(40):
        desk.at(hours=12)
        notifying.post(desk.setup)
    assert states(desk) == {"failed": 1}
    assert len(Moody.fails) == 100 - len(notifying.WAITS) - 1


def test_a_notice_that_never_can_go_stops_no_other(desk: Desk) -> None:
    subscribing.ask(desk.setup, ADA, "d", "page")
    Moody.fails.append(Permanent("no such mailbox"))
    assert desk.ask(BEN) == {"confirm": 2}
    assert states(desk) == {"failed": 1, "sent": 1}
    assert [mail.to for mail in Moody.took] == [BEN]


def test_a_notice_whose_sender_died_is_in_doubt_where_a_second_one_might_come_of_it(
    desk: Desk,
) -> None:
    subscribing.ask(desk.setup, ADA, "d", "page")
    subscribing.answer(desk.setup)
    with desk.setup.store.write() as connection:
        (one,) = notices.due(connection, desk.now, 1)
        notices.move(connection, one.id, [DeliveryState.QUEUED], DeliveryState.SENDING)
    assert notifying.post(desk.setup) == 0
    assert states(desk) == {DeliveryState.IN_DOUBT: 1}
    desk.at(transport="outbox", hours=30)
    desk.ask(BEN)
    assert [mail["To"] for mail in desk.mails()] == [BEN]


def test_who_is_suppressed_between_ask_and_mail_gets_none(desk: Desk) -> None:
    subscribing.ask(desk.setup, ADA, "d", "page")
    subscribing.answer(desk.setup)
    roll.suppress(desk.setup, ADA, Suppression.COMPLAINT)
    assert notifying.post(desk.setup) == 0
    assert (states(desk), Moody.took) == ({"suppressed": 1}, [])


def test_a_welcome_goes_though_it_fails_at_first(desk: Desk) -> None:
    desk.ask()
    mail = Moody.took[0].content.replace(b"=\r\n", b"")
    token = mail.partition(b"/confirm/")[2][:40].decode()
    subscribing.confirm(desk.setup, token)
    Moody.fails.append(Temporary("busy"))
    assert notifying.welcome(desk.setup) == 0
    desk.at(hours=1)
    assert notifying.welcome(desk.setup) == 1
    assert b"You are subscribed to D" in Moody.took[-1].content
