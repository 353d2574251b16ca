"""Every value that passes between the parts, in the order the data takes. Pure.

Request → Response → Entry → Paper → Match → Summary → Issue → Mail → Delivery → Receipt
        fetch      source   dedupe  match  summarize  compose  render  queue    transport
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Literal

AnnounceType = Literal["new", "cross", "replace", "replace-cross"]
Format = Literal["html", "markdown", "text"]


class Reason(StrEnum):
    """Why a run sent something, or why it did not."""

    SENT = "sent"  #: a source brought papers; a digest went out
    QUIET = "quiet"  #: a working day on which the sources had nothing
    WEEKEND = "weekend"
    HOLIDAY = "holiday"
    HOLIDAY_OR_STALE = "holiday-or-stale"  #: nothing, on a working day that no table tells of
    STALE = "stale"  #: the feed says today and holds what it held before
    LATE = "late"  #: the feed still shows an earlier day
    BLOCKED = "blocked"  #: a source told us to stay away
    DOWN = "down"  #: a source did not answer, or not with the whole of its feed
    NO_MATCH = "no-match"  #: there were new papers, none on the topics
    ALL_SENT = "all-sent"  #: whatever matches was sent before
    NOT_DUE = "not-due"
    MISSED = "missed"  #: nobody was there at the slot's hour, and a later one has taken its place


#: A slot with one of these is not done with: the next run tries again.
UNFINISHED = frozenset({Reason.STALE, Reason.LATE, Reason.BLOCKED, Reason.DOWN})
#: What failed, or should have come by now, is asked for again so often.
RETRY = timedelta(minutes=15)


# --- fetch ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One thing to ask a service for."""

    url: str  #: http(s), or "sample:FILE" for the papers in the package
    source: str  #: the configured name of the source that asks
    kind: str  #: the shape of the bytes to come; a word between a source's own two halves
    accept: str = "*/*"
    group: str  #: whose pace to keep: all services of one operator are one group
    pace_s: float = 1.0  #: at least this many seconds from one request of the group to the next
    is_conditional: bool = (
        True  #: the same address is asked again, so "has it changed?" is worth it
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Validators:
    """What a service gave us to ask "has it changed?" with."""

    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """The whole of what came back for a request."""

    request: Request
    body: bytes
    is_unchanged: bool = False  #: 304: the body is empty, and what we read before still holds
    validators: Validators = Validators()


# --- source --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Where a paper can be read and talked about; each an http(s) address or empty."""

    abstract: str = ""
    pdf: str = ""
    code: str = ""
    discussion: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """What the community says of a paper; None where no source has told."""

    upvotes: int | None = None
    comments: int | None = None
    stars: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What one feed says about one paper. All text is plain Unicode."""

    source: str  #: the configured name
    aliases: tuple[str, ...]  #: "arxiv:2401.01234", "doi:10.1/x", …; the strongest first
    title: str
    abstract: str
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()  #: the primary one first
    announce: AnnounceType | None = None  #: None where the source knows no such thing
    announced_on: date  #: the day the source announced it, as well as that is known
    listed_on: date | None = None  #: the day from which readers are owed it; set by `conclude`
    version: int | None = None
    links: Links = Links()
    signals: Signals = Signals()


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """That a source was read for a category and a day, and how well."""

    category: str  #: "" where the source has none
    day: date
    how: Literal["asked", "api", "feed"]  #: asked for in vain; by the lagging index; in full


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a source needs to know to decide what to ask for."""

    source: str  #: the configured name
    now: datetime  #: aware
    categories: tuple[str, ...] = ()  #: of all digests that read this source, sorted
    is_first: bool = False  #: nothing was ever read from it into this store
    coverage: tuple[Coverage, ...] = ()
    recent: Mapping[str, date] = field(default_factory=dict)  #: alias → listed_on, last weeks


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What one response held."""

    request: Request
    entries: tuple[Entry, ...] = ()
    is_unchanged: bool = False
    day: date | None = None  #: the day the service says this is of
    rows: int = 0  #: how many records the response held, unreadable ones included
    total: int | None = None  #: how many the service says it has for the whole question
    note: str = ""  #: something an operator should know, though the page could be read


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """That a request came to nothing, and why."""

    request: Request
    reason: Reason  #: BLOCKED or DOWN
    detail: str


Answer = Page | Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """All that one source had to say in one run."""

    source: str
    reason: Reason
    entries: tuple[Entry, ...] = ()
    covered: tuple[Coverage, ...] = ()
    detail: str = ""  #: in words, for the operator
    again_at: datetime | None = None  #: when asking again may bring something


# --- dedupe --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """That a source has, or had, a paper."""

    source: str
    announce: AnnounceType | None
    listed_on: date | None  #: None: only ever seen as a replacement, so never to be sent as new
    revised_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A work, with what every source knows of it."""

    id: str  #: the alias under which it was first stored
    aliases: tuple[str, ...]
    title: str
    abstract: str
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    announced_on: date  #: the first announcement known
    version: int | None = None
    links: Links = Links()
    signals: Signals = Signals()
    listings: tuple[Listing, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """That two stored papers are one: whatever was said of `loser` now holds for `survivor`."""

    loser: str
    survivor: str


# --- match ---------------------------------------------------------------------------------------

#: How a reason begins that is no phrase of a topic but a paper that somebody liked, or the
#: sentence of the abstract that comes closest to the topic.
LIKENESS, MEANING = "like “", "close in meaning: “"
LIKED = "liked by"  #: the same for the liked paper itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A paper that others should be like."""

    title: str
    abstract: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A paper that belongs to a topic, and why."""

    paper: Paper
    topic: str
    score: float  #: rounded to three places; >= 1 is a match, no upper bound
    because: tuple[str, ...]  #: the phrases found, for the reader of the mail


# --- summarize -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Our text about a paper."""

    text: str
    summarizer: str  #: what made it, with its revision: "lead/1"
    language: str = "en"
    reason: str = ""  #: why another made it than the one asked for


# --- compose -------------------------------------------------------------------------------------

#: Who put a paper into an issue, in the order in which they are named.
PutBy = Literal["editors", "community", "topic", "author"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """An editor's choice for the next issue."""

    paper: Paper
    note: str = ""  #: the editor's words


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A paper's place in an issue."""

    paper: Paper
    section: str  #: the topic it stands under; empty where none fits
    score: float  #: rounded to three places; the place also depends on what stands before it
    because: tuple[str, ...]
    summary: Summary
    is_revision: bool = False  #: sent before and revised since
    put_by: tuple[PutBy, ...] = ()
    note: str = ""  #: an editor's words
    weight: float = 0.0  #: falls from place to place; what items of several issues are joined by

    @property
    def is_pick(self) -> bool:
        """Did an editor put it there?"""
        return "editors" in self.put_by


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """One dated number of a digest: public and archived."""

    digest: str
    slot: str  #: local wall time at which it is due, "2026-06-22T08:00"
    title: str
    made_at: datetime
    items: tuple[Item, ...]  #: picks first, then the best, revisions last
    draft_until: datetime | None = None  #: goes out then, or when approved; None: it is out
    note: str = ""  #: why there are no papers, for readers who want to hear it

    @property
    def id(self) -> str:
        """Digest and slot, DIGEST/SLOT."""
        return f"{self.digest}/{self.slot}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """What readers with the same choice get of an issue."""

    key: str  #: hash of all that follows
    issue: Issue
    shown: tuple[Item, ...]  #: in the order of the mail
    more: tuple[Item, ...]  #: past the cap, on the web; they count as delivered
    format: Format = "html"
    language: str = "en"
    is_welcome: bool = False  #: the first mail of who has just confirmed


# --- render --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Masthead:
    """What stands around the papers in every issue of a digest."""

    title: str  #: the digest's, "Efficient models"
    operator: str  #: who runs it
    address: str  #: postal
    contact: str  #: an e-mail address
    sender: str  #: the From header, "Efficient models <digest@papers.example.org>"
    base_url: str = ""  #: where the web pages are; empty: there are none
    more_at: str = ""  #: a file beside the mail that lists all papers, where there are no pages
    inbox: str = ""  #: the address whose mail is read by a program; empty: there is none
    # Of one reader; in what many readers share a token of the same length stands for hers.
    unsubscribe_url: str = ""
    preferences_url: str = ""
    opinion_url: str = ""  #: "?paper=ID&like=1" is added; empty: no likes are asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """An edition as text, the same for all who get it."""

    edition: str  #: its key
    subject: str
    html: str
    markdown: str
    text: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderLinks:
    """What is one reader's alone in a mail that many get."""

    unsubscribe_url: str
    unsubscribe_mailto: str = ""  #: empty: no mail is read here
    reply_to: str = ""  #: where an answer to the mail proves who writes it
    return_path: str = ""  #: where it comes back to if it cannot be delivered; else the sender's
    #: What stands in the edition → what this reader gets in its place, of the same length.
    tokens: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One message, bytes ready to go."""

    sender: str  #: envelope address
    to: str  #: envelope address
    message_id: str  #: without angle brackets; the same for a delivery whenever it is made
    content: bytes  #: RFC 5322, CRLF
    #: Is it known that it is ASCII, each line ends in CRLF, and none begins with a dot?
    is_fit: bool = False


# --- subscribing ---------------------------------------------------------------------------------


class SubscriberState(StrEnum):
    """Where a person stands."""

    PENDING = "pending"  #: has confirmed nothing yet
    ACTIVE = "active"
    LEFT = "left"  #: wants nothing any more


class SubscriptionState(StrEnum):
    """Where a person stands with one digest."""

    UNCONFIRMED = "unconfirmed"
    CONFIRMED = "confirmed"
    UNSUBSCRIBED = "unsubscribed"


class Suppression(StrEnum):
    """Why an address is never written to."""

    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    REQUEST = "request"  #: of who owns it
    OPERATOR = "operator"


Frequency = Literal["daily", "weekdays", "weekly", "monthly"]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """How a reader wants a digest. What is empty or None is as the digest has it."""

    topics: tuple[str, ...] = ()  #: her own instead of the digest's
    frequency: Frequency | None = None  #: None: each issue as it comes out
    weekday: Weekday = "mon"  #: of a weekly mail
    hour: int | None = None  #: not before it, 0 to 23, in her zone
    timezone: str = ""
    format: Format | None = None
    papers: int | None = None  #: at most so many in a mail
    paused_until: date | None = None  #: the first day on which mail comes again


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What proves that somebody asked, or what she asked for."""

    form: str  #: where: "page", "api", "snippet", "mail", "operator", "import"
    wording: str = ""  #: the sentence agreed to
    version: str = ""  #: of form and wording: changes when a letter of them does
    client: str = ""  #: keyed hash of the IP address
    text: str = ""  #: the operator's words
    message_id: str = ""  #: of the mail that was answered, or that was sent
    former: str = ""  #: the address that another took the place of


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUp:
    """Somebody asks for a digest, or for a link to what she has. Not decided yet."""

    id: str
    kind: Literal["subscribe", "link"]
    address: str
    digest: str
    asked_at: datetime
    evidence: Evidence
    preferences: Preferences = field(default_factory=Preferences)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One person's bond with one digest."""

    id: str  #: 16 hexadecimal digits; stands in her links
    subscriber: str  #: the subscriber's id
    address: str
    digest: str
    state: SubscriptionState
    preferences: Preferences
    since: datetime | None  #: confirmed at
    ended_at: datetime | None = None
    evidence: str = ""  #: how it came to its state, in a few words


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who has an address, and all that she ever had."""

    id: str
    address: str
    state: SubscriberState
    subscriptions: tuple[Subscription, ...] = ()


#: What a notice says: "confirm" asks for a click, "already" that nothing is to be done, "welcome"
#: that it worked, "link" where to change it, "address" that this is now her address, "answer" what
#: became of a command sent by mail.
NoticeKind = Literal["confirm", "already", "welcome", "link", "address", "answer", "alert"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A mail to one person that is no issue."""

    id: str
    kind: NoticeKind
    address: str
    digest: str
    #: Of the subscription (of the change, where the kind is "address"); it stands in the links.
    about: str = ""
    made_at: datetime
    message_id: str
    lines: tuple[str, ...] = ()  #: what an answer says, our own words
    in_reply_to: str = ""  #: the Message-ID of what is answered


# --- queue and transport -------------------------------------------------------------------------


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    SENDING = "sending"  #: committed before the last byte goes out
    SENT = "sent"
    DEFERRED = "deferred"
    FAILED = "failed"
    SUPPRESSED = "suppressed"
    IN_DOUBT = "in-doubt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One issue's way to one subscriber."""

    issue: str  #: the issue's id
    subscriber: str  #: the subscriber's id
    subscription: str = ""  #: its id, for the links
    address: str
    edition: str  #: the edition's key
    state: DeliveryState = DeliveryState.QUEUED
    message_id: str = ""
    queued_at: datetime | None = None  #: from then on its links count their days
    attempts: int = 0  #: how often it was handed to a transport
    is_urgent: bool = False  #: somebody waits for it: before all others


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """That a transport took a mail."""

    detail: str  #: where it lies, or what the server said


# --- what a run has to say -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReport:
    """What a source brought."""

    source: str
    reason: Reason
    entries: int = 0
    new: int = 0  #: papers the store did not have
    detail: str = ""
    again_at: datetime | None = None  #: when asking again may bring something; None: nobody knows


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """When a digest is, or was, to go out."""

    due_at: datetime  #: UTC
    key: str  #: its local wall time to the minute, like "2026-06-22T08:00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A slot whose work is to be done now."""

    digest: str
    slot: Slot
    until: date | None = None  #: only papers listed up to then: of a slot that is made up for


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Why there was a mail, or why not."""

    digest: str
    slot: str
    reason: Reason
    papers: int = 0
    mails: int = 0
    sources: tuple[SourceReport, ...] = ()
    folder: str = ""  #: where the issue's pages lie, if the transport has such a place
    has_failed: bool = False  #: something went wrong and will be tried again
    detail: str = ""
