"""The rules of subscribing: what is answered to whom, and when a reader wants her mail. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, get_args
from zoneinfo import ZoneInfo

from digest.errors import BadAddress, Misuse
from digest.types import (
    Evidence,
    Format,
    Frequency,
    NoticeKind,
    Preferences,
    SignUp,
    SubscriptionState,
    Suppression,
    Weekday,
)

DAY, WEEK = timedelta(days=1), timedelta(days=7)
#: Mails in a day to spellings that may all lead to one mailbox.
MAX_ALIKE = 6
#: Confirmations without an answer that an address gets, over all digests.
MAX_UNANSWERED = 3
MAX_TOPICS, MAX_TOPIC_LENGTH = 20, 200
MAX_PAPERS = 100
MAX_STATEMENT = 2000
_LONGEST_WAIT = 63  #: days; from the first of a month to a weekday in the next
# Source: RFC 5321, 4.5.3.1.
MAX_ADDRESS, MAX_LOCAL_PART = 254, 64
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
# Line ends of every kind, the rest of C0 and C1, marks that turn the direction of what follows,
# what cannot be seen, and half a surrogate pair.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)


# --- addresses -----------------------------------------------------------------------------------


def address(text: str) -> str:
    """An address as we keep it: the domain in ASCII and small letters.

    Raises: BadAddress, with the reason in words for whoever typed it.
    """
    from email_validator import EmailNotValidError, validate_email

    typed = text.strip(" ")
    if len(typed) > MAX_ADDRESS:
        raise BadAddress("this is longer than an e-mail address can be")
    if _UNSEEN.search(typed):
        raise BadAddress("there is a character in this address that cannot be seen")
    try:
        found = validate_email(typed, check_deliverability=False, test_environment=True)
    except EmailNotValidError as why:
        raise BadAddress(f"this is not an e-mail address: {_ended(str(why))}") from why
    if found.ascii_email is None:
        raise BadAddress(
            "only letters of ASCII may stand before the @; few mail servers take others"
        )
    if len(found.ascii_email) > MAX_ADDRESS or len(found.local_part) > MAX_LOCAL_PART:
        raise BadAddress("this is longer than an e-mail address can be")
    return found.ascii_email


def _ended(words: str) -> str:
    return words[:1].lower() + words[1:].rstrip(".")


def mailbox(address: str) -> str:
    """What two spellings of one address have in common: no server tells capitals apart."""
    return address.lower()


def alike(address: str) -> str:
    """What spellings have in common that many servers take for one: dots, what is behind a plus.

    >>> alike("Ada.B+papers@example.org")
    'adab@example.org'
    """
    local, _, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0].replace('.', '')}@{domain}"


def domain(address: str) -> str:
    """What stands after the @."""
    return address.rpartition("@")[2].lower()


def network(client: str) -> str:
    """The network that an IP address counts as: /24, or /56 where the address is of version 6.

    >>> network("192.0.2.77"), network("2001:db8:1:2ff::7"), network("")
    ('192.0.2.0/24', '2001:db8:1:200::/56', '')
    """
    try:
        found = ip_address(client.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    bits = 24 if found.version == 4 else 56
    return str(ip_network(f"{found}/{bits}", strict=False))


# --- evidence ------------------------------------------------------------------------------------


def evidence(form: str, wording: str, **more: str) -> Evidence:
    """That somebody agreed to a wording on a form; the version tells one wording from the next."""
    version = sha256(f"{form}\n{wording}".encode()).hexdigest()[:8]
    return Evidence(form=form, wording=wording, version=version, **more)


def statement(text: str) -> str:
    """An operator's own words about how she knows that somebody agreed.

    Raises: Misuse
    """
    said = "\n".join(" ".join(line.split()) for line in text.strip().splitlines())
    if len(said) > MAX_STATEMENT:
        raise Misuse(f"evidence: at most {MAX_STATEMENT} letters")
    if _UNSEEN.search(said.replace("\n", "")):
        raise Misuse("evidence: there is a character in it that cannot be seen")
    return said


# --- what is answered ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known of an address when somebody asks in its name."""

    state: SubscriptionState | None = None  #: of the digest asked for
    suppressed: Suppression | None = None
    last_mail_at: datetime | None = (
        None  #: a confirmation or the like about this digest, unanswered
    )
    unanswered: int = 0  #: of such mails over all digests, since the last confirmation
    mails_to_domain: int = 0  #: within the hour
    mails_to_alike: int = 0  #: within the day
    mails: int = 0  #: within the hour, to anybody


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many mails strangers can make us send, in an hour."""

    per_domain: int = 500
    overall: int = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is done about an ask."""

    notice: NoticeKind | None = None  #: the kind of the notice to send
    why: str = ""  #: why none is, for the operator; never shown to who asked


def answer(ask: SignUp, standing: Standing, limits: Limits, now: datetime) -> Answer:
    """What an ask is answered with. Whoever asked is told the same in any case."""
    if standing.suppressed:
        return Answer(why=f"suppressed: {standing.suppressed}")
    is_confirmed = standing.state is SubscriptionState.CONFIRMED
    if ask.kind == "link" and not is_confirmed:
        return Answer(why="not subscribed")
    if standing.last_mail_at and now - standing.last_mail_at < DAY:
        return Answer(why="asked within the day")
    if standing.unanswered >= MAX_UNANSWERED:
        return Answer(why="unanswered before")
    if standing.mails_to_alike >= MAX_ALIKE:
        return Answer(why="limit of addresses alike")
    if standing.mails_to_domain >= limits.per_domain:
        return Answer(why="limit of the domain")
    if standing.mails >= limits.overall:
        return Answer(why="limit of all")
    if ask.kind == "link":
        return Answer(notice="link")
    return Answer(notice="already" if is_confirmed else "confirm")


# --- preferences ---------------------------------------------------------------------------------


def preferences(values: Mapping[str, Any]) -> Preferences:
    """Preferences from words as forms, mails and files give them; what is empty is the digest's.

    Keys are the fields of `Preferences`; unknown ones are refused. Topics are a list, or lines;
    whether they can be read as topics is for the matching to say.

    >>> preferences({"frequency": "weekly", "weekday": "fri", "papers": "5", "hour": ""}).papers
    5

    Raises: Misuse, naming the field.
    """
    if not values:
        return Preferences()
    fields = Preferences.__dataclass_fields__.keys()
    for key in values.keys() - fields:
        raise Misuse(f"{key!r} is no preference; there are {', '.join(fields)}")

    def said(key: str) -> str:
        value = values.get(key)
        return "" if value is None else str(value).strip()

    return Preferences(
        topics=_topics(values.get("topics") or ()),
        frequency=_one_of("frequency", said("frequency"), get_args(Frequency)),
        weekday=_one_of("weekday", said("weekday").lower()[:3], WEEKDAYS) or "mon",
        hour=_whole("hour", said("hour"), 0, 23),
        timezone=_zone(said("timezone")),
        format=_one_of("format", said("format"), get_args(Format)),
        papers=_whole("papers", said("papers"), 1, MAX_PAPERS),
        paused_until=_day(said("paused_until")),
    )


def words(preferences: Preferences) -> dict[str, Any]:
    """The same as plain values, for files and tables; only what is not the digest's own."""
    if preferences == Preferences():
        return {}
    found = asdict(preferences)
    found["topics"] = list(preferences.topics)
    found["paused_until"] = preferences.paused_until and preferences.paused_until.isoformat()
    if preferences.frequency != "weekly":
        del found["weekday"]
    return {key: value for key, value in found.items() if value not in (None, "", [])}


def _topics(said: Any) -> tuple[str, ...]:
    lines = said.splitlines() if isinstance(said, str) else list(said)
    topics = tuple(
        dict.fromkeys(" ".join(str(line).split()) for line in lines if str(line).strip())
    )
    if len(topics) > MAX_TOPICS:
        raise Misuse(f"topics: at most {MAX_TOPICS}")
    for topic in topics:
        if len(topic) > MAX_TOPIC_LENGTH or _UNSEEN.search(topic):
            raise Misuse(
                f"topics: each has at most {MAX_TOPIC_LENGTH} letters, all of them visible"
            )
    return topics


def _one_of(key: str, said: str, known: tuple[Any, ...]) -> Any:
    if said and said.lower() not in known:
        raise Misuse(f"{key}: {_short(said)} is not one of {', '.join(known)}")
    return said.lower() or None


def _whole(key: str, said: str, least: int, most: int) -> int | None:
    if not said:
        return None
    if not re.fullmatch(r"[0-9]{1,6}", said) or not least <= int(said) <= most:
        raise Misuse(f"{key}: {_short(said)} is not a whole number from {least} to {most}")
    return int(said)


def _zone(said: str) -> str:
    if not said:
        return ""
    try:
        ZoneInfo(said)
    except (KeyError, OSError, ValueError) as why:
        raise Misuse(
            f"timezone: {_short(said)} is not known; zones are named like 'Europe/Paris'"
        ) from why
    return said


def _day(said: str) -> date | None:
    if not said:
        return None
    try:
        return date.fromisoformat(said)
    except ValueError as why:
        raise Misuse(
            f"paused_until: {_short(said)} is not a day; days are written like 2026-06-22"
        ) from why


def _short(said: str) -> str:
    return repr(said if len(said) <= 40 else said[:39] + "…")


# --- when a reader wants her mail ----------------------------------------------------------------


def wants_now(preferences: Preferences, zone: str, last_at: datetime | None, now: datetime) -> bool:
    """May a mail go to this reader now? `zone` is the digest's, `last_at` her last mail.

    A welcome (`last_at` is None) goes at any hour. A week or month whose day went by without a
    mail is made up for on the next.
    """
    here = now.astimezone(ZoneInfo(preferences.timezone or zone))
    if preferences.paused_until and here.date() < preferences.paused_until:
        return False
    if last_at is None:
        return True
    if preferences.frequency == "weekdays" and here.weekday() > 4:
        return False
    if preferences.hour is not None and here.hour < preferences.hour:
        return False
    return last_at.astimezone(here.tzinfo).date() < _due_on(preferences, here.date())


def next_at(
    preferences: Preferences, zone: str, last_at: datetime, now: datetime
) -> datetime | None:
    """From when on a mail may go to this reader, in UTC; None: with whatever comes.

    A time that the clocks skip is the one they skip to; of two the first counts.
    """
    if not (preferences.frequency or preferences.hour is not None or preferences.paused_until):
        return None
    here = ZoneInfo(preferences.timezone or zone)
    today = max(now.astimezone(here).date(), preferences.paused_until or date.min)
    for days in range(_LONGEST_WAIT):
        moment = max(_first(today + days * DAY, preferences.hour or 0, here), now)
        if wants_now(preferences, zone, last_at, moment):
            return moment if moment > now else None
    return now + DAY


def _first(day: date, hour: int, here: ZoneInfo) -> datetime:
    """When the clocks of a zone first show an hour of a day, or what they skip to."""
    wall = datetime.combine(day, time(hour), here)
    moment = wall.astimezone(UTC)
    if _wall(moment, here) == wall.replace(tzinfo=None):
        return moment
    # By the offset to come it is before the change; skipped are an hour, half of one, or two.
    moment = wall.replace(fold=1).astimezone(UTC)
    while _wall(moment, here) < wall.replace(tzinfo=None):
        moment += timedelta(minutes=1)
    return moment


def _wall(moment: datetime, here: ZoneInfo) -> datetime:
    return moment.astimezone(here).replace(tzinfo=None)


def _due_on(preferences: Preferences, today: date) -> date:
    """The day that the newest mail should not be older than, and one day more."""
    if preferences.frequency == "weekly":
        since = (today.weekday() - WEEKDAYS.index(preferences.weekday)) % 7
        return today - timedelta(days=since)
    if preferences.frequency == "monthly":
        return today.replace(day=1)
    if preferences.frequency or preferences.hour is not None:
        return today
    return today + DAY  # each issue as it comes out
