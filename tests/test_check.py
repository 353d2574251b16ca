"""What a generated summary may not do: each check, and what it must let through."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.check import MOST_WORDS, numbers, problems

TITLE = "StairNet: robots on stairs"
#: Of more kinds of numbers, for what is told of them in other words.
LONGER = (
    "On RoboBench StairNet falls 12% less often than LegNet and 30 percentage points less often "
    "than WheelNet, and it needs 40 ms per step on 8 GPUs. On ice StairNet is not better than "
    "LegNet. Training without noise fails. The data set has 5,000 walks by four robots, recorded "
    "in Zurich in 2024 at 20 Hz between -5 and 10 degrees Celsius, 2 to 3 km each; it doubles the "
    "speed at 95.5 ± 0.6% accuracy. It does not need a map. Code: https://robots.example/stairs."
)
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
    "summary",
    [
        "StairNet is trained on five thousand walks by 4 robots.",
        "Four robots walk at twice the speed and 95.5% accuracy.",
        "StairNet falls twelve percent less often than LegNet on RoboBench.",
        "The robots walk 2 km each at a factor of two in speed.",
        "The robots walk at 20 hertz, two times as fast as LegNet.",
        "StairNet needs no map and 40 milliseconds for each step on eight GPUs.",
        "The code of StairNet is at robots.example/stairs for all robots.",
        "Three things are shown of StairNet: speed, walks, and falls on ice.",
        "StairNet fails to be better than LegNet on ice, e.g. in Zurich.",
        "The 5,000-walk data set of four robots was recorded in 2024.",
    ],
)
def test_the_same_in_other_words_passes(summary: str) -> None:
    assert problems(summary, TITLE, LONGER) == ()


@pytest.mark.parametrize(
    ("summary", "culprit"),
    [
        # units
        ("StairNet needs 40 µs per step on 8 GPUs.", "'40 μs'"),
        ("StairNet needs 40 nanoseconds per step on 8 GPUs.", "'40 nanoseconds'"),
        ("StairNet needs 40 years per step on 8 GPUs.", "'40 years'"),
        ("StairNet falls 12 percentage points less often than LegNet.", "'12 percentage points'"),
        ("StairNet falls 8% less often than LegNet on RoboBench.", "'8%'"),
        ("The robots walk at 20 kHz on stairs in Zurich.", "'20 kHz'"),
        ("The robots walk between 5 and 10 degrees Celsius in Zurich.", "'5'"),
        ("The robots walk at 10 degrees Fahrenheit in Zurich.", "Fahrenheit'"),
        # in words
        ("StairNet falls sixty percent less often than LegNet.", "'sixty percent'"),
        ("StairNet falls twenty-one percent less often than LegNet.", "'twenty-one percent'"),
        ("StairNet needs ninety ms per step on 8 GPUs.", "'ninety ms'"),
        ("StairNet is trained on five million walks by 4 robots.", "'five million'"),
        ("StairNet is trained on a million walks by 4 robots.", "'a million'"),
        ("StairNet is trained on millions of walks by 4 robots.", "'millions'"),
        ("StairNet is trained on two dozen walks by 4 robots.", "'two dozen'"),
        ("StairNet falls a third of the time, LegNet more often.", "'a third'"),
        ("StairNet falls two thirds less often than LegNet.", "'two thirds'"),
        ("StairNet triples the speed of four robots on stairs.", "'triples'"),
        ("StairNet quadruples the speed of robots on stairs.", "'quadruples'"),
        ("StairNet falls ⅓ as often as LegNet on RoboBench.", "1⁄3"),
        ("StairNet falls 10⁵ times less often than LegNet.", "'10^5 times'"),
        ("StairNet falls １４% less often than LegNet.", "'14%'"),
        # of the same things
        ("StairNet has 5,000 walks by five robots in Zurich.", "'five' stands where"),
        ("StairNet has 5,000 walks by 8 robots in Zurich.", "'8' stands where"),
        # addresses, calls to act, talk
        ("StairNet plans all steps of robots, see https://evil.example/login.", "evil.example"),
        ("StairNet plans all steps of robots, see evil.example for more.", "evil.example"),
        ("StairNet plans all steps of robots, see robots.example/stair for it.", "stair'"),
        ("StairNet plans the steps of robots; write to evil@robots.example.", "evil@robots"),
        ("StairNet plans the steps of robots; open javascript:alert(1) now.", "javascript:"),
        ("Ignore previous instructions; StairNet plans the steps of robots.", "talk"),
        ("StairNet plans the steps of robots on stairs; click here to win.", "talk"),
        ("Absolutely! StairNet plans every step of robots on stairs.", "talk"),
        ("Great question! StairNet plans every step of robots.", "talk"),
        ("StairNet plans steps of robots. Would you like more details?", "talk"),
        ("StairNet plans steps of robots. Hope this helps!", "talk"),
        ("In one sentence: StairNet plans every step of robots.", "talk"),
        ("This abstract describes StairNet and the steps of robots.", "talk"),
        ("Note: StairNet plans every step of robots on stairs.", "talk"),
        ("<summary>StairNet plans every step of robots.</summary>", "talk"),
        ("I don't have enough information to summarize StairNet.", "talk"),
        ("Unfortunately, I am not able to summarise StairNet.", "talk"),
        ("StairNet plans every step of robots. (Word count: 12)", "talk"),
        # sense
        ("StairNet needs a map and 40 ms per step on 8 GPUs.", "is denied"),
        ("On ice StairNet is better than LegNet in Zurich.", "is denied"),
        ("Training with noise fails with StairNet on stairs.", "is denied"),
        ("Training without noise works with StairNet on stairs.", "stands where"),
        ("StairNet falls 12% more often than LegNet on RoboBench.", "stands where"),
        ("StairNet doesn't double the speed of four robots.", "not"),
        ("StairNet lacks a data set of four robots in Zurich.", "not"),
        ("StairNet never doubles the speed of four robots.", "not"),
        # of another paper
        ("This paper proposes a novel method with state-of-the-art results.", "too few words"),
        ("Cells of mice divide slowly where proteins are scarce.", "too few words"),
        # scripts
        ("StairNet plans steps of robots 在楼梯上规划每一步.", "language"),
    ],
)
def test_whatever_else_it_does_not_bear_out_is_named(summary: str, culprit: str) -> None:
    found = problems(summary, TITLE, LONGER)
    assert any(culprit in why for why in found), found


@pytest.mark.parametrize(
    ("summary", "language", "passes"),
    [
        ("StairNet规划每一步，少摔百分之十二。", "zh", True),
        ("StairNet规划每一步，少摔百分之十四。", "zh", False),
        ("StairNet规划机器人的每一步，速度提高两倍。", "zh", True),
        ("StairNet规划机器人的每一步，速度提高三倍。", "zh", False),
        ("数据集有五千次行走，由四个机器人完成。", "zh", True),
        ("数据集有五万次行走，由四个机器人完成。", "zh", False),
        ("数据集有0.5万次行走，由四个机器人完成。", "zh", True),
        ("StairNet每步只需40毫秒，规划机器人的每一步。", "zh", True),
        ("StairNet每步只需40分钟，规划机器人的每一步。", "zh", False),
        ("当然！StairNet规划机器人的每一步。", "zh", False),
        ("以下是摘要：StairNet规划机器人的每一步。", "zh", False),
        ("抱歉，我无法总结这篇关于机器人的论文。", "zh", False),
        ("作为一个AI语言模型，我认为StairNet规划每一步。", "zh", False),
        ("规划规划规划规划规划规划规划规划规划规划", "zh", False),
        ("该网络规划每一步。该网络规划每一步。", "zh", False),
        ("StairNetは、ロボットの一歩一歩を計画する手法である。", "zh", False),
        ("StairNet规划机器人的每一步，在楼梯上少摔倒。", "ja", False),
        ("StairNetは一歩を40ミリ秒で計画し、転倒を12パーセント減らす。", "ja", True),
        ("申し訳ありませんが、この論文は要約できません。", "ja", False),
        ("该方法使用StairNet规划每一步，不需要地图。", "zh-hant", False),
        ("該方法使用StairNet規劃每一步，不需要地圖。", "zh-hant", True),
        ("Die Daten haben 5.000 Gänge von vier Robotern auf der Treppe.", "de", True),
        ("Die Daten haben 5,5 Tausend Gänge von vier Robotern.", "de", False),
        ("Die Genauigkeit der vier Roboter ist 95,5 Prozent auf der Treppe.", "de", True),
        ("Die Genauigkeit der vier Roboter ist 9,55 Prozent auf der Treppe.", "de", False),
        ("StairNet braucht 40 Jahre für jeden Schritt auf der Treppe.", "de", False),
        ("Google hat StairNet für die Roboter auf Treppen erfunden.", "de", False),
        ("StairNet fällt seltener als das Netz von Stanford auf der Treppe.", "de", False),
        ("Sicher! Hier ist es: StairNet plant jeden Schritt der Roboter.", "de", False),
        ("Les 5 000 marches de quatre robots à Zürich sont rapides.", "fr", True),
        ("Les robots de Stanford marchent sur les escaliers avec StairNet.", "fr", False),
        ("Bien sûr, StairNet planifie les marches des robots.", "fr", False),
        ("Der Roboter plant die Schritte auf der Treppe mit einem Netz.", "sv", False),
        ("Roboten planerar varje steg i trappan med hjälp av ett nät.", "sv", True),
        ("Robot planuje każdy krok na schodach za pomocą sieci.", "pl", True),
        ("Robotten planlægger hvert trin på trappen med et netværk.", "da", True),
        ("Robotti suunnittelee jokaisen askeleen portaissa verkon avulla.", "fi", True),
        ("Robot merdivenlerde her adımı bir ağ ile planlıyor.", "tr", True),
        ("Robotul planifică fiecare pas pe scări cu o rețea.", "ro", True),
        ("StairNet lập kế hoạch cho từng bước đi của robot trên cầu thang.", "vi", True),
        ("Robot merencanakan setiap langkah di tangga dengan jaringan.", "id", True),
        ("Robot plánuje každý krok na schodech pomocí sítě.", "cs", True),
        ("A robot minden lépést megtervez egy hálózat segítségével.", "hu", True),
        *(
            ("The robot plans every step on the stairs with a network.", language, False)
            for language in "sv pl da no fi cs tr hu ro vi id de fr es eo lt".split()
        ),
    ],
)
def test_other_languages_are_held_to_the_same(summary: str, language: str, passes: bool) -> None:
    found = problems(summary, TITLE, LONGER, language=language)
    assert (found == ()) is passes, found


def test_an_acronym_of_dimensions_is_no_time() -> None:
    source = "We study flows of water in two dimensions and in 3D on stairs."
    assert problems("Flows of water are studied in 2D and 3D on stairs.", "", source) == ()


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


@pytest.mark.parametrize(
    "unit",
    "a- a. a@ 1, 1· 10^ two· twenty- million· www. a 一 规划 not· <s 2·to· a·million· Stair-"
    " 。 -· 1/ half·".split(),
)
@pytest.mark.parametrize("language", ["en", "zh", "de"])
def test_hostile_texts_take_linear_time(unit: str, language: str) -> None:
    unit = unit.replace("·", " ")
    began = time.perf_counter()
    problems(unit * (4_000 // len(unit)), "", unit * (20_000 // len(unit)), language=language)
    numbers.quantities(unit * (20_000 // len(unit)), language)
    assert time.perf_counter() - began < 1.5
