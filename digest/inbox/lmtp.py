"""A mail server's door on loopback: LMTP, where each message is answered once it was dealt with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from digest.errors import DigestError, Misuse

HOST = "127.0.0.1"
TIMEOUT_S = 120
_MAX_RECIPIENTS = 50
#: Of a longer mail not even the headers are looked at.
_MAX_BYTES = 32 * 1024 * 1024
#: (the message, whom it is for, the envelope's sender); raises where it is to be tried again.
Take = Callable[[bytes, tuple[str, ...], str], object]


class _Door(LMTP):
    line_length_limit = 1024 * 1024  # many programs write lines longer than they may


class _Hooks:
    """What aiosmtpd calls."""

    def __init__(self, take: Take, complain: Callable[[str], None]) -> None:
        self._take, self._complain = take, complain
        # One at a time: that is how they are dealt with anyway.
        self.worker = ThreadPoolExecutor(1, "mail")

    async def handle_RCPT(  # noqa: N802 - the hook's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if len(envelope.rcpt_tos) >= _MAX_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        content = envelope.original_content or b""
        # aiosmtpd says "<>" of a sender that is nobody.
        recipients, sender = tuple(envelope.rcpt_tos), (envelope.mail_from or "").strip("<>")
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self.worker, self._take, content, recipients, sender)
            said = "250 2.0.0 Taken"
        except Misuse as why:  # the operator mends it, and the mail server keeps the mail so long
            self._complain(str(why))
            said = "451 4.3.5 Not set up"
        except DigestError as why:
            self._complain(str(why))
            said = "451 4.3.0 Try again later"
        except Exception as why:  # a mail must not be lost by a fault of ours
            self._complain(f"a fault of this program: {why!r}")
            said = "451 4.3.0 Try again later"
        # Source: RFC 2033, 4.2: one answer for each recipient.
        return "\r\n".join([said] * max(1, len(recipients)))


async def serve(
    port: int,
    take: Take,
    stop: asyncio.Event,
    *,
    complain: Callable[[str], None],
    ready: Callable[[int], None] = lambda _: None,
    timeout_s: float = TIMEOUT_S,
) -> None:
    """Listen until `stop`; what is being dealt with then is finished. `ready` is told the port.

    Raises: Misuse where the port is taken.
    """
    loop = asyncio.get_running_loop()
    hooks = _Hooks(take, complain)

    def door() -> LMTP:
        return _Door(
            hooks,
            data_size_limit=_MAX_BYTES,
            hostname="localhost",
            ident="LMTP",
            timeout=timeout_s,
            loop=loop,
        )

    try:
        server = await loop.create_server(door, HOST, port)
    except OSError as why:
        raise Misuse(f"[inbox] lmtp_port: cannot listen on {HOST}:{port}: {why.strerror}") from why
    try:
        ready(server.sockets[0].getsockname()[1])
        await stop.wait()
    finally:
        server.close()
        # Waits for the mail that is being dealt with, and a moment for the answer to leave.
        await loop.run_in_executor(None, hooks.worker.shutdown)
        await asyncio.sleep(0.05)
