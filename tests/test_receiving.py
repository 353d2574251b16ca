"""Mail that comes in, from its bytes to what follows from it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from commands import digest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inbound import ADA, NOW, OURS, Home, homes, parsed, raw, reply_to, token_in, words

from digest import run, tokens
from digest.run import subscribing
from digest.run.links import token
from digest.run.receiving import receive
from digest.store import asks, notices, people
from digest.tokens import Purpose
from digest.types import Suppression

BO = "bo@example.org"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    yield from homes(tmp_path)


TWO = {
    "my-papers": {"topics": ["retrieval"], "sources": ["sample"]},
    "robots": {"title": "Robots & friends", "topics": ["robots"], "sources": ["sample"]},
}


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Home]:
    """An installation with two digests."""
    yield from homes(tmp_path, digests=TWO)


def address(home: Home, purpose: Purpose, of: str = ADA) -> str:
    found = home.subscription(of)
    assert found
    return f"digest+{token(home.setup, purpose, found.id, home.at)}@papers.example.org"


# --- subscribing ---------------------------------------------------------------------------------


def test_somebody_subscribes_changes_pauses_leaves_and_comes_back(home: Home) -> None:
    assert home.gets(raw("subscribe my-papers")) == "done"
    asked = home.only_mail()
    assert asked["To"] == ADA
    assert home.state() == "unconfirmed"
    assert home.gets(raw("yes", to=reply_to(asked))) == "confirmed"
    welcome = home.only_mail()
    mine = reply_to(welcome)
    assert home.gets(raw("weekly on friday\ntopics a; b\npause 2 weeks", to=mine)) == "done"
    found = home.subscription()
    assert found
    assert (found.preferences.frequency, found.preferences.weekday) == ("weekly", "fri")
    assert found.preferences.topics == ("a", "b")
    assert str(found.preferences.paused_until) == "2026-07-06"
    said = words(home.only_mail())
    assert "once a week, on Friday" in said
    assert "2026-07-06" in said
    home.passes(hours=1)
    assert home.gets(raw("resume\ntopics default\nmonthly", to=mine)) == "done"
    found = home.subscription()
    assert found
    assert not found.preferences.topics
    assert not found.preferences.paused_until
    home.new_mails()
    assert home.gets(raw("unsubscribe", to=mine)) == "done"
    assert home.state() == "unsubscribed"
    home.passes(days=1)
    home.gets(raw("subscribe"))
    home.gets(raw("confirm", to=reply_to(home.only_mail())))
    assert home.state() == "confirmed"


def test_the_proof_of_a_confirmation_by_mail_is_its_message_id(home: Home) -> None:
    home.gets(raw("subscribe", Message_ID="<asked@client.example>"))
    home.gets(raw("yes", to=reply_to(home.only_mail()), Message_ID="<yes@client.example>"))
    found = home.subscription()
    assert found
    with home.store.read() as connection:
        noted = {row.what: row.evidence for row in people.noted(connection, found.subscriber)}
    assert noted["asked"]["form"] == noted["confirmed"]["form"] == "mail"
    assert noted["asked"]["message_id"] == "<asked@client.example>"
    assert "by e-mail" in noted["asked"]["wording"]
    assert noted["confirmed"]["message_id"] == "<yes@client.example>"


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        ("I am away.\nyes", {}),
        ("> yes", {}),
        ("no", {}),
        ("-- \nyes", {}),
        ("", {"subject": "yes"}),
        ("yes", {"Auto_Submitted": "auto-replied"}),
        ("yes", {"X_Auto_Response_Suppress": "All"}),
        ("yes", {"Precedence": "bulk"}),
        ("yes", {"List_Id": "<x.example.org>"}),
        ("yes", {"Return_Path": "<>"}),
        ("yes", {"sender": "noreply@example.org"}),
        ("yes", {"subject": "Out of office"}),
    ],
)
def test_only_a_person_who_says_yes_first_has_confirmed(
    home: Home, content: str, headers: dict[str, str]
) -> None:
    home.gets(raw("subscribe"))
    assert home.gets(raw(content, to=reply_to(home.only_mail()), **headers)) != "confirmed"
    assert home.state() == "unconfirmed"


def test_yes_without_the_token_confirms_nothing(home: Home) -> None:
    home.gets(raw("subscribe"))
    asked = home.only_mail()
    assert home.gets(raw("yes")) == "unknown"
    forged = reply_to(asked).replace(token_in(reply_to(asked))[:30], "a" * 30)
    home.gets(raw("yes", to=forged))
    assert home.state() == "unconfirmed"


def test_a_token_of_the_envelope_confirms_where_no_header_has_it(home: Home) -> None:
    home.gets(raw("subscribe"))
    to = reply_to(home.only_mail())
    assert home.gets(raw("yes"), recipients=[to.upper()]) == "confirmed"


def test_a_confirmation_that_comes_too_late_is_told_so(home: Home) -> None:
    home.gets(raw("subscribe"))
    asked = home.only_mail()
    home.passes(days=4)
    assert home.gets(raw("yes", to=reply_to(asked))) == "unknown"
    assert "too old" in words(home.only_mail())
    assert home.state() == "unconfirmed"


def test_a_change_of_address_is_confirmed_by_an_answer_from_the_new_one(home: Home) -> None:
    mine = home.subscribed()
    subscribing.ask_to_move(home.setup, token_in(mine), BO)
    home.gets(raw("help", sender="x@example.org"))
    asked = next(mail for mail in home.new_mails() if mail["To"] == BO)
    assert home.gets(raw("yes", sender=BO, to=reply_to(asked))) == "confirmed"
    assert home.state(BO) == "confirmed"
    assert home.state(ADA) == ""


def test_a_digest_that_there_is_not_is_answered_with_those_there_are(two: Home) -> None:
    assert two.gets(raw("subscribe cats")) == "refused"
    said = words(two.only_mail())
    assert "robots (Robots & friends)" in said
    assert "cats" not in said
    two.passes(hours=1)
    assert two.gets(raw("subscribe")) == "refused"
    assert "which digest" in words(two.only_mail())
    assert two.state() == ""


# --- trust ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["weekly", "daily", "topics a; b", "pause", "resume"])
def test_from_alone_changes_nothing_but_brings_her_own_link(home: Home, command: str) -> None:
    home.subscribed()
    before = home.subscription()
    assert home.gets(raw(command)) == "refused"
    assert home.subscription() == before
    linked = next(mail for mail in home.new_mails() if "link" in mail["Subject"])
    assert home.gets(raw(command, to=reply_to(linked))) == "done"


def test_somebody_unknown_who_wants_a_change_gets_no_link(home: Home) -> None:
    assert home.gets(raw("weekly", sender=BO)) == "refused"
    said = home.only_mail()
    assert "forged" in words(said)
    assert said["Reply-To"] == OURS


@pytest.mark.parametrize("purpose", [Purpose.CONFIRM, Purpose.OPINION, Purpose.UNSUBSCRIBE])
def test_a_token_for_something_else_changes_nothing(home: Home, purpose: Purpose) -> None:
    home.subscribed()
    home.gets(raw("weekly", to=address(home, purpose)))
    found = home.subscription()
    assert found
    assert found.preferences.frequency is None


def test_from_is_enough_for_leaving_and_she_is_told_once(two: Home) -> None:
    two.subscribed()
    two.subscribed(digest="robots")
    two.passes(hours=1)
    assert two.gets(raw("unsubscribe robots")) == "done"
    assert two.state(digest="robots") == "unsubscribed"
    assert two.state() == "confirmed"
    assert "unsubscribed from Robots & friends" in words(two.only_mail())
    assert two.gets(raw("", "Unsubscribe")) == "done"
    assert two.state() == "unsubscribed"
    assert two.new_mails() == []


def test_leaving_what_one_has_not_leaves_no_trace_of_who_has(home: Home) -> None:
    assert home.gets(raw("unsubscribe", sender=BO)) == "done"
    assert "not subscribed" in words(home.only_mail())


def test_the_address_of_the_unsubscribe_header_is_enough_whatever_the_mail_says(home: Home) -> None:
    home.subscribed()
    to = address(home, Purpose.UNSUBSCRIBE)
    # Mail programs send these by themselves, and not from where she gets her mail.
    sent = raw("", "", sender="other@example.net", to=to, Auto_Submitted="auto-generated")
    assert home.gets(sent) == "done"
    assert home.state() == "unsubscribed"
    assert home.new_mails() == []
    assert home.gets(raw("", "unsubscribe", sender="other@example.net", to=to)) == "done"
    assert home.only_mail()["To"] == ADA


def test_what_is_proved_is_answered_to_the_address_we_know_and_with_her_link(home: Home) -> None:
    mine = home.subscribed()
    home.gets(raw("weekly", sender="evil@example.net", to=mine))
    said = home.only_mail()
    assert said["To"] == ADA
    assert "/preferences/" in words(said)
    assert tokens.read(home.setup.keys, token_in(reply_to(said)), Purpose.PREFERENCES, home.at)


def test_topics_that_cannot_be_kept_are_refused_without_being_repeated(home: Home) -> None:
    mine = home.subscribed()
    for line in ("topics " + "; ".join(f"xyzzy{n}" for n in range(21)), "topics (xyzzy AND"):
        home.passes(hours=1)
        assert home.gets(raw(line, to=mine)) == "refused"
        said = words(home.only_mail())
        assert "could not be read" in said
        assert "xyzzy" not in said
    found = home.subscription()
    assert found
    assert not found.preferences.topics


def test_a_token_of_somebody_erased_does_nothing(home: Home) -> None:
    mine = home.subscribed()
    leave = address(home, Purpose.UNSUBSCRIBE)
    subscribing.erase(home.setup, ADA, lambda _: 0)
    assert home.gets(raw("unsubscribe", to=leave)) == "done"
    assert home.gets(raw("weekly", to=mine)) == "refused"
    assert home.new_mails() == []
    assert home.state() == ""


# --- answers -------------------------------------------------------------------------------------


def test_help_lists_the_commands_and_the_digests(two: Home) -> None:
    assert two.gets(raw("help", Message_ID="<q@client.example>")) == "done"
    said = two.only_mail()
    for word in ("subscribe NAME", "topics", "weekly on friday", "pause until", "robots"):
        assert word in words(said)
    assert said["Auto-Submitted"] == "auto-replied"
    assert said["In-Reply-To"] == said["References"] == "<q@client.example>"


def test_an_answer_is_one_also_where_the_mail_had_no_message_id(home: Home) -> None:
    home.gets(raw("help", Message_ID=""))
    said = home.only_mail()
    assert said["Auto-Submitted"] == "auto-replied"
    assert said["In-Reply-To"] is None


def test_a_message_id_that_is_none_stands_in_no_answer(home: Home) -> None:
    home.gets(raw("help", Message_ID="<a b\t<c>@x> evil"))
    assert "evil" not in str(home.only_mail())


def test_no_word_of_the_mail_is_in_the_answer(home: Home) -> None:
    sender = "Xyzzy <ada@example.org>"
    home.gets(
        raw("xyzzy http://evil.example/", "xyzzy", sender=sender, Reply_To="xyzzy@evil.example")
    )
    said = home.only_mail()
    assert "xyzzy" not in str(said).lower()
    assert "evil" not in str(said).lower()


def test_a_sender_is_answered_once_an_hour_however_she_is_spelled(home: Home) -> None:
    for number in range(20):
        home.gets(raw("help", sender=ADA if number % 2 else ADA.upper()))
        home.passes(minutes=2)
    assert len(home.new_mails()) == 1
    home.passes(minutes=30)
    home.gets(raw("help"))
    assert len(home.new_mails()) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-generated"},
        {"Precedence": "list"},
        {"List_Unsubscribe": "<x>"},
        {"Return_Path": "<>"},
        {"sender": "MAILER-DAEMON@example.org"},
        {"sender": OURS},
        {"sender": OURS.replace("@", "+x@").upper()},
        {"sender": "people@papers.example.org"},
    ],
)
def test_programs_and_ourselves_are_not_answered_and_not_obeyed(
    home: Home, headers: dict[str, str]
) -> None:
    for line in ("help", "subscribe my-papers", "unsubscribe", "anything"):
        home.gets(raw(line, **headers))
    assert home.new_mails() == []
    assert set(home.outcomes()) <= {"automatic", "report"}


def test_the_envelopes_empty_sender_is_not_answered(home: Home) -> None:
    assert home.gets(raw("help"), envelope_sender="") == "automatic"
    assert home.new_mails() == []


def test_who_must_not_be_written_to_is_not_answered(home: Home) -> None:
    with home.store.write() as connection:
        mark = subscribing.fingerprint(home.setup, ADA)
        asks.suppress(connection, mark, Suppression.COMPLAINT, NOW)
    home.gets(raw("help"))
    home.gets(raw("subscribe"))
    assert home.new_mails() == []
    with home.store.read() as connection:
        assert notices.by_state(connection) == {}


def test_forged_senders_cause_no_more_mails_than_strangers_may(tmp_path: Path) -> None:
    for home in homes(tmp_path, limits={"per_domain": 5, "overall": 8}):
        for number in range(10):
            home.gets(raw("help", sender=f"a{number}@one.example"))
            home.gets(raw("help", sender=f"a{number}@two.example"))
        assert len(home.new_mails()) == 8


# --- what is kept --------------------------------------------------------------------------------


def test_the_same_mail_twice_is_done_once(home: Home) -> None:
    mine = home.subscribed()
    home.gets(content := raw("pause 1 week", to=mine))
    home.gets(raw("resume", to=mine))
    assert home.gets(content) == "done"
    found = home.subscription()
    assert found
    assert found.preferences.paused_until is None


def test_reports_are_kept_and_never_answered(home: Home) -> None:
    bounce = raw(
        "--b\nContent-Type: message/delivery-status\n\nAction: failed\n--b--",
        Content_Type="multipart/report; report-type=delivery-status; boundary=b",
        sender="MAILER-DAEMON@example.org",
    )
    assert home.gets(bounce) == "report"
    assert home.kept("report") == [bounce]
    assert home.new_mails() == []


def test_what_nobody_can_read_is_kept_and_counted(home: Home) -> None:
    mails = [b"", b"\xff\xfe\x00", raw("help", sender="a@x.org, b@x.org"), raw("help", sender="")]
    for content in mails:
        assert home.gets(content) == "unreadable"
    assert sorted(home.kept("unreadable")) == sorted(mails)
    assert home.new_mails() == []


def test_what_has_no_command_is_kept_and_gets_help_once(home: Home) -> None:
    content = raw("Dear people, how are you?")
    assert home.gets(content) == "unknown"
    assert home.kept("unknown") == [content]
    assert "no command" in words(home.only_mail())


def test_of_what_was_read_only_the_outcome_is_kept(home: Home) -> None:
    home.gets(raw("help"))
    home.gets(raw("x", Auto_Submitted="auto-replied"))
    assert home.outcomes() == {"done": 1, "automatic": 1}
    assert home.kept("done") == home.kept("automatic") == []


def test_of_a_long_mail_only_the_headers_are_kept(home: Home) -> None:
    assert home.gets(raw("help\n" + "x" * 2_000_000)) == "large"
    (content,) = home.kept("large")
    assert len(content) < 500
    assert parsed(content)["From"] == f"Ada <{ADA}>"


def test_so_many_bytes_of_a_mail_are_kept_and_no_more(home: Home) -> None:
    home.gets(raw("Dear people,\n" + "x" * 500_000))
    assert [len(one) for one in home.kept("unknown")] == [64_000]


def test_who_is_erased_is_in_no_kept_mail_of_anybody(home: Home) -> None:
    home.gets(raw("Dear people, hello"))
    home.gets(
        raw("I know ada=40example.org", sender=BO, Content_Transfer_Encoding="quoted-printable")
    )
    home.gets(raw("I know nada@example.org", sender=BO))
    home.gets(raw("help"))
    gone = subscribing.erase(home.setup, ADA, lambda _: 0)
    assert gone["arrivals"] == 3
    assert len(home.kept("unknown")) == 1
    assert home.outcomes() == {"unknown": 1}
    for file in home.folder.glob("digest.db*"):
        content = file.read_bytes()
        assert not re.search(rb"(?<!n)ada(@|=40)example\.org", content), file.name


# --- senders as strangers write them -------------------------------------------------------------


@pytest.mark.parametrize(
    ("sender", "outcome"),
    [
        ("ädä@example.org", "unreadable"),
        ("Ada <ada@bücher.example>", "done"),
        ("a" * 300 + "@example.org", "unreadable"),
        ('"quoted local"@example.org', "unreadable"),
        ("ada@[127.0.0.1]", "unreadable"),
        ("ada@examp\u200ble.org", "unreadable"),
        ("Ada\r\nBcc: x@example.net\r\n <ada@example.org>", "unreadable"),
        ("<ada@example.org\x00>", "unreadable"),
        ("@", "unreadable"),
    ],
)
def test_only_an_address_that_can_be_written_to_subscribes(
    home: Home, sender: str, outcome: str
) -> None:
    assert home.gets(raw("subscribe", sender=sender)) == outcome
    for mail in home.new_mails():
        assert mail["To"] == "ada@xn--bcher-kva.example"
        assert mail["Bcc"] is None


def test_a_domain_that_only_looks_the_same_is_another_one(home: Home) -> None:
    home.subscribed()
    home.gets(raw("unsubscribe", sender="ada@ex\u0430mple.org"))  # a Cyrillic letter
    assert home.state() == "confirmed"


# --- loops ---------------------------------------------------------------------------------------

#: How the other side answers whatever it gets: (subject, body, further headers).
STYLES: list[tuple[str, str, dict[str, str]]] = [
    ("Automatic reply: {subject}", "I am away.", {"Auto_Submitted": "auto-replied"}),
    ("Re: {subject}", "yes\n\nI am away.", {"Precedence": "auto_reply"}),
    ("Re: {subject}", "I got your mail.", {}),
    ("Re: {subject}", "{body}", {}),
    ("{subject}", "{quoted}", {}),
    ("subscribe my-papers", "subscribe my-papers", {}),
    ("help", "help", {}),
    ("unsubscribe", "unsubscribe", {}),
    ("Re: {subject}", "weekly", {}),
    ("Ticket #{number} received", "Thank you.\nWe will be back.", {"Message_ID": ""}),
]


@pytest.mark.slow
@pytest.mark.parametrize("is_subscribed", [False, True])
def test_an_auto_responder_on_the_other_side_makes_no_loop(home: Home, is_subscribed: bool) -> None:
    """Up to 1,000 mails of ten responders, one a minute each, that answer all they get."""
    people_there = [f"robot{number}@r{number}.example" for number in range(len(STYLES))]
    if is_subscribed:
        for address in people_there:
            home.subscribed(address)
    sent = dict.fromkeys(people_there, 0)
    answers = dict.fromkeys(people_there, 0)
    last = dict.fromkeys(people_there, ("Hello", "Hello", OURS))
    for number in range(50 if is_subscribed else 100):
        home.passes(minutes=1)
        for (subject, body, headers), address in zip(STYLES, people_there, strict=True):
            about, text, to = last[address]
            quoted = "\n".join(f"> {line}" for line in text.splitlines())
            said = {"number": str(number), "subject": about, "body": text, "quoted": quoted}
            content = raw(
                body.format(**said) + f"\n\n{number}",
                subject.format(**said),
                sender=address,
                to=to,
                **headers,
            )
            receive(home.setup, content)
        if number % 5 == 0:
            run.attend(home.setup)
        for mail in home.new_mails():
            sent[mail["To"]] += 1
            answers[mail["To"]] += mail["Subject"].startswith("About your mail")
            part = mail.get_body(("plain",))
            assert part is not None
            last[mail["To"]] = (mail["Subject"], part.get_content(), reply_to(mail))
    hours = 2 if not is_subscribed else 1
    assert max(answers.values()) <= hours
    # Beside answers: a confirmation, a link, a welcome, and none of these twice.
    assert max(sent.values()) <= hours + 3
    assert answers[people_there[0]] == answers[people_there[1]] == 0
    assert sum(answers.values()) > 0


def test_two_installations_that_write_to_each_other_fall_silent(tmp_path: Path) -> None:
    ours = Home(tmp_path / "a")
    theirs = Home(tmp_path / "b", ours="news@other.example")
    ours.gets(raw("subscribe", sender="news@other.example"))
    theirs.gets(raw("help", sender=OURS, to="news@other.example"))
    exchanged = 0
    for _ in range(20):
        for here, there in ((ours, theirs), (theirs, ours)):
            for mail in here.new_mails():
                exchanged += 1
                there.gets(mail.as_bytes(), recipients=[str(mail["To"])])
        ours.passes(hours=2)
        theirs.passes(hours=2)
    assert exchanged == 2
    assert ours.state("news@other.example") == "unconfirmed"
    ours.store.close()
    theirs.store.close()


# --- whatever comes ------------------------------------------------------------------------------

_PIECES = st.sampled_from(
    [
        b"From: ada@example.org\r\n", b"From: ", b"From: =?utf-8?b?/w==?= <a@b.example>\r\n",
        b"To: digest@papers.example.org\r\n", b"To: digest+TOKEN@papers.example.org\r\n",
        b"Subject: ", b"subscribe my-papers", b"unsubscribe", b"topics ", b"a; b", b"weekly",
        b"pause until ", b"2026-13-45", b"yes", b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\x00", b">",
        b"Content-Type: multipart/mixed; boundary=b\r\n", b"--b\r\n", b"--b--",
        b"Content-Type: text/html; charset=idna\r\n", b"Content-Transfer-Encoding: base64\r\n",
        b"Content-Type: text/plain; charset=\"\r\n", b"Content-Disposition: ;;;\r\n",
        b"Content-Type: message/rfc822\r\n", b"=?utf-8?q?", b"?=", b"<", b"@", b",", b"(", b'"',
        b"Auto-Submitted: ", b"no", b"Return-Path: <>\r\n", b"Message-ID: <x@y>\r\n", b"\xff\xfe",
        b"Content-Type: text/plain; charset*0*=utf-8''%ff; charset*1=x\r\n", b"<blockquote>", b"&#",
        b"Content-Type: multipart/report; report-type*=x'y'z\r\n",
    ]
)  # fmt: skip
_MAILS = st.lists(_PIECES | st.binary(max_size=20), max_size=30).map(b"".join)
#: `make fuzz` gives more.
_EXAMPLES = int(os.environ.get("DIGEST_FUZZ", "300"))


@pytest.fixture(scope="module")
def hit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """An installation that gets everything, with somebody who is subscribed."""
    for home in homes(tmp_path_factory.mktemp("hit")):
        home.subscribed()
        yield home


@pytest.mark.slow
@settings(
    max_examples=_EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(content=_MAILS, kind=st.sampled_from(Purpose))
@pytest.mark.timeout(1200)
def test_whatever_comes_is_accounted_for_and_nothing_else_is_stored(
    hit: Home, content: bytes, kind: Purpose
) -> None:
    own = token_in(address(hit, kind)) if hit.state() else ""
    content = content.replace(b"TOKEN", own.encode())
    outcome = receive(hit.setup, content)
    assert outcome in {
        *("done", "refused", "confirmed", "automatic", "report"),
        *("unknown", "unreadable", "large"),
    }
    assert receive(hit.setup, content) == outcome
    with hit.store.read() as connection:
        for one, _ in people.every(connection):
            assert re.fullmatch(r"[\x21-\x7e]+@[a-z0-9.-]+", one.address)
            assert one.digest == "my-papers"
            for topic in one.preferences.topics:
                assert topic.isprintable()
        for ask in asks.waiting(connection, 10_000):
            assert ask.digest == "my-papers"


# --- the command ---------------------------------------------------------------------------------


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digest.toml").write_text(
        f'[inbox]\naddress = "{OURS}"\n[operator]\ncontact = "people@papers.example.org"\n'
        '[digests.my-papers]\ntopics = ["retrieval"]\nsources = ["sample"]\n'
    )
    return tmp_path


def outbox(folder: Path) -> list[Any]:
    return [parsed(file.read_bytes()) for file in sorted(folder.glob("outbox/*/*/*.eml"))]


def test_a_pipe_subscribes_and_confirms(configured: Path) -> None:
    now = ("--now", "2026-06-22T08:00")
    done = digest("inbox", *now, given=raw("subscribe my-papers"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")
    (asked,) = outbox(configured)
    done = digest("inbox", *now, "--to", reply_to(asked), given=raw("yes"))
    assert (done.returncode, done.stdout) == (0, "confirmed\n")
    assert len(outbox(configured)) == 2


@pytest.mark.parametrize("content", [b"", b"\xff" * 100, b"x" * 3_000_000, raw("Hello!")])
def test_a_pipe_ends_well_with_whatever_it_took(configured: Path, content: bytes) -> None:
    assert digest("inbox", given=content).returncode == 0


@pytest.mark.parametrize(
    ("file", "text"),
    [("digest.toml", "store = 1"), ("digest.keys", "nonsense"), ("digest.db", "x" * 5000)],
)
def test_what_cannot_be_done_now_is_left_to_the_mail_server(
    configured: Path, file: str, text: str
) -> None:
    (configured / file).write_text(text)
    (configured / file).chmod(0o600)
    done = digest("inbox", given=raw("subscribe my-papers", to=f"d+{'a' * 40}@x.org"))
    assert done.returncode == 75
    assert file.partition(".")[2] in done.stderr or file in done.stderr


def test_two_ways_at_once_are_refused(configured: Path) -> None:
    assert digest("inbox", "--imap", "--lmtp").returncode == 2
    assert digest("inbox", "--imap", "--to", ADA).returncode == 2


def test_collecting_without_a_password_says_which_is_missing(
    configured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DIGEST_IMAP_PASSWORD", raising=False)
    done = digest("inbox", "--imap")
    assert done.returncode == 2
    assert "DIGEST_IMAP_PASSWORD" in done.stderr


def test_an_hour_is_an_hour(home: Home) -> None:
    home.gets(raw("help"))
    home.at += timedelta(minutes=59, seconds=59)
    home.gets(raw("help"))
    assert len(home.new_mails()) == 1
