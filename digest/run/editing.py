"""What editors do: pick() papers for the next issue, approve() or drop() its draft."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from digest import dedupe
from digest.errors import Misuse
from digest.run import reporting
from digest.run.building import Built, release
from digest.run.sending import Sent, send, transport_of
from digest.run.setup import Setup
from digest.run.summarizing import make_ready
from digest.store import Connection, issues, picks, schedules
from digest.store import papers as paper_rows
from digest.text import line
from digest.types import Issue, Paper, Reason, Report

NOTE_CHARACTERS = 500  #: a few sentences; a mail has room for other papers


def pick(setup: Setup, name: str, id: str, note: str = "") -> Paper:
    """Put a paper on top of the next issue, or of the draft that waits, with an editor's words.

    Raises: Misuse for a paper that the store does not have, or that was in an issue.
    """
    words = line(note)
    if len(words) > NOTE_CHARACTERS:
        raise Misuse(f"the note has {len(words)} characters, {NOTE_CHARACTERS} are the most")
    with setup.store.write() as connection:
        paper = _known(connection, id)
        if issue := issues.issue_of(connection, name, paper.id):
            raise Misuse(f"{id!r} was in the issue {issue}; nobody gets a paper twice")
        picks.pick(connection, name, paper.id, words, setup.now)
    return paper


def unpick(setup: Setup, name: str, id: str) -> Paper:
    """Take a pick back.

    Raises: Misuse when it is none, or went out with an issue.
    """
    with setup.store.write() as connection:
        paper = _known(connection, id)
        if issue := issues.issue_of(connection, name, paper.id):
            raise Misuse(f"{id!r} went out with the issue {issue}")
        if not picks.take_back(connection, name, paper.id):
            raise Misuse(f"{id!r} is no pick of {name!r}; `digest status` lists them")
    return paper


def approve(setup: Setup, name: str, slot: str | None = None) -> Report:
    """Send the draft that waits.

    Raises: Misuse when there is none, or none for the slot.
    """
    draft = _draft(setup, name, slot)
    report = _out(setup, draft)
    if report is None:
        raise Misuse(f"the draft {draft.slot} of {name!r} went out this moment")
    return report


def drop(setup: Setup, name: str, slot: str | None = None) -> Report:
    """Throw the draft away. Its papers are candidates again, its picks wait for the next issue.

    Raises: Misuse when there is none, or none for the slot.
    """
    with setup.store.exclusive("build"):
        draft = _draft(setup, name, slot)
        with setup.store.write() as connection:
            issues.drop(connection, draft.id)
            schedules.look(connection, name, setup.now)
    detail = "the draft was thrown away; its papers may be in the next issue"
    report = Report(digest=name, slot=draft.slot, reason=Reason.NOT_DUE, detail=detail)
    _keep(setup, report, draft.made_at)
    return report


def overdue(setup: Setup, names: Iterable[str]) -> list[Report]:
    """Send the drafts whose time has come though nobody approved them."""
    reports = []
    for draft, built in releases(setup, names):
        sent = send(setup, [built.issue]) if built.issue else Sent()
        reports.append(_reported(setup, draft, built, sent))
    return reports


def releases(setup: Setup, names: Iterable[str]) -> Iterator[tuple[Issue, Built]]:
    """Let those drafts out, each with what it came to; sends nothing."""
    with setup.store.read() as connection:
        waiting = issues.drafts(connection)
    for name in names:
        if name in waiting and waiting[name] <= setup.now:
            with setup.store.read() as connection:
                draft = issues.draft(connection, name)
            if draft and (built := release(setup, name, draft)):
                yield draft, built


def _out(setup: Setup, draft: Issue) -> Report | None:
    name = draft.digest
    transport_of(setup.config)
    make_ready(setup.summarizer, setup.config.language)
    built = release(setup, name, draft)
    if built is None:
        return None
    sent = send(setup, [built.issue]) if built.issue else Sent()
    return _reported(setup, draft, built, sent)


def _reported(setup: Setup, draft: Issue, built: Built, sent: Sent) -> Report:
    report = reporting.report(setup, draft.digest, draft.slot, built, [], sent)
    _keep(setup, report, draft.made_at)
    reporting.tell(report)
    return report


def _keep(setup: Setup, report: Report, made_at: datetime) -> None:
    """The report of the draft's own run, brought up to date: no topics were looked at since."""
    words = reporting.words(report)
    with setup.store.write() as connection:
        issues.report(connection, report.digest, report.slot, report.reason, words, made_at)
        schedules.look(connection, report.digest, setup.now)


def _draft(setup: Setup, name: str, slot: str | None) -> Issue:
    with setup.store.read() as connection:
        draft = issues.draft(connection, name)
    if draft is None:
        hint = "" if setup.config.digests[name].review else "; set review = true to have some"
        raise Misuse(f"no draft of {name!r} waits{hint}")
    if slot not in (None, draft.slot):
        raise Misuse(f"no draft of {name!r} waits for {slot!r}; there is {draft.slot}")
    return draft


def _known(connection: Connection, id: str) -> Paper:
    names = dedupe.aliases_of(id)
    found = paper_rows.by_alias(connection, names)
    for name in names:
        if name in found:
            return found[name]
    raise Misuse(
        f"the store has no paper {id!r}; `digest fetch` reads the sources,"
        " and ids are like 2606.00001, doi:10.1101/2026.01.01.123456 or the paper's address"
    )
