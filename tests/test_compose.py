from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from build import DAY, NOW, item, paper, summary
from hypothesis import given
from hypothesis import strategies as st

from digest.compose import (
    SAME,
    SPREAD_PLACES,
    Caps,
    Floats,
    Ranked,
    capped,
    community,
    edition,
    issue,
    rank,
    weighed,
    with_picks,
)
from digest.types import Issue, Item, Listing, Match, Pick, Signals


def match(
    number: int, score: float = 1.0, topic: str = "a", *, upvotes: int | None = None, **changes: Any
) -> Match:
    changes = {"title": f"Paper {number}", "signals": Signals(upvotes=upvotes), **changes}
    one = paper(number=f"2606.{number:05d}", **changes)
    return Match(paper=one, topic=topic, score=score, because=(f"phrase of {topic}",))


def ranked(matches: Sequence[Match], **changes: Any) -> list[Ranked]:
    return rank(matches, **{"today": DAY, "vectors": {}, **changes})


def numbers(places: Sequence[Ranked | Item]) -> list[int]:
    return [int(place.paper.id[-5:]) for place in places]


def vectors(of: Mapping[int, Sequence[float]]) -> dict[str, Floats]:
    rows = {f"arxiv:2606.{n:05d}": np.array(v, np.float32) for n, v in of.items()}
    return {id: row / np.float32(np.linalg.norm(row)) for id, row in rows.items()}


# --- what a paper is worth -----------------------------------------------------------------------


def test_a_paper_of_two_topics_has_one_place_under_the_better_one_and_both_reasons() -> None:
    (place,) = ranked([match(1, 1.0, "a"), match(1, 2.0, "b")])
    assert place.section == "b"
    assert place.because == ("phrase of a", "phrase of b")


def test_votes_lift_a_paper_and_ties_go_by_id() -> None:
    places = ranked([match(3), match(2), match(1, upvotes=99)])
    assert numbers(places) == [1, 2, 3]
    assert places[0].score == 3.0


def test_votes_count_half_after_a_week() -> None:
    voted = paper(signals=Signals(upvotes=99))
    after = [community(voted, DAY + timedelta(days=days)) for days in (-1, 0, 7, 14, 28)]
    assert after == [2.0, 2.0, 1.0, 0.5, 0.125]
    old = match(1, upvotes=99, announced_on=DAY - timedelta(days=14))
    assert numbers(ranked([old, match(2, upvotes=9)])) == [2, 1]


def test_without_any_signals_the_best_match_is_first() -> None:
    places = ranked([match(1, 1.5), match(2, 3.0), match(3, 2.0)])
    assert numbers(places) == [2, 3, 1]
    assert {place.put_by for place in places} == {("topic",)}


def test_a_followed_author_counts_for_as_much_as_a_title_and_needs_no_section() -> None:
    both = [match(1, 1.5), match(1, 2.0, "Ada Example")]
    alone = match(2, 2.0, "Ada Example")
    first, second = ranked([alone, *both], authors=["Ada Example"])
    assert (first.score, first.section, first.put_by) == (2.5, "a", ("topic", "author"))
    assert (second.score, second.section, second.put_by) == (2.0, "Ada Example", ("author",))


def test_the_community_is_named_from_nine_votes_on() -> None:
    places = ranked([match(1, upvotes=9), match(2, upvotes=8)])
    assert [place.put_by for place in places] == [("community", "topic"), ("topic",)]


@given(st.lists(st.tuples(st.floats(1, 9), st.integers(0, 10**6), st.integers(0, 60))))
def test_scores_are_rounded_to_three_places(worths: list[tuple[float, int, int]]) -> None:
    some = [
        match(n, score, upvotes=votes, announced_on=DAY - timedelta(days=age))
        for n, (score, votes, age) in enumerate(worths)
    ]
    assert all(place.score == round(place.score, 3) for place in ranked(some))


# --- picks ---------------------------------------------------------------------------------------


def test_picks_stand_on_top_as_they_were_picked_whatever_they_are_worth() -> None:
    pick = Pick(paper=match(9).paper, note="Read this.")
    places = ranked([match(1, 9.0), match(2, 5.0)], picks=[pick, Pick(paper=match(1).paper)])
    assert numbers(places) == [9, 1, 2]
    first, second, _ = places
    assert (first.put_by, first.note, first.score) == (("editors",), "Read this.", 0.0)
    assert (first.section, first.because) == ("", ())
    assert (second.put_by, second.score) == (("editors", "topic"), 9.0)


def test_picks_alone_are_an_order_too() -> None:
    assert numbers(ranked([], picks=[Pick(paper=match(2).paper), Pick(paper=match(1).paper)])) == [
        2,
        1,
    ]
    assert ranked([]) == []


# --- likeness ------------------------------------------------------------------------------------


def test_near_duplicates_stand_behind_the_better_one_in_its_section() -> None:
    near = vectors({1: (1, 0.1), 2: (1, 0), 3: (0, 1)})
    places = ranked([match(1, 1.0, "b"), match(2, 3.0), match(3, 2.0)], vectors=near)
    assert numbers(places) == [2, 1, 3]
    assert [place.section for place in places] == ["a", "a", "a"]
    assert places[1].because == ("phrase of b",)


def test_without_vectors_nearly_the_same_title_tells_near_duplicates() -> None:
    titles = {
        1: "Small Models for Sorting Mail: A Study",
        2: "Small models for sorting mail, a study (extended)",
        3: "Small Boats for Sorting Fish: A Study",
    }
    some = [match(n, 4.0 - n * (n != 2) - 3 * (n == 2), title=t) for n, t in titles.items()]
    assert numbers(ranked(some)) == [1, 2, 3]
    one = vectors({1: (1, 0)})
    assert numbers(ranked(some, vectors=one)) == [1, 2, 3]


def test_one_theme_does_not_fill_the_top() -> None:
    """Ten on one theme, each a little better than the one on another."""
    theme = {n: (1.0, *np.eye(12)[n] * 0.9) for n in range(10)}
    some = vectors({**theme, 10: (0.0, *np.eye(12)[11])})
    places = ranked([*(match(n, 2.0) for n in range(10)), match(10, 1.5)], vectors=some)
    assert 1 <= numbers(places).index(10) <= 3
    assert numbers(ranked([match(0, 4.0), match(1, 4.0), match(10, 1.0)], vectors=some))[2] == 10


def test_what_is_like_a_pick_loses_something_too() -> None:
    alike = vectors({1: (1, 0.5), 2: (0, 1), 9: (1, 0)})
    some = [match(1, 1.2), match(2, 1.1)]
    assert numbers(ranked(some, vectors=alike)) == [1, 2]
    pick = Pick(paper=match(9).paper)
    assert numbers(ranked(some, vectors=alike, picks=[pick])) == [9, 2, 1]


VECTORS = st.dictionaries(
    st.integers(0, 7), st.tuples(*[st.integers(-3, 3)] * 3).filter(any), max_size=8
).map(vectors)
SCORES = st.lists(st.sampled_from([1.0, 1.25, 2.0, 4.0]), max_size=8)


@given(SCORES, VECTORS, st.randoms(use_true_random=False))
def test_the_order_of_the_papers_does_not_matter_and_none_is_lost(
    scores: list[float], some: dict[str, Floats], chance: Any
) -> None:
    matches = [match(n, score) for n, score in enumerate(scores)]
    before = ranked(matches, vectors=some)
    chance.shuffle(matches)
    assert ranked(matches, vectors=some) == before
    assert sorted(numbers(before)) == list(range(len(scores)))


@given(st.integers(0, 8), VECTORS)
def test_among_equals_the_smallest_id_is_first(count: int, some: dict[str, Floats]) -> None:
    places = ranked([match(n) for n in range(count)], vectors=some)
    assert numbers(places)[:1] == [0][:count]
    assert numbers(ranked([match(n) for n in range(count)])) == list(range(count))


@given(SCORES, VECTORS)
def test_near_duplicates_always_stand_together(
    scores: list[float], some: dict[str, Floats]
) -> None:
    places = ranked([match(n, score) for n, score in enumerate(scores)], vectors=some)
    for n, first in enumerate(places):
        if any(is_same(first, place, some) for place in places[:n]):
            continue  # it stands behind one itself
        alike = [m for m, place in enumerate(places) if m > n and is_same(first, place, some)]
        assert alike == list(range(n + 1, n + 1 + len(alike)))


def is_same(one: Ranked, two: Ranked, some: Mapping[str, Floats]) -> bool:
    pair = [some.get(place.paper.id) for place in (one, two)]
    return pair[0] is not None and pair[1] is not None and float(pair[0] @ pair[1]) >= SAME


def test_thousands_of_matches_are_ranked_in_no_time() -> None:
    chance = np.random.default_rng(7)
    rows = chance.normal(size=(2000, 384)).astype(np.float32)
    some = vectors(dict(enumerate(rows)))
    matches = [match(n, 1 + n % 50 / 10) for n in range(2000)]
    start = time.process_time()  # whatever else the machine does
    places = ranked(matches, vectors=some)
    assert time.process_time() - start < 1  # 0.06 s here
    assert len(places) == 2000 > SPREAD_PLACES


# --- caps ----------------------------------------------------------------------------------------


def listed(*sources: str) -> tuple[Listing, ...]:
    return tuple(Listing(source=name, announce="new", listed_on=DAY) for name in sources)


def in_mail(matches: list[Match], most: int = 20, picks: Any = (), **caps: Any) -> list[int]:
    places, rest = capped(ranked(matches, picks=picks), Caps(**caps), most)
    assert len(places) + len(rest) == len(matches)
    return numbers(places)


def test_what_is_past_the_cap_of_its_section_is_not_shown() -> None:
    some = [match(n, 9.0 - n, "a") for n in range(4)] + [match(4, 1.0, "b")]
    assert in_mail(some, per_section=2) == [0, 1, 4]


def test_a_paper_takes_a_place_of_the_source_with_the_most_left() -> None:
    some = [
        match(1, 5.0, listings=listed("arxiv")),
        match(2, 4.0, listings=listed("arxiv", "lab")),
        match(3, 3.0, listings=listed("arxiv")),
        match(4, 2.0, listings=listed("lab", "other")),
        match(5, 1.0, listings=listed("other")),
    ]
    assert in_mail(some, per_source=1, sources=frozenset(["arxiv", "lab"])) == [1, 2, 5]
    assert in_mail(some, per_source=1) == [1, 2, 4]


def test_picks_are_shown_past_the_caps() -> None:
    picks = [Pick(paper=match(2).paper)]
    assert in_mail([match(n, 5.0 - n) for n in range(3)], picks=picks, per_section=1) == [2, 0]


@given(SCORES, VECTORS, st.integers(1, 4), st.integers(0, 8))
def test_a_cap_is_kept_to_the_letter_and_nothing_is_lost(
    scores: list[float], some: dict[str, Floats], cap: int, most: int
) -> None:
    matches = [match(n, score, "ab"[n % 2]) for n, score in enumerate(scores)]
    places = ranked(matches, vectors=some)
    front, behind = capped(places, Caps(per_section=cap), most)
    assert all(sum(p.section == s for p in front) <= cap for s in "ab")
    assert len(front) <= most
    assert sorted(numbers([*front, *behind])) == sorted(numbers(places))


# --- editions ------------------------------------------------------------------------------------


def items(*scores: float, section: str = "a", **changes: Any) -> list[Item]:
    return [
        item(
            paper(f"{section}{n}", number=f"2606.{ord(section):02d}{n:03d}"),
            score=s,
            section=section,
            **changes,
        )
        for n, s in enumerate(scores)
    ]


EMPTY = issue("d", "2026-06-22T08:00", "D", NOW, [], [], {})


def shown(some: Sequence[Item], cap: int = 99, topics: Sequence[str] = ("a",)) -> list[str]:
    return [i.paper.title for i in edition(EMPTY, some, cap=cap, topics=topics).shown]


def test_the_best_are_shown_by_section_in_the_order_of_the_topics() -> None:
    some = items(1.0, 5.0, section="b") + items(3.0, 2.0, section="a")
    made = edition(EMPTY, some, cap=3, topics=["a", "b"])
    assert [i.paper.title for i in made.shown] == ["a0", "a1", "b1"]
    assert [i.paper.title for i in made.more] == ["b0"]


def test_an_edition_keeps_the_order_of_its_issue() -> None:
    some = list(weighed(items(1.0, 3.0, 3.0, 2.0)))
    assert shown(some[::-1]) == ["a0", "a1", "a2", "a3"]
    assert shown(some, cap=2) == ["a0", "a1"]


def test_items_of_several_issues_are_joined_by_what_they_are_worth() -> None:
    monday = weighed(items(5.0, 1.0, 4.0, section="a"))
    tuesday = weighed(items(3.0, 0.5, section="b"))
    joined = shown([*tuesday, *monday], topics=[])
    assert joined == ["a0", "b0", "a1", "a2", "b1"]


@given(st.lists(st.lists(st.floats(0, 9), max_size=6), max_size=4))
def test_joining_issues_never_changes_the_order_within_one(made: list[list[float]]) -> None:
    issues = [weighed(items(*scores, section="abcd"[n])) for n, scores in enumerate(made)]
    joined = shown([i for some in issues for i in some], topics=[])
    for some in issues:
        titles = [i.paper.title for i in some]
        assert [title for title in joined if title in titles] == titles


def test_picks_come_before_every_section_and_within_the_cap() -> None:
    picks = items(0.0, 0.0, section="z", put_by=("editors",))
    some = list(weighed([*picks, *items(5.0, 4.0)]))
    assert shown(some[::-1], cap=3) == ["z0", "z1", "a0"]


def test_revisions_come_last_and_do_not_take_a_papers_place() -> None:
    again = item(paper("r", number="2606.99999"), is_revision=True, section="revisions", score=0.0)
    made = edition(issue("d", "s", "D", NOW, [], [], {}), [again, *items(1.0)], cap=1, topics=["a"])
    assert [i.paper.title for i in made.shown] == ["a0", "r"]


def test_the_same_choice_has_the_same_key_and_another_choice_another() -> None:
    of = issue("d", "s", "D", NOW, [], [], {})
    some = items(1.0, 2.0, 3.0)
    keys = [
        edition(of, choice, cap=cap, topics=["a"]).key
        for choice, cap in ((some, 2), (some[::-1], 2), (some[:2], 2), (some, 3))
    ]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


# --- issues --------------------------------------------------------------------------------------


def test_an_issue_gives_each_paper_its_summary_and_keeps_the_order() -> None:
    places = ranked([match(1, 5.0), match(2, 1.0)], picks=[Pick(paper=match(2).paper, note="Ha.")])
    made = issue("d", "s", "D", NOW, places, [], dict.fromkeys(ids(1, 2), summary("Short.")))
    assert numbers(made.items) == [2, 1]
    assert {i.summary.text for i in made.items} == {"Short."}
    assert [(i.note, i.put_by) for i in made.items] == [
        ("Ha.", ("editors", "topic")),
        ("", ("topic",)),
    ]
    assert [i.score for i in made.items] == [1.0, 5.0]
    assert made.id == "d/s"


def ids(*some: int) -> list[str]:
    return [f"arxiv:2606.{n:05d}" for n in some]


def draft(*picked: int) -> Issue:
    """Papers 1 to 3 by their scores, 8 and 9 on no topic, with some picked."""
    known = {n: match(n, 4.0 - n) for n in (1, 2, 3)}
    picks = [Pick(paper=match(n).paper) for n in picked]
    places = ranked(list(known.values()), picks=picks)
    return issue("d", "s", "D", NOW, places, [], dict.fromkeys(ids(1, 2, 3, 8, 9), summary()))


@pytest.mark.parametrize(
    ("before", "after", "order"),
    [
        ((), (), [1, 2, 3]),
        ((), (3,), [3, 1, 2]),
        ((), (9, 3), [9, 3, 1, 2]),
        ((3,), (), [1, 2, 3]),
        ((9, 8), (8,), [8, 1, 2, 3]),
        ((3, 9), (9, 1), [9, 1, 2, 3]),
    ],
)
def test_a_draft_follows_the_picks(
    before: tuple[int, ...], after: tuple[int, ...], order: list[int]
) -> None:
    picks = [Pick(paper=match(n).paper, note=f"note {n}") for n in after]
    made = with_picks(draft(*before), picks, DAY, dict.fromkeys(ids(9), summary()))
    assert numbers(made.items) == order
    assert [i.note for i in made.items if i.is_pick] == [f"note {n}" for n in after]
    weights = [i.weight for i in made.items]
    assert weights == sorted(set(weights), reverse=True)


def test_a_draft_keeps_its_revisions() -> None:
    again = item(paper(number="2606.00001"), is_revision=True, put_by=())
    made = draft()
    made = Issue(
        digest="d", slot="s", title="D", made_at=NOW, items=weighed([*made.items[1:], again])
    )
    picked = with_picks(made, [Pick(paper=match(3).paper)], DAY, {})
    assert [
        (n, i.is_revision) for n, i in zip(numbers(picked.items), picked.items, strict=True)
    ] == [
        (3, False),
        (2, False),
        (1, True),
    ]
