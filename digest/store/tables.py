"""The tables. Migrations in `migrations/` bring a database to them; a test says so."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
    true,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Utc(TypeDecorator[datetime]):
    """An aware datetime, kept in UTC. SQLite would drop the zone and hand back a naive one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Refuses what has no zone: it would be read back as another time."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value!r} in a query")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """What SQLite gives back is UTC, though it does not say so."""
        if value is None:
            return None
        moment: datetime = value if value.tzinfo else value.replace(tzinfo=UTC)
        return moment


# --- what the sources said -----------------------------------------------------------------------

papers = Table(
    "papers",
    metadata,
    Column("id", String, primary_key=True),
    Column("title", Text, nullable=False),
    Column("abstract", Text, nullable=False),
    Column("authors", JSON, nullable=False),
    Column("categories", JSON, nullable=False),
    Column("announced_on", Date, nullable=False),
    Column("version", Integer),
    Column("links", JSON, nullable=False),
    Column("signals", JSON, nullable=False),
    Column("first_seen_at", Utc, nullable=False),
    # From then on nobody is sent it any more: who had it is forgotten.
    Column("retired_on", Date),
)

aliases = Table(
    "aliases",
    metadata,
    Column("alias", String, primary_key=True),
    Column("paper_id", ForeignKey("papers.id"), nullable=False, index=True),
)

listings = Table(
    "listings",
    metadata,
    Column("paper_id", ForeignKey("papers.id"), nullable=False),
    Column("source", String, nullable=False),
    Column("announce", String),
    Column("listed_on", Date),
    Column("revised_on", Date),
    # When the source still gave it, give or take a month.
    Column("seen_on", Date),
    PrimaryKeyConstraint("paper_id", "source"),
    Index(None, "source", "listed_on"),
)

coverage = Table(
    "coverage",
    metadata,
    Column("source", String, nullable=False),
    Column("category", String, nullable=False),
    Column("day", Date, nullable=False),
    Column("how", String, nullable=False),
    Column("read_at", Utc, nullable=False),
    PrimaryKeyConstraint("source", "category", "day"),
)

validators = Table(
    "validators",
    metadata,
    Column("source", String, nullable=False),
    Column("url", String, nullable=False),
    Column("etag", String),
    Column("last_modified", String),
    Column("read_at", Utc, nullable=False),
    PrimaryKeyConstraint("source", "url"),
)

summaries = Table(
    "summaries",
    metadata,
    Column("text_hash", String, nullable=False),
    Column("summarizer", String, nullable=False),
    Column("prompt_hash", String, nullable=False),
    Column("language", String, nullable=False),
    Column("summary", Text, nullable=False),
    # Who really made it, and why that is not the summarizer of the key.
    Column("made_by", String, nullable=False, server_default=""),
    Column("reason", Text, nullable=False, server_default=""),
    Column("made_at", Utc, nullable=False),
    PrimaryKeyConstraint("text_hash", "summarizer", "prompt_hash", "language"),
)

# What an encoder made of a text; another encoder takes the place of none.
vectors = Table(
    "vectors",
    metadata,
    Column("text_hash", String, nullable=False),
    Column("encoder", String, nullable=False),
    Column("vector", LargeBinary, nullable=False),  # float16, little-endian
    Column("made_at", Utc, nullable=False),
    PrimaryKeyConstraint("text_hash", "encoder"),
)

# --- what people said of papers ------------------------------------------------------------------

# An editor's choice for the next issue; the issue that it went into, once there is one.
picks = Table(
    "picks",
    metadata,
    Column("digest", String, nullable=False),
    Column("paper_id", ForeignKey("papers.id"), nullable=False),
    Column("note", Text, nullable=False),
    Column("picked_at", Utc, nullable=False),
    Column("issue_id", String),
    PrimaryKeyConstraint("digest", "paper_id"),
)

# Likes and dislikes: a subscriber's, or the digest's own where the subscriber is "".
opinions = Table(
    "opinions",
    metadata,
    Column("digest", String, nullable=False),
    Column("subscriber_id", String, nullable=False),
    Column("paper_id", ForeignKey("papers.id"), nullable=False, index=True),
    Column("is_liked", Boolean, nullable=False),
    Column("said_at", Utc, nullable=False),
    PrimaryKeyConstraint("digest", "subscriber_id", "paper_id"),
)

# --- what was made of it -------------------------------------------------------------------------

digests = Table(
    "digests",
    metadata,
    Column("name", String, primary_key=True),
    Column("definition", String, nullable=False),
    Column("since", Date, nullable=False),
)

# What the configuration says, and how far it was followed.
schedules = Table(
    "schedules",
    metadata,
    Column("digest", String, primary_key=True),
    Column("words", String, nullable=False),
    Column("zone", String, nullable=False),
    Column("after", Utc, nullable=False),  # slots up to then are settled
    Column("next_at", Utc, index=True),  # when there is something to do about it
)

# Slots that are done with, each once: a row is written with what it came to, or not at all.
slots = Table(
    "slots",
    metadata,
    Column("digest", String, nullable=False),
    Column("slot", String, nullable=False),  # local wall time
    Column("due_at", Utc, nullable=False),
    Column("settled_at", Utc, nullable=False),
    Column("outcome", String, nullable=False),
    Column("issue_id", String),
    PrimaryKeyConstraint("digest", "slot"),
    Index(None, "digest", "due_at"),
)

# What the operator was told of, and has not mended since.
alerts = Table(
    "alerts",
    metadata,
    Column("about", String, primary_key=True),
    Column("since", Utc, nullable=False),
)

reports = Table(
    "reports",
    metadata,
    Column("digest", String, nullable=False),
    Column("slot", String, nullable=False),
    Column("run_at", Utc, nullable=False),
    Column("reason", String, nullable=False),
    Column("report", JSON, nullable=False),
    PrimaryKeyConstraint("digest", "slot", "run_at"),
)

issues = Table(
    "issues",
    metadata,
    Column("id", String, primary_key=True),
    Column("digest", ForeignKey("digests.name"), nullable=False),
    Column("slot", String, nullable=False),
    Column("title", Text, nullable=False),
    Column("made_at", Utc, nullable=False),
    # A draft until then, or until an editor approves it; nothing where it is no draft (any more).
    Column("draft_until", Utc),
    # Why nothing of it is sent for now; empty: it is.
    Column("held", Text, nullable=False, server_default=""),
    # Why there are no papers, told to readers who want to hear it; empty: there are some.
    Column("note", Text, nullable=False, server_default=""),
    # All readers were looked at, and those who are owed something have a delivery.
    Column("is_queued", Boolean, nullable=False, server_default=true()),
    UniqueConstraint("digest", "slot"),
)

issue_items = Table(
    "issue_items",
    metadata,
    Column("issue_id", ForeignKey("issues.id"), nullable=False),
    Column("paper_id", ForeignKey("papers.id"), nullable=False, index=True),
    Column("is_revision", Boolean, nullable=False),
    Column("position", Integer, nullable=False),
    Column("version", Integer),
    Column("section", Text, nullable=False),
    Column("score", Float, nullable=False),
    Column("because", JSON, nullable=False),
    Column("summary", Text, nullable=False),
    Column("summarizer", String, nullable=False),
    Column("language", String, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    # Who put it there (editors, community, …), and an editor's words.
    Column("put_by", JSON, nullable=False, server_default="[]"),
    Column("note", Text, nullable=False, server_default=""),
    PrimaryKeyConstraint("issue_id", "paper_id", "is_revision"),
)

editions = Table(
    "editions",
    metadata,
    Column("key", String, primary_key=True),
    Column("issue_id", ForeignKey("issues.id"), nullable=False, index=True),
    Column("format", String, nullable=False),
    Column("language", String, nullable=False),
    Column("is_welcome", Boolean, nullable=False, server_default=false()),
)

edition_items = Table(
    "edition_items",
    metadata,
    Column("edition", ForeignKey("editions.key"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("paper_id", ForeignKey("papers.id"), nullable=False, index=True),
    Column("is_revision", Boolean, nullable=False),
    Column("is_shown", Boolean, nullable=False),
    # Its readers' own likes may be among the reasons. Editions of older versions have none here.
    Column("because", JSON),
    # What is in no issue, because it matched its reader's own topics, as it was composed.
    Column("own", JSON),
    PrimaryKeyConstraint("edition", "position"),
)

# --- who gets it ---------------------------------------------------------------------------------

subscribers = Table(
    "subscribers",
    metadata,
    Column("id", String, primary_key=True),
    Column("address", String, nullable=False, unique=True),
    # The address without capitals: by it people are found.
    Column("mailbox", String, nullable=False, index=True),
    Column("state", String, nullable=False),  # pending, active, left
    Column("created_at", Utc, nullable=False),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("id", String, nullable=False, unique=True),
    Column("subscriber_id", ForeignKey("subscribers.id"), nullable=False),
    Column("digest", String, nullable=False),
    Column("state", String, nullable=False),  # unconfirmed, confirmed, unsubscribed
    Column("evidence", Text, nullable=False),
    Column("preferences", JSON, nullable=False, server_default="{}"),
    Column("confirmed_at", Utc),
    Column("ended_at", Utc),
    # Before then she gets nothing; nothing here: whatever comes, when it comes.
    Column("due_at", Utc),
    PrimaryKeyConstraint("subscriber_id", "digest"),
    # The readers of a digest, from any of them on: an issue is queued for so many at a time.
    Index(None, "digest", "state", "subscriber_id"),
)

# What strangers asked for, decided by whoever sends; the outcome is for the operator.
asks = Table(
    "asks",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("address", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("preferences", JSON, nullable=False),
    Column("evidence", JSON, nullable=False),
    Column("asked_at", Utc, nullable=False),
    Column("outcome", Text),  # nothing: not decided yet
    Index(None, "outcome", "asked_at"),
)

# Everything that somebody agreed to, changed or took back, and how we know. Nothing changes here.
consents = Table(
    "consents",
    metadata,
    Column("id", String, primary_key=True),
    Column("subscriber_id", ForeignKey("subscribers.id"), nullable=False, index=True),
    Column("digest", String, nullable=False),  # empty: all of them
    Column("what", String, nullable=False),
    Column("evidence", JSON, nullable=False),
    Column("at", Utc, nullable=False),
)

# Mails to one person that are no issues, with the states of deliveries.
notices = Table(
    "notices",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("address", String, nullable=False),
    Column("mailbox", String, nullable=False, index=True),
    Column("digest", String, nullable=False),
    Column("about", String, nullable=False),
    Column("lines", JSON, nullable=False),
    Column("in_reply_to", Text, nullable=False),
    Column("message_id", String, nullable=False, unique=True),
    Column("is_answered", Boolean, nullable=False),  # what it asked for was done
    Column("state", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("detail", Text, nullable=False),
    Column("made_at", Utc, nullable=False),
    Column("next_at", Utc, nullable=False),
    Index(None, "state", "next_at"),
    Index(None, "made_at"),
)

# Somebody wants her mail elsewhere; it counts once it is confirmed from there.
address_changes = Table(
    "address_changes",
    metadata,
    Column("id", String, primary_key=True),
    Column("subscriber_id", ForeignKey("subscribers.id"), nullable=False, index=True),
    Column("address", String, nullable=False),
    Column("asked_at", Utc, nullable=False),
    Column("done_at", Utc),
)

# Who is never written to, known by a keyed hash alone.
suppressions = Table(
    "suppressions",
    metadata,
    Column("address_hash", String, primary_key=True),
    Column("reason", String, nullable=False),
    Column("detail", Text, nullable=False),
    Column("at", Utc, nullable=False),
)

# Mails that came back from a subscriber, at most one a day: so many full mailboxes are enough.
bounces = Table(
    "bounces",
    metadata,
    Column("subscriber_id", ForeignKey("subscribers.id"), nullable=False),
    Column("day", Date, nullable=False),
    Column("kind", String, nullable=False),  # hard, soft or policy; the worst of the day
    Column("status", String, nullable=False),
    Column("detail", Text, nullable=False),
    Column("message_id", String, nullable=False),  # of the mail that came back
    PrimaryKeyConstraint("subscriber_id", "day"),
)

# How often something happened in an hour, to keep strangers within bounds.
tallies = Table(
    "tallies",
    metadata,
    Column("what", String, nullable=False),
    Column("key", String, nullable=False),
    Column("hour", Utc, nullable=False),
    Column("count", Integer, nullable=False),
    PrimaryKeyConstraint("what", "key", "hour"),
)

# Mail that came in. What could be read is not kept.
arrivals = Table(
    "arrivals",
    metadata,
    Column("id", String, primary_key=True),  # hash of the message
    Column("came_at", Utc, nullable=False),
    Column("mailbox", String, nullable=False, index=True),  # who says she sent it
    Column("outcome", String, nullable=False),
    Column("detail", Text, nullable=False),
    Column("content", LargeBinary),
    Index(None, "came_at"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("issue_id", ForeignKey("issues.id"), nullable=False),
    Column("subscriber_id", ForeignKey("subscribers.id"), nullable=False),
    Column("edition", ForeignKey("editions.key"), nullable=False),
    Column("state", String, nullable=False),
    Column("message_id", String, nullable=False, unique=True),
    Column("attempts", Integer, nullable=False, default=0),
    Column("detail", Text, nullable=False, default=""),
    Column("queued_at", Utc, nullable=False),
    Column("updated_at", Utc, nullable=False),
    # When a deferred one is tried again.
    Column("next_at", Utc),
    # Whose claim it is, or was.
    Column("sender", String, nullable=False, server_default=""),
    # Somebody waits for it: before all others.
    Column("is_urgent", Boolean, nullable=False, server_default=false()),
    PrimaryKeyConstraint("issue_id", "subscriber_id"),
    Index(None, "subscriber_id"),
)


def _partial(name: str, condition: str, *columns: Any) -> Index:
    # Over all rows they would cost more than all else: each mail changes its state three times.
    where = text(condition)
    return Index(name, *columns, sqlite_where=where, postgresql_where=where)


_partial("ix_subscribers_pending", "state = 'pending'", subscribers.c.created_at)
_partial(
    "ix_subscriptions_due",
    "due_at IS NOT NULL AND state = 'confirmed'",
    subscriptions.c.due_at,
    subscriptions.c.digest,
)
_partial(
    "ix_deliveries_queued",
    "state = 'queued'",
    deliveries.c.is_urgent.desc(),
    deliveries.c.issue_id,
    deliveries.c.edition,
    deliveries.c.subscriber_id,
)
_partial("ix_deliveries_deferred", "state = 'deferred'", deliveries.c.next_at)
_partial("ix_deliveries_claims", "state IN ('claimed', 'sending')", deliveries.c.sender)

# Processes that send; a claim whose sender has let its lease run out is anybody's.
senders = Table(
    "senders",
    metadata,
    Column("id", String, primary_key=True),
    Column("machine", String, nullable=False),
    Column("lease_until", Utc, nullable=False),
)

# When the next mail to a domain, through a server, or at all may go.
turns = Table(
    "turns",
    metadata,
    Column("of", String, primary_key=True),
    Column("free_at", Utc, nullable=False),
)
