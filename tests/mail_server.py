"""A mail server on loopback that cuts, stalls or lies where a test asks for it, and counts mails.

It runs in a thread with a loop of its own. `fault` is asked at every step of every conversation.
"""

from __future__ import annotations

import asyncio
import base64
import random
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Self

USER, PASSWORD = "digest", 'a "long" päss\\word'

#: Where a conversation can go wrong. "body" is when the first bytes of the content are there.
PHASES = ("connect", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "body", "dot")
#: How: nothing is answered, and the connection ends or does not; no reply at all; one without an
#: end; two instead of one; one of the wrong kind. At the dot the mail counts as accepted, but with
#: "lose". What begins with a digit is the reply itself; 421 also ends the connection.
FAULTS = ("cut", "stall", "garbage", "endless", "early", "wrong")


class Moment(NamedTuple):
    """One step of one conversation."""

    connection: int  #: from 0, as they come
    phase: str  #: of PHASES
    mail: int  #: how many MAIL commands the conversation has seen, this one included
    to: str  #: the recipient, once there is one
    mail_from: str


Fault = Callable[[Moment], str]


def none(moment: Moment) -> str:
    return ""


def at(phase: str, fault: str, *, connections: Sequence[int] | None = None) -> Fault:
    """One fault in one phase, in all conversations or these."""

    def asked(moment: Moment) -> str:
        is_meant = connections is None or moment.connection in connections
        return fault if moment.phase == phase and is_meant else ""

    return asked


def seeded(seed: int, often: Mapping[tuple[str, str], float]) -> Fault:
    """(phase, fault) → how often of all times; the same moments go wrong with the same seed."""
    by_phase: dict[str, list[tuple[str, float]]] = {}
    for (phase, fault), share in often.items():
        by_phase.setdefault(phase, []).append((fault, share))

    def asked(moment: Moment) -> str:
        found = by_phase.get(moment.phase)
        if not found:
            return ""
        key = f"{seed} {moment.connection} {moment.phase} {moment.mail}"
        drawn = random.Random(key).random()
        for fault, share in found:
            drawn -= share
            if drawn < 0:
                return fault
        return ""

    return asked


@dataclass(slots=True)
class Kept:
    """A mail as it came."""

    mail_from: str
    to: list[str]
    content: bytes  #: without the dots that were put before dots
    connection: int


@dataclass(slots=True)
class Log:
    """What came of all conversations."""

    accepted: Counter[str] = field(default_factory=Counter)  #: Message-ID → how often
    refused: Counter[str] = field(default_factory=Counter)  #: first word of the reply → how often
    faults: Counter[tuple[str, str]] = field(default_factory=Counter)
    mails: list[Kept] = field(default_factory=list)  #: with `keeps`
    said: list[bytes] = field(default_factory=list)  #: all commands, with `keeps`
    conversations: int = 0
    open: int = 0
    most_open: int = 0


class MailServer:
    """`with MailServer() as server:`, then `server.port` and `server.log`."""

    def __init__(
        self,
        fault: Fault = none,
        *,
        features: Sequence[str] = ("PIPELINING", "SIZE 10485760", "8BITMIME"),
        certificate: ssl.SSLContext | None = None,
        is_tls: bool = False,
        auth: str = "",  #: "PLAIN LOGIN": needed before MAIL, and offered once it is encrypted
        keeps: bool = False,
        takes_data_for_nobody: bool = False,  #: and refuses the content then
        after_starttls: bytes = b"",  #: what somebody puts in behind the server's answer
    ) -> None:
        self.fault, self.features, self.keeps, self.auth = fault, features, keeps, auth
        self.certificate, self.is_tls, self.after_starttls = certificate, is_tls, after_starttls
        self.takes_data_for_nobody = takes_data_for_nobody
        self.log = Log()
        self.port = 0
        self.loop = asyncio.new_event_loop()
        self.talks: set[_Talk] = set()
        self._stop = asyncio.Event()
        self._is_up = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._is_up.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(10)

    def die(self) -> None:
        """Stop listening and cut all conversations, at once."""
        self.__exit__()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self.loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        server = await self.loop.create_server(
            lambda: _Talk(self),
            "127.0.0.1",
            self.port,
            ssl=self.certificate if self.is_tls else None,
            backlog=1000,
        )
        self.port = server.sockets[0].getsockname()[1]
        self._is_up.set()
        await self._stop.wait()
        server.close()
        for talk in list(self.talks):
            talk.transport.abort()
        await asyncio.sleep(0.01)


class _Talk(asyncio.Protocol):
    def __init__(self, server: MailServer) -> None:
        self.server, self.log = server, server.log
        self.transport: asyncio.Transport
        self.number = self.log.conversations
        self.log.conversations += 1
        self.rest = b""
        self.in_body = self.body_asked = self.is_dead = False
        self.is_known = self.is_switching = False
        self.is_encrypted = server.is_tls
        self.mails = 0
        self.mail_from, self.to = "", list[str]()
        self.login: list[str] | None = None
        self.tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        is_first = not hasattr(self, "transport")
        self.transport = transport
        if is_first:
            self.server.talks.add(self)
            self.log.open += 1
            self.log.most_open = max(self.log.most_open, self.log.open)
            self.answer("connect", "220 test ESMTP")

    def connection_lost(self, why: Exception | None) -> None:
        self.log.open -= 1
        self.server.talks.discard(self)

    def data_received(self, data: bytes) -> None:
        if self.is_dead:
            return
        self.rest += data
        while self.rest and not (self.is_dead or self.is_switching):
            if not (self.body() if self.in_body else self.line()):
                return

    def line(self) -> bool:
        line, end, rest = self.rest.partition(b"\r\n")
        if not end:
            return False
        self.rest = rest
        if self.server.keeps:
            self.log.said.append(line)
        if self.login is not None:
            self.answer_login(line)
            return True
        verb = line.split(b" ")[0].upper()
        known = {
            b"EHLO": self.ehlo,
            b"STARTTLS": self.starttls,
            b"AUTH": self.authenticate,
            b"MAIL": self.mail,
            b"RCPT": self.rcpt,
            b"DATA": self.data,
            b"RSET": self.rset,
            b"QUIT": self.quit,
        }
        known.get(verb, lambda _: self.say("500 5.5.2 what?"))(line)
        return True

    # --- answers ---------------------------------------------------------------------------------

    def say(self, reply: str) -> None:
        if reply[0] in "45":
            self.log.refused[reply.split(" ")[0]] += 1
        self.transport.write(reply.encode() + b"\r\n")
        if reply.startswith("421"):
            self.is_dead = True
            self.transport.close()

    def fault(self, phase: str) -> str:
        to = self.to[-1] if self.to else ""
        found = self.server.fault(Moment(self.number, phase, self.mails, to, self.mail_from))
        if found:
            self.log.faults[phase, found] += 1
        return found

    def answer(self, phase: str, reply: str) -> bool:
        """Say it, or go wrong; was it said?"""
        found = self.fault(phase)
        if not found:
            self.say(reply)
            return True
        if found[0].isdigit():
            self.say(found)
        elif found == "early":
            self.say(f"{reply}\r\n250 2.0.0 and the next one too")
        elif found == "wrong":
            self.say("250 2.0.0 yes" if reply.startswith("354") else "354 go ahead")
        else:
            self.go_wrong(found)
        return False

    def go_wrong(self, found: str) -> None:
        self.is_dead = True
        if found in ("cut", "lose"):
            self.transport.abort()
        elif found == "garbage":
            self.transport.write(b"\x16\x03\x01HTTP/1.1 400 Bad Request\r\n\r\n")
        elif found == "endless":
            self.transport.write(b"250-and so on\r\n" * 10_000)
        else:
            assert found == "stall", found
            if self.in_body:  # nor is the content read
                self.transport.pause_reading()

    # --- commands --------------------------------------------------------------------------------

    def ehlo(self, line: bytes) -> None:
        features = list(self.server.features)
        if self.server.certificate and not self.is_encrypted:
            features.append("STARTTLS")
        if self.server.auth and self.is_encrypted:
            features.append(f"AUTH {self.server.auth}")
        lines = ["test", *features]
        marks = ["-"] * (len(lines) - 1) + [" "]
        self.answer("ehlo", "\r\n".join(f"250{m}{w}" for m, w in zip(marks, lines, strict=True)))

    def starttls(self, line: bytes) -> None:
        if self.answer("starttls", "220 2.0.0 go ahead"):
            self.transport.pause_reading()  # what comes now is for who encrypts
            self.is_switching, self.rest = True, b""
            if self.server.after_starttls:
                self.transport.write(self.server.after_starttls)
            task = self.server.loop.create_task(self.encrypt())
            self.tasks.add(task)

    async def encrypt(self) -> None:
        assert self.server.certificate
        try:
            made = await self.server.loop.start_tls(
                self.transport, self, self.server.certificate, server_side=True
            )
        except OSError:
            return
        if made:
            self.transport, self.is_encrypted, self.is_switching = made, True, False
            self.data_received(b"")

    def authenticate(self, line: bytes) -> None:
        _, way, *first = line.decode().split(" ")
        if way == "LOGIN":
            self.login = []
            self.say("334 VXNlcm5hbWU6")
            return
        self.let_in(base64.b64decode(first[0]).decode().split("\0")[1:])

    def answer_login(self, line: bytes) -> None:
        assert self.login is not None
        self.login.append(base64.b64decode(line).decode())
        if len(self.login) == 1:
            self.say("334 UGFzc3dvcmQ6")
            return
        given, self.login = self.login, None
        self.let_in(given)

    def let_in(self, given: list[str]) -> None:
        self.is_known = given == [USER, PASSWORD]
        bad = f"535 5.7.8 no: {given[1]} {base64.b64encode(given[1].encode()).decode()}"
        self.answer("auth", "235 2.7.0 ok" if self.is_known else bad)

    def mail(self, line: bytes) -> None:
        self.mails += 1
        if self.server.auth and not self.is_known:
            self.say("530 5.7.0 who are you?")
        elif self.mail_from:
            self.say("503 5.5.1 one at a time")
        else:
            sender = line[len(b"MAIL FROM:<") :].partition(b">")[0].decode()
            self.mail_from = sender or "<>"
            if not self.answer("mail", "250 2.1.0 ok"):
                self.mail_from = ""

    def rcpt(self, line: bytes) -> None:
        if not self.mail_from:
            self.say("503 5.5.1 MAIL first")
            return
        self.to.append(line[len(b"RCPT TO:<") :].partition(b">")[0].decode())
        if not self.answer("rcpt", "250 2.1.5 ok"):
            self.to.pop()

    def data(self, line: bytes) -> None:
        if not self.to and not self.server.takes_data_for_nobody:
            self.say("503 5.5.1 RCPT first")
            return
        if self.answer("data", "354 go ahead"):
            self.in_body, self.body_asked = True, False

    def rset(self, line: bytes) -> None:
        self.mail_from, self.to = "", []
        self.say("250 2.0.0 ok")

    def quit(self, line: bytes) -> None:
        self.say("221 2.0.0 bye")
        self.is_dead = True
        self.transport.close()

    def body(self) -> bool:
        if not self.body_asked:
            self.body_asked = True
            if found := self.fault("body"):
                if found[0].isdigit():
                    self.say(found)
                else:
                    self.go_wrong("cut" if found in ("early", "wrong", "lose") else found)
                return False
        if self.rest.startswith(b".\r\n"):
            content, self.rest = b"", self.rest[3:]
        else:
            end = self.rest.find(b"\r\n.\r\n")
            if end < 0:
                return False
            content, self.rest = self.rest[: end + 2], self.rest[end + 5 :]
        self.in_body = False
        if self.to:
            self.take(content)
        else:
            self.say("554 5.5.1 for nobody")
        return True

    def take(self, content: bytes) -> None:
        id = _message_id(content)
        found = self.fault("dot")
        if not found or not (found[0] in "45" or found == "lose"):
            self.log.accepted[id] += 1
            if self.server.keeps:
                plain = content.replace(b"\r\n..", b"\r\n.")
                plain = plain[1:] if plain.startswith(b"..") else plain
                self.log.mails.append(Kept(self.mail_from, self.to, plain, self.number))
        self.mail_from, self.to = "", []
        if not found:
            self.say("250 2.0.0 Ok: queued")
        elif found[0].isdigit():
            self.say(found)
        elif found == "early":
            self.say("250 2.0.0 Ok: queued\r\n250 2.0.0 and the next one too")
        elif found == "wrong":
            self.say("354 go ahead")
        else:
            self.go_wrong(found)


def _message_id(content: bytes) -> str:
    start = content.lower().find(b"message-id: <")
    if start < 0:
        return ""
    return content[start + 13 : content.find(b">", start)].decode()
