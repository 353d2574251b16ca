"""Papers × topics → matches, without an encoder: vectors here are made by hand or by chance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from build import paper
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.errors import BadTopic
from digest.match import (
    Interest,
    Sought,
    Words,
    World,
    is_in_categories,
    is_same_person,
    lens,
    match,
    parse_topic,
    reasons,
    score,
)
from digest.match.topic import MOST_WORDS
from digest.match.world import BROAD_SHARE, USUAL_SPREAD, placed, steps
from digest.models.world import world
from digest.types import Match, Paper

Vectors = dict[str, npt.NDArray[np.float32]]

#: Four fields that have nothing in common, and one that lies between two of them.
ROBOTS, BOATS, MEDICINE, LAW = np.eye(4, dtype=np.float32)
FORENSICS = (MEDICINE + LAW) / np.float32(np.sqrt(2))
THEMES = np.stack([ROBOTS, BOATS, MEDICINE, LAW, FORENSICS])
WORLD = World(
    themes=np.round(THEMES * 127).astype(np.int8),
    scales=np.full(5, 1 / 127),
    sizes=np.array([30.0, 20.0, 30.0, 10.0, 10.0]),
    frequencies={"robot": 300, "boat": 200, "on": 900, "stair": 3},
    documents=1000,
)
BETWEEN = (ROBOTS + BOATS) / np.float32(np.sqrt(2))


def interest(*topics: str, exclude: tuple[str, ...] = (), **rest: tuple[str, ...]) -> Interest:
    return Interest(
        topics=tuple(map(parse_topic, topics)), exclude=tuple(map(parse_topic, exclude)), **rest
    )


def pairs(
    papers: list[Paper],
    wanted: Interest,
    topics: Vectors | None = None,
    vectors: Vectors | None = None,
    *,
    down_to: float = 1.0,
    of: World = WORLD,
) -> list[Match]:
    """The matches; without vectors they come by words alone."""
    return list(match(papers, lens(wanted, topics or {}, of), vectors or {}, down_to=down_to))


def found(words: str, title: str, abstract: str = "Nothing.") -> Match:
    """A pair by words alone."""
    return pairs([paper(title, abstract=abstract)], interest(words), down_to=0.0)[0]


def meant(words: str, topic: npt.NDArray[np.float32], place: npt.NDArray[np.float32]) -> Match:
    """A pair whose paper has none of the topic's words."""
    one = paper("Untitled", abstract="Nothing.")
    return pairs([one], interest(words), {words: topic}, {one.id: place}, down_to=0.0)[0]


# --- literal topics ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("topic", "title", "expected"),
    [
        ('"fine-tuning language models"', "Fine Tuned Language Model at Home", True),
        ('"language model"', "Modeling of a language", False),
        ('"cat"', "Categories of things", False),
        ("diffusion AND video", "Video by diffusion", True),
        ("diffusion AND video", "Images by diffusion", False),
        ("diffusion OR video", "Images by diffusion", True),
        ("diffusion NOT medical", "Medical images by diffusion", False),
        ("diffusion NOT medical", "Images by diffusion", True),
        ("diffusion AND (video OR image) NOT medical", "Diffusion of an image", True),
        ("diffusion (video OR image)", "Diffusion of sound", False),
        ("diffusion OR (video NOT medical)", "Medical video by diffusion", True),
        ("NOT (medical OR legal) diffusion", "Legal diffusion", False),
        ("NOT NOT diffusion AND video", "Video by diffusion", True),
        ('"search and rescue"', "Search and rescue robots", True),
        ('"search and rescue"', "Rescue and search robots", False),
        ('"search AND rescue"', "Search and rescue robots", True),
        ('"graphs graphs"', "Graphs, graphs, graphs", True),
        ('"graphs graphs"', "Graphs", False),
        ('"C++"', "Compiling C++ fast", True),
        ('"C++"', "Vitamin C and health", False),
        ('"GPT-4"', "What GPT 4 knows", True),
        ('"LLM"', "What LLMs know", True),
        ('"GNNs"', "A GNN at work", True),
        ('"naive Bayes"', "Naïve Bayes revisited", True),
    ],
)
def test_a_literal_topic_is_phrases_joined_by_capitals(
    topic: str, title: str, expected: bool
) -> None:
    assert (found(topic, title).score >= 1) == expected


def test_lower_case_words_between_capitals_join_phrases_too() -> None:
    assert found("(robots and boats)", "Boats and robots").score >= 1


def test_a_phrase_does_not_reach_from_the_title_into_the_abstract() -> None:
    assert found('"robots fall"', "Robots", "Fall comes.").score < 1


def test_a_literal_topic_that_fails_is_no_match_however_near_its_meaning() -> None:
    assert 0 < meant('"robots"', ROBOTS, ROBOTS).score < 1


def test_meaning_gives_the_order_of_a_literal_topics_matches() -> None:
    some = [paper("Robots", number=f"2606.0000{n}") for n in (1, 2)]
    given = {some[0].id: LAW, some[1].id: ROBOTS}
    first, second = pairs(some, interest('"robots"'), {"robots": ROBOTS}, given)
    assert 1 <= first.score < second.score


def test_a_match_names_the_phrases_that_were_found() -> None:
    assert found("diffusion AND (video OR image)", "Video diffusion").because == (
        "diffusion",
        "video",
    )


def test_what_is_barred_is_no_reason() -> None:
    assert found("diffusion OR NOT video", "Diffusion video").because == ("diffusion",)


# --- plain topics --------------------------------------------------------------------------------


def test_a_topic_is_found_by_meaning_where_none_of_its_words_stands() -> None:
    near, between, far = (meant("robots", ROBOTS, place) for place in (ROBOTS, BETWEEN, LAW))
    assert near.score >= 1 > between.score > far.score > 0


@pytest.mark.parametrize("words", ["robots and boats", "robots or boats", "robots, boats"])
def test_lower_case_and_and_or_are_just_words(words: str) -> None:
    topic = parse_topic(words)
    assert topic.expression is None
    assert topic.text == words
    assert [phrase.shown for phrase in topic.phrases] == ["robots", "boats"]
    assert found(words, "Robots").score > 0


@pytest.mark.parametrize(
    ("topic", "title"),
    [
        ("LegNet", "LegNet walks"),
        ("C++", "Compiling C++ fast"),
        ("GPT-4", "What GPT 4 knows"),
        ("fine-tuning language models", "Fine Tuned Language Model at Home"),
        ("robots", "ROBOTS!"),
        ("naive Bayes", "Naïve Bayes revisited"),
    ],
)
def test_one_phrase_that_stands_word_for_word_is_a_match_without_any_meaning(
    topic: str, title: str
) -> None:
    one = found(topic, title)
    assert one.score >= 1
    assert one.because == (topic,)


def test_words_that_do_not_stand_together_are_no_match_of_themselves() -> None:
    assert 0 < found("language model", "Modeling of a language").score < 1


def test_a_rare_word_says_more_than_a_common_one() -> None:
    rare, common = (found("robots on stairs", title).score for title in ("Stairs", "On"))
    assert rare > common > found("robots on stairs", "Law").score


def test_a_word_said_again_says_more_and_never_ten_times_as_much() -> None:
    once, twice, often = (found("robots, boats", "Robots " * n).score for n in (1, 2, 40))
    assert 1 < once < twice < often < 1.1  # without a vector any phrase is enough


def test_in_a_long_text_a_word_says_less() -> None:
    short, long = (found("robots, boats", "Robots", "A law. " * n).score for n in (1, 200))
    assert long < short


def test_a_phrase_said_twice_in_other_endings_counts_once() -> None:
    assert found("agent OR agents", "Agents") == replace(
        found('"agent"', "Agents"), topic="agent OR agents"
    )
    assert parse_topic("agent or agents").phrases == parse_topic("agent").phrases


def test_what_does_not_match_scores_below_one_and_gives_no_reason() -> None:
    half = found("robots AND boats", "Robots")
    assert 0 < half.score < 1
    assert half.because == ()


# --- "not" and exclusions ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("topic", "title"),
    [
        ("robots not toys", "Robots are no toys"),
        ("robots not toys", "Toy robots"),
        ("robots, not toys not boats", "Robots on boats"),
        ("robots NOT toys", "Robots are no toys"),
        ("(robots OR boats) NOT (toys OR games)", "Games with boats"),
    ],
)
def test_what_a_not_bars_has_no_score_at_all(topic: str, title: str) -> None:
    one = paper(title)
    text = parse_topic(topic).text
    (barred,) = pairs([one], interest(topic), {text: ROBOTS}, {one.id: ROBOTS}, down_to=0.0)
    assert barred.score == 0
    assert barred.because == ()


def test_what_stands_behind_a_not_does_not_speak_for_a_paper() -> None:
    topic = parse_topic("robots not toys")
    assert topic.text == "robots"
    assert [phrase.shown for phrase in topic.unwanted] == ["toys"]


def test_a_not_bars_its_own_topic_only() -> None:
    some = [paper("Robots are no toys")]
    assert [m.topic for m in pairs(some, interest("robots not toys", "toys"))] == ["toys"]


@pytest.mark.parametrize(
    "unwanted", ["medical imaging", '"medical imaging"', "imaging AND medical"]
)
def test_an_excluded_phrase_keeps_a_paper_out_whatever_else_it_has(unwanted: str) -> None:
    wanted = interest("robots", exclude=(unwanted,), authors=("Ada Example",))
    one = paper("Robots in medical imaging")
    assert pairs([one], wanted, down_to=0.0) == []
    assert pairs([paper("Robots in medicine")], wanted) != []


def test_a_paper_is_excluded_by_meaning_from_the_threshold_on() -> None:
    wanted = interest("robots", exclude=("ships",), authors=("Ada Example",))
    topics = {"robots": ROBOTS, "ships": BOATS}
    one = paper("Untitled robots")
    assert pairs([one], wanted, topics, {one.id: BOATS}, down_to=0.0) == []
    assert pairs([one], wanted, topics, {one.id: BETWEEN}) != []


# --- followed authors, categories, order ---------------------------------------------------------


def test_order_follows_the_papers_then_the_topics_then_the_authors() -> None:
    papers = [paper("Boats and robots"), paper("Robots", number="2606.00002")]
    wanted = interest("robots", "boats", authors=("Bo Sample", "Ada Example"))
    assert [(m.paper.title, m.topic) for m in pairs(papers, wanted)] == [
        ("Boats and robots", "robots"),
        ("Boats and robots", "boats"),
        ("Boats and robots", "Bo Sample"),
        ("Boats and robots", "Ada Example"),
        ("Robots", "robots"),
        ("Robots", "Bo Sample"),
        ("Robots", "Ada Example"),
    ]


def test_a_followed_author_is_a_reason_of_its_own() -> None:
    (only,) = pairs([paper("Whatever")], interest(authors=("A. Example",)))
    assert (only.topic, only.because) == ("A. Example", ("Ada Example",))


@pytest.mark.parametrize(
    ("wanted", "name", "expected"),
    [
        ("Ada Example", "Ada Example", True),
        ("A. Example", "Ada Example", True),
        ("Example, Ada", "Ada B. Example", True),
        ("Zoë Roe", "Zoe Roe", True),
        ("Ada Example", "Bo Example", False),
        ("Ada Example", "Ada Sample", False),
        ("", "Ada Example", False),
        ("李 明", "李 明", True),
    ],
)
def test_the_same_person_has_the_same_last_name_and_given_names_that_agree(
    wanted: str, name: str, expected: bool
) -> None:
    assert is_same_person(wanted, name) is expected


def test_categories_filter_only_papers_that_carry_some() -> None:
    def passes(*categories: str, wanted: tuple[str, ...] = ("cs.CL",)) -> bool:
        return is_in_categories(paper(categories=categories), wanted)

    assert passes("cs.LG", "cs.CL")
    assert passes()
    assert not passes("cs.LG")
    assert passes("cs.LG", wanted=("cs",))
    assert passes("cs.LG", wanted=())


def test_what_is_in_other_categories_is_not_even_near() -> None:
    wanted = interest("robots", categories=("math.CO",), authors=("Ada Example",))
    assert pairs([paper("Robots")], wanted, down_to=0.0) == []


def test_without_topics_everything_in_the_categories_matches() -> None:
    papers = [paper(), paper(number="2606.00002", categories=("math.CO",))]
    (only,) = pairs(papers, interest(categories=("cs.CL",)))
    assert (only.paper.id, only.topic, only.because) == ("arxiv:2606.00001", "", ("cs.CL",))


def test_no_papers_or_no_topics_give_no_matches() -> None:
    assert pairs([], interest("robots")) == []
    assert pairs([paper()], interest(authors=("Nobody Known",)), down_to=0.0) == []


# --- topics that cannot be read ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("topic", "unwanted"),
    [
        ("robots not toys", ["toys"]),
        ("robots not toys not boats", ["toys", "boats"]),
        ("not-for-profit hospitals", []),
        ("do-not-resuscitate orders", []),
        ("language models that do not hallucinate", []),
        ("whether or not robots fall", []),
        ("graph neural networks (GNNs)", []),
    ],
)
def test_only_a_not_that_stands_alone_bars_something(topic: str, unwanted: list[str]) -> None:
    made = parse_topic(topic)
    assert [phrase.shown for phrase in made.unwanted] == unwanted
    assert made.expression is None


@pytest.mark.parametrize(
    ("exclude", "title", "is_out"),
    [
        ("benchmark or dataset", "A dataset of stairs", True),
        ("medical imaging, radiology", "Radiology on stairs", True),
        ("search and rescue", "Search in trees", False),
        ("search and rescue", "Search and rescue on stairs", True),
        ("benchmark not dataset", "A benchmark and a dataset", False),
    ],
)
def test_any_choice_of_an_exclusion_keeps_a_paper_out(
    exclude: str, title: str, is_out: bool
) -> None:
    wanted = interest(authors=("Ada Example",), exclude=(exclude,))
    left = pairs([paper(title)], wanted, {}, {})
    assert (left == []) is is_out


def test_without_a_vector_all_words_of_an_exclusion_are_enough() -> None:
    wanted = interest(authors=("Ada Example",), exclude=("parameter-efficient adapters",))
    assert pairs([paper("Adapters that are efficient in a parameter")], wanted, {}, {}) == []


@pytest.mark.parametrize(
    ("topic", "abstract"),
    [
        ("格点规范理论", "本文研究格点规范理论。"),
        ("微调", "我们提出一种微调方法。"),
        ("機械学習", "私たちは機械学習を研究します。"),
        ("แบบจำลอง", "เราเสนอแบบจำลองภาษา"),
        ('"BERT"', "我们使用BERT模型"),
        ("हिन्दी भाषा", "हम हिन्दी भाषा का अध्ययन करते हैं।"),
    ],
)
def test_words_match_in_scripts_without_blanks(topic: str, abstract: str) -> None:
    assert found(topic, "Nothing", abstract).score >= 1
    assert found(topic, "Nothing", "我们研究河流。🤖").score < 1


def test_a_word_that_every_paper_has_is_no_reason_alone() -> None:
    near = {"optimization": ROBOTS}
    some = [paper("Boats", abstract="By optimization.")]
    for count, is_match_ in ((900, False), (1, True)):
        known = replace(WORLD, frequencies={"optim": count}, documents=1000)
        ready = lens(interest("optimization"), near, known)
        assert bool(list(match(some, ready, {some[0].id: BOATS}))) is is_match_


@pytest.mark.parametrize(
    ("topic", "why"),
    [
        ("", "it is empty"),
        ("   ", "it is empty"),
        (",;", "it is empty"),
        ("and or", "it is empty"),
        ("robots AND", "it ends early"),
        ("robots not", "it ends early"),
        ("(robots OR boats", "not closed"),
        ("robots OR boats)", "that was not opened"),
        (f"robots OR {'(' * 3000}boats{')' * 3000}", "within each other"),
        ('"robots', "quotation mark"),
        ("NOT robots", "what it is about"),
        ("not robots", "what it is about"),
        ("NOT (robots OR boats)", "what it is about"),
        ("AND robots", "no words before 'and'"),
        ("robots AND ()", "no words before"),
        ("...", "'...' has no letters or digits"),
        ('""', "no letters or digits|ends early|empty"),
        ("robots, !!", "'!!' has no letters or digits"),
        ("robots not ...", "'...' has no letters or digits"),
    ],
)
def test_a_topic_that_cannot_be_read_is_named_with_the_reason(topic: str, why: str) -> None:
    with pytest.raises(BadTopic, match=why) as error:
        parse_topic(topic)
    assert repr(" ".join(topic.split())) in str(error.value)


def test_a_topic_of_too_many_words_is_named_by_its_first_ones() -> None:
    parse_topic("word " * MOST_WORDS)
    with pytest.raises(BadTopic, match=f"'word word.*…' has more than {MOST_WORDS} words"):
        parse_topic("word " * (MOST_WORDS + 1))


@given(st.text(alphabet=st.sampled_from('ab "()ANDORTandort,;-.é中 '), max_size=40) | st.text())
def test_any_words_are_a_topic_or_a_clear_error(words: str) -> None:
    try:
        topic = parse_topic(words)
    except BadTopic as why:
        assert str(why).startswith("topic ")  # noqa: PT017
        return
    assert topic.phrases
    assert topic.text
    assert pairs([paper()], Interest(topics=(topic,)), down_to=0.0)[0].score >= 0


# --- scores --------------------------------------------------------------------------------------

SOME = st.lists(st.sampled_from("robots boats stairs toys law on".split()), max_size=6).map(
    " ".join
)
TOPICS = [
    "robots", "robots on stairs", "boats, law", "robots not toys", '"on stairs"', "boats AND law",
    "robots OR (boats NOT law)", "never heard of",
]  # fmt: skip


@given(st.floats(0, 4), SOME, st.sampled_from(TOPICS))
def test_a_score_has_three_places_is_never_negative_and_never_rounded_up_to_a_match(
    value: float, title: str, words: str
) -> None:
    topic, said = parse_topic(words), Words.of(paper(title))
    given = score(topic, said, value)
    assert given == round(given, 3) >= 0
    if value < 1 and given >= 1:  # for its words, then
        assert reasons(topic, said)


@pytest.mark.parametrize("value", [0.9994, 0.9995, 0.9999999, float(np.nextafter(1, 0))])
def test_a_near_miss_is_never_rounded_up(value: float) -> None:
    assert score(parse_topic("robots"), Words.of(paper("Law")), value) == 0.999


def test_a_score_is_a_plain_number() -> None:
    """Else its repr, and with it the key of an edition, changes when it has been stored."""
    by_words, by_meaning = found('"robots"', "Robots"), meant("robots", ROBOTS, ROBOTS)
    assert {type(one.score) for one in (by_words, by_meaning)} == {float}


def unit(count: int, seed: int, width: int = 384) -> npt.NDArray[np.float32]:
    drawn = np.random.default_rng(seed).standard_normal((count, width))
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)


@settings(max_examples=25, deadline=None)
@given(st.lists(SOME, min_size=1, max_size=40), st.permutations(TOPICS), st.integers(0, 10**6))
def test_a_score_depends_on_nothing_else_in_the_call(
    titles: list[str], words: list[str], seed: int
) -> None:
    papers = [paper(t, number=f"2606.{n:05d}") for n, t in enumerate(titles)]
    texts = [parse_topic(one).text for one in words]
    topics = dict(zip(texts, unit(len(texts), seed), strict=True))
    # Some are close to a topic, so that matches by meaning are among them.
    drawn = unit(len(papers), seed + 1)
    drawn[::3] = (drawn[::3] + 2 * topics[texts[0]]) / np.sqrt(5)
    vectors = {one.id: row for one, row in zip(papers, drawn, strict=True)}
    many = pairs(papers, interest(*words), topics, vectors, down_to=0.0, of=world())
    assert [(m.paper.id, m.topic) for m in many] == [(p.id, t) for p in papers for t in words]
    alone = pairs([papers[0]], interest(words[0]), topics, vectors, down_to=0.0, of=world())
    assert many[0] == alone[0]
    last = pairs([papers[-1]], interest(words[-1]), topics, vectors, down_to=0.0, of=world())
    assert many[-1] == last[0]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 40))
def test_before_it_is_rounded_too_a_score_depends_on_nothing_else(seed: int, count: int) -> None:
    """Rounding to three places would hide that for all but the unlucky."""
    stems = [f"stem{n}" for n in range(count)]
    words = [" ".join(stems[n : n + 5]) for n in range(count)]
    topics = [parse_topic(one) for one in words]
    near = dict(zip(words, unit(count, seed), strict=True))
    places = unit(count, seed + 1)
    said = [" ".join([stem] * (1 + n * n % 5)) for n, stem in enumerate(stems)]  # some more often
    texts = [Words.of(paper(" ".join(said[n // 2 : n + 1]))) for n in range(count)]
    together, *_ = Sought(topics, near, world()).scores(texts, places)
    for topic in (0, count // 2, count - 1):
        own = Sought([topics[topic]], near, world())
        alone = [own.scores([t], [place])[0][0, 0] for t, place in zip(texts, places, strict=True)]
        assert together[:, topic].tolist() == alone


@given(st.lists(SOME, min_size=1, max_size=8), st.integers(0, 10**6), st.floats(0, 1))
def test_how_far_down_one_looks_changes_nothing_of_what_is_above(
    titles: list[str], seed: int, down_to: float
) -> None:
    papers = [paper(t, number=f"2606.{n:05d}") for n, t in enumerate(titles)]
    vectors = dict(zip([p.id for p in papers], unit(len(papers), seed, 4), strict=True))
    topics = {"robots": ROBOTS, "boats, law": BOATS, "boats law": LAW}
    wanted = interest(*TOPICS, "robots OR NOT toys")
    every = pairs(papers, wanted, topics, vectors, down_to=0.0)
    some = pairs(papers, wanted, topics, vectors, down_to=down_to)
    assert some == [one for one in every if one.score >= down_to]


@given(st.lists(SOME, min_size=1, max_size=8), st.sampled_from(TOPICS), st.integers(0, 10**6))
def test_a_paper_is_left_out_wherever_the_exclusion_would_match(
    titles: list[str], words: str, seed: int
) -> None:
    papers = [paper(t, number=f"2606.{n:05d}") for n, t in enumerate(titles)]
    vectors = dict(zip([p.id for p in papers], unit(len(papers), seed, 4), strict=True))
    topics = {parse_topic(words).text: ROBOTS}
    out = {m.paper.id for m in pairs(papers, interest(words), topics, vectors)}
    wanted = interest(authors=("Ada Example",), exclude=(words,))
    left = [m.paper.id for m in pairs(papers, wanted, topics, vectors, down_to=0.0)]
    assert out.isdisjoint(left)
    # Word for word an exclusion holds, however common its words are.
    said = [
        one.id for one in papers if set(words.lower().split()) <= set(one.title.lower().split())
    ]
    assert len(words.split()) > 1 or set(said).isdisjoint(left)


@given(SOME, SOME, st.sampled_from(TOPICS))
def test_a_reason_is_a_phrase_of_the_topic_that_the_paper_has(
    title: str, abstract: str, words: str
) -> None:
    one = paper(title, abstract=abstract)
    for made in pairs([one], interest(words)):
        assert made.because
        for reason in made.because:
            assert reason in {phrase.shown for phrase in parse_topic(words).phrases}
            assert any(f" {reason} " in f" {text} " for text in (title, abstract))


@given(st.text(max_size=80), st.text(max_size=80))
def test_a_paper_of_any_characters_gets_a_score(title: str, abstract: str) -> None:
    some = pairs([paper(title, abstract=abstract)], interest(*TOPICS), down_to=0.0)
    assert len(some) == len(TOPICS)


# --- the world -----------------------------------------------------------------------------------


def test_a_topic_without_a_vector_has_no_meaning_to_anyone() -> None:
    places = placed([None], WORLD)
    assert not places.meaning(steps(THEMES)).any()


def test_the_worlds_papers_mean_nothing_to_a_topic_on_the_whole() -> None:
    """A topic that much of the world is about is as hard to match as any other."""
    for topic in (*THEMES, BETWEEN):
        meaning = placed([topic], WORLD).meaning(steps(THEMES))[:, 0]
        narrow = (1 - BROAD_SHARE) / USUAL_SPREAD * (THEMES @ topic)
        assert np.average(meaning - narrow, weights=WORLD.sizes) == pytest.approx(0, abs=0.02)


def test_a_topic_reaches_into_the_theme_that_is_nearest_to_it() -> None:
    near = np.array([0.6, 0.55, 0.58, 0], np.float32)
    meaning = placed([near / np.linalg.norm(near)], WORLD).meaning(steps(np.eye(4)))[:, 0]
    assert meaning.argmax() == 0
    assert meaning[0] - meaning[1] > 0.5


def test_a_common_word_is_less_rare_and_an_unknown_one_is_rare() -> None:
    on, robot, unknown = (WORLD.rarity(word) for word in ("on", "robot", "zwitterion"))
    assert 0 < on < robot < unknown


def test_the_packages_world_is_whole() -> None:
    known = world()
    assert len(known.themes) == len(known.scales) == len(known.sizes) == len(known.words)
    assert known.sizes.min() > 0
    assert max(known.frequencies.values()) <= known.documents
    length = np.linalg.norm(known.themes * known.scales[:, None], axis=1)
    assert length == pytest.approx(1, abs=0.02)
