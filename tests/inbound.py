"""Mails that people write to us, and an installation that gets them."""

from __future__ import annotations

import email
import email.policy
import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from digest import config, run
from digest.run.receiving import receive
from digest.run.setup import Setup
from digest.store import Store, arrivals, open_store, people
from digest.tokens import PATTERN
from digest.types import Subscription

NOW = datetime(2026, 6, 22, 6, 0, tzinfo=UTC)
OURS = "digest@papers.example.org"
ADA = "ada@example.org"

_numbers = itertools.count()


def raw(
    body: str = "",
    subject: str = "Hello",
    *,
    sender: str = f"Ada <{ADA}>",
    to: str = OURS,
    **headers: str,
) -> bytes:
    """A mail as a person's program sends it; `X_Y="z"` is a header "X-Y: z"."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    head = {
        "From": sender,
        "To": to,
        "Subject": subject,
        "Message-ID": f"<{next(_numbers)}@client.example>",
        "Content-Type": "text/plain; charset=utf-8",
        **given,
    }
    lines = [f"{name}: {value}" for name, value in head.items() if value]
    return "\r\n".join([*lines, "", *body.splitlines(), ""]).encode()


class Home:
    """An installation with its store and outbox; `at` is its clock."""

    def __init__(self, folder: Path, url: str = "", *, ours: str = OURS, **tables: Any) -> None:
        digests = {"my-papers": {"topics": ["retrieval"], "sources": ["sample"]}}
        given = {
            "digests": digests,
            "inbox": {"address": ours},
            "operator": {"contact": f"people@{ours.partition('@')[2]}"},
            **tables,
        }
        made = config.make(given, folder / "digest.toml")
        self.folder = folder
        self.store: Store = open_store(url or made.store, NOW)
        self.at = NOW
        ids = itertools.count(1)
        # The same run gives the same bytes.
        self._setup = Setup(
            config=made, store=self.store, now=NOW, new_id=lambda: f"{next(ids):016x}"
        )
        self._seen: set[Path] = set()

    @property
    def setup(self) -> Setup:
        return replace(self._setup, now=self.at)

    def gets(self, content: bytes, **envelope: Any) -> str:
        """A mail comes in; what became of it."""
        outcome = receive(self.setup, content, **envelope)
        run.attend(self.setup)
        return outcome

    def passes(self, **time: float) -> None:
        self.at += timedelta(**time)

    def new_mails(self) -> list[EmailMessage]:
        """What was sent since we last looked, oldest first."""
        files = set(self.folder.glob("outbox/*/*/*.eml")) - self._seen
        self._seen |= files
        order = sorted(files, key=lambda file: (file.stat().st_mtime_ns, file.name))
        return [parsed(file.read_bytes()) for file in order]

    def only_mail(self) -> EmailMessage:
        (found,) = self.new_mails()
        return found

    def subscription(self, address: str = ADA, digest: str = "my-papers") -> Subscription | None:
        with self.store.read() as connection:
            return people.find(connection, address, digest)

    def state(self, address: str = ADA, digest: str = "my-papers") -> str:
        found = self.subscription(address, digest)
        return str(found.state) if found else ""

    def outcomes(self) -> dict[str, int]:
        with self.store.read() as connection:
            return arrivals.outcomes(connection)

    def kept(self, outcome: str) -> list[bytes]:
        with self.store.read() as connection:
            return arrivals.kept(connection, outcome)

    def subscribed(self, address: str = ADA, digest: str = "my-papers") -> str:
        """Somebody subscribes and confirms; the address that her answers go to."""
        sender = f"Somebody <{address}>"
        self.gets(raw(f"subscribe {digest}", sender=sender))
        self.gets(raw("yes", sender=sender, to=reply_to(self.only_mail())))
        return reply_to(self.only_mail())


def parsed(content: bytes) -> EmailMessage:
    found = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    return found


def words(mail: EmailMessage) -> str:
    """The plain text of a mail of ours, in one line."""
    part = mail.get_body(("plain",))
    assert part is not None
    return " ".join(part.get_content().split())


def reply_to(mail: EmailMessage) -> str:
    return str(mail["Reply-To"])


def token_in(address: str) -> str:
    found = re.search(rf"\+({PATTERN})@", address)
    assert found
    return found[1]


def homes(folder: Path, **tables: Any) -> Iterator[Home]:
    """For a fixture: an installation that is closed again."""
    made = Home(folder, **tables)
    yield made
    made.store.close()
