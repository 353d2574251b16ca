"""What somebody wrote in a mail → what she wants done. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import get_args

from digest.types import Frequency, Preferences, Weekday

_MOST = 10  #: commands in a mail
_MOST_LINES = 50
PAUSE = timedelta(weeks=4)  #: where she does not say how long
_LONGEST_PAUSE = timedelta(days=5 * 366)
_WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)


class Verb(StrEnum):
    """What is to be done."""

    SUBSCRIBE = "subscribe"
    UNSUBSCRIBE = "unsubscribe"
    TOPICS = "topics"
    FREQUENCY = "frequency"
    PAUSE = "pause"
    RESUME = "resume"
    HELP = "help"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One thing that is to be done."""

    verb: Verb
    digest: str = ""  #: the digest's name; empty: none was named
    is_unknown: bool = False  #: a digest was named that there is not
    topics: tuple[str, ...] = ()  #: none: the digest's
    frequency: Frequency | None = None
    weekday: Weekday | None = None  #: None: as it was
    until: date | None = None  #: None, where she pauses: it is no day to come


def is_yes(lines: Sequence[str]) -> bool:
    """Does the first line say yes or confirm, and nothing else?

    >>> is_yes(["Yes!"]), is_yes(["yes, I am away"]), is_yes(["no", "yes"])
    (True, False, False)
    """
    return bool(lines) and _bare(lines[0]).lower() in ("yes", "confirm")


def read(
    subject: str, lines: Sequence[str], digests: Mapping[str, str], today: date
) -> tuple[Command, ...]:
    """The commands in the subject and, from the top, in the body; `digests` is name → title.

    They end where something else begins: a greeting, a signature, an explanation.
    """
    in_subject = _command(_without_re(subject), digests, today)
    found = [in_subject] if in_subject else []
    rest = list(lines[:_MOST_LINES])
    while rest and len(found) < _MOST:
        line = rest.pop(0)
        if not line:
            continue
        one = _command(line, digests, today)
        if one is None:
            break
        if one.verb is Verb.TOPICS:
            one = replace(one, topics=_more_topics(line, rest, one.topics, digests, today))
        found.append(one)
    # "unsubscribe" as the subject and "unsubscribe my-papers" below is one wish.
    named = {one.verb for one in found if one.digest or one.is_unknown}
    return tuple(
        dict.fromkeys(one for one in found if one.digest or one.is_unknown or one.verb not in named)
    )


def apply(command: Command, before: Preferences) -> Preferences:
    """How a reader wants a digest, now that she said so."""
    if command.verb is Verb.TOPICS:
        return replace(before, topics=command.topics)
    if command.verb is Verb.FREQUENCY:
        weekday = command.weekday or before.weekday
        return replace(before, frequency=command.frequency, weekday=weekday)
    return replace(before, paused_until=command.until)


# --- a line --------------------------------------------------------------------------------------

_RE = re.compile(
    r"((re|fwd?|aw|wg|sv|antw|rv|tr|vs|ref|rif|odp|res|enc)(\[\d+\])?\s*:\s*)+", re.IGNORECASE
)
_NAMING = re.compile(r"(subscribe|unsubscribe)(?:[\s:]+(.{1,200}))?", re.IGNORECASE)
_TOPICS = re.compile(r"topics\b[\s:=]*(.*)", re.IGNORECASE)
_HOW_OFTEN = re.compile(r"(daily|weekdays|monthly|weekly(?:,? on ([a-z]{3,9}?)s?)?)", re.IGNORECASE)
_PAUSE = re.compile(
    r"pause(?: (?:until|till) (\S{1,20})| (?:for )?(\d{1,3}) (day|week|month)s?)?", re.IGNORECASE
)
_DAYS = {"day": 1, "week": 7, "month": 30}
_DAY_NAMES = "monday tuesday wednesday thursday friday saturday sunday".split()


def _bare(line: str) -> str:
    return line.strip(" .!,;:\"'*_<>()[]“”‘’«»\u00a0")


def _without_re(subject: str) -> str:
    found = _RE.match(subject)
    return subject[found.end() :] if found else subject


def _command(line: str, digests: Mapping[str, str], today: date) -> Command | None:
    said = " ".join(_bare(line[:2000]).split())
    if found := _NAMING.fullmatch(said):
        return _named(Verb(found[1].lower()), found[2] or "", digests)
    if found := _TOPICS.fullmatch(said):
        return Command(verb=Verb.TOPICS, topics=_split(found[1]))
    if found := _HOW_OFTEN.fullmatch(said):
        return _how_often(found)
    if found := _PAUSE.fullmatch(said):
        return Command(verb=Verb.PAUSE, until=_until(found, today))
    if said.lower() in ("resume", "help"):
        return Command(verb=Verb(said.lower()))
    return None


def _how_often(found: re.Match[str]) -> Command | None:
    weekday: Weekday | None = None
    if found[2]:
        near = [n for n, day in enumerate(_DAY_NAMES) if day.startswith(found[2].lower())]
        if len(near) != 1:
            return None
        weekday = _WEEKDAYS[near[0]]
    frequencies: tuple[Frequency, ...] = get_args(Frequency)
    word = found[1].lower().split()[0].strip(",")
    frequency = next(one for one in frequencies if one == word)
    return Command(verb=Verb.FREQUENCY, frequency=frequency, weekday=weekday)


def _until(found: re.Match[str], today: date) -> date | None:
    if found[1]:
        try:
            until = date.fromisoformat(_bare(found[1]))
        except ValueError:
            return None
    elif found[2]:
        until = today + int(found[2]) * timedelta(days=_DAYS[found[3].lower()])
    else:
        until = today + PAUSE
    return until if today < until <= today + _LONGEST_PAUSE else None


# --- digests and topics --------------------------------------------------------------------------

_FILLERS = {"me", "please", "to", "from", "the"}
_DIGESTS_OWN = {"", "default", "none"}


def _named(verb: Verb, said: str, digests: Mapping[str, str]) -> Command:
    """A command with a digest's name or title behind it."""
    words = said.lower().split()
    kept = [word for word in words if word.strip(".,!") not in _FILLERS]
    for one in (_slug(said), _slug(" ".join(kept))):
        for name, title in digests.items():
            if one and one in (_slug(name), _slug(title)):
                return Command(verb=verb, digest=name)
    if kept and not (verb is Verb.UNSUBSCRIBE and kept in (["all"], ["everything"])):
        return Command(verb=verb, is_unknown=True)
    only = next(iter(digests)) if len(digests) == 1 and verb is Verb.SUBSCRIBE else ""
    return Command(verb=verb, digest=only)


def _slug(words: str) -> str:
    return re.sub(r"[\W_]+", "-", words.casefold()).strip("-")


def _split(said: str) -> tuple[str, ...]:
    topics = tuple(topic for part in said.split(";") if (topic := part.strip()))
    return () if len(topics) == 1 and topics[0].lower() in _DIGESTS_OWN else topics


def _more_topics(
    line: str,
    rest: list[str],
    topics: tuple[str, ...],
    digests: Mapping[str, str],
    today: date,
) -> tuple[str, ...]:
    """Those of the lines below, where "topics" stood alone or its line ended with a semicolon."""
    goes_on = line.endswith(";") or _bare(line).lower() == "topics"
    is_list = _bare(line).lower() == "topics"
    while goes_on and rest and rest[0] and _command(rest[0], digests, today) is None:
        one = rest.pop(0)
        topics += _split(one)
        goes_on = is_list or one.endswith(";")
    return topics
