from __future__ import annotations

from build import NOW, item, paper, summary

from digest.compose import edition, issue, rank
from digest.types import Item, Match, Signals


def match(number: str, score: float, topic: str = "a", *, upvotes: int | None = None) -> Match:
    one = paper(number, number=number, signals=Signals(upvotes=upvotes))
    return Match(paper=one, topic=topic, score=score, because=(f"phrase of {topic}",))


def test_a_paper_of_two_topics_has_one_place_under_the_better_one_and_both_reasons() -> None:
    (place,) = rank([match("2606.00001", 1.0, "a"), match("2606.00001", 2.0, "b")])
    assert place.section == "b"
    assert place.because == ("phrase of a", "phrase of b")


def test_votes_lift_a_paper_and_ties_go_by_id() -> None:
    places = rank(
        [match("2606.00003", 1.0), match("2606.00002", 1.0), match("2606.00001", 1.0, upvotes=99)]
    )
    assert [p.paper.id[-1] for p in places] == ["1", "2", "3"]
    assert places[0].score == 3.0


def items(*scores: float, section: str = "a") -> list[Item]:
    return [
        item(
            paper(f"{section}{n}", number=f"2606.{ord(section):02d}{n:03d}"),
            score=s,
            section=section,
        )
        for n, s in enumerate(scores)
    ]


def test_the_best_are_shown_by_section_in_the_order_of_the_topics() -> None:
    some = items(1.0, 5.0, section="b") + items(3.0, 2.0, section="a")
    made = edition(
        issue("d", "2026-06-22T08:00", "D", NOW, [], [], {}), some, cap=3, topics=["a", "b"]
    )
    assert [i.paper.title for i in made.shown] == ["a0", "a1", "b1"]
    assert [i.paper.title for i in made.more] == ["b0"]


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


def test_an_issue_gives_each_paper_its_summary() -> None:
    (place,) = rank([match("2606.00001", 1.0)])
    made = issue("d", "s", "D", NOW, [place], [], {place.paper.id: summary("Short.")})
    assert made.items[0].summary.text == "Short."
    assert made.id == "d/s"
