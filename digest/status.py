"""What stands where: digests, sources and the queue, for the operator."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from digest import keys, plan
from digest.errors import BadConfig
from digest.run import Setup, roll, waits
from digest.store import Connection, issues, ledger, picks
from digest.store import papers as paper_rows


def status(setup: Setup) -> dict[str, Any]:
    """Everything as one JSON object."""
    with setup.store.read() as connection:
        reports = issues.last_reports(connection)
        digests = []
        for name, digest in setup.config.digests.items():
            made, sent = issues.counts(connection, name)
            papers, first, last = paper_rows.span(connection, digest.sources)
            report = reports.get(name)
            digests.append(
                {
                    "digest": name,
                    "next": _next(setup, name),
                    "readers": len(ledger.readers(connection, name)) or len(digest.to),
                    "papers": papers,
                    "first": str(first or ""),
                    "last": str(last or ""),
                    "issues": made,
                    "mails": sent,
                    "draft": _draft(setup, connection, name),
                    "picks": [
                        {"id": pick.paper.id, "title": pick.paper.title, "note": pick.note}
                        for pick in picks.waiting(connection, name)
                    ],
                    "report": report.report if report else None,
                }
            )
        sources = [
            {"source": row.source, "read_at": row.read_at and row.read_at.isoformat()}
            for row in paper_rows.health(connection)
        ]
        queue = ledger.by_state(connection)
        people = roll.counts(connection)
    return {
        "digests": digests,
        "sources": sources,
        "queue": queue,
        "subscribers": people,
        "warnings": _warnings(setup),
    }


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


def _draft(setup: Setup, connection: Connection, name: str) -> dict[str, Any] | None:
    draft = issues.draft(connection, name)
    if draft is None or draft.draft_until is None:
        return None
    papers = sum(not item.is_revision for item in draft.items)
    until = draft.draft_until.isoformat()
    return {"slot": draft.slot, "until": until, "papers": papers, "detail": waits(setup, draft)}


def _next(setup: Setup, name: str) -> str:
    digest = setup.config.digests[name]
    if not digest.schedule:
        return ""
    schedule = plan.parse_schedule(digest.schedule, digest.timezone)
    slots = schedule.slots(setup.now, setup.now + timedelta(days=32))
    return f"{slots[0]} {digest.timezone}" if slots else ""


def lines(found: dict[str, Any]) -> list[str]:
    """The same in words."""
    said = []
    for one in found["digests"]:
        said.append(f"{one['digest']}: issues {one['issues']}, mails sent {one['mails']}")
        said.append(f"  readers  {one['readers']}")
        span = f", announced {one['first']} to {one['last']}" if one["papers"] else ""
        said.append(f"  papers   {one['papers']} in the store{span}")
        said.append(f"  next     {one['next'] or 'no schedule; `digest run NAME` runs it'}")
        said.append(f"  last     {_last(one['report'])}")
        if one["draft"]:
            said.append(f"  draft    {one['draft']['papers']} papers: {one['draft']['detail']}")
        for pick in one["picks"]:
            note = f": {pick['note']}" if pick["note"] else ""
            said.append(f"  picked   {pick['id']} {pick['title']}{note}")
    for one in found["sources"]:
        said.append(f"source {one['source']}: last read in full {one['read_at'] or 'never'}")
    queue = ", ".join(f"{count} {state}" for state, count in sorted(found["queue"].items()))
    said.append(f"deliveries: {queue or 'none yet'}")
    return said + _of_people(found["subscribers"]) + [f"warning: {w}" for w in found["warnings"]]


def _of_people(found: dict[str, Any]) -> list[str]:
    said = [f"subscribers of {name}: {_counted(of)}" for name, of in found["digests"].items()]
    for what in ("suppressed", "asks", "notices", "arrivals"):
        if found[what]:
            said.append(f"{what}: {_counted(found[what])}")
    return said


def _counted(of: dict[str, int]) -> str:
    return ", ".join(f"{number} {what}" for what, number in sorted(of.items()))


def _last(report: dict[str, Any] | None) -> str:
    if not report:
        return "never run"
    said = f"{report['slot']}: {report['reason']}"
    faults = [f"{s['source']} {s['reason']}" for s in report["sources"] if s["detail"]]
    return said + (f" ({', '.join(faults)})" if faults else "")
