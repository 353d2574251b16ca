"""Days of a digest under a driven clock: the real run_due() before a server with faults."""

from __future__ import annotations

import email
import email.policy
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from arxiv_server import CATEGORIES, ArxivServer

from digest import config, run
from digest.store import open_store
from digest.types import Report

STEP = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a turn said of a digest."""

    at: datetime
    report: Report


class Month:
    """Digests that read `server`, turn by turn; the caller has made DIGEST_STATE_FOLDER ours."""

    def __init__(
        self,
        folder: Path,
        server: ArxivServer,
        digests: Mapping[str, Mapping[str, Any]],
        **tables: Any,
    ) -> None:
        self.folder, self.server = folder, server
        self.digests = {name: dict(one) for name, one in digests.items()}
        self.tables = tables
        self.said: list[Said] = []
        self._ids = (f"{n:016x}" for n in count(1))
        self._setup: run.Setup | None = None

    def setup(self, at: datetime) -> run.Setup:
        """Everything at a moment."""
        if self._setup is None:
            common = {"sources": ["arxiv"], "categories": list(CATEGORIES), "papers": 40}
            tables = {
                "summarizer": "lead",
                "operator": {"contact": "papers@example.org"},
                "fetch": {"allow_hosts": ["127.0.0.1"], "deadline_s": 1},
                "sources": {
                    "arxiv": {"rss": self.server.url(""), "api": self.server.url("/api/query")}
                },
                "digests": {
                    name: {**common, "to": [f"{name}@example.org"], **one}
                    for name, one in self.digests.items()
                },
                **self.tables,
            }
            settings = config.make(tables, self.folder / "digest.toml")
            store = open_store(settings.store, at)
            self._setup = run.Setup(
                config=settings, store=store, now=at, new_id=self._ids.__next__
            )
        return self._setup.at(at)

    def change(self, **digests: Mapping[str, Any]) -> None:
        """The configuration is edited."""
        self.digests |= {name: {**self.digests.get(name, {}), **one} for name, one in digests.items()}
        self.close()

    def close(self) -> None:
        """As after a restart."""
        if self._setup:
            self._setup.store.close()
        self._setup = None

    def turn(self, at: datetime) -> list[Report]:
        """One look at the clock."""
        for file in (self.folder / "state").glob("*"):  # days go by here in seconds
            file.unlink()
        self.server.now = at
        reports = run.run_due(self.setup(at))
        self.said += [Said(at=at, report=report) for report in reports]
        return reports

    def run(self, first: datetime, last: datetime, step: timedelta = STEP) -> None:
        """A turn at each step."""
        at = first
        while at <= last:
            self.turn(at)
            at += step

    def got(self) -> dict[str, Counter[str]]:
        """Reader → the papers in her mails."""
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for mail in self.mails():
            lines = (line.strip() for line in body(mail).splitlines())
            found[mail["To"]].update(
                line.rpartition("/")[2]
                for line in lines
                if line.startswith(("Abstract: https://arxiv.org/abs/", "https://arxiv.org/abs/"))
            )
        return found

    def mails(self, to: str = "") -> list[Any]:
        """What lies in the outbox, oldest first."""
        found = [
            email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            for path in (self.folder / "outbox").rglob(f"{to}*.eml")
        ]
        return sorted(found, key=lambda mail: mail["Date"].datetime)


def body(mail: Any) -> str:
    """The plain text of a mail."""
    words: str = mail.get_body(("plain",)).get_content()
    return words


def utc(day: date, hour: int = 0, minute: int = 0) -> datetime:
    """A moment."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)
