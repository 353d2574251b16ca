"""The summarizer in the package against what people wrote: ROUGE on SciTLDR.

    make bench-rouge DATA=FOLDER [PART=dev]

FOLDER holds scitldr/dev.jsonl (docs/model-card.md says where it comes from). One summary a paper,
from title and abstract; F1 with the rouge-score package, no stemming, against the reference with
the highest ROUGE-1. The baseline is the first sentence; the best whole sentence is the oracle that
shares are of.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean

from digest.summarizers import BUILTIN, Text
from digest.text import sentences
from digest.training.figures import oracle, rouge


def main(file: Path) -> None:
    """One JSON object for each method."""
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    texts = [Text(row["title"], " ".join(row["sentences"])) for row in rows]
    references = [row["tldrs"] for row in rows]
    methods: dict[str, Callable[[], Sequence[str]]] = {
        "best whole sentence": lambda: oracle([sentences(t.abstract) for t in texts], references),
        "first sentence": lambda: [(sentences(t.abstract) or [""])[0] for t in texts],
        "lead": lambda: _summaries("lead", texts),
        "embedded": lambda: _summaries("embedded", texts),
    }
    found = {name: made() for name, made in methods.items()}
    scores = {name: rouge(said, references) for name, said in found.items()}
    for name, said in found.items():
        words = [len(one.split()) for one in said]
        line = {
            "bench": "rouge",
            "metric": f"{name}, {len(rows)} papers of {file.stem}",
            "rouge1": round(scores[name].r1, 2),
            "rouge2": round(scores[name].r2, 2),
            "rougeL": round(scores[name].rl, 2),
            "words_mean": round(fmean(words), 1),
            "words_max": max(words),
            "baseline": "first sentence",
            "ratio": round(scores[name].r1 / scores["first sentence"].r1, 3),
            "share_of_best_sentence": round(scores[name].r1 / scores["best whole sentence"].r1, 3),
        }
        if name == "embedded":
            line["goal"] = "share ≥ 0.92, words ≤ 25 on average, ≤ 35 at most"
        print(json.dumps(line, ensure_ascii=False), flush=True)


def _summaries(name: str, texts: Sequence[Text]) -> list[str]:
    return [str(one) for one in BUILTIN[name]().summarize(texts)]


if __name__ == "__main__":
    part = sys.argv[2] if len(sys.argv) > 2 else "dev"
    asked = Path(sys.argv[1] if len(sys.argv) > 1 else "") / "scitldr" / f"{part}.jsonl"
    if len(sys.argv) < 2 or not asked.is_file():
        # Part of `make bench`, where most have no such folder.
        print(json.dumps({"bench": "rouge", "left_out": "no DATA=FOLDER with scitldr/ was given"}))
    else:
        main(asked)
