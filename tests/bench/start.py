"""How long a command takes to start, as a multiple of `python -c pass`.

make bench-start
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time

ROUNDS = 9


def median_s(*command: str) -> float:
    """The median wall time of a command, after one warm-up."""
    times = []
    for _ in range(ROUNDS + 1):
        before = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - before)
    return statistics.median(times[1:])


def main() -> None:
    """All figures."""
    bare = median_s(sys.executable, "-c", "pass")
    for words in (["--help"], ["run", "--help"]):
        took = median_s(sys.executable, "-m", "digest", *words)
        line = {
            "bench": "start",
            "metric": f"digest {' '.join(words)}",
            "value": round(took, 4),
            "unit": "s",
            "goal": 0.25,
            "baseline": "python -c pass",
            "ratio": round(took / bare, 2),
        }
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
