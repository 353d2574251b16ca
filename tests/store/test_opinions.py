from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from build import NOW, paper

from digest.store import Store, opinions, papers
from digest.types import Merge

ONE, TWO = paper(number="2606.00001"), paper(number="2606.00002")


def say(store: Store, who: str, id: str, is_liked: bool, *, hours: int = 0) -> None:
    with store.write() as connection:
        papers.save(connection, [ONE, TWO], [], NOW)
        opinions.say(connection, "d", who, id, is_liked, NOW + timedelta(hours=hours))


def said(store: Store, who: str, digest: str = "d") -> list[tuple[str, bool]]:
    with store.read() as connection:
        return [(row.paper_id, row.is_liked) for row in opinions.of(connection, digest, who)]


def test_an_opinion_takes_the_place_of_the_one_there_was(store: Store) -> None:
    say(store, "", ONE.id, True)
    say(store, "", TWO.id, True, hours=1)
    say(store, "", ONE.id, False, hours=2)
    assert said(store, "") == [(ONE.id, False), (TWO.id, True)]


def test_opinions_are_somebodys_in_one_digest(store: Store) -> None:
    say(store, "s1", ONE.id, True)
    assert said(store, "") == said(store, "s2") == said(store, "s1", "another") == []
    with store.read() as connection:
        assert opinions.whose(connection, "d") == {"s1"}
        assert opinions.whose(connection, "another") == set()


def test_the_editors_are_no_subscriber(store: Store) -> None:
    say(store, opinions.EDITORS, ONE.id, True)
    with store.read() as connection:
        assert opinions.whose(connection, "d") == set()


def test_taking_one_back_leaves_the_others(store: Store) -> None:
    for who in ("", "s1"):
        say(store, who, ONE.id, True)
        say(store, who, TWO.id, True)
    with store.write() as connection:
        opinions.take_back(connection, "d", "s1", ONE.id)
        opinions.take_back(connection, "d", "s1", ONE.id)
    assert said(store, "s1") == [(TWO.id, True)]
    assert len(said(store, "")) == 2


def merge(store: Store) -> None:
    with store.write() as connection:
        both = replace(ONE, aliases=(*ONE.aliases, *TWO.aliases))
        papers.save(connection, [both], [Merge(loser=TWO.id, survivor=ONE.id)], NOW)


def test_an_opinion_moves_to_the_paper_that_survives(store: Store) -> None:
    say(store, "", TWO.id, False)
    say(store, "s1", TWO.id, True)
    say(store, "s2", ONE.id, True)
    merge(store)
    assert said(store, "") == [(ONE.id, False)]
    assert said(store, "s1") == said(store, "s2") == [(ONE.id, True)]


def test_what_was_said_of_the_survivor_stands(store: Store) -> None:
    say(store, "", ONE.id, True)
    say(store, "", TWO.id, False, hours=1)
    merge(store)
    assert said(store, "") == [(ONE.id, True)]
