"""The order of the stages: fetch(), build(), send(), and run(), which is all three.

Each gathers what it needs, has the pure stages decide, and applies what they say in one
transaction. Nothing here knows how a stage decides; nothing elsewhere knows the order.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.utils import parseaddr
from typing import Any

from digest import compose, dedupe, match, plan, registry, render, sources, summarizers, transports
from digest import mail as letters
from digest.config import Config, state_folder
from digest.errors import (
    MailTooLarge,
    Misuse,
    Permanent,
    SourceBlocked,
    Temporary,
)
from digest.fetch import Fetcher
from digest.sources import Source, calendar
from digest.store import Store, issues, ledger, summaries
from digest.store import papers as paper_rows
from digest.types import (
    UNFINISHED,
    Answer,
    Ask,
    Delivery,
    DeliveryState,
    Edition,
    Failure,
    Issue,
    Item,
    Mail,
    Masthead,
    Page,
    Paper,
    Reading,
    Reason,
    Rendered,
    Report,
    Request,
    SourceReport,
    Summary,
    Validators,
)

log = logging.getLogger(__name__)

REQUESTS = 400  #: the most one source may make in a run
RETRY_AFTER = timedelta(minutes=15)  #: before a slot that came to nothing is tried again


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What every stage is handed: configuration, store, clock and randomness."""

    config: Config
    store: Store
    now: datetime
    notify: Callable[[str], None] = lambda _: None  #: what is being done, for whoever watches
    new_id: Callable[[], str] = lambda: secrets.token_hex(8)


# --- fetch ---------------------------------------------------------------------------------------


def fetch(setup: Setup, digests: Collection[str]) -> dict[str, SourceReport]:
    """Read every source of the digests once and keep what they say, by source."""
    config = setup.config
    names = list(dict.fromkeys(s for d in digests for s in config.digests[d].sources))
    made = {name: _source(config, name) for name in names}
    with _fetcher(config, names) as fetcher, ThreadPoolExecutor(max_workers=8) as pool:
        gather = [pool.submit(_gather, setup, name, made[name], fetcher) for name in names]
        return {name: _keep(setup, *job.result()) for name, job in zip(names, gather, strict=True)}


def _source(config: Config, name: str) -> Source:
    maker = registry.find("source", config.kind(name), sources.BUILTIN)
    return maker(name=name, **config.settings(name))


def _fetcher(config: Config, names: Sequence[str]) -> Fetcher:
    is_real = any(config.kind(name) != "sample" for name in names)
    if is_real and not config.operator.contact:
        raise Misuse(
            "the services want to know whom to write to:"
            " set contact under [operator] in digest.toml"
        )
    return Fetcher(
        contact=config.operator.contact,
        allow_hosts=config.fetch.allow_hosts,
        state_folder=state_folder(),
        deadline_s=config.fetch.deadline_s,
    )


def _gather(
    setup: Setup, name: str, source: Source, fetcher: Fetcher
) -> tuple[Reading, dict[str, Validators]]:
    """Ask one source all it has to be asked."""
    ask = _ask(setup, name)
    answers: list[Answer] = []
    validators: dict[str, Validators] = {}
    while len(answers) < REQUESTS and (request := source.next_request(ask, answers)):
        setup.notify(f"asking {name} ({len(answers) + 1})")
        try:
            answer = _answer(setup, source, fetcher, request, ask, validators)
        except SourceBlocked as why:
            answer = Failure(request=request, reason=Reason.BLOCKED, detail=str(why))
        except (Temporary, Permanent) as why:
            answer = Failure(request=request, reason=Reason.DOWN, detail=str(why))
        except Misuse:
            raise
        except Exception as why:
            # Bytes from outside must not stop the other sources, whatever they break here.
            log.exception("source %s: a fault of this program", name)
            detail = f"{request.url} could not be read: {type(why).__name__}: {why}"
            answer = Failure(request=request, reason=Reason.DOWN, detail=detail)
        answers.append(answer)
        if isinstance(answer, Page):
            names = [alias for entry in answer.entries for alias in entry.aliases]
            with setup.store.read() as connection:
                listed = paper_rows.listed_on(connection, name, names)
            ask = replace(ask, recent={**ask.recent, **listed})
    return source.conclude(ask, answers), validators


def _ask(setup: Setup, name: str) -> Ask:
    digests = setup.config.digests.values()
    # Of all digests, also of those that are not due: so the request stays the same one.
    categories = {c for d in digests if name in d.sources for c in d.categories}
    with setup.store.read() as connection:
        return Ask(
            source=name,
            now=setup.now,
            categories=tuple(sorted(categories)),
            is_first=not paper_rows.is_read(connection, name),
            coverage=paper_rows.covered(connection, name),
        )


def _answer(
    setup: Setup,
    source: Source,
    fetcher: Fetcher,
    request: Request,
    ask: Ask,
    validators: dict[str, Validators],
) -> Answer:
    known = Validators()
    if request.is_conditional:
        with setup.store.read() as connection:
            known = paper_rows.validators_of(connection, request.source, request.url)
    response = fetcher.get(request, known)
    page = source.read(response, ask)
    if request.is_conditional and not response.is_unchanged:
        # Only now: what could not be read must come again in full.
        validators[request.url] = response.validators
    return page


def _keep(setup: Setup, reading: Reading, validators: Mapping[str, Validators]) -> SourceReport:
    """Store a reading: papers, days and validators together, or nothing of it."""
    names = [alias for entry in reading.entries for alias in dedupe.aliases(entry)]
    with setup.store.exclusive("papers"), setup.store.write() as connection:
        found = dedupe.dedupe(reading.entries, paper_rows.by_alias(connection, names))
        paper_rows.save(connection, found.papers, found.merges, setup.now)
        paper_rows.cover(connection, reading.source, reading.covered, setup.now)
        paper_rows.keep_validators(connection, reading.source, validators, setup.now)
    return SourceReport(
        source=reading.source,
        reason=reading.reason,
        entries=len(reading.entries),
        new=len(found.new),
        detail=reading.detail,
    )


# --- build ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What a build came to."""

    issue: Issue | None = None
    queued: int = 0
    readers: int = 0
    looked_at: int = 0  #: papers that were in no issue before
    matched: int = 0
    warnings: tuple[str, ...] = ()


def build(setup: Setup, name: str, slot: str) -> Built:
    """Make the issue that a slot's papers give, and queue a delivery for each of its readers."""
    store, digest = setup.store, setup.config.digests[name]
    # One build at a time over the whole store: what one reader is owed depends on what all
    # digests have queued for her.
    with store.exclusive("build"):
        with store.write() as connection:
            ledger.sync_operator_readers(connection, name, digest.to, setup.now, setup.new_id)
            today = calendar.newest_feed_day(setup.now)
            since = issues.since(connection, name, digest.definition, today)
        since = max(since, today - plan.LOOK_BACK)
        looked_at: list[str] = []
        with store.read() as connection:
            fresh = paper_rows.candidates(connection, name, digest.sources, since)
            matches = match.match(_counted(fresh, looked_at), digest.interest)
            ranked = compose.rank(matches)
            again = list(paper_rows.revised(connection, name)) if digest.revised else []
            slot = plan.free_slot(slot, issues.taken_slots(connection, name))
        issue = None
        if ranked:
            setup.notify(f"summarizing {len(ranked)} papers")
            papers = [place.paper for place in ranked] + again
            said = summarize(setup, papers)
            title = setup.config.title(name)
            issue = compose.issue(name, slot, title, setup.now, ranked, again, said)
        queued, readers, warnings = _queue(setup, name, issue)
    return Built(
        issue=issue,
        queued=queued,
        readers=readers,
        looked_at=len(looked_at),
        matched=len(ranked),
        warnings=warnings,
    )


def _counted(papers: Iterable[Paper], ids: list[str]) -> Iterable[Paper]:
    for paper in papers:
        ids.append(paper.id)
        yield paper


def summarize(setup: Setup, papers: Sequence[Paper]) -> dict[str, Summary]:
    """A summary for each paper, by its id; none that is known is made again."""
    name = setup.config.summarizer
    summarizer = registry.find("summarizer", name, summarizers.BUILTIN)()
    texts = {text_hash(p.title, p.abstract): summarizers.Text(p.title, p.abstract) for p in papers}
    prompt, language = "", "en"
    with setup.store.read() as connection:
        known = summaries.known(connection, texts, summarizer.id, prompt, language)
    missing = [hash for hash in texts if hash not in known]
    made = dict(zip(missing, summarizer.summarize([texts[hash] for hash in missing]), strict=True))
    with setup.store.write() as connection:
        summaries.save(connection, made, summarizer.id, prompt, language, setup.now)
    known |= made
    return {
        p.id: Summary(text=known[text_hash(p.title, p.abstract)], summarizer=summarizer.id)
        for p in papers
    }


def text_hash(title: str, abstract: str) -> str:
    """What a summary is a summary of."""
    return hashlib.sha256(f"{title}\n{abstract}".encode()).hexdigest()


def _queue(setup: Setup, name: str, issue: Issue | None) -> tuple[int, int, tuple[str, ...]]:
    """Keep the issue, and queue what each reader is owed of it and of those she missed."""
    store = setup.store
    with store.read() as connection:
        people = ledger.readers(connection, name)
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
    choices: dict[tuple[tuple[str, bool], ...], tuple[list[Item], list[Any]]] = {}
    new = issue.items if issue else ()
    for person in people:
        late = [item for id in missed.get(person.id, ()) for item in old[id]]
        items = plan.owed(new, late, had.get(person.id, ()))
        if person.id not in has_one and any(not item.is_revision for item in items):
            choice = tuple(sorted((item.paper.id, item.is_revision) for item in items))
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
        issues.save_editions(connection, editions)
        queued = ledger.enqueue(connection, rows, setup.now)
    return queued, len(people), tuple(dict.fromkeys(warnings))


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
    setup: Setup, name: str, issue: Issue, items: Sequence[Item], topics: Sequence[str] = ()
) -> tuple[Edition, Rendered]:
    """The longest edition up to the digest's cap that no mail program will clip.

    Sections stand in the order of `topics`, the digest's own where none are given.
    """
    digest = setup.config.digests[name]
    masthead, environment = setup.config.masthead(name), templates(setup.config)
    fragments = render.render_items(items, masthead, environment)
    cap = digest.papers
    while True:
        edition = compose.edition(
            issue, items, cap=cap, topics=topics or digest.topics, format=digest.format
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


def templates(config: Config) -> Any:
    """The operator's own templates before ours."""
    return render.environment([config.templates, render.BUILT_IN])


# --- send ----------------------------------------------------------------------------------------


@dataclass(slots=True)
class Sent:
    """What a sending came to, by digest."""

    mails: dict[str, int] = field(default_factory=dict)
    problems: dict[str, list[str]] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)

    def note(self, digest: str, problem: str) -> None:
        """Keep a problem in words."""
        self.problems.setdefault(digest, []).append(problem)


def send(setup: Setup, fresh: Sequence[Issue] = ()) -> Sent:
    """Lay out the pages of fresh issues, and hand every queued delivery to the transport."""
    config, store, sent = setup.config, setup.store, Sent()
    transport = registry.find("transport", config.transport, transports.BUILTIN)(
        folder=config.outbox
    )
    # One sender at a time; who waited here finds the queue as the other left it.
    with store.exclusive("send"):
        _recover(setup, transport, sent)
        for issue in fresh:
            _publish(setup, issue, transport, sent)
        with store.read() as connection:
            queue = ledger.in_state(connection, [DeliveryState.QUEUED, DeliveryState.DEFERRED])
        desk = _Desk(setup)
        for number, delivery in enumerate(queue, 1):
            setup.notify(f"mail {number} of {len(queue)}")
            _deliver(setup, transport, delivery, desk, sent)
    return sent


def _recover(setup: Setup, transport: transports.Transport, sent: Sent) -> None:
    """Whoever claimed a delivery before us is dead, for we hold the sender's lock."""
    after = DeliveryState.QUEUED if transport.is_repeatable else DeliveryState.IN_DOUBT
    with setup.store.write() as connection:
        for one in ledger.in_state(connection, [DeliveryState.CLAIMED]):
            ledger.move(connection, one, one.state, DeliveryState.QUEUED, setup.now)
        for one in ledger.in_state(connection, [DeliveryState.SENDING]):
            ledger.move(connection, one, one.state, after, setup.now, "the sender died meanwhile")
            if after is DeliveryState.IN_DOUBT:
                sent.note(one.issue.partition("/")[0], f"{one.issue}: one mail is in doubt")


def _publish(setup: Setup, issue: Issue, transport: transports.Transport, sent: Sent) -> None:
    try:
        _, rendered = fit(setup, issue.digest, issue, issue.items)
        pages = {
            "issue.html": rendered.html,
            "issue.md": rendered.markdown,
            "issue.txt": rendered.text,
        }
        if folder := transport.publish(issue.id, pages):
            sent.folders[issue.digest] = str(folder)
    except (Temporary, Permanent) as why:
        sent.note(issue.digest, str(why))


def _deliver(
    setup: Setup,
    transport: transports.Transport,
    delivery: Delivery,
    desk: _Desk,
    sent: Sent,
) -> None:
    digest = delivery.issue.partition("/")[0]
    state = delivery.state

    def moves(after: DeliveryState, detail: str = "") -> bool:
        nonlocal state
        with setup.store.write() as connection:
            is_ours = ledger.move(connection, delivery, state, after, setup.now, detail)
        state = after if is_ours else state
        return is_ours

    if not moves(DeliveryState.CLAIMED):
        return
    try:
        mail = desk.mail(delivery)
        moves(DeliveryState.SENDING)
        receipt = transport.send(mail, delivery.issue)
        moves(DeliveryState.SENT, receipt.detail)
        sent.mails[digest] = sent.mails.get(digest, 0) + 1
    except Temporary as why:
        moves(DeliveryState.DEFERRED, str(why))
        sent.note(digest, f"a mail will be tried again: {why}")
    except Permanent as why:
        moves(DeliveryState.FAILED, str(why))
        sent.note(digest, f"a mail failed: {why}")


class _Desk:
    """Mails from deliveries. They come edition by edition, so the last one made is kept."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.environment = templates(setup.config)
        self.edition = ""
        self.letter: letters.Letter | None = None

    def mail(self, delivery: Delivery) -> Mail:
        if self.letter is None or delivery.edition != self.edition:
            with self.setup.store.read() as connection:
                edition = issues.load_edition(connection, delivery.edition)
            self.letter = self._prepare(edition)
            self.edition = delivery.edition
        return letters.address(self.letter, delivery)

    def _prepare(self, edition: Edition) -> letters.Letter:
        name = edition.issue.digest
        if name not in self.setup.config.digests:
            raise Permanent(f"digest {name!r} is no longer in the configuration")
        masthead: Masthead = self.setup.config.masthead(name)
        items = [*edition.shown, *edition.more]
        fragments = render.render_items(items, masthead, self.environment)
        rendered = render.render(edition, masthead, self.environment, fragments)
        return letters.prepare(rendered, masthead, edition.issue.made_at, edition.format)


# --- run -----------------------------------------------------------------------------------------


def run(setup: Setup, slots: Mapping[str, str]) -> list[Report]:
    """Fetch, build and send the digests of `slots` (name → slot); one report each, kept."""
    found = fetch(setup, list(slots))
    built: dict[str, Built] = {}
    for name, slot in slots.items():
        setup.notify(f"building {name}")
        built[name] = build(setup, name, slot)
    sent = send(setup, [one.issue for one in built.values() if one.issue])
    reports = []
    for name, slot in slots.items():
        mine = [found[source] for source in setup.config.digests[name].sources]
        report = _report(name, slot, built[name], mine, sent)
        with setup.store.write() as connection:
            issues.report(connection, name, slot, report.reason, words(report), setup.now)
        reports.append(report)
    return reports


def _report(
    name: str, slot: str, built: Built, found: Sequence[SourceReport], sent: Sent
) -> Report:
    mails = sent.mails.get(name, 0)
    papers = sum(not item.is_revision for item in built.issue.items) if built.issue else 0
    reason = plan.reason(
        found,
        has_sent=bool(mails or (papers and not built.readers)),
        looked_at=built.looked_at,
        matched=built.matched,
    )
    notes = [*built.warnings, *sent.problems.get(name, ())]
    if papers and not built.readers:
        notes.append("nobody is subscribed yet")
    return Report(
        digest=name,
        slot=built.issue.slot if built.issue else slot,
        reason=reason,
        papers=papers,
        mails=mails,
        sources=tuple(found),
        folder=sent.folders.get(name, ""),
        has_failed=bool(sent.problems.get(name)),
        detail="; ".join(dict.fromkeys(notes)),
    )


def words(report: Report) -> dict[str, Any]:
    """A report as one JSON object."""
    return {
        "digest": report.digest,
        "slot": report.slot,
        "reason": str(report.reason),
        "papers": report.papers,
        "mails": report.mails,
        "sources": [source_words(source) for source in report.sources],
        "folder": report.folder,
        "detail": report.detail,
    }


def source_words(report: SourceReport) -> dict[str, Any]:
    """A source's report as one JSON object."""
    return {
        "source": report.source,
        "reason": str(report.reason),
        "entries": report.entries,
        "new": report.new,
        "detail": report.detail,
    }


def due(setup: Setup) -> tuple[dict[str, str], list[Report]]:
    """The digests whose slot has come, with it; and why the others' has not."""
    slots: dict[str, str] = {}
    others: list[Report] = []
    with setup.store.read() as connection:
        for name, digest in setup.config.digests.items():
            slot, why = "", "it has no schedule; `digest run NAME` runs it now"
            if digest.schedule:
                schedule = plan.parse_schedule(digest.schedule, digest.timezone)
                past = schedule.slots(setup.now - plan.LOOK_BACK, setup.now)
                slot = past[-1] if past else ""
                why = _why_not(connection, name, slot, setup.now)
            if why:
                others.append(Report(digest=name, slot=slot, reason=Reason.NOT_DUE, detail=why))
            else:
                slots[name] = slot
    return slots, others


def _why_not(connection: Any, name: str, slot: str, now: datetime) -> str:
    if not slot:
        return "its first slot is yet to come"
    if issues.is_done_with(connection, name, slot):
        return f"the slot {slot} is done with"
    tried_at = issues.last_run_at(connection, name, slot)
    if tried_at and now - tried_at < RETRY_AFTER:
        return f"the slot {slot} was tried at {tried_at:%H:%M} UTC and is tried again soon"
    return ""


def exit_code(reports: Sequence[Report]) -> int:
    """0 when all is accounted for, 1 when something failed and will be tried again."""
    found = [source for report in reports for source in report.sources]
    is_unfinished = any(report.reason in UNFINISHED or report.has_failed for report in reports)
    return int(is_unfinished or bool(sources_exit_code(found)))


def sources_exit_code(found: Iterable[SourceReport]) -> int:
    """The same for a fetch alone."""
    return int(any(source.reason in UNFINISHED for source in found))
