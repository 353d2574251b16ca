from __future__ import annotations

import random
from datetime import date, timedelta

import pytest
from build import DAY, NOW, delivery, edition, issue, item, paper
from sqlalchemy import func, insert, select, update

from digest.store import Store, issues, ledger, opinions, papers, picks, pruning, tables
from digest.store.tables import deliveries, subscribers, subscriptions
from digest.types import DeliveryState, Edition, Issue, Listing, Merge, Paper

LATER = DAY + timedelta(days=500)
THEN = NOW + timedelta(days=500)


def keep(store: Store, *some: Paper, seen_on: date = DAY, source: str = "arxiv") -> None:
    with store.write() as connection:
        papers.save(connection, some, [], NOW)
        names = [alias for one in some for alias in one.aliases]
        papers.seen(connection, source, names, seen_on)


def unseen(store: Store, before: date) -> list[str]:
    with store.read() as connection:
        return [id for (id,) in pruning.papers_unseen_since(connection, before)]


def other(number: int) -> Paper:
    return paper(f"Paper {number}", f"2606.{number:05}", abstract=f"It is number {number}.")


def sent(store: Store, made: Issue, *, state: DeliveryState = DeliveryState.SENT) -> Edition:
    """An issue and a mail of it to one reader."""
    whole = edition(made.items, issue=made)
    reader = {"id": "s1", "address": "reader@example.org", "mailbox": "reader@example.org"}
    bond = {"id": "b1", "subscriber_id": "s1", "evidence": "test", "confirmed_at": NOW}
    with store.write() as connection:
        if not connection.scalar(select(func.count()).select_from(subscribers)):
            connection.execute(insert(subscribers).values(**reader, state="active", created_at=NOW))
            bond |= {"digest": made.digest, "state": "confirmed"}
            connection.execute(insert(subscriptions).values(**bond))
        issues.since(connection, made.digest, "x", DAY, DAY)
        issues.save(connection, made)
        issues.save_editions(connection, [whole])
        row = delivery(issue=made.id, edition=whole.key, message_id=f"{whole.key}@example.org")
        ledger.enqueue(connection, [row], made.made_at)
        mine = update(deliveries).where(deliveries.c.issue_id == made.id)
        connection.execute(mine.values(state=state))
    return whole


def test_a_paper_that_a_source_still_gives_is_kept(store: Store) -> None:
    keep(store, other(1), other(2))
    keep(store, other(3), seen_on=LATER)  # the source goes on
    with store.write() as connection:
        papers.seen(connection, "arxiv", other(2).aliases, LATER)
    assert unseen(store, LATER - timedelta(days=100)) == [other(1).id]


def test_of_a_source_that_is_silent_nothing_is_forgotten(store: Store) -> None:
    """Its feed, when it is read again, may hold what it held."""
    keep(store, other(1), other(2))
    assert unseen(store, LATER) == []


def test_what_was_never_noted_as_seen_counts_from_now(store: Store) -> None:
    with store.write() as connection:
        papers.save(connection, [other(1)], [], NOW)
        pruning.begin(connection, LATER)
    assert unseen(store, LATER) == []


@pytest.mark.parametrize("use", ["issue", "pick", "like"])
def test_what_something_is_made_of_is_kept(store: Store, use: str) -> None:
    keep(store, other(1), other(2))
    keep(store, other(3), seen_on=LATER)
    with store.write() as connection:
        if use == "issue":
            issues.since(connection, "reading", "x", DAY, DAY)
            issues.save(connection, issue([item(other(1))]))
        elif use == "pick":
            picks.pick(connection, "reading", other(1).id, "", NOW)
        else:
            opinions.say(connection, "reading", "s1", other(1).id, True, NOW)
    assert unseen(store, LATER - timedelta(days=100)) == [other(2).id]


def test_a_forgotten_paper_takes_its_names_with_it(store: Store) -> None:
    keep(store, other(1))
    keep(store, other(3), seen_on=LATER)
    before = LATER - timedelta(days=100)
    with store.write() as connection:
        assert pruning.forget_papers(connection, [(other(1).id,), (other(3).id,)], before) == 1
        assert papers.by_alias(connection, other(1).aliases) == {}
        assert papers.by_id(connection, [other(3).id])


def old_and_new(store: Store) -> tuple[Issue, Issue]:
    keep(store, other(1), other(2))
    first = issue([item(other(1))])
    second = issue([item(other(2))], slot="2027-10-01T08:00", made_at=NOW + timedelta(days=466))
    sent(store, first)
    sent(store, second)
    return first, second


def test_deliveries_of_old_issues_are_settled_and_the_newest_issue_never_is(store: Store) -> None:
    first, _ = old_and_new(store)
    with store.read() as connection:
        assert pruning.issues_to_settle(connection, THEN + timedelta(days=999)) == [first.id]


@pytest.mark.parametrize("state", ["queued", "deferred", "claimed", "sending"])
def test_an_issue_with_a_mail_that_is_still_to_go_is_not_settled(store: Store, state: str) -> None:
    first, _ = old_and_new(store)
    with store.write() as connection:
        mine = update(deliveries).where(deliveries.c.issue_id == first.id)
        connection.execute(mine.values(state=state))
        assert pruning.issues_to_settle(connection, THEN) == []


def test_an_issue_that_shares_a_paper_with_a_young_one_is_not_settled(store: Store) -> None:
    """Readers of the other digest may be owed it still."""
    first, _ = old_and_new(store)
    again = issue(
        [item(other(1))], digest="other", slot="2027-11-01T08:00", made_at=THEN - timedelta(days=9)
    )
    with store.write() as connection:
        issues.since(connection, "other", "x", DAY, DAY)
        issues.save(connection, again)
        assert pruning.issues_to_settle(connection, THEN - timedelta(days=60)) == []
        assert pruning.issues_to_settle(connection, THEN) == [first.id]


def test_an_issue_with_a_paper_that_is_picked_and_waits_is_not_settled_nor_forgotten(
    store: Store,
) -> None:
    """It would be retired, and the pick never go out."""
    first, _ = old_and_new(store)
    with store.write() as connection:
        picks.pick(connection, "other", other(1).id, "", THEN)
        assert pruning.issues_to_settle(connection, THEN) == []
        connection.execute(deliveries.delete())
        connection.execute(tables.edition_items.delete())
        connection.execute(tables.editions.delete())
        assert pruning.issues_to_forget(connection, THEN) == []
        connection.execute(update(tables.picks).values(issue_id="other/2027-11-01T08:00"))
        assert pruning.issues_to_forget(connection, THEN) == [first.id]


@pytest.mark.parametrize("is_in_old_issue", [True, False])
def test_an_issue_that_shares_a_paper_with_a_mail_of_a_young_one_is_not_settled(
    store: Store, is_in_old_issue: bool
) -> None:
    """Of readers with topics of their own, whose papers are in no issue."""
    first, _ = old_and_new(store)
    keep(store, other(3), other(4))
    young = issue(
        [item(other(4))], digest="other", slot="2027-11-01T08:00", made_at=THEN - timedelta(days=9)
    )
    shared = other(1) if is_in_old_issue else other(3)
    mail = edition([item(shared)], issue=young)
    with store.write() as connection:
        if not is_in_old_issue:
            old = edition([item(shared)], issue=first)
            issues.save_editions(connection, [old])
        issues.since(connection, "other", "x", DAY, DAY)
        issues.save(connection, young)
        issues.save_editions(connection, [mail])
        assert pruning.issues_to_settle(connection, THEN - timedelta(days=60)) == []
        assert pruning.issues_to_settle(connection, THEN) == [first.id]


def test_another_digests_newest_of_the_same_moment_keeps_nothing(store: Store) -> None:
    """Digests that are built at once have their issues at one moment."""
    first, _ = old_and_new(store)
    with store.write() as connection:
        issues.since(connection, "other", "x", DAY, DAY)
        issues.save(connection, issue([], digest="other", made_at=first.made_at))
        assert pruning.issues_to_settle(connection, THEN) == [first.id]
        for n, digest in enumerate(("reading", "reading", "other")):
            at = NOW + timedelta(days=n % 2)  # other's newest is of the moment of reading's older
            issues.report(connection, digest, f"s{n}", "quiet", {}, at)
            row = {"digest": digest, "slot": f"s{n}", "outcome": "quiet"}
            connection.execute(insert(tables.slots).values(**row, due_at=at, settled_at=at))
        for found in (pruning.reports_before, pruning.slots_before):
            assert [key[1] for key in found(connection, THEN)] == ["s0"]


def test_of_days_that_were_read_the_last_two_months_of_each_source_stay(store: Store) -> None:
    days = [DAY + timedelta(days=n) for n in range(0, 200, 10)]
    with store.write() as connection:
        for source, some in (("arxiv", days), ("old", days[:5])):
            for day in some:
                row = {"source": source, "category": "cs.CL", "day": day, "how": "feed"}
                connection.execute(insert(tables.coverage).values(**row, read_at=NOW))
        found = pruning.coverage_before(connection, LATER)
    margin = timedelta(days=60)
    assert {day for source, _, day in found if source == "arxiv"} == {
        day for day in days if day < days[-1] - margin
    }
    assert not [day for source, _, day in found if source == "old"]


def test_a_sender_that_lives_stays_and_one_long_dead_goes(store: Store) -> None:
    with store.write() as connection:
        for id, hours in (("lives", 0.02), ("just died", -23), ("dead", -25)):
            until = NOW + timedelta(hours=hours)
            row = {"id": id, "machine": id, "lease_until": until}
            connection.execute(insert(tables.senders).values(**row))
            connection.execute(insert(tables.turns).values(of=id, free_at=until))
        assert pruning.forget_traces(connection, NOW) == 2
        for column in (tables.senders.c.id, tables.turns.c.of):
            assert set(connection.scalars(select(column))) == {"lives", "just died"}


def retired(store: Store) -> None:
    first, _ = old_and_new(store)
    with store.write() as connection:
        pruning.retire(connection, first.id, LATER)
        assert pruning.forget_deliveries(connection, first.id, 100) == 1
        assert pruning.forget_editions(connection, first.id, 100) == 1


def test_a_retired_paper_is_no_candidate_however_it_comes_again(store: Store) -> None:
    retired(store)
    listing = Listing(source="lab", announce="new", listed_on=LATER)
    again = paper("Paper 1", "2606.00001", version=9, listings=(*paper().listings, listing))
    with store.write() as connection:
        papers.save(connection, [again], [], THEN)
        for digest in ("reading", "another"):
            assert list(papers.candidates(connection, digest, ["lab"], LATER)) == []
        assert list(papers.listed_since(connection, ["lab"], LATER)) == []
        assert list(papers.revised(connection, "reading")) == []


def test_a_retired_paper_is_owed_to_nobody_of_any_issue_or_draft_or_pick(store: Store) -> None:
    retired(store)
    draft = issue(
        [item(other(1)), item(other(2))], digest="another", slot="2027-11-04T08:00",
        made_at=THEN, draft_until=THEN,
    )  # fmt: skip
    with store.write() as connection:
        issues.since(connection, "another", "x", DAY, DAY)
        issues.save(connection, draft)
        picks.pick(connection, "another", other(1).id, "", THEN)
        found = issues.draft(connection, "another")
        assert found is not None
        assert [one.paper.id for one in found.items] == [other(2).id]
        first = "reading/2026-06-22T08:00"
        assert issues.items_of(connection, [first, draft.id])[first] == []
        assert picks.waiting(connection, "another") == []
        shown = issues.load(connection, first)
        assert shown is not None
        assert shown.items, "the archive still has it"


@pytest.mark.parametrize("loser", [1, 3])
def test_of_two_papers_that_are_one_it_is_retired_if_either_was(store: Store, loser: int) -> None:
    retired(store)
    keep(store, other(3))
    survivor = other(4 - loser)
    merged = paper(
        survivor.title, survivor.id[6:], aliases=(*survivor.aliases, *other(loser).aliases)
    )
    with store.write() as connection:
        merge = Merge(loser=other(loser).id, survivor=survivor.id)
        papers.save(connection, [merged], [merge], THEN)
        assert papers.retired(connection, [survivor.id]) == {survivor.id}


def test_of_a_paper_whose_issue_is_gone_its_names_are_left(store: Store) -> None:
    retired(store)
    keep(store, other(3), seen_on=LATER)
    with store.write() as connection:
        assert pruning.papers_to_empty(connection, LATER - timedelta(days=100)) == []
        first = issue([item(other(1))])
        assert pruning.issues_to_forget(connection, THEN) == [first.id]
        pruning.forget_issue(connection, first.id, LATER)
        before = LATER - timedelta(days=100)
        husks = pruning.papers_to_empty(connection, before)
        assert husks == [(other(1).id,)]
        assert pruning.empty_papers(connection, husks, before) == 1
        assert pruning.papers_to_empty(connection, before) == []
        husk = papers.by_alias(connection, other(1).aliases)[other(1).id]
        assert (husk.title, husk.abstract, husk.authors) == ("Paper 1", "", ())
        assert papers.retired(connection, [husk.id]) == {husk.id}
        assert unseen(store, before) == []


def test_the_newest_report_and_slot_of_each_digest_stay(store: Store) -> None:
    with store.write() as connection:
        for n in range(3):
            at = NOW + timedelta(days=n)
            issues.report(connection, "reading", f"2026-06-2{n}T08:00", "quiet", {}, at)
            row = {"digest": "reading", "slot": f"2026-06-2{n}T08:00", "outcome": "quiet"}
            row |= {"due_at": at, "settled_at": at}
            connection.execute(insert(tables.slots).values(**row))
        for found in (pruning.reports_before, pruning.slots_before):
            keys = found(connection, THEN)
            assert sorted(key[1] for key in keys) == ["2026-06-20T08:00", "2026-06-21T08:00"]
        keys = pruning.reports_before(connection, THEN)
        assert pruning.forget_rows(connection, keys, tables.reports) == 2


def test_keys_of_several_columns_are_removed_exactly(store: Store) -> None:
    dice = random.Random(7)
    keys = [(f"h{n}", f"e{n % 3}") for n in range(30)]
    with store.write() as connection:
        rows = [{"text_hash": a, "encoder": b, "vector": b"", "made_at": NOW} for a, b in keys]
        connection.execute(insert(tables.vectors), rows)
        gone = dice.sample(keys, 11)
        crossed = [(a, "e9") for a, _ in keys]
        assert pruning.forget_rows(connection, [*gone, *crossed], tables.vectors) == 11
        left = connection.execute(select(tables.vectors.c.text_hash)).scalars()
        assert set(left) == {a for a, b in keys if (a, b) not in gone}
