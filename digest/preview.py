"""Issues that are sent to nobody: previews, and issues made by hand. Marks nothing as sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from tempfile import TemporaryDirectory

from digest import compose, plan, run, tokens
from digest import mail as letters
from digest.errors import Misuse
from digest.run import links
from digest.sources import calendar
from digest.store import issues, ledger, open_store, picks
from digest.store import papers as paper_rows
from digest.types import Delivery, Edition, Issue, Item, Paper, Rendered

NEW_READER = "new.reader@example.org"
DAYS_OF_TOPICS = 7  #: what a preview of unsaved topics looks at


def is_empty(setup: run.Setup, name: str) -> bool:
    """Has no source of the digest given any paper yet?"""
    with setup.store.read() as connection:
        return not paper_rows.span(connection, setup.config.digests[name].sources)[0]


@contextmanager
def on_samples(setup: run.Setup, name: str) -> Iterator[run.Setup]:
    """The same digest on a store that holds the sample papers and is thrown away."""
    digest = setup.config.digests[name]
    # The samples know few categories; what they can show is the topics and the looks.
    sampled = digest.model_copy(update={"sources": ("sample",), "categories": ()})
    with TemporaryDirectory(prefix="digest-samples-") as folder:
        store = open_store(f"sqlite:///{folder}/digest.db", setup.now)
        config = setup.config.model_copy(update={"digests": {name: sampled}})
        aside = replace(setup, config=config, store=store)
        try:
            run.fetch(aside, [name])
            if not upcoming(aside, name).edition.issue.items:
                everything = sampled.model_copy(update={"topics": (), "exclude": ()})
                digests = {name: everything}
                aside = replace(aside, config=config.model_copy(update={"digests": digests}))
            yield aside
        finally:
            store.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """An issue rendered for somebody, sent to nobody."""

    edition: Edition
    rendered: Rendered
    reader: str
    is_new: bool = True  #: not out yet
    note: str = ""  #: what the person who looks should know
    warnings: tuple[str, ...] = ()  #: what went wrong in making it

    def in_format(self, setup: run.Setup, format: str) -> bytes:
        """The bytes of one of html, markdown, text and eml."""
        if format == "eml":
            return _mail(setup, self)
        words = {
            "html": self.rendered.html,
            "markdown": self.rendered.markdown,
            "text": self.rendered.text,
        }
        return words[format].encode()


def past(setup: run.Setup, name: str, slot: str) -> Preview:
    """An issue as it was made.

    Raises: Misuse, naming the slots there are.
    """
    with setup.store.read() as connection:
        issue = issues.load(connection, f"{name}/{slot}")
        slots = sorted(issues.taken_slots(connection, name))
    if issue is None:
        known = f"there are {', '.join(slots[-5:])}" if slots else "it has had none yet"
        raise Misuse(f"{name!r} has no issue {slot!r}; {known}")
    if issue.draft_until:
        return _draft(setup, issue)
    return _shown(setup, issue, issue.items, NEW_READER)


def _draft(setup: run.Setup, draft: Issue) -> Preview:
    issue, warnings = run.with_picks(setup, draft)
    shown = _shown(setup, issue, issue.items, NEW_READER)
    return replace(shown, note=run.waits(setup, draft), warnings=warnings)


def upcoming(setup: run.Setup, name: str) -> Preview:
    """The draft that waits, or else the next issue, for a made-up new reader.

    The latest one when nothing is new.
    """
    digest = setup.config.digests[name]
    with setup.store.read() as connection:
        draft = issues.draft(connection, name)
    if draft:
        return _draft(setup, draft)
    with setup.store.read() as connection:
        newest = paper_rows.span(connection, digest.sources)[2]
        since = issues.peek_since(connection, name) or newest or date.max
        since = max(since, calendar.newest_feed_day(setup.now) - plan.LOOK_BACK)
        first = min(since, newest or since)
        fresh = list(paper_rows.candidates(connection, name, digest.sources, first))
        latest = issues.latest(connection, name)
        chosen = picks.waiting(connection, name)
    found = run.find(setup, name, digest.interest, fresh)
    ranked = run.rank(setup, name, found, chosen)
    if not ranked and latest:
        note = f"nothing new for the next issue yet; this is the latest one, {latest.slot}"
        shown = _shown(setup, latest, latest.items, NEW_READER)
        return replace(shown, note=note, is_new=False)
    issue, warnings = _made(setup, name, ranked)
    note = "" if ranked else "none of the papers in the store is on the topics"
    shown = _shown(setup, issue, issue.items, NEW_READER)
    return replace(shown, note=note, warnings=(*found.warnings, *warnings))


def of_topics(setup: run.Setup, name: str, topics: Sequence[str]) -> Preview:
    """What other topics would have found in the last days there are."""
    with setup.store.read() as connection:
        newest = paper_rows.span(connection, setup.config.digests[name].sources)[2]
    last = newest or setup.now.date()
    return by_hand(
        setup, name, last - timedelta(days=DAYS_OF_TOPICS - 1), last + timedelta(days=1), topics
    )


def for_reader(setup: run.Setup, name: str, address: str) -> Preview:
    """What a reader's next edition would be.

    Raises: Misuse when the address gets no such digest.
    """
    digest = setup.config.digests[name]
    with setup.store.read() as connection:
        reader = run.reader_id(connection, name, address)
        since = setup.now - plan.LOOK_BACK
        owed = ledger.missed(connection, name, since, with_latest=True)
        ids = owed.get(reader, [])
        old = [item for some in issues.items_of(connection, ids).values() for item in some]
    ahead = upcoming(setup, name)
    new = ahead.edition.issue.items if ahead.is_new else ()
    with setup.store.read() as connection:
        papers = {item.paper.id for item in [*new, *old]}
        had = ledger.delivered(connection, papers).get(reader, set())
    items = plan.owed(new, old, had)
    if items:
        items = run.as_seen_by(setup, name, reader, items)
        shown = _shown(setup, ahead.edition.issue, items, address)
        return replace(shown, warnings=ahead.warnings, note=ahead.note if ahead.is_new else "")
    note = f"{address} has had all there is on the topics of {digest.title or name}"
    return replace(ahead, reader=address, note=note)


def by_hand(
    setup: run.Setup, name: str, start: date, end: date, topics: Sequence[str] = ()
) -> Preview:
    """An issue of the papers announced from `start` up to, not including, `end`."""
    digest = setup.config.digests[name]
    interest = digest.interest.on(topics)
    with setup.store.read() as connection:
        papers = list(paper_rows.listed_between(connection, digest.sources, start, end))
        count, first, last = paper_rows.span(connection, digest.sources)
    found = run.find(setup, name, interest, papers)
    ranked = run.rank(setup, name, found)
    issue, warnings = _made(setup, name, ranked)
    note = ""
    if not ranked:
        there = f"the store holds {count} papers of {first} to {last}" if count else "it is empty"
        note = f"no paper from {start} up to {end} is on the topics; {there}"
    preview = _shown(setup, issue, issue.items, NEW_READER, topics)
    return replace(preview, note=note, warnings=(*found.warnings, *warnings))


def _made(
    setup: run.Setup, name: str, ranked: Sequence[compose.Ranked]
) -> tuple[Issue, tuple[str, ...]]:
    """An issue that is not kept, and what was odd about making it."""
    papers: list[Paper] = [place.paper for place in ranked]
    slot = plan.wall_time(setup.now, setup.config.digests[name].timezone)
    title = setup.config.title(name)
    said = run.summarize(setup, papers)
    issue = compose.issue(name, slot, title, setup.now, ranked, [], said.summaries)
    return issue, said.warnings


def _shown(
    setup: run.Setup,
    issue: Issue,
    items: Sequence[Item],
    reader: str,
    topics: Sequence[str] = (),
) -> Preview:
    edition, rendered = run.fit(setup, issue.digest, issue, items, topics=topics)
    return Preview(edition=edition, rendered=rendered, reader=reader)


def _mail(setup: run.Setup, preview: Preview) -> bytes:
    issue = preview.edition.issue
    masthead = links.masthead(setup, issue.digest)
    delivery = Delivery(
        issue=issue.id,
        subscriber="preview",
        address=preview.reader,
        edition=preview.edition.key,
        message_id=plan.message_id(issue.id, "preview", "localhost"),
    )
    letter = letters.prepare(preview.rendered, masthead, issue.made_at, preview.edition.format)
    # Nobody's links, and so they say when they are followed.
    mine = links.of_reader(setup, tokens.NOBODY, issue.made_at)
    return letters.address(letter, delivery, mine).content
