"""As much IMAP4rev1 as collecting needs, on a real socket, with the faults that tests ask for."""

from __future__ import annotations

import base64
import re
import socketserver
import ssl
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

USER, PASSWORD = "digest@papers.example.org", 'a "long" päss\\word'


@dataclass(slots=True)
class Message:
    content: bytes
    flags: set[str] = field(default_factory=set)


class ImapServer:
    """One mailbox. `messages` is uid → message; `said` all lines that clients sent."""

    def __init__(
        self,
        *messages: bytes,
        certificate: Path | None = None,
        is_tls: bool = False,
        capabilities: str = "AUTH=PLAIN",
        password: str = PASSWORD,
        greeting: str = "* OK ready",
        dies_at: str = "",  #: a command at which the connection ends without an answer
    ) -> None:
        self.messages = {n * 3: Message(one) for n, one in enumerate(messages, 1)}
        self.said: list[str] = []
        self.capabilities, self.password, self.greeting = capabilities, password, greeting
        self.dies_at, self.is_tls = dies_at, is_tls
        self.context: ssl.SSLContext | None = None
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(certificate)
        self._server = _Server(("127.0.0.1", 0), _Talk)
        self._server.box = self
        self.port = self._server.server_address[1]

    def __enter__(self) -> Self:
        arguments = {"poll_interval": 0.01}
        threading.Thread(target=self._server.serve_forever, kwargs=arguments, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def unseen(self) -> list[int]:
        return [uid for uid, one in self.messages.items() if r"\Seen" not in one.flags]


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    box: ImapServer

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that do not like our certificate go away."""


class _Talk(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        try:
            self._talk()
        finally:
            if isinstance(self.request, ssl.SSLSocket):
                for one in (self.rfile, self.wfile, self.request):
                    one.close()

    def _talk(self) -> None:
        self.box, self.is_in, self.is_encrypted = self.server.box, False, False
        if self.box.is_tls:
            self._encrypt()
        self.is_in = self.box.greeting.startswith("* PREAUTH")
        self._say(self.box.greeting)
        while line := self.rfile.readline():
            said = line.decode().rstrip("\r\n")
            self.box.said.append(said)
            tag, command, *rest = said.split(" ", 2)
            if command.upper() == "UID":
                command, rest = rest[0].split(" ", 1)[0], rest[0].split(" ", 1)[1:]
            if self.box.dies_at and command.upper() == self.box.dies_at:
                return
            answer = getattr(self, f"on_{command.lower()}", None)
            self._say(f"{tag} {answer(*rest) if answer else 'BAD'} (really)")
            if command.upper() == "STARTTLS":
                self._encrypt()

    def _encrypt(self) -> None:
        assert self.box.context
        self.request = self.box.context.wrap_socket(self.request, server_side=True)
        self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", 0)
        self.is_encrypted = True

    def _say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")

    def on_capability(self) -> str:
        extra = " STARTTLS" if self.box.context and not self.is_encrypted else ""
        self._say(f"* CAPABILITY IMAP4rev1 {self.box.capabilities}{extra}")
        return "OK"

    def on_starttls(self) -> str:
        return "OK begin"

    def on_login(self, words: str) -> str:
        user, password = re.findall(r'"((?:[^"\\]|\\.)*)"', words)
        plain = re.sub(r"\\(.)", r"\1", password)
        self.is_in = (user, plain) == (USER, self.box.password)
        return "OK" if self.is_in else "NO [AUTHENTICATIONFAILED] no"

    def on_authenticate(self, _: str) -> str:
        self._say("+ ")
        given = base64.b64decode(self.rfile.readline())
        self.is_in = given.decode() == f"\0{USER}\0{self.box.password}"
        return "OK" if self.is_in else "NO [AUTHENTICATIONFAILED] no"

    def on_select(self, name: str) -> str:
        if not self.is_in:
            return "BAD log in first"
        if name != '"INBOX"':
            return "NO there is no such mailbox"
        self._say(f"* {len(self.box.messages)} EXISTS")
        return "OK [READ-WRITE] selected"

    def on_search(self, _: str) -> str:
        self._say("* SEARCH " + " ".join(map(str, self.box.unseen())))
        return "OK"

    def on_fetch(self, words: str) -> str:
        uid, most = map(int, re.findall(r"^(\d+) .*<0\.(\d+)>", words)[0])
        # Servers tell of other things whenever they like.
        self._say("* 1 FETCH (FLAGS (\\Recent))")
        if uid in self.box.messages:
            content = self.box.messages[uid].content[:most]
            self._say(f"* 2 FETCH (UID {uid} BODY[]<0> {{{len(content)}}}")
            self.wfile.write(content + b")\r\n")
        return "OK"

    def on_store(self, words: str) -> str:
        uid = int(words.split()[0])
        self.box.messages[uid].flags |= set(re.findall(r"\\\w+", words))
        return "OK"

    def on_logout(self) -> str:
        self._say("* BYE")
        return "OK"
