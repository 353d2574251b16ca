"""The summarizer in the package: papers a second, its start, its memory; and the warm cache.

    make bench-summaries

Prints one JSON object a line; abstracts are generated, of the length that arXiv's have. The
baseline of the speed is the network alone over the same tokens, on as many threads.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

PAPERS, CACHED, ROUNDS = 400, 20_000, 3


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def speed() -> dict[str, float]:
    """Papers a second, and the same for the network alone."""
    began = time.perf_counter()
    import shapes

    from digest.summarizers import Text
    from digest.summarizers.embedded import Embedded
    from digest.summarizers.embedded.reading import read

    made = Embedded()
    made.summarize([Text("A title", "We measure a thing. It is small.")])
    start_s = time.perf_counter() - began
    texts = [Text(shapes.title(n), shapes.abstract(n)) for n in range(PAPERS)]
    network = made._network
    ids = [read(text.title, text.abstract, network.tokenizer).ids for text in texts]
    began = time.perf_counter()
    list(network.map(network.states, ids))
    bare_s = time.perf_counter() - began
    began = time.perf_counter()
    made.summarize(texts)
    whole_s = time.perf_counter() - began
    return {
        "tokens_mean": sum(map(len, ids)) / len(ids),
        "start_s": start_s,
        "papers_per_s": PAPERS / whole_s,
        "network_alone_per_s": PAPERS / bare_s,
        "peak_mb": peak_mb(),
    }


def cache() -> dict[str, float]:
    """Papers a second whose summaries are known."""
    import shapes
    from build import paper

    from digest import config, run
    from digest.store import open_store

    now = datetime(2026, 6, 22, 6, tzinfo=UTC)
    papers = [
        paper(shapes.title(n), f"2606.{n:05}", abstract=shapes.abstract(n)) for n in range(CACHED)
    ]
    with tempfile.TemporaryDirectory() as folder:
        settings = config.make({"summarizer": "lead"}, Path(folder) / "digest.toml")
        store = open_store(settings.store, now)
        # What made them is no matter here, so the quick one does.
        setup = run.Setup(config=settings, store=store, now=now)
        run.summarize(setup, papers)
        began = time.perf_counter()
        found = run.summarize(setup, papers).summaries
        spent = time.perf_counter() - began
        store.close()
    assert len(found) == CACHED
    return {"papers_per_s": CACHED / spent}


def main() -> None:
    """The best of some rounds, each in a process of its own."""
    runs = [_child("speed") for _ in range(ROUNDS)]
    best = max(one["papers_per_s"] for one in runs)
    bare = max(one["network_alone_per_s"] for one in runs)
    tokens = runs[0]["tokens_mean"]
    alone = f"the network alone over the same {tokens:.0f} tokens a paper: {bare:.0f}/s"
    _print("embedded", round(best, 1), "abstracts/s", "≥ 40", alone, best / bare)
    start_s = min(one["start_s"] for one in runs)
    _print("embedded, start and first summary", round(start_s, 2), "s", "≤ 1.5")
    _print("embedded, memory", round(max(one["peak_mb"] for one in runs)), "MB", "≤ 400")
    warm = max(_child("cache")["papers_per_s"] for _ in range(ROUNDS))
    _print("warm cache", round(warm), "abstracts/s", "≥ 5000", "embedded", warm / best)


def _child(what: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, __file__, what], capture_output=True, text=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _print(
    metric: str, value: float, unit: str, goal: str, baseline: str = "", ratio: float = 0
) -> None:
    line: dict[str, object] = {"bench": "summaries", "metric": metric, "value": value}
    line |= {"unit": unit, "goal": goal}
    if baseline:
        line |= {"baseline": baseline, "ratio": round(ratio, 2)}
    print(json.dumps(line, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    parts = {"speed": speed, "cache": cache}
    if len(sys.argv) > 1 and sys.argv[1] in parts:  # not the folder of `make bench DATA=`
        print(json.dumps(parts[sys.argv[1]]()))
    else:
        main()
