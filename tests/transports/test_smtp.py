from __future__ import annotations

import asyncio
from collections.abc import Iterator

import mail_server
import pytest
from carrying import (
    FEATURES,
    ISSUE,
    mail,
    no,
    outcome,
    over_one_line,
    smtp,
    to,
    yes,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from mail_server import MailServer

from digest.errors import (
    DigestError,
    Permanent,
    Refused,
    Withdrawn,
)
from digest.transports.smtp import Smtp
from digest.types import Receipt

# --- as it should be ------------------------------------------------------------------------------


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


# --- what is never sent ---------------------------------------------------------------------------


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
