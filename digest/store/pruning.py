"""What is no longer needed: which rows those are, and how they go, a few at a time.

Nobody gets a paper twice, ever. So a paper whose deliveries are forgotten is retired before, and
is known again by its names for good, though all else of it may go.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    delete,
    exists,
    func,
    or_,
    select,
    text,
    tuple_,
    union,
    update,
)

from digest.store.issues import is_out
from digest.store.papers import SEEN_WITHIN
from digest.store.tables import (
    aliases,
    bounces,
    coverage,
    deliveries,
    edition_items,
    editions,
    issue_items,
    issues,
    listings,
    opinions,
    papers,
    picks,
    reports,
    senders,
    slots,
    summaries,
    turns,
    validators,
    vectors,
)
from digest.store.upsert import chunks
from digest.text import content_hash
from digest.types import DeliveryState

Key = tuple[Any, ...]

#: What is in one of these never changes again but by an operator's hand.
FINAL = (
    DeliveryState.SENT,
    DeliveryState.FAILED,
    DeliveryState.SUPPRESSED,
    DeliveryState.IN_DOUBT,
)
#: A source that was not read for long gives, when it is read again, what it gave before.
_MARGIN = 2 * SEEN_WITHIN


# --- papers --------------------------------------------------------------------------------------


def begin(connection: Connection, today: date) -> None:
    """What came before anybody noted when it was last seen counts as seen today."""
    unseen = listings.c.seen_on.is_(None)
    if connection.scalar(select(exists().where(unseen))):
        connection.execute(update(listings).where(unseen).values(seen_on=today))


def papers_unseen_since(connection: Connection, before: date) -> list[Key]:
    """The papers that nothing is made of and no source gives any more."""
    query = select(papers.c.id).where(_by_listing(before), *_is_forgotten(connection, before))
    return [(id,) for id in connection.execute(query).scalars()]


def _by_listing(before: date) -> ColumnElement[bool]:
    """By the narrow table: to read through all papers takes a second for each 100,000."""
    return papers.c.id.in_(select(listings.c.paper_id).where(listings.c.seen_on < before))


def _is_forgotten(connection: Connection, before: date) -> list[ColumnElement[bool]]:
    # What is told at a glance comes first: SQLite looks in this order.
    is_wanted = [papers.c.retired_on.is_(None), _is_old(before), ~_in(issue_items)]
    is_wanted += [~_in(edition_items), ~_in(picks), ~_in(opinions)]
    return [*is_wanted, ~_is_given(connection, before)]


def _is_old(before: date) -> ColumnElement[bool]:
    return papers.c.first_seen_at < datetime.combine(before, time(), UTC)


def _in(table: Table) -> ColumnElement[bool]:
    return exists().where(table.c.paper_id == papers.c.id)


def _is_given(connection: Connection, before: date) -> ColumnElement[bool]:
    """Some source has given it since; of one that was not read, when it last was."""
    newest = select(listings.c.source, func.max(listings.c.seen_on)).group_by(listings.c.source)
    by_source = [
        and_(listings.c.source == source, listings.c.seen_on >= min(before, seen - _MARGIN))
        for source, seen in connection.execute(newest).all()
        if seen is not None
    ]
    young = or_(listings.c.seen_on.is_(None), *by_source)
    return exists().where(listings.c.paper_id == papers.c.id, young)


def forget_papers(connection: Connection, keys: Sequence[Key], before: date) -> int:
    """Remove those that are still forgotten, with what was computed of their words."""
    ids = [id for (id,) in keys]
    query = select(papers.c.id, papers.c.title, papers.c.abstract)
    rows = connection.execute(
        query.where(papers.c.id.in_(ids), *_is_forgotten(connection, before))
    ).all()
    gone = [row.id for row in rows]
    # A paper of the very same words, if there is one, has them computed anew when it needs them.
    hashes = [content_hash(row.title, row.abstract) for row in rows]
    for table in (aliases, listings):
        connection.execute(delete(table).where(table.c.paper_id.in_(gone)))
    for table in (vectors, summaries):
        connection.execute(delete(table).where(table.c.text_hash.in_(hashes)))
    return connection.execute(delete(papers).where(papers.c.id.in_(gone))).rowcount


def papers_to_empty(connection: Connection, before: date) -> list[Key]:
    """The retired papers that are in no issue and whose words nobody needs."""
    query = select(papers.c.id).where(_by_listing(before), *_is_husk_to_be(connection, before))
    return [(id,) for id in connection.execute(query).scalars()]


def _is_husk_to_be(connection: Connection, before: date) -> list[ColumnElement[bool]]:
    # One that is empty has no listings either; who lists it again fills it.
    is_old = [papers.c.retired_on.is_not(None), _is_old(before), _in(listings)]
    is_needed = [_in(issue_items), _in(edition_items), _in(picks), _in(opinions)]
    return [*is_old, ~or_(*is_needed, _is_given(connection, before))]


def empty_papers(connection: Connection, keys: Sequence[Key], before: date) -> int:
    """Leave of papers what they are known by: names, and the title, by which links are told."""
    ids = [id for (id,) in keys]
    query = select(papers.c.id).where(papers.c.id.in_(ids), *_is_husk_to_be(connection, before))
    husks = list(connection.execute(query).scalars())
    connection.execute(delete(listings).where(listings.c.paper_id.in_(husks)))
    nothing = {"abstract": "", "authors": [], "categories": [], "links": {}, "signals": {}}
    connection.execute(update(papers).where(papers.c.id.in_(husks)).values(**nothing))
    if connection.dialect.name == "sqlite":
        # What is left of a row would keep the page to itself that it shared with papers which are
        # gone: 1.6 KB a husk. Moved to the end of the table, husks stand side by side.
        move = text("UPDATE papers SET rowid = (SELECT MAX(rowid) + 1 FROM papers) WHERE id = :id")
        for husk in husks:
            connection.execute(move, {"id": husk})
    return len(husks)


# --- what was computed ---------------------------------------------------------------------------


def made_before(connection: Connection, table: Table, before: datetime) -> list[Key]:
    """The keys of vectors or summaries of that age; who needs one again has it made again."""
    query = select(*table.primary_key.columns).where(table.c.made_at < before)
    return [tuple(row) for row in connection.execute(query)]


def forget_rows(connection: Connection, keys: Sequence[Key], table: Table) -> int:
    """Remove rows by their keys."""
    columns = list(table.primary_key.columns)
    is_one = columns[0].in_([key[0] for key in keys])
    if len(columns) > 1:
        is_one = tuple_(*columns).in_(list(keys))
    return connection.execute(delete(table).where(is_one)).rowcount


# --- issues and their deliveries -----------------------------------------------------------------


def _is_past(before: datetime) -> ColumnElement[bool]:
    """The issue is out, of that age, and not its digest's newest: who joins gets that one."""
    newest = select(issues.c.digest, func.max(issues.c.made_at)).where(is_out)
    is_newest = tuple_(issues.c.digest, issues.c.made_at).in_(newest.group_by(issues.c.digest))
    return and_(is_out, issues.c.made_at < before, ~is_newest)


def _is_pinned(before: datetime) -> ColumnElement[bool]:
    """Somebody may still get one of its papers, which its own readers must not get again.

    It is in a young issue of another digest, or a mail of one, or picked for one that is to come.
    """
    others = issues.alias()
    young = select(others.c.id).where(others.c.made_at >= before)
    in_mails = select(edition_items.c.paper_id).join(
        editions, editions.c.key == edition_items.c.edition
    )
    wanted = union(
        select(issue_items.c.paper_id).where(issue_items.c.issue_id.in_(young)),
        in_mails.where(editions.c.issue_id.in_(young)),
        select(picks.c.paper_id).where(picks.c.issue_id.is_(None)),
    )
    item, mail, place = issue_items.alias(), editions.alias(), edition_items.alias()
    has_items = exists().where(item.c.issue_id == issues.c.id, item.c.paper_id.in_(wanted))
    has_mails = exists().where(
        mail.c.issue_id == issues.c.id,
        place.c.edition == mail.c.key,
        place.c.paper_id.in_(wanted),
    )
    return or_(has_items, has_mails)


def issues_to_settle(connection: Connection, before: datetime) -> list[str]:
    """The issues whose deliveries are all done with and of that age, less those that are pinned."""
    mine = deliveries.c.issue_id == issues.c.id
    is_open = or_(deliveries.c.state.not_in(FINAL), deliveries.c.updated_at >= before)
    query = select(issues.c.id).where(
        _is_past(before),
        or_(exists().where(mine), exists().where(editions.c.issue_id == issues.c.id)),
        ~exists().where(mine, is_open),
        ~_is_pinned(before),
    )
    return list(connection.execute(query.order_by(issues.c.made_at)).scalars())


def deliveries_of(connection: Connection, ids: Sequence[str]) -> int:
    """How many deliveries the issues have."""
    query = select(func.count()).select_from(deliveries)
    return sum(
        connection.scalar(query.where(deliveries.c.issue_id.in_(some))) or 0
        for some in chunks(ids, 500)
    )


def retire(connection: Connection, issue: str, today: date) -> int:
    """Send what was in an issue, or in a mail of it, to nobody any more."""
    in_mails = select(edition_items.c.paper_id).join(
        editions, editions.c.key == edition_items.c.edition
    )
    its = union(
        in_mails.where(editions.c.issue_id == issue),
        select(issue_items.c.paper_id).where(issue_items.c.issue_id == issue),
    )
    change = update(papers).where(papers.c.id.in_(its), papers.c.retired_on.is_(None))
    return connection.execute(change.values(retired_on=today)).rowcount


def forget_deliveries(connection: Connection, issue: str, most: int) -> int:
    """Remove so many deliveries of an issue; its papers are retired before."""
    some = select(deliveries.c.subscriber_id).where(deliveries.c.issue_id == issue).limit(most)
    its = deliveries.c.issue_id == issue
    gone = delete(deliveries).where(its, deliveries.c.subscriber_id.in_(some))
    return connection.execute(gone).rowcount


def forget_editions(connection: Connection, issue: str, most: int) -> int:
    """Remove so many editions of an issue that no delivery is of."""
    is_used = exists().where(deliveries.c.edition == editions.c.key)
    # By issue, or each edition would have all deliveries looked through.
    is_used = is_used.where(deliveries.c.issue_id == editions.c.issue_id)
    query = select(editions.c.key).where(editions.c.issue_id == issue, ~is_used).limit(most)
    keys = list(connection.execute(query).scalars())
    connection.execute(delete(edition_items).where(edition_items.c.edition.in_(keys)))
    return connection.execute(delete(editions).where(editions.c.key.in_(keys))).rowcount


def issues_to_forget(connection: Connection, before: datetime) -> list[str]:
    """The issues of that age that nobody has a delivery of any more."""
    query = select(issues.c.id).where(
        _is_past(before),
        ~exists().where(deliveries.c.issue_id == issues.c.id),
        ~exists().where(editions.c.issue_id == issues.c.id),
        ~_is_pinned(before),
    )
    return list(connection.execute(query.order_by(issues.c.made_at)).scalars())


def forget_issue(connection: Connection, issue: str, today: date) -> int:
    """Remove an issue from the archive; its papers go to nobody any more."""
    retire(connection, issue, today)
    connection.execute(delete(picks).where(picks.c.issue_id == issue))
    connection.execute(delete(issue_items).where(issue_items.c.issue_id == issue))
    return connection.execute(delete(issues).where(issues.c.id == issue)).rowcount


# --- notes of runs -------------------------------------------------------------------------------


def reports_before(connection: Connection, before: datetime) -> list[Key]:
    """Reports of that age, but for each digest's newest."""
    newest = select(reports.c.digest, func.max(reports.c.run_at)).group_by(reports.c.digest)
    is_newest = tuple_(reports.c.digest, reports.c.run_at).in_(newest)
    query = select(*reports.primary_key.columns).where(reports.c.run_at < before, ~is_newest)
    return [tuple(row) for row in connection.execute(query)]


def slots_before(connection: Connection, before: datetime) -> list[Key]:
    """Slots that were settled then, but for each digest's newest."""
    newest = select(slots.c.digest, func.max(slots.c.due_at)).group_by(slots.c.digest)
    is_newest = tuple_(slots.c.digest, slots.c.due_at).in_(newest)
    query = select(*slots.primary_key.columns).where(
        slots.c.settled_at < before, slots.c.due_at < before, ~is_newest
    )
    return [tuple(row) for row in connection.execute(query)]


def coverage_before(connection: Connection, before: date) -> list[Key]:
    """Days that were read, but for the last two months of each source."""
    newest = select(coverage.c.source, func.max(coverage.c.day)).group_by(coverage.c.source)
    found: list[Key] = []
    for source, day in connection.execute(newest).all():
        query = select(*coverage.primary_key.columns).where(
            coverage.c.source == source, coverage.c.day < min(before, day - _MARGIN)
        )
        found += [tuple(row) for row in connection.execute(query)]
    return found


def validators_before(connection: Connection, before: datetime) -> list[Key]:
    """Addresses that were not asked since: with a day in them, say."""
    query = select(*validators.primary_key.columns).where(validators.c.read_at < before)
    return [tuple(row) for row in connection.execute(query)]


def bounces_before(connection: Connection, before: date) -> list[Key]:
    """Days on which mail came back."""
    query = select(*bounces.primary_key.columns).where(bounces.c.day < before)
    return [tuple(row) for row in connection.execute(query)]


def forget_traces(connection: Connection, now: datetime) -> int:
    """Remove senders that are long dead, and turns that are long over."""
    before = now - timedelta(days=1)
    gone = connection.execute(delete(turns).where(turns.c.free_at < before)).rowcount
    dead = senders.c.lease_until < before
    return gone + connection.execute(delete(senders).where(dead)).rowcount
