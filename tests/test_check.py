"""What a generated summary may not do: each check, and what it must let through."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.check import MOST_WORDS, problems

TITLE = "StairNet: robots on stairs"
ABSTRACT = (
    "Robots with two legs fall on stairs. We propose StairNet, a graph neural network of 1.5M "
    "parameters that plans every step. On RoboBench it falls 12% less often than LegNet and needs "
    "40 ms per step on 8 GPUs. It does not need a map. Training without noise fails."
)


def found(summary: str, **more: str) -> tuple[str, ...]:
    return problems(summary, TITLE, ABSTRACT, **more)


@pytest.mark.parametrize(
    "summary",
    [
        "StairNet plans every step of robots on stairs and falls 12% less often than LegNet.",
        "A GNN with 1.5 million parameters plans every step of a robot.",  # the initials are there
        "Planning Every Step with StairNet for Upright Robots",  # a headline names nothing
        "StairNet needs 40ms per step and does not need a map.",
        "The network of 1,500,000 parameters keeps robots upright on stairs.",
        "Robots fall less often on RoboBench with StairNet's plans.",
        "Two networks are compared on stairs, StairNet and LegNet.",  # counting is no claim
    ],
)
def test_what_the_abstract_bears_out_passes(summary: str) -> None:
    assert found(summary) == ()


@pytest.mark.parametrize(
    ("summary", "culprit"),
    [
        ("StairNet falls 14% less often than LegNet.", "'14%'"),
        ("StairNet needs 40 s per step on 8 GPUs.", "'40 s'"),
        ("StairNet has 1.5 billion parameters and plans steps.", "'1.5 billion'"),
        ("StairNet falls less often than SpotNet on stairs.", "'SpotNet'"),
        ("StairNet falls ten times less often than LegNet.", "'ten times'"),
        ("StairNet falls three times less often than LegNet.", "'three times'"),
        ("StairNet halves the falls and has half of the legs.", "'half'"),
        ("StairNet has 1,500,001 parameters and plans every step.", "'1,500,001"),
        ("StairNet falls -12% less often than LegNet on stairs.", "'-12%'"),
        ("StairNet was made at Stanford for robots on stairs.", "'Stanford'"),
        ("A CNN plans every step of robots on stairs.", "'CNN'"),
        ("Sure, StairNet plans every step of robots on stairs.", "'Sure'"),
        ("As an AI language model I read that StairNet plans steps.", "talk"),
        ("Summary: StairNet plans every step of robots.", "talk"),
        ("Here is a summary: StairNet plans every step.", "talk"),
        ("<think> The paper says that StairNet plans steps.", "talk"),
        ("StairNet plans steps", "3 words"),
        ("StairNet plans steps. " + "It plans them. " * 4, "sentences"),
        ("StairNet plans " + "many steps and then more of them, " * 10, "words"),
        ("StairNet plans every step of robots, and plans every step of robots.", "repeats"),
        ("", "empty"),
    ],
)
def test_what_it_does_not_bear_out_is_named(summary: str, culprit: str) -> None:
    assert any(culprit in why for why in found(summary)), found(summary)


@pytest.mark.parametrize(
    ("summary", "language", "passes"),
    [
        ("StairNet 用图神经网络规划机器人的每一步。", "zh", True),
        ("该方法使用StairNet规划每一步，少摔12%，每步40ms。", "zh", True),
        ("该方法使用SpotNet规划每一步，少摔12%，每步40ms。", "zh", False),
        ("本手法はStairNetを用いて、ロボットの一歩一歩を計画する。", "ja", True),
        ("StairNet는 로봇의 모든 걸음을 계획하고 12% 덜 넘어진다.", "ko", True),
        ("Das StairNet-Modell plant jeden Schritt der Roboter auf den Treppen.", "de", True),
        ("Das SpotNet-Modell plant jeden Schritt der Roboter auf den Treppen.", "de", False),
        (
            "StairNet plant jeden Schritt der Roboter auf den Treppen und fällt seltener.",
            "de",
            True,
        ),
        ("StairNet plans every step of the robots and it falls less often on stairs.", "de", False),
        ("StairNet plans every step of the robots.", "zh", False),
        ("StairNet 用图神经网络规划机器人的每一步，少摔 14%。", "zh", False),
        ("机器人的每一步都由图神经网络规划。", "en", False),
        ("StairNet планирует каждый шаг робота на лестнице.", "ru", True),
    ],
)
def test_another_language_is_told_and_its_numbers_are_checked(
    summary: str, language: str, passes: bool
) -> None:
    assert (found(summary, language=language) == ()) is passes


def test_the_longest_that_passes() -> None:
    words = [f"{a}{b}" for a in "robots stairs legs steps maps noise".split() for b in "abcdefghij"]
    assert len(words) == MOST_WORDS
    assert not any("words" in why for why in found(" ".join(words)))
    assert any(f"{MOST_WORDS + 1} words" in why for why in found(" ".join([*words, "more"])))


@given(st.text(max_size=400), st.text(max_size=400), st.sampled_from(["en", "zh", "de", "xx"]))
@settings(deadline=None)
def test_no_text_breaks_it(summary: str, abstract: str, language: str) -> None:
    problems(summary, "", abstract, language=language)


def test_long_texts_take_no_long_time() -> None:
    began = time.perf_counter()
    problems("robots " * 50_000, TITLE, "stairs, " * 500_000)
    assert time.perf_counter() - began < 5
