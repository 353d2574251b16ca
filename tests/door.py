"""The web door over a real store: what a visitor's browser asks, and the mails that follow."""

from __future__ import annotations

import email
import email.policy
import re
import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
from starlette.testclient import TestClient

from digest import config, run
from digest.run import notifying, subscribing
from digest.store import Store, open_store
from digest.tokens import PATTERN
from digest.web import Desk, create_app

NOW = datetime(2026, 3, 3, 10, tzinfo=UTC)
SLOT = "2026-03-03T09:00"
ADA = "ada@example.org"
TABLES: dict[str, Any] = {
    "operator": {
        "name": "The <b>Sample</b> Group",
        "address": "1 Example Street, Sampleton",
        "contact": "papers@example.org",
    },
    "limits": {"per_network": 100_000, "per_domain": 100_000, "overall": 100_000},
    "digests": {
        "samples": {
            "title": "Samples & more",
            "topics": ["fine-tuning or small models", "retrieval or question answering"],
            "sources": ["sample"],
            "schedule": "weekdays at 08:00",
            "to": ["reader@example.org"],
        },
        "quiet": {"topics": ["beekeeping"], "sources": ["sample"]},
    },
}


def make(folder: Path) -> None:
    """A store with one issue of "samples", to be copied."""
    settings = config.make(TABLES, folder / config.FILE)
    store = open_store(settings.store, NOW)
    setup = run.Setup(config=settings, store=store, now=NOW - timedelta(hours=1))
    run.run(setup, {"samples": SLOT})
    store.close()


@dataclass
class Door:
    """The app with its store, clock and outbox."""

    folder: Path
    changes: dict[str, Any] = field(default_factory=dict)
    url: str = ""  #: of a store; else the copy of the sample's
    now: datetime = NOW

    def __post_init__(self) -> None:
        tables = {**TABLES, **({"store": self.url} if self.url else {}), **self.changes}
        self.config = config.make(tables, self.folder / config.FILE)
        self.store: Store = open_store(self.config.store, self.now)
        self.desk = Desk(self.config, self.store, lambda: self.now)
        self.app = create_app(self.desk)
        self.client = TestClient(
            self.app,
            follow_redirects=False,
            client=("192.0.2.7", 50000),
            base_url="http://door.test",
        )

    def close(self) -> None:
        """Give everything back."""
        self.client.close()
        self.store.close()

    def get(self, path: str, **more: Any) -> httpx.Response:
        """Open a page."""
        return self.client.get(path, **more)

    def post(self, path: str, **fields: str) -> httpx.Response:
        """Send a form."""
        return self.client.post(path, data=fields)

    def attend(self) -> None:
        """What the threads do."""
        run.attend(self.desk.setup())

    def answer(self) -> None:
        """The same without welcomes, which take a second."""
        subscribing.answer(self.desk.setup())
        notifying.post(self.desk.setup())

    def mails(self, to: str = ADA) -> list[EmailMessage]:
        """What lies in the outbox for an address."""
        return mails(self.folder / "outbox", to)

    def ask(self, address: str = ADA, digest: str = "samples") -> str:
        """Ask for a digest; returns the token of the confirmation."""
        assert self.post("/subscribe", address=address, digest=digest).status_code == 303
        self.answer()
        return token("confirm", self.mails(address)[-1])

    def subscribe(self, address: str = ADA, digest: str = "samples") -> str:
        """Subscribe; returns the token of the preferences."""
        answer = self.post(f"/confirm/{self.ask(address, digest)}")
        assert answer.status_code == 200
        return found("preferences", answer.text)

    def rows(self) -> dict[str, list[Any]]:
        """All that the store holds."""
        from digest.store.tables import metadata

        with self.store.read() as connection:
            return {
                table.name: [tuple(row) for row in connection.execute(table.select())]
                for table in metadata.sorted_tables
            }


def opened(sample: Path, folder: Path, **changes: Any) -> Door:
    """A door over a copy of the sample's store."""
    for file in sample.iterdir():
        if file.is_file():
            shutil.copy(file, folder / file.name)
    return Door(folder, changes)


def mails(outbox: Path, to: str) -> list[EmailMessage]:
    """What lies in an outbox for an address, oldest first."""
    files = sorted(outbox.glob(f"*/*/{to}-*.eml"), key=lambda file: file.stat().st_mtime_ns)
    policy = email.policy.default
    read = [email.message_from_bytes(file.read_bytes(), policy=policy) for file in files]
    return [mail for mail in read if isinstance(mail, EmailMessage)]


def words(mail: EmailMessage) -> str:
    """The text of a mail."""
    part = mail.get_body(("plain",))
    assert isinstance(part, EmailMessage)
    return str(part.get_content())


def token(page: str, mail: EmailMessage) -> str:
    """The token of a link in a mail."""
    return found(page, words(mail))


def found(page: str, text: str) -> str:
    """The token of a link in a text."""
    link = re.search(rf"/{page}/({PATTERN})", text)
    assert link, text
    return link[1]
