"""A file of subscribers taken in: rows a second and memory, against reading it bare.

    make bench-importing

Prints one JSON object a line. The baseline reads the same file with the csv module and checks each
address with email-validator, and keeps nothing. Each measurement is a process of its own.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

ROWS = (10_000, 100_000)
GOAL_S = 20


def write(file: Path, rows: int) -> None:
    """A file as another program exports it: nine of ten rows with evidence, some with wishes."""
    with file.open("w", encoding="utf-8") as out:
        out.write("address,digest,state,evidence,frequency,weekday\n")
        for n in range(rows):
            wishes = "weekly,fri" if n % 3 == 0 else ","
            state = (
                "unsubscribed," if n % 10 == 9 else f"confirmed,form of 2024-03-{n % 28 + 1:02d}"
            )
            out.write(f"Reader.{n}@mail{n % 997}.example.org,papers,{state},{wishes}\n")


def bare(file: Path) -> dict[str, float]:
    """Read the rows and check the addresses; nothing else."""
    import csv

    from email_validator import validate_email

    before, start = _peak_mb(), time.perf_counter()
    with file.open(encoding="utf-8", newline="") as source:
        for row in csv.DictReader(source):
            validate_email(row["address"], check_deliverability=False, test_environment=True)
    return {"s": time.perf_counter() - start, "grown_mb": _peak_mb() - before}


def ours(file: Path) -> dict[str, float]:
    """`digest subscribers import`, without the printing."""
    from digest import config, run
    from digest.run import importing, sheet
    from digest.store import open_store

    tables = {"digests": {"papers": {"topics": ["x"], "sources": ["sample"]}}}
    settings = config.make(tables, file.parent / "digest.toml")
    now = datetime(2026, 6, 22, tzinfo=UTC)
    store = open_store(settings.store, now)
    setup = run.Setup(config=settings, store=store, now=now)
    found: Counter[str] = Counter()
    before, start = _peak_mb(), time.perf_counter()
    with file.open("rb") as source:
        for one in importing.import_rows(setup, sheet.read(source, ["papers"])):
            found[one.done] += 1
    took = time.perf_counter() - start
    store.close()
    assert set(found) <= {"confirmed", "unsubscribed", "already"}, found
    return {"s": took, "grown_mb": _peak_mb() - before}


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _apart(kind: str, file: Path) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, __file__, kind, str(file)], check=True, capture_output=True, text=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    """All figures."""
    if len(sys.argv) > 2:
        measure = {"bare": bare, "ours": ours}[sys.argv[1]]
        print(json.dumps(measure(Path(sys.argv[2]))))
        return
    for rows in ROWS:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "readers.csv"
            write(file, rows)
            baseline = _apart("bare", file)
            for metric in ("import", "the same file again"):
                took = _apart("ours", file)
                line = {
                    "bench": "importing",
                    "metric": f"{metric}, {rows} rows",
                    "value": round(took["s"], 2),
                    "unit": "s",
                    "rows_per_s": round(rows / took["s"]),
                    "goal": GOAL_S * rows / max(ROWS),
                    "grown_mb": round(took["grown_mb"], 1),
                    "baseline": "csv and email-validator alone",
                    "baseline_s": round(baseline["s"], 2),
                    "baseline_grown_mb": round(baseline["grown_mb"], 1),
                    "ratio": round(took["s"] / baseline["s"], 2),
                }
                print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
