"""A digest with subscribers: its store, its outbox, and what people do with its mails."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from itertools import count
from pathlib import Path
from typing import Any

from build import DAY, NOW, paper

from digest import config, run
from digest.run import notifying, subscribing
from digest.store import open_store, people
from digest.store import papers as paper_rows
from digest.types import Listing, Paper, Preferences, Subscription

ADA, BEN, CY = (f"{name}@example.org" for name in ("ada", "ben", "cy"))


def listed(title: str, number: int, day: Any = DAY) -> Paper:
    """A paper that the digest's source lists on a day."""
    return paper(
        title,
        number=f"2606.{number:05d}",
        abstract=f"We study {title}. It is small.",
        listings=(Listing(source="lab", announce=None, listed_on=day),),
    )


class Desk:
    """Two digests of one operator."""

    def __init__(self, folder: Path, store: str = "", **tables: Any) -> None:
        self.folder = folder
        self.tables: dict[str, Any] = {
            "base_url": "https://papers.example.org",
            "summarizer": "lead",
            "operator": {"name": "The Group", "contact": "papers@example.org"},
            "sources": {"lab": {"kind": "feed", "url": "https://lab.example.org/feed.xml"}},
            "digests": {
                "d": {"topics": ['"sparse"'], "sources": ["lab"]},
                "e": {"topics": ['"dense"'], "sources": ["lab"]},
            },
        }
        self.tables |= {"store": store} if store else {}
        self.ids = (f"{n:016x}" for n in count(1))
        self.now = NOW
        self.setup = self.at(**tables)

    def at(self, hours: float = 0, **tables: Any) -> run.Setup:
        """Let time go by, or change the configuration."""
        self.tables |= tables
        self.now += timedelta(hours=hours)
        settings = config.make(self.tables, self.folder / "digest.toml")
        old = getattr(self, "setup", None)
        store = old.store if old else open_store(settings.store, self.now)
        self.setup = run.Setup(config=settings, store=store, now=self.now, new_id=self.ids.__next__)
        return self.setup

    # --- what people do --------------------------------------------------------------------------

    def ask(self, address: str = ADA, digest: str = "d", **more: Any) -> dict[str, int]:
        """Somebody fills in the form; returns what was decided."""
        subscribing.ask(self.setup, address, digest, "page", **more)
        found = subscribing.answer(self.setup)
        notifying.post(self.setup)
        return found

    def confirm(self, address: str = ADA, digest: str = "d") -> Subscription:
        """She opens the newest confirmation, and says yes."""
        return subscribing.confirm(self.setup, self.token("confirm", address, digest))

    def join(self, address: str = ADA, digest: str = "d", **wanted: Any) -> Subscription:
        """All of it."""
        self.ask(address, digest, preferences=Preferences(**wanted))
        return self.confirm(address, digest)

    def has(self, address: str = ADA, digest: str = "d") -> Subscription | None:
        """What she has."""
        with self.setup.store.read() as connection:
            return people.find(connection, address, digest)

    # --- mails -----------------------------------------------------------------------------------

    def mails(self, address: str = "", kind: str = "*") -> list[EmailMessage]:
        """All mails, to an address, that are notices (`notices`) or issues; oldest first."""
        files = sorted(
            self.folder.glob("outbox/*/*/*.eml"), key=lambda file: file.stat().st_mtime_ns
        )
        if kind != "*":
            files = [one for one in files if (one.parent.name == "notices") == (kind == "notices")]
        read = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]
        mine = [one for one in read if not address or one["To"].lower() == address.lower()]
        return [one for one in mine if isinstance(one, EmailMessage)]

    def subjects(self, address: str = "") -> list[str]:
        """What they are about."""
        return [str(one["Subject"]) for one in self.mails(address)]

    def token(self, page: str, address: str = ADA, digest: str = "") -> str:
        """The token of a page's link, from the newest mail that has one."""
        for one in reversed(self.mails(address)):
            title = self.setup.config.title(digest) if digest else ""
            found = re.search(rf"/{page}/([a-z2-7]{{40}})", body(one))
            if found and title in str(one["Subject"]):
                return found[1]
        raise AssertionError(f"no mail to {address} leads to {page}")

    # --- issues ----------------------------------------------------------------------------------

    def keep(self, *some: Paper) -> None:
        """Papers come in."""
        with self.setup.store.write() as connection:
            paper_rows.save(connection, some, [], self.now)

    def build(self, digest: str = "d") -> run.building.Built:
        """The issue of now, queued and sent."""
        built = run.build(self.setup, digest, f"{self.now:%Y-%m-%dT%H:%M}")
        run.send(self.setup, [built.issue] if built.issue else [])
        return built


def body(message: EmailMessage, kind: str = "plain") -> str:
    """The words of a mail."""
    part = message.get_body((kind,))
    assert part is not None
    words: str = part.get_content()
    return words


def dates(mails: Sequence[EmailMessage]) -> list[datetime]:
    """When they were made."""
    return [one["Date"].datetime for one in mails]
