"""queue(): what each reader gets of an issue, and a delivery for it; fit(): an edition as text."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from email.utils import parseaddr
from functools import lru_cache
from pathlib import Path
from typing import Any

from digest import compose, consent, plan, render, templating
from digest.config import Config, Digest
from digest.errors import MailTooLarge
from digest.run import learning, links, matching
from digest.run.setup import Setup
from digest.run.summarizing import summarize
from digest.sources import calendar
from digest.store import Connection, asks, issues, ledger, opinions, schedules
from digest.store import papers as paper_rows
from digest.types import Delivery, Edition, Format, Issue, Item, Paper, Preferences, Rendered

#: So many readers are looked at in one transaction.
READERS = 5000
#: Where every missed slot is made up for, a reader gets no two mails within it.
APART = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """What a queueing came to."""

    readers: int = 0  #: that were looked at
    queued: int = 0
    got: frozenset[str] = frozenset()  #: for whom there was something, of `only`
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


@dataclass(kw_only=True)
class _Part:
    """What becomes of some of the readers."""

    editions: list[Edition] = field(default_factory=list)
    rows: list[Delivery] = field(default_factory=list)
    due: dict[str, datetime | None] = field(default_factory=dict)  #: when who is due next
    warnings: list[str] = field(default_factory=list)


def queue(
    setup: Setup,
    name: str,
    issue: Issue | None,
    only: Collection[str] | None = None,
    *,
    keep: Callable[[Connection, bool], None] | None = None,
    is_own_hour: bool = False,
) -> Queued:
    """Queue what each reader is owed of an issue and of those she missed.

    `only` are readers who have just confirmed; with `is_own_hour`, those whose own hour has come.
    `keep` puts the issue into the store, in the transaction that queues for the first readers, and
    is told whether they are all. Whoever calls holds the builder's lock.
    """
    with setup.store.read() as connection:
        # Without a new issue only the latest one can still be on its way to somebody.
        carrier = issue or issues.latest(connection, name)
    made: dict[Hashable, Edition] = {}  # what many get is laid out once
    readers = queued = 0
    got: set[str] = set()
    warnings: dict[str, None] = {}
    after, is_first, is_last = "", True, False
    while not is_last:
        with setup.store.read() as connection:
            people = _people(connection, name, setup.now, only, after, is_own_hour)
        is_last = only is not None or len(people) < READERS
        hours = is_own_hour and not issue
        part = _part(
            setup,
            name,
            issue,
            carrier,
            people,
            made,
            is_welcome=only is not None,
            is_own_hour=hours,
        )
        with setup.store.write() as connection:
            if is_first and keep:
                keep(connection, is_last)
            issues.save_editions(connection, part.editions)
            ledger.enqueue(connection, part.rows, setup.now)
            schedules.set_due(connection, name, part.due)
            if is_last and issue and not is_first:
                issues.set_queued(connection, issue.id)
        readers += len(people)
        queued += len(part.rows)
        warnings |= dict.fromkeys(part.warnings)
        if only is not None:
            got.update(row.subscriber for row in part.rows)
        if people:
            after, is_first = people[-1].id, False
    return Queued(readers=readers, queued=queued, got=frozenset(got), warnings=tuple(warnings))


def tell(setup: Setup, issue: Issue) -> int:
    """Queue a word for everybody who could have got papers now; returns for how many.

    It is owed to nobody later, and says nothing to those whose own hour is another.
    """
    name = issue.digest
    made: dict[Format, Edition] = {}
    queued, after, is_last = 0, "", False
    while not is_last:
        with setup.store.read() as connection:
            people = _people(connection, name, setup.now, None, after, False)
            readers = _wanting(setup, connection, name, people, _Part(), is_welcome=False)
            # Who was made up for something has a mail already.
            last = ledger.last_at(connection, name, [one.id for one in readers])
        readers = [one for one in readers if last.get(one.id) != setup.now]
        is_last = len(people) < READERS
        rows = []
        for reader in readers:
            format = reader.preferences.format or setup.config.digests[name].format
            if format not in made:
                made[format], _ = fit(setup, name, issue, (), format=format)
            rows.append(_delivery(setup, issue, reader, made[format]))
        with setup.store.write() as connection:
            issues.save_editions(connection, made.values())
            queued += ledger.enqueue(connection, rows, setup.now)
        after = people[-1].id if people else ""
    return queued


def _people(
    connection: Connection,
    name: str,
    now: datetime,
    only: Collection[str] | None,
    after: str,
    is_own_hour: bool,
) -> list[Any]:
    if only is not None:
        return ledger.readers(connection, name, only)
    return ledger.readers_at(
        connection, name, now, after=after, most=READERS, is_own_hour=is_own_hour
    )


def _part(
    setup: Setup,
    name: str,
    issue: Issue | None,
    carrier: Issue | None,
    people: Sequence[Any],
    made: dict[Hashable, Edition],
    *,
    is_welcome: bool,
    is_own_hour: bool,
) -> _Part:
    """What some readers are owed, laid out."""
    part = _Part()
    if not people:
        return part
    among = (people[0].id, people[-1].id)
    with setup.store.read() as connection:
        readers = _wanting(setup, connection, name, people, part, is_welcome=is_welcome)
        if is_own_hour:
            # Who names no hour is not mailed at midnight, but with the next issue.
            readers = [one for one in readers if one.preferences.hour is not None]
        learners = opinions.whose(connection, name)
        # Who has just joined gets the issue made now, or else the latest there is.
        since = setup.now - plan.LOOK_BACK
        missed = ledger.missed(connection, name, since, with_latest=issue is None, among=among)
        if issue:  # it may be in the store already, and is what they are to get now
            missed = {who: [id for id in ids if id != issue.id] for who, ids in missed.items()}
        missed = {reader.id: missed[reader.id] for reader in readers if missed.get(reader.id)}
        old = issues.items_of(connection, {id for ids in missed.values() for id in ids})
        if carrier is None or not readers:
            had, has_one = {}, set()
        else:
            items = [*carrier.items, *(item for some in old.values() for item in some)]
            had = ledger.delivered(connection, {item.paper.id for item in items}, among)
            has_one = ledger.has_delivery(connection, carrier.id, among)
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
    for key, choice in choices.items():
        assert carrier is not None  # items come from an issue
        edition = _laid_out(setup, name, carrier, key, choice, made, part)
        part.rows += [_delivery(setup, carrier, reader, edition) for reader in choice.people]
    _set_next(setup, name, people, part)
    return part


def _laid_out(
    setup: Setup,
    name: str,
    carrier: Issue,
    key: Hashable,
    choice: _Choice,
    made: dict[Hashable, Edition],
    part: _Part,
) -> Edition:
    if key in made:
        return made[key]
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
    part.warnings += rendered.warnings
    part.editions.append(edition)
    if len(choice.people) > 1:
        made[key] = edition
    return edition


def _wanting(
    setup: Setup,
    connection: Connection,
    name: str,
    people: Sequence[Any],
    part: _Part,
    *,
    is_welcome: bool,
) -> list[_Reader]:
    """Who of the readers wants mail now, and may get any; of the others, when that may be."""
    digest = setup.config.digests[name]
    # Who has no wishes of her own gets each issue as it comes out, whenever the last one came.
    choosy = [person.id for person in people if person.preferences or is_welcome]
    last = ledger.last_at(connection, name, choosy)
    is_apart = digest.missed == "all" and not is_welcome
    ids = [person.id for person in people] if is_apart else []
    any_last = {
        reader: at
        for reader, at in ledger.last_in_any(connection, ids).items()
        if setup.now - at < APART
    }
    may = set(writable(setup, connection, [person.address for person in people]))
    found = []
    for person in people:
        if person.address not in may:
            continue
        preferences = consent.preferences(person.preferences)
        is_new = is_welcome and person.id not in last
        # Without any mail yet her day or hour may be the one on which she joined.
        had_at = None if is_new else last.get(person.id, person.confirmed_at - consent.DAY)
        if person.id in any_last:
            part.due[person.id] = any_last[person.id] + APART
        elif consent.wants_now(preferences, digest.timezone, had_at, setup.now):
            found.append(
                _Reader(
                    id=person.id,
                    address=person.address,
                    preferences=preferences,
                    since=person.confirmed_at,
                    is_welcome=is_new,
                )
            )
        elif had_at is not None:
            part.due[person.id] = consent.next_at(preferences, digest.timezone, had_at, setup.now)
        else:  # she has just joined, and has paused
            part.due[person.id] = consent.next_at(
                preferences, digest.timezone, person.confirmed_at - consent.DAY, setup.now
            )
    return found


def _set_next(setup: Setup, name: str, people: Sequence[Any], part: _Part) -> None:
    """When those who were served are due next; for whom there was nothing, with whatever comes."""
    zone = setup.config.digests[name].timezone
    served = {row.subscriber for row in part.rows}
    for person in people:
        moment = part.due.get(person.id)
        if person.id in served and person.preferences:
            wishes = consent.preferences(person.preferences)
            moment = consent.next_at(wishes, zone, setup.now, setup.now)
        if moment == person.due_at:
            part.due.pop(person.id, None)
        else:
            part.due[person.id] = moment


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
    host = _host(setup.config.masthead(issue.digest).sender)
    return Delivery(
        issue=issue.id,
        subscriber=reader.id,
        address=reader.address,
        edition=edition.key,
        message_id=plan.message_id(issue.id, reader.id, host),
        is_urgent=reader.is_welcome,
    )


@lru_cache
def _host(sender: str) -> str:
    """The domain of a sender: the same for all readers, and read for the first."""
    _, address = parseaddr(sender)
    return address.rpartition("@")[2]


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
    environment = setup.environment
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
    masthead, environment = setup.config.masthead(issue.digest), setup.environment
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
