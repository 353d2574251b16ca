"""Asking for a digest or a link, confirming, unsubscribing: what a stranger's mail leads to."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from digest import tokens
from digest.errors import BadAddress, BadLink
from digest.run import Setup, links, subscribing
from digest.tokens import Purpose
from digest.types import SubscriptionState
from digest.web.desk import Desk
from digest.web.forms import Fields

#: A field that nobody sees. Who fills it is a program, and is told that all is well.
TRAP = "website"


def routes(desk: Desk) -> APIRouter:
    """The pages."""
    router = APIRouter(include_in_schema=False)
    _ask(desk, router)
    _confirm(desk, router)
    _unsubscribe(desk, router)
    return router


def _asked(desk: Desk, request: Request, fields: dict[str, str], *, wants_link: bool) -> Response:
    name = fields.get("digest", "")
    if name not in desk.config.digests:
        raise BadLink(desk.say("error.no_digest"))
    form = fields.get("form", "page")
    is_ours = request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")
    try:
        if not fields.get(TRAP):
            subscribing.ask(
                desk.setup(),
                fields.get("address", ""),
                name,
                form if form == "page" and is_ours else "snippet",
                client=desk.client(request),
                wants_link=wants_link,
            )
    except BadAddress as why:
        return _again(desk, name, fields, str(why), wants_link=wants_link)
    kind = "&for=link" if wants_link else ""
    return RedirectResponse(desk.url(f"check-mail?digest={name}{kind}"), 303)


def _ask(desk: Desk, router: APIRouter) -> None:
    @router.post("/subscribe")
    def subscribe(request: Request, fields: Fields) -> Response:
        return _asked(desk, request, fields, wants_link=False)

    @router.get("/subscribe")
    def subscribe_form(digest: str = "") -> Response:
        if digest not in desk.config.digests:
            return RedirectResponse(desk.url(), 303)
        return _again(desk, digest, {}, "", wants_link=False)

    @router.post("/link")
    def link(request: Request, fields: Fields) -> Response:
        return _asked(desk, request, fields, wants_link=True)

    @router.get("/link")
    def link_form(digest: str = "") -> Response:
        return _again(desk, digest, {}, "", wants_link=True)

    @router.get("/check-mail")
    def check_mail(request: Request, digest: str = "") -> HTMLResponse:
        # "for" is no name that Python has room for.
        kind = "link" if request.query_params.get("for") == "link" else "subscribe"
        known = digest in desk.config.digests
        return desk.page(
            "page-message.html.j2",
            desk.say(f"check.{kind}.title"),
            is_private=True,
            heading=desk.say(f"check.{kind}.title"),
            lines=[
                desk.say(
                    f"check.{kind}.lead", title=desk.config.title(digest) if known else desk.site
                ),
                *desk.say("check.more").split("\n"),
            ],
            ways=[(desk.url(f"{digest}/"), desk.say("check.archive"))] if known else [],
        )


def _again(
    desk: Desk, name: str, fields: dict[str, str], error: str, *, wants_link: bool
) -> HTMLResponse:
    kind = "link" if wants_link else "subscribe"
    titles = {one: desk.config.title(one) for one in desk.config.digests}
    heading = desk.say(f"ask.{kind}.title", title=titles.get(name, desk.site))
    return desk.page(
        "page-ask.html.j2",
        f"{desk.say('error.title')}: {heading}" if error else heading,
        status=422 if error else 200,
        heading=heading,
        kind=kind,
        lead=desk.say(f"ask.{kind}.lead"),
        digests=titles,
        name=name,
        wording="" if wants_link else subscribing.wording(desk.setup(), name),
        typed=fields.get("address", "")[:300],
        error=error,
        trap=TRAP,
    )


def _confirm(desk: Desk, router: APIRouter) -> None:
    def message(key: str, title: str, ways: list[tuple[str, str]], **more: Any) -> HTMLResponse:
        return desk.page(
            "page-message.html.j2",
            desk.say(f"{key}.title", title=title),
            is_private=True,
            heading=desk.say(f"{key}.title", title=title),
            lines=desk.say(f"{key}.lead", title=title).split("\n"),
            ways=ways,
            **more,
        )

    @router.get("/confirm/{token}")
    def confirm_form(token: str) -> HTMLResponse:
        has = subscribing.look(desk.setup(), token, Purpose.CONFIRM)
        if has.digest not in desk.config.digests:
            raise BadLink(desk.say("error.no_digest"))
        title = desk.config.title(has.digest)
        if has.state is SubscriptionState.CONFIRMED:
            return message("confirmed", title, [(desk.url(), desk.say("home.link"))])
        return desk.page(
            "page-button.html.j2",
            desk.say("confirm.title", title=title),
            is_private=True,
            heading=desk.say("confirm.title", title=title),
            lines=[desk.say("confirm.lead", title=title, address=has.address)],
            action=desk.url(f"confirm/{token}"),
            button=desk.say("confirm.button"),
            small=desk.say("confirm.small"),
        )

    @router.post("/confirm/{token}")
    def confirm(token: str, request: Request) -> HTMLResponse:
        setup = desk.setup()
        has = subscribing.confirm(setup, token, client=desk.client(request))
        if has.digest not in desk.config.digests:
            raise BadLink(desk.say("error.no_digest"))
        own = links.token(setup, Purpose.PREFERENCES, has.id, setup.now)
        ways = [
            (desk.url(f"preferences/{own}"), desk.say("confirmed.preferences")),
            (desk.url(f"{has.digest}/"), desk.say("check.archive")),
        ]
        return message("confirmed", desk.config.title(has.digest), ways)


def _unsubscribe(desk: Desk, router: APIRouter) -> None:
    @router.get("/unsubscribe/{token}")
    def unsubscribe_form(token: str) -> HTMLResponse:
        has = subscribing.look(desk.setup(), token, Purpose.UNSUBSCRIBE)
        if has.state is SubscriptionState.UNSUBSCRIBED:
            return left(has.digest)
        title = desk.config.title(has.digest) if has.digest in desk.config.digests else has.digest
        return desk.page(
            "page-button.html.j2",
            desk.say("unsubscribe.title", title=title),
            is_private=True,
            heading=desk.say("unsubscribe.title", title=title),
            lines=[desk.say("unsubscribe.lead", title=title, address=has.address)],
            action=desk.url(f"unsubscribe/{token}"),
            button=desk.say("unsubscribe.button"),
            small=desk.say("unsubscribe.small"),
        )

    def left(digest: str) -> HTMLResponse:
        known = digest in desk.config.digests
        return desk.page(
            "page-message.html.j2",
            desk.say("unsubscribed.title"),
            is_private=True,
            heading=desk.say("unsubscribed.title"),
            lines=[unsubscribed_words(desk, digest)],
            ways=[(desk.url(f"subscribe?digest={digest}"), desk.say("unsubscribed.back"))]
            if known
            else [],
        )

    # RFC 8058: no cookie, no redirect, any body; what the mail provider is told is 200.
    @router.post("/unsubscribe/{token}")
    async def unsubscribe(token: str, request: Request) -> Response:
        from starlette.concurrency import run_in_threadpool

        is_one_click = b"One-Click" in await request.body()
        return await run_in_threadpool(done, token, request, is_one_click)

    def done(token: str, request: Request, is_one_click: bool) -> Response:
        form, client = "one-click" if is_one_click else "page", desk.client(request)
        return left(unsubscribed(desk.setup(), token, form, client))


def unsubscribed(setup: Setup, token: str, form: str, client: str) -> str:
    """Leave a digest by a link of its mails; returns its name, none where nobody is known any more.

    Raises: BadLink
    """
    tokens.read(setup.keys, token, Purpose.UNSUBSCRIBE, setup.now)
    try:
        return subscribing.unsubscribe(setup, token, form=form, client=client).digest
    except BadLink:  # erased: there is nothing left to unsubscribe
        return ""


def unsubscribed_words(desk: Desk, digest: str) -> str:
    """What somebody is told who has left a digest, whichever it was."""
    if not digest:
        return desk.say("unsubscribed.nothing")
    known = digest in desk.config.digests
    return desk.say("unsubscribed.lead", title=desk.config.title(digest) if known else digest)
