"""Every error of the project, classed by what the caller should do. Imports nothing.

    DigestError
    |-- Temporary   try the same thing again later
    |-- Permanent   the same thing will fail again: record it, go on with the rest
    `-- Misuse      the operator's mistake: stop before any work

The shell catches Temporary and Permanent around one feed, paper or delivery, records it and goes
on. Anything else is a bug and travels up.
"""


class DigestError(Exception):
    """Something went wrong that has a name."""


class Temporary(DigestError):
    """The same thing may work later."""


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
