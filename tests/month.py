"""Days of digests under a driven clock: the real run_due() before a server with faults."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from arxiv_server import CATEGORIES, ArxivServer, Fault
from desk import Desk, body
from sqlalchemy import func, select

from digest import run
from digest.cli.frame import count, source_line
from digest.run import notifying
from digest.store.tables import schedules, subscriptions
from digest.types import Report

STEP = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a turn said of a digest."""

    at: datetime
    report: Report


class Month(Desk):
    """Digests that read `server`; DIGEST_STATE_FOLDER must be FOLDER/state."""

    def __init__(
        self,
        folder: Path,
        server: ArxivServer,
        digests: Mapping[str, Mapping[str, Any]],
        **settings: Any,
    ) -> None:
        self.server = server
        self.said: list[Said] = []
        arxiv = {"rss": server.url(""), "api": server.url("/api/query"), **settings}
        super().__init__(
            folder,
            fetch={"allow_hosts": ["127.0.0.1"], "deadline_s": 20},
            sources={"arxiv": arxiv},
            digests=whole(digests),
        )

    def change(self, **digests: Mapping[str, Any]) -> None:
        """The configuration is edited."""
        self.at(0, digests=whole(digests))

    def moment(self, at: datetime) -> run.Setup:
        """Everything at a moment."""
        self.now = self.server.now = at
        self.setup = self.setup.at(at)
        return self.setup

    def turn(self, at: datetime) -> list[Report]:
        """One look at the clock."""
        for file in (self.folder / "state").glob("*"):  # days go by here in seconds
            file.unlink()
        reports = run.run_due(self.moment(at))
        notifying.welcome(self.setup)
        self.said += [Said(at=at, report=report) for report in reports]
        return reports

    def run(self, first: datetime, last: datetime) -> None:
        """A turn whenever something is due, to the next quarter of an hour."""
        at = first
        while at <= last:
            self.turn(at)
            at = max(at + STEP, self._next(at))

    def _next(self, at: datetime) -> datetime:
        with self.setup.store.read() as connection:
            moments = [
                connection.scalar(select(func.min(schedules.c.next_at))),
                connection.scalar(select(func.min(subscriptions.c.due_at))),
            ]
        upcoming: datetime = min(moment for moment in moments if moment)
        return upcoming + (at - upcoming) % STEP  # on the same quarters

    def got(self) -> dict[str, Counter[str]]:
        """Reader → the papers in her mails."""
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for mail in self.mails(kind="issues"):
            found[mail["To"]].update(papers_in(body(mail)))
        return found


def whole(digests: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """With what all of them have."""
    common = {
        "sources": ["arxiv"],
        "categories": list(CATEGORIES),
        "topics": ['"number"'],
        "papers": 100,
    }
    return {name: {**common, "to": [f"{name}@example.org"], **one} for name, one in digests.items()}


def papers_in(text: str) -> list[str]:
    """The ids of the papers in a mail."""
    starts = ("Abstract: https://arxiv.org/abs/", "https://arxiv.org/abs/")
    lines = (line.strip() for line in text.splitlines())
    return [line.rpartition("/")[2] for line in lines if line.startswith(starts)]


def utc(day: date, hour: int = 0, minute: int = 0) -> datetime:
    """A moment."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)


# --- for people ----------------------------------------------------------------------------------


def log(month: Month, days: Mapping[date, str]) -> str:
    """What each digest said, as `digest run` prints it; `days` is what was odd at arXiv."""
    lines = ["What was odd at arXiv:", ""]
    lines += [f"  {day:%a %d %b}  {said}" for day, said in sorted(days.items())]
    for name, digest in month.setup.config.digests.items():
        waits = f"waits for {digest.wait_hours:g} h" if digest.wait_hours else "waits for nothing"
        tells = ", tells readers why there is nothing" if digest.send_empty else ""
        lines += ["", f"{name}: {digest.schedule} {digest.timezone}, {waits}{tells}", ""]
        mine = [one for one in month.said if one.report.digest == name]
        for said in _together(mine):
            lines += _lines(said, ZoneInfo(digest.timezone))
    text = "\n".join(lines) + "\n"
    text = text.replace(month.server.url(""), "http://arxiv")
    return re.sub(r"; the group 'arxiv' is stopped until [^;)\n]*", "", text).replace(
        str(month.folder), "…"
    )


def _together(said: Sequence[Said]) -> Iterator[list[Said]]:
    """Those that say the same one after the other."""
    some: list[Said] = []
    for one in said:
        if some and _what(some[0]) != _what(one):
            yield some
            some = []
        some.append(one)
    if some:
        yield some


def _what(one: Said) -> object:
    is_waiting = "looked at again" in one.report.detail
    at = None if is_waiting else one.at
    sources = [source.detail.partition(";")[0] for source in one.report.sources]
    return one.report.slot, one.report.reason, at, sources, one.report.mails


def _lines(some: Sequence[Said], zone: ZoneInfo) -> list[str]:
    first, last = some[0], some[-1]
    report = first.report
    said = f"{report.reason}"
    if report.reason == "sent" or report.mails:
        papers = count(report.papers, "paper") if report.papers or not report.mails else ""
        said += ", ".join(["", *filter(None, (papers, count(report.mails, "mail")))])
    said += f" ({report.detail})" if report.detail else ""
    lines = [f"  {first.at.astimezone(zone):%a %d %b %H:%M}  {said}"]
    lines += [f"{'':20}{source_line(source)}" for source in report.sources]
    if len(some) > 1:
        again = f"and the same until {last.at.astimezone(zone):%H:%M}, {len(some)} times in all"
        lines.append(f"{'':20}… {again}")
    return lines


def odd(faults: Mapping[date, Fault], lag_days: Mapping[date, float]) -> dict[date, str]:
    """What goes wrong on which day, in words."""
    found = {}
    for day, fault in faults.items():
        until = "all day" if fault.hours >= 24 else f"for {fault.hours:g} h after its midnight"
        of = f"of {fault.category}" if fault.category else "of all categories"
        what = {
            "late": "the feed is yesterday's",
            "stale": f"the feed says today and holds yesterday's papers {of}",
            "down": "it answers 404, and the query API with it",
            "blocked": "it answers 403 to everything",
            "wrong-date": "the feed is today's under a date two days ago",
            "empty": "the feed is empty",
        }[fault.kind]
        found[day] = f"{what}, {until}"
        if lag := lag_days.get(day):
            found[day] += f"; the query API has the papers {lag:g} days later"
    return found
