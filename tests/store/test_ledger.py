from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count

import pytest
from build import DAY, NOW, edition, issue, item, paper
from sqlalchemy.exc import IntegrityError

from digest.store import Store, issues, ledger, papers
from digest.types import Delivery, DeliveryState, Edition, Issue

ADA, BEN = "ada@example.org", "ben@example.org"
LATER = NOW + timedelta(days=1)


@pytest.fixture
def ids() -> Callable[[], str]:
    numbers = count(1)
    return lambda: f"s{next(numbers)}"


def sync(store: Store, ids: Callable[[], str], *to: str, at: object = NOW) -> list[str]:
    with store.write() as connection:
        ledger.sync_operator_readers(connection, "reading", to, at, ids)  # type: ignore[arg-type]
    with store.read() as connection:
        return [row.address for row in ledger.readers(connection, "reading")]


def publish(store: Store, number: str, slot: str, at: object = NOW) -> tuple[Issue, Edition]:
    one = paper(number=number)
    made = issue([item(one)], slot=slot, made_at=at)
    part = edition([item(one)], issue=made)
    with store.write() as connection:
        papers.save(connection, [one], [], NOW)
        issues.since(connection, "reading", "x", DAY, DAY)
        issues.save(connection, made)
        issues.save_editions(connection, [part])
    return made, part


def queue(store: Store, made: Issue, part: Edition, *readers: str) -> int:
    rows = [
        Delivery(
            issue=made.id,
            subscriber=id,
            address="",
            edition=part.key,
            message_id=f"{made.slot}{id}@h",
        )
        for id in readers
    ]
    with store.write() as connection:
        return ledger.enqueue(connection, rows, NOW)


def test_addresses_under_to_are_confirmed_readers(store: Store, ids: Callable[[], str]) -> None:
    assert sync(store, ids, ADA, BEN) == [ADA, BEN]
    assert sync(store, ids, ADA, BEN) == [ADA, BEN]


def test_who_is_taken_out_gets_no_more_and_who_comes_back_starts_anew(
    store: Store, ids: Callable[[], str]
) -> None:
    sync(store, ids, ADA, BEN)
    assert sync(store, ids, ADA) == [ADA]
    assert sync(store, ids, ADA, BEN, at=LATER) == [ADA, BEN]
    with store.read() as connection:
        since = {row.address: row.confirmed_at for row in ledger.readers(connection, "reading")}
    assert since == {ADA: NOW, BEN: LATER}


def test_queueing_twice_queues_once(store: Store, ids: Callable[[], str]) -> None:
    sync(store, ids, ADA)
    made, part = publish(store, "2606.00001", "2026-06-22T08:00")
    assert queue(store, made, part, "s1") == 1
    assert queue(store, made, part, "s1") == 0


def test_a_delivery_needs_a_reader_and_an_issue(store: Store) -> None:
    made, part = publish(store, "2606.00001", "2026-06-22T08:00")
    with pytest.raises(IntegrityError):
        queue(store, made, part, "nobody")


def missed(store: Store, *, with_latest: bool = False) -> dict[str, list[str]]:
    with store.read() as connection:
        return ledger.missed(
            connection, "reading", NOW - timedelta(days=9), with_latest=with_latest
        )


def test_what_failed_is_still_owed(store: Store, ids: Callable[[], str]) -> None:
    sync(store, ids, ADA)
    made, part = publish(store, "2606.00001", "2026-06-22T08:00")
    queue(store, made, part, "s1")
    assert missed(store) == {}
    with store.write() as connection:
        (one,) = ledger.in_state(connection, [DeliveryState.QUEUED])
        assert ledger.move(connection, one, DeliveryState.QUEUED, DeliveryState.FAILED, NOW)
    assert missed(store) == {"s1": [made.id]}
    with store.read() as connection:
        assert ledger.delivered(connection, ["arxiv:2606.00001"]) == {}


def test_who_joins_later_is_owed_the_latest_issue_only_when_asked_for(
    store: Store, ids: Callable[[], str]
) -> None:
    publish(store, "2606.00001", "2026-06-21T08:00", at=NOW - timedelta(days=1))
    made, _ = publish(store, "2606.00002", "2026-06-22T08:00")
    sync(store, ids, ADA, at=LATER)
    assert missed(store) == {}
    assert missed(store, with_latest=True) == {"s1": [made.id]}


def test_a_paper_is_delivered_whatever_the_digest(store: Store, ids: Callable[[], str]) -> None:
    sync(store, ids, ADA)
    made, part = publish(store, "2606.00001", "2026-06-22T08:00")
    queue(store, made, part, "s1")
    with store.read() as connection:
        had = ledger.delivered(connection, ["arxiv:2606.00001", "arxiv:2606.00009"])
    assert had == {"s1": {("arxiv:2606.00001", False)}}


def test_a_delivery_moves_only_from_the_state_it_is_in(
    store: Store, ids: Callable[[], str]
) -> None:
    sync(store, ids, ADA)
    made, part = publish(store, "2606.00001", "2026-06-22T08:00")
    queue(store, made, part, "s1")
    with store.write() as connection:
        (one,) = ledger.in_state(connection, [DeliveryState.QUEUED])
        assert ledger.move(connection, one, DeliveryState.QUEUED, DeliveryState.SENT, NOW)
        assert not ledger.move(connection, one, DeliveryState.QUEUED, DeliveryState.SENT, NOW)


def test_many_claim_many_and_none_is_claimed_twice(store: Store, ids: Callable[[], str]) -> None:
    readers = [f"r{n}@example.org" for n in range(40)]
    sync(store, ids, *readers)
    made, part = publish(store, "2606.00001", "2026-06-22T08:00")
    queue(store, made, part, *(f"s{n}" for n in range(1, 41)))

    def claim(_: int) -> int:
        with store.read() as connection:
            found = ledger.in_state(connection, [DeliveryState.QUEUED])
        won = 0
        for one in found:
            with store.write() as connection:
                won += ledger.move(
                    connection, one, DeliveryState.QUEUED, DeliveryState.CLAIMED, NOW
                )
        return won

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(claim, range(4))) == 40
