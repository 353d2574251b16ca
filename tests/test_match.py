from __future__ import annotations

from dataclasses import replace

import pytest
from build import paper
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import BadTopic
from digest.match import Interest, is_in_categories, match, near, parse_topic, score
from digest.types import Match, Paper


def found(words: str, title: str, abstract: str = "Nothing.") -> Match:
    return score(paper(title, abstract=abstract), parse_topic(words))


def is_match(words: str, title: str, abstract: str = "Nothing.") -> bool:
    return found(words, title, abstract).score >= 1


@pytest.mark.parametrize(
    ("topic", "title", "expected"),
    [
        ("fine-tuning language models", "Fine Tuned Language Model at Home", True),
        ("language model", "Modeling of a language", False),
        ("cat", "Categories of things", False),
        ("diffusion and video", "Video by diffusion", True),
        ("diffusion and video", "Images by diffusion", False),
        ("diffusion or video", "Images by diffusion", True),
        ("diffusion not medical", "Medical images by diffusion", False),
        ("diffusion AND (video OR image) NOT medical", "Diffusion of an image", True),
        ('"search and rescue"', "Search and rescue robots", True),
        ('"search and rescue"', "Rescue and search robots", False),
        ("graphs graphs", "Graphs, graphs, graphs", True),
        ("C++", "Compiling C++ fast", True),
        ("C++", "Vitamin C and health", False),
        ("GPT-4", "What GPT 4 knows", True),
        ("LLM", "What LLMs know", True),
        ("GNNs", "A GNN at work", True),
        ("naive Bayes", "Naïve Bayes revisited", True),
    ],
)
def test_topics_are_phrases_joined_by_and_or_not(topic: str, title: str, expected: bool) -> None:
    assert is_match(topic, title) is expected


def test_a_match_names_the_phrases_that_were_found() -> None:
    assert found("diffusion and (video or image)", "Video diffusion").because == (
        "diffusion",
        "video",
    )


def test_a_phrase_said_twice_in_other_endings_counts_once() -> None:
    assert found("agent or agents", "Agents") == replace(
        found("agent", "Agents"), topic="agent or agents"
    )


def test_a_word_in_the_title_counts_for_more() -> None:
    assert found("robots", "Robots").score > found("robots", "Things", "With robots.").score


def test_what_does_not_match_scores_below_one_and_gives_no_reason() -> None:
    half = found("robots and boats", "Robots")
    assert 0 < half.score < 1
    assert half.because == ()
    assert found("robots", "Boats").score == 0


@pytest.mark.parametrize(
    ("topic", "why"),
    [
        ("", "it is empty"),
        ("robots and", "it ends early"),
        ("(robots", "not closed"),
        ("robots)", "that was not opened"),
        ('"robots', "quotation mark"),
        ("not robots", "what it is about"),
        ("and robots", "no words before 'and'"),
        ("...", "no letters or digits"),
    ],
)
def test_a_topic_that_cannot_be_read_is_named_with_the_reason(topic: str, why: str) -> None:
    with pytest.raises(BadTopic, match=why) as error:
        parse_topic(topic)
    assert repr(topic) in str(error.value)


def interest(*topics: str, exclude: tuple[str, ...] = (), **rest: tuple[str, ...]) -> Interest:
    return Interest(
        topics=tuple(map(parse_topic, topics)), exclude=tuple(map(parse_topic, exclude)), **rest
    )


def test_an_excluded_paper_never_appears() -> None:
    wanted = interest("robots", exclude=("medical imaging",), authors=("Ada Example",))
    one = paper("Robots in medical imaging")
    assert list(match([one], wanted)) == []


def test_order_follows_the_papers_then_the_topics() -> None:
    papers = [paper("Boats and robots"), paper("Robots", number="2606.00002")]
    pairs = [(m.paper.title, m.topic) for m in match(papers, interest("robots", "boats"))]
    assert pairs == [
        ("Boats and robots", "robots"),
        ("Boats and robots", "boats"),
        ("Robots", "robots"),
    ]


def test_a_followed_author_is_a_reason_of_its_own() -> None:
    (only,) = match([paper("Whatever")], interest(authors=("A. Example",)))
    assert (only.topic, only.because) == ("A. Example", ("Ada Example",))


def test_categories_filter_only_papers_that_carry_some() -> None:
    def passes(*categories: str, wanted: tuple[str, ...] = ("cs.CL",)) -> bool:
        return is_in_categories(paper(categories=categories), wanted)

    assert passes("cs.LG", "cs.CL")
    assert passes()
    assert not passes("cs.LG")
    assert passes("cs.LG", wanted=("cs",))
    assert passes("cs.LG", wanted=())


def test_without_topics_everything_in_the_categories_matches() -> None:
    papers = [paper(), paper(number="2606.00002", categories=("math.CO",))]
    assert [m.paper.id for m in match(papers, interest(categories=("cs.CL",)))] == [
        "arxiv:2606.00001"
    ]


@given(st.text(max_size=60))
def test_any_words_are_a_topic_or_a_clear_error(words: str) -> None:
    try:
        topic = parse_topic(words)
    except BadTopic:
        return
    assert score(paper(), topic).score >= 0


@given(st.lists(st.sampled_from(["Robots", "Boats", "Robots on boats"]), min_size=1, max_size=5))
def test_a_score_depends_on_nothing_else_in_the_call(titles: list[str]) -> None:
    papers: list[Paper] = [paper(t, number=f"2606.{n:05d}") for n, t in enumerate(titles)]
    together = {m.paper.id: m.score for m in match(papers, interest("robots"))}
    alone = {m.paper.id: m.score for p in papers for m in match([p], interest("robots"))}
    assert together == alone


# --- near misses ---------------------------------------------------------------------------------

VIDEO = Interest(
    topics=(parse_topic("sparse attention not video"), parse_topic("robots")),
    exclude=(parse_topic("medical"),),
)


def test_a_near_miss_is_the_best_topic_of_a_paper_that_matches_none() -> None:
    some = [paper("Sparse things need attention"), paper("Sparse attention"), paper("Boats")]
    (miss,) = near(some, VIDEO, 0.5)
    assert (miss.paper, miss.topic) == (some[0], "sparse attention not video")
    assert 0.5 <= miss.score < 1
    assert [m.score for m in near(some, VIDEO, 0.0)] == [miss.score, 0.0]


def test_other_categories_and_followed_authors_are_no_near_misses() -> None:
    miss = paper("Sparse things need attention")
    assert list(near([miss], replace(VIDEO, categories=("math.CO",)), 0.0)) == []
    assert list(near([miss], replace(VIDEO, authors=("Ada Example",)), 0.0)) == []
    assert list(near([miss], Interest(topics=(), categories=("cs.CL",)), 0.0)) == []


@given(st.lists(st.sampled_from("sparse attention video medical robot boat".split()), min_size=1))
def test_what_is_excluded_is_never_near_and_nothing_is_both_near_and_a_match(
    words: list[str],
) -> None:
    some = [paper(" ".join(words))]
    misses = list(near(some, VIDEO, 0.0))
    assert not (misses and "medical" in words)
    assert not (misses and list(match(some, VIDEO)))
    assert not any("video" in words and m.topic != "robots" for m in misses)
