"""Mails that come back, from their bytes to what is never sent again."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from desk import ADA, BEN, Desk, body, listed
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from inbound import raw
from returns import Sent, about

from digest import run
from digest.errors import BadLink, Misuse
from digest.run import importing, links, notifying, roll, subscribing
from digest.run.receiving import receive
from digest.run.sheet import Row
from digest.store import asks, ledger, notices, people
from digest.tokens import PATTERN, Purpose
from digest.types import Delivery, DeliveryState, SubscriptionState, Suppression

OURS = "digest@papers.example.org"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Ada has had an issue."""
    made = Desk(tmp_path, inbox={"address": OURS})
    made.join()
    issue(made)
    yield made
    made.setup.store.close()


_papers = iter(range(1, 90_000))


def issue(desk: Desk) -> None:
    desk.at(hours=1)
    desk.keep(listed(f"sparse thing {next(_papers)}", next(_papers)))
    desk.build()


def deliveries(desk: Desk) -> list[Delivery]:
    with desk.setup.store.read() as connection:
        found = ledger.in_state(connection, list(DeliveryState))
    return sorted(found, key=lambda one: (one.queued_at is not None, one.queued_at, one.address))


def state_of(desk: Desk, message_id: str) -> str:
    return str(next(one.state for one in deliveries(desk) if one.message_id == message_id))


def sent(desk: Desk, address: str = ADA) -> Sent:
    """What a report about her newest mail knows."""
    one = [one for one in deliveries(desk) if one.address == address][-1]
    return Sent(
        return_id=one.message_id[:16],
        message_id=one.message_id,
        subscription=one.subscription,
        to=address,
    )


def comes(desk: Desk, name: str, of: Sent | None = None, *, salt: str = "") -> str:
    return receive(desk.setup, about(name, desk.setup, of or sent(desk), salt=salt))


def reason(desk: Desk, address: str = ADA) -> Suppression | None:
    mark = subscribing.fingerprint(desk.setup, address)
    with desk.setup.store.read() as connection:
        return asks.suppressed(connection, [mark]).get(mark)


def only(has: Sent, *names: str) -> Sent:
    """A report from which all else is taken out."""
    gone = {"return_id", "message_id", "subscription"} - set(names)
    return replace(has, **dict.fromkeys(gone, ""))


# --- what follows --------------------------------------------------------------------------------


def test_a_hard_bounce_fails_the_delivery_and_suppresses_the_address(desk: Desk) -> None:
    has = sent(desk)
    assert comes(desk, "postfix-unknown-user") == "bounced"
    assert state_of(desk, has.message_id) == "failed"
    assert reason(desk) is Suppression.BOUNCE
    before = len(desk.mails(ADA))
    issue(desk)
    assert len(desk.mails(ADA)) == before


@pytest.mark.parametrize("way", ["return_id", "message_id", "subscription"])
def test_each_way_leads_to_the_delivery(desk: Desk, way: str) -> None:
    assert comes(desk, "postfix-unknown-user", only(sent(desk), way)) == "bounced"
    assert reason(desk) is Suppression.BOUNCE


@pytest.mark.parametrize("name", ["postfix-unknown-user", "arf-abuse", "exim-unknown-user"])
def test_a_report_with_nothing_but_an_address_changes_nothing(desk: Desk, name: str) -> None:
    assert comes(desk, name, only(sent(desk))) == "report"
    assert (reason(desk), desk.has().state) == (None, "confirmed")  # type: ignore[union-attr]
    assert {str(one.state) for one in deliveries(desk)} == {"sent"}


@pytest.mark.parametrize(
    "name",
    [
        *("person-about-a-bounce", "person-forwards-a-bounce", "person-says-returned-mail"),
        *("auto-out-of-office", "auto-left-the-company", "auto-challenge", "auto-ticket"),
        *("auto-read-receipt", "postfix-delayed", "postfix-delivered", "arf-not-spam"),
        *("arf-virus", "exim-delayed", "postfix-relayed", "only-header", "empty"),
    ],
)
def test_what_reports_no_failure_changes_nothing(desk: Desk, name: str) -> None:
    comes(desk, name)
    assert (reason(desk), desk.has().state) == (None, "confirmed")  # type: ignore[union-attr]
    assert {str(one.state) for one in deliveries(desk)} == {"sent"}


def test_a_policy_rejection_is_no_readers_fault_and_her_papers_are_owed_again(desk: Desk) -> None:
    has = sent(desk)
    for day in range(8):
        assert comes(desk, "postfix-blocked-by-list", has, salt=str(day)) == "bounced"
        desk.at(hours=24)
    assert (reason(desk), state_of(desk, has.message_id)) == (None, "failed")
    first = [str(one["Subject"]) for one in desk.mails(ADA, "d")]
    issue(desk)
    (again,) = [one for one in desk.mails(ADA, "d") if str(one["Subject"]) not in first]
    assert "2 papers" in str(again["Subject"])


def test_five_days_with_a_soft_bounce_are_one_too_many(desk: Desk) -> None:
    found = []
    for _ in range(5):
        comes(desk, "postfix-mailbox-full", salt="morning")
        comes(desk, "qmail-quota", salt="evening")
        found.append(reason(desk))
        desk.at(hours=23)
        issue(desk)
    assert found == [None] * 4 + [Suppression.BOUNCE]


def test_soft_bounces_of_last_quarter_are_forgotten(desk: Desk) -> None:
    for day in range(8):
        comes(desk, "postfix-mailbox-full", salt=str(day))
        desk.at(hours=24 * 25)
    assert reason(desk) is None


def test_a_report_of_our_own_fault_does_not_hide_a_full_mailbox(desk: Desk) -> None:
    for day in range(5):
        comes(desk, "postfix-blocked-by-list", salt=f"a{day}")
        comes(desk, "postfix-mailbox-full", salt=f"b{day}")
        desk.at(hours=24)
    assert reason(desk) is Suppression.BOUNCE


def test_who_complains_leaves_everything_at_once_and_it_is_noted(desk: Desk) -> None:
    desk.join(digest="e")
    has = sent(desk)
    assert comes(desk, "arf-abuse", has) == "complained"
    assert reason(desk) is Suppression.COMPLAINT
    assert [desk.has(digest=one).state for one in "de"] == ["unsubscribed"] * 2  # type: ignore[union-attr]
    assert state_of(desk, has.message_id) == "sent"
    with desk.setup.store.read() as connection:
        id = people.id_of(connection, ADA)
        assert id is not None
        noted = [row for row in people.noted(connection, id) if row.what == "unsubscribed"]
    assert [row.evidence["form"] for row in noted] == ["report", "report"]
    assert all(row.evidence["message_id"] for row in noted)


def test_a_complaint_without_her_address_is_hers_all_the_same(desk: Desk) -> None:
    has = only(sent(desk), "subscription")
    assert comes(desk, "arf-abuse-redacted-token-only", has) == "complained"
    assert reason(desk) is Suppression.COMPLAINT


def test_who_opts_out_leaves_that_digest_alone(desk: Desk) -> None:
    desk.join(digest="e")
    has = [one for one in deliveries(desk) if one.issue.startswith("d/")][-1]
    of = Sent(return_id=has.message_id[:16])
    assert comes(desk, "arf-opt-out", of) == "complained"
    assert [desk.has(digest=one).state for one in "de"] == ["unsubscribed", "confirmed"]  # type: ignore[union-attr]
    assert reason(desk) is None


def test_a_notice_that_comes_back_counts_as_a_mail_does(desk: Desk) -> None:
    desk.ask(BEN)
    with desk.setup.store.read() as connection:
        (asked,) = notices.unanswered(connection, BEN)
    of = Sent(return_id=asked.id, to=BEN)
    assert comes(desk, "gmail-no-such-user", of) == "bounced"
    assert reason(desk, BEN) is Suppression.BOUNCE
    with desk.setup.store.read() as connection:
        assert notices.by_state(connection)["failed"] == 1
    desk.at(hours=30)
    assert desk.ask(BEN) == {"suppressed: bounce": 1}


def test_what_waits_for_a_dead_address_is_withdrawn(desk: Desk) -> None:
    desk.keep(listed("sparse and late", 77_777))
    desk.at(hours=1)
    run.build(desk.setup, "d", f"{desk.now:%Y-%m-%dT%H:%M}")
    waiting = deliveries(desk)[-1]
    has = deliveries(desk)[-2]
    assert waiting.state is DeliveryState.QUEUED
    comes(desk, "postfix-unknown-user", Sent(return_id=has.message_id[:16]))
    assert state_of(desk, waiting.message_id) == "suppressed"


def test_a_bounce_of_the_address_before_says_nothing_of_the_one_now(desk: Desk) -> None:
    has = sent(desk)
    subscribing.ask_to_move(desk.setup, desk.token("preferences", ADA), BEN)
    desk.at(hours=1)
    notifying.post(desk.setup)
    subscribing.move(desk.setup, desk.token("address", BEN))
    assert comes(desk, "postfix-unknown-user", replace(has, to=ADA)) == "bounced"
    assert (reason(desk, BEN), state_of(desk, has.message_id)) == (None, "failed")


def test_mail_passed_on_that_comes_back_is_hers(desk: Desk) -> None:
    assert comes(desk, "postfix-forwarded") == "bounced"
    assert (reason(desk), reason(desk, "ada.private@example.test")) == (Suppression.BOUNCE, None)


def test_of_a_report_about_several_her_own_part_counts(desk: Desk) -> None:
    comes(desk, "postfix-three-recipients")
    assert (reason(desk), reason(desk, "bo@example.org")) == (Suppression.BOUNCE, None)


def test_a_report_that_comes_twice_is_dealt_with_once(desk: Desk) -> None:
    content = about("postfix-mailbox-full", desk.setup, sent(desk))
    for _ in range(8):
        assert receive(desk.setup, content) == "bounced"
        desk.at(hours=24)
    assert reason(desk) is None


def test_a_postmaster_can_leave_by_mail(desk: Desk) -> None:
    desk.join("postmaster@example.org")
    has = desk.has("postmaster@example.org")
    assert has is not None
    own = links.token(desk.setup, Purpose.UNSUBSCRIBE, has.id, desk.now)
    to = links.reply_address(desk.setup, own)
    receive(desk.setup, raw("unsubscribe", sender="postmaster@example.org", to=to))
    assert desk.has("postmaster@example.org").state == "unsubscribed"  # type: ignore[union-attr]


def test_an_erased_readers_bounces_are_erased_too(desk: Desk) -> None:
    comes(desk, "postfix-mailbox-full")
    assert len(roll.known_of(desk.setup, ADA)["bounces"]) == 1
    assert roll.erase(desk.setup, ADA)["bounces"] == 1


def test_who_is_allowed_again_starts_anew(desk: Desk) -> None:
    for day in range(5):
        comes(desk, "postfix-mailbox-full", salt=str(day))
        desk.at(hours=24)
    assert roll.allow(desk.setup, ADA)
    comes(desk, "postfix-mailbox-full", salt="new")
    assert reason(desk) is None


def test_the_list_says_why_somebody_is_never_written_to(desk: Desk) -> None:
    comes(desk, "postfix-unknown-user")
    (one,) = roll.listed(desk.setup)
    assert one.suppressed is Suppression.BOUNCE
    assert one.why.startswith("5.1.1 ")


# --- whatever happens ----------------------------------------------------------------------------

_WHOM = st.sampled_from([ADA, BEN])


def _confirms(desk: Desk, address: str) -> None:
    for mail in desk.mails(address, "notices")[-1:]:
        if found := re.search(rf"/confirm/({PATTERN})", body(mail)):
            subscribing.confirm(desk.setup, found[1])


def _imports(desk: Desk, address: str) -> None:
    row = Row(
        line=2, address=address, digest="d", state=SubscriptionState.CONFIRMED, evidence="by form"
    )
    list(importing.import_rows(desk.setup, [row]))


def _operates(desk: Desk, address: str) -> None:
    subscribing.subscribe(desk.setup, address, "d", "she said so")


def _writes(desk: Desk, address: str) -> None:
    receive(desk.setup, raw("subscribe d", sender=address))


def _reports(name: str) -> Callable[[Desk, str], None]:
    def act(desk: Desk, address: str) -> None:
        if any(one.address == address for one in deliveries(desk)):
            comes(desk, name, sent(desk, address), salt=str(desk.now))

    return act


def _queues(desk: Desk, address: str) -> None:
    desk.keep(listed(f"sparse thing {next(_papers)}", next(_papers)))
    run.build(desk.setup, "d", f"{desk.now:%Y-%m-%dT%H:%M}")


_ACTS: dict[str, Callable[[Desk, str], object]] = {
    "asks": lambda desk, address: desk.ask(address),
    "asks, not answered yet": lambda desk, address: subscribing.ask(
        desk.setup, address, "d", "page"
    ),
    "confirms": _confirms,
    "imports": _imports,
    "operates": _operates,
    "writes": _writes,
    "queues": _queues,
    "sends": lambda desk, address: run.send(desk.setup),
    "attends": lambda desk, address: run.attend(desk.setup),
    "a day goes by": lambda desk, address: desk.at(hours=25),
    "dead": _reports("postfix-unknown-user"),
    "full": _reports("postfix-mailbox-full"),
    "complains": _reports("arf-abuse"),
    "suppressed": lambda desk, address: roll.suppress(desk.setup, address, Suppression.OPERATOR),
    "erased": lambda desk, address: roll.erase(desk.setup, address),
}


# Making it smaller takes longer than reading it.
@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(st.lists(st.tuples(st.sampled_from(sorted(_ACTS)), _WHOM), min_size=5, max_size=16))
def test_whatever_happens_nobody_suppressed_is_written_to(acts: list[tuple[str, str]]) -> None:
    with TemporaryDirectory() as folder:
        desk = Desk(Path(folder), inbox={"address": OURS})
        _imports(desk, ADA)
        issue(desk)
        never: dict[str, int] = {}  # who is suppressed, and the mails she had when that began
        for act, address in [*acts, ("a day goes by", ADA), ("queues", ADA), ("attends", ADA)]:
            desk.at(hours=0.1)
            # What cannot be done is said so: BadLink, Misuse.
            with contextlib.suppress(BadLink, Misuse):
                _ACTS[act](desk, address)
            for one in (ADA, BEN):
                if one in never and act != "erased":
                    assert len(desk.mails(one)) == never[one], (act, one)
                if reason(desk, one):
                    never[one] = len(desk.mails(one))
        desk.setup.store.close()
