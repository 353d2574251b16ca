"""The encoder in the package."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.encoders import Encoder
from digest.encoders.embedded import MAX_TOKENS, WIDTH, Embedded
from digest.errors import BadConfig
from digest.models import MODEL
from digest.models.world import world

TEXTS = [
    "Legs for robots that fall. We propose legs that plan every step before it is taken.",
    "robots",
    "Roboter auf Treppen. Wir bauen Roboter, die Treppen steigen.",
    "用于搜救的机器人。我们提出一种会爬楼梯的机器人。",
    "الروبوتات على الدرج",
    "🤖 🚢",
    "We fold protein chains from sparse contacts between residues. " * 40,
]


@pytest.fixture(scope="module")
def encoder() -> Embedded:
    return Embedded()


def cosine(encoder: Embedded, one: str, other: str) -> float:
    first, second = encoder.encode([one, other])
    return float(first @ second)


def test_it_is_an_encoder_that_names_its_revision(encoder: Embedded) -> None:
    assert isinstance(encoder, Encoder)
    assert encoder.id.startswith("embedded/")


def test_the_same_text_has_the_same_vector_every_time(encoder: Embedded) -> None:
    first = encoder.encode(TEXTS)
    assert np.array_equal(first, encoder.encode(TEXTS))
    assert np.array_equal(first, Embedded(threads=1).encode(TEXTS))


def test_a_vector_does_not_depend_on_what_else_is_asked(encoder: Embedded) -> None:
    together = encoder.encode(TEXTS)
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    assert np.array_equal(together, alone)
    assert np.array_equal(together[::-1], encoder.encode(TEXTS[::-1]))


def test_threads_may_share_it(encoder: Embedded) -> None:
    with ThreadPoolExecutor(3) as pool:
        several = list(pool.map(encoder.encode, [TEXTS] * 3))
    assert all(np.array_equal(one, several[0]) for one in several)


def test_vectors_have_the_length_1(encoder: Embedded) -> None:
    made = encoder.encode(TEXTS)
    assert made.shape == (len(TEXTS), WIDTH)
    assert made.dtype == np.float32
    # Of other scripts the network knows letters at most: that is like nothing.
    lengths = [1, 1, 1, 0, 0, 0, 1]
    assert np.linalg.norm(made, axis=1) == pytest.approx(lengths, abs=1e-5)


def test_an_empty_text_has_no_direction(encoder: Embedded) -> None:
    made = encoder.encode(["", " \n\t ", "robots"])
    assert made.any(axis=1).tolist() == [False, False, True]
    assert encoder.encode([]).shape == (0, WIDTH)


def test_texts_that_mean_alike_lie_closer_than_others(encoder: Embedded) -> None:
    robots = "machines that walk up stairs"
    assert cosine(encoder, robots, TEXTS[0]) > cosine(encoder, robots, TEXTS[-1]) + 0.2


def test_what_is_longer_than_an_abstract_is_cut_off(encoder: Embedded) -> None:
    long = "robots fall " * (MAX_TOKENS // 2)
    first, second, third = encoder.encode([long, long + "proteins fold", long * 30])
    assert np.array_equal(first, second)
    assert np.array_equal(first, third)


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=300))
def test_any_text_has_a_vector(encoder: Embedded, text: str) -> None:
    (made,) = encoder.encode([text])
    assert np.isfinite(made).all()
    assert np.linalg.norm(made) == pytest.approx(1 if made.any() else 0, abs=1e-5)


# --- parts ---------------------------------------------------------------------------------------

PARTS = ["Robots fall on stairs.", "Fish swim in the sea.", "Judges read the law."]


def test_each_part_of_a_text_has_a_vector(encoder: Embedded) -> None:
    made = encoder.parts("On many things. ", PARTS)
    assert made.shape == (3, WIDTH)
    assert np.linalg.norm(made, axis=1) == pytest.approx(1, abs=1e-5)
    assert np.array_equal(made, encoder.parts("On many things. ", PARTS))
    assert encoder.parts("On many things. ", []).shape == (0, WIDTH)


@pytest.mark.parametrize(("topic", "place"), [("legged machines", 0), ("marine animals", 1)])
def test_a_part_lies_close_to_what_it_is_about(encoder: Embedded, topic: str, place: int) -> None:
    (near,) = encoder.encode([topic])
    assert int(np.argmax(encoder.parts("On many things. ", PARTS) @ near)) == place


def test_a_part_that_is_empty_or_cut_off_has_no_direction(encoder: Embedded) -> None:
    made = encoder.parts("", ["Robots fall.", "", "They fall again. " * MAX_TOKENS, "Never read."])
    assert made.any(axis=1).tolist() == [True, False, True, False]


# --- its files -----------------------------------------------------------------------------------

FILES = ["encoder.json", "encoder.onnx", "trunk.onnx", "tokenizer.json"]


def folder_without(folder: Path, name: str) -> Path:
    for file in MODEL.iterdir():
        if file.name != name:
            (folder / file.name).symlink_to(file)
    return folder


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_said_with_the_remedy(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadConfig, match="install papers-digest again") as error:
        Embedded(folder_without(tmp_path, name))
    assert str(tmp_path) in str(error.value)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("content", [b"", b"{}", b"\x00 no model"])
def test_a_damaged_file_is_said_with_the_remedy(tmp_path: Path, name: str, content: bytes) -> None:
    (folder_without(tmp_path, name) / name).write_bytes(content)
    with pytest.raises(BadConfig, match="install papers-digest again"):
        Embedded(tmp_path)


def test_a_world_that_is_missing_or_damaged_is_said_with_the_remedy(tmp_path: Path) -> None:
    for number, content in enumerate(
        [None, b"", b"no archive", (MODEL / "world.npz").read_bytes()[:999]]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        if content is not None:
            (folder / "world.npz").write_bytes(content)
        with pytest.raises(BadConfig, match="install papers-digest again"):
            world(folder)
