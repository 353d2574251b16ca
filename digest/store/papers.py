"""What the sources said: papers, their aliases and listings, and how well each day was read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Table,
    and_,
    delete,
    exists,
    func,
    or_,
    select,
    true,
    update,
)

from digest.store.tables import (
    aliases,
    coverage,
    edition_items,
    issue_items,
    listings,
    opinions,
    papers,
    picks,
    validators,
)
from digest.store.upsert import chunks, upsert
from digest.types import Coverage, Links, Listing, Merge, Paper, Signals, Validators

CHUNK = 500  #: values in one IN (…): SQLite once took 999 at most
SEEN_WITHIN = timedelta(days=30)  #: how exactly it is known when a source last gave a paper

_may_go = papers.c.retired_on.is_(None)


def by_alias(connection: Connection, names: Iterable[str]) -> dict[str, Paper]:
    """The stored papers known under any of the names; every alias of each is a key."""
    found: set[str] = set()
    for chunk in chunks(dict.fromkeys(names), CHUNK):
        rows = connection.execute(select(aliases.c.paper_id).where(aliases.c.alias.in_(chunk)))
        found.update(rows.scalars())
    return {alias: p for p in by_id(connection, found).values() for alias in p.aliases}


def by_id(connection: Connection, ids: Iterable[str]) -> dict[str, Paper]:
    """The papers with these ids."""
    return {paper.id: paper for paper in _papers(connection, sorted(set(ids)))}


def save(
    connection: Connection, changed: Sequence[Paper], merges: Sequence[Merge], now: datetime
) -> None:
    """Write new and changed papers, with what follows from two being one."""
    for merge in merges:
        _merge(connection, merge, changed)
    if not changed:
        return
    rows = [_row(paper, now) for paper in changed]
    upsert(connection, papers, rows, keep=("first_seen_at",))
    names = [{"alias": a, "paper_id": p.id} for p in changed for a in p.aliases]
    upsert(connection, aliases, names)
    upsert(
        connection,
        listings,
        [{"paper_id": p.id, **asdict(listing)} for p in changed for listing in p.listings],
    )


def seen(connection: Connection, source: str, names: Iterable[str], today: date) -> None:
    """Note that a source still gives the papers of these names, where that is no news, for free."""
    is_old = or_(listings.c.seen_on.is_(None), listings.c.seen_on < today - SEEN_WITHIN)
    for chunk in chunks(dict.fromkeys(names), CHUNK):
        known = select(aliases.c.paper_id).where(aliases.c.alias.in_(chunk))
        mine = and_(listings.c.source == source, listings.c.paper_id.in_(known))
        connection.execute(update(listings).where(mine, is_old).values(seen_on=today))


def retired(connection: Connection, ids: Iterable[str]) -> set[str]:
    """Those of the papers that nobody is sent any more."""
    found: set[str] = set()
    for chunk in chunks(dict.fromkeys(ids), CHUNK):
        query = select(papers.c.id).where(papers.c.id.in_(chunk), ~_may_go)
        found.update(connection.execute(query).scalars())
    return found


def _merge(connection: Connection, merge: Merge, changed: Sequence[Paper]) -> None:
    """Everything said of the loser now holds for the survivor: deliveries before all else."""
    survivor = next(p for p in changed if p.id == merge.survivor)
    if merge.survivor not in by_id(connection, [merge.survivor]):
        raise AssertionError(f"merging into {survivor.id!r}, which is not stored")
    for table in (edition_items, aliases):
        change = update(table).where(table.c.paper_id == merge.loser)
        connection.execute(change.values(paper_id=merge.survivor))
    other = issue_items.alias()
    is_double = exists().where(
        other.c.issue_id == issue_items.c.issue_id,
        other.c.paper_id == merge.survivor,
        other.c.is_revision == issue_items.c.is_revision,
    )
    mine = issue_items.c.paper_id == merge.loser
    connection.execute(delete(issue_items).where(mine, is_double))
    connection.execute(update(issue_items).where(mine).values(paper_id=merge.survivor))
    for table, keys in ((picks, ("digest",)), (opinions, ("digest", "subscriber_id"))):
        _move(connection, table, keys, merge)
    connection.execute(delete(listings).where(listings.c.paper_id == merge.loser))
    # Who had the one had the other, and it may be forgotten who that was.
    since = select(func.max(papers.c.retired_on)).where(
        papers.c.id.in_([merge.loser, merge.survivor])
    )
    survive = update(papers).where(papers.c.id == merge.survivor)
    connection.execute(survive.values(retired_on=since.scalar_subquery()))
    connection.execute(delete(papers).where(papers.c.id == merge.loser))


def _move(connection: Connection, table: Table, keys: Sequence[str], merge: Merge) -> None:
    """What was said of the loser, where the same was not said of the survivor already."""
    other = table.alias()
    is_double = exists().where(
        other.c.paper_id == merge.survivor, *(other.c[key] == table.c[key] for key in keys)
    )
    mine = table.c.paper_id == merge.loser
    connection.execute(delete(table).where(mine, is_double))
    connection.execute(update(table).where(mine).values(paper_id=merge.survivor))


def candidates(
    connection: Connection,
    digest: str,
    sources: Sequence[str],
    since: date,
    until: date | None = None,
) -> Iterator[Paper]:
    """Papers listed since a day by any of the sources, in no issue of the digest yet.

    With `until`, those that some source listed up to that day. Here as in all that papers to send
    are taken from, retired ones are left out.
    """
    is_out = exists().where(
        issue_items.c.paper_id == papers.c.id,
        issue_items.c.issue_id.startswith(f"{digest}/", autoescape=True),
    )
    yield from _where(connection, _is_listed(sources, since, until), ~is_out, _may_go)


def listed_since(connection: Connection, sources: Sequence[str], since: date) -> Iterator[Paper]:
    """Papers listed since a day by any of the sources."""
    yield from _where(connection, _is_listed(sources, since), _may_go)


def _is_listed(sources: Sequence[str], since: date, until: date | None = None) -> Any:
    return exists().where(
        listings.c.listed_on <= until if until else true(),
        listings.c.paper_id == papers.c.id,
        listings.c.source.in_(sources),
        listings.c.listed_on >= since,
    )


def listed_between(
    connection: Connection, sources: Sequence[str], start: date, end: date
) -> Iterator[Paper]:
    """Papers announced from `start` up to, not including, `end`, replacements left out."""
    is_listed = exists().where(
        listings.c.paper_id == papers.c.id,
        listings.c.source.in_(sources),
        listings.c.listed_on.is_not(None),
    )
    is_in = and_(papers.c.announced_on >= start, papers.c.announced_on < end)
    yield from _where(connection, is_listed, is_in)


def first_listed_on(connection: Connection, sources: Sequence[str], day: date) -> Iterator[Paper]:
    """Papers that none of the sources listed before that day."""
    by_any = and_(listings.c.paper_id == papers.c.id, listings.c.source.in_(sources))
    is_listed = exists().where(by_any, listings.c.listed_on == day)
    is_known = exists().where(by_any, listings.c.listed_on < day)
    yield from _where(connection, is_listed, ~is_known)


def listing_days(connection: Connection, sources: Sequence[str]) -> list[date]:
    """The days on which any of the sources listed a paper, oldest first."""
    day = listings.c.listed_on
    query = select(day).where(listings.c.source.in_(sources), day.is_not(None))
    return list(connection.execute(query.distinct().order_by(day)).scalars())


def revised(connection: Connection, digest: str) -> Iterator[Paper]:
    """Papers in an issue of the digest that have since come in a later version."""
    known = func.max(func.coalesce(issue_items.c.version, 1))
    printed = (
        select(issue_items.c.paper_id, known.label("version"))
        .where(issue_items.c.issue_id.startswith(f"{digest}/", autoescape=True))
        .group_by(issue_items.c.paper_id)
        .subquery()
    )
    query = select(papers.c.id).join(printed, printed.c.paper_id == papers.c.id)
    later = query.where(papers.c.version > printed.c.version, _may_go).order_by(papers.c.id)
    yield from _papers(connection, connection.execute(later).scalars().all())


def span(connection: Connection, sources: Sequence[str]) -> tuple[int, date | None, date | None]:
    """How many papers the sources gave, and the first and last day of announcement."""
    is_listed = exists().where(
        listings.c.paper_id == papers.c.id,
        listings.c.source.in_(sources),
        listings.c.listed_on.is_not(None),
    )
    query = select(func.count(), func.min(papers.c.announced_on), func.max(papers.c.announced_on))
    count, first, last = connection.execute(query.where(is_listed)).one()
    return count, first, last


def newest_listing(connection: Connection, sources: Sequence[str]) -> date | None:
    """The last day on which any of the sources listed a paper."""
    query = select(func.max(listings.c.listed_on)).where(listings.c.source.in_(sources))
    day: date | None = connection.scalar(query)
    return day


# --- what a source needs to know -----------------------------------------------------------------


def is_read(connection: Connection, source: str) -> bool:
    """Has the source ever given a paper?"""
    return bool(connection.scalar(select(exists().where(listings.c.source == source))))


def listed_on(connection: Connection, source: str, names: Iterable[str]) -> dict[str, date]:
    """Alias → the day on which the source listed the paper as new."""
    found: dict[str, date] = {}
    for chunk in chunks(dict.fromkeys(names), CHUNK):
        query = (
            select(aliases.c.alias, listings.c.listed_on)
            .join(listings, listings.c.paper_id == aliases.c.paper_id)
            .where(aliases.c.alias.in_(chunk), listings.c.source == source)
            .where(listings.c.listed_on.is_not(None))
        )
        found.update((alias, day) for alias, day in connection.execute(query))
    return found


def covered(connection: Connection, source: str) -> tuple[Coverage, ...]:
    """How well each day was read."""
    query = select(coverage.c.category, coverage.c.day, coverage.c.how)
    rows = connection.execute(query.where(coverage.c.source == source))
    return tuple(Coverage(category=row.category, day=row.day, how=row.how) for row in rows)


def cover(connection: Connection, source: str, days: Iterable[Coverage], now: datetime) -> None:
    """Note how well days were read; "asked" never takes the place of something better."""
    best: dict[tuple[str, date], str] = {}
    for one in days:
        if best.get((one.category, one.day), "asked") == "asked":
            best[one.category, one.day] = one.how
    common = {"source": source, "read_at": now}
    rows = [{**common, "category": c, "day": d, "how": how} for (c, d), how in best.items()]
    upsert(connection, coverage, [row for row in rows if row["how"] == "asked"], overwrite=False)
    upsert(connection, coverage, [row for row in rows if row["how"] != "asked"])


def validators_of(connection: Connection, source: str, url: str) -> Validators:
    """What to ask "has it changed?" with."""
    query = select(validators.c.etag, validators.c.last_modified)
    query = query.where(validators.c.source == source, validators.c.url == url)
    row = connection.execute(query).one_or_none()
    return Validators(etag=row.etag, last_modified=row.last_modified) if row else Validators()


def keep_validators(
    connection: Connection, source: str, found: Mapping[str, Validators], now: datetime
) -> None:
    """Remember them by address, together with the papers they stand for."""
    rows = [
        {"source": source, "url": url, "read_at": now, **asdict(one)}
        for url, one in found.items()
        if one != Validators()
    ]
    upsert(connection, validators, rows)


# --- rows ----------------------------------------------------------------------------------------


def _where(connection: Connection, *conditions: ColumnElement[bool]) -> Iterator[Paper]:
    query = select(papers.c.id).where(*conditions).order_by(papers.c.id)
    return _papers(connection, connection.execute(query).scalars().all())


def _papers(connection: Connection, ids: Sequence[str]) -> Iterator[Paper]:
    """The papers with these ids, in their order, a chunk at a time to bound the memory."""
    for chunk in chunks(ids, CHUNK):
        rows = connection.execute(select(papers).where(papers.c.id.in_(chunk)))
        by_id = {row.id: row for row in rows}
        names: dict[str, list[str]] = {id: [] for id in by_id}
        for row in connection.execute(select(aliases).where(aliases.c.paper_id.in_(chunk))):
            names[row.paper_id].append(row.alias)
        said: dict[str, list[Listing]] = {id: [] for id in by_id}
        query = select(listings).where(listings.c.paper_id.in_(chunk)).order_by(listings.c.source)
        for row in connection.execute(query):
            said[row.paper_id].append(
                Listing(
                    source=row.source,
                    announce=row.announce,
                    listed_on=row.listed_on,
                    revised_on=row.revised_on,
                )
            )
        for id in chunk:
            if id in by_id:
                yield _paper(by_id[id], _in_order(names[id]), tuple(said[id]))


def _paper(row: Row[Any], names: tuple[str, ...], lists: tuple[Listing, ...]) -> Paper:
    return Paper(
        id=row.id,
        aliases=names,
        title=row.title,
        abstract=row.abstract,
        authors=tuple(row.authors),
        categories=tuple(row.categories),
        announced_on=row.announced_on,
        version=row.version,
        links=Links(**row.links),
        signals=Signals(**row.signals),
        listings=lists,
    )


def _in_order(names: Sequence[str]) -> tuple[str, ...]:
    """Ids first, so that an alias shown to a person is one she knows."""
    kinds = ("arxiv:", "doi:")
    return tuple(sorted(names, key=lambda n: (not n.startswith(kinds), n)))


def _row(paper: Paper, now: datetime) -> dict[str, Any]:
    return {
        "id": paper.id,
        "title": paper.title,
        "abstract": paper.abstract,
        "authors": list(paper.authors),
        "categories": list(paper.categories),
        "announced_on": paper.announced_on,
        "version": paper.version,
        "links": asdict(paper.links),
        "signals": asdict(paper.signals),
        "first_seen_at": now,
    }
