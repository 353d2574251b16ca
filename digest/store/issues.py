"""Digests, their issues and editions, and the reports of their runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, func, insert, select, update

from digest import compose
from digest.store import papers as paper_rows
from digest.store.tables import (
    deliveries,
    digests,
    edition_items,
    editions,
    issue_items,
    issues,
    reports,
)
from digest.store.upsert import chunks, upsert
from digest.types import Edition, Issue, Item, Summary

#: A draft is no issue yet, but for its slot and its papers; one that only tells why there are no
#: papers is none to whoever asks for some.
is_out = and_(issues.c.draft_until.is_(None), issues.c.note == "")


def since(connection: Connection, name: str, definition: str, first: date, changed: date) -> date:
    """The day from which the digest's papers are owed.

    That is `first` for a digest not seen before, and `changed` for one whose definition is
    another than it was: new topics do not bring back what went by under the old ones.
    """
    row = connection.execute(select(digests).where(digests.c.name == name)).one_or_none()
    if row is not None and row.definition == definition:
        same: date = row.since
        return same
    day = max(row.since, changed) if row is not None else first
    upsert(connection, digests, [{"name": name, "definition": definition, "since": day}])
    return day


def peek_since(connection: Connection, name: str) -> date | None:
    """The same day, without making the digest known; None before its first run."""
    return connection.scalar(select(digests.c.since).where(digests.c.name == name))


def save(connection: Connection, issue: Issue, *, is_queued: bool = True) -> None:
    """Keep an issue with its items, in the place of its draft if there was one.

    Not `is_queued`: some of its readers are still to be looked at.
    """
    # What is held comes out held: nothing of it is sent before somebody has said so.
    held = connection.scalar(select(issues.c.held).where(issues.c.id == issue.id))
    drop(connection, issue.id)
    values = {
        "id": issue.id,
        "digest": issue.digest,
        "slot": issue.slot,
        "title": issue.title,
        "made_at": issue.made_at,
        "draft_until": issue.draft_until,
        "note": issue.note,
        "is_queued": is_queued,
        "held": held or "",
    }
    connection.execute(insert(issues).values(values))
    rows = [
        {
            "issue_id": issue.id,
            "paper_id": item.paper.id,
            "is_revision": item.is_revision,
            "position": position,
            "version": item.paper.version,
            "section": item.section,
            "score": item.score,
            "because": list(item.because),
            "summary": item.summary.text,
            "summarizer": item.summary.summarizer,
            "language": item.summary.language,
            "reason": item.summary.reason,
            "put_by": list(item.put_by),
            "note": item.note,
        }
        for position, item in enumerate(issue.items)
    ]
    if rows:
        connection.execute(insert(issue_items), rows)


def unqueued(connection: Connection) -> list[Row[Any]]:
    """Id and digest of the issues of which some readers are still to be looked at."""
    query = select(issues.c.id, issues.c.digest).where(~issues.c.is_queued)
    return list(connection.execute(query.order_by(issues.c.made_at)))


def set_queued(connection: Connection, issue_id: str) -> None:
    """All readers of an issue were looked at."""
    change = update(issues).where(issues.c.id == issue_id)
    connection.execute(change.values(is_queued=True))


def drafts(connection: Connection) -> dict[str, datetime]:
    """Digest → until when its draft waits, of those that have one."""
    query = select(issues.c.digest, issues.c.draft_until).where(issues.c.draft_until.is_not(None))
    return {row.digest: row.draft_until for row in connection.execute(query)}


def put_off_draft(connection: Connection, digest: str, until: datetime) -> None:
    """Let a draft wait longer."""
    change = update(issues).where(issues.c.digest == digest, issues.c.draft_until.is_not(None))
    connection.execute(change.values(draft_until=until))


def draft(connection: Connection, digest: str) -> Issue | None:
    """The draft that waits, if one does: there is never more than one. Less what retired since."""
    query = select(issues.c.id).where(issues.c.digest == digest, issues.c.draft_until.is_not(None))
    id = connection.scalar(query)
    found = load(connection, id) if id else None
    return found and replace(found, items=_unretired(connection, found.items))


def drop(connection: Connection, issue_id: str) -> None:
    """Throw a draft away, with its items. What is out stays."""
    drafts = select(issues.c.id).where(issues.c.id == issue_id, issues.c.draft_until.is_not(None))
    connection.execute(delete(issue_items).where(issue_items.c.issue_id.in_(drafts)))
    connection.execute(
        delete(issues).where(issues.c.id == issue_id, issues.c.draft_until.is_not(None))
    )


def taken_slots(connection: Connection, digest: str) -> set[str]:
    """The slots that have an issue, be it a draft."""
    rows = connection.execute(select(issues.c.slot).where(issues.c.digest == digest))
    return set(rows.scalars())


def load(connection: Connection, issue_id: str) -> Issue | None:
    """An issue as it was made; the papers as they are known now."""
    row = connection.execute(select(issues).where(issues.c.id == issue_id)).one_or_none()
    if row is None:
        return None
    query = select(issue_items).where(issue_items.c.issue_id == issue_id)
    rows = connection.execute(query.order_by(issue_items.c.position)).all()
    return Issue(
        digest=row.digest,
        slot=row.slot,
        title=row.title,
        made_at=row.made_at,
        items=compose.weighed(_items(connection, rows)),
        draft_until=row.draft_until,
        note=row.note,
    )


def latest(connection: Connection, digest: str) -> Issue | None:
    """The newest issue of a digest that is out."""
    query = select(issues.c.id).where(issues.c.digest == digest, is_out)
    id = connection.scalar(query.order_by(issues.c.made_at.desc(), issues.c.slot.desc()).limit(1))
    return load(connection, id) if id else None


def out(connection: Connection, digest: str, most: int, before: str) -> list[Row[Any]]:
    """Slot, title, time and number of new papers of the issues that are out, newest slot first.

    With `before`, only those of earlier slots.
    """
    new = select(func.count()).where(
        issue_items.c.issue_id == issues.c.id, ~issue_items.c.is_revision
    )
    query = select(
        issues.c.slot, issues.c.title, issues.c.made_at, new.scalar_subquery().label("papers")
    )
    query = query.where(issues.c.digest == digest, is_out)
    if before:
        query = query.where(issues.c.slot < before)
    return list(connection.execute(query.order_by(issues.c.slot.desc()).limit(most)))


def issue_of(connection: Connection, digest: str, paper_id: str) -> str | None:
    """The issue of a digest that brought a paper as new; drafts have brought nothing yet."""
    query = select(issue_items.c.issue_id).join(issues, issues.c.id == issue_items.c.issue_id)
    mine = query.where(issues.c.digest == digest, issue_items.c.paper_id == paper_id, is_out)
    return connection.scalar(mine.where(~issue_items.c.is_revision).limit(1))


def made_since(connection: Connection, digest: str, moment: datetime) -> list[Row[Any]]:
    """Id and time of a digest's issues that came out from a moment on, oldest first."""
    query = select(issues.c.id, issues.c.made_at).where(issues.c.digest == digest, is_out)
    return list(connection.execute(query.where(issues.c.made_at >= moment).order_by("made_at")))


def items_of(connection: Connection, ids: Iterable[str]) -> dict[str, list[Item]]:
    """Issue id → its items that may still go to somebody, best first."""
    found: dict[str, list[Item]] = {id: [] for id in ids}
    query = select(issue_items).where(issue_items.c.issue_id.in_(found))
    rows = connection.execute(query.order_by(issue_items.c.issue_id, issue_items.c.position)).all()
    for row, item in zip(rows, _items(connection, rows), strict=True):
        found[row.issue_id].append(item)
    # One query for all: retired papers are few, and not in young issues.
    every = _unretired(connection, [item for items in found.values() for item in items])
    live = {item.paper.id for item in every}
    return {
        id: [item for item in compose.weighed(items) if item.paper.id in live]
        for id, items in found.items()
    }


def _unretired(connection: Connection, items: Sequence[Item]) -> tuple[Item, ...]:
    gone = paper_rows.retired(connection, [item.paper.id for item in items])
    return tuple(item for item in items if item.paper.id not in gone)


def _items(connection: Connection, rows: Sequence[Row[Any]]) -> list[Item]:
    known = paper_rows.by_id(connection, [row.paper_id for row in rows])
    return [_item(row, known[row.paper_id]) for row in rows]


def _item(row: Row[Any], paper: Any) -> Item:
    return Item(
        paper=paper,
        section=row.section,
        score=row.score,
        because=tuple(row.because),
        summary=Summary(
            text=row.summary, summarizer=row.summarizer, language=row.language, reason=row.reason
        ),
        is_revision=row.is_revision,
        put_by=tuple(row.put_by),
        note=row.note,
    )


# --- editions ------------------------------------------------------------------------------------


def save_editions(connection: Connection, made: Iterable[Edition]) -> None:
    """Keep editions; one that is there already stays."""
    for edition in made:
        row = {
            "key": edition.key,
            "issue_id": edition.issue.id,
            "format": edition.format,
            "language": edition.language,
            "is_welcome": edition.is_welcome,
        }
        upsert(connection, editions, [row], overwrite=False)
        places = [(item, True) for item in edition.shown] + [(item, False) for item in edition.more]
        public = _in_issues(connection, edition.issue.digest, [item for item, _ in places])
        rows = [
            {
                "edition": edition.key,
                "position": position,
                "paper_id": item.paper.id,
                "is_revision": item.is_revision,
                "is_shown": is_shown,
                "because": list(item.because),
                "own": None if (item.paper.id, item.is_revision) in public else _own(item),
            }
            for position, (item, is_shown) in enumerate(places)
        ]
        upsert(connection, edition_items, rows, overwrite=False)


def _in_issues(connection: Connection, digest: str, items: Sequence[Item]) -> set[tuple[str, bool]]:
    found: set[tuple[str, bool]] = set()
    for chunk in chunks([item.paper.id for item in items], paper_rows.CHUNK):
        query = select(issue_items.c.paper_id, issue_items.c.is_revision)
        query = query.join(issues, issues.c.id == issue_items.c.issue_id)
        mine = query.where(issues.c.digest == digest, issue_items.c.paper_id.in_(chunk))
        found.update((row.paper_id, row.is_revision) for row in connection.execute(mine))
    return found


def _own(item: Item) -> dict[str, Any]:
    """What no issue knows of an item."""
    summary = item.summary
    return {
        "section": item.section,
        "score": item.score,
        "summary": summary.text,
        "summarizer": summary.summarizer,
        "language": summary.language,
        "reason": summary.reason,
        "put_by": list(item.put_by),
        "note": item.note,
    }


def load_edition(connection: Connection, key: str) -> Edition:
    """An edition as it was composed. Items it took over from earlier issues are found there."""
    return load_editions(connection, [key])[key]


def load_editions(
    connection: Connection, keys: Iterable[str], known: dict[str, Issue] | None = None
) -> dict[str, Edition]:
    """Several, in as many queries as one takes; `known` are issues loaded before, by id.

    What was loaded is added to those. Equal items of several editions are one and the same.
    """
    known = {} if known is None else known
    wanted = list(keys)
    rows: list[Row[Any]] = []
    places: dict[str, list[Row[Any]]] = {key: [] for key in wanted}
    for chunk in chunks(wanted, paper_rows.CHUNK):
        rows += connection.execute(select(editions).where(editions.c.key.in_(chunk)))
        query = select(edition_items).where(edition_items.c.edition.in_(chunk))
        order = (edition_items.c.edition, edition_items.c.position)
        for place in connection.execute(query.order_by(*order)):
            places[place.edition].append(place)
    for id in {row.issue_id for row in rows} - set(known):
        issue = load(connection, id)
        if issue is None:
            raise AssertionError(f"an edition of issue {id}, which is not there")
        known[id] = issue
    found: dict[str, Edition] = {}
    for id in dict.fromkeys(row.issue_id for row in rows):
        of_issue = [row for row in rows if row.issue_id == id]
        mine = {row.key: places[row.key] for row in of_issue}
        told = _told(connection, known[id], mine)
        for row in of_issue:
            items = list(zip(told[row.key], mine[row.key], strict=True))
            found[row.key] = Edition(
                key=row.key,
                issue=known[id],
                shown=tuple(item for item, place in items if place.is_shown),
                more=tuple(item for item, place in items if not place.is_shown),
                format=row.format,
                language=row.language,
                is_welcome=row.is_welcome,
            )
    return found


def _told(
    connection: Connection, issue: Issue, places: Mapping[str, Sequence[Row[Any]]]
) -> dict[str, list[Item]]:
    """The items of some editions of an issue, by the editions' keys."""
    known = {(item.paper.id, item.is_revision): item for item in issue.items}
    every = [place for some in places.values() for place in some]
    owned = _owned(connection, [place for place in every if place.own])
    missing = {
        place.paper_id
        for place in every
        if not place.own and (place.paper_id, place.is_revision) not in known
    }
    for item in _earlier(connection, issue.digest, missing):
        known.setdefault((item.paper.id, item.is_revision), item)
    same: dict[tuple[str, bool, tuple[str, ...] | None], Item] = {}

    def told(place: Row[Any]) -> Item:
        if place.own:
            return owned[place.edition, place.position]
        because = None if place.because is None else tuple(place.because)
        key = place.paper_id, place.is_revision, because
        found = same.get(key)
        if found is None:
            found = same[key] = _as_told(known[key[:2]], place.because)
        return found

    return {key: [told(place) for place in some] for key, some in places.items()}


def _owned(connection: Connection, places: Sequence[Row[Any]]) -> dict[tuple[str, int], Item]:
    papers = paper_rows.by_id(connection, list({place.paper_id for place in places}))
    return {
        (place.edition, place.position): Item(
            paper=papers[place.paper_id],
            section=place.own["section"],
            score=place.own["score"],
            because=tuple(place.because or ()),
            summary=Summary(
                text=place.own["summary"],
                summarizer=place.own["summarizer"],
                language=place.own["language"],
                reason=place.own["reason"],
            ),
            is_revision=place.is_revision,
            put_by=tuple(place.own["put_by"]),
            note=place.own["note"],
        )
        for place in places
    }


def _as_told(item: Item, because: list[str] | None) -> Item:
    if because is None or tuple(because) == item.because:
        return item
    return replace(item, because=tuple(because))


def _earlier(connection: Connection, digest: str, ids: set[str]) -> list[Item]:
    rows: list[Row[Any]] = []
    for chunk in chunks(sorted(ids), paper_rows.CHUNK):
        query = select(issue_items).join(issues, issues.c.id == issue_items.c.issue_id)
        query = query.where(issues.c.digest == digest, issue_items.c.paper_id.in_(chunk))
        rows += connection.execute(query.order_by(issues.c.made_at.desc())).all()
    return _items(connection, rows)


# --- reports -------------------------------------------------------------------------------------


def report(
    connection: Connection, digest: str, slot: str, reason: str, words: dict[str, Any], at: datetime
) -> None:
    """Keep a run's report."""
    row = {"digest": digest, "slot": slot, "run_at": at, "reason": reason, "report": words}
    upsert(connection, reports, [row])


def last_reason(connection: Connection, digest: str, slot: str) -> str | None:
    """What the newest run for a slot came to, if there was one."""
    query = select(reports.c.reason).where(reports.c.digest == digest, reports.c.slot == slot)
    return connection.scalar(query.order_by(reports.c.run_at.desc()).limit(1))


def latest_made_at(connection: Connection, digest: str) -> datetime | None:
    """When the newest issue came out."""
    query = select(func.max(issues.c.made_at)).where(issues.c.digest == digest, is_out)
    found: datetime | None = connection.scalar(query)
    return found


def last_reports(connection: Connection) -> dict[str, Row[Any]]:
    """Digest → its newest report."""
    newest = select(reports.c.digest, func.max(reports.c.run_at).label("run_at"))
    newest_rows = newest.group_by(reports.c.digest).subquery()
    same = and_(newest_rows.c.digest == reports.c.digest, newest_rows.c.run_at == reports.c.run_at)
    rows = connection.execute(select(reports).join(newest_rows, same))
    return {row.digest: row for row in rows}


def counts(connection: Connection, digest: str) -> tuple[int, int]:
    """How many issues are out, and how many mails of them went out."""
    made = connection.scalar(select(func.count()).where(issues.c.digest == digest, is_out)) or 0
    query = select(func.count()).select_from(deliveries.join(issues))
    sent = query.where(issues.c.digest == digest, deliveries.c.state == "sent")
    return made, connection.scalar(sent) or 0


def last_run_at(connection: Connection, digest: str, slot: str | None = None) -> datetime | None:
    """When the digest, or one slot of it, was last tried."""
    query = select(func.max(reports.c.run_at)).where(reports.c.digest == digest)
    if slot is not None:
        query = query.where(reports.c.slot == slot)
    found: datetime | None = connection.scalar(query)
    return found
