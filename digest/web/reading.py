"""What anybody may read: home, archive, issues, feed, privacy, the box for other sites."""

from __future__ import annotations

from datetime import date
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from starlette.exceptions import HTTPException

from digest import render
from digest.run import Setup, archive, links, subscribing
from digest.run.notifying import WAITS
from digest.types import Issue, Item
from digest.web import feed
from digest.web.asking import TRAP
from digest.web.desk import Desk

ON_A_PAGE = 50
IN_THE_FEED = 20
ON_HOME = 5  #: papers of the latest issue
KEPT_FOR = {"Cache-Control": "public, max-age=300"}
_PRIVATE = ("address confirm erase leave move opinion preferences unsubscribe").split()


def routes(desk: Desk) -> APIRouter:
    """The pages; those of a digest last, since their addresses begin with its name."""
    router = APIRouter(include_in_schema=False)
    _files(desk, router)
    _about(desk, router)
    _digests(desk, router)
    return router


def _files(desk: Desk, router: APIRouter) -> None:
    @router.get("/page.css")
    def css() -> Response:
        lasting = {"Cache-Control": "public, max-age=31536000, immutable"}
        return Response(desk.css, media_type="text/css", headers=lasting)

    @router.get("/favicon.ico")
    def favicon() -> Response:
        return Response(status_code=204)

    @router.get("/robots.txt")
    def robots() -> PlainTextResponse:
        lines = [f"Disallow: {desk.url(name)}/" for name in _PRIVATE]
        return PlainTextResponse("\n".join(["User-agent: *", *lines, ""]))


def _about(desk: Desk, router: APIRouter) -> None:
    @router.get("/privacy")
    def privacy() -> HTMLResponse:
        config = desk.config
        facts = {
            "title": ", ".join(config.title(name) for name in config.digests),
            "requests": config.keep.requests_days,
            "unconfirmed": config.keep.unconfirmed_days,
            "hours": round(sum(wait.total_seconds() for wait in WAITS) / 3600),
            "confirm_days": links.CONFIRM_FOR.days,
            "change_days": links.CHANGE_FOR.days,
            "contact": config.operator.contact or desk.site,
        }
        keys = ["subscription", "proof", "requests", "network", "mails", "opinions", "leaving"]
        keys += ["erasing", "mail"] if config.inbox.address else ["erasing"]
        return desk.page(
            "page-privacy.html.j2",
            desk.say("privacy.title"),
            sections=[
                (desk.say(f"privacy.{key}.title"), desk.say(f"privacy.{key}.text", **facts))
                for key in keys
            ],
            wordings=[subscribing.wording(desk.setup(), name) for name in config.digests],
            facts=facts,
        )

    @router.get("/snippet")
    def snippet() -> HTMLResponse:
        setup = desk.setup()
        boxes = [
            (
                desk.config.title(name),
                desk.fragment(
                    "page-snippet.html.j2",
                    name=name,
                    trap=TRAP,
                    wording=subscribing.wording(setup, name),
                ),
            )
            for name in desk.config.digests
        ]
        # The code is shown, so it is text here.
        return desk.page(
            "page-snippets.html.j2",
            desk.say("snippet.title"),
            boxes=[(title, str(code).strip()) for title, code in boxes],
        )


def _digests(desk: Desk, router: APIRouter) -> None:
    @router.get("/")
    def home() -> HTMLResponse:
        setup = desk.setup()
        shown = [_card(desk, setup, name) for name in desk.config.digests]
        return desk.page("page-home.html.j2", desk.site, digests=shown, trap=TRAP)

    @router.get("/archive")
    def everything() -> HTMLResponse:
        setup = desk.setup()
        groups = [
            (name, desk.config.title(name), _listed(archive.past(setup, name, 10)))
            for name in desk.config.digests
        ]
        return desk.page("page-archive.html.j2", desk.say("archive.title"), groups=groups)

    @router.get("/{digest}")
    @router.get("/{digest}/")
    def one(digest: str, before: str = "") -> HTMLResponse:
        setup = desk.setup()
        _known(desk, digest)
        found = archive.past(setup, digest, ON_A_PAGE + 1, before)
        title = desk.config.title(digest)
        return desk.page(
            "page-digest.html.j2",
            desk.say("digest.title", title=title) + (f", {before[:10]}" if before else ""),
            feed_url=desk.url(f"{digest}/feed.xml"),
            card=_card(desk, setup, digest),
            issues=_listed(found[:ON_A_PAGE]),
            older=found[ON_A_PAGE - 1].slot if len(found) > ON_A_PAGE else "",
            is_older=bool(before),
            trap=TRAP,
        )

    @router.get("/{digest}/feed.xml")
    def atom(digest: str) -> Response:
        setup = desk.setup()
        _known(desk, digest)
        past = archive.past(setup, digest, IN_THE_FEED)
        issues = [found for one in past if (found := desk.issue(setup, digest, one.slot))]
        written = feed.atom(
            title=desk.config.title(digest),
            author=desk.site,
            home=desk.absolute(f"{digest}/"),
            here=desk.absolute(f"{digest}/feed.xml"),
            language=desk.words["language"],
            entries=[
                feed.Entry(
                    url=desk.absolute(address(one)),
                    title=f"{one.title}, {desk.day(day_of(one))}",
                    updated=one.made_at,
                    papers=[item.paper.title for item in one.items],
                )
                for one in issues
            ],
        )
        return Response(written, media_type="application/atom+xml", headers=KEPT_FOR)

    @router.get("/{digest}/{slot}")
    def issue(digest: str, slot: str) -> HTMLResponse:
        setup = desk.setup()
        _known(desk, digest)
        found = desk.issue(setup, digest, slot)
        if found is None:
            raise HTTPException(404)
        response = desk.page(
            "page-issue.html.j2",
            f"{found.title}, {desk.day(day_of(found))} {found.slot[11:]}",
            feed_url=desk.url(f"{digest}/feed.xml"),
            issue=found,
            day=desk.day(day_of(found)),
            sections=_sections(desk, setup, found),
            new=sum(not item.is_revision for item in found.items),
            summarizers=list(dict.fromkeys(i.summary.summarizer for i in found.items)),
            uses_arxiv=any(a.startswith("arxiv:") for i in found.items for a in i.paper.aliases),
            card=_card(desk, setup, digest),
            trap=TRAP,
        )
        response.headers.update(KEPT_FOR)
        return response


def _known(desk: Desk, digest: str) -> None:
    if digest not in desk.config.digests:
        raise HTTPException(404)


def day_of(issue: Issue | archive.Past) -> date:
    """The day of an issue, as its digest's zone has it."""
    return date.fromisoformat(issue.slot[:10])


def address(issue: Issue | archive.Past) -> str:
    """Where an issue's page is; its mails lead there, too."""
    return f"{issue.digest}/{quote(issue.slot, safe=':')}"


def _listed(past: list[archive.Past]) -> list[tuple[archive.Past, date, str]]:
    return [(one, day_of(one), address(one)) for one in past]


def _card(desk: Desk, setup: Setup, name: str) -> dict[str, Any]:
    """What a digest's box shows: what it is about, how often it comes, and its latest issue."""
    digest = desk.config.digests[name]
    latest = archive.past(setup, name, 1)
    issue = desk.issue(setup, name, latest[0].slot) if latest else None
    items: list[Item] = [item for item in issue.items if not item.is_revision] if issue else []
    return {
        "name": name,
        "title": desk.config.title(name),
        "topics": digest.topics or digest.categories or digest.authors,
        "schedule": digest.schedule,
        "timezone": digest.timezone,
        "wording": subscribing.wording(setup, name),
        "latest": issue,
        "latest_at": address(issue) if issue else "",
        "latest_on": day_of(issue) if issue else None,
        "papers": items[:ON_HOME],
        "rest": max(0, len(items) - ON_HOME),
    }


def _sections(desk: Desk, setup: Setup, issue: Issue) -> list[render.Section]:
    items = archive.whole(setup, issue).shown
    written = [desk.fragment("page-item.html.j2", item=item, paper=item.paper) for item in items]
    return render.sections(items, written, issue.title)
