"""The app: which pages there are, and what happens when something goes wrong."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import Match

from digest import __version__
from digest.errors import BadConfig, BadLink, BadTemplate, Misuse, Temporary, TooMany
from digest.web import api, asking, choosing, reading, watching
from digest.web.desk import Desk
from digest.web.guard import Guard, refusal

log = logging.getLogger(__name__)

#: After so long it is worth trying again: what was asked too often, and what cannot be done now.
TOO_MANY_S = 3600
NOT_NOW_S = 30


def create_app(desk: Desk) -> FastAPI:
    """All pages, and the same for programs under /api."""
    app = FastAPI(
        title=desk.site,
        version=__version__,
        description=desk.say("api.about"),
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        redirect_slashes=False,
        servers=[{"url": desk.config.pages_url}],
    )
    # A digest's pages come last, since they begin with its name.
    routers = [made.routes(desk) for made in (watching, api, asking, choosing, reading)]
    for router in routers:
        app.include_router(router)
    pages = [route for router in routers for route in router.routes]
    for kind, answer in _handlers(desk, pages).items():
        app.add_exception_handler(kind, answer)
    parts = urlsplit(desk.config.pages_url)
    origin = f"{parts.scheme}://{parts.netloc}"
    app.add_middleware(Guard, origin=origin, refuse=refusal(desk))
    return app


def _handlers(desk: Desk, pages: Sequence[Any]) -> dict[Any, Callable[[Request, Any], Response]]:
    def soon(request: Request, why: Temporary) -> Response:
        if isinstance(why, TooMany):
            return failed(desk, request, 429, str(why), headers={"Retry-After": str(TOO_MANY_S)})
        log.warning("not now: %s", why)
        headers = {"Retry-After": str(NOT_NOW_S)}
        return failed(desk, request, 503, desk.say("error.503"), headers=headers)

    def refused(request: Request, why: HTTPException) -> Response:
        status, headers = why.status_code, {}
        methods = _allowed(request, pages)
        if status == 404 and methods and request.method not in methods:
            status = 405  # a digest's page took it for its own
        if status == 405:
            headers = {"Allow": ", ".join(sorted(methods)) or "GET, HEAD"}
        known = f"page.error.{status}" in desk.words
        words = desk.say(f"error.{status}") if known else str(why.detail)
        return failed(desk, request, status, words, headers=headers)

    def misused(request: Request, why: Misuse) -> Response:
        if isinstance(why, (BadConfig, BadTemplate)):
            raise why  # the operator's mistake, and none of the visitor's
        return failed(desk, request, 422, str(why))

    def invalid(request: Request, why: RequestValidationError) -> Response:
        said = [f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in why.errors()]
        return failed(desk, request, 422, "; ".join(said)[:1000])

    return {
        BadLink: lambda request, why: failed(desk, request, 404, str(why), offers_link=True),
        Misuse: misused,
        Temporary: soon,
        HTTPException: refused,
        RequestValidationError: invalid,
    }


def failed(
    desk: Desk,
    request: Request,
    status: int,
    why: str,
    *,
    offers_link: bool = False,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """What is answered where something went wrong: a page, or the same for programs."""
    response: Response
    if request.url.path.startswith("/api/"):
        response = JSONResponse({"error": why}, status)
    else:
        response = desk.page(
            "page-error.html.j2",
            desk.say("error.title"),
            status=status,
            is_private=True,
            why=why,
            offers_link=offers_link,
        )
    response.headers.update(headers or {})
    return response


def _allowed(request: Request, pages: Sequence[Any]) -> set[str]:
    """The methods of an address that is there, by any method."""
    found: set[str] = set()
    for page in pages:
        # What begins with a digest's name is not there only because an address looks like it.
        if not page.path.startswith("/{") and page.matches(request.scope)[0] is not Match.NONE:
            found |= page.methods
    return found | ({"HEAD"} if "GET" in found else set())
