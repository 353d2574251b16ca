from __future__ import annotations

from datetime import timedelta

from build import NOW

from digest.store import Store, asks, notices
from digest.types import DeliveryState, Notice, NoticeKind

ADA = "Ada@example.org"
QUEUED, SENDING, SENT = DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.SENT


def add(store: Store, id: str, kind: NoticeKind = "confirm", *, hours: int = 0) -> None:
    made = Notice(
        id=id,
        kind=kind,
        address=ADA,
        digest="d",
        about="b",
        made_at=NOW + timedelta(hours=hours),
        message_id=f"{id}@example.org",
        lines=("a", "é"),
    )
    with store.write() as connection:
        notices.add(connection, made)


def due(store: Store, hours: int = 9, **kinds: NoticeKind) -> list[str]:
    with store.read() as connection:
        found = notices.due(connection, NOW + timedelta(hours=hours), 10, **kinds)
        return [one.id for one in found]


def test_notices_are_due_in_their_order_by_kind_and_not_before_their_time(store: Store) -> None:
    add(store, "2", hours=2)
    add(store, "1", "welcome", hours=1)
    assert due(store) == ["1", "2"]
    assert due(store, hours=1) == ["1"]
    assert due(store, only="welcome") == ["1"]
    assert due(store, but="welcome") == ["2"]


def test_a_notice_is_taken_by_one_sender_and_counts_its_attempts(store: Store) -> None:
    add(store, "1")
    with store.write() as connection:
        assert notices.move(connection, "1", [QUEUED], SENDING)
        assert not notices.move(connection, "1", [QUEUED], SENDING)
        assert notices.left_sending(connection) == ["1"]
        later = NOW + timedelta(hours=5)
        state = DeliveryState.DEFERRED
        assert notices.move(connection, "1", [SENDING], state, detail="busy", next_at=later)
        assert notices.attempts(connection, "1") == 1
        assert notices.by_state(connection) == {"deferred": 1}
    assert due(store, hours=4) == []
    assert due(store, hours=5) == ["1"]


def test_what_asks_for_an_answer_counts_until_somebody_answers(store: Store) -> None:
    for n, kind in enumerate(("confirm", "already", "link", "address", "welcome", "answer")):
        add(store, str(n), kind)  # type: ignore[arg-type]
    with store.write() as connection:
        mine = notices.unanswered(connection, ADA.upper())
        assert sorted(row.kind for row in mine) == ["address", "already", "confirm", "link"]
        notices.answered(connection, ADA.lower())
        assert notices.unanswered(connection, ADA) == []
        assert notices.about(connection, "b", "confirm") == "0@example.org"
        assert notices.last_at(connection, ADA, "answer") == NOW


def test_what_is_old_is_forgotten_but_what_still_counts(store: Store) -> None:
    add(store, "1")
    add(store, "2", "answer")
    with store.write() as connection:
        asks.forget(connection, NOW + timedelta(days=1))
        assert notices.by_state(connection) == {"queued": 1}
        assert len(notices.unanswered(connection, ADA)) == 1
