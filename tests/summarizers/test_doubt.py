"""The network that doubts what models write."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from digest.errors import BadConfig
from digest.models import MAX_TOKENS, MODEL
from digest.summarizers import Text
from digest.summarizers.embedded.doubt import Doubter, doubter, question
from digest.summarizers.embedded.variants import is_quoted, pairs

TEXT = Text(
    "StairNet: robots on stairs",
    "Robots with two legs fall on stairs. We propose StairNet, which plans every step with a map "
    "from LidarMap. On RoboBench, StairNet falls 12% less often than LegNet, while it needs 40 ms "
    "per step on 8 GPUs. Unlike LegNet, it does not need to know the weight of the robot.",
)
TRUE = [
    "StairNet plans every step and falls 12% less often than LegNet on RoboBench.",
    "StairNet needs 40 ms per step and does not need to know the weight of the robot.",
]


@pytest.mark.parametrize("said", TRUE)
def test_what_is_true_passes(said: str) -> None:
    assert doubter().problems(said, TEXT) == ()


@pytest.mark.parametrize(
    ("said", "old", "new"),
    [
        (TRUE[0], "12%", "40%"),
        (TRUE[0], "plans", "never plans"),
        (TRUE[0], "less", "more"),
        (TRUE[1], "40 ms", "12 ms"),
        (TRUE[1], "StairNet", "LidarMap"),
    ],
)
def test_what_was_moved_within_the_abstract_is_doubted(said: str, old: str, new: str) -> None:
    false = said.replace(old, new)
    assert false != said
    assert doubter().problems(false, TEXT)


def test_the_reason_names_what_the_abstract_has() -> None:
    (why,) = doubter().problems(TRUE[0].replace("12%", "40%"), TEXT)
    assert why == "'40%' stands where the abstract has '12%'"


def test_a_number_is_not_held_against_those_of_other_things() -> None:
    warm = Text(
        TEXT.title,
        "We propose StairNet. It falls 12% less often than LegNet. The data set was recorded "
        "between -5 and 10 degrees Celsius by 30 robots in 40 ms.",
    )
    doubt = doubter().doubt("StairNet falls 12% less often than LegNet.", warm)
    assert "number" not in doubt.better


def test_what_stands_there_word_for_word_is_quoted() -> None:
    source = pairs(TEXT.abstract)
    said = "StairNet falls 12% less often, by 12% of all, than LegNet on RoboBench."
    assert is_quoted(said, (15, 18), source, "number")
    assert not is_quoted(said, (34, 37), source, "number")  # beside "by" and "of"
    assert not is_quoted(said, said_at(said, "LegNet"), source, "name")
    assert is_quoted("On RoboBench, StairNet falls", (3, 12), source, "name")


def said_at(said: str, word: str) -> tuple[int, int]:
    return said.index(word), said.index(word) + len(word)


@pytest.mark.parametrize("said", ["", "x", "机器人。", "word " * 500, "((", "12 " * 200])
def test_no_summary_breaks_it(said: str) -> None:
    doubter().problems(said, TEXT)
    doubter().problems(said, Text("", said * 20))


def test_a_long_abstract_is_read_as_far_as_the_network_can() -> None:
    ids, offsets = question("word " * 200, "A title", "stairs " * 3000, doubter()._tokenizer)
    assert len(ids) == MAX_TOKENS
    assert len(offsets) == 96


@pytest.mark.parametrize("name", ["trunk.onnx", "doubter.onnx", "tokenizer.json"])
def test_a_damaged_model_is_named(tmp_path: Path, name: str) -> None:
    shutil.copytree(MODEL, tmp_path / "model")
    (tmp_path / "model" / name).write_bytes(b"nothing")
    with pytest.raises(BadConfig, match="cannot be read"):
        Doubter(tmp_path / "model")
