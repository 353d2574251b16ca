"""Lies to learn from, and the variants that a summary is held against."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.summarizers.embedded.variants import names, numbers, variants
from digest.training.lies import lie

SOURCE = "StairNet and LegNet climb 40 stairs in 12.5 s on RoboBench without falling."
SAID = "StairNet climbs 40 stairs without help, and is better than LegNet."


def all_lies(said: str, source: str = SOURCE) -> set[str]:
    found = (lie(said, source, random.Random(seed), ["Zebra-9"]) for seed in range(300))
    return {one.text for one in found if one}


def test_a_lie_changes_one_thing_and_says_where() -> None:
    for seed in range(200):
        made = lie(SAID, SOURCE, random.Random(seed), ["Zebra-9"])
        assert made is not None
        assert made.text != SAID
        start, end = made.changed
        assert 0 <= start < end <= len(made.text) + 2
        assert made.text[:start] == SAID[:start]


@pytest.mark.parametrize(
    "wanted",
    [
        SAID.replace("StairNet", "RoboBench"),
        SAID.replace("LegNet", "Zebra-9"),
        SAID.replace("40", "12.5"),
        SAID.replace("is better", "is not better"),
        SAID.replace("without", "with"),
        SAID.replace("better", "worse"),
    ],
)
def test_lies_of_every_kind_are_told(wanted: str) -> None:
    assert wanted in all_lies(SAID)


def test_where_there_is_nothing_to_change_there_is_no_lie() -> None:
    assert not all_lies("Stairs.")


def test_the_truth_is_a_variant_of_a_lie_from_the_same_abstract() -> None:
    checked = 0
    for seed in range(200):
        made = lie(SAID, SOURCE, random.Random(seed), [])
        assert made is not None
        if made.text in (SAID.replace("LegNet", "RoboBench"), SAID.replace("better", "worse")):
            found = variants(made.text, SOURCE).values()
            assert SAID in {one.text for some in found for one in some}
            checked += 1
    assert checked > 5


def test_names_and_numbers_are_found() -> None:
    assert names(f"The {SOURCE} We use mBERT.") == {"StairNet", "LegNet", "RoboBench", "mBERT"}
    assert numbers("It takes 3.5% of 1,200 steps, 2× fewer than before.") == {"3.5", "1,200", "2"}


@given(st.text(max_size=200), st.text(max_size=200))
def test_no_text_breaks_it(said: str, source: str) -> None:
    variants(said, source)
    lie(said, source, random.Random(1), ["A-1"])


def test_every_kind_of_variant_is_thought_of() -> None:
    found = variants("StairNet climbs 40 stairs and is better.", SOURCE)
    assert {one.text for one in found["number"]} == {"StairNet climbs 12.5 stairs and is better."}
    assert "RoboBench climbs 40 stairs and is better." in {one.text for one in found["name"]}
    senses = {one.text for one in found["sense"]}
    assert "StairNet climbs 40 stairs and is worse." in senses
    # The source denies something, so a "not" may have got lost.
    assert "StairNet climbs 40 stairs and is not better." in senses
