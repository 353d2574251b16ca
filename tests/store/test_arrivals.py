"""Mail that came in, as the store keeps it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from build import NOW

from digest.store import Store, arrivals, asks


def test_a_mail_is_noted_once_and_the_first_outcome_stays(reopen: Callable[[], Store]) -> None:
    store = reopen()
    with store.write() as connection:
        assert arrivals.outcome(connection, "m") is None
        first = {"mailbox": "ada@example.org", "outcome": "unknown", "content": b"\x00\xff"}
        assert arrivals.add(connection, "m", NOW, **first)  # type: ignore[arg-type]
        assert not arrivals.add(connection, "m", NOW, mailbox="", outcome="done")
        assert arrivals.outcome(connection, "m") == "unknown"
        assert arrivals.outcomes(connection) == {"unknown": 1}
        assert arrivals.kept(connection, "unknown") == [b"\x00\xff"]
        assert arrivals.count_kept(connection, "unknown") == 1


def test_kept_mails_go_when_their_time_is_over_or_an_address_in_them_is_erased(
    reopen: Callable[[], Store],
) -> None:
    store = reopen()
    with store.write() as connection:
        for number, words in enumerate((b"ada@example.org", b"nada@example.org")):
            arrivals.add(
                connection, f"m{number}", NOW, mailbox="", outcome="unknown", content=words
            )
        assert arrivals.forget(connection, "Ada@example.org") == 1
        assert arrivals.kept(connection, "unknown") == [b"nada@example.org"]
        asks.forget(connection, NOW + timedelta(days=30))
        assert arrivals.outcomes(connection) == {}
