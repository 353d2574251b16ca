from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from build import DAY, NOW, edition, issue, item, paper
from sqlalchemy import null, update

from digest.compose import weighed
from digest.store import Store, issues, papers
from digest.store.tables import edition_items
from digest.types import Coverage, Issue, Listing, Merge, Paper, Signals, Validators


def keep(store: Store, *some: Paper) -> None:
    with store.write() as connection:
        papers.save(connection, some, [], NOW)


def publish(store: Store, *some: Paper, slot: str = "2026-06-22T08:00") -> Issue:
    made = issue([item(p) for p in some], slot=slot)
    with store.write() as connection:
        issues.since(connection, made.digest, "x", DAY, DAY)
        issues.save(connection, made)
    return made


def candidates(store: Store, since: date = DAY) -> list[str]:
    with store.read() as connection:
        found = papers.candidates(connection, "reading", ["arxiv"], since)
        return [p.id for p in found]


def test_a_paper_comes_back_as_it_was_stored(store: Store) -> None:
    one = paper("Ein Aufsatz über π", signals=Signals(upvotes=3), version=2)
    one = replace(one, aliases=(*one.aliases, "doi:10.5555/x", "title:abc"))
    keep(store, one)
    with store.read() as connection:
        assert papers.by_alias(connection, ["doi:10.5555/x"])["arxiv:2606.00001"] == one


def test_candidates_are_listed_since_a_day_and_in_no_issue_yet(store: Store) -> None:
    old = Listing(source="arxiv", announce="new", listed_on=DAY - timedelta(days=1))
    other = Listing(source="lab", announce=None, listed_on=DAY)
    revised = Listing(source="arxiv", announce="replace", listed_on=None, revised_on=DAY)
    keep(
        store,
        paper(number="2606.00001"),
        paper(number="2606.00002"),
        paper(number="2606.00003", listings=(old,)),
        paper(number="2606.00004", listings=(other,)),
        paper(number="2606.00005", listings=(revised,)),
    )
    assert candidates(store) == ["arxiv:2606.00001", "arxiv:2606.00002"]
    publish(store, paper(number="2606.00001"))
    assert candidates(store) == ["arxiv:2606.00002"]


def test_a_paper_belongs_to_the_first_day_on_which_any_source_listed_it(store: Store) -> None:
    later = DAY + timedelta(days=1)
    mine = Listing(source="arxiv", announce="new", listed_on=later)
    earlier = Listing(source="lab", announce=None, listed_on=DAY)
    revised = Listing(source="lab", announce="replace", listed_on=None, revised_on=DAY)
    keep(
        store,
        paper(number="2606.00001", listings=(mine, earlier)),
        paper(number="2606.00002", listings=(mine, revised)),
    )

    def first(day: date, *sources: str) -> list[str]:
        with store.read() as connection:
            return [p.id[-1] for p in papers.first_listed_on(connection, sources, day)]

    assert (first(DAY, "arxiv", "lab"), first(later, "arxiv", "lab")) == (["1"], ["2"])
    assert first(later, "arxiv") == ["1", "2"]
    with store.read() as connection:
        assert papers.listing_days(connection, ["arxiv", "lab"]) == [DAY, later]


def test_an_edition_has_its_own_reasons_and_an_older_one_the_issues(store: Store) -> None:
    keep(store, paper())
    made = publish(store, paper())
    part = edition([replace(made.items[0], because=("own",))], issue=made)
    with store.write() as connection:
        issues.save_editions(connection, [part])
        assert issues.load_edition(connection, part.key).shown[0].because == ("own",)
        connection.execute(update(edition_items).values(because=null()))
        assert issues.load_edition(connection, part.key).shown == weighed(made.items)


def test_another_digests_issue_takes_no_candidate_away(store: Store) -> None:
    keep(store, paper())
    made = issue([item(paper())], digest="reading2")
    with store.write() as connection:
        issues.since(connection, "reading2", "x", DAY, DAY)
        issues.save(connection, made)
    assert candidates(store) == ["arxiv:2606.00001"]


def test_merging_moves_what_was_printed_to_the_survivor(store: Store) -> None:
    """Merging never makes a delivered paper undelivered."""
    one, two = paper(number="2606.00001"), paper(number="2606.00002")
    keep(store, one, two)
    part = edition([item(two)], issue=publish(store, two))
    with store.write() as connection:
        issues.save_editions(connection, [part])
        both = replace(one, aliases=(*one.aliases, *two.aliases))
        papers.save(connection, [both], [Merge(loser=two.id, survivor=one.id)], NOW)
    with store.read() as connection:
        assert set(papers.by_id(connection, [one.id, two.id])) == {one.id}
        loaded = issues.load_edition(connection, part.key)
        assert [i.paper.id for i in loaded.shown] == [one.id]
    assert candidates(store) == []


def test_merging_two_papers_of_one_issue_leaves_one(store: Store) -> None:
    one, two = paper(number="2606.00001"), paper(number="2606.00002")
    keep(store, one, two)
    made = publish(store, one, two)
    with store.write() as connection:
        both = replace(one, aliases=(*one.aliases, *two.aliases))
        papers.save(connection, [both], [Merge(loser=two.id, survivor=one.id)], NOW)
    with store.read() as connection:
        loaded = issues.load(connection, made.id)
        assert loaded is not None
        assert [i.paper.id for i in loaded.items] == [one.id]


def test_a_printed_paper_in_a_later_version_is_revised_once(store: Store) -> None:
    keep(store, paper(version=1))
    publish(store, paper(version=1))
    with store.read() as connection:
        assert list(papers.revised(connection, "reading")) == []
    keep(store, paper(version=2))
    with store.read() as connection:
        (again,) = papers.revised(connection, "reading")
    made = issue([item(again, is_revision=True)], slot="2026-06-23T08:00")
    with store.write() as connection:
        issues.save(connection, made)
    with store.read() as connection:
        assert list(papers.revised(connection, "reading")) == []


@pytest.mark.parametrize(
    ("first", "then"), [("feed", "asked"), ("api", "asked"), ("asked", "feed")]
)
def test_having_asked_in_vain_never_undoes_a_day_that_was_read(
    store: Store, first: str, then: str
) -> None:
    for how in (first, then):
        with store.write() as connection:
            papers.cover(connection, "arxiv", [Coverage(category="cs.CL", day=DAY, how=how)], NOW)  # type: ignore[arg-type]
    with store.read() as connection:
        (row,) = papers.covered(connection, "arxiv")
    assert row.how != "asked"


def test_validators_are_kept_by_source_and_address(store: Store) -> None:
    tag = Validators(etag='"x"')
    with store.write() as connection:
        papers.keep_validators(connection, "a", {"u": tag, "v": Validators()}, NOW)
    with store.read() as connection:
        assert papers.validators_of(connection, "a", "u") == tag
        assert papers.validators_of(connection, "b", "u") == Validators()


def test_a_thousand_papers_are_saved_and_found(store: Store) -> None:
    keep(store, *(paper(number=f"2606.{n:05d}") for n in range(1000)))
    assert len(candidates(store)) == 1000


def test_a_changed_definition_owes_nothing_of_before(store: Store) -> None:
    with store.write() as connection:
        later = DAY + timedelta(days=9)
        assert issues.since(connection, "d", "old", DAY, DAY) == DAY
        assert issues.since(connection, "d", "old", later, later) == DAY
        assert issues.since(connection, "d", "new", later, later) == later
        assert issues.since(connection, "d", "newer", later, DAY) == later
