"""From files to files: the model in the package, or anyone's own."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean

import torch
from tokenizers import Tokenizer
from torch import Tensor

from digest.errors import BadConfig
from digest.models import MODEL, read_tokenizer
from digest.summarizers import Text
from digest.summarizers.embedded import Embedded
from digest.text import sentences
from digest.training import choosing, doubt, figures
from digest.training.base import fetch_base
from digest.training.choosing import phases
from digest.training.doubt import Doubter, Twins, twins
from digest.training.examples import Example, Pair, example, own, scitldr, weak, wholes
from digest.training.export import export, export_doubter
from digest.training.fit import Phase, Say, fit
from digest.training.network import Network
from digest.training.restore import restore

SEED = 1
REVISION = 2  #: of the model in the package; a new one means that papers are summarized anew
BASE = "all-MiniLM-L6-v2"
FEWEST = 20  #: pairs of one's own


def make(data: Path, work: Path, folder: Path, say: Say, *, weak_pairs: int | None = None) -> None:
    """Train the models in the package from SciTLDR and weak pairs, and measure the summaries.

    Goes on from the checkpoints that a killed run left in `work`. The two networks are trained
    side by side, each on one core: with more, the order in which numbers are added up, and so
    the result, would depend on the machine.
    """
    dev = list(scitldr(data / "scitldr" / "dev.jsonl"))  # what is missing is said at once
    base = fetch_base(work)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        both = [pool.submit(one, data, work, weak_pairs) for one in (_summarizer, _doubter)]
        for done in both:
            done.result()
    network, doubter = Network(base), Doubter(base)
    network.load_state_dict(torch.load(work / "summarizer.pt", weights_only=True))
    doubter.load_state_dict(torch.load(work / "doubter.pt", weights_only=True))
    export(network, base / "tokenizer.json", folder, {"revision": REVISION, "base": BASE})
    export_doubter(doubter, folder)
    say(json.dumps(measure(folder, dev)))


def _pairs(data: Path, weak_pairs: int | None) -> tuple[list[Pair], list[Pair]]:
    """People's pairs, and weak ones in a chance order."""
    many = list(weak(data / "tldr" / "train.jsonl.gz"))
    random.Random(SEED).shuffle(many)
    return list(scitldr(data / "scitldr" / "train.jsonl")), many[:weak_pairs]


def _summarizer(data: Path, work: Path, weak_pairs: int | None) -> None:
    base = fetch_base(work)
    tokenizer = read_tokenizer(base)
    people, many = _pairs(data, weak_pairs)
    _say(f"summarizer: {len(people)} pairs of people, {len(many)} weak ones")
    plan = phases(_examples(people, tokenizer), _examples(many, tokenizer))
    network = Network(base)
    _fit(network, plan, [*people, *many], tokenizer, work, _digest(data))
    torch.save(network.state_dict(), work / "summarizer.pt")


def _doubter(data: Path, work: Path, weak_pairs: int | None) -> None:
    base = fetch_base(work)
    people, many = _pairs(data, weak_pairs)
    chance = random.Random(SEED)
    taught = list(twins([*people, *people, *many], read_tokenizer(base), chance))
    _say(f"doubter: {len(taught)} summaries, each also with a lie")
    network = Doubter(base)
    torch.set_num_threads(1)

    def loss(batch: Sequence[Twins], at: int) -> Tensor:
        return doubt.loss(network, batch)

    fit(
        network,
        [Phase("doubter", taught, 1, 1.5e-4)],
        loss,
        lambda one: len(one.true.ids),
        seed=SEED,
        checkpoint=work / "doubter.checkpoint",
        of=_digest(data),
        say=_say,
    )
    torch.save(network.state_dict(), work / "doubter.pt")


def own_model(file: Path, work: Path, folder: Path, say: Say) -> None:
    """Train the model in the package further on one's own pairs.

    Raises: BadConfig when the file has too few.
    """
    pairs = list(own(file))
    tokenizer = read_tokenizer(MODEL)
    examples = _examples(pairs, tokenizer)
    if len(examples) < FEWEST:
        raise BadConfig(f"{file} has {len(examples)} pairs to learn from; it takes {FEWEST}")
    # One in ten is kept out, so that what was learned can be measured.
    pairs = [one for one in pairs if example(one, tokenizer)]
    held, taught = pairs[::10], [one for at, one in enumerate(pairs) if at % 10]
    network = Network(None)
    restore(network, MODEL)
    plan = [Phase("own pairs", _examples(taught, tokenizer), 3, 3e-5, 20)]
    base = hashlib.sha256((MODEL / "summarizer.onnx").read_bytes()).hexdigest()
    revision = f"own-{hashlib.sha256(base.encode() + file.read_bytes()).hexdigest()[:8]}"
    _fit(network, plan, taught, tokenizer, work, revision, say)
    export(network, MODEL / "tokenizer.json", folder, {"revision": revision, "base": BASE})
    _license(folder)
    say(f"before {json.dumps(measure(MODEL, held))}")
    say(f"after  {json.dumps(measure(folder, held))}")


def _license(folder: Path) -> None:
    """Put the licence of what the model is made from beside it, as it asks for."""
    ours = MODEL.parent
    shutil.copyfile(ours / "LICENSE-Apache-2.0", folder / "LICENSE-Apache-2.0")
    notice = (ours / "NOTICE").read_text("utf-8")
    changed = "The layers in summarizer.onnx and head.onnx were trained further by 'digest train'."
    (folder / "NOTICE").write_text(f"{notice}\n{changed}\n", "utf-8")


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


def _digest(data: Path) -> str:
    """What stands for the pairs of a folder."""
    files = (data / "scitldr" / "train.jsonl", data / "tldr" / "train.jsonl.gz")
    return " ".join(hashlib.sha256(file.read_bytes()).hexdigest() for file in files)


def _say(line: str) -> None:
    print(line, flush=True)


def _fit(
    network: Network,
    plan: Sequence[Phase[Example]],
    pairs: Sequence[Pair],
    tokenizer: Tokenizer,
    work: Path,
    of: str,
    say: Say = _say,
) -> None:
    chance = random.Random(SEED)
    torn = list(wholes(pairs, tokenizer, chance))
    chance.shuffle(torn)
    torch.set_num_threads(1)

    def loss(batch: Sequence[Example], at: int) -> Tensor:
        some = [torn[(at * choosing.WHOLES + step) % len(torn)] for step in range(choosing.WHOLES)]
        return choosing.loss(network, batch, some)

    fit(
        network,
        plan,
        loss,
        lambda one: len(one.reading.ids),
        seed=SEED,
        checkpoint=work / "summarizer.checkpoint",
        of=of,
        say=say,
    )


def _examples(pairs: Iterable[Pair], tokenizer: Tokenizer) -> list[Example]:
    return [found for pair in pairs if (found := example(pair, tokenizer))]
