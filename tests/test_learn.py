from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from build import item, paper
from hypothesis import given
from hypothesis import strategies as st

from digest.encoders import unit
from digest.learn import FAR, MOST, NEAR, Example, Floats, Move, moved, moves
from digest.types import Match


def at(cosine: float) -> Floats:
    """A vector with that cosine to the first axis."""
    return np.array([cosine, math.sqrt(1 - cosine**2), 0], np.float32)


def example(number: int, vector: Floats, *, is_liked: bool = True) -> Example:
    one = paper(f"Example {number}", number=f"2605.{number:05d}")
    return Example(paper=one, is_liked=is_liked, vector=vector)


def move_of(vector: Floats, *examples: Example) -> Move:
    return moves({"a": vector}, examples, "you").get("a", Move(by=0.0))


LIKED = example(1, at(1.0))
DISLIKED = replace(LIKED, is_liked=False)
HALFWAY = at((FAR + NEAR) / 2)


@pytest.mark.parametrize(
    ("cosine", "by"),
    [(-1.0, 0.0), (0.2, 0.0), (FAR, 0.0), (NEAR, MOST), (0.9, MOST), (1.0, MOST)],
)
def test_one_example_moves_what_is_like_it_and_nothing_else(cosine: float, by: float) -> None:
    assert move_of(at(cosine), LIKED).by == by
    assert move_of(at(cosine), DISLIKED).by == -by


def test_halfway_is_half_the_move_and_names_its_reason() -> None:
    assert move_of(HALFWAY, LIKED) == Move(by=MOST / 2, because="like “Example 1”, which you liked")


def test_the_nearest_example_counts_alone_and_of_equal_ones_the_first_by_id() -> None:
    far = example(2, np.array([0, 0.65, 0.76], np.float32))  # 0.52 to what has 0.6 to the other
    twin = example(0, at(1.0))
    assert move_of(at(0.6), far, LIKED) == move_of(at(0.6), LIKED)
    assert "“Example 0”" in move_of(at(0.6), LIKED, far, twin).because


def test_what_is_liked_and_disliked_as_much_stays_where_it_is() -> None:
    assert move_of(HALFWAY, LIKED, replace(DISLIKED, paper=paper())) == Move(by=0.0)


def test_a_paper_that_is_liked_itself_says_so() -> None:
    own = moves({LIKED.paper.id: LIKED.vector}, [LIKED], "you")
    assert own == {LIKED.paper.id: Move(by=MOST, because="liked by you")}


def test_without_examples_and_without_a_text_nothing_moves() -> None:
    assert moves({"a": at(1.0)}, [], "you") == {}
    assert moves({}, [LIKED], "you") == {}
    assert move_of(np.zeros(3, np.float32), LIKED, DISLIKED).by == 0


def test_a_move_is_in_the_score_and_among_the_reasons() -> None:
    match = Match(paper=paper(), topic="t", score=1.25, because=("phrase",))
    up, down = Move(by=0.25, because="like “X”, which you liked"), Move(by=-0.5)
    (higher,) = moved([match], {match.paper.id: up})
    assert (higher.score, higher.because) == (1.5, ("phrase", "like “X”, which you liked"))
    (lower,) = moved([match], {match.paper.id: down})
    assert (lower.score, lower.because) == (0.75, ("phrase",))
    assert moved([match], {"another": up}) == [match]


def test_a_revision_is_not_moved() -> None:
    again = item(is_revision=True)
    assert moved([again], {again.paper.id: Move(by=0.5, because="x")}) == [again]


# --- whatever the vectors are --------------------------------------------------------------------

#: As the store keeps them: unit vectors in half precision.
VECTORS = st.lists(st.floats(-1, 1, width=16), min_size=4, max_size=4).map(
    lambda numbers: unit(numbers).astype(np.float16).astype(np.float32)
)
EXAMPLES = st.lists(st.tuples(VECTORS, st.booleans()), max_size=6).map(
    lambda rows: [example(n, vector, is_liked=liked) for n, (vector, liked) in enumerate(rows)]
)
PAPERS = st.dictionaries(st.sampled_from("abcdefgh"), VECTORS, min_size=1)


@given(PAPERS, EXAMPLES)
def test_a_move_is_always_within_its_bound_and_names_a_liked_paper_where_it_is_up(
    papers: Mapping[str, Floats], examples: Sequence[Example]
) -> None:
    liked = {f"like “{e.paper.title}”, which you liked" for e in examples if e.is_liked}
    for move in moves(papers, examples, "you").values():
        assert 0 < abs(move.by) <= MOST
        assert move.because in liked if move.by > 0 else move.because == ""


@given(PAPERS, EXAMPLES)
def test_a_move_never_depends_on_the_other_papers(
    papers: Mapping[str, Floats], examples: Sequence[Example]
) -> None:
    alone = {id: moves({id: vector}, examples, "you").get(id) for id, vector in papers.items()}
    assert moves(papers, examples, "you") == {id: m for id, m in alone.items() if m}


@given(PAPERS, EXAMPLES, st.randoms())
def test_a_move_never_depends_on_the_order_of_the_examples(
    papers: Mapping[str, Floats], examples: list[Example], random: st.DataObject
) -> None:
    before = moves(papers, examples, "you")
    random.shuffle(examples)  # type: ignore[attr-defined]
    assert moves(papers, examples, "you") == before


@given(PAPERS, EXAMPLES)
def test_dislikes_always_do_the_reverse_of_likes(
    papers: Mapping[str, Floats], examples: Sequence[Example]
) -> None:
    reverse = [replace(e, is_liked=not e.is_liked) for e in examples]
    there = {id: m.by for id, m in moves(papers, examples, "you").items()}
    back = {id: -m.by for id, m in moves(papers, reverse, "you").items()}
    assert there == back


@given(PAPERS, EXAMPLES, VECTORS, st.booleans())
def test_an_example_unlike_all_papers_never_changes_anything(
    papers: Mapping[str, Floats], examples: list[Example], vector: Floats, is_liked: bool
) -> None:
    unlike = {id: v for id, v in papers.items() if float(v @ vector) < FAR - 0.01}
    another = example(99, vector, is_liked=is_liked)
    assert moves(unlike, [*examples, another], "you") == moves(unlike, examples, "you")
