"""One request over one connection: checked addresses, and limits of time and size on the answer.

This is on httpcore, the part of httpx that talks to sockets, since httpx itself takes no network
of ours: and only there can every single wait be cut short, so that a service which sends a byte of
its headers every ten seconds does not hold us for days.
"""

from __future__ import annotations

import ssl
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

import httpcore
import httpx

from digest.errors import AddressRefused, Misuse, NotAFeed, SourceDown, TooLarge
from digest.fetch.guard import Guard
from digest.fetch.timer import Timer

_PIECE_BYTES = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a service answered."""

    status: int
    headers: Mapping[str, str]  #: names in lower case
    body: bytes = b""  #: of a 200, and of what says why it is none


class Broken(Exception):
    """The exchange broke off, and may go better another time; if it does not, raise `error`."""

    def __init__(self, error: SourceDown) -> None:
        super().__init__(str(error))
        self.error = error


class Wire:
    """Sends requests, each over a connection of its own that is closed before `ask` returns."""

    def __init__(
        self,
        guard: Guard,
        *,
        timeout_s: float,
        max_bytes: int,
        connect_s: float | None = None,
        telling: Collection[int] = (400,),
    ) -> None:
        self._guard = guard
        self._timeout_s = timeout_s
        self._max_bytes = max_bytes
        self._connect_s = timeout_s if connect_s is None else connect_s
        self._telling = telling  #: statuses, besides 200, whose body is read

    def ask(
        self,
        url: httpx.URL,
        headers: Mapping[str, str],
        timer: Timer,
        on_connect: Callable[[], None],
        content: bytes | None = None,
    ) -> Reply:
        """Send a GET, or a POST of `content`, and read the answer until `timer` has run out.

        Raises: AddressRefused, TooLarge, NotAFeed, SourceDown; Broken where another try may help.
        """
        network = Network(self._guard, timer, on_connect)
        timeouts = dict.fromkeys(("read", "write", "pool"), self._timeout_s)
        timeouts["connect"] = self._connect_s
        try:
            with (
                httpcore.ConnectionPool(
                    ssl_context=self._trust if url.scheme == "https" else None,
                    max_connections=1,
                    network_backend=network,
                ) as pool,
                pool.stream(
                    "GET" if content is None else "POST",
                    httpcore.URL(
                        scheme=url.raw_scheme,
                        host=url.raw_host,
                        port=url.port,
                        target=url.raw_path,
                    ),
                    headers=[("Host", url.netloc.decode("ascii")), *headers.items()],
                    content=content,
                    extensions={"timeout": timeouts},
                ) as response,
            ):
                return self._read(url, response)
        except AddressRefused as error:
            raise AddressRefused(f"{url}: {error}") from error
        except httpcore.TimeoutException as error:
            if not timer.left_s():
                raise SourceDown(f"{url}: no whole answer in {timer.span_s:g} s") from error
            raise Broken(SourceDown(f"{url}: nothing came for {self._timeout_s:g} s")) from error
        except (httpcore.NetworkError, httpcore.RemoteProtocolError) as error:
            raise Broken(SourceDown(f"{url}: {_reason(error)}")) from error

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        try:
            # The one thing taken from the environment: SSL_CERT_FILE, SSL_CERT_DIR, else certifi.
            return httpx.create_ssl_context(trust_env=True)
        except OSError as error:
            raise Misuse(f"cannot read the certificates of SSL_CERT_FILE: {error}") from error

    def _read(self, url: httpx.URL, response: httpcore.Response) -> Reply:
        headers = {
            name.decode("ascii").lower(): value.decode("utf-8", "replace")
            for name, value in response.headers
        }
        body = b""
        if response.status == 200:
            body = self._body(url, response, headers)
        elif response.status in self._telling:
            with suppress(Broken, NotAFeed, TooLarge):
                body = self._body(url, response, headers)
        return Reply(status=response.status, headers=headers, body=body)

    def _body(
        self, url: httpx.URL, response: httpcore.Response, headers: Mapping[str, str]
    ) -> bytes:
        too_large = TooLarge(f"{url}: more than {self._max_bytes} bytes")
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > self._max_bytes:
            raise too_large
        seen_bytes = 0

        def chunks() -> Iterator[bytes]:
            nonlocal seen_bytes
            for chunk in response.iter_stream():
                seen_bytes += len(chunk)
                if seen_bytes > self._max_bytes:
                    raise too_large
                yield chunk

        encoding = headers.get("content-encoding", "").strip().lower() or "identity"
        if encoding not in ("identity", "gzip", "x-gzip"):
            raise NotAFeed(f"{url}: came as {encoding!r}, which was not asked for")
        body = bytearray()
        try:
            for piece in chunks() if encoding == "identity" else gunzip(chunks()):
                body += piece
                if len(body) > self._max_bytes:
                    raise too_large
        except (httpcore.NetworkError, httpcore.RemoteProtocolError, EOFError) as error:
            of = f" of {length}" if length.isdigit() else ""
            raise Broken(NotAFeed(f"{url}: cut off after {seen_bytes}{of} bytes")) from error
        except zlib.error as error:
            raise NotAFeed(f"{url}: what came as gzip is not: {error}") from error
        return bytes(body)


def gunzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Decompress, in pieces so small that the caller can stop a bomb.

    Raises: EOFError where the stream ends early, zlib.error where it is none.
    """
    stream = zlib.decompressobj(wbits=31)
    for chunk in chunks:
        while chunk:
            if stream.eof:  # RFC 1952: one member may follow another
                stream = zlib.decompressobj(wbits=31)
            yield stream.decompress(chunk, _PIECE_BYTES)
            chunk = stream.unconsumed_tail or stream.unused_data
    if not stream.eof:
        raise EOFError("the gzip stream ends early")


def _reason(error: Exception) -> str:
    """A library's words, in the form of ours."""
    return str(error).rstrip(".").lower() or "the connection broke"


class Network(httpcore.NetworkBackend):
    """Connects to what the guard lets through, and waits for nothing once `timer` has run out."""

    def __init__(
        self,
        guard: Guard,
        timer: Timer,
        on_connect: Callable[[], None],
        sockets: httpcore.NetworkBackend | None = None,
    ) -> None:
        self._guard = guard
        self._timer = timer
        self._on_connect = on_connect
        self._sockets = sockets or httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """A connection to the first of the host's addresses that takes one."""
        budget = self._timer.part(_left_s(self._timer, timeout))
        try:
            addresses = self._guard.addresses(host, port, budget.left_s())
        except TimeoutError:
            raise httpcore.ConnectTimeout(f"the address of {host} was not found in time") from None
        except (OSError, ValueError) as error:
            raise httpcore.ConnectError(f"cannot find the address of {host}: {error}") from error
        failure: Exception = httpcore.ConnectTimeout()
        for place, address in enumerate(addresses):
            # Each address gets its share, so that a dead IPv6 leaves time for IPv4.
            share_s = budget.left_s() / (len(addresses) - place)
            if share_s <= 0:
                break
            try:
                stream = self._sockets.connect_tcp(
                    address, port, share_s, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                self._on_connect()
                return Stream(stream, self._timer, self._on_connect)
        raise failure


class Stream(httpcore.NetworkStream):
    """A connection on which nothing waits once `timer` has run out."""

    def __init__(
        self, inner: httpcore.NetworkStream, timer: Timer, on_connect: Callable[[], None]
    ) -> None:
        self._inner = inner
        self._timer = timer
        self._on_connect = on_connect

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What has come, at most so much."""
        return self._inner.read(max_bytes, _left_s(self._timer, timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of it."""
        self._inner.write(buffer, _left_s(self._timer, timeout))

    def close(self) -> None:
        """End the connection."""
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        """The same connection, under TLS for the name that was asked for."""
        left_s = _left_s(self._timer, timeout)
        inner = self._inner.start_tls(ssl_context, server_hostname, left_s)
        self._on_connect()
        return Stream(inner, self._timer, self._on_connect)

    def get_extra_info(self, info: str) -> object:
        """What the connection knows of itself."""
        return self._inner.get_extra_info(info)


def _left_s(timer: Timer, timeout_s: float | None) -> float:
    left_s = timer.left_s()
    if not left_s:  # 0 would not mean "at once" to a socket, but "never wait"
        raise httpcore.ReadTimeout("out of time")
    return left_s if timeout_s is None else min(left_s, timeout_s)
