"""queue(): what each reader gets of an issue, and a delivery for it; fit(): an edition as text."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from email.utils import parseaddr
from pathlib import Path
from typing import Any

from digest import compose, consent, plan, render, templating
from digest.config import Config, Digest
from digest.errors import MailTooLarge
from digest.run import learning, links, matching
from digest.run.setup import Setup
from digest.run.summarizing import summarize
from digest.sources import calendar
from digest.store import Connection, asks, issues, ledger, opinions, picks
from digest.store import papers as paper_rows
from digest.types import Delivery, Edition, Format, Issue, Item, Paper, Preferences, Rendered


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """What a queueing came to."""

    readers: int = 0
    got: frozenset[str] = frozenset()  #: for whom there was something
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """Somebody who wants her mail now."""

    id: str
    address: str
    preferences: Preferences
    since: datetime  #: when she confirmed
    is_welcome: bool  #: has just confirmed, and had no mail of the digest yet


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choice:
    """What one reader or many get: the items, and how they want them."""

    items: list[Item]
    format: Format | None
    papers: int | None
    topics: tuple[str, ...]
    is_welcome: bool
    people: list[_Reader]


def queue(
    setup: Setup, name: str, issue: Issue | None, only: Collection[str] | None = None
) -> Queued:
    """Keep the issue, and queue what each reader is owed of it and of those she missed.

    `only` are readers who have just confirmed. Whoever calls holds the builder's lock.
    """
    store = setup.store
    with store.read() as connection:
        people = ledger.readers(connection, name, only)
        readers = _wanting(setup, connection, name, people, is_welcome=only is not None)
        learners = opinions.whose(connection, name)
        # Who has just joined gets the issue made now, or else the latest there is.
        since = setup.now - plan.LOOK_BACK
        missed = ledger.missed(connection, name, since, with_latest=issue is None)
        missed = {reader.id: missed[reader.id] for reader in readers if reader.id in missed}
        old = issues.items_of(connection, {id for ids in missed.values() for id in ids})
        # Without a new issue only the latest one can still be on its way to somebody.
        carrier = issue or issues.latest(connection, name)
        if carrier is None or not readers:
            had, has_one = {}, set()
        else:
            items = [*carrier.items, *(item for some in old.values() for item in some)]
            had = ledger.delivered(connection, {item.paper.id for item in items})
            has_one = ledger.has_delivery(connection, carrier.id)
    readers = [reader for reader in readers if reader.id not in has_one]
    new = issue.items if issue else ()
    choices: dict[Hashable, _Choice] = {}
    for reader in readers:
        if not reader.preferences.topics:
            late = [item for id in missed.get(reader.id, ()) for item in old[id]]
            items = plan.owed(new, late, had.get(reader.id, ()))
            _choose(setup, name, choices, reader, items, reader.id in learners)
    if carrier is not None:
        for reader, items in _personal(setup, name, carrier, readers):
            _choose(setup, name, choices, reader, items, reader.id in learners)
    editions: list[Edition] = []
    rows: list[Delivery] = []
    warnings: list[str] = []
    for choice in choices.values():
        assert carrier is not None  # items come from an issue
        edition, rendered = fit(
            setup,
            name,
            carrier,
            choice.items,
            topics=choice.topics,
            format=choice.format,
            papers=choice.papers,
            is_welcome=choice.is_welcome,
        )
        warnings += rendered.warnings
        editions.append(edition)
        rows += [_delivery(setup, carrier, reader, edition) for reader in choice.people]
    with store.write() as connection:
        if issue:
            issues.save(connection, issue)
            picks.use(connection, name, issue.id)
        issues.save_editions(connection, editions)
        ledger.enqueue(connection, rows, setup.now)
    return Queued(
        readers=len(people),
        got=frozenset(row.subscriber for row in rows),
        warnings=tuple(dict.fromkeys(warnings)),
    )


def _wanting(
    setup: Setup, connection: Connection, name: str, people: Sequence[Any], *, is_welcome: bool
) -> list[_Reader]:
    """Who of the readers wants mail now, and may get any."""
    zone = setup.config.digests[name].timezone
    # Who has no wishes of her own gets each issue as it comes out, whenever the last one came.
    choosy = [person.id for person in people if person.preferences or is_welcome]
    last = ledger.last_at(connection, name, choosy)
    may = set(writable(setup, connection, [person.address for person in people]))
    people = [person for person in people if person.address in may]
    found = [
        _Reader(
            id=person.id,
            address=person.address,
            preferences=consent.preferences(person.preferences),
            since=person.confirmed_at,
            is_welcome=is_welcome and person.id not in last,
        )
        for person in people
    ]

    def had_at(reader: _Reader) -> datetime | None:
        # Without any mail yet her day or hour may be the one on which she joined.
        return None if reader.is_welcome else last.get(reader.id, reader.since - consent.DAY)

    return [
        reader
        for reader in found
        if consent.wants_now(reader.preferences, zone, had_at(reader), setup.now)
    ]


def writable(setup: Setup, connection: Connection, addresses: Sequence[str]) -> list[str]:
    """The addresses that may be written to."""
    if not asks.has_suppressions(connection):
        return list(addresses)
    marks = {one: setup.keys.fingerprint("address", consent.mailbox(one)) for one in addresses}
    gone = asks.suppressed(connection, list(marks.values()))
    return [one for one in addresses if marks[one] not in gone]


def _choose(
    setup: Setup,
    name: str,
    choices: dict[Hashable, _Choice],
    reader: _Reader,
    items: list[Item],
    has_opinions: bool,
) -> None:
    """Put a reader to those who get the same; to nobody where there is nothing new for her."""
    if all(item.is_revision for item in items):
        return
    wants = reader.preferences
    how = (wants.format, wants.papers, wants.topics, reader.is_welcome)
    what: Hashable = tuple(sorted((item.paper.id, item.is_revision) for item in items))
    if has_opinions:
        what = reader.id
        items = learning.as_seen_by(setup, name, reader.id, items)
    choice = choices.get((what, how))
    if choice is None:
        choice = _Choice(
            items=items,
            format=wants.format,
            papers=wants.papers,
            topics=wants.topics,
            is_welcome=reader.is_welcome,
            people=[],
        )
        choices[what, how] = choice
    choice.people.append(reader)


def _personal(
    setup: Setup, name: str, carrier: Issue, readers: Sequence[_Reader]
) -> list[tuple[_Reader, list[Item]]]:
    """What readers with topics of their own are owed: whatever matches since they joined."""
    groups: dict[tuple[str, ...], list[_Reader]] = {}
    for reader in readers:
        if reader.preferences.topics:
            groups.setdefault(reader.preferences.topics, []).append(reader)
    found: list[tuple[_Reader, list[Item]]] = []
    digest = setup.config.digests[name]
    for topics, group in groups.items():
        joined = {
            reader.id: calendar.newest_feed_day(max(reader.since, setup.now - plan.LOOK_BACK))
            for reader in group
        }
        with setup.store.read() as connection:
            first = min(joined.values())
            papers = list(paper_rows.listed_since(connection, digest.sources, first))
            had = ledger.delivered(connection, [paper.id for paper in papers])
        matched = matching.match(setup, digest.interest_of(topics), papers)
        ranked = compose.rank(
            matched.matches,
            today=setup.now.date(),
            vectors=matched.vectors,
            picks=(),
            authors=digest.authors,
        )
        said = summarize(setup, [place.paper for place in ranked])
        whole = compose.issue(
            name, carrier.slot, carrier.title, setup.now, ranked, (), said.summaries
        )
        for reader in group:
            got = {paper for paper, _ in had.get(reader.id, ())}
            items = [
                item
                for item in whole.items
                if item.paper.id not in got and listed_on(item.paper, digest) >= joined[reader.id]
            ]
            found.append((reader, items))
    return found


def listed_on(paper: Paper, digest: Digest) -> date:
    """The last day on which a source of the digest listed a paper."""
    days = [
        one.listed_on for one in paper.listings if one.listed_on and one.source in digest.sources
    ]
    return max(days, default=paper.announced_on)


def _delivery(setup: Setup, issue: Issue, reader: _Reader, edition: Edition) -> Delivery:
    _, sender = parseaddr(setup.config.masthead(issue.digest).sender)
    host = sender.rpartition("@")[2]
    return Delivery(
        issue=issue.id,
        subscriber=reader.id,
        address=reader.address,
        edition=edition.key,
        message_id=plan.message_id(issue.id, reader.id, host),
        is_urgent=reader.is_welcome,
    )


# --- editions as text ----------------------------------------------------------------------------


def fit(
    setup: Setup,
    name: str,
    issue: Issue,
    items: Sequence[Item],
    *,
    topics: Sequence[str] = (),
    format: Format | None = None,
    papers: int | None = None,
    is_welcome: bool = False,
    is_public: bool = False,
) -> tuple[Edition, Rendered]:
    """The longest edition up to a cap that no mail program will clip.

    Sections stand in the order of `topics`; topics, format and cap are the digest's own where none
    are given. What is public has no reader's links.
    """
    digest = setup.config.digests[name]
    masthead = setup.config.masthead(name) if is_public else links.masthead(setup, name)
    environment = templates(setup.config)
    fragments = render.render_items(items, masthead, environment)
    cap = most = papers or digest.papers
    while True:
        edition = compose.edition(
            issue,
            items,
            cap=cap,
            topics=topics or digest.topics,
            caps=caps(digest),
            format=format or digest.format,
            is_welcome=is_welcome,
        )
        try:
            rendered = render.render(edition, masthead, environment, fragments)
        except MailTooLarge:
            # Never a mail that fails in the same way every day: fewer papers, the rest as "more".
            if cap == 1:
                raise
            cap = max(1, cap * 3 // 4)
            continue
        if cap < most:
            short = f"{cap} papers instead of {most}, so that the mail is not clipped"
            rendered = replace(rendered, warnings=(*rendered.warnings, short))
        return edition, rendered


def whole(setup: Setup, issue: Issue) -> Rendered:
    """All papers of an issue, as a page of any length."""
    masthead, environment = setup.config.masthead(issue.digest), templates(setup.config)
    topics = setup.config.digests[issue.digest].topics
    edition = compose.edition(issue, issue.items, cap=len(issue.items), topics=topics)
    fragments = render.render_items(issue.items, masthead, environment)
    return render.render(edition, masthead, environment, fragments, is_mail=False)


def caps(digest: Digest) -> compose.Caps:
    """The most that a mail shows of one source or topic."""
    return compose.Caps(
        per_source=digest.per_source,
        per_section=digest.per_section,
        sources=frozenset(digest.sources),
    )


def template_folders(config: Config) -> list[Path]:
    """The operator's own templates before ours."""
    return [config.templates, templating.BUILT_IN]


def templates(config: Config) -> Any:
    """Jinja with all of them."""
    return templating.environment(template_folders(config))
