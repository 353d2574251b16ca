"""What a subscriber's own link leads to: preferences, another address, leaving, opinions."""

from __future__ import annotations

from typing import Any, get_args
from zoneinfo import available_timezones

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from digest import consent, tokens
from digest.errors import BadAddress, BadLink, Misuse
from digest.run import Setup, archive, subscribing
from digest.run.sending import transport_of
from digest.tokens import Purpose
from digest.types import Format, Frequency, Subscription, SubscriptionState
from digest.web.desk import Desk
from digest.web.forms import Fields

_FIELDS = "topics frequency weekday hour timezone format papers paused_until".split()
_ZONES = sorted(zone for zone in available_timezones() if zone.partition("/")[0] in {
    "Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian",
    "Pacific", "UTC",
})  # fmt: skip


def routes(desk: Desk) -> APIRouter:
    """The pages."""
    router = APIRouter(include_in_schema=False)
    _preferences(desk, router)
    _move(desk, router)
    _leave(desk, router)
    _opinion(desk, router)
    return router


def title_of(desk: Desk, digest: str) -> str:
    """A digest's title; its name where the operator has taken it out."""
    return desk.config.title(digest) if digest in desk.config.digests else digest


def _message(
    desk: Desk, key: str, ways: list[tuple[str, str]], status: int = 200, **values: Any
) -> HTMLResponse:
    return desk.page(
        "page-message.html.j2",
        desk.say(f"{key}.title", **values),
        status=status,
        is_private=True,
        heading=desk.say(f"{key}.title", **values),
        lines=desk.say(f"{key}.lead", **values).split("\n"),
        ways=ways,
    )


# --- preferences ---------------------------------------------------------------------------------


def _preferences(desk: Desk, router: APIRouter) -> None:
    def form(
        setup: Setup,
        token: str,
        has: Subscription,
        *,
        typed: dict[str, str] | None = None,
        error: str = "",
        is_saved: bool = False,
    ) -> HTMLResponse:
        if has.digest not in desk.config.digests:
            raise BadLink(desk.say("error.no_digest"))
        digest = desk.config.digests[has.digest]
        title = desk.config.title(has.digest)
        heading = desk.say("preferences.title", title=title)
        others = [
            title_of(desk, one.digest)
            for one in subscribing.subscriptions_of(setup, has)
            if one.id != has.id and one.state is SubscriptionState.CONFIRMED
        ]
        said = f"{desk.say('error.title')}: " if error else ""
        said += f"{desk.say('preferences.saved')} " if is_saved else ""
        return desk.page(
            "page-preferences.html.j2",
            said + heading,
            status=422 if error else 200,
            is_private=True,
            heading=heading,
            has=has,
            is_confirmed=has.state is SubscriptionState.CONFIRMED,
            typed=typed if typed is not None else _shown(has),
            error=error,
            wrong=error.partition(":")[0],
            is_saved=is_saved,
            digest=digest,
            name=title,
            token=token,
            others=others,
            max_papers=consent.MAX_PAPERS,
            max_topics=consent.MAX_TOPICS,
            frequencies=get_args(Frequency),
            weekdays=list(zip(consent.WEEKDAYS, desk.say("weekdays").split(), strict=True)),
            formats=get_args(Format),
            zones=_ZONES,
        )

    @router.get("/preferences/{token}")
    def preferences_form(token: str) -> HTMLResponse:
        setup = desk.setup()
        return form(setup, token, subscribing.look(setup, token, Purpose.PREFERENCES))

    @router.post("/preferences/{token}")
    def preferences(token: str, request: Request, fields: Fields) -> HTMLResponse:
        setup = desk.setup()
        has = subscribing.look(setup, token, Purpose.PREFERENCES)
        typed = {name: fields.get(name, "") for name in _FIELDS}
        try:
            wanted = consent.preferences(typed)
            client = desk.client(request)
            has = subscribing.prefer(setup, token, wanted, client=client)
        except Misuse as why:
            return form(setup, token, has, typed=typed, error=str(why))
        return form(setup, token, has, is_saved=True)


def _shown(has: Subscription) -> dict[str, str]:
    wants = has.preferences
    return {
        "topics": "\n".join(wants.topics),
        "frequency": wants.frequency or "",
        "weekday": wants.weekday,
        "hour": "" if wants.hour is None else str(wants.hour),
        "timezone": wants.timezone,
        "format": wants.format or "",
        "papers": str(wants.papers or ""),
        "paused_until": wants.paused_until.isoformat() if wants.paused_until else "",
    }


# --- another address -----------------------------------------------------------------------------


def _move(desk: Desk, router: APIRouter) -> None:
    def form(token: str, has: Subscription, typed: str, error: str) -> HTMLResponse:
        heading = desk.say("move.title")
        return desk.page(
            "page-move.html.j2",
            f"{desk.say('error.title')}: {heading}" if error else heading,
            status=422 if error else 200,
            is_private=True,
            heading=heading,
            address=has.address,
            token=token,
            typed=typed,
            error=error,
        )

    @router.get("/move/{token}")
    def move_form(token: str) -> HTMLResponse:
        return form(token, subscribing.look(desk.setup(), token, Purpose.PREFERENCES), "", "")

    @router.post("/move/{token}")
    def ask_to_move(token: str, fields: Fields) -> HTMLResponse:
        setup = desk.setup()
        has = subscribing.look(setup, token, Purpose.PREFERENCES)
        typed = fields.get("address", "")[:300]
        try:
            subscribing.ask_to_move(setup, token, typed)
        except BadAddress as why:
            return form(token, has, typed, str(why))
        back = (desk.url(f"preferences/{token}"), desk.say("back"))
        return _message(desk, "check.move", [back])

    @router.get("/address/{token}")
    def address_form(token: str) -> HTMLResponse:
        address = subscribing.look_at_move(desk.setup(), token)
        return desk.page(
            "page-button.html.j2",
            desk.say("address.title"),
            is_private=True,
            heading=desk.say("address.title"),
            lines=[desk.say("address.lead", address=address)],
            action=desk.url(f"address/{token}"),
            button=desk.say("address.button"),
            small=desk.say("confirm.small"),
        )

    @router.post("/address/{token}")
    def address(token: str, request: Request) -> HTMLResponse:
        now_at = subscribing.move(desk.setup(), token, client=desk.client(request))
        home = (desk.url(), desk.say("home.link"))
        return _message(desk, "moved", [home], address=now_at)


# --- leaving -------------------------------------------------------------------------------------


def _leave(desk: Desk, router: APIRouter) -> None:
    def page(token: str, key: str, **values: Any) -> HTMLResponse:
        heading = desk.say(f"{key}.title", **values)
        return desk.page(
            "page-button.html.j2",
            heading,
            is_private=True,
            heading=heading,
            lines=desk.say(f"{key}.lead", **values).split("\n"),
            action=desk.url(f"{key}/{token}"),
            button=desk.say(f"{key}.button"),
            small=desk.say(f"{key}.small"),
        )

    @router.get("/leave/{token}")
    def leave_form(token: str) -> HTMLResponse:
        has = subscribing.look(desk.setup(), token, Purpose.PREFERENCES)
        return page(token, "leave", address=has.address)

    @router.post("/leave/{token}")
    def leave(token: str, request: Request, fields: Fields) -> HTMLResponse:
        setup, client = desk.setup(), desk.client(request)
        if fields.get("what") == "this":
            purpose = Purpose.PREFERENCES
            has = subscribing.unsubscribe(setup, token, purpose=purpose, client=client)
            again = desk.url(f"subscribe?digest={has.digest}"), desk.say("unsubscribed.back")
            title = title_of(desk, has.digest)
            return _message(desk, "unsubscribed", [again], title=title)
        subscribing.leave(setup, token, client=client)
        return _message(desk, "left", [(desk.url(), desk.say("unsubscribed.back"))])

    @router.get("/erase/{token}")
    def erase_form(token: str) -> HTMLResponse:
        has = subscribing.look(desk.setup(), token, Purpose.PREFERENCES)
        return page(token, "erase", address=has.address, contact=_contact(desk))

    @router.post("/erase/{token}")
    def erase(token: str) -> HTMLResponse:
        return _message(desk, erased(desk, token), [(desk.url(), desk.say("home.link"))])


def erased(desk: Desk, token: str) -> str:
    """Forget whom a link is of. Twice is as calm as once; returns the key of the words.

    Raises: BadLink
    """
    setup, remove = desk.setup(), transport_of(desk.config).erase
    tokens.read(setup.keys, token, Purpose.PREFERENCES, setup.now)
    try:
        subscribing.erase_by_link(setup, token, remove, purpose=Purpose.PREFERENCES)
    except BadLink:  # there is nobody any more
        return "unknown"
    return "erased"


def _contact(desk: Desk) -> str:
    return desk.config.operator.contact or desk.site


# --- opinions ------------------------------------------------------------------------------------


def _opinion(desk: Desk, router: APIRouter) -> None:
    @router.get("/opinion/{token}")
    def opinion_form(token: str, request: Request, paper: str = "", like: str = "") -> Response:
        setup = desk.setup()
        said = _opined(desk, setup, token, paper, like)
        key = "opinion.like" if like == "1" else "opinion.dislike"
        heading = desk.say(f"{key}.title")
        return desk.page(
            "page-button.html.j2",
            heading,
            is_private=True,
            heading=heading,
            lines=[said, desk.say(f"{key}.lead")],
            action=f"{desk.url(f'opinion/{token}')}?{request.url.query}",
            button=desk.say(f"{key}.button"),
            small=desk.say("opinion.small"),
        )

    @router.post("/opinion/{token}")
    def opinion(token: str, paper: str = "", like: str = "") -> Response:
        said = opine(desk, token, paper, like)
        return _message(desk, "opined", [], title=said)


def opine(desk: Desk, token: str, paper: str, like: str) -> str:
    """Keep what a reader thinks of a paper, "1" or "0"; returns its title.

    Raises: BadLink
    """
    setup = desk.setup()
    _opined(desk, setup, token, paper, like)
    return subscribing.opine_by_link(setup, token, paper, like == "1")


def _opined(desk: Desk, setup: Setup, token: str, paper: str, like: str) -> str:
    """The title of a paper that a good link is about."""
    subscribing.look(setup, token, Purpose.OPINION)
    if like not in ("0", "1"):
        raise BadLink(desk.say("error.whole"))
    title = archive.title_of(setup, paper)
    if not title:
        raise BadLink(desk.say("error.no_paper"))
    return title
