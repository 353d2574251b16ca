"""From files to files: the model in the package, or anyone's own."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean

from tokenizers import Tokenizer

from digest.errors import BadConfig
from digest.summarizers import Text
from digest.summarizers.embedded import Embedded
from digest.summarizers.embedded.network import MODEL
from digest.text import sentences
from digest.training import figures
from digest.training.base import fetch_base
from digest.training.examples import Example, Pair, example, own, scitldr, weak, wholes
from digest.training.export import export
from digest.training.fit import Phase, Say, fit, phases
from digest.training.network import Network
from digest.training.restore import restore

SEED = 1
REVISION = 1  #: of the model in the package; a new one means that papers are summarized anew
#: All of them take longer than two hours on two cores.
WEAK_PAIRS = 22_000
BASE = "all-MiniLM-L6-v2"
FEWEST = 20  #: pairs of one's own


def make(data: Path, work: Path, folder: Path, say: Say, *, weak_pairs: int = WEAK_PAIRS) -> None:
    """Train the model in the package from SciTLDR and weak pairs, and measure it on SciTLDR's dev.

    Goes on from the checkpoint that a killed run left in `work`.
    """
    base = fetch_base(work)
    tokenizer = _tokenizer(base / "tokenizer.json")
    people = list(scitldr(data / "scitldr" / "train.jsonl"))
    many = list(weak(data / "tldr" / "train.jsonl.gz"))
    random.Random(SEED).shuffle(many)
    many = many[:weak_pairs]
    say(f"{len(people)} pairs of people, {len(many)} weak ones")
    plan = phases(_examples(people, tokenizer), _examples(many, tokenizer))
    network = Network(base)
    _fit(network, plan, [*people, *many], tokenizer, work, say)
    export(network, base / "tokenizer.json", folder, {"revision": REVISION, "base": BASE})
    say(json.dumps(measure(folder, list(scitldr(data / "scitldr" / "dev.jsonl")))))


def own_model(file: Path, work: Path, folder: Path, say: Say) -> None:
    """Train the model in the package further on one's own pairs.

    Raises: BadConfig when the file has too few.
    """
    pairs = list(own(file))
    tokenizer = _tokenizer(MODEL / "tokenizer.json")
    examples = _examples(pairs, tokenizer)
    if len(examples) < FEWEST:
        raise BadConfig(f"{file} has {len(examples)} pairs to learn from; it takes {FEWEST}")
    # One in ten is kept out, so that what was learned can be measured.
    held, taught = pairs[::10], [one for at, one in enumerate(pairs) if at % 10]
    network = Network(fetch_base(work))
    restore(network, MODEL)
    plan = [Phase("own pairs", _examples(taught, tokenizer), 3, 3e-5, 20)]
    _fit(network, plan, taught, tokenizer, work, say)
    revision = f"own-{hashlib.sha256(file.read_bytes()).hexdigest()[:8]}"
    export(network, MODEL / "tokenizer.json", folder, {"revision": revision, "base": BASE})
    say(f"before {json.dumps(measure(MODEL, held))}")
    say(f"after  {json.dumps(measure(folder, held))}")


def measure(folder: Path, pairs: Sequence[Pair]) -> dict[str, float]:
    """ROUGE of a model's summaries, and the share of the best whole sentence's ROUGE-1."""
    texts = [Text(pair.title, pair.abstract) for pair in pairs]
    summaries = Embedded(folder).summarize(texts)
    references = [pair.summaries for pair in pairs]
    found = figures.rouge(summaries, references)
    best = figures.oracle([sentences(text.abstract) for text in texts], references)
    ceiling = figures.rouge(best, references)
    words = [len(one.split()) for one in summaries]
    return {
        "papers": len(pairs),
        "rouge1": round(found.r1, 2),
        "rouge2": round(found.r2, 2),
        "rougeL": round(found.rl, 2),
        "share_of_best_sentence": round(found.r1 / ceiling.r1, 3),
        "words_mean": round(fmean(words), 1),
        "words_max": max(words),
    }


def _fit(
    network: Network,
    plan: Sequence[Phase],
    pairs: Sequence[Pair],
    tokenizer: Tokenizer,
    work: Path,
    say: Say,
) -> None:
    chance = random.Random(SEED)
    torn = list(wholes(pairs, tokenizer, chance))
    chance.shuffle(torn)
    fit(network, plan, torn, seed=SEED, checkpoint=work / "checkpoint.pt", say=say)


def _examples(pairs: Iterable[Pair], tokenizer: Tokenizer) -> list[Example]:
    return [found for pair in pairs if (found := example(pair, tokenizer))]


def _tokenizer(path: Path) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer
