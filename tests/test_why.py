"""Why somebody got a paper, or did not: each answer after what really led to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from build import DAY, NOW
from desk import ADA, BEN, Desk, Moody, listed
from returns import Sent, about
from sqlalchemy import update

from digest import why as whys
from digest.errors import Refused, Temporary
from digest.plan import parse_schedule
from digest.run import editing, outlook, roll, steering
from digest.run.receiving import receive
from digest.store import issues, people, schedules, sending, tables
from digest.types import Listing, Preferences, Reason, Suppression
from digest.why import Answer, Why

D = {"topics": ['"sparse"'], "sources": ["lab"]}
SPARSE, OTHER = listed("A sparse thing", 1), listed("Clouds over the sea", 2)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    found = Desk(tmp_path)
    yield found
    found.setup.store.close()


@pytest.fixture
def moody() -> Iterator[type[Moody]]:
    Moody.fails.clear()
    Moody.took.clear()
    yield Moody
    Moody.fails.clear()


def ask(desk: Desk, number: int = 1, address: str = ADA, digest: str = "d") -> Answer:
    (found,) = whys.why(desk.setup, address, f"2606.{number:05d}", digest)
    return found


def with_moods(desk: Desk) -> None:
    desk.at(transport="desk:Moody")


def digests(desk: Desk, **changes: Any) -> None:
    desk.at(digests={"d": {**D, **changes}, "e": {**D, "topics": ['"dense"']}})


# --- her mail ------------------------------------------------------------------------------------


def test_a_delivered_paper_says_when_and_in_which_issue(desk: Desk) -> None:
    desk.join()
    desk.keep(SPARSE)
    desk.build()
    found = ask(desk)
    assert (found.why, found.facts["issue"]) == (Why.DELIVERED, "d/2026-06-22T06:00")
    assert "issue 2026-06-22T06:00, sent 2026-06-22 06:00 UTC" in found.words


def test_a_paper_past_the_cap_says_its_place_and_the_cap(desk: Desk) -> None:
    digests(desk, papers=2)
    desk.join()
    desk.keep(*(listed(f"A sparse thing of {n} parts", n) for n in range(1, 6)))
    desk.build()
    found = [ask(desk, n) for n in range(1, 6)]
    assert [one.why for one in found].count(Why.DELIVERED) == 2
    past = [one for one in found if one.why is Why.PAST_THE_CAP]
    assert sorted(one.facts["position"] for one in past) == [3, 4, 5]
    assert {(one.facts["shown"], one.facts["more"]) for one in past} == {(2, 3)}


def test_a_queued_one_says_since_when_and_a_held_one_how_to_release_it(desk: Desk) -> None:
    desk.join()
    desk.keep(SPARSE)
    from digest import run

    run.build(desk.setup, "d", "2026-06-22T06:00")
    assert ask(desk).why is Why.QUEUED
    steering.hold(desk.setup, "d", "the editor is unsure")
    held = ask(desk)
    assert (held.why, held.facts["detail"]) == (Why.HELD, "the editor is unsure")
    assert held.remedy == "`digest release d/2026-06-22T06:00` lets it go"
    steering.cancel(desk.setup, "d")
    assert ask(desk).why is Why.CANCELLED


def test_a_deferred_one_says_what_the_server_said_and_when_it_is_tried_again(
    desk: Desk, moody: type[Moody]
) -> None:
    desk.join()
    with_moods(desk)
    desk.keep(SPARSE)
    moody.fails.append(Temporary("451 try again in a while"))
    desk.build()
    found = ask(desk)
    assert found.why is Why.DEFERRED
    assert "after one attempt: 451 try again in a while" in found.words
    assert datetime.fromisoformat(found.facts["at"]) > desk.now


def test_a_failed_one_says_what_the_server_said(desk: Desk, moody: type[Moody]) -> None:
    desk.join()
    with_moods(desk)
    desk.keep(SPARSE)
    moody.fails.append(Refused("550 no such user here"))
    desk.build()
    found = ask(desk)
    assert found.why is Why.FAILED
    assert "550 no such user here" in found.words


def test_one_in_doubt_says_what_that_means_and_how_to_send_it_again(
    desk: Desk, moody: type[Moody]
) -> None:
    desk.join()
    with_moods(desk)
    desk.keep(SPARSE)
    from digest import run

    run.build(desk.setup, "d", "2026-06-22T06:00")
    with desk.setup.store.write() as connection:
        sending.arrive(connection, "dead", "elsewhere", NOW, NOW + timedelta(minutes=1))
        (one,) = sending.claim(connection, "dead", NOW, 1)
        sending.begin(connection, "dead", [one.message_id], NOW)
    assert ask(desk).why is Why.SENDING
    desk.at(hours=1)
    run.send(desk.setup)
    found = ask(desk)
    assert found.why is Why.IN_DOUBT
    assert found.remedy.endswith("`digest send --retry in-doubt d/2026-06-22T06:00`")


def test_one_that_came_back_says_what_the_server_said(desk: Desk) -> None:
    desk.join()
    desk.keep(SPARSE)
    desk.build()
    (id,) = [one["Message-ID"].strip("<>") for one in desk.mails(ADA, "issues")]
    sent = Sent(return_id=id[:16], message_id=id, to=ADA)
    receive(desk.setup, about("postfix-unknown-user", desk.setup, sent))
    found = ask(desk)
    assert found.why is Why.BOUNCED
    assert "5.1.1" in found.words
    assert found.remedy == f"if the address works again: `digest subscribers allow {ADA}`"
    assert "since then the address is suppressed" in found.words
    # And what comes later is not sent at all.
    desk.keep(listed("Another sparse thing", 3))
    desk.at(hours=24)
    desk.build()
    assert ask(desk, 3).why is Why.SUPPRESSED


def test_another_digest_that_brought_it_is_named(desk: Desk) -> None:
    desk.at(digests={"d": D, "e": D})
    desk.join()
    desk.join(digest="e")
    desk.keep(SPARSE)
    desk.build("e")
    desk.at(hours=1)
    desk.build("d")
    found = ask(desk)
    assert found.why is Why.SENT_ELSEWHERE
    assert "'e' brought it: its issue 2026-06-22T06:00 went out" in found.words
    both = whys.why(desk.setup, ADA, "2606.00001")
    assert [(one.digest, one.why) for one in both] == [
        ("d", Why.SENT_ELSEWHERE),
        ("e", Why.DELIVERED),
    ]


def test_what_was_queued_when_she_left_says_that_she_left(desk: Desk) -> None:
    from digest import run
    from digest.run import subscribing

    desk.join()
    desk.keep(SPARSE)
    run.build(desk.setup, "d", "2026-06-22T06:00")
    subscribing.unsubscribe_address(desk.setup, ADA, "d")
    found = ask(desk)
    assert found.why is Why.LEFT
    assert "she left the digest 2026-06-22 06:00 UTC" in found.words


# --- who she is ----------------------------------------------------------------------------------


def test_who_is_no_reader_hears_why(desk: Desk) -> None:
    desk.keep(SPARSE)
    assert ask(desk).why is Why.UNKNOWN_ADDRESS
    desk.ask()
    assert ask(desk).why is Why.UNCONFIRMED
    assert ask(desk, digest="e").why is Why.NOT_SUBSCRIBED
    desk.confirm()
    assert roll.suppress(desk.setup, ADA, Suppression.COMPLAINT)
    found = ask(desk)
    assert found.why is Why.SUPPRESSED
    assert "since 2026-06-22 06:00 UTC: she called a mail of ours junk" in found.words
    roll.erase(desk.setup, ADA)
    assert ask(desk).why in (Why.ERASED, Why.SUPPRESSED)
    desk.join(BEN)
    roll.erase(desk.setup, BEN)
    assert ask(desk, address=BEN).why is Why.ERASED
    assert ask(desk, digest="", address=BEN).digest == ""


def test_spelling_of_address_and_paper_does_not_matter(desk: Desk) -> None:
    desk.join()
    desk.keep(replace(SPARSE, aliases=("arxiv:2606.00001", "doi:10.5555/x.1", "link:https://l/1")))
    desk.build()
    for paper in ("arXiv:2606.00001v3", "https://arxiv.org/abs/2606.00001", "https://l/1",
                  "doi:10.5555/X.1", "https://doi.org/10.5555/x.1"):  # fmt: skip
        (found,) = whys.why(desk.setup, "Ada@Example.ORG", paper, "d")
        assert found.why is Why.DELIVERED, paper


def test_a_paper_that_is_not_there_says_how_to_get_it(desk: Desk) -> None:
    desk.join()
    found = ask(desk, 9)
    assert found.why is Why.UNKNOWN_PAPER
    assert "no source of d, which reads lab, has given it" in found.words
    assert "`digest fetch d` reads the sources now" in found.remedy


def test_a_digest_that_is_no_more_says_so(desk: Desk) -> None:
    desk.join()
    desk.keep(SPARSE)
    desk.at(digests={"e": D})
    assert ask(desk).why is Why.NO_SUCH_DIGEST


# --- when she wants it ---------------------------------------------------------------------------


def test_who_has_paused_hears_until_when(desk: Desk) -> None:
    desk.join(timezone="Europe/Paris", paused_until=date(2026, 7, 1))
    desk.keep(SPARSE)
    desk.build()
    found = ask(desk)
    assert (found.why, found.facts["until"]) == (Why.PAUSED, "2026-07-01")
    assert "her next mail can come 2026-07-01 00:00 Europe/Paris" in found.words


@pytest.mark.parametrize(
    ("wanted", "moment"),
    [
        ({"hour": 8, "timezone": "America/New_York"}, "2026-06-22 08:00 America/New_York"),
        ({"hour": 20, "timezone": "Asia/Kathmandu"}, "2026-06-22 20:00 Asia/Kathmandu"),
        ({"frequency": "weekly", "weekday": "fri"}, "2026-06-26 00:00 UTC"),
        ({"frequency": "monthly", "hour": 7}, "2026-07-01 07:00 UTC"),
    ],
)
def test_who_has_an_hour_of_her_own_hears_which_moment_it_is(
    desk: Desk, wanted: dict[str, Any], moment: str
) -> None:
    desk.join(**wanted)
    desk.keep(SPARSE)
    desk.build()
    found = ask(desk)
    assert found.why is Why.WAITING
    assert found.words.endswith(f"her next one can come {moment}")
    assert datetime.fromisoformat(found.facts["at"]) > desk.now


def test_the_moment_of_an_hour_is_the_first_at_which_the_rules_let_her_have_it() -> None:
    wants = Preferences(frequency="weekdays", hour=7, timezone="Asia/Kolkata")
    from digest import consent

    friday = datetime.fromisoformat("2026-06-26T09:00:00+05:30")
    found = outlook.wanted_at(wants, "UTC", friday, friday + timedelta(hours=1))
    assert found == datetime.fromisoformat("2026-06-29T07:00:00+05:30")
    before = found - timedelta(minutes=1)
    assert not consent.wants_now(wants, "UTC", friday, before)


def test_a_moment_that_is_kept_for_her_counts(desk: Desk) -> None:
    has = desk.join()
    desk.keep(SPARSE)
    with desk.setup.store.write() as connection:
        schedules.set_due(connection, "d", {has.subscriber: NOW + timedelta(hours=5)})
    found = ask(desk)
    assert found.why is Why.WAITING
    assert "2026-06-22 11:00 UTC" in found.words


def test_what_came_before_she_did_is_said_to_be_so(desk: Desk) -> None:
    desk.join(BEN)
    desk.keep(SPARSE)
    desk.build()
    desk.at(hours=24)
    desk.keep(listed("A newer sparse thing", 3, DAY + timedelta(days=1)))
    desk.build()
    desk.at(hours=2)
    desk.join()
    found = ask(desk)
    assert found.why is Why.BEFORE_SHE_CAME
    assert "issue 2026-06-22T06:00, made 2026-06-22 06:00 UTC; she confirmed 2026-06-23 08:00" in (
        found.words
    )


def test_what_nothing_is_against_is_owed(desk: Desk) -> None:
    desk.join(BEN)
    desk.keep(SPARSE)
    desk.build()
    desk.join(digest="e")
    with desk.setup.store.write() as connection:
        change = update(tables.subscriptions).where(tables.subscriptions.c.digest == "e")
        connection.execute(change.values(digest="d", confirmed_at=NOW))
    assert ask(desk).why is Why.NEXT


# --- what did not reach her ----------------------------------------------------------------------


def fail(desk: Desk, moody: type[Moody], **wanted: Any) -> None:
    desk.join(**wanted)
    with_moods(desk)
    desk.keep(SPARSE)
    moody.fails.append(Refused("552 too big"))
    desk.build()
    found = ask(desk)
    assert found.why is Why.FAILED
    assert found.remedy.startswith("its papers are in her next issue")


def test_after_a_failed_mail_who_left_is_promised_nothing(desk: Desk, moody: type[Moody]) -> None:
    from digest.run import subscribing

    fail(desk, moody)
    subscribing.unsubscribe_address(desk.setup, ADA, "d")
    found = ask(desk)
    assert found.why is Why.LEFT
    assert "could not be delivered: 552 too big; she left the digest 2026-06-22" in found.words
    assert found.remedy == "nothing, unless she subscribes again"


def test_after_a_failed_mail_who_is_suppressed_is_promised_nothing(
    desk: Desk, moody: type[Moody]
) -> None:
    fail(desk, moody)
    roll.suppress(desk.setup, ADA, Suppression.OPERATOR)
    assert ask(desk).why is Why.SUPPRESSED


def test_after_a_failed_mail_who_paused_waits(desk: Desk, moody: type[Moody]) -> None:
    fail(desk, moody)
    has = desk.has()
    assert has is not None
    with desk.setup.store.write() as connection:
        people.prefer(connection, has.id, Preferences(paused_until=date(2026, 7, 1)))
    found = ask(desk)
    assert (found.why, found.facts["until"]) == (Why.PAUSED, "2026-07-01")
    assert "552 too big; she has paused until 2026-07-01" in found.words


@pytest.mark.parametrize("topics", [(), ('"sparse"',)])
def test_a_failed_mail_of_six_weeks_ago_is_not_made_up_for(
    desk: Desk, moody: type[Moody], topics: tuple[str, ...]
) -> None:
    fail(desk, moody, topics=topics)
    desk.at(hours=24 * 34)
    assert ask(desk).why is Why.FAILED
    desk.at(hours=24 * 6)
    found = ask(desk)
    assert found.why is Why.TOO_OLD
    assert "552 too big; " in found.words
    desk.build()
    assert not moody.took  # and so it is


def test_a_failed_mail_of_a_digest_that_is_no_more_is_not_made_up_for(
    desk: Desk, moody: type[Moody]
) -> None:
    fail(desk, moody)
    desk.at(digests={"e": D})
    assert ask(desk).why is Why.NO_SUCH_DIGEST


def test_who_has_just_come_waits_for_the_latest_issue_until_her_hour(desk: Desk) -> None:
    desk.join(BEN)
    desk.keep(SPARSE)
    desk.build()
    desk.at(hours=2)
    desk.join(hour=20)
    found = ask(desk)
    assert found.why is Why.WAITING
    assert "2026-06-22 20:00 UTC" in found.words
    desk.at(hours=13)
    desk.build()
    assert ask(desk).why is Why.DELIVERED


# --- the paper and the digest --------------------------------------------------------------------


def test_what_does_not_match_says_how_near_it_came_to_which_topic(desk: Desk) -> None:
    digests(desk, topics=["clouds and weather", "sparse attention"], categories=["cs.CL"])
    desk.join()
    desk.keep(listed("Baking bread at home", 4))
    desk.build()
    found = ask(desk, 4)
    assert found.why is Why.NOT_MATCHED
    assert 0 < found.facts["score"] < 1
    assert found.facts["topic"] in ("clouds and weather", "sparse attention")
    assert f"{found.facts['topic']!r} with {found.facts['score']:g}, and 1 is a match" in (
        found.words
    )


def test_what_is_excluded_says_by_which_topic(desk: Desk) -> None:
    digests(desk, exclude=['"dense"', '"thing"'])
    desk.join()
    desk.keep(SPARSE)
    desk.build()
    found = ask(desk)
    assert (found.why, found.facts["topic"]) == (Why.EXCLUDED, '"thing"')


def test_other_categories_sources_and_replacements_are_told_apart(desk: Desk) -> None:
    digests(desk, categories=["math.CO"])
    desk.join()
    foreign = replace(
        listed("A sparse stranger", 2),
        listings=(Listing(source="other", announce=None, listed_on=DAY),),
    )
    again = replace(
        listed("A sparse second try", 3),
        listings=(Listing(source="lab", announce="replace", listed_on=None, revised_on=DAY),),
    )
    desk.keep(SPARSE, foreign, again)
    desk.build()
    assert [ask(desk, n).why for n in (1, 2, 3)] == [
        Why.CATEGORY,
        Why.OTHER_SOURCE,
        Why.REPLACEMENT,
    ]
    assert "came from other; the digest reads lab" in ask(desk, 2).words


def test_what_went_by_before_the_digest_or_long_ago_says_so(desk: Desk) -> None:
    desk.join()
    desk.keep(SPARSE, listed("An early sparse thing", 3, DAY - timedelta(days=4)))
    desk.build()
    found = ask(desk, 3)
    assert found.why is Why.BEFORE_THE_DIGEST
    assert "listed on 2026-06-18; the digest brings what was listed from 2026-06-22 on" in (
        found.words
    )
    desk.keep(listed("A late sparse thing", 4))
    desk.at(hours=24 * 60)
    assert ask(desk, 4).why is Why.TOO_OLD


def test_her_own_topics_decide_where_she_has_some(desk: Desk) -> None:
    desk.join(topics=('"clouds"',))
    desk.keep(SPARSE, OTHER)
    desk.build()
    assert ask(desk, 2).why is Why.DELIVERED
    found = ask(desk)
    assert found.why is Why.OWN_TOPICS
    assert 'does not match her own topics ("clouds"): the nearest is \'"clouds"\' with 0.' in (
        found.words
    )


def test_a_retired_paper_says_since_when(desk: Desk) -> None:
    desk.join()
    desk.keep(SPARSE)
    with desk.setup.store.write() as connection:
        connection.execute(update(tables.papers).values(retired_on=DAY))
    found = ask(desk)
    assert (found.why, found.facts["at"]) == (Why.RETIRED, "2026-06-22")


def test_a_draft_says_until_when_it_waits(desk: Desk) -> None:
    digests(desk, review=True)
    desk.join()
    desk.keep(SPARSE)
    desk.build()
    found = ask(desk)
    assert found.why is Why.DRAFT
    assert "in a draft that no editor has approved yet" in found.words
    assert "waits until 2026-06-22T18:00 UTC" in found.words
    desk.keep(listed("Another sparse thing", 3))
    later = ask(desk, 3)
    assert later.why is Why.DRAFT
    assert "in the issue after the one that waits" in later.words
    editing.approve(desk.setup, "d")
    assert ask(desk).why is Why.DELIVERED


# --- the slot ------------------------------------------------------------------------------------


def test_what_matches_and_is_in_no_issue_says_when_the_next_one_is(desk: Desk) -> None:
    desk.join()
    desk.keep(SPARSE)
    assert ask(desk).why is Why.NO_SCHEDULE
    digests(desk, schedule="weekdays at 08:00", timezone="Europe/Paris")
    found = ask(desk)
    assert found.why is Why.NEXT
    assert found.words.endswith("in the one of 2026-06-23 08:00 Europe/Paris")


def test_a_slot_that_is_open_says_for_what_it_waits(desk: Desk) -> None:
    digests(desk, schedule="daily at 05:00")
    desk.join()
    desk.keep(SPARSE)
    words = {
        "slot": "2026-06-22T05:00",
        "reason": "late",
        "detail": "",
        "sources": [{"source": "lab", "reason": "late", "detail": "still shows Friday"}],
    }
    with desk.setup.store.write() as connection:
        schedules.keep(
            connection, "d", "daily at 05:00", "UTC", NOW - timedelta(hours=20),
            NOW + timedelta(minutes=10),
        )  # fmt: skip
        issues.report(connection, "d", "2026-06-22T05:00", Reason.LATE, words, NOW)
    found = ask(desk)
    assert found.why is Why.SLOT_OPEN
    assert (
        "the slot 2026-06-22T05:00 waits, since lab is late; looked at again at"
        " 2026-06-22 06:10 UTC" in found.words
    )
    with desk.setup.store.write() as connection:
        slot = parse_schedule("daily at 05:00", "UTC").slots(NOW - timedelta(hours=20), NOW)[0]
        assert schedules.settle(connection, "d", slot, Reason.QUIET, NOW)
    assert ask(desk).why is Why.NEXT


# --- the command ---------------------------------------------------------------------------------


def test_the_command_answers_in_words_and_in_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from commands import good

    monkeypatch.chdir(tmp_path)
    good("init")
    (tmp_path / "digest.toml").write_text(
        '[digests.d]\ntopics = ["language models"]\nsources = ["sample"]\n'
        'to = ["ada@example.org"]\n'
    )
    good("run", "d")
    said = good("why", ADA, "2606.00001")
    assert said.startswith("d: ")
    assert all(len(line) <= 80 for line in said.splitlines())
    (line,) = good("why", ADA, "2606.00001", "--digest", "d", "--json").splitlines()
    found = json.loads(line)
    assert found.keys() >= {"address", "paper", "digest", "reason", "words", "remedy"}
    assert found["reason"] in list(Why)


def test_asking_changes_nothing(desk: Desk) -> None:
    desk.join()
    desk.keep(SPARSE, OTHER)
    desk.build()

    def rows() -> dict[str, Any]:
        with desk.setup.store.read() as connection:
            return {
                table.name: sorted(map(repr, connection.execute(table.select())))
                for table in tables.metadata.sorted_tables
            }

    before = rows()
    for number in (1, 2, 9):
        for address in (ADA, BEN):
            whys.why(desk.setup, address, f"2606.{number:05d}")
    assert rows() == before
