"""Which mail came back, and on how many days, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from build import DAY, NOW

from digest.store import Connection, Store, bounces, notices, people
from digest.types import DeliveryState, Notice

_IDS = iter(f"{number:016x}" for number in range(1, 10_000))


@pytest.fixture
def connection(store: Store) -> Iterator[Connection]:
    with store.write() as open_one:
        yield open_one


@pytest.fixture
def ada(connection: Connection) -> str:
    return people.add(connection, "Ada@example.org", NOW, _IDS.__next__)


def note(connection: Connection, whom: str, days_ago: int, kind: str = "soft") -> None:
    day = DAY - timedelta(days=days_ago)
    bounces.note(connection, whom, day, kind=kind, status="", detail="", message_id="m@x")


def test_a_day_counts_once_and_only_softness_counts(connection: Connection, ada: str) -> None:
    for days_ago in (0, 0, 1, 40):
        note(connection, ada, days_ago)
    note(connection, ada, 2, "policy")
    assert bounces.soft_days(connection, ada, DAY - timedelta(days=30)) == 2
    assert bounces.soft_days(connection, ada, DAY - timedelta(days=90)) == 3


def test_what_is_our_fault_takes_nobodys_day_and_gives_it_up(
    connection: Connection, ada: str
) -> None:
    note(connection, ada, 0)
    note(connection, ada, 0, "policy")
    note(connection, ada, 1, "policy")
    note(connection, ada, 1)
    assert bounces.soft_days(connection, ada, DAY - timedelta(days=9)) == 2


def test_what_is_forgotten_counts_no_more(connection: Connection, ada: str) -> None:
    note(connection, ada, 0)
    assert bounces.forget(connection, ada) == 1
    assert bounces.soft_days(connection, ada, DAY) == 0


def notice(connection: Connection, state: DeliveryState) -> Notice:
    id = next(_IDS)
    made = Notice(
        id=id,
        kind="confirm",
        address="ada@example.org",
        digest="d",
        made_at=NOW,
        message_id=f"{id}{id}@papers.example.org",
    )
    notices.add(connection, made)
    notices.move(connection, id, [DeliveryState.QUEUED], state)
    return made


def test_a_notice_is_found_by_its_return_path_and_its_message_id(
    connection: Connection, ada: str
) -> None:
    one = notice(connection, DeliveryState.SENT)
    found = bounces.by_return(connection, one.id)
    assert found is not None
    assert (found.notice, found.subscriber, found.address) == (one.id, ada, "ada@example.org")
    assert bounces.by_message_id(connection, one.message_id) == found
    assert bounces.by_return(connection, "f" * 16) is None


@pytest.mark.parametrize(
    ("state", "fails"), [("sent", True), ("in-doubt", True), ("sending", True), ("failed", False)]
)
def test_only_what_was_on_its_way_can_fail(connection: Connection, state: str, fails: bool) -> None:
    one = notice(connection, DeliveryState(state))
    found = bounces.by_return(connection, one.id)
    assert found is not None
    assert bounces.failed(connection, found, NOW, "bounced: 5.1.1 unknown") is fails


def test_what_waits_for_an_address_is_withdrawn_whatever_its_capitals(
    connection: Connection, ada: str
) -> None:
    notice(connection, DeliveryState.DEFERRED)
    notice(connection, DeliveryState.SENT)
    assert bounces.withdraw(connection, "ADA@example.org", NOW, "suppressed: bounce") == 1
    assert notices.by_state(connection) == {"suppressed": 1, "sent": 1}
