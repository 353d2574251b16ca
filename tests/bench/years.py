"""The size of a store over three years, pruned daily.

    make bench-years

Prints one JSON object a line: the megabytes of the store at the end of each quarter, with all kept
for 100 days and with the defaults, and by how much it is bigger at the end than it was at the end
of the first retention time.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from living import START, Life, bytes_of  # noqa: E402 - the path comes first

DAYS = 3 * 365
GOAL = 1.3
_ALL = ("papers", "vectors", "reports", "deliveries", "issues", "outbox")


def live(name: str, keep: dict[str, int], full: int) -> float:
    """Three years; returns by how much the store grew after `full` days."""
    with tempfile.TemporaryDirectory(prefix="digest-years-") as folder:
        life = Life(Path(folder), keep)
        start, first, quarters = time.perf_counter(), 0, []
        for day in life.days(DAYS):
            age = (day - START + timedelta(days=1)).days
            if age == full:
                first = bytes_of(life)
            if age % 91 == 0:
                quarters.append(round(bytes_of(life) / 1e6, 1))
        ratio = bytes_of(life) / first
        said = {
            "keep": name,
            "mb_by_quarter": quarters,
            "mb_when_full": round(first / 1e6, 1),
            "mb_at_the_end": round(bytes_of(life) / 1e6, 1),
            "ratio": round(ratio, 2),
            "longest_pruning_s": round(life.longest_s, 2),
            "s": round(time.perf_counter() - start),
        }
        print(json.dumps(said), flush=True)
        life.setup.store.close()
    return ratio


def main() -> int:
    """Say what it came to; fails where it goes on growing."""
    # Seen is what was seen within a month, so that is how much later papers go.
    short = {f"{one}_days": 100 for one in _ALL}
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        ratios = pool.map(live, ("100 days", "the defaults"), (short, {}), (131, 431))
        return next(ratios) > GOAL


if __name__ == "__main__":
    sys.exit(main())
