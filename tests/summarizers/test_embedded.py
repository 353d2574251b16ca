"""The summarizer in the package: what it may cut, and what it says."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.errors import BadConfig
from digest.summarizers import Text
from digest.summarizers.embedded import Embedded, said
from digest.summarizers.embedded.choice import Weights, choices, worth
from digest.summarizers.embedded.cuts import MAX_SPANS, MAX_WORDS, cuts
from digest.summarizers.embedded.network import FILES, MODEL
from digest.summarizers.embedded.reading import grid, read

ABSTRACT = (
    "Robots fall on stairs. Many groups have tried to keep them upright, with little success. In "
    "this paper, we propose StairNet (a network of 2M parameters), which plans every step before "
    "it is taken. On 40 staircases, StairNet falls 12% less often than the best planner. However, "
    "it fails on wet stone."
)


@pytest.fixture(scope="module")
def embedded() -> Embedded:
    return Embedded()


def said_of(abstract: str) -> set[str]:
    return {said(abstract, cut) for cut in cuts(abstract)}


# --- cuts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sentence", "cut"),
    [
        (
            "However, in this paper, we propose a way to keep robots upright on all stairs.",
            "We propose a way to keep robots upright on all stairs.",
        ),
        (
            "To climb faster on wet stairs, we propose a planner for robots with two legs.",
            "We propose a planner for robots with two legs.",
        ),
        (
            "We show that robots with six legs fall less often than robots with two.",
            "Robots with six legs fall less often than robots with two.",
        ),
        (
            "We propose StairNet (Roe et al., 2020), which plans every step before it is taken.",
            "We propose StairNet, which plans every step before it is taken.",
        ),
        (
            "We propose a planner for robots on stairs, which plans every step before it is taken.",
            "We propose a planner for robots on stairs.",
        ),
        (
            "We study falls of robots and show that most of them happen on the last step.",
            "We show that most of them happen on the last step.",
        ),
    ],
)
def test_what_english_can_do_without_may_go(sentence: str, cut: str) -> None:
    assert cut in said_of(sentence)


@pytest.mark.parametrize(
    ("sentence", "never"),
    [
        ("If the stairs are wet, we see robots fall on every second step.", "We see robots"),
        ("When stairs are wet, our robots fall on every second step taken.", "Our robots"),
        ("We believe that robots with six legs fall less often than others.", "Robots with six"),
        ("We argue that most robots should not climb stairs without help.", "Most robots"),
        ("Robots do not fall on stairs when they plan every step.", "Robots fall"),
        (
            "Robots climb stairs only when somebody holds their hand all the way.",
            "Robots climb stairs.",
        ),
    ],
)
def test_what_a_claim_hangs_on_stays(sentence: str, never: str) -> None:
    assert not any(cut.startswith(never) for cut in said_of(sentence))


@pytest.mark.parametrize("word", ["This", "These planners", "It", "Such a planner", "Our method"])
def test_what_points_back_is_known(word: str) -> None:
    (first, *_) = cuts(f"{word} can keep robots upright on all kinds of stairs.")
    assert first.is_dangling


def test_a_cut_never_parts_what_belongs_together() -> None:
    for text in said_of(ABSTRACT):
        assert text.count("(") == text.count(")")
        assert not text.rstrip(".").endswith((" a", " the", " of", " and", " which", ","))


SENTENCES = st.lists(
    st.sampled_from(
        [
            "We propose a planner, which works, and show that it (usually) climbs every stair.",
            "However, to this end, robots fall [1, 2] while people climb stairs by counting steps.",
            "Robots are “good” at falling; people, e.g. climbers, are not (see Roe).",
            "机器人会摔倒。", "Kurz.", "((", "x" * 300, "It is 3.5% faster than 2.1 GB of stairs.",
        ]
    ),
    max_size=8,
)  # fmt: skip


@given(SENTENCES)
@settings(deadline=None)
def test_every_cut_is_some_words_of_the_abstract_in_their_order(parts: list[str]) -> None:
    abstract = " ".join(parts)
    for cut in cuts(abstract):
        assert len(cut.spans) <= MAX_SPANS
        flat = [edge for span in cut.spans for edge in span]
        assert flat == sorted(set(flat)) or len(cut.spans) > 1
        assert all(start < end for start, end in cut.spans)
        words = " ".join(abstract[a:b] for a, b in cut.spans).split()
        assert len(words) <= MAX_WORDS


# --- choice --------------------------------------------------------------------------------------


def test_the_cut_with_the_likelier_words_is_worth_more(embedded: Embedded) -> None:
    reading = read("A title", ABSTRACT, embedded._network.tokenizer)
    numbers = np.full((len(reading.ids), 4), -3.0, np.float32)
    for word, tokens in zip(reading.words, reading.tokens, strict=True):
        if word in {"we", "propose", "stairnet"}:
            numbers[tokens, 0] = 3.0
    best = choices(reading, numbers, 12.0, Weights(5.0, [0.0] * 36, -9.0))[0]
    chosen = " ".join(said(ABSTRACT, reading.cuts[at]) for at in best.cuts)
    assert "propose StairNet" in chosen


def test_a_word_that_comes_again_is_worth_less(embedded: Embedded) -> None:
    abstract = "The robot and the robot and the robot fall. The robot and the others all fall down."
    reading = read("", abstract, embedded._network.tokenizer)
    of = grid(reading.words, reading.ranges)
    words = np.zeros((len(reading.words), 4), np.float32)
    first, second = worth(of, words, 8.0, Weights(1.0, [0.0] * 36, 0.0))[[0, -1]]
    assert first < second


# --- summaries -----------------------------------------------------------------------------------


def test_a_summary_is_made_of_the_abstracts_words(embedded: Embedded) -> None:
    (found,) = embedded.summarize([Text("Robots on stairs", ABSTRACT)])
    assert 6 <= len(found.split()) <= MAX_WORDS
    left = ABSTRACT.lower()
    for word in found.lower().rstrip(".").replace(".", " ").replace(",", " ").split():
        at = left.find(word)
        assert at >= 0, f"{word!r} does not follow in the abstract"
        left = left[at + len(word) :]


@pytest.mark.parametrize(
    "abstract",
    [
        "Robots fall.",
        "We propose legs.",
        "word " * 700,
        "Nous proposons une méthode pour que les robots montent les escaliers sans tomber.",
        "我们提出了一种让机器人爬楼梯的方法。它很少摔倒。",
        r"We bound $\sum_{i=1}^n x_i^2 \leq C \log n$ for all $n$, where $C$ is a constant.",
        "We study: (i) falls; (ii) steps; (iii) stairs. - One. - Two. * Three.",
        "?!? ... ---",
    ],
)
def test_every_abstract_gets_a_sane_answer(embedded: Embedded, abstract: str) -> None:
    (found,) = embedded.summarize([Text("A title", abstract)])
    assert found
    assert len(found.split()) <= MAX_WORDS
    assert len(found) <= 400


def test_neighbours_change_nothing(embedded: Embedded) -> None:
    texts = [
        Text(f"Title {n}", f"{ABSTRACT} We test {n} robots on many stairs.") for n in range(40)
    ]
    together = embedded.summarize(texts)
    assert together == [embedded.summarize([text])[0] for text in texts]
    assert together == Embedded().summarize(texts)


@pytest.mark.parametrize("damage", ["missing", "cut off"])
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_model_is_named(tmp_path: Path, name: str, damage: str) -> None:
    shutil.copytree(MODEL, tmp_path / "model")
    file = tmp_path / "model" / name
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(BadConfig, match="cannot be read"):
        Embedded(tmp_path / "model")


def test_all_model_files_together_are_small() -> None:
    assert sum(path.stat().st_size for path in MODEL.parent.rglob("*")) <= 30_000_000


def test_neither_torch_nor_transformers_is_imported() -> None:
    ask = (
        "import sys, json; from digest.cli import app; from digest.summarizers import *; "
        "BUILTIN['embedded']().summarize([Text('A title', 'We propose legs for robots.')]); "
        "print(json.dumps([m for m in ('torch', 'transformers', 'onnx') if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
