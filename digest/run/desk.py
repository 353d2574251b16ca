"""Deliveries → mails."""

from __future__ import annotations

from collections.abc import Sequence

from digest import mail as letters
from digest import render
from digest.errors import Permanent
from digest.run import links
from digest.run.editions import templates
from digest.run.setup import Setup
from digest.store import issues
from digest.types import Delivery, Edition, Mail


class Desk:
    """Mails from deliveries. They come edition by edition, so the last one made is kept."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.environment = templates(setup.config)
        self.edition = ""
        self.letter: letters.Letter | None = None

    async def mail(self, delivery: Delivery) -> Mail:
        """A delivery's mail."""
        if self.letter is None or delivery.edition != self.edition:
            with self.setup.store.read() as connection:
                edition = issues.load_edition(connection, delivery.edition)
            self.letter = self._prepare(edition)
            self.edition = delivery.edition
        since = delivery.queued_at or self.letter.made_at
        mine = links.of_reader(self.setup, delivery.subscription, since)
        return letters.address(self.letter, delivery, mine)

    def _prepare(self, edition: Edition) -> letters.Letter:
        name = edition.issue.digest
        if name not in self.setup.config.digests:
            raise Permanent(f"digest {name!r} is no longer in the configuration")
        masthead = links.masthead(self.setup, name)
        items = [*edition.shown, *edition.more]
        fragments = render.render_items(items, masthead, self.environment)
        rendered = render.render(edition, masthead, self.environment, fragments)
        return letters.prepare(
            rendered,
            masthead,
            edition.issue.made_at,
            edition.format,
            placeholders=list(links.placeholders(self.setup).values()),
        )

    def load(self, deliveries: Sequence[Delivery]) -> None:
        """Make ready what these deliveries need."""
