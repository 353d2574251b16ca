"""Why there was a mail, or why not: as values, as JSON, and as an exit code."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from digest import plan
from digest.logs import without_answers
from digest.run.building import Built
from digest.run.sending import Sent
from digest.run.setup import Setup
from digest.types import UNFINISHED, Issue, Reason, Report, SourceReport

log = logging.getLogger(__name__)


def report(
    setup: Setup,
    name: str,
    slot: str,
    built: Built,
    found: Sequence[SourceReport],
    sent: Sent | None,
) -> Report:
    """What one digest's part of a run came to; without `sent`, before anything was."""
    mails = sent.mails.get(name, 0) if sent else 0
    problems = sent.problems.get(name, []) if sent else []
    issue = built.issue or built.draft
    papers = sum(not item.is_revision for item in issue.items) if issue else 0
    is_made = bool(built.issue and papers)
    is_for_nobody = is_made and not built.readers
    is_under_way = sent is None and bool(built.queued or built.issue)
    reason = plan.reason(
        found,
        has_sent=bool(mails or is_made or is_under_way),
        looked_at=built.looked_at,
        matched=built.matched,
    )
    if built.draft and not mails:
        reason = Reason.NOT_DUE
    if problems and not mails:
        reason = Reason.DOWN  # whatever was owed is still owed
    notes = [waits(setup, built.draft)] if built.draft else []
    notes += [*built.warnings, *problems]
    if is_for_nobody:
        notes.append("nobody is subscribed yet")
    elif is_made and not built.queued:
        notes.append("no reader gets it now: each waits for her own hour, or has paused")
    if is_under_way and built.queued:
        notes.append(f"{built.queued} queued")
    return Report(
        digest=name,
        slot=issue.slot if issue else slot,
        reason=reason,
        papers=papers,
        mails=mails,
        sources=tuple(found),
        folder=sent.folders.get(name, "") if sent else "",
        has_failed=bool(problems),
        detail="; ".join(dict.fromkeys(notes)),
    )


def tell(report: Report) -> None:
    """Log what a digest's part of a run came to."""
    values = {name: getattr(report, name) for name in ("digest", "slot", "papers", "mails")}
    detail = without_answers(report.detail) if report.has_failed else report.detail
    log.info(
        "%s %s: %s, papers %d, mails %d%s",
        *(report.digest, report.slot, report.reason, report.papers, report.mails),
        f" ({detail})" if detail else "",
        extra={**values, "reason": str(report.reason), "detail": detail},
    )


def waits(setup: Setup, draft: Issue) -> str:
    """That a draft waits, until when, and how to get it out."""
    name, zone = draft.digest, setup.config.digests[draft.digest].timezone
    assert draft.draft_until is not None  # it is a draft
    until = plan.wall_time(draft.draft_until, zone)
    return (
        f"the draft {draft.slot} waits until {until} {zone};"
        f" `digest approve {name}` sends it now, with --drop nobody gets it"
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


def readings(kept: Mapping[str, datetime], reports: Iterable[Any]) -> dict[str, datetime]:
    """Source → when it was last read in full.

    `kept` is the account of those that have one; of the others the digests' newest reports tell.
    """
    found = dict(kept)
    for row in reports:
        for one in row.report["sources"]:
            if one["reason"] not in UNFINISHED:
                name = one["source"]
                found[name] = max(found.get(name, row.run_at), row.run_at)
    return found


def exit_code(reports: Sequence[Report]) -> int:
    """0 when all is accounted for, 1 when something failed and will be tried again."""
    found = [source for report in reports for source in report.sources]
    is_unfinished = any(report.reason in UNFINISHED or report.has_failed for report in reports)
    return int(is_unfinished or bool(sources_exit_code(found)))


def sources_exit_code(found: Iterable[SourceReport]) -> int:
    """The same for a fetch alone."""
    return int(any(source.reason in UNFINISHED for source in found))
