"""Against mail servers that others wrote: aiosmtpd, and Postfix's smtp-sink with its faults."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message
from aiosmtpd.smtp import AuthResult, LoginPassword

from digest.errors import InDoubt, Interrupted, NoServer, Refused, Temporary
from digest.transports.smtp import Server, Smtp
from digest.types import Mail, Receipt

ISSUE = "reading/2026-06-22T08:00"
USER, PASSWORD = "digest", "päss word"


def mail(number: int) -> Mail:
    content = f"Message-ID: <{number}@x.org>\r\n\r\n.a\r\n..\r\n".encode()
    return Mail(
        sender="a@x.org", to=f"r{number}@y.org", message_id=f"{number}@x.org", content=content
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def outcomes(transport: Smtp, number: int) -> list[Any]:
    async def yes() -> bool:
        return True

    async def carry() -> list[Any]:
        line = transport.line()
        sends = [line.send(mail(n), ISSUE, yes) for n in range(number)]
        found = [(await asyncio.gather(one, return_exceptions=True))[0] for one in sends]
        await line.close()
        return found

    return asyncio.run(carry())


# --- aiosmtpd ------------------------------------------------------------------------------------


class _Box(Message):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_message(self, message: Any) -> None:
        self.found.append(f"{message['X-RcptTo']} {message.get_payload()}")


def _check(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    is_good = (
        isinstance(data, LoginPassword)
        and data.login == USER.encode()
        and data.password == PASSWORD.encode()
    )
    return AuthResult(success=is_good, handled=False)


# It does not see that it is encrypted from the first byte.
@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.parametrize("security", ["starttls", "tls", "none"])
def test_aiosmtpd_takes_mails(authority: Any, security: str) -> None:
    box, port = _Box(), free_port()
    is_encrypted = security != "none"
    settings: dict[str, Any] = {}
    if is_encrypted:
        settings = {"authenticator": _check, "auth_required": True}
    if security == "tls":
        settings.update(ssl_context=authority.context, auth_require_tls=False)
    if security == "starttls":
        settings.update(tls_context=authority.context, require_starttls=True)
    controller = Controller(box, hostname="127.0.0.1", port=port, **settings)
    controller.start()
    try:
        who = {"user": USER, "password": PASSWORD} if is_encrypted else {}
        made = Server(host="127.0.0.1", port=port, security=security, **who)
        found = outcomes(Smtp([made], timeout_s=5, ca_file=authority.ca_file), 3)
    finally:
        controller.stop()
    assert [type(one) for one in found] == [Receipt] * 3, found
    assert box.found == [f"r{n}@y.org .a\r\n..\r\n" for n in range(3)]


# --- smtp-sink -----------------------------------------------------------------------------------


@contextmanager
def sink(found: tuple[str, dict[str, str]], *options: str) -> Iterator[int]:
    program, environment = found
    port = free_port()
    process = subprocess.Popen(
        [program, "-u", "nobody", *options, f"127.0.0.1:{port}", "100"], env=environment
    )
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.02)
        yield port
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("options", [(), ("-p",), ("-e",)], ids=str)
def test_a_sink_takes_mails(
    smtp_sink: tuple[str, dict[str, str]], options: tuple[str, ...]
) -> None:
    with sink(smtp_sink, *options) as port:
        made = Server(host="127.0.0.1", port=port, security="none")
        found = outcomes(Smtp([made], timeout_s=5), 20)
    if options == ("-e",):  # it knows no EHLO
        assert [type(one) for one in found] == [NoServer] * 20
    else:
        assert [type(one) for one in found] == [Receipt] * 20


COMMANDS = ["connect", "ehlo", "mail", "rcpt", "data", "."]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("option", ["-f", "-r", "-q"])
def test_a_sink_that_refuses_or_hangs_up_is_understood(
    smtp_sink: tuple[str, dict[str, str]], option: str, command: str
) -> None:
    expected: type[BaseException] = {"-f": Refused, "-r": Temporary, "-q": Interrupted}[option]
    if command in ("connect", "ehlo"):
        expected = NoServer
    elif (option, command) == ("-q", "."):
        expected = InDoubt
    with sink(smtp_sink, option, command) as port:
        made = Server(host="127.0.0.1", port=port, security="none")
        found = outcomes(Smtp([made], timeout_s=5, dot_timeout_s=5), 3)
    assert [type(one) for one in found] == [expected] * 3, found
