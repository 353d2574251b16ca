"""Reading reports: the corpus by its labels, and what must not be taken for one."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from returns import FOLDER, LABELS, mail

from digest import bounce
from digest.bounce import Fate, Report, Returned
from digest.types import Suppression

RETURN, LEAVE = "oi", "ou"  # how the tokens of the corpus begin


def found_by(report: Report) -> list[str]:
    ways = {
        "return-token": any(one.startswith(RETURN) for one in report.tokens),
        "message-id": any(one.startswith("00112233445566ff") for one in report.message_ids),
        "list-unsubscribe": any(one.startswith(LEAVE) for one in report.tokens),
    }
    return [way for way, holds in ways.items() if holds]


def test_every_mail_of_the_corpus_has_its_label() -> None:
    assert {file.stem for file in FOLDER.glob("*.eml")} == set(LABELS)
    assert len(LABELS) >= 64


@pytest.mark.parametrize("name", LABELS)
def test_a_report_says_what_its_label_says(name: str) -> None:
    label, report = LABELS[name], bounce.read(mail(name))
    said = [
        {"address": one.address, "kind": str(one.fate), "status": one.status}
        for one in report.recipients
    ]
    assert (report.kind, said) == (label["report"], label["recipients"])
    assert found_by(report) == label["found_by"]


@pytest.mark.parametrize("kind", ["hard", "soft", "policy", "delayed", "complaint"])
def test_of_each_kind_all_are_found_and_none_is_mistaken(kind: str) -> None:
    wanted, found = set(), set()
    for name, label in LABELS.items():
        wanted |= {(name, one["address"]) for one in label["recipients"] if one["kind"] == kind}
        read = bounce.read(mail(name)).recipients
        found |= {(name, one.address) for one in read if one.fate == kind}
    assert wanted, "nothing in the corpus is of this kind"
    precision, recall = len(wanted & found) / len(found), len(wanted & found) / len(wanted)
    assert (precision, recall) == (1, 1), wanted ^ found


def test_the_address_on_the_envelope_leads_to_the_mail_too() -> None:
    content = mail("no-way-to-find")
    token = RETURN + "a" * 38
    found = bounce.read(content, [f"digest+{token}@papers.example.org"])
    assert found.tokens == (token,)
    assert bounce.read(content).tokens == ()


# --- one of several ------------------------------------------------------------------------------


def returned(address: str, fate: Fate, original: str = "") -> Returned:
    return Returned(address=address, original=original, fate=fate)


def report(*some: Returned) -> Report:
    return Report(kind="bounce", recipients=some)


def test_of_several_recipients_only_hers_counts() -> None:
    both = report(returned("a@x.org", Fate.HARD), returned("b@x.org", Fate.SOFT))
    found = {one: bounce.about(both, one) for one in ("A@x.org", "b@x.org", "c@x.org")}
    assert [one and one.fate for one in found.values()] == [Fate.HARD, Fate.SOFT, None]


def test_one_recipient_is_she_wherever_her_mail_is_passed_on_to() -> None:
    found = bounce.about(report(returned("private@y.org", Fate.HARD)), "a@x.org")
    assert found is not None
    assert found.fate is Fate.HARD


def test_the_original_recipient_tells_her_from_the_others() -> None:
    both = report(
        returned("q@y.org", Fate.HARD, original="a@x.org"), returned("b@x.org", Fate.SOFT)
    )
    found = bounce.about(both, "a@x.org")
    assert found is not None
    assert found.fate is Fate.HARD


def test_a_report_about_nobody_says_nothing() -> None:
    assert bounce.about(report(), "a@x.org") is None


# --- rules ---------------------------------------------------------------------------------------


def test_only_the_dead_and_those_who_complain_are_never_written_to_again() -> None:
    found = {fate: bounce.decide(fate).suppress for fate in Fate}
    assert {fate: why for fate, why in found.items() if why} == {
        Fate.HARD: Suppression.BOUNCE,
        Fate.COMPLAINT: Suppression.COMPLAINT,
    }


def test_five_days_of_soft_bounces_are_enough() -> None:
    found = [bounce.decide(Fate.SOFT, days).suppress for days in range(1, 7)]
    assert found == [None] * 4 + [Suppression.BOUNCE] * 2


def test_what_did_not_arrive_has_failed_and_the_rest_has_not() -> None:
    failed = {fate for fate in Fate if bounce.decide(fate).has_failed}
    assert failed == {Fate.HARD, Fate.SOFT, Fate.POLICY}


# --- hostile mails -------------------------------------------------------------------------------

_NAMES = st.sampled_from(sorted(LABELS))


@st.composite
def _mutated(draw: st.DrawFn) -> bytes:
    content = bytearray(mail(draw(_NAMES)))
    for _ in range(draw(st.integers(1, 8))):
        at = draw(st.integers(0, len(content)))
        end = min(len(content), at + draw(st.integers(0, 300)))
        change = draw(st.sampled_from(["cut", "repeat", "put", "mix"]))
        if change == "cut":
            del content[at:end]
        elif change == "repeat":
            content[at:at] = content[at:end] * draw(st.integers(1, 60))
        elif change == "put":
            content[at:end] = draw(st.binary(max_size=20))
        else:
            other = mail(draw(_NAMES))
            content[at:at] = other[draw(st.integers(0, len(other))) :][:1500]
    return bytes(content)


@settings(max_examples=300, deadline=None)
@given(_mutated())
def test_no_mail_raises_or_takes_long(content: bytes) -> None:
    began = time.process_time()
    found = bounce.read(content)
    assert time.process_time() - began < 0.2
    assert len(found.recipients) <= 50
    assert all(len(one.words) <= 300 for one in found.recipients)
    assert all("\n" not in one.words + one.address + one.status for one in found.recipients)


_HEAD = b"From: MAILER-DAEMON@x.example\nSubject: failure notice\n"
_REPORT = _HEAD + b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"


@pytest.mark.parametrize(
    "content",
    [
        _HEAD + b"\n" + b"a@example.org\n" * 60_000,
        _HEAD + b"\n" + b"<" * 300_000,
        _HEAD + b"\n" + b"a.b" * 100_000,
        _HEAD + b"\n550 " + b"user " * 60_000,
        _HEAD + b"\n" + b"account mailbox is " * 20_000,
        _HEAD + b"\na@example.org\n" + b"-- " * 100_000,
        _REPORT + b"--b\nContent-Type: message/delivery-status\n\n" + b"A: b\n\n" * 50_000,
        _REPORT + b"--b\nContent-Type: message/delivery-status\n\n"
        + b"Final-Recipient: rfc822; a@x.org\nAction: failed\nStatus: 5.0.0\n"
        b"Diagnostic-Code: smtp; 550 " + b"no mailbox for " * 18_000,
        _REPORT + b"--b\nContent-Type: text/plain\n\n" * 10_000,
        _HEAD + b"X-Failed-Recipients: " + b"a@x.org, " * 30_000,
        _HEAD + b"In-Reply-To: " + b"<a@b>" * 60_000,
    ],
)  # fmt: skip
def test_long_mails_take_no_longer(content: bytes) -> None:
    began = time.process_time()
    bounce.read(content)
    assert time.process_time() - began < 0.2
