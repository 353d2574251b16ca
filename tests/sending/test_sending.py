"""The ledger while mails go out: who claims what, holding, cancelling, trying again, limits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from mail_server import MailServer, at
from queued import ISSUE, NOW, address, by_id, queue, setup_of, states, write

from digest import dkim, run
from digest.errors import Misuse
from digest.run import steering
from digest.store import asks, sending
from digest.types import DeliveryState, Suppression


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer(keeps=True) as found:
        yield found


def _setup(tmp_path: Path, server: MailServer, number: int, smtp: str = "") -> run.Setup:
    setup = setup_of(write(tmp_path, server.port, smtp=smtp))
    queue(setup, number)
    return setup


def test_each_reader_gets_one_mail_of_her_own(tmp_path: Path, server: MailServer) -> None:
    setup = _setup(tmp_path, server, 30)
    run.send(setup)
    run.send(setup)
    assert sorted(to for kept in server.log.mails for to in kept.to) == sorted(
        address(n) for n in range(30)
    )
    assert len({kept.mail_from for kept in server.log.mails}) == 30
    assert all(f"To: {kept.to[0]}".encode() in kept.content for kept in server.log.mails)


def test_two_senders_never_claim_the_same(tmp_path: Path, server: MailServer) -> None:
    setup = _setup(tmp_path, server, 20)
    until = NOW + timedelta(minutes=5)
    with setup.store.write() as connection:
        sending.arrive(connection, "one", "here", NOW, until)
        sending.arrive(connection, "two", "there", NOW, until)
        mine = {one.message_id for one in sending.claim(connection, "one", NOW, 12)}
        yours = {one.message_id for one in sending.claim(connection, "two", NOW, 12)}
        assert len(mine) == 12
        assert len(yours) == 8
        assert not mine & yours
        assert not sending.begin(connection, "two", list(mine), NOW)
        assert sending.begin(connection, "one", list(mine), NOW) == mine
    with setup.store.write() as connection:
        assert not sending.recover(connection, NOW, DeliveryState.IN_DOUBT)
        late = until + timedelta(seconds=1)
        assert len(sending.recover(connection, late, DeliveryState.IN_DOUBT)) == 12
    assert states(setup) == {"in-doubt": 12, "queued": 8}


def test_who_comes_back_after_all_may_say_what_became_of_its_mail(
    tmp_path: Path, server: MailServer
) -> None:
    setup = _setup(tmp_path, server, 1)
    with setup.store.write() as connection:
        sending.arrive(connection, "one", "here", NOW, NOW)
        (claimed,) = sending.claim(connection, "one", NOW, 1)
        sending.begin(connection, "one", [claimed.message_id], NOW)
        sending.recover(connection, NOW, DeliveryState.IN_DOUBT)
        done = sending.Outcome(
            message_id=claimed.message_id, state=DeliveryState.SENT, detail="250", attempts=1
        )
        sending.settle(connection, "one", [done], NOW)
    assert states(setup) == {"sent": 1}


def test_what_is_held_waits_and_what_is_cancelled_does_not(
    tmp_path: Path, server: MailServer
) -> None:
    setup = _setup(tmp_path, server, 5)
    steering.hold(setup, "papers", "a mistake in it")
    assert not run.send(setup).mails
    assert steering.account(setup, "papers").held == "a mistake in it"
    assert steering.would_send(setup) == {}
    assert steering.release(setup, ISSUE) == (ISSUE, True)
    assert steering.would_send(setup) == {ISSUE: 5}
    assert steering.cancel(setup, "papers") == (ISSUE, 5)
    assert not run.send(setup).mails
    assert states(setup) == {"failed": 5}


def test_a_claim_on_what_is_held_since_is_void(tmp_path: Path, server: MailServer) -> None:
    setup = _setup(tmp_path, server, 3)
    with setup.store.write() as connection:
        sending.arrive(connection, "one", "here", NOW, NOW + timedelta(minutes=5))
        claimed = [one.message_id for one in sending.claim(connection, "one", NOW, 3)]
    steering.hold(setup, "papers")
    with setup.store.write() as connection:
        assert not sending.begin(connection, "one", claimed, NOW)


def test_trying_again_sends_exactly_those(tmp_path: Path, server: MailServer) -> None:
    setup = _setup(tmp_path, server, 8)
    server.fault = lambda moment: (
        "550 5.3.0 no" if moment.phase == "rcpt" and "mail3" in moment.to else ""
    )
    run.send(setup)
    assert states(setup) == {"sent": 7, "failed": 1}
    server.fault = lambda _: ""
    with pytest.raises(Misuse, match="did you mean"):
        steering.retry(setup, DeliveryState.FAILED, ["papers/2026-06-22T09:00"])
    number, sent = steering.retry(setup, DeliveryState.FAILED, ["papers"])
    assert (number, sent.mails) == (1, {"papers": 1})
    assert states(setup) == {"sent": 8}
    assert set(server.log.accepted.values()) == {1}


def test_a_suppressed_address_gets_nothing_and_the_ledger_says_why(
    tmp_path: Path, server: MailServer
) -> None:
    setup = _setup(tmp_path, server, 3)
    with setup.store.write() as connection:
        mark = setup.keys.fingerprint("address", address(1))
        asks.suppress(connection, mark, Suppression.COMPLAINT, NOW)
    run.send(setup)
    assert address(1) not in {to for kept in server.log.mails for to in kept.to}
    (left,) = steering.account(setup, "papers", ["suppressed"]).deliveries
    assert "complaint" in left["detail"]
    with pytest.raises(Misuse, match="suppressed"):
        steering.test(setup, "papers", address(1))


def test_a_dead_address_is_suppressed_and_policy_is_not_its_fault(
    tmp_path: Path, server: MailServer
) -> None:
    setup = _setup(tmp_path, server, 7)
    server.fault = lambda moment: {
        "reader.1@mail1.example.org": "550 5.1.1 no such user here",
        "reader.2@mail2.example.org": "550 5.7.1 message refused as spam",
    }.get(moment.to if moment.phase == "rcpt" else "", "")
    run.send(setup)
    marks = [setup.keys.fingerprint("address", address(n)) for n in range(7)]
    with setup.store.read() as connection:
        gone = asks.suppressed(connection, marks)
    assert gone == {marks[1]: Suppression.BOUNCE}
    assert states(setup) == {"sent": 5, "failed": 2}


def test_a_server_s_own_hint_is_waited_for(tmp_path: Path, server: MailServer) -> None:
    setup = _setup(tmp_path, server, 1)
    server.fault = at("rcpt", "451 4.7.1 greylisted, try again in 7200 seconds")
    run.send(setup)
    (one,) = steering.account(setup, "papers").deliveries
    assert one["next_at"] >= NOW + timedelta(hours=2)
    server.fault = lambda _: ""
    assert not run.send(setup.at(NOW + timedelta(hours=1))).mails
    assert run.send(setup.at(NOW + timedelta(hours=3))).mails == {"papers": 1}


def test_what_is_deferred_for_days_is_given_up(tmp_path: Path, server: MailServer) -> None:
    setup = _setup(tmp_path, server, 1)
    server.fault = at("rcpt", "451 4.3.0 not today")
    for day in range(0, 20, 2):
        run.send(setup.at(NOW + timedelta(days=day)))
    (one,) = steering.account(setup, "papers").deliveries
    assert one["state"] == "failed"
    assert "given up after 7 attempts" in one["detail"]


def test_limits_are_kept_across_a_restart(tmp_path: Path, server: MailServer) -> None:
    setup = _setup(tmp_path, server, 4, "overall = 0.5")
    with setup.store.write() as connection:
        ahead = timedelta(seconds=5)
        first = sending.take_turns(connection, "all", 0.5, 10, NOW, ahead)
        again = sending.take_turns(connection, "all", 0.5, 10, NOW + timedelta(seconds=4), ahead)
    turns = [*first, *again]
    assert [(turn - NOW).total_seconds() for turn in turns] == [0, 2, 4, 6, 8]


def test_a_server_s_limit_is_kept_across_a_restart(tmp_path: Path, server: MailServer) -> None:
    setup = _setup(tmp_path, server, 12, "per_second = 20")
    run.send(setup)
    with setup.store.read() as connection:
        free_at = sending.next_turn(connection, f"server 127.0.0.1:{server.port}")
    assert free_at is not None
    assert free_at - NOW >= timedelta(seconds=11 / 20)


def test_a_domain_s_limit_holds_up_nobody_else(tmp_path: Path, server: MailServer) -> None:
    setup = _setup(tmp_path, server, 70, '[smtp.domains]\n"mail1.example.org" = 20')
    times: dict[str, list[datetime]] = {}
    start = datetime.now(NOW.tzinfo)
    run.send(setup)
    took = (datetime.now(NOW.tzinfo) - start).total_seconds()
    assert states(setup) == {"sent": 70}
    assert took >= 0.4, times
    order = [kept.to[0] for kept in server.log.mails]
    slow = [place for place, to in enumerate(order) if to.endswith("mail1.example.org")]
    assert slow[-1] >= 65


def test_a_mail_to_oneself_is_signed_as_readers_get_it(tmp_path: Path, server: MailServer) -> None:
    (tmp_path / "dkim.pem").write_bytes(dkim.generate())
    (tmp_path / "dkim.pem").chmod(0o600)
    signs = '[dkim]\nselector = "s1"\ndomain = "papers.example.org"'
    setup = _setup(tmp_path, server, 1, signs)
    run.send(setup)
    steering.test(setup, "papers", "me@example.org")
    assert [b"DKIM-Signature:" in kept.content for kept in server.log.mails] == [True, True]


def test_a_mail_to_oneself_touches_no_row(tmp_path: Path, server: MailServer) -> None:
    setup = _setup(tmp_path, server, 2)
    before = by_id(setup)
    issue, receipt = steering.test(setup, "papers", "me@example.org")
    assert issue.id == ISSUE
    assert receipt.detail.startswith("250")
    assert by_id(setup) == before
    assert [kept.to for kept in server.log.mails] == [["me@example.org"]]
