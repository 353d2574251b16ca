"""The door for mail servers, by a real LMTP exchange."""

from __future__ import annotations

import asyncio
import os
import signal
import smtplib
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path

import pytest
from inbound import ADA, OURS, Home, raw, reply_to

from digest.errors import Misuse, Temporary
from digest.inbox import lmtp

PEER = "somebody@example.org"


class Door:
    """The door with a mail server's side to it."""

    def __init__(self, take: lmtp.Take, timeout_s: float = 10) -> None:
        self.complaints: list[str] = []
        self._take, self._timeout_s = take, timeout_s

    @contextmanager
    def open(self) -> Iterator[int]:
        ports: list[int] = []
        is_open = threading.Event()
        loop = asyncio.new_event_loop()
        stop = asyncio.Event()

        def ready(port: int) -> None:
            ports.append(port)
            is_open.set()

        async def run() -> None:
            await lmtp.serve(
                0,
                self._take,
                stop,
                complain=self.complaints.append,
                ready=ready,
                timeout_s=self._timeout_s,
            )

        thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
        thread.start()
        assert is_open.wait(10)
        try:
            yield ports[0]
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join(10)
            loop.close()


def hand_over(port: int, content: bytes, sender: str = PEER, to: str = OURS) -> None:
    with smtplib.LMTP("127.0.0.1", port, timeout=20) as client:
        client.sendmail(sender, [to], content)


def test_what_was_taken_is_answered_with_250_and_all_that_was_said_is_told() -> None:
    found: list[object] = []
    with Door(lambda *said: found.append(said)).open() as port:
        hand_over(port, b"Subject: x\r\n\r\n.dots\r\n", sender="", to="a+b@example.org")
    assert found == [(b"Subject: x\r\n\r\n.dots\r\n", ("a+b@example.org",), "")]


@pytest.mark.parametrize(
    ("error", "code"),
    [(Temporary("full"), 451), (Misuse("no key file"), 451), (KeyError("fault"), 451)],
)
def test_what_was_not_taken_is_to_come_again(error: Exception, code: int) -> None:
    def take(*_: object) -> None:
        raise error

    door = Door(take)
    with door.open() as port, pytest.raises(smtplib.SMTPDataError) as said:
        hand_over(port, raw("help"))
    assert said.value.smtp_code == code
    assert len(door.complaints) == 1


def test_each_recipient_gets_an_answer() -> None:
    """Source: RFC 2033, 4.2. smtplib reads only one, so this speaks for itself."""
    lines = [b"LHLO x", b"MAIL FROM:<>", b"RCPT TO:<a@x.org>", b"RCPT TO:<b@x.org>", b"DATA"]
    with (
        Door(lambda *_: None).open() as port,
        socket.create_connection(("127.0.0.1", port), 10) as peer,
        peer.makefile("rb") as said,
    ):
        assert said.readline().startswith(b"220")
        for line in lines:
            peer.sendall(line + b"\r\n")
            while (answer := said.readline())[3:4] == b"-":
                pass
            assert answer[:1] in b"23"
        peer.sendall(b"Subject: x\r\n\r\nhelp\r\n.\r\n")
        assert [said.readline()[:3] for _ in range(2)] == [b"250", b"250"]
        peer.sendall(b"QUIT\r\n")
        assert said.readline().startswith(b"221")


def test_lines_longer_than_they_may_be_are_taken_all_the_same() -> None:
    found: list[bytes] = []
    with Door(lambda content, *_: found.append(content)).open() as port:
        hand_over(port, b"Subject: x\r\n\r\n" + b"y" * 100_000 + b"\r\n")
    assert len(found[0]) > 100_000


def test_a_client_that_says_nothing_is_sent_away() -> None:
    with (
        Door(lambda *_: None, timeout_s=0.1).open() as port,
        socket.create_connection(("127.0.0.1", port), 10) as peer,
    ):
        while peer.recv(1000):
            pass


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Misuse, match=f"lmtp_port.*{port}"):
            asyncio.run(lmtp.serve(port, lambda *_: None, asyncio.Event(), complain=lambda _: None))


# --- the whole command ---------------------------------------------------------------------------


@pytest.mark.slow
def test_somebody_subscribes_changes_and_leaves_by_a_mail_server(tmp_path: Path) -> None:
    """`digest inbox --lmtp` in a process of its own; it ends in order when it is told to."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    inbox = {"address": OURS, "lmtp_port": port}
    home = Home(tmp_path, inbox=inbox)
    (tmp_path / "digest.toml").write_text(
        f'[inbox]\naddress = "{OURS}"\nlmtp_port = {port}\n'
        '[operator]\ncontact = "people@papers.example.org"\n'
        '[digests.my-papers]\ntopics = ["retrieval"]\nsources = ["sample"]\n'
    )
    command = [sys.executable, "-W", "error", "-m", "digest", "inbox", "--lmtp"]
    running = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ}
    )
    try:
        assert running.stdout
        assert b"LMTP on" in running.stdout.readline()
        hand_over(port, raw("subscribe my-papers"), sender=ADA)
        asked = _next_mail(home)
        hand_over(port, raw("Yes.\n\n> Is it you?", "Re: " + asked["Subject"], to=OURS),
                  sender=ADA, to=reply_to(asked))  # fmt: skip
        welcome = _next_mail(home)
        assert "subscribed" in welcome["Subject"]
        hand_over(port, raw("weekly on friday"), sender=ADA, to=reply_to(welcome))
        _next_mail(home)
        found = home.subscription()
        assert found
        assert found.preferences.frequency == "weekly"
        hand_over(port, raw("", "unsubscribe"), sender=ADA)
        assert home.state() == "unsubscribed"
    finally:
        running.send_signal(signal.SIGTERM)
        out, err = running.communicate(timeout=20)
    assert (running.returncode, out, err) == (0, b"", b"")
    assert home.outcomes() == {"done": 3, "confirmed": 1}
    home.store.close()


def _next_mail(home: Home) -> EmailMessage:
    for _ in range(600):
        if found := home.new_mails():
            return found[0]
        threading.Event().wait(0.05)
    raise AssertionError("no mail came")
