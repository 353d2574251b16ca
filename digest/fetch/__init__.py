"""The only HTTP client: conditional GET, pace, limits of time and size, addresses checked.

`Fetcher.get` turns a `Request` into a `Response` or raises an error that says what an operator can
do. The parts: `pace` (whose turn it is), `guard` (which addresses), `wire` (one exchange).
"""

from __future__ import annotations

import html
import random
import re
import time
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from importlib import metadata, resources
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import httpx

from digest.errors import Misuse, Permanent, SourceBlocked, SourceDown
from digest.fetch.guard import Guard, Resolve, parsed_url, resolve
from digest.fetch.pace import Pacer, Turn, retry_after_s, shown
from digest.fetch.timer import Timer
from digest.fetch.wire import Broken, Reply, Wire
from digest.types import Request, Response, Validators

__all__ = ["Fetcher"]

SAMPLE = "sample:"
REDIRECTS = frozenset({301, 302, 303, 307, 308})
#: The whole group waits. arXiv's edge says 406 where others say 429 (2026-09).
BUSY = frozenset({406, 429, 503})
FAILING = frozenset({500, 502, 504})  #: only this request waits
MAX_BREAKS = 3  #: connections that fail, break off or bring nothing
FIRST_WAIT_S = 2.0
LONGEST_WAIT_S = 60.0

NONE = Validators()

_PRINTABLE = re.compile(r"[\x20-\x7e]{1,1000}")
_ADDRESS = re.compile(r"[^\s@()<>]+@[^\s@()<>]+")
_FEED_TEXT = re.compile(
    rb"<(?:title|summary)\b[^<>]{0,200}>\s*(?:<!\[CDATA\[)?(.{1,1000}?)(?:\]\]>|</)", re.DOTALL
)


class Fetcher:
    """Asks services, one request of a group at a time. Threads may share one.

    Nothing stays open between two requests, so leaving its block has nothing to close.
    """

    def __init__(
        self,
        *,
        contact: str,
        allow_hosts: Collection[str],
        state_folder: Path,
        deadline_s: float = 120,
        timeout_s: float = 20,
        answer_s: float = 60,
        max_bytes: int = 20_000_000,
        max_redirects: int = 5,
        resolve: Resolve = resolve,
        sleep: Callable[[float], object] = time.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
        jitter: random.Random | None = None,
    ) -> None:
        self._contact = contact
        self._deadline_s = deadline_s
        self._answer_s = answer_s
        self._max_redirects = max_redirects
        self._sleep = sleep
        self._now = now
        self._monotonic = monotonic
        self._jitter = jitter or random.SystemRandom()
        self._pacer = Pacer(state_folder, now, sleep)
        self._wire = Wire(Guard(allow_hosts, resolve), timeout_s=timeout_s, max_bytes=max_bytes)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return None

    def get(self, request: Request, validators: Validators = NONE) -> Response:
        """The answer to a request, or that what `validators` came with still holds.

        Raises: SourceBlocked, SourceDown, NotAFeed, AddressRefused, TooLarge; Permanent for a URL
        or header that cannot be sent; Misuse where there is no contact or no state folder.
        """
        if request.url.startswith(SAMPLE):
            return Response(request=request, body=_sample(request.url))
        url = _own_url(request)
        headers = _headers(self._contact, request, validators)
        timer = Timer(self._deadline_s, self._monotonic)
        for _ in range(self._max_redirects + 1):
            reply = self._ask(request, url, headers, timer)
            if reply.status not in REDIRECTS:
                return _response(request, url, reply, validators)
            url = redirect_url(url, reply.headers.get("location", ""))
        raise SourceDown(f"{request.url}: more than {self._max_redirects} redirects")

    def _ask(
        self, request: Request, url: httpx.URL, headers: Mapping[str, str], timer: Timer
    ) -> Reply:
        """The reply to one URL, after as many tries as there is time for."""
        tries = breaks = 0
        while True:
            tries += 1
            wait_s = request.pace_s + self._jitter.uniform(0, longest_wait_s(tries))
            try:
                reply, turn = self._ask_once(request, url, headers, timer, wait_s)
            except Broken as broken:
                breaks += 1
                if breaks == MAX_BREAKS or wait_s > timer.left_s():
                    raise broken.error from broken
                self._sleep(wait_s)
                continue
            if reply.status == 403:
                raise _blocked(request, url, reply, turn)
            if reply.status in BUSY:
                # The wait is written into the group's state, so the next turn is after it.
                if turn.pace.stop_s > timer.left_s():
                    raise _blocked(request, url, reply, turn)
            elif reply.status in FAILING:
                if wait_s > timer.left_s():
                    raise SourceDown(f"{url}: answered {reply.status}, {tries} times")
                self._sleep(wait_s)
            else:
                return reply

    def _ask_once(
        self,
        request: Request,
        url: httpx.URL,
        headers: Mapping[str, str],
        timer: Timer,
        wait_s: float,
    ) -> tuple[Reply, Turn]:
        """The reply to one request in its turn, which has noted what it means for the group."""
        with self._pacer.turn(str(url), request.group, request.pace_s, timer) as turn:
            reply = self._wire.ask(url, headers, timer.part(self._answer_s), turn.began)
            after_s = retry_after_s(reply.headers.get("retry-after", ""), self._now()) or 0.0
            why = f"{url} answered {reply.status}"
            if reply.status in (200, 304):
                turn.succeeded()
            elif reply.status == 403:
                turn.refuse(after_s, why)
            elif reply.status in BUSY:
                turn.stop(max(wait_s, after_s), why)
        return reply, turn


def longest_wait_s(tries: int) -> float:
    """The upper end of the jitter after `tries` (>= 1) failures: doubling, capped.

    >>> [longest_wait_s(n) for n in (1, 2, 5, 6, 99)]
    [2.0, 4.0, 32.0, 60.0, 60.0]
    """
    return min(FIRST_WAIT_S * 2.0 ** min(tries - 1, 16), LONGEST_WAIT_S)


def redirect_url(url: httpx.URL, location: str) -> httpx.URL:
    """Where a redirect leads, if we go there.

    Raises: SourceDown
    """
    if not location:
        raise SourceDown(f"{url}: redirected to nowhere")
    try:
        target = parsed_url(location, url)
    except ValueError as error:
        raise SourceDown(f"{url}: redirected, but {error}") from error
    if url.scheme == "https" and target.scheme != "https":
        raise SourceDown(f"{url}: redirected from https to {target}")
    return target


def feed_text(body: bytes) -> str:
    """What an error that came as a feed says, in at most 200 characters; "" if it is no feed.

    >>> feed_text(b"<rss><channel><title>Feed error for query:  x&amp;y</title></channel></rss>")
    'Feed error for query: x&y'
    """
    start = body[:20_000]
    if not re.search(rb"<(?:rss|feed|rdf:RDF)\b", start):
        return ""
    texts = [html.unescape(t.decode("utf-8", "replace")) for t in _FEED_TEXT.findall(start)]
    plain = re.sub(r"<[^<>]*>", "", ": ".join(texts))
    return "".join(c for c in " ".join(plain.split()) if c.isprintable())[:200]


def _response(request: Request, url: httpx.URL, reply: Reply, validators: Validators) -> Response:
    """What a final reply means."""
    if reply.status == 200:
        new = Validators(
            etag=_kept(reply.headers.get("etag", "")),
            last_modified=_kept(reply.headers.get("last-modified", "")),
        )
        return Response(request=request, body=reply.body, validators=new)
    if reply.status == 304 and validators != NONE:
        return Response(request=request, body=b"", is_unchanged=True, validators=validators)
    if reply.status == 400 and (said := feed_text(reply.body)):
        raise SourceDown(f"{url}: answered 400 with a feed that says {said!r}")
    raise SourceDown(f"{url}: answered {reply.status}")


def _blocked(
    request: Request, url: httpx.URL, reply: Reply, turn: Turn
) -> SourceBlocked | SourceDown:
    """What to raise when the group is stopped for longer than this request can wait."""
    until = shown(turn.pace.stopped_until)
    words = f"{url}: answered {reply.status}; the group {request.group!r} is stopped until {until}"
    if reply.status == 503 and "retry-after" not in reply.headers:
        return SourceDown(words)
    return SourceBlocked(f"{words}; {turn.remedy}")


def _kept(header: str) -> str | None:
    """A validator, if it is one that can be sent back."""
    return header if _PRINTABLE.fullmatch(header) else None


def _headers(contact: str, request: Request, validators: Validators) -> dict[str, str]:
    if not _ADDRESS.fullmatch(contact):
        was = f", which is {contact!r}" if contact else ""
        raise Misuse(
            f"cannot ask {request.url!r} without an e-mail address to say who asks: "
            f"set contact under [operator] in digest.toml{was}"
        )
    headers = {
        "User-Agent": f"papers-digest/{_version()} (+mailto:{quote(contact, safe='@+')})",
        "Accept": request.accept,
        "Accept-Encoding": "gzip",
        "Connection": "close",
    }
    if validators.etag is not None:
        headers["If-None-Match"] = validators.etag
    if validators.last_modified is not None:
        headers["If-Modified-Since"] = validators.last_modified
    for name, value in headers.items():
        if not _PRINTABLE.fullmatch(value):
            raise Permanent(f"{request.url!r}: {value!r} cannot be sent as {name}")
    return headers


def _version() -> str:
    try:
        return metadata.version("papers-digest")
    except metadata.PackageNotFoundError:  # run from a folder of sources
        return "dev"


def _own_url(request: Request) -> httpx.URL:
    try:
        return parsed_url(request.url)
    except ValueError as error:
        # A URL with a password in it is not shown to anybody.
        what = "the source's URL" if "@" in request.url else repr(request.url)
        raise Permanent(f"{what} of {request.source!r} cannot be asked for: {error}") from error


def _sample(url: str) -> bytes:
    """The bytes of "sample:FILE"."""
    name = url.removeprefix(SAMPLE)
    if re.fullmatch(r"\w[\w.-]*", name):
        try:
            return resources.files("digest").joinpath("samples", name).read_bytes()
        except OSError:
            pass
    raise Permanent(f"{url!r}: no such file in the package's samples")
