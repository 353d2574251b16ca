"""How many planted lies the checks catch, and how many true summaries they refuse.

    make bench-lies DATA=FOLDER

FOLDER holds scitldr/dev.jsonl and tldr/train.jsonl.gz (docs/model-card.md says where they come
from). The lies are planted in summaries that a language model wrote and that pass untouched; half
of the numbers and names come from elsewhere in the same abstract. The true summaries are all
references of SciTLDR's dev part.
"""

from __future__ import annotations

import gzip
import json
import random
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from digest.run.summarizing import problems
from digest.summarizers import Text
from digest.text import plain

LIES, SEED = 500, 7
NUMBER = re.compile(r"(?<![\w.])\d+(?:[.,]\d+)*(?![\w.]*\w)")
NAME = re.compile(r"(?<!^)(?<![.!?] )\b(?:[A-Z][\w-]*[A-Z0-9][\w-]*|[A-Z][a-z]{3,}[\w-]*)\b")
FOREIGN = "Zephyr-9 QuantaNet BLOOMZ Krylov-7 MuZ-3 Hestia".split()
VERB = re.compile(r"\b(is|are|can|does|do|was|were|has|have)\b(?! not\b)(?!n't)")
NOT = re.compile(r"\b(is|are|can|does|do|was|were|has|have|could) ?not\b|\bcannot\b|\bwithout\b")
WHAT = re.compile(r"\b(improves?|increases?|outperforms?|reduces?|enhances?|achieves?)\b")
OPPOSITE = {"improve": "degrade", "increase": "decrease", "outperform": "underperform",
            "reduce": "increase", "enhance": "weaken", "achieve": "fail to achieve"}  # fmt: skip


def lie(said: str, abstract: str, kind: str, chance: random.Random) -> str | None:
    """The summary with one thing changed; None where it has nothing of the kind."""
    what, _, how = kind.partition(" ")
    if what == "negation":
        return _negated(said, how, chance)
    pattern = NUMBER if what == "number" else NAME
    places = list(pattern.finditer(said))
    if not places:
        return None
    place = chance.choice(places)
    if how == "swapped":
        others = {one[0] for one in pattern.finditer(abstract)} - {one[0] for one in places}
        others = {one for one in others if one.lower() not in said.lower()}
        if not others:
            return None
        new = chance.choice(sorted(others))
    elif what == "number":
        new = str(int(re.sub(r"\D", "", place[0])[:6]) + chance.choice([1, 3, 7, 10]))
    else:
        new = chance.choice(FOREIGN)
    return said[: place.start()] + new + said[place.end() :]


def _negated(said: str, how: str, chance: random.Random) -> str | None:
    pattern = {"added": VERB, "removed": NOT, "turned": WHAT}[how]
    places = list(pattern.finditer(said))
    if not places:
        return None
    place = chance.choice(places)
    if how == "added":
        new = f"{place[0]} not"
    elif how == "removed":
        new = {"cannot": "can", "without": "with"}.get(place[0], place[1] or "can")
    else:
        stem = next(one for one in OPPOSITE if place[0].startswith(one[:-1]))
        new = OPPOSITE[stem]
    return said[: place.start()] + new + said[place.end() :]


KINDS = ["number swapped", "number foreign", "name swapped", "name foreign",
         "negation added", "negation removed", "negation turned"]  # fmt: skip
#: So many of each seven lies: half of what can be swapped is swapped.
SHARES = [2, 2, 2, 2, 1, 1, 1]


def main(folder: Path, part: str = "dev.jsonl") -> None:
    """Print one JSON object a figure."""
    chance = random.Random(SEED)
    caught: Counter[str] = Counter()
    planted: Counter[str] = Counter()
    wanted = [kind for kind, share in zip(KINDS, SHARES, strict=True) for _ in range(share)]
    for title, abstract, said in _pairs(folder, chance):
        if planted.total() >= LIES:
            break
        # The kinds that are rare go first, so that all come to their share.
        short = min(wanted, key=lambda kind: planted[kind] / wanted.count(kind))
        changed = lie(said, abstract, short, chance)
        if changed and not problems(said, Text(title, abstract)):
            planted[short] += 1
            is_caught = bool(problems(changed, Text(title, abstract)))
            caught[short] += is_caught
            if not is_caught:
                _tell(f"MISSED {short}: {changed}\n    OF {said}\n    {abstract}")
    for kind in KINDS:
        _print(f"lies caught, {kind}", caught[kind], planted[kind])
    _print("lies caught", caught.total(), planted.total())
    _print("true summaries refused", *_refused(folder / "scitldr" / part))


def _refused(file: Path) -> tuple[int, int]:
    refused = total = 0
    for row in map(json.loads, file.read_text("utf-8").splitlines()):
        abstract = " ".join(row["sentences"])
        for one in row["tldrs"]:
            total += 1
            if why := problems(plain(one), Text(row["title"], abstract)):
                refused += 1
                _tell(f"REFUSED {why}: {one}\n    {abstract}")
    return refused, total


def _tell(line: str) -> None:
    if "-v" in sys.argv:
        print(line, file=sys.stderr)


def _pairs(folder: Path, chance: random.Random) -> Iterator[tuple[str, str, str]]:
    with gzip.open(folder / "tldr" / "train.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    chance.shuffle(rows)
    for row in rows:
        yield plain(row["title"]), plain(row["abstract"]), plain(row["tldr"])


def _print(metric: str, count: int, of: int) -> None:
    share = round(count / max(1, of), 3)
    print(json.dumps({"bench": "lies", "metric": metric, "value": share, "count": count, "of": of}))


if __name__ == "__main__":
    given = [one for one in sys.argv[1:] if one != "-v"]
    if not given or not (Path(given[0]) / "scitldr").is_dir():
        # Part of `make bench`, where most have no such folder.
        print(json.dumps({"bench": "lies", "left_out": "no DATA=FOLDER with scitldr/ was given"}))
    else:
        main(Path(given[0]), *given[1:2])
