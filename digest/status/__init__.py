"""What stands where: digests, sources and the queue, for the operator.

With a thousand digests it must be quick: what can be asked for all of them at once is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from digest import keys
from digest.errors import BadConfig
from digest.run import Setup, disk, outlook, reporting, roll, waits
from digest.run.outlook import Coming
from digest.sources import arxiv_days, calendar
from digest.status.trouble import troubles
from digest.status.wording import lines
from digest.store import Connection, issues, ledger, overview, picks, watching
from digest.store import papers as paper_rows
from digest.types import Ask, Issue

__all__ = ["lines", "status"]

SLOTS = 3  #: that are done with, of each digest
_SINCE = timedelta(days=70)  #: two months and a bit: what is older is history


@dataclass(frozen=True, slots=True, kw_only=True)
class _All:
    """What was asked for all digests at once."""

    coming: Mapping[str, Coming]
    reports: Mapping[str, Any]
    issues: Mapping[str, int]
    mails: Mapping[str, int]
    readers: Mapping[str, int]
    waiting: Mapping[str, tuple[int, datetime]]
    drafts: Mapping[str, Issue]
    with_picks: set[str]
    slots: Mapping[str, list[Any]]
    #: Sources of a digest → how many papers, from when to when.
    spans: dict[frozenset[str], tuple[int, date | None, date | None]]


def status(setup: Setup) -> dict[str, Any]:
    """Everything as one JSON object."""
    with setup.store.read() as connection:
        every = _all(setup, connection)
        found = {
            "digests": [_digest(setup, connection, every, name) for name in setup.config.digests],
            "sources": _sources(setup, connection, every.reports),
            "queue": ledger.by_state(connection),
            "in_doubt": _in_doubt(connection),
            "waiting": _waiting(every.waiting),
            "subscribers": roll.counts(connection),
            "alerts": [
                {"about": row.about, "since": row.since.isoformat()}
                for row in overview.open_alerts(connection)
            ],
        }
    found |= {"now": _utc(setup.now), "disk": disk.disk(setup), "warnings": _warnings(setup)}
    return {"problems": troubles(found), **found}


def _all(setup: Setup, connection: Connection) -> _All:
    return _All(
        coming=outlook.coming(setup, connection),
        reports=issues.last_reports(connection),
        issues=overview.issues_out(connection),
        mails=overview.mails_sent(connection),
        readers=overview.readers(connection),
        waiting=overview.waiting_readers(connection, setup.now),
        drafts=overview.drafts(connection),
        with_picks=overview.with_picks(connection),
        slots=overview.last_slots(connection, setup.now - _SINCE, SLOTS),
        spans={},
    )


def _digest(setup: Setup, connection: Connection, every: _All, name: str) -> dict[str, Any]:
    digest = setup.config.digests[name]
    sources = frozenset(digest.sources)
    if sources not in every.spans:
        every.spans[sources] = paper_rows.span(connection, digest.sources)
    papers, first, last = every.spans[sources]
    number, due_at = every.waiting.get(name, (0, None))
    report = every.reports.get(name)
    return {
        "digest": name,
        **_times(every.coming.get(name), report, setup.now),
        "readers": every.readers.get(name) or len(digest.to),
        "waiting": number,
        "waiting_until": _utc(due_at),
        "papers": papers,
        "first": str(first or ""),
        "last": str(last or ""),
        "issues": every.issues.get(name, 0),
        "mails": every.mails.get(name, 0),
        "draft": _draft(setup, every.drafts.get(name)),
        "picks": _picks(connection, name) if name in every.with_picks else [],
        "report": report.report if report else None,
        "report_at": _utc(report.run_at if report else None),
        "slots": [_slot(row) for row in every.slots.get(name, ())],
    }


def _times(coming: Coming | None, report: Any, now: datetime) -> dict[str, Any]:
    """When it goes out next, and what is open until then."""
    if coming is None:
        return {"next": "", "next_at": "", "zone": "", "open": None}
    slot = coming.open
    return {
        "next": f"{coming.next.key} {coming.zone}" if coming.next else "",
        "next_at": _utc(coming.next.due_at if coming.next else None),
        "zone": coming.zone,
        "open": slot
        and {
            "slot": slot.key,
            "due_at": _utc(slot.due_at),
            "look_at": _utc(coming.look_at),
            "detail": outlook.open_words(coming, report.report if report else None, now),
        },
    }


def _draft(setup: Setup, draft: Issue | None) -> dict[str, Any] | None:
    if draft is None or draft.draft_until is None:
        return None
    if draft.digest not in setup.config.digests:
        return None
    papers = sum(not item.is_revision for item in draft.items)
    until = draft.draft_until.isoformat()
    return {"slot": draft.slot, "until": until, "papers": papers, "detail": waits(setup, draft)}


def _picks(connection: Connection, name: str) -> list[dict[str, Any]]:
    return [
        {"id": pick.paper.id, "title": pick.paper.title, "note": pick.note}
        for pick in picks.waiting(connection, name)
    ]


def _slot(row: Any) -> dict[str, Any]:
    return {
        "slot": row.slot,
        "outcome": row.outcome,
        "settled_at": _utc(row.settled_at),
        "issue": row.issue_id or "",
    }


def _sources(
    setup: Setup, connection: Connection, reports: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Each source's last full reading, what it said last, and the days that are still open."""
    said: dict[str, tuple[datetime, Mapping[str, Any]]] = {}
    for row in reports.values():
        for one in row.report["sources"]:
            known = said.get(one["source"])
            if known is None or known[0] < row.run_at:
                said[one["source"]] = row.run_at, one
    read = reporting.readings(watching.readings(connection), reports.values())
    found = []
    for name in sorted({*read, *said, *setup.config.sources_read}):
        at, last = said.get(name, (None, {}))
        found.append(
            {
                "source": name,
                "read_at": _utc(read.get(name)) or None,
                "asked_at": _utc(at),
                "reason": last.get("reason", ""),
                "detail": last.get("detail", ""),
                "open": [str(day) for day in _open_days(setup, connection, name)],
            }
        )
    return found


def _open_days(setup: Setup, connection: Connection, name: str) -> list[date]:
    """The days that arXiv's papers are still to be asked for."""
    categories = setup.config.sources_read.get(name)
    if categories is None or setup.config.kind(name) != "arxiv":
        return []
    ask = Ask(
        source=name,
        now=setup.now,
        categories=categories,
        coverage=paper_rows.covered(connection, name),
    )
    return arxiv_days.open_days(ask, calendar.newest_feed_day(setup.now))


def _in_doubt(connection: Connection) -> list[dict[str, Any]]:
    return [
        {"issue": id, "mails": number, "command": f"digest send --retry in-doubt {id}"}
        for id, number in overview.in_doubt(connection).items()
    ]


def _waiting(by_digest: Mapping[str, tuple[int, datetime]]) -> dict[str, Any]:
    first = min((at for _, at in by_digest.values()), default=None)
    return {"readers": sum(number for number, _ in by_digest.values()), "next_at": _utc(first)}


def _warnings(setup: Setup) -> list[str]:
    """What should be mended before strangers subscribe."""
    found = []
    if not setup.config.pages_url.startswith("https:"):
        found.append(
            f"List-Unsubscribe leads to {setup.config.pages_url}: mail providers ignore one-click"
            ' unsubscribing without https; set base_url = "https://…"'
        )
    try:
        if setup.config.keys.exists():  # or else it is made when it is needed
            keys.load(setup.config.keys)
    except BadConfig as why:
        found.append(str(why))
    return found


def _utc(moment: datetime | None) -> str:
    return moment.astimezone(UTC).isoformat() if moment else ""
