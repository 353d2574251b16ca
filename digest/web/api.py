"""The same for programs: JSON under /api, described in /api/openapi.json."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from digest import consent
from digest.errors import BadLink
from digest.run import archive, subscribing
from digest.tokens import Purpose
from digest.types import Item, Preferences, Subscription
from digest.web.asking import unsubscribed, unsubscribed_words
from digest.web.choosing import erased, opine
from digest.web.desk import Desk
from digest.web.reading import address
from digest.web.shapes import (
    READS,
    SLOT,
    WRITES,
    Accepted,
    AddressAsked,
    AddressShown,
    Asked,
    DigestShown,
    Done,
    IssueShown,
    IssueWhole,
    Name,
    Opinion,
    OpinionShown,
    PaperShown,
    Slot,
    SubscriptionShown,
    Token,
    Wishes,
)


def routes(desk: Desk) -> APIRouter:
    """All of it."""
    router = APIRouter(prefix="/api")
    _reading(desk, router)
    _asking(desk, router)
    _choosing(desk, router)
    _leaving(desk, router)
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

    @router.get("/digests/{digest}/issues", responses=READS)
    def issues(
        digest: Name,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        before: Annotated[
            str, Query(pattern=f"^$|{SLOT}", description="Only those of earlier slots.")
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

    @router.get("/digests/{digest}/issues/{slot}", responses=READS)
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
    def ask(request: Request, asked: Asked, *, wants_link: bool) -> Accepted:
        _known(desk, asked.digest)
        # How she wants it she says once she has confirmed: a stranger must not say it for her.
        subscribing.ask(
            desk.setup(),
            asked.address,
            asked.digest,
            "api",
            client=desk.client(request),
            wants_link=wants_link,
        )
        return Accepted(detail=desk.say("api.accepted"))

    @router.post("/subscriptions", status_code=202, responses=WRITES)
    def subscribe(asked: Asked, request: Request) -> Accepted:
        """Ask for a digest. A mail to the address asks for a confirmation."""
        return ask(request, asked, wants_link=False)

    @router.post("/links", status_code=202, responses=WRITES)
    def link(asked: Asked, request: Request) -> Accepted:
        """Ask for a link to one's subscription. It comes by mail."""
        return ask(request, asked, wants_link=True)

    @router.post("/confirmations/{token}", responses=WRITES)
    def confirm(token: Token, request: Request) -> SubscriptionShown:
        """Confirm, with the token of the link in the confirmation mail."""
        setup = desk.setup()
        return _shown(subscribing.confirm(setup, token, form="api", client=desk.client(request)))


# --- choosing ------------------------------------------------------------------------------------


def _choosing(desk: Desk, router: APIRouter) -> None:
    @router.get("/subscriptions/{token}", responses=READS)
    def look(token: Token, response: Response) -> SubscriptionShown:
        """A subscription, with the token of a link to its preferences."""
        response.headers["Cache-Control"] = "no-store"
        return _shown(subscribing.look(desk.setup(), token, Purpose.PREFERENCES))

    @router.put("/subscriptions/{token}", responses=WRITES)
    def prefer(token: Token, wishes: Wishes, request: Request) -> SubscriptionShown:
        """Change how a digest comes."""
        setup, client = desk.setup(), desk.client(request)
        wanted = _preferences(wishes)
        return _shown(subscribing.prefer(setup, token, wanted, form="api", client=client))

    @router.post("/subscriptions/{token}/address", status_code=202, responses=WRITES)
    def ask_to_move(token: Token, asked: AddressAsked) -> Accepted:
        """Ask for another address. A mail to it asks for a confirmation; nothing moves before."""
        subscribing.ask_to_move(desk.setup(), token, asked.address)
        return Accepted(detail=desk.say("api.accepted"))

    @router.post("/addresses/{token}", responses=WRITES)
    def move(token: Token, request: Request) -> AddressShown:
        """Confirm another address, with the token of the link in the mail that went there."""
        now_at = subscribing.move(desk.setup(), token, form="api", client=desk.client(request))
        return AddressShown(address=now_at)

    @router.post("/opinions/{token}", responses=WRITES)
    def say(token: Token, opinion: Opinion) -> OpinionShown:
        """Like a paper or not, with the token of the links for that in an issue's mail."""
        said = opine(desk, token, opinion.paper, "1" if opinion.like else "0")
        return OpinionShown(paper=opinion.paper, title=said, like=opinion.like)


# --- leaving -------------------------------------------------------------------------------------


def _leaving(desk: Desk, router: APIRouter) -> None:
    @router.delete("/subscriptions/{token}", responses=WRITES)
    def unsubscribe(token: Token, request: Request) -> SubscriptionShown:
        """Leave a digest, with the token of a link to preferences. Twice is the same as once."""
        client, purpose = desk.client(request), Purpose.PREFERENCES
        return _shown(
            subscribing.unsubscribe(desk.setup(), token, purpose=purpose, form="api", client=client)
        )

    @router.post("/unsubscriptions/{token}", responses=WRITES)
    def unsubscribe_by_mail(token: Token, request: Request) -> Done:
        """Leave a digest, with the token of the link to unsubscribe in any of its mails."""
        digest = unsubscribed(desk.setup(), token, "api", desk.client(request))
        return Done(detail=unsubscribed_words(desk, digest))

    @router.post("/subscriptions/{token}/leave", responses=WRITES)
    def leave(token: Token, request: Request) -> Done:
        """Leave every digest. What is stored stays, so that one can come back."""
        subscribing.leave(desk.setup(), token, form="api", client=desk.client(request))
        return Done(detail=desk.say("left.lead"))

    @router.delete("/people/{token}", responses=WRITES)
    def erase(token: Token) -> Done:
        """Erase all that is stored about oneself; never is that address written to again."""
        return Done(detail=desk.say(f"{erased(desk, token)}.lead"))


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
