from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest
from build import NOW
from hypothesis import given
from hypothesis import strategies as st

from digest.consent import (
    MAX_PAPERS,
    WEEKDAYS,
    Answer,
    Limits,
    Standing,
    address,
    answer,
    evidence,
    mailbox,
    network,
    preferences,
    statement,
    wants_now,
    words,
)
from digest.errors import BadAddress, Misuse
from digest.types import (
    Evidence,
    Format,
    Frequency,
    Preferences,
    SignUp,
    SubscriptionState,
    Suppression,
)

# --- addresses -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" Ada.Lovelace+papers@Example.ORG ", "Ada.Lovelace+papers@example.org"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@faß.example", "ada@xn--fa-hia.example"),
        ("=ada@example.org", "=ada@example.org"),
        ("-x@example.org", "-x@example.org"),
        # A look-alike is another domain, and is seen to be one.
        ("ada@еxample.org", "ada@xn--xample-2of.org"),
    ],
)
def test_an_address_is_kept_with_its_domain_in_ascii(typed: str, kept: str) -> None:
    assert address(typed) == kept
    assert address(kept) == kept


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "not an e-mail address"),
        ("ada", "not an e-mail address"),
        ('"ada lovelace"@example.org', "not an e-mail address"),
        ("ada@[192.0.2.1]", "not an e-mail address"),
        ("ada@example", "not an e-mail address"),
        ("ada@-example.org", "not an e-mail address"),
        ("a@b@example.org", "not an e-mail address"),
        ("Ada <ada@example.org>", "not an e-mail address"),
        (f"{'a' * 65}@example.org", "longer than an e-mail address"),
        (f"ada@{'a' * 64}.org", "not an e-mail address"),
        (f"{'a' * 290}@example.org", "longer than an e-mail address"),
        (f"ada@{'a.' * 124}org", "longer than an e-mail address"),
        ("jürgen@example.org", "before the @"),
        ("ada@example.org\r\nBcc: bo@example.org", "cannot be seen"),
        ("ada\0@example.org", "cannot be seen"),
        ("ada@example.org\n", "cannot be seen"),
        ("ada\u202e@example.org", "cannot be seen"),
        ("a\u200bda@example.org", "cannot be seen"),
        ("ada\ud800@example.org", "cannot be seen"),
    ],
)
def test_what_is_no_address_is_refused_with_the_reason(typed: str, said: str) -> None:
    with pytest.raises(BadAddress, match=said) as told:
        address(typed)
    assert "\n" not in str(told.value)


@given(st.text(max_size=300) | st.from_regex(r"[ -~]{1,40}@[ -~]{1,40}", fullmatch=True))
def test_any_text_is_an_address_that_can_stand_in_a_header_or_is_refused(typed: str) -> None:
    try:
        kept = address(typed)
    except BadAddress:
        return
    assert kept.isascii()
    assert kept.isprintable()
    assert " " not in kept
    assert len(kept) <= 254
    assert address(kept) == kept
    assert mailbox(kept) == kept.lower()


@pytest.mark.parametrize(
    ("client", "counted"),
    [
        ("198.51.100.255", "198.51.100.0/24"),
        ("::ffff:198.51.100.7", "198.51.100.0/24"),
        ("2001:db8:0:1ff::1", "2001:db8:0:100::/56"),
        ("fe80::1%eth0", "fe80::/56"),
        ("unix:", ""),
        ("testclient", ""),
    ],
)
def test_a_client_counts_as_its_network(client: str, counted: str) -> None:
    assert network(client) == counted


# --- evidence ------------------------------------------------------------------------------------


def test_the_version_changes_with_form_and_wording_and_with_nothing_else() -> None:
    versions = {
        evidence(form, wording, client="a").version
        for form, wording in (("page", "I agree"), ("api", "I agree"), ("page", "I agree."))
    }
    assert len(versions) == 3
    assert evidence("page", "I agree", text="b").version in versions


def test_a_statement_is_kept_line_by_line_and_refused_where_it_cannot_be_seen() -> None:
    assert statement("  told  me\r\n on the phone ") == "told me\non the phone"
    with pytest.raises(Misuse, match="cannot be seen"):
        statement("a\0b")
    with pytest.raises(Misuse, match="at most 2000"):
        statement("x" * 2001)


# --- what is answered ----------------------------------------------------------------------------

FREE = Standing()
STATES = [None, *SubscriptionState]
ASK = SignUp(
    id="1",
    kind="subscribe",
    address="ada@example.org",
    digest="d",
    asked_at=NOW,
    evidence=Evidence(form="page"),
)
LINK = replace(ASK, kind="link")
LIMITS = Limits(per_domain=5, overall=10)


@pytest.mark.parametrize("state", STATES)
def test_who_asks_is_answered_by_where_the_address_stands(state: SubscriptionState | None) -> None:
    is_confirmed = state is SubscriptionState.CONFIRMED
    standing = Standing(state=state)
    assert answer(ASK, standing, LIMITS, NOW) == Answer(
        notice="already" if is_confirmed else "confirm"
    )
    link = answer(LINK, standing, LIMITS, NOW)
    assert link == (Answer(notice="link") if is_confirmed else Answer(why="not subscribed"))


HELD_UP: dict[str, dict[str, Any]] = {
    "suppressed: complaint": {"suppressed": Suppression.COMPLAINT},
    "asked within the day": {"last_mail_at": NOW - timedelta(hours=24) + timedelta(seconds=1)},
    "unanswered before": {"unanswered": 3},
    "limit of the domain": {"mails_to_domain": 5},
    "limit of all": {"mails": 10},
}


@pytest.mark.parametrize("why", HELD_UP)
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("ask", [ASK, LINK])
def test_no_mail_goes_out_whatever_is_asked_where_a_bound_is_reached(
    why: str, state: SubscriptionState | None, ask: SignUp
) -> None:
    said = answer(ask, Standing(state=state, **HELD_UP[why]), LIMITS, NOW)
    assert said.notice is None
    assert said.why in (why, "not subscribed")


@pytest.mark.parametrize(
    "just_free",
    [
        {"last_mail_at": NOW - timedelta(hours=24)},
        {"unanswered": 2},
        {"mails_to_domain": 4},
        {"mails": 9},
    ],
)
def test_just_below_a_bound_the_mail_goes_out(just_free: dict[str, Any]) -> None:
    assert answer(ASK, Standing(**just_free), LIMITS, NOW).notice == "confirm"


def test_a_suppression_goes_before_everything() -> None:
    reached = {key: value for one in HELD_UP.values() for key, value in one.items()}
    said = answer(ASK, Standing(state=SubscriptionState.CONFIRMED, **reached), LIMITS, NOW)
    assert said == Answer(why="suppressed: complaint")


# --- preferences ---------------------------------------------------------------------------------

ZONES = ("", "Europe/Paris", "Pacific/Auckland", "America/New_York", "Asia/Kathmandu")
seen = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=30)
anything = st.builds(
    Preferences,
    topics=st.lists(seen, max_size=4, unique=True).map(tuple),
    frequency=st.none() | st.sampled_from(get_args(Frequency)),
    weekday=st.sampled_from(WEEKDAYS),
    hour=st.none() | st.integers(0, 23),
    timezone=st.sampled_from(ZONES),
    format=st.none() | st.sampled_from(get_args(Format)),
    papers=st.none() | st.integers(1, MAX_PAPERS),
    paused_until=st.none() | st.dates(),
)


@given(anything)
def test_preferences_come_back_from_words(wanted: Preferences) -> None:
    # Of whoever wants no weekly mail the day says nothing.
    if wanted.frequency != "weekly":
        wanted = replace(wanted, weekday="mon")
    said = words(wanted)
    assert preferences(said) == wanted
    as_form = {key: value if key == "topics" else str(value) for key, value in said.items()}
    assert preferences(as_form) == wanted


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"frequency": "hourly"}, "frequency: 'hourly' is not one of daily"),
        ({"weekday": "someday"}, "weekday: 'som' is not one of mon"),
        ({"hour": "24"}, "hour: '24' is not a whole number from 0 to 23"),
        ({"hour": "-1"}, "hour: "),
        ({"hour": "٣"}, "hour: "),
        ({"papers": "0"}, "papers: "),
        ({"papers": "1e3"}, "papers: "),
        ({"papers": "9" * 5000}, "papers: "),
        ({"timezone": "Mars/Base"}, "zones are named like 'Europe/Paris'"),
        ({"timezone": "../../etc/passwd"}, "timezone: "),
        ({"timezone": "a\0b"}, "timezone: "),
        ({"format": "pdf"}, "format: 'pdf' is not one of html"),
        ({"paused_until": "tomorrow"}, "days are written like 2026-06-22"),
        ({"topics": ["x"] * 1 + [str(n) for n in range(21)]}, "topics: at most 20"),
        ({"topics": ["x" * 201]}, "at most 200 letters"),
        ({"topics": "a\0b"}, "all of them visible"),
        ({"colour": "red"}, "'colour' is no preference"),
    ],
)
def test_what_no_preference_can_be_is_refused_by_its_name(
    values: dict[str, Any], said: str
) -> None:
    with pytest.raises(Misuse) as told:
        preferences(values)
    assert said in str(told.value)
    assert len(str(told.value)) < 300


# --- when a reader wants her mail ----------------------------------------------------------------


def mails(wanted: Preferences, zone: str = "UTC", *, days: int = 62, at: int = 8) -> list[datetime]:
    """When she gets mail, if one could go out every hour of two months from 1 March."""
    now = datetime(2026, 3, 1, 0, tzinfo=UTC)
    last: datetime | None = now - timedelta(hours=1)
    found = []
    for hour in range(days * 24):
        moment = now + timedelta(hours=hour)
        if wants_now(wanted, zone, last, moment):
            found.append(moment)
            last = moment
    return found


def test_daily_is_once_each_day() -> None:
    got = mails(Preferences(frequency="daily"))
    assert [moment.date() for moment in got] == [
        date(2026, 3, 1) + timedelta(days=n) for n in range(62)
    ]


def test_weekdays_are_monday_to_friday() -> None:
    got = mails(Preferences(frequency="weekdays"))
    assert {moment.weekday() for moment in got} == {0, 1, 2, 3, 4}
    assert len(got) == 45  # of 1 March to 1 May
    assert len({moment.date() for moment in got}) == 45


@pytest.mark.parametrize("day", WEEKDAYS)
def test_weekly_is_once_a_week_on_her_day(day: Any) -> None:
    got = mails(Preferences(frequency="weekly", weekday=day))
    on_her_day = [one for one in got if WEEKDAYS[one.weekday()] == day]
    assert len(on_her_day) in (8, 9)
    # What she missed before the first of her days is made up for at once.
    assert len(got) - len(on_her_day) <= 1


def test_monthly_is_once_a_month_from_the_first() -> None:
    got = mails(Preferences(frequency="monthly"))
    assert [moment.date() for moment in got] == [date(2026, m, 1) for m in (3, 4, 5)]


def test_a_month_without_anything_on_its_first_day_is_made_up_for() -> None:
    last = datetime(2026, 3, 2, tzinfo=UTC)
    assert not wants_now(Preferences(frequency="monthly"), "UTC", last, last.replace(day=31))
    late = datetime(2026, 4, 9, tzinfo=UTC)
    assert wants_now(Preferences(frequency="monthly"), "UTC", last, late)


@pytest.mark.parametrize("zone", ["Europe/Paris", "America/New_York", "Asia/Kathmandu"])
def test_her_hour_is_that_of_her_zone_also_when_the_clocks_change(zone: str) -> None:
    got = mails(Preferences(frequency="daily", hour=7, timezone=zone))
    here = [moment.astimezone(ZoneInfo(zone)) for moment in got]
    assert {moment.hour for moment in here} == {7}
    assert len({moment.date() for moment in here}) == len(here) >= 61


def test_an_hour_that_the_clocks_leave_out_is_the_next_one() -> None:
    got = mails(Preferences(frequency="daily", hour=2, timezone="Europe/Paris"))
    here = {one.astimezone(ZoneInfo("Europe/Paris")) for one in got}
    assert {one.hour for one in here if one.date() == date(2026, 3, 29)} == {3}
    assert {one.hour for one in here if one.date() != date(2026, 3, 29)} == {2}


def test_without_a_zone_of_hers_the_digests_counts() -> None:
    got = mails(Preferences(frequency="daily", hour=7), "Pacific/Auckland")
    assert {one.astimezone(ZoneInfo("Pacific/Auckland")).hour for one in got} == {7}


def test_a_pause_lasts_until_its_last_day_is_over() -> None:
    got = mails(Preferences(frequency="daily", paused_until=date(2026, 3, 20)))
    assert got[0] == datetime(2026, 3, 20, tzinfo=UTC)
    auckland = Preferences(paused_until=date(2026, 3, 20), timezone="Pacific/Auckland")
    assert mails(auckland)[0] == datetime(2026, 3, 19, 11, tzinfo=UTC)


def test_who_wants_each_issue_gets_it_at_any_hour_and_as_often_as_there_is_one() -> None:
    assert len(mails(Preferences(), days=2)) == 48


def test_the_first_mail_comes_at_once_whatever_her_hour_but_not_in_a_pause() -> None:
    night = datetime(2026, 3, 1, 1, tzinfo=UTC)
    wanted = Preferences(frequency="weekly", weekday="wed", hour=9)
    assert wants_now(wanted, "UTC", None, night)
    assert not wants_now(replace(wanted, paused_until=date(2026, 3, 2)), "UTC", None, night)
