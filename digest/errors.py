"""Every error of the project, classed by what the caller should do. Imports nothing.

    DigestError
    |-- Temporary   try the same thing again later
    |-- Permanent   the same thing will fail again: record it, go on with the rest
    |-- InDoubt, Withdrawn   what became of a mail that neither went nor failed
    `-- Misuse      the operator's mistake: stop before any work

The shell catches Temporary and Permanent around one feed, paper or delivery, records it and goes
on. Anything else is a bug and travels up.
"""


class DigestError(Exception):
    """Something went wrong that has a name."""


class Temporary(DigestError):
    """The same thing may work later."""

    wait_s: float | None = None  #: how long whoever refused asked us to wait


class Permanent(DigestError):
    """The same thing will fail again."""


class Misuse(DigestError):
    """The operator asked for something that cannot be done."""


class SourceDown(Temporary):
    """The service did not answer, or not with what it should."""


class SourceBlocked(Temporary):
    """The service told us to stay away for a while."""


class NotAFeed(SourceDown):
    """The service answered with something that is not the feed, or not the whole of it."""


class AddressRefused(Permanent):
    """The host's address is not a public one and the operator has not listed it."""


class TooLarge(Permanent):
    """More bytes than we are willing to take."""


class MailTooLarge(Permanent):
    """The mail would be clipped by the readers' mail programs."""


class Refused(Permanent):
    """A mail server will not take the mail."""

    def __init__(self, words: str, *, is_dead: bool = False, is_policy: bool = False) -> None:
        super().__init__(words)
        self.is_dead = is_dead  #: there is no such mailbox
        self.is_policy = is_policy  #: it is us, or what we write, that is not wanted


class NoServer(Temporary):
    """None of the mail servers takes any mail just now; this one is not to blame."""


class Interrupted(Temporary):
    """The line broke before the last byte went out: nothing was sent, the same mail may go now."""


class Withdrawn(DigestError):
    """While a mail was on its way somebody said that it must not go; it did not."""


class InDoubt(DigestError):
    """The last byte went out and no answer came: it may have arrived or not."""


class BadLink(Permanent):
    """The link does not allow what was asked for."""


class StoreBusy(Temporary):
    """The database is locked, full or gone."""


class TooMany(Temporary):
    """More was asked than we do in such a time."""


class BadAddress(Misuse):
    """The address is not one that we can write to."""


class BadTopic(Misuse):
    """The topic cannot be read."""


class BadSchedule(Misuse):
    """The schedule cannot be read."""


class BadConfig(Misuse):
    """The configuration cannot be used."""


class BadTemplate(Misuse):
    """A template cannot be rendered."""


class SchemaTooNew(Misuse):
    """The store was written by a newer version of this program."""
