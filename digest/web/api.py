"""The same for programs: JSON under /api, described in /api/openapi.json."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from digest import consent, tokens
from digest.errors import BadLink
from digest.run import archive, subscribing
from digest.tokens import Purpose
from digest.types import (
    Format,
    Frequency,
    Item,
    Preferences,
    Subscription,
    SubscriptionState,
    Weekday,
)
from digest.web.desk import Desk
from digest.web.reading import address

_NAME = r"^[a-z0-9][a-z0-9-]{0,62}$"
_SLOT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}$"

Name = Annotated[str, Path(pattern=_NAME, description="A digest's name.")]
Slot = Annotated[
    str, Path(pattern=_SLOT, description="When an issue was due, on its digest's clock.")
]
Token = Annotated[
    str, Path(pattern=f"^{tokens.PATTERN}$", description="From a link in one's own mail.")
]


class Body(BaseModel):
    """What a program sends; what is not known is refused."""

    model_config = ConfigDict(extra="forbid")


class Failed(BaseModel):
    """Why it did not work, in words."""

    error: str


class Accepted(BaseModel):
    """Nothing is said of whether the address is known; only mail tells that."""

    detail: str


class DigestShown(BaseModel):
    """A digest."""

    name: str
    title: str
    topics: list[str]
    schedule: str
    timezone: str
    page: str
    feed: str


class IssueShown(BaseModel):
    """An issue in a list."""

    digest: str
    slot: str
    title: str
    made_at: datetime
    papers: int
    page: str


class PaperShown(BaseModel):
    """A paper as an issue has it."""

    id: str
    title: str
    authors: list[str]
    categories: list[str]
    announced_on: date
    section: str
    summary: str
    summarizer: str
    because: list[str]
    is_revision: bool
    note: str
    links: dict[str, str]


class IssueWhole(BaseModel):
    """An issue with its papers, in the order of its mails."""

    digest: str
    slot: str
    title: str
    made_at: datetime
    page: str
    papers: list[PaperShown]


class Wishes(Body):
    """How a reader wants a digest; what is null or empty is as the digest has it."""

    topics: list[str] = Field(
        default=[],
        max_length=consent.MAX_TOPICS,
        description=(
            f"Her own topics instead of the digest's, each of at most {consent.MAX_TOPIC_LENGTH}"
            " letters."
        ),
    )
    frequency: Frequency | None = None
    weekday: Weekday = "mon"
    hour: int | None = Field(default=None, ge=0, le=23)
    timezone: str = Field(default="", max_length=64, description="Like Europe/Paris.")
    format: Format | None = None
    papers: int | None = Field(default=None, ge=1, le=consent.MAX_PAPERS)
    paused_until: date | None = None


class Asked(Body):
    """Somebody wants a digest."""

    address: str = Field(max_length=1000, description="An e-mail address.")
    digest: str = Field(pattern=_NAME)
    preferences: Wishes | None = None


class LinkAsked(Body):
    """Somebody wants a link to her subscription."""

    address: str = Field(max_length=1000, description="An e-mail address.")
    digest: str = Field(pattern=_NAME)


class SubscriptionShown(BaseModel):
    """A subscription, to whom it belongs."""

    address: str
    digest: str
    state: SubscriptionState
    since: datetime | None
    preferences: Wishes


def _documented(*codes: int) -> dict[int | str, dict[str, Any]]:
    said = {
        400: "What was sent cannot be read.",
        403: "A page of another site sent this.",
        404: "There is no such thing, or the link is not good for this.",
        405: "Not by this method.",
        408: "What was sent came too slowly.",
        413: "More was sent than anybody needs to.",
        422: "Something in it is not as it should be.",
        429: "This was asked very often; Retry-After says when to come back.",
        503: "Not now; Retry-After says when to come back.",
    }
    return {code: {"model": Failed, "description": said[code]} for code in codes}


_READS = _documented(404, 422)
_WRITES = _documented(400, 403, 404, 408, 413, 422, 429, 503)


def routes(desk: Desk) -> APIRouter:
    """All of it."""
    router = APIRouter(prefix="/api")
    _reading(desk, router)
    _asking(desk, router)
    _choosing(desk, router)

    return router


def _known(desk: Desk, digest: str) -> None:
    if digest not in desk.config.digests:
        raise BadLink(f"there is no digest {digest!r}; /api/digests lists them")


# --- reading -------------------------------------------------------------------------------------


def _reading(desk: Desk, router: APIRouter) -> None:
    @router.get("/digests")
    def digests() -> list[DigestShown]:
        """All digests."""
        return [
            DigestShown(
                name=name,
                title=desk.config.title(name),
                topics=list(one.topics),
                schedule=one.schedule,
                timezone=one.timezone,
                page=desk.absolute(f"{name}/"),
                feed=desk.absolute(f"{name}/feed.xml"),
            )
            for name, one in desk.config.digests.items()
        ]

    @router.get("/digests/{digest}/issues", responses=_READS)
    def issues(
        digest: Name,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        before: Annotated[
            str, Query(pattern=f"^$|{_SLOT}", description="Only those of earlier slots.")
        ] = "",
    ) -> list[IssueShown]:
        """The issues of a digest, newest first."""
        _known(desk, digest)
        return [
            IssueShown(
                digest=digest,
                slot=one.slot,
                title=one.title,
                made_at=one.made_at,
                papers=one.papers,
                page=desk.absolute(address(one)),
            )
            for one in archive.past(desk.setup(), digest, limit, before)
        ]

    @router.get("/digests/{digest}/issues/{slot}", responses=_READS)
    def issue(digest: Name, slot: Slot) -> IssueWhole:
        """An issue with its papers."""
        setup = desk.setup()
        found = desk.issue(setup, digest, slot)
        if found is None:
            raise BadLink("there is no such issue")
        return IssueWhole(
            digest=digest,
            slot=slot,
            title=found.title,
            made_at=found.made_at,
            page=desk.absolute(address(found)),
            papers=[_paper(item) for item in archive.whole(setup, found).shown],
        )


def _paper(item: Item) -> PaperShown:
    paper = item.paper
    links = {
        "abstract": paper.links.abstract,
        "pdf": paper.links.pdf,
        "code": paper.links.code,
        "discussion": paper.links.discussion,
    }
    return PaperShown(
        id=paper.id,
        title=paper.title,
        authors=list(paper.authors),
        categories=list(paper.categories),
        announced_on=paper.announced_on,
        section=item.section,
        summary=item.summary.text,
        summarizer=item.summary.summarizer,
        because=list(item.because),
        is_revision=item.is_revision,
        note=item.note,
        links={kind: url for kind, url in links.items() if url},
    )


# --- asking --------------------------------------------------------------------------------------


def _asking(desk: Desk, router: APIRouter) -> None:
    def ask(request: Request, asked: Asked | LinkAsked, wishes: Preferences | None) -> Accepted:
        _known(desk, asked.digest)
        subscribing.ask(
            desk.setup(),
            asked.address,
            asked.digest,
            "api",
            client=desk.client(request),
            preferences=wishes,
            wants_link=isinstance(asked, LinkAsked),
        )
        return Accepted(detail=desk.say("api.accepted"))

    @router.post("/subscriptions", status_code=202, responses=_WRITES)
    def subscribe(asked: Asked, request: Request) -> Accepted:
        """Ask for a digest. A mail to the address asks for a confirmation."""
        return ask(request, asked, _preferences(asked.preferences) if asked.preferences else None)

    @router.post("/links", status_code=202, responses=_WRITES)
    def link(asked: LinkAsked, request: Request) -> Accepted:
        """Ask for a link to one's subscription. It comes by mail."""
        return ask(request, asked, None)

    @router.post("/confirmations/{token}", responses=_WRITES)
    def confirm(token: Token, request: Request) -> SubscriptionShown:
        """Confirm, with the token of the link in the confirmation mail."""
        setup = desk.setup()
        return _shown(subscribing.confirm(setup, token, form="api", client=desk.client(request)))


# --- choosing ------------------------------------------------------------------------------------


def _choosing(desk: Desk, router: APIRouter) -> None:
    @router.get("/subscriptions/{token}", responses=_READS)
    def look(token: Token, response: Response) -> SubscriptionShown:
        """A subscription, with the token of a link to its preferences."""
        response.headers["Cache-Control"] = "no-store"
        return _shown(subscribing.look(desk.setup(), token, Purpose.PREFERENCES))

    @router.put("/subscriptions/{token}", responses=_WRITES)
    def prefer(token: Token, wishes: Wishes, request: Request) -> SubscriptionShown:
        """Change how a digest comes."""
        setup, client = desk.setup(), desk.client(request)
        wanted = _preferences(wishes)
        return _shown(subscribing.prefer(setup, token, wanted, form="api", client=client))

    @router.delete("/subscriptions/{token}", responses=_WRITES)
    def unsubscribe(token: Token, request: Request) -> SubscriptionShown:
        """Leave a digest. Twice is the same as once."""
        return _shown(
            subscribing.unsubscribe(
                desk.setup(),
                token,
                purpose=Purpose.PREFERENCES,
                form="api",
                client=desk.client(request),
            )
        )


def _preferences(wishes: Wishes) -> Preferences:
    return consent.preferences(wishes.model_dump(mode="json"))


def _shown(has: Subscription) -> SubscriptionShown:
    return SubscriptionShown(
        address=has.address,
        digest=has.digest,
        state=has.state,
        since=has.since,
        preferences=Wishes(**consent.words(has.preferences)),
    )
