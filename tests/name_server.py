"""A name server on loopback that knows what a test tells it, over UDP."""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from typing import Self

import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset


class NameServer:
    """`with NameServer() as server:`, then `server.says("example.org", "TXT", '"v=spf1 -all"')`."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], list[str]] = {}
        self.silent: set[str] = set()  #: names of which nothing is answered
        self.asked: list[tuple[str, str]] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.05)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def place(self) -> str:
        """For --nameserver."""
        return f"127.0.0.1:{self._socket.getsockname()[1]}"

    def says(self, name: str, kind: str, *records: str) -> None:
        """What is at a name from now on; nothing: it is not there."""
        self.records[name.lower(), kind] = list(records)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join(5)
        self._socket.close()

    def _serve(self) -> None:
        while not self._is_over.is_set():
            try:
                wire, client = self._socket.recvfrom(4096)
            except TimeoutError:
                continue
            question = dns.message.from_wire(wire)
            (asked,) = question.question
            name = asked.name.to_text(omit_final_dot=True).lower()
            kind = dns.rdatatype.to_text(asked.rdtype)
            self.asked.append((name, kind))
            if name not in self.silent:
                self._socket.sendto(self._answer(question, name, kind), client)

    def _answer(self, question: dns.message.Message, name: str, kind: str) -> bytes:
        reply = dns.message.make_response(question)
        reply.flags |= dns.flags.RA
        found: Sequence[str] = self.records.get((name, kind), ())
        if found:
            reply.answer.append(
                dns.rrset.from_text(f"{name}.", 60, dns.rdataclass.IN, kind, *found)
            )
        elif not any(records for (known, _), records in self.records.items() if known == name):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        return reply.to_wire()
