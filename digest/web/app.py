"""The app: which pages there are, and what happens when something goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import Match

from digest import __version__
from digest.errors import BadLink, Misuse, Temporary, TooMany
from digest.web import api, asking, choosing, reading
from digest.web.desk import Desk
from digest.web.guard import Guard, refusal

RETRY_AFTER_S = 3600


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
    app.include_router(api.routes(desk))
    app.include_router(asking.routes(desk))
    app.include_router(choosing.routes(desk))
    app.include_router(reading.routes(desk))  # the last: a digest's pages begin with its name
    for kind, answer in _handlers(desk).items():
        app.add_exception_handler(kind, answer)
    parts = urlsplit(desk.config.pages_url)
    origin = f"{parts.scheme}://{parts.netloc}"
    app.add_middleware(Guard, origin=origin, refuse=refusal(desk))
    return app


def _handlers(desk: Desk) -> dict[Any, Callable[[Request, Any], Response]]:
    def failed(
        request: Request,
        status: int,
        why: str,
        *,
        offers_link: bool = False,
        headers: dict[str, str] | None = None,
    ) -> Response:
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

    def bad_link(request: Request, why: BadLink) -> Response:
        return failed(request, 404, str(why), offers_link=True)

    def too_many(request: Request, why: TooMany) -> Response:
        return failed(request, 429, str(why), headers={"Retry-After": str(RETRY_AFTER_S)})

    def misuse(request: Request, why: Misuse) -> Response:
        return failed(request, 422, str(why))

    def later(request: Request, why: Temporary) -> Response:
        return failed(request, 503, desk.say("error.503"), headers={"Retry-After": "60"})

    def refused(request: Request, why: HTTPException) -> Response:
        known = f"page.error.{why.status_code}" in desk.words
        words = desk.say(f"error.{why.status_code}") if known else str(why.detail)
        headers = {}
        if why.status_code == 405:
            headers["Allow"] = ", ".join(sorted(_allowed(request)))
        return failed(request, why.status_code, words, headers=headers)

    def invalid(request: Request, why: RequestValidationError) -> Response:
        said = [f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in why.errors()]
        return failed(request, 422, "; ".join(said)[:1000])

    def broken(request: Request, why: Exception) -> Response:
        return failed(request, 500, desk.say("error.500"))

    return {
        BadLink: bad_link,
        TooMany: too_many,
        Misuse: misuse,
        Temporary: later,
        HTTPException: refused,
        RequestValidationError: invalid,
        Exception: broken,
    }


def _allowed(request: Request) -> set[str]:
    found: set[str] = set()
    for route in request.app.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            found |= route.methods or set()
    return found | ({"HEAD"} if "GET" in found else set())
