"""A digest that is read for years, day by day: papers, issues, deliveries, and pruning."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
from sqlalchemy import insert

from digest import config as configs
from digest import plan, run
from digest.run import pruning
from digest.store import issues, open_store, papers, schedules, tables, vectors
from digest.text import content_hash
from digest.types import (
    Coverage,
    DeliveryState,
    Edition,
    Issue,
    Item,
    Links,
    Listing,
    Paper,
    Reason,
    Slot,
    Summary,
)

START = date(2024, 1, 1)
_WORDS = [f"{a}{b}{c}" for a in ("tri", "mo", "rec") for b in "aeiou" for c in ("ning", "del", "t")]


@dataclass
class Life:
    """One digest in a folder, with so many readers, papers a day and papers in an issue."""

    folder: Path
    keep: dict[str, int]
    readers: int = 1000
    papers: int = 300
    shown: int = 20
    seed: int = 1
    setup: run.Setup = field(init=False)
    longest_s: float = 0.0  #: a day's pruning

    def __post_init__(self) -> None:
        tables_ = {
            "keep": self.keep,
            "digests": {"papers": {"topics": ["models"], "sources": ["sample"]}},
        }
        config = configs.make(tables_, self.folder / "digest.toml")
        moment = datetime.combine(START, datetime.min.time(), UTC)
        store = open_store(config.store, moment)
        with store.writer.connect() as connection:  # the one there is; the disk's pace is no matter
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA synchronous=OFF")
            connection.exec_driver_sql("BEGIN")
        self.setup = run.Setup(config=config, store=store, now=moment)
        self.random = random.Random(self.seed)
        self.ids = [f"{n:016x}" for n in range(self.readers)]
        people = [
            {"id": id, "address": f"r{id}@example.org", "mailbox": f"r{id}@example.org"}
            for id in self.ids
        ]
        bonds = [{"id": f"f{id[1:]}", "subscriber_id": id, "evidence": "test"} for id in self.ids]
        with store.write() as connection:
            issues.since(connection, "papers", "x", START, START)
            same = {"state": "active", "created_at": moment}
            connection.execute(insert(tables.subscribers), [{**one, **same} for one in people])
            same = {"digest": "papers", "state": "confirmed", "confirmed_at": moment}
            connection.execute(insert(tables.subscriptions), [{**one, **same} for one in bonds])

    def days(self, number: int, *, is_pruned: bool = True) -> Iterator[date]:
        """Live so many days; each is told when it is over."""
        for n in range(number):
            day = START + timedelta(days=n)
            self.setup = self.setup.at(datetime.combine(day, datetime.min.time(), UTC))
            if day.weekday() < 5:
                self._weekday(day)
            start = time.perf_counter()
            if is_pruned:
                pruning.prune(self.setup)
            self.longest_s = max(self.longest_s, time.perf_counter() - start)
            yield day

    def _weekday(self, day: date) -> None:
        now, store = self.setup.now, self.setup.store
        new = [self._paper(day, n) for n in range(self.papers)]
        self._arrive(new, day)
        slot = f"{day}T08:00"
        items = tuple(
            Item(
                paper=one,
                section="models",
                score=1.0,
                because=("models",),
                summary=Summary(text=one.abstract[:200], summarizer="lead/1"),
            )
            for one in self.random.sample(new, self.shown)
        )
        issue = Issue(digest="papers", slot=slot, title="Papers", made_at=now, items=items)
        edition = Edition(key=f"e{day:%Y%m%d}", issue=issue, shown=items, more=())
        delivery = {
            "issue_id": issue.id,
            "edition": edition.key,
            "state": DeliveryState.SENT,
            "attempts": 1,
            "detail": "250 2.0.0 Ok: queued as 4XyZ1234abc",
            "queued_at": now,
            "updated_at": now,
        }
        rows = [
            {
                "subscriber_id": id,
                "message_id": plan.message_id(issue.id, id, "papers.example.org"),
                **delivery,
            }
            for id in self.ids
        ]
        with store.write() as connection:
            issues.save(connection, issue)
            issues.save_editions(connection, [edition])
            connection.execute(insert(tables.deliveries), rows)
            schedules.settle(
                connection, "papers", Slot(key=slot, due_at=now), Reason.SENT, now, issue.id
            )
            issues.report(connection, "papers", slot, Reason.SENT, {"mails": len(rows)}, now)

    def _arrive(self, new: list[Paper], day: date) -> None:
        """What `papers.save` and `vectors.save` do, in a tenth of the time where all is new."""
        made = [self.random.random() for _ in range(384)]
        raw = vectors.as_kept(np.asarray(made, np.float32))
        now = self.setup.now
        with self.setup.store.write() as connection:
            connection.execute(
                insert(tables.papers),
                [
                    {
                        "id": one.id,
                        "title": one.title,
                        "abstract": one.abstract,
                        "authors": list(one.authors),
                        "categories": list(one.categories),
                        "announced_on": day,
                        "version": one.version,
                        "links": asdict(one.links),
                        "signals": asdict(one.signals),
                        "first_seen_at": now,
                    }
                    for one in new
                ],
            )
            names = [{"alias": a, "paper_id": one.id} for one in new for a in one.aliases]
            connection.execute(insert(tables.aliases), names)
            listed = [
                {"paper_id": one.id, "seen_on": day, **asdict(listing)}
                for one in new
                for listing in one.listings
            ]
            connection.execute(insert(tables.listings), listed)
            computed = [
                {
                    "text_hash": content_hash(one.title, one.abstract),
                    "encoder": "embedded/1",
                    "vector": raw,
                    "made_at": now,
                }
                for one in new
            ]
            connection.execute(insert(tables.vectors), computed)
            papers.cover(connection, "sample", [Coverage(category="", day=day, how="feed")], now)

    def _paper(self, day: date, number: int) -> Paper:
        arxiv = f"arxiv:{day:%y%m}.{day.day:02}{number:04}"
        mark = f"{day:%y%m%d}{number:04}"
        words = " ".join(self.random.choices(_WORDS, k=180))
        return Paper(
            id=arxiv,
            aliases=(arxiv, f"title:{mark:0>24}", f"text:{mark:0>24}"),
            title=f"Paper {mark} of {words[:60]}",
            abstract=f"{mark} {words}",
            authors=("Ada Example", "Bo Sample", "Cy Specimen", "Di Instance"),
            categories=("cs.CL", "cs.LG"),
            announced_on=day,
            version=1,
            links=Links(
                abstract=f"https://arxiv.org/abs/{arxiv[6:]}",
                pdf=f"https://arxiv.org/pdf/{arxiv[6:]}",
            ),
            listings=(Listing(source="sample", announce="new", listed_on=day),),
        )


def bytes_of(life: Life) -> int:
    """The store with its write-ahead log emptied."""
    life.setup.store.scrub()
    return life.setup.store.size()[0]
