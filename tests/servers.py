"""A real server on loopback that answers what a test tells it to, faults included.

with FeedServer() as server:
    server.serve("/feed", Canned(status=503), Canned(body=b"<rss/>"))
    ... server.url("/feed") ... server.hits ...
"""

from __future__ import annotations

import gzip
import socket
import ssl
import struct
import threading
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal, Self

Fault = Literal["", "cut", "short", "trickle", "trickle-headers", "slow", "drop"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Canned:
    """What to answer once.

    A request whose If-None-Match is the ETag among `headers` gets a 304 instead.
    """

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    has_length: bool = True  #: without one, the end of the connection ends the body
    #: cut: the connection is reset in the middle of the body; short: it ends there in order;
    #: trickle(-headers): so many `seconds` for the whole; slow: nothing for `seconds`, then the
    #: answer; drop: the connection ends without one
    fault: Fault = ""
    seconds: float = 0


def gzipped(body: bytes, **headers: str) -> Canned:
    """The body as a gzip stream."""
    return Canned(body=gzip.compress(body), headers={"Content-Encoding": "gzip", **headers})


def bomb(unpacked_bytes: int) -> Canned:
    """A gzip stream a thousandth of what it unpacks to."""
    packer = zlib.compressobj(9, wbits=31)
    million = bytes(1_000_000)
    parts = [packer.compress(million) for _ in range(unpacked_bytes // 1_000_000)]
    return Canned(body=b"".join([*parts, packer.flush()]), headers={"Content-Encoding": "gzip"})


def redirect(to: str, status: int = 302) -> Canned:
    """A way to somewhere else."""
    return Canned(status=status, headers={"Location": to})


@dataclass(slots=True, kw_only=True)
class Hit:
    """One request that came in; times by the machine's clock."""

    path: str
    headers: dict[str, str]  #: names in lower case
    asked_s: float
    content: bytes = b""  #: of a POST


@dataclass(slots=True, kw_only=True)
class Connection:
    """One connection that was made."""

    opened_s: float
    closed_s: float | None = None


class FeedServer:
    """Serves canned answers on an ephemeral port of 127.0.0.1; with a certificate, over TLS."""

    def __init__(self, certificate: Path | None = None) -> None:
        self.hits: list[Hit] = []
        self.connections: list[Connection] = []
        self._canned: dict[str, list[Canned]] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.feeds = self
        self._scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            self._scheme = "https"
        self.port = self._server.server_port

    def __enter__(self) -> Self:
        arguments = {"poll_interval": 0.01}
        threading.Thread(target=self._server.serve_forever, kwargs=arguments, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def serve(self, path: str, *canned: Canned) -> None:
        """Answer requests for `path` with these in turn, and then with the last for ever.

        A path without a query also stands for the same path with any.
        """
        self._canned[path] = list(canned)

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        """Where `path` is."""
        return f"{self._scheme}://{host}:{self.port}{path}"

    def asked_s(self) -> list[float]:
        """When each request came in."""
        return [hit.asked_s for hit in self.hits]

    def next(self, hit: Hit) -> Canned:
        """Note a request and give its answer."""
        with self._lock:
            self.hits.append(hit)
            canned = self.choose(hit)
        if canned.headers.get("ETag", "") == hit.headers.get("if-none-match", "-"):
            return Canned(status=304, headers=canned.headers)
        return canned

    def choose(self, hit: Hit) -> Canned:
        """The answer whose turn it is."""
        bare = self._canned.get(hit.path.partition("?")[0], [Canned(status=404)])
        left = self._canned.get(hit.path, bare)
        return left.pop(0) if len(left) > 1 else left[0]

    def wait(self, seconds: float) -> None:
        """Sleep, but not longer than the server lives."""
        self._closing.wait(seconds)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    feeds: FeedServer

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def setup(self) -> None:
        super().setup()
        self.seen = Connection(opened_s=time.time())
        self.server.feeds.connections.append(self.seen)

    def finish(self) -> None:
        super().finish()
        self.seen.closed_s = time.time()

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        content = self.rfile.read(int(headers.get("content-length", 0)))
        hit = Hit(path=self.path, headers=headers, asked_s=time.time(), content=content)
        canned = self.server.feeds.next(hit)
        if canned.fault == "drop":
            self.close_connection = True
            return
        if canned.fault == "slow":
            self.server.feeds.wait(canned.seconds)
        self._answer(canned)

    def do_POST(self) -> None:
        self.do_GET()

    def _answer(self, canned: Canned) -> None:
        head = [f"HTTP/1.1 {canned.status} X"]
        head += [f"{name}: {value}" for name, value in canned.headers.items()]
        if canned.has_length:
            head.append(f"Content-Length: {len(canned.body)}")
        else:
            self.close_connection = True
        start = ("\r\n".join(head) + "\r\n\r\n").encode()
        if canned.fault == "trickle-headers":
            self._trickle(start, canned.seconds)
        else:
            self.wfile.write(start)
        if canned.fault == "trickle":
            self._trickle(canned.body, canned.seconds)
        elif canned.fault in ("cut", "short"):
            self.wfile.write(canned.body[: len(canned.body) // 2])
            self.close_connection = True
            if canned.fault == "cut":
                self.server.feeds.wait(0.05)  # a reset overtakes what is still on the way
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.connection.close()
        else:
            self.wfile.write(canned.body)

    def _trickle(self, content: bytes, seconds: float) -> None:
        pieces = min(len(content), 20)
        step = -(-len(content) // pieces)
        for place in range(0, len(content), step):
            self.wfile.write(content[place : place + step])
            self.server.feeds.wait(seconds / pieces)
