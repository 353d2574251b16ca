"""A store with an issue and many deliveries of it, and the configuration that sends them."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path

from sqlalchemy import delete, insert

from digest import config as configs
from digest import plan, run
from digest.store import issues, ledger, open_store, sending, tables
from digest.types import Delivery

NOW = datetime.fromisoformat("2026-06-22T08:00:00+00:00")
ISSUE = "papers/2026-06-22T08:00"
_TEXT = """
transport = "smtp"
summarizer = "lead"
base_url = "https://papers.example.org"
{top}
[inbox]
address = "digest@papers.example.org"
[smtp]
host = "127.0.0.1"
port = {port}
security = "none"
connections = {connections}
{smtp}
[digests.papers]
topics = ["language models", "training", "vision"]
sources = ["sample"]
papers = 3
to = ["reader@example.org"]
from = "Papers <digest@papers.example.org>"
"""


def write(folder: Path, port: int, *, connections: int = 10, smtp: str = "", top: str = "") -> Path:
    """The configuration."""
    file = folder / "digest.toml"
    file.write_text(_TEXT.format(port=port, connections=connections, smtp=smtp, top=top))
    return file


def setup_of(file: Path, now: datetime = NOW) -> run.Setup:
    config = configs.load(file)
    return run.Setup(config=config, store=open_store(config.store, now), now=now)


def queue(setup: run.Setup, number: int, *, domains: int = 7) -> None:
    """One issue, and a delivery of it for so many readers."""
    run.fetch(setup, ["papers"])
    issue = run.build(setup, "papers", "2026-06-22T08:00").issue
    assert issue is not None
    assert issue.id == ISSUE
    with setup.store.write() as connection:
        edition = connection.execute(tables.deliveries.select()).one().edition
        connection.execute(delete(tables.deliveries))
        ids = [f"{n:016x}" for n in range(number)]
        people = [
            {
                "id": id,
                "address": address(n, domains),
                "mailbox": address(n, domains),
                "state": "active",
                "created_at": NOW,
            }
            for n, id in enumerate(ids)
        ]
        bonds = [
            {
                "id": f"f{n:015x}",
                "subscriber_id": id,
                "digest": "papers",
                "state": "confirmed",
                "evidence": "test",
                "confirmed_at": NOW,
            }
            for n, id in enumerate(ids)
        ]
        connection.execute(insert(tables.subscribers), people)
        connection.execute(insert(tables.subscriptions), bonds)
        rows = [
            Delivery(
                issue=ISSUE,
                subscriber=id,
                address="",
                edition=edition,
                message_id=plan.message_id(ISSUE, id, "papers.example.org"),
            )
            for id in ids
        ]
        ledger.enqueue(connection, rows, NOW)
        assert issues.load(connection, ISSUE)


def address(number: int, domains: int = 7) -> str:
    return f"reader.{number}@mail{number % domains}.example.org"


def states(setup: run.Setup) -> Counter[str]:
    with setup.store.read() as connection:
        return Counter(sending.counts(connection, ISSUE).get(ISSUE, {}))


def by_id(setup: run.Setup) -> dict[str, str]:
    """Message-ID → state."""
    with setup.store.read() as connection:
        return {row["message_id"]: row["state"] for row in sending.listed(connection, ISSUE)}
