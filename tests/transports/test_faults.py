from __future__ import annotations

import mail_server
import pytest
from carrying import (
    BEFORE,
    FEATURES,
    WIRE_S,
    mail,
    outcome,
    over_one_line,
    smtp,
    to,
)
from mail_server import MailServer, at

from digest.errors import (
    DigestError,
    InDoubt,
    Interrupted,
    NoServer,
    Refused,
    Temporary,
)
from digest.transports.smtp.servers import COOL_S
from digest.types import Receipt


@pytest.mark.parametrize("fault", mail_server.FAULTS)
@pytest.mark.parametrize("phase", ["connect", "ehlo"])
def test_a_server_that_does_not_greet_is_left_alone(phase: str, fault: str) -> None:
    with MailServer(at(phase, fault)) as server, MailServer() as other:
        alone = smtp(to(server), timeout_s=WIRE_S)
        first, second = over_one_line(alone, mail(1), mail(2))
        assert type(first) is type(second) is NoServer
        assert first.wait_s is not None
        assert COOL_S[0] - 5 < first.wait_s <= COOL_S[0]
        assert f"127.0.0.1:{server.port}" in str(first)
        assert server.log.conversations == 1
        both = smtp(to(server, name="bad"), to(other, name="good", weight=0), timeout_s=WIRE_S)
        found = over_one_line(both, mail(1), mail(2))
        assert [type(one) for one in found] == [Receipt, Receipt]
        assert server.log.conversations == 2
    assert not server.log.accepted


@pytest.mark.parametrize("fault", mail_server.FAULTS)
@pytest.mark.parametrize("phase", BEFORE)
@pytest.mark.parametrize("features", FEATURES[:2], ids=["pipelining", "plain"])
def test_a_line_that_breaks_before_the_content_is_tried_once_more(
    features: tuple[str, ...], phase: str, fault: str
) -> None:
    with MailServer(at(phase, fault, connections=[0]), features=features) as server:
        assert type(outcome(smtp(to(server), timeout_s=WIRE_S))) is Receipt
    assert server.log.accepted == {"1@x.org": 1}
    assert server.log.conversations == 2
    with MailServer(at(phase, fault), features=features) as server:
        assert type(outcome(smtp(to(server), timeout_s=WIRE_S))) is Interrupted
    assert not server.log.accepted
    assert server.log.conversations == 2


@pytest.mark.parametrize("fault", [*mail_server.FAULTS, "lose"])
@pytest.mark.parametrize("phase", ["body", "dot"])
def test_without_an_answer_to_the_last_byte_a_mail_is_in_doubt(phase: str, fault: str) -> None:
    with MailServer(at(phase, fault, connections=[0])) as server:
        transport = smtp(to(server), dot_timeout_s=WIRE_S)
        first, second = over_one_line(transport, mail(1), mail(2))
        assert type(first) is InDoubt
        assert type(second) is Receipt
    has_arrived = phase == "dot" and fault != "lose"
    assert server.log.accepted == {"2@x.org": 1} | ({"1@x.org": 1} if has_arrived else {})


def test_a_line_that_breaks_within_a_long_mail_left_nothing_behind() -> None:
    """More than the system's buffers hold, so that the last byte cannot have gone out."""
    long = mail(content=b"Message-ID: <1@x.org>\r\n" + b"a" * 998 + b"\r\n" * 8_000_000)
    for fault in ("cut", "stall"):
        with MailServer(at("body", fault), features=["PIPELINING"]) as server:
            assert type(outcome(smtp(to(server), dot_timeout_s=WIRE_S), long)) is Interrupted
        assert not server.log.accepted


def test_ready_is_asked_once_though_the_mail_is_tried_twice() -> None:
    asked = []

    async def ready() -> bool:
        asked.append(1)
        return True

    with MailServer(at("data", "cut", connections=[0])) as server:
        (found,) = over_one_line(smtp(to(server)), mail(), ready=ready)
    assert type(found) is Receipt
    assert asked == [1]


@pytest.mark.parametrize("features", FEATURES[:2], ids=["pipelining", "plain"])
@pytest.mark.parametrize("phase", [*BEFORE, "dot"])
@pytest.mark.parametrize(
    ("reply", "error"),
    [("450 4.2.0 later", Temporary), ("550 5.1.1 no", Refused), ("421 4.3.2 bye", Temporary)],
)
def test_a_refused_mail_does_not_stop_the_next(
    features: tuple[str, ...], phase: str, reply: str, error: type[DigestError]
) -> None:
    def fault(moment: mail_server.Moment) -> str:
        return reply if moment.phase == phase and moment.connection == 0 else ""

    def first(moment: mail_server.Moment) -> str:
        return fault(moment) if moment.mail == 1 else ""

    with MailServer(first, features=features) as server:
        found = over_one_line(smtp(to(server)), mail(1), mail(2), mail(3))
    assert [type(one) for one in found] == [error, Receipt, Receipt]
    assert reply in str(found[0])
    assert server.log.accepted == {"2@x.org": 1, "3@x.org": 1}
    assert server.log.conversations == (2 if reply.startswith("421") else 1)
    if phase == "mail" and isinstance(found[0], Refused):
        assert (found[0].is_dead, found[0].is_policy) == (False, True)


def test_an_idle_connection_that_the_server_has_ended_costs_no_mail() -> None:
    def fault(moment: mail_server.Moment) -> str:
        is_second = moment.phase == "mail" and (moment.connection, moment.mail) == (0, 2)
        return "421 4.4.2 idle for too long" if is_second else ""

    with MailServer(fault) as server:
        found = over_one_line(smtp(to(server)), mail(1), mail(2))
    assert [type(one) for one in found] == [Receipt, Receipt]
    assert server.log.accepted == {"1@x.org": 1, "2@x.org": 1}


def test_a_server_that_takes_data_for_nobody_gets_no_content() -> None:
    def fault(moment: mail_server.Moment) -> str:
        return "550 5.1.1 no" if (moment.phase, moment.mail) == ("rcpt", 1) else ""

    with MailServer(fault, keeps=True, takes_data_for_nobody=True) as server:
        found = over_one_line(smtp(to(server)), mail(1), mail(2))
    assert [type(one) for one in found] == [Refused, Receipt]
    assert [m.content for m in server.log.mails] == [mail(2).content]
    assert server.log.conversations == 1


@pytest.mark.parametrize("phase", BEFORE)
@pytest.mark.parametrize("reply", ["503 5.5.1 bad sequence", "530 5.7.0 log in first"])
def test_a_quarrel_with_the_server_is_not_blamed_on_the_mail(phase: str, reply: str) -> None:
    with MailServer(at(phase, reply)) as server:
        found = outcome(smtp(to(server)))
    assert type(found) is Interrupted
    assert reply in str(found)
