"""build(): the issue that a slot's papers give, and a delivery for each of its readers.

Where a digest is reviewed, the issue is a draft first, and release() makes the deliveries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from email.utils import parseaddr
from typing import Any

from digest import compose, plan, render
from digest.config import Config, Digest
from digest.errors import MailTooLarge
from digest.run import encoding, learning
from digest.run.matching import Matched
from digest.run.setup import Setup
from digest.run.summarizing import summarize
from digest.sources import calendar
from digest.store import issues, ledger, opinions, picks
from digest.store import papers as paper_rows
from digest.types import Delivery, Edition, Format, Issue, Item, Pick, Rendered


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What a build came to."""

    issue: Issue | None = None  #: that goes out
    draft: Issue | None = None  #: that waits for an editor, made now or before
    queued: int = 0
    readers: int = 0
    looked_at: int = 0  #: papers that were in no issue before
    matched: int = 0
    warnings: tuple[str, ...] = ()


def build(setup: Setup, name: str, slot: str) -> Built:
    """Make the issue that a slot's papers give, and queue a delivery for each of its readers.

    While a draft waits there is no other issue: what comes meanwhile is in the next one.
    """
    store, digest = setup.store, setup.config.digests[name]
    # One build at a time over the whole store: what one reader is owed depends on what all
    # digests have queued for her.
    with store.exclusive("build"):
        with store.write() as connection:
            ledger.sync_operator_readers(connection, name, digest.to, setup.now, setup.new_id)
            draft = issues.draft(connection, name)
        if draft:
            return replace(_queue(setup, name, None), draft=draft)
        with store.write() as connection:
            today = calendar.newest_feed_day(setup.now)
            # What came before the last run was held against the old topics then.
            ran_at = issues.last_run_at(connection, name)
            changed = calendar.newest_feed_day(ran_at) if ran_at else today
            # A digest new to a store that holds papers begins with the newest day there.
            newest = paper_rows.newest_listing(connection, digest.sources) or today
            first = min(today, newest)
            since = issues.since(connection, name, digest.definition, first, changed)
        since = max(since, today - plan.LOOK_BACK)
        with store.read() as connection:
            fresh = list(paper_rows.candidates(connection, name, digest.sources, since))
            again = list(paper_rows.revised(connection, name)) if digest.revised else []
            slot = plan.free_slot(slot, issues.taken_slots(connection, name))
            chosen = picks.waiting(connection, name)
        matched = learning.find(setup, name, digest.interest, fresh)
        ranked = rank(setup, name, matched, chosen)
        issue = None
        warnings = matched.warnings
        if ranked:
            said = summarize(setup, [place.paper for place in ranked] + again)
            title = setup.config.title(name)
            issue = compose.issue(name, slot, title, setup.now, ranked, again, said.summaries)
            warnings = (*warnings, *said.warnings)
        if issue and digest.review:
            built = _queue(setup, name, None)
            until = setup.now + timedelta(hours=digest.review_hours)
            draft = replace(issue, draft_until=until)
            with store.write() as connection:
                issues.save(connection, draft)
        else:
            built = _queue(setup, name, issue)
    return replace(
        built,
        draft=draft,
        looked_at=matched.looked_at,
        matched=len(ranked),
        warnings=(*warnings, *built.warnings),
    )


def release(setup: Setup, name: str, draft: Issue) -> Built | None:
    """Let a draft out with the picks as they are now, and queue its deliveries.

    None if it is a draft no more: somebody else was quicker.
    """
    with setup.store.exclusive("build"):
        with setup.store.read() as connection:
            found = issues.draft(connection, name)
        if found is None or found.id != draft.id:
            return None
        issue, warnings = with_picks(setup, found)
        issue = replace(issue, made_at=setup.now, draft_until=None)
        if all(item.is_revision for item in issue.items):  # its only papers were picks
            with setup.store.write() as connection:
                issues.drop(connection, draft.id)
            return Built(warnings=("no paper is left in the draft",))
        built = _queue(setup, name, issue)
    return replace(built, warnings=(*warnings, *built.warnings))


def with_picks(setup: Setup, draft: Issue) -> tuple[Issue, tuple[str, ...]]:
    """A draft as it would go out now, and what was odd about it."""
    with setup.store.read() as connection:
        chosen = picks.waiting(connection, draft.digest)
    known = {item.paper.id for item in draft.items if not item.is_revision}
    said = summarize(setup, [pick.paper for pick in chosen if pick.paper.id not in known])
    issue = compose.with_picks(draft, chosen, setup.now.date(), said.summaries)
    return issue, said.warnings


def rank(
    setup: Setup,
    name: str,
    matched: Matched,
    chosen: Sequence[Pick] = (),
    *,
    today: date | None = None,
) -> list[compose.Ranked]:
    """The order of a digest's papers, now or on a day."""
    digest = setup.config.digests[name]
    vectors = encoding.papers(setup, [pick.paper for pick in chosen]) if chosen else {}
    return compose.rank(
        matched.matches,
        today=today or setup.now.date(),
        vectors={**matched.vectors, **vectors},
        picks=chosen,
        authors=digest.authors,
    )


def caps(digest: Digest) -> compose.Caps:
    """The most that a mail shows of one source or topic."""
    return compose.Caps(
        per_source=digest.per_source,
        per_section=digest.per_section,
        sources=frozenset(digest.sources),
    )


def _queue(setup: Setup, name: str, issue: Issue | None) -> Built:
    """Keep the issue, and queue what each reader is owed of it and of those she missed."""
    store = setup.store
    with store.read() as connection:
        people = ledger.readers(connection, name)
        learners = opinions.whose(connection, name)
        # Who has just joined gets the issue made now, or else the latest there is.
        since = setup.now - plan.LOOK_BACK
        missed = ledger.missed(connection, name, since, with_latest=issue is None)
        old = issues.items_of(connection, {id for ids in missed.values() for id in ids})
        # Without a new issue only the latest one can still be on its way to somebody.
        carrier = issue or issues.latest(connection, name)
        if carrier is None or not people:
            had, has_one = {}, set()
        else:
            items = [*carrier.items, *(item for some in old.values() for item in some)]
            had = ledger.delivered(connection, {item.paper.id for item in items})
            has_one = ledger.has_delivery(connection, carrier.id)
    choices: dict[Any, tuple[list[Item], list[Any]]] = {}
    new = issue.items if issue else ()
    for person in people:
        late = [item for id in missed.get(person.id, ()) for item in old[id]]
        items = plan.owed(new, late, had.get(person.id, ()))
        if person.id not in has_one and any(not item.is_revision for item in items):
            choice: Any = tuple(sorted((item.paper.id, item.is_revision) for item in items))
            if person.id in learners:
                choice = person.id
                items = learning.as_seen_by(setup, name, person.id, items)
            choices.setdefault(choice, (items, []))[1].append(person)
    editions: list[Edition] = []
    rows: list[Delivery] = []
    warnings: list[str] = []
    for items, group in choices.values():
        assert carrier is not None  # items come from an issue
        edition, rendered = fit(setup, name, carrier, items)
        warnings += rendered.warnings
        editions.append(edition)
        rows += [_delivery(setup, carrier, person, edition) for person in group]
    with store.write() as connection:
        if issue:
            issues.save(connection, issue)
            picks.use(connection, name, issue.id)
        issues.save_editions(connection, editions)
        queued = ledger.enqueue(connection, rows, setup.now)
    distinct = tuple(dict.fromkeys(warnings))
    return Built(issue=issue, queued=queued, readers=len(people), warnings=distinct)


def _delivery(setup: Setup, issue: Issue, person: Any, edition: Edition) -> Delivery:
    _, sender = parseaddr(setup.config.masthead(issue.digest).sender)
    host = sender.rpartition("@")[2]
    return Delivery(
        issue=issue.id,
        subscriber=person.id,
        address=person.address,
        edition=edition.key,
        message_id=plan.message_id(issue.id, person.id, host),
    )


def fit(
    setup: Setup,
    name: str,
    issue: Issue,
    items: Sequence[Item],
    *,
    topics: Sequence[str] = (),
    format: Format | None = None,
) -> tuple[Edition, Rendered]:
    """The longest edition up to the digest's cap that no mail program will clip.

    Sections stand in the order of `topics`; topics and format are the digest's own where none
    are given.
    """
    digest = setup.config.digests[name]
    masthead, environment = setup.config.masthead(name), templates(setup.config)
    fragments = render.render_items(items, masthead, environment)
    cap = digest.papers
    while True:
        edition = compose.edition(
            issue,
            items,
            cap=cap,
            topics=topics or digest.topics,
            caps=caps(digest),
            format=format or digest.format,
        )
        try:
            rendered = render.render(edition, masthead, environment, fragments)
        except MailTooLarge:
            # Never a mail that fails in the same way every day: fewer papers, the rest as "more".
            if cap == 1:
                raise
            cap = max(1, cap * 3 // 4)
            continue
        if cap < digest.papers:
            short = f"{cap} papers instead of {digest.papers}, so that the mail is not clipped"
            rendered = replace(rendered, warnings=(*rendered.warnings, short))
        return edition, rendered


def whole(setup: Setup, issue: Issue) -> Rendered:
    """All papers of an issue, as a page of any length."""
    masthead, environment = setup.config.masthead(issue.digest), templates(setup.config)
    topics = setup.config.digests[issue.digest].topics
    edition = compose.edition(issue, issue.items, cap=len(issue.items), topics=topics)
    fragments = render.render_items(issue.items, masthead, environment)
    return render.render(edition, masthead, environment, fragments, is_mail=False)


def templates(config: Config) -> Any:
    """The operator's own templates before ours."""
    return render.environment([config.templates, render.BUILT_IN])
