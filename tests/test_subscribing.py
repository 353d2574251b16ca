"""Whole stories, from the form to the mail in the outbox and back by its links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from build import DAY
from desk import ADA, BEN, CY, Desk, body, dates, listed

from digest import consent, keys, run
from digest.errors import BadAddress, BadLink, Misuse, TooMany
from digest.run import links, notifying, roll, subscribing
from digest.store import asks, people
from digest.tokens import Purpose
from digest.types import Preferences, SubscriberState, SubscriptionState, Suppression

SPARSE, DENSE = listed("sparse maps", 1), listed("dense maps", 2)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.setup.store.close()


def state(desk: Desk, address: str = ADA, digest: str = "d") -> str:
    has = desk.has(address, digest)
    return has.state if has else "nobody"


def person(desk: Desk, address: str = ADA) -> SubscriberState | None:
    with desk.setup.store.read() as connection:
        found = people.id_of(connection, address)
        return people.state_of(connection, found) if found else None


# --- joining -------------------------------------------------------------------------------------


def test_who_asks_and_confirms_is_welcomed_with_the_latest_issue(desk: Desk) -> None:
    desk.keep(SPARSE)
    desk.build()
    assert desk.ask(client="192.0.2.7") == {"confirm": 1}
    assert desk.subjects() == ["Please confirm: D by e-mail"]
    assert (state(desk), person(desk)) == ("unconfirmed", SubscriberState.PENDING)
    has = desk.confirm()
    assert (has.state, has.since, person(desk)) == ("confirmed", desk.now, SubscriberState.ACTIVE)
    assert notifying.welcome(desk.setup) == 1
    (welcome,) = desk.mails(ADA, "issues")
    assert "sparse maps" in body(welcome)
    assert "Welcome" in body(welcome)
    assert notifying.welcome(desk.setup) == 0


def test_without_an_issue_the_welcome_is_a_few_words(desk: Desk) -> None:
    desk.join()
    assert notifying.welcome(desk.setup) == 1
    assert desk.subjects()[-1] == "You are subscribed to D"


def test_the_proof_tells_form_wording_times_and_mail_and_of_the_client_a_hash(desk: Desk) -> None:
    desk.ask(client="192.0.2.7")
    (mail,) = desk.mails(ADA)
    desk.at(hours=1)
    subscribing.confirm(desk.setup, desk.token("confirm"), client="192.0.2.99")
    noted = roll.known_of(desk.setup, ADA)["consents"]
    assert [one["what"] for one in noted] == ["asked", "confirmation sent", "confirmed"]
    asked, sent, confirmed = (one["evidence"] for one in noted)
    assert asked["wording"] == "Send me D by e-mail. I can leave at any time with one click."
    assert (asked["form"], len(asked["version"]), len(asked["client"])) == ("page", 8, 32)
    assert f"<{sent['message_id']}>" == f"<{confirmed['message_id']}>" == mail["Message-ID"]
    assert confirmed["client"] != asked["client"]
    assert "192.0.2" not in str(noted)


def test_confirming_twice_is_the_same_as_once(desk: Desk) -> None:
    first = desk.join()
    desk.at(hours=2)
    assert desk.confirm() == first
    notifying.welcome(desk.setup)
    assert len(desk.mails(ADA)) == 2


def test_who_is_subscribed_and_asks_again_is_told_by_mail_alone(desk: Desk) -> None:
    desk.join("Ada@Example.org")
    desk.at(hours=48)
    assert desk.ask() == {"already": 1}
    (mail,) = [one for one in desk.mails(ADA) if "already" in one["Subject"]]
    assert mail["To"] == "Ada@example.org"  # as she wrote it, not as somebody else did
    assert desk.ask() == {"asked within the day": 1}


def test_there_is_one_confirmation_a_day_for_an_address_and_a_digest(desk: Desk) -> None:
    assert desk.ask() == {"confirm": 1}
    assert desk.ask("ADA@example.org") == {"asked within the day": 1}
    assert desk.ask(digest="e") == {"confirm": 1}
    desk.at(hours=23.9)
    assert desk.ask() == {"asked within the day": 1}
    desk.at(hours=0.1)
    assert desk.ask() == {"confirm": 1}


def test_after_three_without_an_answer_there_are_no_more_over_all_digests(desk: Desk) -> None:
    for digest in ("d", "e", "d"):
        assert desk.ask(digest=digest) == {"confirm": 1}
        desk.at(hours=25)
    for digest in ("d", "e"):
        assert desk.ask(digest=digest) == {"unanswered before": 1}
    desk.confirm()
    assert desk.ask(digest="e") == {"confirm": 1}


def test_a_confirmation_ends_after_three_days(desk: Desk) -> None:
    desk.ask()
    token = desk.token("confirm")
    desk.at(hours=24 * 3 + 2)
    with pytest.raises(BadLink, match="expired"):
        subscribing.confirm(desk.setup, token)
    assert state(desk) == "unconfirmed"


def test_the_preferences_that_were_asked_for_are_hers_once_she_confirms(desk: Desk) -> None:
    wanted = Preferences(frequency="weekly", weekday="fri", papers=3)
    assert desk.join(frequency="weekly", weekday="fri", papers=3).preferences == wanted


@pytest.mark.parametrize(
    ("address", "digest", "error"),
    [("ada", "d", BadAddress), (ADA, "nothing", Misuse), (ADA, "", Misuse)],
)
def test_what_cannot_be_asked_for_is_said_at_once(
    desk: Desk, address: str, digest: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        desk.ask(address, digest)
    assert subscribing.answer(desk.setup) == {}


def test_topics_that_cannot_be_read_are_refused_before_anything_is_kept(desk: Desk) -> None:
    with pytest.raises(Misuse, match="topics: "):
        desk.ask(preferences=Preferences(topics=("a AND",)))
    assert subscribing.answer(desk.setup) == {}


def test_a_network_can_ask_so_often_in_an_hour(desk: Desk) -> None:
    desk.at(limits={"per_network": 2})
    for n in range(2):
        desk.ask(f"a{n}@example.org", client=f"192.0.2.{n}")
    with pytest.raises(TooMany, match="from your network"):
        desk.ask("b@example.org", client="192.0.2.200")
    desk.ask("b@example.org", client="192.0.3.200")
    desk.at(hours=1)
    desk.ask("c@example.org", client="192.0.2.200")


def test_the_mails_of_an_hour_are_bounded_by_domain_and_in_all(desk: Desk) -> None:
    desk.at(limits={"per_domain": 2, "overall": 3})
    outcomes = [
        next(iter(desk.ask(address)))
        for address in ("a@x.org", "b@x.org", "c@X.org", "a@y.org", "a@z.org")
    ]
    assert outcomes == ["confirm", "confirm", "limit of the domain", "confirm", "limit of all"]
    desk.at(hours=1)
    assert desk.ask("c@x.org") == {"confirm": 1}


def test_a_digest_taken_out_of_the_configuration_asks_nobody(desk: Desk) -> None:
    subscribing.ask(desk.setup, ADA, "e", "page")
    desk.ask()
    desk.at(digests={"d": desk.tables["digests"]["d"]})
    assert subscribing.answer(desk.setup) == {}
    desk.at(hours=25, digests={"e": desk.tables["digests"]["d"]})
    subscribing.ask(desk.setup, BEN, "e", "page")
    subscribing.answer(desk.setup)
    desk.at(digests={"d": desk.tables["digests"]["e"]})
    assert notifying.post(desk.setup) == 0  # what waits for a digest that is gone is given up
    with desk.setup.store.read() as connection:
        assert roll.counts(connection)["notices"] == {"sent": 2, "failed": 1}


# --- leaving -------------------------------------------------------------------------------------


def test_an_issue_leads_out_with_one_click_and_twice_is_the_same_as_once(desk: Desk) -> None:
    desk.join()
    desk.keep(SPARSE)
    desk.build()
    (issue,) = desk.mails(ADA, "issues")
    header = str(issue["List-Unsubscribe"]).strip("<>")
    assert header == f"https://papers.example.org/unsubscribe/{header[-40:]}"
    assert header in body(issue)
    assert issue["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    desk.at(hours=24 * 4000)  # it never ends
    for _ in range(2):
        assert subscribing.unsubscribe(desk.setup, header[-40:]).state == "unsubscribed"
    assert person(desk) == SubscriberState.LEFT
    noted = [one["what"] for one in roll.known_of(desk.setup, ADA)["consents"]]
    assert noted.count("unsubscribed") == 1


def test_what_waits_for_who_left_is_not_sent(desk: Desk) -> None:
    has = desk.join()
    desk.keep(SPARSE)
    run.build(desk.setup, "d", "2026-06-22T06:00")
    token = links.token(desk.setup, Purpose.UNSUBSCRIBE, has.id, desk.now)
    subscribing.unsubscribe(desk.setup, token)
    run.send(desk.setup)
    assert desk.mails(ADA, "issues") == []


def test_a_confirmation_from_before_somebody_left_does_not_bring_her_back(desk: Desk) -> None:
    desk.join()
    old = desk.token("confirm")
    subscribing.unsubscribe_address(desk.setup, ADA)
    with pytest.raises(BadLink, match="unsubscribed after this mail"):
        subscribing.confirm(desk.setup, old)
    assert state(desk) == "unsubscribed"


def test_who_left_comes_back_by_asking_and_confirming(desk: Desk) -> None:
    before = desk.join()
    subscribing.unsubscribe_address(desk.setup, ADA, "d")
    desk.at(hours=30)
    after = desk.join()
    assert (after.id, after.state, after.since) == (before.id, "confirmed", desk.now)
    assert person(desk) == SubscriberState.ACTIVE


def test_leaving_everything_leaves_each_digest(desk: Desk) -> None:
    for digest in ("d", "e"):
        desk.join(digest=digest)
    desk.ask(BEN)
    desk.at(hours=25)
    desk.ask()
    assert subscribing.leave(desk.setup, desk.token("preferences")) == 2
    assert (state(desk), state(desk, digest="e")) == ("unsubscribed", "unsubscribed")
    assert person(desk) == SubscriberState.LEFT
    assert state(desk, BEN) == "unconfirmed"


def test_who_is_erased_is_known_no_more_and_never_written_to(desk: Desk) -> None:
    desk.keep(SPARSE)
    desk.join("Ada@example.org")
    desk.join(BEN)
    desk.build()
    run.opine(desk.setup, "d", SPARSE.id, True, address=ADA)
    gone = roll.erase(desk.setup, ADA)
    assert gone["files"] == 2
    assert {name for name, number in gone.items() if number} == {
        "asks", "notices", "deliveries", "opinions", "consents", "subscriptions", "subscribers",
        "files",
    }  # fmt: skip
    assert desk.mails(ADA) == []
    assert len(desk.mails(BEN)) == 2
    known = roll.known_of(desk.setup, ADA)
    assert [name for name, rows in known.items() if rows] == ["address", "suppressed"]
    files = [one for one in desk.folder.rglob("*") if one.is_file()]
    assert len(files) > 2
    assert [one for one in files if b"ada@example.org" in one.read_bytes().lower()] == []
    desk.at(hours=100)
    assert desk.ask() == {"suppressed: request": 1}


def test_links_of_who_was_erased_say_so(desk: Desk) -> None:
    desk.join()
    token = desk.token("confirm")
    roll.erase(desk.setup, ADA)
    with pytest.raises(BadLink, match="erased"):
        subscribing.confirm(desk.setup, token)


def test_a_suppressed_address_cannot_confirm_until_it_is_allowed(desk: Desk) -> None:
    desk.ask()
    roll.suppress(desk.setup, ADA, Suppression.COMPLAINT)
    with pytest.raises(BadLink, match="cannot be written to"):
        desk.confirm()
    assert roll.allow(desk.setup, "ADA@example.org")
    assert desk.confirm().state == "confirmed"


# --- preferences ---------------------------------------------------------------------------------


def prefer(desk: Desk, address: str = ADA, **wanted: object) -> None:
    has = desk.has(address)
    assert has is not None
    token = links.token(desk.setup, Purpose.PREFERENCES, has.id, desk.now)
    subscribing.prefer(desk.setup, token, replace(has.preferences, **wanted))


def test_readers_with_the_same_wishes_share_an_edition_and_others_get_theirs(desk: Desk) -> None:
    for address in (ADA, BEN, CY):
        desk.join(address)
    prefer(desk, BEN, format="text", papers=1)
    prefer(desk, CY, format="markdown")
    desk.keep(SPARSE, listed("sparse tables", 3))
    desk.build()
    (ada,), (ben,), (cy,) = (desk.mails(one, "issues") for one in (ADA, BEN, CY))
    types = [[part.get_content_type() for part in one.walk()] for one in (ada, ben, cy)]
    assert types[0] == ["multipart/alternative", "text/plain", "text/html"]
    assert types[1] == ["text/plain"]
    assert "text/markdown" in types[2]
    assert body(ben).count("\nAbstract: ") == 1
    assert body(ada).count("\nAbstract: ") == 2


def test_her_own_topics_bring_papers_that_the_issue_does_not_have(desk: Desk) -> None:
    desk.join()
    desk.join(BEN)
    prefer(desk, BEN, topics=('"dense"',))
    desk.keep(SPARSE, DENSE)
    desk.build()
    (ada,), (ben,) = desk.mails(ADA, "issues"), desk.mails(BEN, "issues")
    assert "sparse maps" in body(ada)
    assert "dense maps" not in body(ada)
    assert "dense maps" in body(ben)
    assert "sparse maps" not in body(ben)


def test_who_wants_a_week_in_one_mail_gets_it_once_on_her_day(desk: Desk) -> None:
    desk.join()
    prefer(desk, frequency="weekly", weekday="fri", hour=7)
    got = []
    for n in range(14):  # from Monday, 22 June
        desk.keep(listed(f"sparse {n}", 100 + n, DAY + timedelta(days=n)))
        desk.build()  # at 6:00
        desk.at(hours=2)
        run.run_due(desk.setup)
        got.append(len(desk.mails(ADA, "issues")))
        desk.at(hours=22)
    assert [n for n in range(14) if got[n] > (got[n - 1] if n else 0)] == [4, 11]
    first, second = (body(one) for one in desk.mails(ADA, "issues"))
    assert [n for n in range(14) if f"We study sparse {n}." in first] == [0, 1, 2, 3, 4]
    assert [n for n in range(14) if f"We study sparse {n}." in second] == [5, 6, 7, 8, 9, 10, 11]


def test_in_a_pause_nothing_comes_and_after_it_all_that_was_missed(desk: Desk) -> None:
    desk.join()
    prefer(desk, paused_until=DAY + timedelta(days=3))
    for n in range(4):
        desk.keep(listed(f"sparse {n}", 100 + n, DAY + timedelta(days=n)))
        desk.build()
        assert len(desk.mails(ADA, "issues")) == (n == 3)
        desk.at(hours=24)
    text = body(desk.mails(ADA, "issues")[0])
    assert [f"We study sparse {n}." in text for n in range(4)] == [True] * 4


def test_a_change_of_preferences_is_kept_as_evidence_and_no_change_is_not(desk: Desk) -> None:
    desk.join()
    prefer(desk, papers=3)
    prefer(desk, papers=3)
    noted = [one["what"] for one in roll.known_of(desk.setup, ADA)["consents"]]
    assert noted.count("preferences") == 1


# --- another address -----------------------------------------------------------------------------


def ask_to_move(desk: Desk, to: str, by: str = ADA) -> None:
    has = desk.has(by)
    assert has is not None
    token = links.token(desk.setup, Purpose.PREFERENCES, has.id, desk.now)
    subscribing.ask_to_move(desk.setup, token, to)
    notifying.post(desk.setup)


def test_an_address_changes_when_the_new_one_confirms_and_not_before(desk: Desk) -> None:
    has = desk.join()
    ask_to_move(desk, BEN)
    assert state(desk, BEN) == "nobody"
    token = desk.token("address", BEN)
    assert subscribing.look_at_move(desk.setup, token) == BEN
    for _ in range(2):
        assert subscribing.move(desk.setup, token) == BEN
    assert (state(desk, ADA), desk.has(BEN)) == ("nobody", replace(has, address=BEN))


def test_an_address_that_is_known_or_suppressed_gets_no_mail_about_a_move(desk: Desk) -> None:
    desk.join()
    desk.join(BEN)
    roll.suppress(desk.setup, CY, Suppression.REQUEST)
    before = len(desk.mails())
    for address in (BEN, CY):
        ask_to_move(desk, address)
    assert len(desk.mails()) == before
    with pytest.raises(BadAddress, match="that you have"):
        ask_to_move(desk, "ADA@example.org")


def test_only_the_last_move_that_was_asked_for_counts(desk: Desk) -> None:
    desk.join()
    ask_to_move(desk, BEN)
    ask_to_move(desk, CY)
    with pytest.raises(BadLink, match="another change"):
        subscribing.move(desk.setup, desk.token("address", BEN))
    assert subscribing.move(desk.setup, desk.token("address", CY)) == CY


def test_asking_to_move_again_and_again_sends_one_mail_a_day(desk: Desk) -> None:
    desk.join()
    for _ in range(3):
        ask_to_move(desk, BEN)
    assert len(desk.mails(BEN)) == 1
    # The mail that is there still works.
    assert subscribing.move(desk.setup, desk.token("address", BEN)) == BEN


# --- opinions ------------------------------------------------------------------------------------


def test_a_like_from_a_mail_is_her_own(desk: Desk) -> None:
    desk.join()
    desk.keep(SPARSE)
    desk.build()
    (issue,) = desk.mails(ADA, "issues")
    html = body(issue, "html")
    token = html.partition("/opinion/")[2][:40]
    assert subscribing.opine_by_link(desk.setup, token, SPARSE.id, True) == "sparse maps"
    assert [one.paper.id for one in run.opinions_of(desk.setup, "d", ADA)] == [SPARSE.id]
    assert run.opinions_of(desk.setup, "d") == []
    subscribing.unsubscribe_address(desk.setup, ADA)
    with pytest.raises(BadLink, match="no longer subscribed"):
        subscribing.opine_by_link(desk.setup, token, SPARSE.id, False)


# --- `to` in the configuration -------------------------------------------------------------------


def with_to(desk: Desk, *to: str) -> None:
    of = desk.tables["digests"]
    desk.at(hours=24, digests={**of, "d": {**of["d"], "to": list(to)}})
    desk.keep(listed(f"sparse {desk.now}", 500 + desk.now.day, desk.now.date()))
    desk.build()


def test_who_is_listed_and_who_subscribed_are_the_same_person(desk: Desk) -> None:
    has = desk.join("Ada@example.org")
    with_to(desk, "ada@EXAMPLE.org")
    assert desk.has() == has
    assert len(desk.mails(ADA, "issues")) == 1


def test_who_has_not_confirmed_and_is_listed_needs_to_confirm_no_more(desk: Desk) -> None:
    desk.ask()
    with_to(desk, "ADA@example.org")
    assert state(desk) == "confirmed"
    assert len(desk.mails(ADA, "issues")) == 1


def test_who_is_listed_and_unsubscribes_stays_away_whatever_the_configuration_says(
    desk: Desk,
) -> None:
    with_to(desk, ADA)
    subscribing.unsubscribe(desk.setup, desk.token("unsubscribe"))
    for to in ([ADA], [], [ADA], ["ADA@example.org", BEN]):
        with_to(desk, *to)
        assert state(desk) == "unsubscribed"
    assert len(desk.mails(ADA, "issues")) == 1


def test_who_is_suppressed_gets_nothing_though_she_is_listed(desk: Desk) -> None:
    roll.suppress(desk.setup, "ADA@example.org", Suppression.BOUNCE)
    with_to(desk, ADA, BEN)
    assert desk.mails(ADA) == []
    assert len(desk.mails(BEN)) == 1
    run.build(desk.setup, "d", "2026-06-30T06:00")
    roll.suppress(desk.setup, BEN, Suppression.BOUNCE)
    run.send(desk.setup)
    assert len(desk.mails(BEN)) == 1


# --- by the operator -----------------------------------------------------------------------------


def test_an_operator_asks_and_is_told_what_came_of_her_own_ask(desk: Desk) -> None:
    subscribing.ask(desk.setup, BEN, "d", "page")  # waits for its answer, and is none of hers
    roll.suppress(desk.setup, BEN, Suppression.REQUEST)
    assert subscribing.subscribe(desk.setup, ADA, "d").outcome == "confirm"
    assert subscribing.subscribe(desk.setup, ADA, "d").outcome == "asked within the day"
    with pytest.raises(Misuse, match="digest subscribers allow ben@example"):
        subscribing.subscribe(desk.setup, BEN, "d")


def test_evidence_subscribes_at_once_and_its_words_are_kept(desk: Desk) -> None:
    found = subscribing.subscribe(desk.setup, ADA, "d", " told me\non the phone ")
    assert found.outcome == state(desk) == "confirmed"
    (noted,) = roll.known_of(desk.setup, ADA)["consents"]
    assert noted["evidence"]["text"] == "told me\non the phone"
    assert subscribing.subscribe(desk.setup, ADA, "d").outcome == "already"
    assert subscribing.subscribe(desk.setup, ADA, "d", "again").outcome == "already"
    assert notifying.post(desk.setup) == 0


def test_words_of_evidence_are_never_taken_for_the_mark_of_a_listed_reader(desk: Desk) -> None:
    from digest.store.ledger import BY_OPERATOR

    subscribing.subscribe(desk.setup, ADA, "d", BY_OPERATOR)
    with_to(desk, BEN)
    assert state(desk) == "confirmed"


def test_old_links_work_after_a_rotation_and_a_suppression_still_holds(desk: Desk) -> None:
    desk.join()
    desk.keep(SPARSE)
    desk.build()
    token = desk.token("unsubscribe")
    roll.suppress(desk.setup, BEN, Suppression.REQUEST)
    keys.rotate(desk.setup.config.keys)
    desk.at()
    assert desk.ask(BEN) == {"suppressed: request": 1}
    assert subscribing.unsubscribe(desk.setup, token).state == "unsubscribed"


# --- forgetting ----------------------------------------------------------------------------------


def test_who_never_answered_is_forgotten_after_a_while_and_who_did_is_not(desk: Desk) -> None:
    desk.join(BEN)
    desk.ask()
    desk.at(hours=24 * 29)
    assert notifying.forget(desk.setup) == 0
    desk.at(hours=24 * 2)
    assert notifying.forget(desk.setup) == 1
    assert [state(desk), state(desk, BEN)] == ["nobody", "confirmed"]
    with desk.setup.store.read() as connection:
        assert asks.outcomes(connection) == {}


def test_somebody_else_who_asks_every_day_cannot_keep_an_address_from_being_asked_for_ever(
    desk: Desk,
) -> None:
    outcomes = []
    for _ in range(40):
        outcomes += desk.ask()
        notifying.forget(desk.setup)
        desk.at(hours=24)
    assert outcomes.count("confirm") in (4, 5, 6)  # three in a month
    # The mails to whom was forgotten are gone with her.
    assert len(desk.mails(ADA)) == 3


def test_subscriptions_of_one_person_are_shown_together(desk: Desk) -> None:
    desk.join()
    has = desk.join(digest="e")
    found = subscribing.subscriptions_of(desk.setup, has)
    assert [one.digest for one in found] == ["d", "e"]
    assert {one.state for one in found} == {SubscriptionState.CONFIRMED}


# --- what a stranger cannot do -------------------------------------------------------------------


def test_a_strangers_ask_changes_nothing_of_who_left_until_she_confirms(desk: Desk) -> None:
    has = desk.join(papers=3)
    old = desk.token("confirm")
    leave = links.token(desk.setup, Purpose.UNSUBSCRIBE, has.id, desk.now)
    subscribing.unsubscribe(desk.setup, leave)
    desk.at(hours=25)
    assert desk.ask(preferences=Preferences(papers=1)) == {"confirm": 1}
    left = desk.has()
    assert left is not None
    assert left.state is SubscriptionState.UNSUBSCRIBED
    assert left.ended_at is not None
    assert left.preferences.papers == 3
    back = desk.confirm()
    assert (back.id, back.state) == (has.id, SubscriptionState.CONFIRMED)
    subscribing.unsubscribe(desk.setup, leave)
    with pytest.raises(BadLink, match="unsubscribed"):
        subscribing.confirm(desk.setup, old)


def test_strangers_cannot_keep_a_subscriber_from_her_link_for_longer_than_a_week(
    desk: Desk,
) -> None:
    desk.join()
    outcomes = []
    for _ in range(4):
        desk.at(hours=25)
        outcomes += desk.ask()
    assert outcomes == ["already"] * 3 + ["unanswered before"]
    desk.at(hours=7 * 24)
    assert desk.ask(wants_link=True) == {"link": 1}


def test_spellings_of_one_mailbox_share_a_bound(desk: Desk) -> None:
    found = [next(iter(desk.ask(f"a.{'d.' * (n % 2)}a+{n}@example.org"))) for n in range(20)]
    assert found.count("confirm") == 2 * consent.MAX_ALIKE  # two mailboxes: aa@ and ada@
    desk.at(hours=24)
    assert desk.ask("a.a+new@example.org") == {"confirm": 1}


# --- what follows a change of address ------------------------------------------------------------


def moved(desk: Desk) -> str:
    desk.join()
    notifying.welcome(desk.setup)
    subscribing.ask_to_move(desk.setup, desk.token("preferences"), BEN)
    notifying.post(desk.setup)
    desk.at(hours=2)
    return desk.token("address", BEN)


def test_erasing_also_finds_the_addresses_somebody_had_before(desk: Desk) -> None:
    subscribing.move(desk.setup, moved(desk))
    assert desk.mails(ADA)
    roll.erase(desk.setup, BEN)
    assert desk.mails() == []
    file = desk.folder / "digest.db"
    stored = file.read_bytes() + file.with_name("digest.db-wal").read_bytes()
    assert [stored.lower().count(address.encode()) for address in (ADA, BEN)] == [0, 0]
    assert desk.ask(ADA) == {"suppressed: request": 1}
    assert desk.ask(BEN) == {"suppressed: request": 1}


def test_nobody_moves_to_an_address_that_was_suppressed_meanwhile(desk: Desk) -> None:
    token = moved(desk)
    roll.suppress(desk.setup, BEN, Suppression.OPERATOR)
    with pytest.raises(BadLink, match="cannot be written to"):
        subscribing.move(desk.setup, token)


def test_links_sent_to_the_former_address_only_unsubscribe(desk: Desk) -> None:
    token = moved(desk)
    old, leave = desk.token("preferences", ADA), desk.token("unsubscribe", ADA)
    subscribing.move(desk.setup, token)
    for use in (
        lambda: subscribing.look(desk.setup, old, Purpose.PREFERENCES),
        lambda: subscribing.prefer(desk.setup, old, Preferences(papers=1)),
        lambda: subscribing.leave(desk.setup, old),
        lambda: subscribing.erase_by_link(desk.setup, old, len, purpose=Purpose.PREFERENCES),
        lambda: subscribing.ask_to_move(desk.setup, old, CY),
    ):
        with pytest.raises(BadLink, match="address changed"):
            use()
    assert subscribing.unsubscribe(desk.setup, leave).state is SubscriptionState.UNSUBSCRIBED


# --- welcomes ------------------------------------------------------------------------------------


def test_who_leaves_before_the_welcome_gets_none(desk: Desk) -> None:
    has = desk.join()
    leave = links.token(desk.setup, Purpose.UNSUBSCRIBE, has.id, desk.now)
    subscribing.unsubscribe(desk.setup, leave)
    assert notifying.welcome(desk.setup) == 0
    assert [one for one in desk.subjects(ADA) if "subscribed" in one] == []


def test_a_welcome_is_dated_and_linked_from_the_day_it_is_made(desk: Desk) -> None:
    desk.keep(SPARSE)
    desk.build()
    desk.at(hours=24 * 200)
    desk.join()
    notifying.welcome(desk.setup)
    mail = desk.mails(ADA, "issues")[-1]
    assert dates([mail]) == [desk.now]
    assert subscribing.look(desk.setup, desk.token("preferences"), Purpose.PREFERENCES)


def test_answers_to_an_issue_come_to_us_with_a_token(desk: Desk) -> None:
    desk.at(inbox={"address": "digest@papers.example.org"})
    desk.join()
    desk.keep(SPARSE)
    desk.build()
    to = desk.mails(ADA, "issues")[-1]["Reply-To"]
    token = re.fullmatch(r"digest\+([a-z2-7]{40})@papers\.example\.org", to)
    assert token
    assert subscribing.look(desk.setup, token[1], Purpose.PREFERENCES)
