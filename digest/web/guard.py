"""What stands before every page: bounds, strangers' forms, headers. Knows nothing of the pages."""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 64 * 1024
BODY_WITHIN_S = 20
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "interest-cohort=()",
}
#: Where other sites' forms may lead: a mail provider's one click, and the box for other sites.
_OPEN = ("/unsubscribe/", "/subscribe")


class Guard:
    """Answers HEAD as GET without a body; reads bodies up to a bound; refuses foreign forms."""

    def __init__(self, app: ASGIApp, origin: str, refuse: Any) -> None:
        self.app = app
        self.origin = origin
        #: (path, status) → the response
        self.refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answer = _Answer(send, scope["method"])
        if answer.is_head:
            scope = {**scope, "method": "GET"}
        try:
            await self._pass(scope, receive, answer)
        except Exception:
            if answer.has_begun:
                raise
            # The page as it is declared: what was asked for may hold the token of a link.
            page = getattr(scope.get("route"), "path", "")
            log.exception("%s %s failed", scope["method"], page)
            await self._refuse(scope, receive, answer, 500)

    async def _pass(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        if scope["method"] in ("GET", "OPTIONS"):
            await self.app(scope, receive, answer)
            return
        headers = Headers(scope=scope)
        if self._is_foreign(headers) and not scope["path"].startswith(_OPEN):
            await self._refuse(scope, receive, answer, 403)
            return
        body = await _read(headers, receive)
        if isinstance(body, int):
            await self._refuse(scope, receive, answer, body)
            return
        await self.app(scope, _replayed(body, receive), answer)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, status: int) -> None:
        try:
            response: Response = self.refuse(scope["path"], status)
        except Exception:  # not even a page that says so can be made
            log.exception("there is no page for errors")
            response = PlainTextResponse(HTTPStatus(status).phrase, status)
        response.headers["Connection"] = "close"  # there may be a body that nobody reads
        await response(scope, receive, send)

    def _is_foreign(self, headers: Headers) -> bool:
        """Does another site's page send this? There are no cookies; it is for good measure."""
        site = headers.get("sec-fetch-site")
        if site is not None:
            return site not in ("same-origin", "none")
        # Our own pages send "null", since they tell nobody where they are.
        origin = headers.get("origin", "null")
        if origin in ("null", self.origin):
            return False
        try:
            return urlsplit(origin).netloc != headers.get("host")
        except ValueError:
            return True


class _Answer:
    """Sends what a page answers, with the headers that all have."""

    def __init__(self, send: Send, method: str) -> None:
        self.send = send
        self.is_head = method == "HEAD"
        self.is_read = method in ("GET", "HEAD")
        self.has_begun = False

    async def __call__(self, message: Message) -> None:
        """One part of the answer."""
        if message["type"] == "http.response.start":
            self.has_begun = True
            headers = MutableHeaders(scope=message)
            if message["status"] >= 400 or not self.is_read:
                headers.setdefault("Cache-Control", "no-store")
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        elif message["type"] == "http.response.body" and self.is_head:
            message = {**message, "body": b""}
        await self.send(message)


def _replayed(body: bytes, receive: Receive) -> Receive:
    left: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return left.pop() if left else await receive()

    return replay


async def _read(headers: Headers, receive: Receive) -> bytes | int:
    """A body, or the status that refuses it."""
    length = headers.get("content-length", "")
    if length.isdigit() and int(length[:20]) > MAX_BODY_BYTES:
        return 413
    parts, size = [], 0
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    return 400
                size += len(message.get("body", b""))
                if size > MAX_BODY_BYTES:
                    return 413
                parts.append(message.get("body", b""))
                if not message.get("more_body"):
                    return b"".join(parts)
    except TimeoutError:
        return 408


def refusal(desk: Any) -> Any:
    """How a request is refused that no page has seen."""

    def refuse(path: str, status: int) -> Response:
        if path.startswith("/api/"):
            return JSONResponse({"error": desk.say(f"error.{status}")}, status)
        response: Response = desk.page(
            "page-error.html.j2",
            desk.say("error.title"),
            status=status,
            is_private=True,
            why=desk.say(f"error.{status}"),
            offers_link=False,
        )
        return response

    return refuse
