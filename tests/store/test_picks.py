from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from build import DAY, NOW, issue, item, paper
from sqlalchemy.exc import IntegrityError

from digest.store import Store, issues, ledger, papers, picks
from digest.types import Issue, Merge

LATER = NOW + timedelta(hours=1)
PAPERS = {n: paper(f"Paper {n}", number=f"2606.{n:05d}") for n in range(1, 5)}


@pytest.fixture(autouse=True)
def _papers(store: Store) -> None:
    with store.write() as connection:
        papers.save(connection, list(PAPERS.values()), [], NOW)
        for digest in ("reading", "other"):
            issues.since(connection, digest, "x", DAY, DAY)


def pick(store: Store, n: int, note: str = "", at: object = NOW, digest: str = "reading") -> None:
    with store.write() as connection:
        picks.pick(connection, digest, PAPERS[n].id, note, at)  # type: ignore[arg-type]


def waiting(store: Store, digest: str = "reading") -> list[tuple[int, str]]:
    with store.read() as connection:
        found = picks.waiting(connection, digest)
    return [(int(one.paper.id[-5:]), one.note) for one in found]


def save(store: Store, *numbers: int, **changes: object) -> Issue:
    made = issue([item(PAPERS[n]) for n in numbers], **changes)
    with store.write() as connection:
        issues.save(connection, made)
        if not made.draft_until:
            picks.use(connection, made.digest, made.id)
    return made


def test_picks_wait_as_they_were_picked_each_digest_for_itself(store: Store) -> None:
    pick(store, 2, "second", LATER)
    pick(store, 3, "first", NOW)
    pick(store, 1, "elsewhere", digest="other")
    assert waiting(store) == [(3, "first"), (2, "second")]
    assert waiting(store, "other") == [(1, "elsewhere")]


def test_picking_again_replaces_the_note_and_not_the_place(store: Store) -> None:
    pick(store, 2, "old")
    pick(store, 1, "", LATER)
    pick(store, 2, "new", LATER + timedelta(hours=1))
    assert waiting(store) == [(2, "new"), (1, "")]


def test_a_pick_can_be_taken_back_until_its_issue_is_out(store: Store) -> None:
    def undo(n: int) -> bool:
        with store.write() as connection:
            return picks.take_back(connection, "reading", PAPERS[n].id)

    pick(store, 1)
    pick(store, 2)
    assert [undo(1), undo(1), undo(3)] == [True, False, False]
    save(store, 2)
    assert not undo(2)


def test_a_pick_is_used_by_the_first_issue_it_is_in(store: Store) -> None:
    pick(store, 1)
    pick(store, 2)
    pick(store, 1, digest="other")
    save(store, 1, 3)
    assert waiting(store) == [(2, "")]
    assert waiting(store, "other") == [(1, "")]


def test_what_came_out_by_itself_is_picked_no_more(store: Store) -> None:
    """An editor picked it while the issue was being made."""
    made = save(store, 1)
    pick(store, 1)
    assert waiting(store) == []
    with store.write() as connection:
        picks.use(connection, "reading", made.id)
    save(store, 2, slot="2026-06-23T08:00")
    assert waiting(store) == []


def test_a_paper_that_was_only_listed_as_revised_can_be_picked(store: Store) -> None:
    again = issue([item(PAPERS[1], is_revision=True)])
    with store.write() as connection:
        issues.save(connection, again)
        assert issues.issue_of(connection, "reading", PAPERS[1].id) is None
    pick(store, 1)
    assert waiting(store) == [(1, "")]


def test_merging_papers_keeps_the_pick_and_its_note(store: Store) -> None:
    pick(store, 1, "kept")
    with store.write() as connection:
        merge = Merge(loser=PAPERS[1].id, survivor=PAPERS[2].id)
        papers.save(connection, [PAPERS[2]], [merge], NOW)
    assert waiting(store) == [(2, "kept")]


def test_who_put_an_item_there_its_note_and_the_order_survive_the_store(store: Store) -> None:
    from digest.compose import weighed

    some = [
        item(PAPERS[3], put_by=("editors", "topic"), note='Ünlike "others" <b>', score=1.0),
        item(PAPERS[1], put_by=("community",), score=2.0),
        item(PAPERS[2], score=3.0),
    ]
    made = issue(weighed(some), draft_until=LATER)
    with store.write() as connection:
        issues.save(connection, made)
    with store.read() as connection:
        assert issues.load(connection, made.id) == made
        assert issues.items_of(connection, [made.id]) == {made.id: list(made.items)}


# --- drafts --------------------------------------------------------------------------------------


def test_a_draft_is_not_the_latest_issue_and_brought_nobody_anything(store: Store) -> None:
    out = save(store, 1)
    draft = save(store, 2, slot="2026-06-23T08:00", made_at=LATER, draft_until=LATER)
    with store.read() as connection:
        latest, found = issues.latest(connection, "reading"), issues.draft(connection, "reading")
        assert latest is not None
        assert found is not None
        assert (latest.id, found.id) == (out.id, draft.id)
        assert found.draft_until == LATER
        assert issues.draft(connection, "other") is None
        assert issues.counts(connection, "reading") == (1, 0)
        assert [row.id for row in issues.made_since(connection, "reading", NOW)] == [out.id]
        assert issues.issue_of(connection, "reading", PAPERS[1].id) == out.id
        assert issues.issue_of(connection, "reading", PAPERS[2].id) is None
        assert issues.taken_slots(connection, "reading") == {out.slot, draft.slot}


def test_a_draft_is_owed_to_nobody(store: Store) -> None:
    save(store, 2, made_at=LATER, draft_until=LATER)
    with store.write() as connection:
        ledger.sync_operator_readers(connection, "reading", ["a@example.org"], NOW, lambda: "s1")
        for with_latest in (True, False):
            owed = ledger.missed(connection, "reading", NOW, with_latest=with_latest)
            assert owed == {}


def test_a_draft_holds_its_papers_until_it_is_dropped(store: Store) -> None:
    def candidates() -> list[int]:
        with store.read() as connection:
            found = papers.candidates(connection, "reading", ["arxiv"], DAY)
            return [int(one.id[-5:]) for one in found]

    draft = save(store, 2, 3, draft_until=LATER)
    assert candidates() == [1, 4]
    with store.write() as connection:
        issues.drop(connection, draft.id)
    assert candidates() == [1, 2, 3, 4]


def test_an_issue_takes_the_place_of_its_draft_and_of_nothing_else(store: Store) -> None:
    draft = save(store, 2, 3, draft_until=LATER)
    out = replace(draft, draft_until=None, items=draft.items[:1])
    with store.write() as connection:
        issues.save(connection, out)
    with store.write() as connection:
        issues.drop(connection, out.id)  # it is out
    with store.read() as connection:
        found = issues.load(connection, out.id)
        assert found is not None
        assert [i.paper.id for i in found.items] == [PAPERS[2].id]
        assert found.draft_until is None
    with pytest.raises(IntegrityError), store.write() as connection:
        issues.save(connection, out)
