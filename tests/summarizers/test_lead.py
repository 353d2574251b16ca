"""The lead summarizer: the sentence that says what the paper does, without its lead-in."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.summarizers import BUILTIN, Text
from digest.summarizers.lead import Lead, trimmed


def summary(abstract: str, title: str = "On sheep") -> str:
    return Lead().summarize([Text(title, abstract)])[0]


@pytest.mark.parametrize(
    ("abstract", "said"),
    [
        (
            "Sheep have attracted much attention. However, nobody counts them. In this paper, we "
            "propose a way to count sheep by their ears. Experiments show that it is quick. Code "
            "is available at https://sheep.example.",
            "We propose a way to count sheep by their ears.",
        ),
        (
            "Recently, we have seen many sheep. This paper surveys the ways to count them. We "
            "find that most are slow.",
            "This paper surveys the ways to count them.",
        ),
        (
            "Counting is hard. To address this issue, we introduce WoolNet, a counter of sheep. "
            "It outperforms all shepherds. We also propose a smaller one.",
            "We introduce WoolNet, a counter of sheep.",
        ),
        (
            "Here, a new counter of sheep is presented. It has four legs.",
            "A new counter of sheep is presented.",
        ),
    ],
)
def test_the_contribution_is_found_and_trimmed(abstract: str, said: str) -> None:
    assert summary(abstract) == said


def test_without_a_cue_the_first_sentence_stands() -> None:
    assert summary("Sheep sleep in the grass. Wolves sleep in dens.") == "Sheep sleep in the grass."


def test_a_sentence_that_points_elsewhere_is_the_last_choice() -> None:
    abstract = "It counts them as they come. We present a gate that counts sheep in the dark."
    assert summary(abstract) == "We present a gate that counts sheep in the dark."


def test_of_two_contributions_the_one_in_the_title_wins() -> None:
    abstract = "We propose a new kind of fence for farms. We propose a count of sheep in dreams."
    assert summary(abstract, "Counting sheep in dreams") == "We propose a count of sheep in dreams."


@pytest.mark.parametrize(
    "abstract",
    [
        "We count.",
        "a fragment without an end",
        "Wir zählen Schafe auf der Wiese.",
        "我们数羊。",
        "...",
    ],
)
def test_a_single_sentence_is_its_own_summary(abstract: str) -> None:
    assert summary(abstract) == abstract


@pytest.mark.parametrize(
    ("abstract", "said"),
    [
        (
            "机器人经常在楼梯上摔倒。本文提出一种新的方法，使机器人能够在上楼之前规划每一步。实验表明，该方法降低了摔倒率。",
            "本文提出一种新的方法，使机器人能够在上楼之前规划每一步。",
        ),
        (
            "近年來，機器人經常在樓梯上摔倒。我們提出一種新的方法，使機器人能夠規劃每一步。程式碼已公開。",
            "我們提出一種新的方法，使機器人能夠規劃每一步。",
        ),
        (
            "近年、ロボットは階段でよく転ぶ。本論文では、一歩一歩を計画する新しい手法を提案する。実験により有効性を確認した。",
            "本論文では、一歩一歩を計画する新しい手法を提案する。",
        ),
    ],
)
def test_chinese_and_japanese_have_cues_of_their_own(abstract: str, said: str) -> None:
    assert summary(abstract, "机器人") == said


def test_an_address_is_no_contribution() -> None:
    abstract = "Sheep sleep in the grass. We present it: https://sheep.example/of/the/grass/and/its/wolves."
    assert summary(abstract) == "Sheep sleep in the grass."


def test_an_assumption_is_no_lead_in() -> None:
    said = "Based on this strong assumption, we count sheep."
    assert trimmed(said) == said


def test_no_abstract_has_no_summary() -> None:
    assert Lead().summarize([Text("On sheep", ""), Text("", " ")]) == ["", ""]


def test_a_batch_keeps_its_length_and_order() -> None:
    said = Lead().summarize([Text("", f"We count to {number}.") for number in range(5)])
    assert said == [f"We count to {number}." for number in range(5)]


@pytest.mark.parametrize(
    ("sentence", "short"),
    [
        ("In this work we count sheep.", "We count sheep."),
        ("In this paper, mBERT is taught to count.", "mBERT is taught to count."),
        ("However, to bridge this critical gap, we then count sheep.", "We count sheep."),
        ("Motivated by these observations, this study counts sheep.", "This study counts sheep."),
        ("Objective: To this end, sheep are counted.", "Sheep are counted."),
        ("Building on this fast counter, we count cows.", "We count cows."),
    ],
)
def test_a_lead_in_that_says_nothing_goes(sentence: str, short: str) -> None:
    assert trimmed(sentence) == short


@pytest.mark.parametrize(
    "sentence",
    [
        "To count sheep in the dark, we propose a gate.",
        "To show that sheep can count, we ask them.",
        "Under these assumptions, we prove that sheep are finite.",
        "In this paper, and in the next, we count sheep.",
        "In contrast to cows, sheep are counted.",
        "However tired, sheep are counted.",
        "Here lies a sheep.",
        "In this paper",
        "",
    ],
)
def test_what_says_something_or_would_leave_a_fragment_stays(sentence: str) -> None:
    assert trimmed(sentence) == sentence


@settings(max_examples=100, deadline=None)
@given(st.text(), st.lists(st.sampled_from("We we propose In this paper , . To However".split())))
def test_the_summary_has_no_word_that_the_abstract_has_not(title: str, words: list[str]) -> None:
    abstract = " ".join(words)
    said = summary(abstract, title)
    assert said.lower() in abstract.lower()


def test_the_built_in_one_is_made_by_name() -> None:
    assert BUILTIN["lead"]().id == "lead/2"
