"""collect(): the mails of a mailbox; listen(): those that a mail server hands over."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable
from threading import Event, Thread

from digest.errors import BadConfig
from digest.inbox import imap, lmtp
from digest.inbox.imap import Collected
from digest.run import attend
from digest.run.receiving import MAX_BYTES, receive
from digest.run.setup import Setup

_ATTEND_EVERY_S = 60  #: also where no mail comes: what could not be sent is tried again


def collect(setup: Setup, password: str) -> Collected:
    """Receive the unseen mails of the mailbox in the configuration, and do what follows.

    Raises: BadConfig; SourceDown
    """
    inbox = setup.config.inbox
    if not inbox.host or not inbox.user:
        raise BadConfig("[inbox] host and user: add them, for a mailbox to collect mail from")
    mailbox = imap.Mailbox(
        host=inbox.host,
        port=inbox.port,
        security=inbox.security,
        user=inbox.user,
        password=password,
        folder=inbox.folder,
    )
    try:
        # One byte more than is read shows that a mail is longer.
        return imap.collect(mailbox, lambda content: receive(setup, content), MAX_BYTES + 1)
    finally:
        attend(setup)


def listen(
    fresh: Callable[[], Setup],
    *,
    complain: Callable[[str], None],
    ready: Callable[[int], None] = lambda _: None,
) -> None:
    """Receive what a mail server hands over on loopback, until we are told to end.

    `fresh` gives a Setup with the time of now.

    Raises: Misuse where the port is taken.
    """
    is_due, is_over = Event(), Event()

    def take(content: bytes, recipients: tuple[str, ...], sender: str) -> None:
        receive(fresh(), content, recipients=recipients, envelope_sender=sender)
        is_due.set()

    def follow() -> None:
        while True:
            is_due.wait(_ATTEND_EVERY_S)
            is_due.clear()
            is_last = is_over.is_set()
            try:
                attend(fresh())
            except Exception as why:  # the next time may be better, and mail goes on coming
                complain(f"what follows from mail waits: {why or repr(why)}")
            if is_last:
                return

    follower = Thread(target=follow, name="attend")
    follower.start()
    try:
        asyncio.run(_until_told(fresh().config.inbox.lmtp_port, take, complain, ready))
    finally:
        is_over.set()
        is_due.set()
        follower.join()


async def _until_told(
    port: int, take: lmtp.Take, complain: Callable[[str], None], ready: Callable[[int], None]
) -> None:
    stop = asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):  # on Windows
            asyncio.get_running_loop().add_signal_handler(one, stop.set)
    await lmtp.serve(port, take, stop, complain=complain, ready=ready)
