"""Deliveries → mails, as many a second as a sender can take."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from digest import mail as letters
from digest import press
from digest.errors import Permanent
from digest.run import links
from digest.run.editions import templates
from digest.run.setup import Setup
from digest.run.signing import signer
from digest.store import issues
from digest.types import Delivery, Edition, Issue, Mail

_LETTERS = 32  #: kept; most mails are of one that many readers share
_PRESSES = 8  #: kept, one for each issue
_ISSUES = 16


class Desk:
    """Makes mails."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._environment = templates(setup.config)
        self._readers = links.Readers(setup)
        self._placeholders = list(links.placeholders(setup).values())
        self._letters: OrderedDict[str, letters.Letter] = OrderedDict()
        self._presses: OrderedDict[str, press.Press] = OrderedDict()
        self._issues: dict[str, Issue] = {}
        self._editions: dict[str, Edition] = {}

    def load(self, deliveries: Iterable[Delivery]) -> dict[str, Edition]:
        """The editions of some deliveries, by key, in a few queries however many they are."""
        keys = dict.fromkeys(one.edition for one in deliveries)
        missing = [key for key in keys if key not in self._editions]
        found = {key: self._editions[key] for key in keys if key in self._editions}
        if missing:
            if len(self._issues) > _ISSUES:
                self._issues.clear()
            with self._setup.store.read() as connection:
                found |= issues.load_editions(connection, missing, self._issues)
        self._editions = found
        return found

    def mail(self, delivery: Delivery, edition: Edition) -> Mail:
        """A delivery's mail.

        Raises: Permanent, Misuse
        """
        return self.unsealed(delivery, edition).seal()

    def unsealed(self, delivery: Delivery, edition: Edition) -> letters.Unsealed:
        """The same but for the signature, which any thread may make: `Unsealed.seal`.

        Raises: Permanent, Misuse
        """
        letter = self._letters.get(edition.key)
        if letter is None:
            letter = self._press(edition).letter(edition)
            _keep(self._letters, edition.key, letter, _LETTERS)
        else:
            self._letters.move_to_end(edition.key)
        since = delivery.queued_at or letter.made_at
        mine = self._readers.links(delivery.subscription, since, delivery.message_id)
        return letters.unsealed(letter, delivery, mine)

    def _press(self, edition: Edition) -> press.Press:
        issue = edition.issue
        if found := self._presses.get(issue.id):
            self._presses.move_to_end(issue.id)
            return found
        if issue.digest not in self._setup.config.digests:
            raise Permanent(f"digest {issue.digest!r} is no longer in the configuration")
        masthead = links.masthead(self._setup, issue.digest)
        made = press.Press(
            masthead,
            self._environment,
            issue.made_at,
            self._placeholders,
            signer(self._setup, masthead.sender),
        )
        _keep(self._presses, issue.id, made, _PRESSES)
        return made


def _keep(kept: OrderedDict[str, press.Kept], key: str, value: press.Kept, most: int) -> None:
    kept[key] = value
    if len(kept) > most:
        kept.popitem(last=False)
