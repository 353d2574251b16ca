"""What is asked at every scrape is cheap, and right."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from build import NOW
from sqlalchemy import Table, insert

from digest.store import Store, tables, watching

READERS = 100_000
ISSUE = "d/2026-06-22T08:00"


def fill(store: Store, table: Table, rows: list[dict[str, Any]]) -> None:
    with store.write() as connection:
        connection.execute(insert(table), rows)


@pytest.mark.slow
def test_the_figures_of_a_hundred_thousand_deliveries_take_no_time(store: Store) -> None:
    fill(store, tables.digests, [{"name": "d", "definition": "", "since": NOW.date()}])
    fill(
        store,
        tables.issues,
        [{"id": ISSUE, "digest": "d", "slot": ISSUE[2:], "title": "D", "made_at": NOW}],
    )
    edition = {"key": "e", "issue_id": ISSUE, "format": "html", "language": "en"}
    fill(store, tables.editions, [edition])
    ids = [f"{n:016x}" for n in range(READERS)]
    people = [
        {"id": id, "address": id, "mailbox": id, "state": "active", "created_at": NOW} for id in ids
    ]
    fill(store, tables.subscribers, people)
    fill(
        store,
        tables.subscriptions,
        [
            {"id": id, "subscriber_id": id, "digest": "d", "state": "confirmed", "evidence": ""}
            for id in ids
        ],
    )
    fill(
        store,
        tables.deliveries,
        [
            {
                "issue_id": ISSUE,
                "subscriber_id": id,
                "edition": "e",
                "state": "failed" if n % 10 == 0 else "sent",
                "message_id": f"{id}@x",
                "queued_at": NOW,
                "updated_at": NOW - timedelta(minutes=n % 120),
            }
            for n, id in enumerate(ids)
        ],
    )
    if not store.is_file:  # it does so by itself in time
        with store.write() as connection:
            connection.exec_driver_sql("ANALYZE")
    took: dict[str, float] = {}
    found: dict[str, Any] = {}
    questions = {
        "sendings": lambda connection: watching.sendings(connection, NOW - timedelta(hours=1)),
        "made": watching.made,
        "readers": watching.readers,
        "standing": watching.standing,
        "unsent": lambda connection: watching.unsent(connection, [ISSUE]),
        "readings": watching.readings,
        "store_bytes": watching.store_bytes,
    }
    for name, ask in questions.items():
        times = []
        for _ in range(3):
            with store.read() as connection:
                began = time.perf_counter()
                found[name] = ask(connection)
                times.append(time.perf_counter() - began)
        took[name] = min(times) * 1000
    print({name: f"{ms:.1f} ms" for name, ms in took.items()}, f"{sum(took.values()):.0f} ms")
    by_state = {row.state: (row.all, row.recent) for row in found["sendings"]}
    recent = sum(n % 120 <= 60 for n in range(0, READERS, 10))
    assert by_state["failed"] == (READERS // 10, recent)
    assert by_state["sent"][0] == READERS * 9 // 10
    assert found["readers"] == {"d": READERS}
    assert found["unsent"] == set()
    assert found["store_bytes"] > 1_000_000
    assert sum(took.values()) < 500


def test_trying_the_store_out_leaves_nothing_behind(store: Store) -> None:
    for _ in range(2):
        with store.rehearse() as connection:
            watching.try_out(connection, NOW)
    with store.read() as connection:
        assert watching.alerted(connection) == set()


def test_an_alert_is_given_by_one_of_several(store: Store) -> None:
    with store.write() as connection:
        given = [watching.alert(connection, "digest:d", NOW) for _ in range(2)]
    assert given == [True, False]
    with store.write() as connection:
        watching.mended(connection, ["digest:d", "digest:e"])
        assert watching.alert(connection, "digest:d", NOW)
