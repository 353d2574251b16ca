"""What programs send, and what they get: the shapes of the JSON under /api."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field, StrictBool

from digest import consent, tokens
from digest.types import Format, Frequency, SubscriptionState, Weekday

NAME = r"^[a-z0-9][a-z0-9-]{0,62}$"
SLOT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}$"

Name = Annotated[str, Path(pattern=NAME, description="A digest's name.")]
Slot = Annotated[
    str, Path(pattern=SLOT, description="When an issue was due, on its digest's clock.")
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


class Done(BaseModel):
    """What it came to, in words."""

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
    """Somebody wants a digest, or a link to her subscription to it."""

    address: str = Field(max_length=1000, description="An e-mail address.")
    digest: str = Field(pattern=NAME)


class AddressAsked(Body):
    """Somebody wants her mail elsewhere."""

    address: str = Field(max_length=1000, description="The new e-mail address.")


class Opinion(Body):
    """What a reader thinks of a paper."""

    paper: str = Field(max_length=200, description="A paper's id, as an issue has it.")
    like: StrictBool = Field(description="Papers like it move up in her mails, or else down.")


class SubscriptionShown(BaseModel):
    """A subscription, to whom it belongs."""

    address: str
    digest: str
    state: SubscriptionState
    since: datetime | None
    preferences: Wishes


class AddressShown(BaseModel):
    """Where everything comes from now on."""

    address: str


class OpinionShown(BaseModel):
    """An opinion that is kept."""

    paper: str
    title: str
    like: bool


def documented(*codes: int) -> dict[int | str, dict[str, Any]]:
    """The answers of an operation where it does not work."""
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


READS = documented(404, 422, 503)
WRITES = documented(400, 403, 404, 408, 413, 422, 429, 503)
