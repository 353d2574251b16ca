"""Bytes of a day → a rendered issue: time, cost per paper and memory, on papers it generates.

    make bench-issue

Prints one JSON object a line. Each measurement is a process of its own; baselines are named in
the line. Everything from parsing the feed's bytes to the rendered mail is timed, the network is
not: the bytes come from a server in the same process that sleeps for nobody.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

ROUNDS = 3
DAY = date(2026, 6, 22)
FEED = 2000  #: papers in one feed; arXiv's own limit, so more papers come as several feeds


def measure(papers: int) -> dict[str, float]:
    """Run the pipeline once on a fresh store; seconds, of them waiting for the disk, peak MB."""
    import shapes
    from servers import Canned, FeedServer

    from digest import config, run
    from digest.store import open_store

    feeds = []
    for start in range(0, papers, FEED):
        items = [
            (shapes.title(n), f"https://lab.example.org/{n}", shapes.abstract(n))
            for n in range(start, min(start + FEED, papers))
        ]
        feeds.append(shapes.feed(items))
    with tempfile.TemporaryDirectory() as folder, FeedServer() as server:
        names = [f"lab{n}" for n in range(len(feeds))]
        for name, body in zip(names, feeds, strict=True):
            server.serve(f"/{name}", Canned(body=body))
        tables = {
            "operator": {"contact": "papers@example.org"},
            "fetch": {"allow_hosts": ["127.0.0.1"]},
            "sources": {n: {"kind": "feed", "url": server.url(f"/{n}")} for n in names},
            "digests": {
                "bench": {
                    "topics": ["retrieval or adapter", "protein", "quantum and ocean"],
                    "sources": names,
                    "to": ["reader@example.org"],
                }
            },
        }
        settings = config.make(tables, Path(folder) / "digest.toml")
        now = shapes.utc(DAY)
        # Importing is what `digest --help` and the like are measured by.
        from digest import mail, render  # noqa: F401

        before, cpu = time.perf_counter(), time.process_time()
        store = open_store(settings.store, now)
        setup = run.Setup(config=settings, store=store, now=now)
        reports = run.run(setup, {"bench": "2026-06-22T08:00"})
        took, used = time.perf_counter() - before, time.process_time() - cpu
        store.close()
        assert reports[0].mails == 1, reports
        assert reports[0].papers > papers / 10, reports
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return {"seconds": took, "cpu": used, "peak": peak, "matched": reports[0].papers}


def in_process(papers: int) -> dict[str, float]:
    """The median round of a fresh process."""
    rounds = []
    with tempfile.TemporaryDirectory() as state:
        for _ in range(ROUNDS):
            done = subprocess.run(
                [sys.executable, __file__, str(papers)],
                check=True,
                capture_output=True,
                text=True,
                env={"DIGEST_STATE_FOLDER": state, "PATH": "/usr/bin:/bin"},
            )
            rounds.append(json.loads(done.stdout))
    return sorted(rounds, key=lambda r: r["cpu"])[ROUNDS // 2]


def say(metric: str, value: float, unit: str, **more: object) -> None:
    """One figure."""
    line = {"bench": "issue", "metric": metric, "value": round(value, 4), "unit": unit, **more}
    print(json.dumps(line), flush=True)


def main() -> None:
    """All figures."""
    sizes = (500, 1000, 2500, 5000)
    found = {papers: in_process(papers) for papers in sizes}
    day = found[500]
    say(
        "bytes of a day of 500 papers to a rendered issue and its mail", day["seconds"], "s", goal=5
    )
    base = day["cpu"] / 500 * 1000
    for papers in sizes:
        cost = found[papers]["cpu"] / papers * 1000
        say(
            f"CPU per paper at {papers}",
            cost,
            "ms",
            baseline="CPU per paper at 500",
            ratio=round(cost / base, 3),
            goal=1.2,
        )
    for papers in (500, 5000):
        say(f"peak memory at {papers} papers", found[papers]["peak"], "MB", goal=200)


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1].isdigit():  # not the folder of `make bench DATA=`
        print(json.dumps(measure(int(sys.argv[1]))))
    else:
        main()
