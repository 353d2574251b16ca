"""What pruning must not change: nobody gets a paper twice, and nobody misses one."""

from __future__ import annotations

import os
import random
import sqlite3
import threading
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from build import NOW
from living import START, Life, bytes_of
from sqlalchemy import func, select, update

from digest import config as configs
from digest import dedupe, run
from digest.errors import Misuse
from digest.run import disk, pruning
from digest.store import issues, ledger, open_store, tables
from digest.store import papers as paper_rows
from digest.types import DeliveryState, Entry, Links

KEPT = 60
PEOPLE = {
    "one": ["ada@example.org", "ben@example.org", "cy@example.org"],
    "two": ["ben@example.org", "cy@example.org", "di@example.org"],
}


def config_of(folder: Path, days: int, to: dict[str, list[str]]) -> configs.Config:
    kinds = ("papers", "vectors", "reports", "deliveries", "issues", "outbox")
    tables: dict[str, Any] = {
        "summarizer": "lead",
        "keep": {f"{kind}_days": days for kind in kinds},
        "sources": {
            name: {"kind": "feed", "url": f"https://{name}.example.org"} for name in ("lab", "list")
        },
        "digests": {
            name: {"topics": ["sheep OR goats"], "sources": ["lab", "list"], "to": people}
            for name, people in to.items()
        },
    }
    return configs.make(tables, folder / "digest.toml")


@dataclass
class World:
    """A store that lives through a history, pruned or not."""

    folder: Path
    is_pruned: bool
    got: dict[str, list[str]] = field(default_factory=dict)  #: reader → papers, in order
    last_on: dict[tuple[str, str], date] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.config = config_of(self.folder, KEPT, {"one": [], "two": []})
        self.store = open_store(self.config.store, NOW)
        self.first = run.Setup(config=self.config, store=self.store, now=NOW)

    def setup(self, now: datetime, to: dict[str, list[str]]) -> run.Setup:
        made = replace(self.first, config=config_of(self.folder, KEPT, to), now=now)
        # Made once for all days: what is loaded and compiled takes longer than all else.
        lasting = ("encoder", "extract", "summarizer", "words", "environment", "keys")
        vars(made).update({name: getattr(self.first, name) for name in lasting})
        return made

    def day(
        self, now: datetime, entries: list[Entry], to: dict[str, list[str]], fails: set[str]
    ) -> None:
        setup = self.setup(now, to)
        with self.store.write() as connection:
            names = [alias for entry in entries for alias in dedupe.aliases(entry)]
            found = dedupe.dedupe(entries, paper_rows.by_alias(connection, names))
            paper_rows.save(connection, found.papers, found.merges, now)
            for source in ("lab", "list"):
                mine = [e for e in entries if e.source == source]
                names = [alias for entry in mine for alias in dedupe.aliases(entry)]
                paper_rows.seen(connection, source, names, now.date())
        for name in to:
            run.build(setup, name, f"{now.date()}T08:00")
        self._send(now, fails)

    def _send(self, now: datetime, fails: set[str]) -> None:
        with self.store.write() as connection:
            for one in ledger.in_state(connection, [DeliveryState.QUEUED]):
                mine = update(tables.deliveries).where(
                    tables.deliveries.c.message_id == one.message_id
                )
                state = DeliveryState.FAILED if one.address in fails else DeliveryState.SENT
                connection.execute(mine.values(state=state, updated_at=now))
                if state is DeliveryState.SENT:
                    edition = issues.load_edition(connection, one.edition)
                    papers = [i.paper.title for i in (*edition.shown, *edition.more)]
                    self.got.setdefault(one.address, []).extend(papers)

    def prune(self, now: datetime) -> None:
        if self.is_pruned:
            pruning.prune(self.setup(now, PEOPLE))

    def retired(self) -> set[str]:
        with self.store.read() as connection:
            query = select(tables.papers.c.title).where(tables.papers.c.retired_on.is_not(None))
            return set(connection.execute(query).scalars())


def entry(number: int, day: date, source: str, ids: str) -> Entry:
    """A paper as a source gives it: by its arXiv number, its DOI, or a link alone."""
    aliases = {
        "arxiv": (f"arxiv:2606.{number:05}",),
        "doi": (f"doi:10.5555/{number}",),
        "both": (f"doi:10.5555/{number}", f"arxiv:2606.{number:05}"),
        "link": (f"link:https://example.org/{number}",),
    }[ids]
    return Entry(
        source=source,
        aliases=aliases,
        title=f"Sheep of the kind {number:05}",
        abstract="" if ids == "doi" else f"We count sheep of the kind {number}.",
        authors=() if ids in ("link", "doi") else (f"Ada Example{number}",),
        categories=(),
        announced_on=day,
        listed_on=day,
        announce="new",
        links=Links(abstract=f"https://example.org/{number}"),
    )


@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_pruned_nobody_gets_a_paper_twice_or_misses_one(
    tmp_path: Path, seed: int
) -> None:
    """A history in two stores, one of them pruned: papers turn up again under other names, readers
    come and go, mails fail."""
    dice = random.Random(seed)
    pruned, whole = World(tmp_path / "pruned", True), World(tmp_path / "whole", False)
    now, number, missed = NOW, 0, set[tuple[str, str]]()
    for _ in range(14):
        now += timedelta(days=dice.choice([1, 1, 2, 5, 9, 30, 70]))
        entries = []
        for _ in range(dice.randint(0, 4)):
            number += 1
            ids = dice.choice(["arxiv", "doi", "both", "link"])
            entries.append(entry(number, now.date(), dice.choice(["lab", "list"]), ids))
        for old in dice.sample(range(1, number + 1), min(number, dice.randint(0, 5))):
            ids = dice.choice(["arxiv", "doi", "both", "link"])
            entries.append(entry(old, now.date(), dice.choice(["lab", "list"]), ids))
        to = {name: [p for p in people if dice.random() < 0.8] for name, people in PEOPLE.items()}
        fails = {p for people in PEOPLE.values() for p in people if dice.random() < 0.15}
        for world in (pruned, whole):
            world.day(now, entries, to, fails)
        if dice.random() < 0.6:
            pruned.prune(now)
        for reader, papers in whole.got.items():
            missed |= {(reader, one) for one in set(papers) - set(pruned.got.get(reader, []))}
    for reader, papers in pruned.got.items():
        # Of a DOI and a number that nothing links yet, nobody knows that they are one.
        unlinked = Counter(whole.got.get(reader, []))
        more = {one: n for one, n in Counter(papers).items() if n > max(1, unlinked[one])}
        assert not more, reader
    assert {paper for _, paper in missed} <= pruned.retired()
    with pruned.store.read() as connection:
        left = connection.scalar(select(func.count()).select_from(tables.deliveries)) or 0
    with whole.store.read() as connection:
        assert left < (connection.scalar(select(func.count()).select_from(tables.deliveries)) or 0)


def test_a_pick_of_a_paper_that_was_sent_long_ago_says_why_not(tmp_path: Path) -> None:
    world = World(tmp_path / "w", True)
    world.day(NOW, [entry(1, NOW.date(), "lab", "arxiv")], PEOPLE, set())
    for days in (70, 140):
        later = NOW + timedelta(days=days)
        world.day(later, [entry(days, later.date(), "lab", "arxiv")], PEOPLE, set())
        world.prune(later)
    with pytest.raises(Misuse, match="forgotten to whom; nobody gets a paper twice"):
        run.pick(world.setup(later, PEOPLE), "one", "2606.00001")


def test_a_dry_run_says_what_would_go_and_leaves_it(tmp_path: Path) -> None:
    life = Life(tmp_path, {"deliveries_days": 60, "issues_days": 60}, readers=3, papers=6, shown=2)
    for _ in life.days(60, is_pruned=False):
        pass
    later = life.setup.at(life.setup.now + timedelta(days=30))
    said = pruning.prune(later, dry_run=True)
    assert said["deliveries"] == 3 * 21  # weekdays of 29 days, from a Monday on
    assert pruning.prune(later, dry_run=True) == said
    done = pruning.prune(later)
    assert done["deliveries"] == said["deliveries"]
    assert done["issues"] == 21
    assert not any(pruning.prune(later).values())


def test_a_store_that_is_pruned_daily_stops_growing(tmp_path: Path) -> None:
    kinds = ("papers", "vectors", "reports", "deliveries", "issues")
    life = Life(tmp_path, {f"{one}_days": 60 for one in kinds}, readers=40, papers=25, shown=4)
    full = 0
    for day in life.days(210):
        if day == START + timedelta(days=91):
            full = bytes_of(life)
    assert bytes_of(life) < 1.15 * full
    with life.setup.store.read() as connection:
        rows = connection.scalar(select(func.count()).select_from(tables.deliveries)) or 0
    assert 40 * 42 <= rows <= 40 * 44


def test_what_is_freed_is_given_back_when_asked(tmp_path: Path) -> None:
    life = Life(tmp_path, {}, readers=20, papers=40, shown=4)
    for _ in life.days(40, is_pruned=False):
        pass
    with life.setup.store.write() as connection:
        connection.execute(tables.vectors.delete())
    before = bytes_of(life)
    freed = pruning.vacuum(life.setup)
    assert freed > 0.1 * before
    assert bytes_of(life) < 0.9 * before


def test_who_writes_meanwhile_does_not_wait_long(tmp_path: Path) -> None:
    """The longest that another process waits for SQLite's lock while much is pruned."""
    life = Life(tmp_path, {}, readers=3000, papers=300, shown=20)
    for _ in life.days(11, is_pruned=False):
        pass
    waits: list[float] = []
    is_over = threading.Event()

    def write() -> None:
        other = sqlite3.connect(tmp_path / "digest.db", timeout=30, isolation_level=None)
        while not is_over.is_set():
            start = time.perf_counter()
            other.execute("BEGIN IMMEDIATE")
            other.execute("ROLLBACK")
            waits.append(time.perf_counter() - start)
            time.sleep(0.005)
        other.close()

    keep = configs.Keep(papers_days=60, vectors_days=60, deliveries_days=60, issues_days=60)
    config = life.setup.config.model_copy(update={"keep": keep})
    later = run.Setup(
        config=config, store=life.setup.store, now=life.setup.now + timedelta(days=200)
    )
    writer = threading.Thread(target=write)
    writer.start()
    counts = pruning.prune(later)
    is_over.set()
    writer.join()
    assert counts["deliveries"] == 3000 * 8  # all but the newest issue's
    assert len(waits) > 20
    assert sorted(waits)[int(len(waits) * 0.9)] < 0.25  # ~0.03 s on an idle machine


# --- the outbox ----------------------------------------------------------------------------------


def outbox_of(tmp_path: Path, *names: str) -> run.Setup:
    config = config_of(tmp_path, 60, PEOPLE)
    for name in names:
        home = config.outbox / name
        home.mkdir(parents=True)
        (home / "index.html").write_text("x")
        (home / "ada@example.org-01234567.eml").write_text("x")
    return run.Setup(config=config, store=open_store(config.store, NOW), now=NOW)


def test_folders_of_old_slots_go_and_young_ones_stay(tmp_path: Path) -> None:
    young, old = "one/2026-06-01T08:00", "one/2026-01-01T08:00"
    setup = outbox_of(tmp_path, young, old, "gone/2025-01-01T08:00", "notices/notices")
    assert pruning.prune(setup)["folders"] == 2
    left = {str(p.relative_to(setup.config.outbox)) for p in setup.config.outbox.glob("*/*")}
    assert left == {young, "notices/notices"}


def test_notices_in_the_outbox_go_and_what_is_not_ours_stays(tmp_path: Path) -> None:
    setup = outbox_of(tmp_path, "one/notices")
    place = setup.config.outbox / "one/notices"
    elsewhere = tmp_path / "elsewhere.eml"
    elsewhere.write_text("mine")
    for name, days in (("old.eml", 31), ("young.eml", 29), ("thesis.doc", 99)):
        (place / name).write_text("x")
        os.utime(place / name, ((NOW - timedelta(days=days)).timestamp(),) * 2)
    os.utime(elsewhere, (1e9, 1e9))
    (place / "link.eml").symlink_to(elsewhere)
    os.utime(place / "link.eml", (1e9, 1e9), follow_symlinks=False)
    before = {one.name for one in place.iterdir()}
    assert pruning.prune(setup, dry_run=True)["notices in the outbox"] == 1
    assert pruning.prune(setup)["notices in the outbox"] == 1
    assert {one.name for one in place.iterdir()} == before - {"old.eml"}
    assert elsewhere.exists()


@pytest.mark.parametrize(("days", "kept"), [(60, 100), (200, 200)])
def test_notes_of_bounces_stay_as_long_as_they_decide_something(
    tmp_path: Path, days: int, kept: int
) -> None:
    config = config_of(tmp_path, days, PEOPLE)
    setup = run.Setup(config=config, store=open_store(config.store, NOW), now=NOW)
    reader = {"id": "s", "address": "a@example.org", "mailbox": "a@example.org", "state": "active"}
    words = {
        "kind": "soft",
        "status": "4.2.2",
        "detail": "",
        "message_id": "",
        "subscriber_id": "s",
    }
    ages = (kept + 1, kept, kept - 1)
    with setup.store.write() as connection:
        connection.execute(tables.subscribers.insert().values(**reader, created_at=NOW))
        for age in ages:
            day = NOW.date() - timedelta(days=age)
            connection.execute(tables.bounces.insert().values(**words, day=day))
    assert pruning.prune(setup)["bounces"] == 1
    with setup.store.read() as connection:
        left = set(connection.scalars(select(tables.bounces.c.day)))
    assert left == {NOW.date() - timedelta(days=age) for age in ages[1:]}


def test_what_was_built_by_hand_is_as_old_as_its_files(tmp_path: Path) -> None:
    setup = outbox_of(tmp_path, "one/2020-01-01--2020-02-01", "one/2020-01-01--2020-03-01")
    os.utime(setup.config.outbox / "one/2020-01-01--2020-02-01", (1e9, 1e9))
    os.utime(setup.config.outbox / "one/2020-01-01--2020-03-01", (NOW.timestamp(),) * 2)
    assert pruning.prune(setup)["folders"] == 1
    assert (setup.config.outbox / "one/2020-01-01--2020-03-01").is_dir()


def test_what_is_not_ours_stays_and_no_link_is_followed(tmp_path: Path) -> None:
    setup = outbox_of(tmp_path, "one/2025-01-01T08:00", "one/keep me", "one/2025-99-99T08:00")
    (setup.config.outbox / "one/2025-01-01T08:00/thesis.doc").write_text("mine")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "index.html").write_text("mine")
    (setup.config.outbox / "one/2025-01-02T08:00").symlink_to(elsewhere)
    (setup.config.outbox / "linked").symlink_to(elsewhere)
    assert pruning.prune(setup)["folders"] == 0
    assert (elsewhere / "index.html").read_text() == "mine"
    assert [p.name for p in (setup.config.outbox / "one/2025-01-01T08:00").iterdir()] == [
        "thesis.doc"
    ]
    assert (setup.config.outbox / "one/keep me/index.html").exists()


def test_disk_counts_what_there_is(tmp_path: Path) -> None:
    setup = outbox_of(tmp_path, "one/2026-06-01T08:00")
    said = disk.disk(setup)
    assert said["outbox"] == 2
    assert said["store"] == (tmp_path / "digest.db").stat().st_size
    assert said["free"]
    assert said["logs"] == 0
