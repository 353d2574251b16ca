from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any

import mail_server
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mail_server import PASSWORD, USER, MailServer, at

from digest.errors import (
    BadConfig,
    DigestError,
    InDoubt,
    Interrupted,
    NoServer,
    Permanent,
    Refused,
    Temporary,
    Withdrawn,
)
from digest.transports.smtp import Server, Smtp
from digest.transports.smtp.servers import COOL_S
from digest.types import Mail, Receipt

ISSUE = "reading/2026-06-22T08:00"
WIRE_S = 0.25  #: how long tests wait for a server that does not answer


def mail(number: int = 1, **changed: Any) -> Mail:
    content = f"Message-ID: <{number}@x.org>\r\nTo: r{number}@y.org\r\n\r\nhello\r\n"
    made = Mail(
        sender="digest@x.org",
        to=f"r{number}@y.org",
        message_id=f"{number}@x.org",
        content=content.encode(),
    )
    return replace(made, **changed)


def to(server: MailServer, **changed: Any) -> Server:
    wanted = {"host": "127.0.0.1", "port": server.port, "security": "none", **changed}
    return Server(**wanted)


def smtp(*servers: Server, timeout_s: float = 5.0, dot_timeout_s: float = 5.0, **more: Any) -> Smtp:
    return Smtp(servers, timeout_s=timeout_s, dot_timeout_s=dot_timeout_s, **more)


async def yes() -> bool:
    return True


async def no() -> bool:
    return False


def over_one_line(
    transport: Smtp, *mails: Mail, ready: Callable[[], Awaitable[bool]] = yes
) -> list[Receipt | DigestError]:
    """What became of each mail."""

    async def carry() -> list[Receipt | DigestError]:
        line = transport.line()
        found: list[Receipt | DigestError] = []
        for one in mails:
            try:
                found.append(await line.send(one, ISSUE, ready))
            except DigestError as why:
                found.append(why)
        await line.close()
        return found

    return asyncio.run(carry())


def outcome(transport: Smtp, one: Mail | None = None) -> Receipt | DigestError:
    (found,) = over_one_line(transport, one or mail())
    return found


# --- as it should be -----------------------------------------------------------------------------

FEATURES = [("PIPELINING", "SIZE 10485760", "8BITMIME"), ("SIZE",), ()]


@pytest.mark.parametrize("features", FEATURES, ids=str)
def test_mails_arrive_whole_over_one_connection(features: tuple[str, ...]) -> None:
    with MailServer(features=features, keeps=True) as server:
        found = over_one_line(smtp(to(server)), *map(mail, range(20)))
    assert [str(one) for one in found] == ["Receipt(detail='250 2.0.0 Ok: queued')"] * 20
    assert [m.content for m in server.log.mails] == [mail(n).content for n in range(20)]
    assert [m.to for m in server.log.mails] == [[f"r{n}@y.org"] for n in range(20)]
    assert server.log.conversations == 1
    assert server.log.said[-1] == b"QUIT"


def test_ten_lines_carry_each_mail_once_and_open_no_more_than_they_may() -> None:
    async def carry(transport: Smtp) -> None:
        numbers = iter(range(500))

        async def work() -> None:
            line = transport.line()
            for number in numbers:
                await line.send(mail(number), ISSUE, yes)
            await line.close()

        await asyncio.gather(*(work() for _ in range(10)))

    with MailServer() as server:
        asyncio.run(carry(smtp(to(server, connections=7))))
        assert server.log.accepted == {f"{n}@x.org": 1 for n in range(500)}
        assert server.log.most_open == 7


def test_a_notice_goes_by_itself_without_a_loop() -> None:
    with MailServer() as server:
        transport = smtp(to(server, name="main"), to(server, name="other", weight=0))
        for number in range(2):
            assert transport.send(mail(number), ISSUE).detail == "main: 250 2.0.0 Ok: queued"
    assert server.log.accepted == {"0@x.org": 1, "1@x.org": 1}
    assert transport.publish(ISSUE, {}) is None
    assert transport.erase("r1@y.org") == 0


CONTENT = st.lists(st.sampled_from([b".", b"..", b"a", b"\r\n", b"\r\n.", b"\r\n.\r\n", b" "]))


@pytest.fixture(scope="module")
def keeping() -> Iterator[tuple[MailServer, Smtp]]:
    with MailServer(keeps=True) as server:
        yield server, smtp(to(server))


@given(pieces=CONTENT)
@settings(max_examples=100, deadline=None)
def test_any_content_arrives_as_it_was(
    pieces: list[bytes], keeping: tuple[MailServer, Smtp]
) -> None:
    server, transport = keeping
    content = b"".join(pieces) + b"\r\n"
    server.log.mails.clear()
    found = over_one_line(transport, mail(content=content), mail(2))
    assert all(isinstance(one, Receipt) for one in found)
    assert [m.content for m in server.log.mails] == [content, mail(2).content]


# --- what is never sent --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content", [b"", b"a", b"a\n", b"a\r", b"a\r\nb\nc\r\n", b"a\rb\r\n", b"\n\r\n", b"\r\r\n"]
)
def test_half_a_line_end_in_the_content_is_refused(content: bytes) -> None:
    with MailServer() as server:
        found = outcome(smtp(to(server)), mail(content=content))
    assert type(found) is Permanent
    assert server.log.conversations == 0


@pytest.mark.parametrize(
    ("address", "error"),
    [
        ("a@x.org>\r\nRCPT TO:<b@x.org", Permanent),
        ("a@x.org> SIZE=1", Permanent),
        ("a b@x.org", Permanent),
        ("a\0b@x.org", Permanent),
        ("<a@x.org", Permanent),
        ("", Permanent),
        ("a" * 500 + "@x.org", Permanent),
        ("jürgen@x.org", Refused),
    ],
)
def test_an_address_that_would_be_more_than_an_address_is_refused(
    address: str, error: type[DigestError]
) -> None:
    with MailServer() as server:
        found = outcome(smtp(to(server)), mail(to=address))
        assert type(found) is error
        if address:
            assert type(outcome(smtp(to(server)), mail(sender=address))) is error
    assert not server.log.accepted
    if error is Refused:
        assert "SMTPUTF8" in str(found)


def test_a_report_has_nobody_as_its_sender() -> None:
    with MailServer(keeps=True) as server:
        assert isinstance(outcome(smtp(to(server)), mail(sender="")), Receipt)
    assert server.log.mails[0].mail_from == "<>"


def test_what_a_server_cannot_take_is_refused_before_it_is_asked() -> None:
    with MailServer(features=["PIPELINING", "SIZE 100"], keeps=True) as server:
        long = mail(1, content=b"a" * 99 + b"\r\n")
        wide = mail(2, content="ä\r\n".encode())
        found = over_one_line(smtp(to(server)), long, wide, mail(3))
    assert [type(one) for one in found] == [Refused, Refused, Receipt]
    assert "101 bytes" in str(found[0])
    assert server.log.conversations == 1
    assert sum(line.startswith(b"MAIL") for line in server.log.said) == 1


def test_a_mail_that_is_withdrawn_on_its_way_does_not_arrive() -> None:
    for features in FEATURES:
        with MailServer(features=features) as server:
            (found,) = over_one_line(smtp(to(server)), mail(), ready=no)
        assert type(found) is Withdrawn
        assert not server.log.accepted


def test_ready_is_asked_while_the_server_thinks_and_before_the_content() -> None:
    steps: list[str] = []

    def watch(moment: mail_server.Moment) -> str:
        steps.append(moment.phase)
        return ""

    async def ready() -> bool:
        steps.append("asked")
        for _ in range(100):
            await asyncio.sleep(0.01)
            if "data" in steps:
                break
        steps.append("ready")
        return True

    with MailServer(watch) as server:
        over_one_line(smtp(to(server)), mail(), ready=ready)
    assert steps.index("asked") < steps.index("ready") < steps.index("body")
    assert steps.index("data") < steps.index("ready")


# --- faults --------------------------------------------------------------------------------------

BEFORE = ("mail", "rcpt", "data")


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


# --- encryption and passwords --------------------------------------------------------------------


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize("auth", ["PLAIN", "LOGIN", "CRAM-MD5 LOGIN PLAIN"])
def test_mails_go_encrypted_with_a_password(authority: Any, security: str, auth: str) -> None:
    is_tls = security == "tls"
    with MailServer(certificate=authority.context, is_tls=is_tls, auth=auth) as server:
        made = to(server, security=security, user=USER, password=PASSWORD)
        transport = smtp(made, ca_file=authority.ca_file)
        found = over_one_line(transport, mail(1), mail(2))
    assert [type(one) for one in found] == [Receipt, Receipt], found
    assert server.log.conversations == 1


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_that_nobody_vouches_for_is_not_taken(authority: Any, security: str) -> None:
    with MailServer(certificate=authority.context, is_tls=security == "tls") as server:
        found = outcome(smtp(to(server, security=security)))
        assert type(found) is NoServer
        assert "certificate" in str(found)
        # Nor one that is of another host.
        named = to(server, security=security, host="localhost")
        found = outcome(smtp(named, ca_file=authority.ca_file))
    assert type(found) is NoServer
    assert not server.log.accepted


def test_without_starttls_nothing_goes_in_the_clear() -> None:
    with MailServer(keeps=True, auth="PLAIN") as server:
        found = outcome(smtp(to(server, security="starttls", user=USER, password=PASSWORD)))
    assert type(found) is NoServer
    assert "STARTTLS" in str(found)
    assert server.log.said == [b"EHLO [127.0.0.1]"]


@pytest.mark.parametrize("injected", [b"250 2.0.0 ok\r\n", b"250-half", b"250 PIPELINING\r\n" * 3])
def test_what_is_put_in_behind_starttls_is_not_listened_to(authority: Any, injected: bytes) -> None:
    with MailServer(certificate=authority.context, after_starttls=injected) as server:
        found = outcome(smtp(to(server, security="starttls"), ca_file=authority.ca_file))
    assert type(found) is NoServer
    assert not server.log.accepted


@pytest.mark.parametrize("phase", ["starttls", "auth"])
@pytest.mark.parametrize("fault", [*mail_server.FAULTS, "454 4.7.0 not now"])
def test_a_server_that_does_not_let_us_in_is_left_alone(
    authority: Any, phase: str, fault: str
) -> None:
    with MailServer(at(phase, fault), certificate=authority.context, auth="PLAIN") as server:
        made = to(server, security="starttls", user=USER, password=PASSWORD)
        transport = smtp(made, ca_file=authority.ca_file, timeout_s=WIRE_S)
        first, second = over_one_line(transport, mail(1), mail(2))
    if (phase, fault) == ("auth", "early"):  # is found out at the first command after it
        assert type(first) in (Interrupted, NoServer)
    else:
        assert type(first) is type(second) is NoServer
        assert server.log.conversations == 1
    assert not server.log.accepted


@pytest.mark.parametrize("auth", ["PLAIN", "LOGIN"])
def test_a_wrong_password_is_told_once_and_never_shown(authority: Any, auth: str) -> None:
    secret = "hunter2-and-more"
    with MailServer(certificate=authority.context, is_tls=True, auth=auth) as server:
        made = to(server, security="tls", user=USER, password=secret)
        first, _ = over_one_line(smtp(made, ca_file=authority.ca_file), mail(1), mail(2))
    assert type(first) is NoServer
    assert first.wait_s is None
    assert "535" in str(first)
    assert server.log.conversations == 1
    shown = f"{first!r} {first.__cause__!r} {made!r}"
    assert secret not in shown
    assert "aHVudGVy" not in shown


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"user": "u", "password": "p"}, "without"),
        ({"user": "u", "security": "tls"}, "no password"),
        ({"user": "u\0", "password": "p", "security": "tls"}, "null"),
        ({"per_second": 0.0}, "rate"),
    ],
)
def test_a_server_that_cannot_be_meant_is_bad_configuration(
    changed: dict[str, Any], words: str
) -> None:
    with pytest.raises(BadConfig, match=words):
        smtp(Server(**{"host": "h", "port": 25, "security": "none", **changed}))


def test_other_bad_configuration_is_named(tmp_path: Any) -> None:
    server = Server(host="h", port=25)
    (tmp_path / "bad.pem").write_text("no")
    for make, words in (
        (lambda: smtp(), "no server"),
        (lambda: smtp(server, server), "two servers"),
        (lambda: smtp(server, ca_file=tmp_path / "none.pem"), "cannot be read"),
        (lambda: smtp(server, ca_file=tmp_path / "bad.pem"), "cannot be read"),
        (lambda: smtp(server, ehlo_name="a\r\nb"), "EHLO"),
    ):
        with pytest.raises(BadConfig, match=words):
            make()


# --- several servers -----------------------------------------------------------------------------


def run(transport: Smtp, mails: int, lines: int, then: Callable[[int], None]) -> list[Any]:
    """Many mails over some lines, each tried until something definite came of it."""

    async def carry() -> list[Any]:
        numbers = iter(range(mails))
        found: list[Any] = [None] * mails

        async def work() -> None:
            line = transport.line()
            for number in numbers:
                then(number)
                while True:
                    try:
                        found[number] = await line.send(mail(number), ISSUE, yes)
                    except Interrupted:
                        continue
                    except DigestError as why:
                        found[number] = why
                    break
            await line.close()

        await asyncio.gather(*(work() for _ in range(lines)))
        return found

    return asyncio.run(carry())


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
