"""What the lines of a mail ask for."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest import commands
from digest.commands import Command, Verb
from digest.types import Preferences

TODAY = date(2026, 6, 22)
DIGESTS = {"my-papers": "My papers", "robots": "Robots & friends"}
SUBSCRIBE = Command(verb=Verb.SUBSCRIBE, digest="robots")
LEAVE = Command(verb=Verb.UNSUBSCRIBE)


def read(*lines: str, subject: str = "") -> list[Command]:
    return list(commands.read(subject, lines, DIGESTS, TODAY))


@pytest.mark.parametrize(
    "line",
    [
        "subscribe robots",
        "SUBSCRIBE Robots",
        "  Subscribe:  robots.  ",
        "subscribe Robots & Friends!",
        "subscribe <robots>",
        '"subscribe robots"',
        "*subscribe robots*",
        "Subscribe me to robots, please",
    ],
)
def test_subscribing_is_understood_however_it_is_written(line: str) -> None:
    assert read(line) == [SUBSCRIBE]
    assert read(subject=line) == [SUBSCRIBE]
    assert read(subject=f"Re: AW: Fwd: {line}") == [SUBSCRIBE]


def test_a_digest_that_there_is_not_is_told_from_none() -> None:
    assert read("subscribe cats") == [Command(verb=Verb.SUBSCRIBE, is_unknown=True)]
    assert read("subscribe") == [Command(verb=Verb.SUBSCRIBE)]
    assert read("unsubscribe cats") == [Command(verb=Verb.UNSUBSCRIBE, is_unknown=True)]


def test_the_only_digest_need_not_be_named() -> None:
    only = {"my-papers": "My papers"}
    assert commands.read("subscribe", (), only, TODAY)[0].digest == "my-papers"


@pytest.mark.parametrize(
    "line", ["unsubscribe", "Unsubscribe.", "unsubscribe me please", "UNSUBSCRIBE all"]
)
def test_leaving_without_a_name_is_leaving_everything(line: str) -> None:
    assert read(line) == [LEAVE]


def test_what_the_body_names_makes_the_subject_precise() -> None:
    named = Command(verb=Verb.UNSUBSCRIBE, digest="robots")
    assert read("unsubscribe robots", subject="unsubscribe") == [named]
    assert read("unsubscribe", subject="unsubscribe robots") == [named]
    assert read("unsubscribe", subject="Unsubscribe") == [LEAVE]


@pytest.mark.parametrize(
    ("lines", "topics"),
    [
        (["topics a; b ; c"], ("a", "b", "c")),
        (["Topics: speech recognition"], ("speech recognition",)),
        (["topics", "a", "b; c", "", "Regards"], ("a", "b", "c")),
        (["topics:", "a", "weekly"], ("a",)),
        (["topics a; b;", "c", "Regards, Ada"], ("a", "b", "c")),
        (["topics a; b", "Regards, Ada"], ("a", "b")),
        (["topics default"], ()),
        (["topics"], ()),
    ],
)
def test_topics_stand_on_one_line_or_on_several(lines: list[str], topics: tuple[str, ...]) -> None:
    assert read(*lines)[0] == Command(verb=Verb.TOPICS, topics=topics)


@pytest.mark.parametrize(
    ("line", "frequency", "weekday"),
    [
        ("daily", "daily", None),
        ("Weekdays", "weekdays", None),
        ("monthly.", "monthly", None),
        ("weekly", "weekly", None),
        ("weekly on Friday", "weekly", "fri"),
        ("WEEKLY ON FRI", "weekly", "fri"),
        ("weekly, on tuesdays", "weekly", "tue"),
    ],
)
def test_how_often_is_a_word(line: str, frequency: str, weekday: str | None) -> None:
    (found,) = read(line)
    assert (found.frequency, found.weekday) == (frequency, weekday)


@pytest.mark.parametrize(
    ("line", "until"),
    [
        ("pause", date(2026, 7, 20)),
        ("pause until 2026-07-01", date(2026, 7, 1)),
        ("Pause until 2026-07-01.", date(2026, 7, 1)),
        ("pause 3 weeks", date(2026, 7, 13)),
        ("pause for 1 week", date(2026, 6, 29)),
        ("pause 10 days", date(2026, 7, 2)),
        ("pause until 2026-06-22", None),
        ("pause until yesterday", None),
        ("pause until 9999-01-01", None),
        ("pause 999 months", None),
        ("pause 0 weeks", None),
    ],
)
def test_a_pause_ends_on_a_day_to_come(line: str, until: date | None) -> None:
    assert read(line) == [Command(verb=Verb.PAUSE, until=until)]


def test_commands_end_where_something_else_begins() -> None:
    assert [one.verb for one in read("daily", "", "resume", "Best, Ada", "unsubscribe")] == [
        Verb.FREQUENCY,
        Verb.RESUME,
    ]
    assert read("Dear all,", "unsubscribe") == []


@pytest.mark.parametrize(
    "line",
    [
        "daily I get too many of these",
        "help me",
        "please do not unsubscribe me",
        "weekly on someday",
        "weekly on t",
        "I wish to subscribe robots",
        "subscribed",
        "topical",
        "",
    ],
)
def test_prose_is_no_command(line: str) -> None:
    assert read(line) == []


def test_a_mail_holds_so_many_commands_and_no_more() -> None:
    lines = [f"pause {n} days" for n in range(1, 100)]
    assert len(read(*lines)) == 10


@pytest.mark.parametrize("line", ["yes", "Yes.", "YES!", "confirm", '"Confirm"', "*yes*"])
def test_yes_is_yes(line: str) -> None:
    assert commands.is_yes([line, "anything"])


@pytest.mark.parametrize("line", ["no", "yes and no", "I am away, yes", "ja", "yesterday", ""])
def test_all_else_is_not_yes(line: str) -> None:
    assert not commands.is_yes([line, "yes"])


def test_a_command_changes_what_it_is_about_and_nothing_else() -> None:
    before = Preferences(papers=5, frequency="weekly", weekday="fri", topics=("x",))
    (weekly,) = read("weekly")
    assert commands.apply(weekly, before) == before
    (pause,) = read("pause 1 week")
    (resume,) = read("resume")
    paused = commands.apply(pause, before)
    assert paused.paused_until == date(2026, 6, 29)
    assert commands.apply(resume, paused) == before
    (topics,) = read("topics a")
    assert commands.apply(topics, before).topics == ("a",)
    assert commands.apply(topics, before).papers == 5


@given(st.text(max_size=200), st.lists(st.text(max_size=200), max_size=60))
def test_no_words_make_it_fail(subject: str, lines: list[str]) -> None:
    for one in commands.read(subject, lines, DIGESTS, TODAY):
        assert one.digest in {"", *DIGESTS}
    commands.is_yes(lines)
