"""How well topics find their papers, what int8 costs, and how fast it all is.

    make bench-matching DATA=FOLDER

FOLDER holds topics/dev.json ({"papers": [{"id", "title", "abstract"}], "topics": [{"topic",
"papers": [id, …]}]}), and trending-page.jsonl with arxiv/2026-06-23.jsonl, the page and a real day
that it is mixed into. Nothing is fitted to them.
"""

from __future__ import annotations

import gc
import json
import resource
import sys
import time
from datetime import date
from pathlib import Path

import numpy as np

from digest import match as matching
from digest.encoders.embedded import Embedded
from digest.match import Interest, Sought, Words, parse_topic
from digest.models.world import world
from digest.run.encoding import Encoding
from digest.run.matching import prepared
from digest.text import plain
from digest.types import Paper

PAGE_TOPIC = "parameter count and model size"


def paper(row: dict[str, str]) -> Paper:
    return Paper(
        id=row["id"],
        aliases=(),
        title=plain(row["title"]),
        abstract=plain(row["abstract"]),
        announced_on=date.min,
    )


def scores(papers: list[Paper], topics: list[str], code: Encoding) -> np.ndarray:
    """Shapes: [topics, papers]; as `digest match` prints them."""
    interest = Interest(topics=tuple(map(parse_topic, topics)))
    found = matching.match(papers, *prepared(interest, code, papers), down_to=0.0)
    table = {(one.topic, one.paper.id): one.score for one in found}
    return np.array([[table[topic, one.id] for one in papers] for topic in topics])


def average_precision(value: np.ndarray, is_wanted: np.ndarray) -> float:
    hits = is_wanted[np.argsort(-value, kind="stable")]
    return float((np.cumsum(hits) / np.arange(1, len(hits) + 1) * hits).sum() / hits.sum())


def precision(value: np.ndarray, is_wanted: np.ndarray, first: int) -> float:
    return float(is_wanted[np.argsort(-value, kind="stable")][:first].mean())


def topics(folder: Path, code: Encoding) -> None:
    """The twelve topics: order, and what the default threshold lets through."""
    given = json.loads((folder / "topics" / "dev.json").read_text("utf-8"))
    papers = [paper(row) for row in given["papers"]]
    names = [topic["topic"] for topic in given["topics"]]
    wanted = np.array([[one.id in topic["papers"] for one in papers] for topic in given["topics"]])
    values = scores(papers, names, code)
    each = list(zip(values, wanted, strict=True))
    say("MAP", np.mean([average_precision(*one) for one in each]), goal=0.65)
    say("P@20", np.mean([precision(*one, 20) for one in each]), goal=0.82)
    is_match = values >= matching.THRESHOLD
    found = (is_match & wanted).sum(1)
    say("precision at the threshold", (is_match & wanted).sum() / is_match.sum())
    say("recall at the threshold", np.mean(found / wanted.sum(1)))
    others = (is_match & ~wanted).sum(1) / (~wanted).sum(1)
    say("matches per 100 papers of others, mean", 100 * others.mean(), goal=1)
    say("matches per 100 papers of others, worst topic", 100 * others.max(), goal=1)


def page(folder: Path, code: Encoding) -> None:
    """The page's papers, mixed into a real day."""

    def read(name: str) -> list[dict[str, str]]:
        return [json.loads(line) for line in (folder / name).read_text("utf-8").splitlines()]

    ours = [{**row, "id": f"page-{n}"} for n, row in enumerate(read("trending-page.jsonl"))]
    papers = [paper(row) for row in [*ours, *read("arxiv/2026-06-23.jsonl")]]
    is_ours = np.array([one.id.startswith("page-") for one in papers])
    say("page, P@50", precision(scores(papers, [PAGE_TOPIC], code)[0], is_ours, 50), goal=0.96)


def speed(folder: Path) -> None:
    """Encoding beside the bare network; matching after it."""
    given = json.loads((folder / "topics" / "dev.json").read_text("utf-8"))["papers"][:1000]
    papers = [paper(row) for row in given]
    texts = [f"{one.title}. {one.abstract}" for one in papers[:300]]
    encoder = Embedded()
    encoder.encode(texts[:20])
    began = time.perf_counter()
    vectors = encoder.encode(texts)
    ours = len(texts) / (time.perf_counter() - began)
    bare = bare_pass(encoder, texts)
    say("encoding, abstracts/s", ours, goal=40)
    say("encoding beside the bare network", ours / bare, goal=0.8)
    chance = np.random.default_rng(1)
    words = sorted({word for one in papers for word in one.title.split() if word.isalpha()})
    words = [word for word in words if word.lower() not in ("and", "or", "not")]
    names = [" ".join(chance.choice(words, 3)) for _ in range(100_000)]
    many = tuple(parse_topic(name) for name in names)
    drawn = chance.standard_normal((len(many), vectors.shape[1])).astype(np.float32)
    by_text = dict(zip(names, drawn / np.linalg.norm(drawn, axis=1, keepdims=True), strict=True))
    near = dict(zip([one.id for one in papers], np.resize(vectors, (1000, 384)), strict=True))
    lens = matching.lens(Interest(topics=many[:1000]), by_text, world())
    began = time.perf_counter()
    count = sum(1 for _ in matching.match(papers, lens, near))
    took = time.perf_counter() - began
    # A paper's own pass through the network is what all else is measured by.
    ratio = round(took / (1000 / bare), 4)
    say("1,000 papers against 1,000 topics, s", took, goal=1, to_bare_pass=ratio, matches=count)
    before = resident_mb()
    sought = Sought(many, by_text, world())
    began = time.perf_counter()
    value = sought.scores([Words.of(papers[0])], vectors[:1])[0][0]
    count = int((value >= matching.THRESHOLD).sum())
    took = time.perf_counter() - began
    ratio = round(took * bare, 2)
    say("one paper against 100,000 topics, s", took, goal=1, to_bare_pass=ratio, matches=count)
    say("… memory for the topics, MB", resident_mb() - before, goal=300)


def resident_mb() -> float:
    """What the process holds now; a peak would count what is gone again."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def bare_pass(encoder: Embedded, texts: list[str]) -> float:
    """Texts a second through the graphs alone, on as many threads."""
    from concurrent.futures import ThreadPoolExecutor

    ids = [encoder.ids(text) for text in texts]
    with ThreadPoolExecutor(2) as pool:
        began = time.perf_counter()
        list(pool.map(encoder.run, ids))
        return len(texts) / (time.perf_counter() - began)


def say(metric: str, value: float, **more: float) -> None:
    print(
        json.dumps({"bench": "matching", "metric": metric, "value": round(float(value), 4), **more})
    )


def main(folder: Path) -> None:
    code = Encoding(Embedded())
    topics(folder, code)
    page(folder, code)
    speed(folder)


if __name__ == "__main__":
    if len(sys.argv) < 2 or not (Path(sys.argv[1]) / "topics").is_dir():
        # Part of `make bench`, where most have no such folder.
        print(
            json.dumps({"bench": "matching", "left_out": "no DATA=FOLDER with topics/ was given"})
        )
    else:
        main(Path(sys.argv[1]))
