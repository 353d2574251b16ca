"""Mails over lines of the smtp transport, and what became of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from mail_server import MailServer

from digest.errors import (
    DigestError,
    Interrupted,
)
from digest.transports.smtp import Server, Smtp
from digest.types import Mail, Receipt

ISSUE = "reading/2026-06-22T08:00"
WIRE_S = 0.25  #: how long tests wait for a server that does not answer
FEATURES = [("PIPELINING", "SIZE 10485760", "8BITMIME"), ("SIZE",), ()]
#: what is said before the content
BEFORE = ("mail", "rcpt", "data")


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
