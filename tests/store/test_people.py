from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import count

import pytest
from build import NOW
from sqlalchemy import text

from digest.store import Store, asks, ledger, people
from digest.store.engine import upgrade
from digest.store.tables import metadata
from digest.types import (
    Evidence,
    Preferences,
    SignUp,
    SubscriberState,
    SubscriptionState,
    Suppression,
)

ADA, BEN = "Ada@example.org", "ben@example.org"
PENDING, ACTIVE, LEFT = SubscriberState
UNCONFIRMED, CONFIRMED, UNSUBSCRIBED = SubscriptionState
WEEKLY = Preferences(topics=("é", "b"), frequency="weekly", weekday="fri")


@pytest.fixture
def new_id() -> Callable[[], str]:
    ids = (f"{n:016x}" for n in count(1))
    return ids.__next__


def join(store: Store, address: str, new_id: Callable[[], str], digest: str = "d") -> str:
    with store.write() as connection:
        subscriber = people.add(connection, address, NOW, new_id)
        row = people.row(
            id=new_id(),
            subscriber=subscriber,
            digest=digest,
            state=UNCONFIRMED,
            evidence="",
            preferences=WEEKLY,
        )
        people.save(connection, [row])
    return subscriber


def test_one_person_however_her_address_is_spelled(store: Store, new_id: Callable[[], str]) -> None:
    mine = join(store, ADA, new_id)
    assert join(store, "ADA@example.ORG", new_id, "e") == mine
    with store.read() as connection:
        assert people.ids_of(connection, ["ada@EXAMPLE.org", BEN]) == {ADA.lower(): mine}
        has = people.find(connection, "ADA@example.org", "d")
        assert has is not None
        assert (has.address, has.preferences, has.state) == (ADA, WEEKLY, UNCONFIRMED)
        assert people.subscription(connection, has.id) == has
        found = people.known(connection, ["ADA@EXAMPLE.ORG", BEN])
        assert [one.digest for one in found[ADA.lower()].subscriptions] == ["d", "e"]
        assert set(found) == {ADA.lower()}


def test_a_subscription_keeps_its_id_whatever_is_written_over_it(
    store: Store, new_id: Callable[[], str]
) -> None:
    join(store, ADA, new_id)
    with store.read() as connection:
        before = people.find(connection, ADA, "d")
    join(store, ADA, new_id)
    with store.read() as connection:
        assert people.find(connection, ADA, "d") == before


def test_a_state_changes_only_from_where_it_was(store: Store, new_id: Callable[[], str]) -> None:
    join(store, ADA, new_id)
    with store.write() as connection:
        has = people.find(connection, ADA, "d")
        assert has is not None
        change = (connection, has.id)
        assert not people.change_state(*change, [CONFIRMED], UNSUBSCRIBED, NOW)
        assert people.change_state(*change, [UNCONFIRMED], CONFIRMED, NOW, "why")
        assert not people.change_state(*change, [UNCONFIRMED], CONFIRMED, NOW)
        assert people.change_state(*change, [CONFIRMED], UNSUBSCRIBED, NOW + timedelta(days=1))
        after = people.find(connection, ADA, "d")
        assert after is not None
        assert (after.since, after.ended_at) == (NOW, NOW + timedelta(days=1))


def test_many_are_added_at_once_and_who_was_there_stays_as_she_was(
    store: Store, new_id: Callable[[], str]
) -> None:
    mine = join(store, ADA, new_id)
    some = {ADA: LEFT} | {f"r{n}@example.org": ACTIVE for n in range(1500)}
    with store.write() as connection:
        ids = people.add_all(connection, some, NOW, new_id)
        assert ids[ADA.lower()] == mine
        assert len(ids) == len(set(ids.values())) == 1501
        assert people.state_of(connection, mine) is PENDING
        people.set_states(connection, list(ids.values()), LEFT)
        assert people.state_of(connection, mine) is LEFT


def test_the_list_is_by_digest_and_address_and_can_be_narrowed(
    store: Store, new_id: Callable[[], str]
) -> None:
    for address, digest in ((BEN, "d"), (ADA, "e"), (ADA, "d")):
        join(store, address, new_id, digest)
    with store.write() as connection:
        has = people.find(connection, BEN, "d")
        assert has is not None
        people.change_state(connection, has.id, [UNCONFIRMED], CONFIRMED, NOW)
    with store.read() as connection:

        def found(**narrowed: object) -> list[tuple[str, str]]:
            some = people.every(connection, **narrowed)  # type: ignore[arg-type]
            return sorted((one.digest, one.address) for one, _ in some)

        assert found() == [("d", ADA), ("d", BEN), ("e", ADA)]
        assert found(digest="e") == [("e", ADA)]
        assert found(digest="d", state=CONFIRMED) == [("d", BEN)]
        assert people.count(connection) == {
            ("d", "confirmed"): 1,
            ("d", "unconfirmed"): 1,
            ("e", "unconfirmed"): 1,
        }


def test_the_newest_proof_counts(store: Store, new_id: Callable[[], str]) -> None:
    mine = join(store, ADA, new_id)
    with store.write() as connection:
        for days, what, words in ((0, "confirmed", "a"), (1, "asked", "b"), (2, "confirmed", "c")):
            note = (mine, "d", what, Evidence(form="page", text=words))
            people.note(connection, [note], NOW + timedelta(days=days), new_id)
    with store.read() as connection:
        assert people.confirmations(connection, [mine]) == {
            (mine, "d"): (Evidence(form="page", text="c"), NOW + timedelta(days=2))
        }


def test_who_is_erased_leaves_nothing_and_others_stay(
    store: Store, new_id: Callable[[], str]
) -> None:
    for address in (ADA, BEN):
        join(store, address, new_id)
        ask = SignUp(
            id=new_id(),
            kind="subscribe",
            address=address.upper(),
            digest="d",
            asked_at=NOW,
            evidence=Evidence(form="page"),
        )
        with store.write() as connection:
            asks.add(connection, ask)
    with store.write() as connection:
        gone = people.erase(connection, [ADA.upper()])
        assert {name for name, number in gone.items() if number} == {
            "subscribers", "subscriptions", "asks",
        }  # fmt: skip
    with store.read() as connection:
        assert not any(people.everything(connection, ADA).values())
        assert people.everything(connection, BEN)["asks"]


def test_a_rehearsal_is_seen_by_nobody_else_and_gone_after(
    store: Store, new_id: Callable[[], str]
) -> None:
    with store.rehearse() as connection:
        people.add(connection, ADA, NOW, new_id)
        assert people.id_of(connection, ADA)
        with store.read() as beside:
            assert people.id_of(beside, ADA) is None
    with store.read() as connection:
        assert people.id_of(connection, ADA) is None


# --- asks, tallies, suppressions -----------------------------------------------------------------


def test_an_ask_is_decided_once_and_they_wait_in_their_order(store: Store) -> None:
    for n in (2, 1):
        ask = SignUp(
            id=str(n),
            kind="subscribe",
            address=ADA,
            digest="d",
            asked_at=NOW + timedelta(seconds=n),
            evidence=Evidence(form="page"),
            preferences=WEEKLY,
        )
        with store.write() as connection:
            asks.add(connection, ask)
    with store.write() as connection:
        waiting = asks.waiting(connection, 10)
        assert [(one.id, one.preferences) for one in waiting] == [("1", WEEKLY), ("2", WEEKLY)]
        assert asks.decide(connection, "1", "confirm")
        assert not asks.decide(connection, "1", "already")
        assert [one.id for one in asks.waiting(connection, 10)] == ["2"]
        assert asks.outcomes(connection) == {"confirm": 1, "waiting": 1}


def test_things_are_counted_by_the_hour(store: Store) -> None:
    with store.write() as connection:
        for n in (1, 2, 3):
            assert asks.tally(connection, "mail", "x", NOW + timedelta(minutes=n)) == n
        assert asks.tallied(connection, "mail", "x", NOW + timedelta(minutes=59)) == 3
        assert asks.tallied(connection, "mail", "x", NOW + timedelta(minutes=60)) == 0
        assert asks.tallied(connection, "mail", "y", NOW) == 0
        assert asks.tally(connection, "mail", "x", NOW + timedelta(hours=1)) == 1


def test_the_first_reason_of_a_suppression_stays_until_it_is_lifted(store: Store) -> None:
    with store.write() as connection:
        assert not asks.has_suppressions(connection)
        assert asks.suppress(connection, "mark", Suppression.COMPLAINT, NOW)
        assert not asks.suppress(connection, "mark", Suppression.OPERATOR, NOW)
        assert asks.suppressed(connection, ["mark", "other"]) == {"mark": Suppression.COMPLAINT}
        assert asks.suppressions_by_reason(connection) == {"complaint": 1}
        assert asks.allow(connection, "mark")
        assert not asks.allow(connection, "mark")


# --- readers of the configuration ----------------------------------------------------------------


def test_who_waits_for_her_confirmation_and_is_listed_is_confirmed(
    store: Store, new_id: Callable[[], str]
) -> None:
    join(store, ADA, new_id)
    with store.write() as connection:
        ledger.sync_operator_readers(connection, "d", ["ADA@example.org", BEN], NOW, new_id)
        assert [row.address for row in ledger.readers(connection, "d")] == [ADA, BEN]
        has = people.find(connection, ADA, "d")
        assert has is not None
        assert has.preferences == WEEKLY


# --- the migration -------------------------------------------------------------------------------


def test_readers_from_before_subscribing_are_kept_and_get_ids(
    url: str, reopen: Callable[[], Store]
) -> None:
    store = reopen()
    with store.writer.begin() as connection:
        metadata.drop_all(connection)
        connection.execute(text("DROP TABLE alembic_version"))
    upgrade(store.writer, "0003")
    with store.writer.begin() as connection:
        for n, address in enumerate(("Ada@Example.org", "ben@example.org")):
            connection.execute(
                text("INSERT INTO subscribers (id, address, state, created_at)"
                     " VALUES (:id, :address, 'active', '2026-06-01 00:00:00+00:00')"),
                {"id": f"s{n}", "address": address},
            )  # fmt: skip
            for name in ("d", "e"):
                connection.execute(
                    text("INSERT INTO subscriptions (subscriber_id, digest, state, evidence)"
                         " VALUES (:id, :name, 'confirmed', 'x')"),
                    {"id": f"s{n}", "name": name},
                )  # fmt: skip
    store.close()
    again = reopen()
    with again.read() as connection:
        found = list(people.every(connection))
        assert sorted((one.address, one.digest) for one, _ in found) == [
            ("Ada@Example.org", "d"), ("Ada@Example.org", "e"),
            ("ben@example.org", "d"), ("ben@example.org", "e"),
        ]  # fmt: skip
        assert len({one.id for one, _ in found}) == 4
        assert all(len(bytes.fromhex(one.id)) == 8 for one, _ in found)
        assert {one.preferences for one, _ in found} == {Preferences()}
        assert people.id_of(connection, "ADA@example.ORG") == "s0"
        assert not asks.has_suppressions(connection)
    if again.writer.dialect.name == "sqlite":
        with again.read() as connection:
            assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
            assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
