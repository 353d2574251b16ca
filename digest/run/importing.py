"""Many subscribers at once, from a file: who is confirmed, asked, kept as gone, or refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice

from digest import consent
from digest.run import subscribing
from digest.run.setup import Setup
from digest.run.sheet import Row
from digest.store import Connection, asks, people
from digest.store.ledger import BY_OPERATOR
from digest.types import (
    Evidence,
    Person,
    Preferences,
    SubscriberState,
    Subscription,
    SubscriptionState,
    Suppression,
)

#: Rows in one transaction: more of them hold up other writers, fewer cost an fsync each.
_BATCH = 1000
#: Asks in one; each takes a few milliseconds.
_ASKS = 50
_UNCONFIRMED, _CONFIRMED = SubscriptionState.UNCONFIRMED, SubscriptionState.CONFIRMED
_UNSUBSCRIBED = SubscriptionState.UNSUBSCRIBED
#: Why somebody was not asked, in words for the operator.
NOT_ASKED = {
    "asked within the day": "it was asked within the day, and has not answered",
    "unanswered before": "three mails to it were never answered",
    "limit of the domain": "its domain got its mails of this hour ([limits] per_domain);"
    " the same again asks it in an hour",
    "limit of all": "the mails of this hour are used up ([limits] overall);"
    " the same again asks it in an hour",
}
_BY_IMPORT = Evidence(form="import")


class Done(StrEnum):
    """What became of a row."""

    CONFIRMED = "confirmed"
    ASKED = "asked"  #: a confirmation is on its way
    UNSUBSCRIBED = "unsubscribed"  #: kept as somebody who left
    ALREADY = "already"  #: nothing was to be done
    NOT_ASKED = "not asked"  #: because of a limit; it may work later
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A row, what was done about it, and why."""

    line: int
    address: str
    digest: str
    done: Done
    why: str = ""


def import_rows(
    setup: Setup, rows: Iterable[Row], *, is_rehearsal: bool = False
) -> Iterator[Outcome]:
    """Do what the rows say, in their order; a rehearsal leaves nothing behind.

    Doing it twice is the same as once, and nobody who unsubscribed comes back by it.
    """
    limits = _Limits()
    rest = iter(rows)
    while batch := list(islice(rest, _BATCH)):
        yield from _Batch(setup, batch, limits, is_rehearsal).outcomes()


# --- deciding ------------------------------------------------------------------------------------


def decide(row: Row, person: Person | None) -> tuple[Done, str]:
    """What is to be done about a row without a fault, by what is known of the person."""
    has = _of(person, row.digest)
    if row.state is _UNSUBSCRIBED:
        if has and has.state is _UNSUBSCRIBED:
            return Done.ALREADY, "unsubscribed already"
        return Done.UNSUBSCRIBED, ""
    if why := _gone(person, has):
        return Done.REFUSED, f"{why}; she can come back by herself"
    if has and has.state is _CONFIRMED:
        return Done.ALREADY, "subscribed already"
    if row.state is _CONFIRMED:
        return Done.CONFIRMED, ""
    if has and has.state is _UNCONFIRMED:
        return Done.ALREADY, "asked already; has not confirmed yet"
    return Done.ASKED, ""


def _gone(person: Person | None, has: Subscription | None) -> str:
    """Whether somebody left by herself: in words, with the day."""
    if has and has.state is _UNSUBSCRIBED and has.evidence != BY_OPERATOR:
        return "unsubscribed" + (f" on {has.ended_at:%Y-%m-%d}" if has.ended_at else "")
    if has or person is None or person.state is not SubscriberState.LEFT:
        return ""
    # Who left one digest elsewhere, says a file, may be confirmed in another by the same file.
    by_herself = any(one.evidence != _left_by(_BY_IMPORT) for one in person.subscriptions)
    return "left all digests" if by_herself else ""


def _left_by(evidence: Evidence) -> str:
    return f"unsubscribed by {evidence.form}"


def _of(person: Person | None, digest: str) -> Subscription | None:
    mine = person.subscriptions if person else ()
    return next((one for one in mine if one.digest == digest), None)


def _after(person: Person | None, row: Row) -> Person:
    """The person as she will be."""
    changed = Subscription(
        id="",
        subscriber=person.id if person else "",
        address=row.address,
        digest=row.digest,
        state=row.state,
        preferences=row.preferences,
        since=None,
        evidence=_left_by(_BY_IMPORT),
    )
    others = [one for one in person.subscriptions if one.digest != row.digest] if person else []
    mine = (*others, changed)
    if any(one.state is _CONFIRMED for one in mine):
        state = SubscriberState.ACTIVE
    elif row.state is _UNSUBSCRIBED or person is None:
        state = SubscriberState.LEFT
    else:
        state = person.state
    address = person.address if person else row.address
    return Person(id=changed.subscriber, address=address, state=state, subscriptions=mine)


# --- doing ---------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Limits:
    """What earlier rows of an import found out for later ones."""

    domains: set[str] = field(default_factory=set)
    overall: bool = False
    #: Who came in an earlier batch of a rehearsal, which leaves no trace in the store.
    rehearsed: set[int] = field(default_factory=set)

    def reached(self, address: str) -> str:
        """Why an address need not even be tried."""
        if self.overall:
            return "limit of all"
        return "limit of the domain" if consent.domain(address) in self.domains else ""

    def note(self, address: str, outcome: str) -> None:
        """Keep what an outcome tells."""
        self.overall |= outcome == "limit of all"
        if outcome == "limit of the domain":
            self.domains.add(consent.domain(address))


class _Batch:
    """Some rows, decided together and written at once."""

    def __init__(self, setup: Setup, rows: list[Row], limits: _Limits, is_rehearsal: bool) -> None:
        self.setup, self.rows, self.limits = setup, rows, limits
        self.is_rehearsal = is_rehearsal
        self.open = setup.store.rehearse if is_rehearsal else setup.store.write
        self.before: dict[str, Person] = {}  #: by mailbox
        self.after: dict[str, Person] = {}  #: the same as they will be, with who is new
        self.suppressed: dict[str, Suppression] = {}  #: by address
        self.changes: dict[tuple[str, str], Row] = {}  #: by mailbox and digest; the last one counts
        self.found: list[tuple[Done, str]] = []

    def outcomes(self) -> Iterator[Outcome]:
        """Decide, write, ask, and tell."""
        good = [row.address for row in self.rows if not row.fault]
        with self.setup.store.exclusive("answer"):
            with self.open() as connection:
                self.before = people.known(connection, good)
                self.after = dict(self.before)
                self.suppressed = self._suppressed(connection, good)
                self.found = [self._decide(row) for row in self.rows]
                self._write(connection)
            self._ask_all()
        if self.is_rehearsal:
            self.limits.rehearsed |= {hash(key) for key in self.changes}
        for row, (done, why) in zip(self.rows, self.found, strict=True):
            yield Outcome(line=row.line, address=row.address, digest=row.digest, done=done, why=why)

    def _suppressed(self, connection: Connection, addresses: list[str]) -> dict[str, Suppression]:
        if not asks.has_suppressions(connection):
            return {}
        marks = {one: subscribing.fingerprint(self.setup, one) for one in addresses}
        found = asks.suppressed(connection, list(dict.fromkeys(marks.values())))
        return {one: found[mark] for one, mark in marks.items() if mark in found}

    def _decide(self, row: Row) -> tuple[Done, str]:
        if row.fault:
            return Done.REFUSED, row.fault
        if reason := self.suppressed.get(row.address):
            remedy = f"`digest subscribers allow {row.address}` lifts that"
            return Done.REFUSED, f"must not be written to ({reason}); {remedy}"
        key = (consent.mailbox(row.address), row.digest)
        if hash(key) in self.limits.rehearsed:
            return Done.ALREADY, "named before in this file"
        person = self.after.get(key[0])
        done, why = decide(row, person)
        if done not in (Done.REFUSED, Done.ALREADY):
            self.after[key[0]] = _after(person, row)
            self.changes[key] = row
        return done, why

    def _write(self, connection: Connection) -> None:
        """Everything but the asks."""
        setup = self.setup
        settled = {key: row for key, row in self.changes.items() if row.state is not _UNCONFIRMED}
        new = {box: self.after[box] for box, _ in settled if box not in self.before}
        states = {person.address: person.state for person in new.values()}
        ids = {box: person.id for box, person in self.before.items()}
        ids |= people.add_all(connection, states, setup.now, setup.new_id)
        rows: list[dict[str, object]] = []
        notes: list[tuple[str, str, str, Evidence]] = []
        for (box, digest), row in settled.items():
            has = _of(self.before.get(box), digest)
            if has and row.state is _UNSUBSCRIBED:
                subscribing.leave_one(setup, connection, has, _BY_IMPORT)
                continue
            if has:
                self._confirm(connection, has, row)
            else:
                rows.append(self._row(ids[box], row))
            said = Evidence(form="import", text=row.evidence)
            notes.append((ids[box], digest, row.state.value, said))
        people.save_new(connection, rows)
        people.note(connection, notes, setup.now, setup.new_id)
        active = SubscriberState.ACTIVE
        awake = [
            one.id
            for box, one in self.before.items()
            if one.state is not active and self.after[box].state is active
        ]
        people.set_states(connection, awake, active)

    def _row(self, subscriber: str, row: Row) -> dict[str, object]:
        is_confirmed = row.state is _CONFIRMED
        return people.row(
            id=self.setup.new_id(),
            subscriber=subscriber,
            digest=row.digest,
            state=row.state,
            # Her words are kept with the consents: here they might be those of another mark.
            evidence="imported" if is_confirmed else _left_by(_BY_IMPORT),
            preferences=row.preferences,
            confirmed_at=self.setup.now if is_confirmed else None,
            ended_at=None if is_confirmed else self.setup.now,
        )

    def _confirm(self, connection: Connection, has: Subscription, row: Row) -> None:
        before = (_UNCONFIRMED, _UNSUBSCRIBED)
        now = self.setup.now
        people.change_state(connection, has.id, before, _CONFIRMED, now, evidence="imported")
        if row.preferences != Preferences():
            people.prefer(connection, has.id, row.preferences)

    def _ask_all(self) -> None:
        waiting = iter([place for place, (done, _) in enumerate(self.found) if done is Done.ASKED])
        while some := list(islice(waiting, _ASKS)):
            with self.open() as connection:
                for place in some:
                    self.found[place] = self._ask(connection, self.rows[place])

    def _ask(self, connection: Connection, row: Row) -> tuple[Done, str]:
        if self.changes[consent.mailbox(row.address), row.digest] is not row:
            return Done.ALREADY, "named again in this file, with another state"
        why = self.limits.reached(row.address)
        if not why:
            why = subscribing.ask_for(
                self.setup,
                connection,
                row.address,
                row.digest,
                "import",
                text=row.evidence,
                preferences=row.preferences,
            )
            self.limits.note(row.address, why)
        return (Done.ASKED, "") if why == "confirm" else (Done.NOT_ASKED, NOT_ASKED.get(why, why))
