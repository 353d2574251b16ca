"""fetch(): every source is asked once, and what it says is kept."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from digest import dedupe, registry, sources
from digest.config import Config, state_folder
from digest.errors import Misuse, Permanent, SourceBlocked, Temporary
from digest.fetch import Fetcher
from digest.run.examples import unknown_arxiv_ids
from digest.run.setup import Setup
from digest.sources import Source
from digest.sources.arxiv import Arxiv
from digest.store import papers as paper_rows
from digest.store.upsert import chunks
from digest.types import (
    Answer,
    Ask,
    Failure,
    Page,
    Reading,
    Reason,
    Request,
    SourceReport,
    Validators,
)

log = logging.getLogger(__name__)

NAMED_AT_A_TIME = 100  #: ids in one address
REQUESTS = 400  #: the most one source may make in a run


def fetch(setup: Setup, digests: Collection[str]) -> dict[str, SourceReport]:
    """Read every source of the digests once and keep what they say, by source."""
    config = setup.config
    names = list(dict.fromkeys(s for d in digests for s in config.digests[d].sources))
    made = {name: _source(config, name) for name in names}
    with _fetcher(config, names) as fetcher, ThreadPoolExecutor(max_workers=8) as pool:
        gather = [pool.submit(_gather, setup, name, made[name], fetcher) for name in names]
        found = {name: _keep(setup, *job.result()) for name, job in zip(names, gather, strict=True)}
        if ids := unknown_arxiv_ids(setup, digests):
            _fetch_named(setup, ids, fetcher)
        return found


def _fetch_named(setup: Setup, ids: Sequence[str], fetcher: Fetcher) -> None:
    """Get what digests name under `papers_like`; what cannot be had is asked for next time."""
    of_kind = [name for name in setup.config.sources if setup.config.kind(name) == "arxiv"]
    name = next(iter(of_kind), "arxiv")
    source = Arxiv(name=name, **setup.config.settings(name))
    for some in chunks(ids, NAMED_AT_A_TIME):
        setup.notify(f"asking {name} for {len(some)} papers of papers_like")
        try:
            response = fetcher.get(source.named(some), Validators())
            page = source.read(response, Ask(source=name, now=setup.now))
        except (Temporary, Permanent) as why:
            log.warning("papers_like: %s", why)
            return
        _keep(setup, Reading(source=name, reason=Reason.QUIET, entries=page.entries), {})


def _source(config: Config, name: str) -> Source:
    settings = config.settings(name)
    return registry.make("source", config.kind(name), sources.BUILTIN, name=name, **settings)


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
    if request.is_conditional:
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
    _tell(reading, len(found.new))
    return SourceReport(
        source=reading.source,
        reason=reading.reason,
        entries=len(reading.entries),
        new=len(found.new),
        detail=reading.detail,
        again_at=reading.again_at,
    )


def _tell(reading: Reading, new: int) -> None:
    values = {"source": reading.source, "reason": str(reading.reason), "new": new}
    log.info(
        "source %s: %s, new papers %d of %d%s",
        *(reading.source, reading.reason, new, len(reading.entries)),
        f" ({reading.detail})" if reading.detail else "",
        extra=values | {"entries": len(reading.entries), "detail": reading.detail},
    )
