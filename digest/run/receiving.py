"""receive(): a mail that came in is read, done, and noted, once."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from digest import arrivals, commands, consent, tokens
from digest.arrivals import Arrival
from digest.commands import Command, Verb
from digest.errors import BadAddress, BadLink, Misuse
from digest.run import replying, returning, subscribing
from digest.run.replying import Reply, Voice
from digest.run.setup import Setup
from digest.store import Connection, people
from digest.store import arrivals as kept
from digest.tokens import Purpose
from digest.types import Preferences, Subscription, SubscriptionState

log = logging.getLogger(__name__)

MAX_BYTES = arrivals.MAX_BYTES
_KEPT_BYTES = 64_000  #: of a mail that nobody could read
_MAX_KEPT = 1000  #: of such mails, for each outcome
#: A mail with one of these tokens in its address proves something.
_PURPOSES = (Purpose.UNSUBSCRIBE, Purpose.PREFERENCES, Purpose.CONFIRM, Purpose.ADDRESS)
#: What is kept as it came; of all else only what became of it.
_KEPT = ("unreadable", "unknown", "report", "large")


@dataclass(slots=True, kw_only=True)
class _Case:
    """A mail, what is proved by it, and what has become of it so far."""

    arrival: Arrival
    voice: Voice
    sender: str  #: empty: nobody who could be written to
    proof: tuple[Purpose, str, Subscription | None] | None  #: what for, the token, and whose
    outcome: str = "done"
    details: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    digest: str = ""  #: which the answer is about

    @property
    def mine(self) -> Subscription | None:
        """The subscription that she may change."""
        is_mine = self.proof and self.proof[0] is Purpose.PREFERENCES
        return self.proof[2] if self.proof and is_mine else None


def receive(
    setup: Setup,
    content: bytes,
    *,
    recipients: Sequence[str] = (),
    envelope_sender: str | None = None,
) -> str:
    """Deal with a mail; returns what became of it. The same mail again is dealt with no more."""
    arrival = arrivals.read(content, recipients, envelope_sender)
    # One after the other, so that two mails of one sender get one answer.
    with setup.store.exclusive("inbox"):
        with setup.store.read() as connection:
            if known := kept.outcome(connection, arrival.id):
                return known
        case = _case(setup, arrival)
        _decide(setup, case, content, recipients)
        # What was done before this is the same when it is done again: nothing is lost or doubled
        # where we die in between.
        with setup.store.write() as connection:
            _note(setup, connection, case, content)
            if case.lines:
                replying.reply(setup, connection, _reply(case))
    # Who wrote it, and what a report says of whom, is in the store alone.
    log.info("mail came in: %s", case.outcome, extra={"outcome": case.outcome})
    return case.outcome


def _case(setup: Setup, arrival: Arrival) -> _Case:
    try:
        sender = consent.address(arrival.sender) if arrival.sender else ""
    except BadAddress:
        sender = ""
    return _Case(arrival=arrival, voice=Voice(setup), sender=sender, proof=_proof(setup, arrival))


def _proof(setup: Setup, arrival: Arrival) -> tuple[Purpose, str, Subscription | None] | None:
    for token in arrival.tokens:
        for purpose in _PURPOSES:
            try:
                id = tokens.read(setup.keys, token, purpose, setup.now)
            except BadLink:
                continue
            with setup.store.read() as connection:
                return purpose, token, people.subscription(connection, id)
    return None


def _note(setup: Setup, connection: Connection, case: _Case, content: bytes) -> None:
    is_kept = case.outcome in _KEPT and kept.count_kept(connection, case.outcome) < _MAX_KEPT
    if case.arrival.is_large:
        content = arrivals.headers(content)
    kept.add(
        connection,
        case.arrival.id,
        setup.now,
        mailbox=consent.mailbox(case.sender),
        outcome=case.outcome,
        detail=", ".join(case.details),
        content=content[:_KEPT_BYTES] if is_kept else None,
    )


def _reply(case: _Case) -> Reply:
    """To the address that something is proved of; else to who says she wrote."""
    whose = case.proof[2] if case.proof else None
    return Reply(
        to=whose.address if whose else case.sender,
        digest=case.digest or (whose.digest if whose else ""),
        about=whose.id if case.mine and whose else "",
        lines=tuple(case.lines),
        in_reply_to=case.arrival.message_id,
    )


# --- what is done --------------------------------------------------------------------------------


def _decide(setup: Setup, case: _Case, content: bytes, recipients: Sequence[str]) -> None:
    arrival = case.arrival
    if arrival.report or arrival.automatic:
        found = returning.returned(setup, content, arrival, recipients)
        # A server's name on a mail makes no report of it: postmasters subscribe and leave, too.
        if arrival.report or (found and found[0] != "report"):
            case.outcome, detail = found or ("report", arrival.report)
            case.details.append(detail)
            return
    if not arrival.is_readable:
        case.outcome = "unreadable"
    elif case.proof and case.proof[0] is Purpose.UNSUBSCRIBE:
        # Mail programs send these, so they may well be automatic.
        _leave_by_token(setup, case, Purpose.UNSUBSCRIBE, is_told=not arrival.automatic)
    elif arrival.automatic or (case.sender and replying.is_ours(setup, case.sender)):
        case.outcome = "automatic"
        case.details.append(arrival.automatic or "our own address")
    elif not case.sender and not case.proof:
        case.outcome = "unreadable"
        case.details.append("no sender")
    elif _is_confirmation(case) and commands.is_yes(arrival.lines):
        _confirm(setup, case)
    else:
        _obey(setup, case)


def _is_confirmation(case: _Case) -> bool:
    return case.proof is not None and case.proof[0] in (Purpose.CONFIRM, Purpose.ADDRESS)


def _confirm(setup: Setup, case: _Case) -> None:
    assert case.proof is not None
    purpose, token, _ = case.proof
    try:
        if purpose is Purpose.ADDRESS:
            subscribing.move(setup, token, form="mail")
        else:
            message_id = case.arrival.message_id
            subscribing.confirm(setup, token, form="mail", message_id=message_id)
        case.outcome = "confirmed"
    except BadLink:
        _refuse(case, "confirm", "expired")


def _refuse(case: _Case, what: str, key: str, digest: str = "") -> None:
    case.outcome = "refused"
    case.details.append(f"{what}: {key}")
    case.lines.append(case.voice.said(key, digest))


def _obey(setup: Setup, case: _Case) -> None:
    digests = {name: setup.config.title(name) for name in setup.config.digests}
    zone = "UTC"
    if case.mine and case.mine.digest in digests:
        own = case.mine.preferences.timezone
        zone = own or setup.config.digests[case.mine.digest].timezone
    today = setup.now.astimezone(ZoneInfo(zone)).date()
    found = commands.read(case.arrival.subject, case.arrival.lines, digests, today)
    if not found:
        _no_command(case)
    for command in found:
        _DO[command.verb](setup, case, command)


def _no_command(case: _Case) -> None:
    case.outcome = "large" if case.arrival.is_large else "unknown"
    if _is_confirmation(case):
        case.lines.append(case.voice.said("say-yes"))
    elif case.arrival.tokens and not case.proof:
        case.lines.append(case.voice.said("expired"))
    else:
        case.lines += [case.voice.said("unknown"), *case.voice.instructions()]


def _help(setup: Setup, case: _Case, command: Command) -> None:
    case.details.append("help")
    case.lines += case.voice.instructions()


def _subscribe(setup: Setup, case: _Case, command: Command) -> None:
    if not command.digest:
        _refuse(case, "subscribe", "unknown-name" if command.is_unknown else "no-name")
        case.lines += case.voice.names()
    elif not case.sender:
        _refuse(case, "subscribe", "unproved")
    else:
        message_id = case.arrival.message_id
        subscribing.ask(setup, case.sender, command.digest, "mail", message_id=message_id)
        case.details.append(f"subscribe {command.digest}")


def _unsubscribe(setup: Setup, case: _Case, command: Command) -> None:
    mine, message_id = case.mine, case.arrival.message_id
    if command.is_unknown:
        _refuse(case, "unsubscribe", "unknown-name")
        case.lines += case.voice.names()
        return
    if mine and command.digest in ("", mine.digest):
        _leave_by_token(setup, case, Purpose.PREFERENCES, is_told=True)
        return
    whose = case.proof[2] if case.proof else None
    address = whose.address if whose else case.sender
    left = subscribing.unsubscribe_address(
        setup, address, command.digest, form="mail", message_id=message_id
    )
    case.details.append(f"unsubscribe {command.digest}".strip())
    case.digest = command.digest
    key = "not-subscribed" if not left else "unsubscribed" if command.digest else "left"
    case.lines.append(case.voice.said(key, command.digest))


def _leave_by_token(setup: Setup, case: _Case, purpose: Purpose, *, is_told: bool) -> None:
    assert case.proof is not None
    _, token, has = case.proof
    case.details.append("unsubscribe")
    if has is None:  # erased since
        return
    subscribing.unsubscribe(
        setup, token, purpose=purpose, form="mail", message_id=case.arrival.message_id
    )
    case.details[-1] = f"unsubscribe {has.digest}"
    if is_told:
        case.digest = has.digest
        case.lines.append(case.voice.said("unsubscribed", has.digest))


def _prefer(setup: Setup, case: _Case, command: Command) -> None:
    has = case.mine
    if has is None:
        _prove_first(setup, case, command)
        return
    if has.state is not SubscriptionState.CONFIRMED:
        _refuse(case, command.verb, "not-subscribed", has.digest)
        return
    if command.verb is Verb.PAUSE and command.until is None:
        _refuse(case, command.verb, "pause-bad", has.digest)
        return

    def changed(before: Preferences) -> Preferences:
        # By way of plain words, which says what is too long or too many.
        return consent.preferences(consent.words(commands.apply(command, before)))

    assert case.proof is not None
    try:
        now = subscribing.prefer_by_mail(setup, case.proof[1], changed)
    except Misuse:
        _refuse(case, command.verb, "topics-bad", has.digest)
        return
    case.details.append(str(command.verb))
    case.lines.append(_changed(case, command, now))


def _changed(case: _Case, command: Command, now: Subscription) -> str:
    has = now.preferences
    if command.verb is Verb.TOPICS:
        key = "topics" if has.topics else "topics-default"
        return case.voice.said(key, now.digest, count=str(len(has.topics)))
    if command.verb is Verb.FREQUENCY:
        day = case.voice.said(_DAYS[consent.WEEKDAYS.index(has.weekday)])
        return case.voice.said(str(has.frequency), now.digest, weekday=day)
    if has.paused_until:
        return case.voice.said("paused", now.digest, date=has.paused_until.isoformat())
    return case.voice.said("resumed", now.digest)


def _prove_first(setup: Setup, case: _Case, command: Command) -> None:
    """She gets a link; an answer to that one proves that she is who she says."""
    if case.arrival.tokens and not case.proof:
        _refuse(case, command.verb, "expired")
    if not case.sender:
        case.outcome = "refused"
        return
    with setup.store.read() as connection:
        subscriber = people.id_of(connection, case.sender)
        has = people.of_subscriber(connection, subscriber) if subscriber else []
    sent = [one for one in has if one.state is SubscriptionState.CONFIRMED]
    for one in sent:
        if one.digest in setup.config.digests:
            subscribing.ask(setup, case.sender, one.digest, "mail", wants_link=True)
    _refuse(case, command.verb, "link-sent" if sent else "unproved")


_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DO = {
    Verb.HELP: _help,
    Verb.SUBSCRIBE: _subscribe,
    Verb.UNSUBSCRIBE: _unsubscribe,
    Verb.TOPICS: _prefer,
    Verb.FREQUENCY: _prefer,
    Verb.PAUSE: _prefer,
    Verb.RESUME: _prefer,
}
