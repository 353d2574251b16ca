"""What a refusal means, by its code, its status and its words."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest import refusals
from digest.refusals import Kind, judge

DEAD, POLICY, SOFT = Kind.DEAD, Kind.POLICY, Kind.SOFT


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (550, "5.1.1 <ada@example.org>: Recipient address rejected: User unknown"),
        (550, "5.1.10 RESOLVER.ADR.RecipientNotFound; not found by SMTP address lookup"),
        (553, "5.1.3 bad address"),
        (551, "5.1.6 has moved"),
        (550, "5.2.1 The account that you tried to reach is disabled"),
        (550, "no such user here"),
        (550, "user ada@example.org does not exist"),
        (554, "delivery error: dd This user doesn't have an account (ada@example.org)"),
        (552, "mailbox not found"),
        (550, "Empfänger unbekannt"),
        (550, "Destinataire inconnu"),
        (550, "El buzón no existe"),
        (550, "宛先のメールボックスが存在しません"),
        (550, "Получатель не найден"),
        (550, "5.1.1 <spam@blocked.example.org>: unknown user"),
    ],
)
def test_who_is_not_there_is_dead(code: int, words: str) -> None:
    assert judge(code, words).kind is DEAD


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (550, "5.7.1 Message rejected"),
        (550, "5.7.1 no such user"),
        (550, "5.1.1 Message blocked: see https://lists.example.org"),
        (554, "Service unavailable; client host [192.0.2.1] listed at zen.spamhaus.org"),
        (550, "5.1.1 Sender address rejected: User unknown"),
        (550, "5.7.26 Unauthenticated email is not accepted due to the domain's DMARC policy"),
        (550, "relaying denied"),
        (554, "5.6.0 due to content"),
        (421, "4.7.0 [TSS04] Messages deferred due to user complaints"),
    ],
)
def test_what_is_not_wanted_of_us_makes_nobody_dead(code: int, words: str) -> None:
    assert judge(code, words).kind is POLICY


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (552, "5.2.2 mailbox full"),
        (550, "5.1.1 user is over quota"),
        (450, "5.1.1 user unknown"),
        (450, "4.7.1 Greylisted, see you soon; try again later"),
        (550, "mailbox unavailable"),
        (550, "5.2.1 mailbox refuses"),
        (550, "5.1.2 host unknown"),
        (550, "5.4.4 user unknown: name server says nothing"),
        (552, "5.3.4 message too large"),
        (554, "5.3.0 system busy, try again later"),
        (550, ""),
        (0, ""),
        (500, "5.5.1 command not recognized"),
    ],
)
def test_what_may_pass_or_is_not_clear_is_soft(code: int, words: str) -> None:
    assert judge(code, words).kind is SOFT


@pytest.mark.parametrize("code", [400, 421, 450, 451, 452, 499])
@pytest.mark.parametrize("status", ["", "4.1.1", "5.1.1"])
def test_a_reply_of_400_kills_nobody(code: int, status: str) -> None:
    found = judge(code, "no such user here", status)
    assert (found.kind is DEAD, found.is_final) == (False, False)


@pytest.mark.parametrize(
    ("words", "status", "found"),
    [
        ("5.1.1 unknown", "", "5.1.1"),
        ("550 #5.1.6 moved", "5.0.0", "5.1.6"),
        ("5.1.1 unknown", "5.2.2", "5.2.2"),
        ("host 5.1.1.7 says no", "", ""),
        ("version v5.1.1 says no", "", ""),
        ("5.0.0 no", "", "5.0.0"),
        ("4.2.1 later", "", ""),
    ],
)
def test_the_status_is_the_narrowest_that_is_said(words: str, status: str, found: str) -> None:
    assert judge(550, words, status).status == found


@pytest.mark.parametrize(
    ("words", "wait_s"),
    [
        ("try again in 300 seconds", 300),
        ("retry after 5 minutes", 300),
        ("greylisted for 00:05:00", 300),
        ("4.7.1 please come back in 2 hours", 7200),
        ("try again in 5 minutes and 30 seconds", 330),
        ("wait 10 min", 600),
        ("Greylisted, 42 seconds remaining", 42),
        ("try again in 1 second", 30),
        ("try again in 30 days", 86_400),
        ("try again in 999999 days", 86_400),
        ("try again later", None),
        ("open 24 hours", None),
    ],
)
def test_how_long_a_server_asks_us_to_wait(words: str, wait_s: float | None) -> None:
    assert judge(450, words).wait_s == wait_s
    assert judge(550, words).wait_s is None


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("host said: 550 5.1.1 no", 550),
        ("550-5.1.1 no", 550),
        ("<<< 452 full", 452),
        ("smtp;554 no", 554),
        ("call 555-0123", 0),
        ("10.0.0.550", 0),
        ("4500 mails", 0),
    ],
)
def test_the_code_in_words(words: str, code: int) -> None:
    assert refusals.code_in(words) == code


@given(st.integers(0, 999), st.text(max_size=300), st.text(max_size=12))
def test_whatever_is_said_is_judged(code: int, words: str, status: str) -> None:
    found = judge(code, words, status)
    assert found.kind in Kind
    assert not (found.kind is DEAD and not found.is_final)


@pytest.mark.parametrize(
    "piece",
    ["user ", "a.b", "a@", "<", "mailbox is ", "no mailbox for ", "in 1 ", "5.1.1 ", "\u0301"],
)
def test_long_words_take_no_longer(piece: str) -> None:
    began = time.process_time()
    judge(450, piece * 100_000)
    judge(550, piece * 100_000)
    assert time.process_time() - began < 0.1
