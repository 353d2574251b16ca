from __future__ import annotations

import asyncio
import time

import mail_server
import pytest
from carrying import (
    BEFORE,
    ISSUE,
    mail,
    run,
    smtp,
    to,
    yes,
)
from mail_server import MailServer, at

from digest.errors import (
    InDoubt,
    NoServer,
    Refused,
    Temporary,
)
from digest.transports.smtp import Smtp
from digest.types import Receipt


def test_connections_go_to_servers_by_their_weights() -> None:
    with MailServer() as one, MailServer() as other:
        made = [to(one, name="one", weight=3), to(other, name="other", weight=1)]
        found = run(smtp(*made), 400, 8, lambda _: None)
        assert all(isinstance(receipt, Receipt) for receipt in found)
        assert (one.log.most_open, other.log.most_open) == (6, 2)
    assert one.log.accepted | other.log.accepted == {f"{n}@x.org": 1 for n in range(400)}


def test_a_server_that_dies_loses_nothing_and_the_other_takes_over() -> None:
    with MailServer() as one, MailServer() as other:
        made = [to(one, name="one"), to(other, name="other", weight=0)]

        def then(number: int) -> None:
            if number == 150:
                one.die()

        found = run(smtp(*made), 400, 5, then)
        arrived = one.log.accepted + other.log.accepted
        for number, result in enumerate(found):
            assert type(result) in (Receipt, InDoubt), result
            if type(result) is Receipt:
                assert arrived[f"{number}@x.org"] == 1
        assert sum(type(result) is InDoubt for result in found) <= 5
        assert max(arrived.values()) == 1
        assert other.log.accepted


def test_more_lines_than_connections_wait_for_each_other() -> None:
    with MailServer() as server:
        found = run(smtp(to(server, connections=2)), 100, 9, lambda _: None)
        assert all(isinstance(receipt, Receipt) for receipt in found)
        assert server.log.most_open == 2
    with MailServer(at("connect", "421 4.7.0 too many", connections=range(1, 99))) as server:
        found = run(smtp(to(server)), 100, 9, lambda _: None)
        assert sum(server.log.accepted.values()) == len(server.log.accepted)
        assert all(type(one) in (Receipt, NoServer) for one in found)


def test_a_rate_of_a_server_holds_over_all_lines() -> None:
    with MailServer() as server:
        transport = smtp(to(server, per_second=50.0))
        started = time.monotonic()
        found = run(transport, 21, 4, lambda _: None)
        assert all(isinstance(receipt, Receipt) for receipt in found)
        assert 0.4 <= time.monotonic() - started < 2


def test_a_thousand_mails_through_every_fault_end_in_the_right_state() -> None:
    often = {(phase, fault): 0.01 for phase in BEFORE for fault in ("cut", "garbage", "wrong")}
    often |= {("dot", fault): 0.01 for fault in ("cut", "lose", "450 4.2.0 later")}
    often |= {("rcpt", "550 5.1.1 no"): 0.02, ("data", "451 4.3.0 later"): 0.02}
    with MailServer(mail_server.seeded(1, often)) as server:
        found = run(smtp(to(server)), 1000, 10, lambda _: None)
        arrived = server.log.accepted
        assert max(arrived.values()) == 1
        for number, result in enumerate(found):
            has_arrived = bool(arrived[f"{number}@x.org"])
            if type(result) is Receipt:
                assert has_arrived
            elif type(result) is not InDoubt:
                assert type(result) in (Refused, Temporary)
                assert not has_arrived
        happened = server.log.faults
    doubts = sum(type(result) is InDoubt for result in found)
    assert doubts == happened["dot", "cut"] + happened["dot", "lose"]
    assert all(happened[key] for key in often)


def test_a_line_that_is_called_off_leaves_no_half_mail_to_the_next() -> None:
    async def carry(transport: Smtp) -> Receipt:
        line = transport.line()
        task = asyncio.create_task(line.send(mail(1), ISSUE, yes))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        found = await line.send(mail(2), ISSUE, yes)
        await line.close()
        return found

    with MailServer(at("data", "stall", connections=[0])) as server:
        assert isinstance(asyncio.run(carry(smtp(to(server)))), Receipt)
    assert server.log.accepted == {"2@x.org": 1}
    assert server.log.conversations == 2
