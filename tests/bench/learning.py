"""What two likes do: `make bench-learning DATA=FOLDER` wants FOLDER/topics/dev.json.

There a subject is papers of one arXiv category. Two of it are liked, at random; measured is where
its other papers then stand among all that match. Prints one JSON object a line.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from pathlib import Path
from statistics import mean

from digest import learn
from digest.encoders.embedded import Embedded
from digest.match import Interest, match, parse_topic
from digest.run import Encoding
from digest.run.matching import prepared
from digest.types import Match, Paper

TIMES = 20  #: pairs of likes for each subject
FIRST = 20  #: papers, as in a mail


def main(file: Path) -> None:
    """Print a line for each digest: who matches, and what a like and a dislike do."""
    read = json.loads(file.read_text("utf-8"))
    papers = [
        Paper(
            id=row["id"],
            aliases=(),
            title=row["title"],
            abstract=row["abstract"],
            announced_on=date.min,
        )
        for row in read["papers"]
    ]
    code = Encoding(Embedded())
    vectors = code.papers(papers)
    by_id = {paper.id: paper for paper in papers}

    def examples_of(subject: Sequence[str], liked: bool | None, seed: int) -> list[learn.Example]:
        two = random.Random(seed).sample(subject, 2) if liked is not None else []
        return [
            learn.Example(paper=by_id[id], is_liked=liked is True, vector=vectors[id]) for id in two
        ]

    subjects = [frozenset(topic["papers"]) for topic in read["topics"]]
    everything = [Match(paper=paper, topic="", score=1.0, because=()) for paper in papers]
    wanted = Interest(topics=(parse_topic('"learning"'),))
    vague = list(match(papers, *prepared(wanted, code, papers)))
    for digest, matches in (("everything", everything), ("learning", vague)):
        for said, liked in (("nothing", None), ("likes", True), ("dislikes", False)):
            found = [
                _once(matches, examples_of(sorted(subject), liked, seed), vectors, subject)
                for subject in subjects
                for seed in range(TIMES)
            ]
            share, place = (round(mean(column), 3) for column in zip(*found, strict=True))
            row = {"bench": "learning", "digest": digest, "matches": len(matches), "two": said}
            print(json.dumps({**row, f"of_first_{FIRST}": share, "mean_place": place}), flush=True)


def _once(
    matches: Sequence[Match],
    examples: Sequence[learn.Example],
    vectors: Mapping[str, learn.Floats],
    subject: Collection[str],
) -> tuple[float, float]:
    """The subject's share of the first places, and its papers' mean place from 0 to 1."""
    moves = learn.moves({one.paper.id: vectors[one.paper.id] for one in matches}, examples, "you")
    moved = learn.moved(matches, moves)
    ranked = [one.paper.id for one in sorted(moved, key=lambda m: (-m.score, m.paper.id))]
    said = {one.paper.id for one in examples}
    others = [id for id in ranked if id not in said]
    places = [n / len(others) for n, id in enumerate(others) if id in subject]
    return sum(id in subject for id in others[:FIRST]) / FIRST, mean(places)


if __name__ == "__main__":
    asked = Path(sys.argv[1] if len(sys.argv) > 1 else "") / "topics/dev.json"
    if len(sys.argv) < 2 or not asked.is_file():
        # Part of `make bench`, where most have no such folder.
        print(
            json.dumps({"bench": "learning", "left_out": "no DATA=FOLDER with topics/ was given"})
        )
    else:
        main(asked)
