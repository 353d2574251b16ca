"""What the bytes of a mail say, and what they do not."""

from __future__ import annotations

import base64
import quopri
import time

import pytest
from inbound import OURS, raw

from digest import arrivals

TOKEN = "ouaqaejcgncfkzx7aaaaas7lseykh77swamtfvrv"
OTHER = "mmaqaaaaaaaaaaadado64tspc3zqlflno23mwp63"


def sender(value: str) -> str:
    return arrivals.read(raw(sender=value)).sender


def lines(body: str, **headers: str) -> tuple[str, ...]:
    return arrivals.read(raw(body, **headers)).lines


# --- who -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("ada@example.org", "ada@example.org"),
        ("Ada <ada@example.org>", "ada@example.org"),
        ('"Lovelace, Ada" <ada@example.org>', "ada@example.org"),
        ("Lovelace, Ada <ada@example.org>", "ada@example.org"),
        ("=?utf-8?q?Ad=C3=A4_=3Cevil=40example=2Enet=3E?= <ada@example.org>", "ada@example.org"),
        ('"boss@bank.example" <ada@example.org>', "ada@example.org"),
        ("boss@bank.example <ada@example.org>", "ada@example.org"),
        ("ada@example.org (Ada (the one) here)", "ada@example.org"),
        ("(x@y.example) ada@example.org", "ada@example.org"),
        (' "a \\" <evil@example.net>" <ada@example.org>', "ada@example.org"),
    ],
)
def test_a_from_header_with_one_address_says_who(value: str, address: str) -> None:
    assert sender(value) == address


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Ada",
        "ada@example.org, bo@example.org",
        "Ada <ada@example.org>, Bo <bo@example.org>",
        "Friends: ada@example.org;",
        "Friends: ada@example.org, bo@example.org;",
        "undisclosed-recipients:;",
        "<ada@example.org> <bo@example.org>",
        "ada@example.org bo@example.org",
        "<ada@ example.org>",
        "<>",
    ],
)
def test_a_from_header_with_none_or_several_says_nobody(value: str) -> None:
    assert sender(value) == ""


def test_two_from_headers_say_nobody() -> None:
    twice = raw().replace(b"From:", b"From: bo@example.org\r\nFrom:")
    assert arrivals.read(twice).sender == ""


def test_a_from_header_that_breaks_its_line_brings_no_header_in() -> None:
    folded = raw(sender="Ada\r\n <ada@example.org>")
    assert arrivals.read(folded).sender == "ada@example.org"
    forged = raw(
        sender="=?utf-8?q?a=0D=0ATo=3A_x?= <ada@example.org>", subject="=?utf-8?q?a=0D=0Ab?="
    )
    assert arrivals.read(forged).sender == "ada@example.org"
    assert arrivals.read(forged).subject == "a b"


# --- where to ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["To", "Cc", "Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To"]
)
def test_a_token_is_found_in_whatever_header_has_the_address(name: str) -> None:
    content = raw(to="").replace(
        b"\r\n\r\n", f"\r\n{name}: D <d+{TOKEN}@x.org>\r\n\r\n".encode(), 1
    )
    assert arrivals.read(content).tokens == (TOKEN,)


def test_the_mail_servers_word_comes_before_the_headers_and_capitals_do_not_count() -> None:
    content = raw(to=f"digest+{OTHER}@x.org", Delivered_To=OURS)
    found = arrivals.read(content, [f"Digest+{TOKEN.upper()}@x.org"])
    assert found.tokens == (TOKEN, OTHER)


def test_a_token_in_the_text_or_the_subject_proves_nothing() -> None:
    content = raw(f"digest+{TOKEN}@x.org", f"digest+{TOKEN}@x.org", X_To=f"d+{TOKEN}@x.org")
    assert arrivals.read(content).tokens == ()


def test_only_some_of_very_many_tokens_are_looked_at() -> None:
    to = ", ".join(
        f"d+{number:040d}@x.org".replace("0", "a")
        .replace("1", "b")
        .replace("8", "c")
        .replace("9", "d")
        for number in range(200)
    )
    assert len(arrivals.read(raw(to=to)).tokens) == 5


# --- by whom -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-generated; owner-email=x@example.org"},
        {"auto_submitted": "AUTO-NOTIFIED"},
        {"X_Auto_Response_Suppress": "All"},
        {"X_Autoreply": "yes"},
        {"Precedence": "auto_reply"},
        {"Precedence": "Bulk"},
        {"Precedence": "junk"},
        {"Precedence": "list"},
        {"List_Id": "<a.example.org>"},
        {"List_Unsubscribe": "<mailto:x@example.org>"},
        {"Return_Path": "<>"},
        {"Return_Path": "<MAILER-DAEMON>"},
        {"Content_Type": "multipart/report; boundary=x"},
        {"subject": "Out of office: back on Monday"},
        {"subject": "Automatic reply: Please confirm"},
        {"subject": "=?utf-8?q?R=C3=A9ponse_automatique_=3A_bonjour?="},
        {"subject": "Undeliverable: Please confirm"},
        {"sender": "MAILER-DAEMON@example.org"},
        {"sender": "Postmaster <postmaster@example.org>"},
        {"sender": "noreply@example.org"},
        {"sender": "no-reply+17@example.org"},
        {"sender": "do-not-reply@example.org"},
        {"sender": "owner-cats@example.org"},
        {"sender": "cats-request@example.org"},
        {"sender": "bounces+ada@example.org"},
    ],
)
def test_a_program_is_known_by_its_headers(headers: dict[str, str]) -> None:
    assert arrivals.read(raw("yes", **headers)).automatic


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Auto_Submitted": "no"},
        {"Return_Path": "<ada@example.org>"},
        {"subject": "Re: Please confirm: Automatic reply systems by e-mail"},
        {"subject": "subscribe"},
        {"sender": "office@example.org"},
        {"Precedence": "first-class"},
    ],
)
def test_a_person_is_not_taken_for_a_program(headers: dict[str, str]) -> None:
    assert not arrivals.read(raw("yes", **headers)).automatic


def test_the_envelope_tells_of_an_empty_sender() -> None:
    assert arrivals.read(raw("yes"), (), "").automatic == "empty sender"
    assert not arrivals.read(raw("yes"), (), "ada@example.org").automatic


@pytest.mark.parametrize(
    ("kind", "sender", "report"),
    [
        ("multipart/report; report-type=delivery-status; boundary=x", "m@x.org", "bounce"),
        ('multipart/report; report-type="feedback-report"; boundary=x', "m@x.org", "complaint"),
        ("multipart/report; report-type=disposition-notification; boundary=x", "m@x.org", ""),
        ("text/plain", "Mailer-Daemon@x.org", "bounce"),
        ("text/plain", "ada@example.org", ""),
    ],
)
def test_reports_are_told_apart(kind: str, sender: str, report: str) -> None:
    assert arrivals.read(raw("--x--", sender=sender, Content_Type=kind)).report == report


# --- what ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        "Yes",
        "\n\n  Yes  \n\n-- \nAda\nyes",
        "Yes\n\nOn Mon, 22 Jun 2026 at 08:00, My papers <d@x.org> wrote:\n> Please confirm\n> yes",
        "On Mon, 22 Jun 2026 at 08:00, My papers wrote:\n> Please\n> confirm\n\nYes",
        "On Mon, 22 Jun 2026 at 08:00, My papers <\nd+abc234@x.example.org> wrote:\n> P\n\nYes",
        "Am 22.06.2026 um 08:00 schrieb My papers:\n> Please\n\nYes",
        "Le lun. 22 juin 2026 à 08:00, My papers <d@x.org> a écrit :\n> Please\nYes",
        "Yes\nOn Mon, 22 Jun 2026 at 08:00, My papers <d@x.org> wrote:\n\nPlease confirm",
        "Yes\n\n-----Original Message-----\nFrom: My papers\nhelp",
        "Yes\n________________________________\nFrom: My papers <d@x.org>\nSent: Monday\nhelp",
        "Yes\n\nFrom: My papers <d@x.org>\nSent: Monday\nTo: Ada\nhelp",
        "Yes\n\nVon: My papers <d@x.org>\nGesendet: Montag\nAn: Ada\nhelp",
        "\ufeffYes\u200b",
    ],
)
def test_what_she_wrote_is_told_from_what_she_quotes(body: str) -> None:
    assert lines(body) == ("Yes",)


@pytest.mark.parametrize(
    "body",
    [
        "> yes",
        "On Mon, 22 Jun 2026 at 08:00, My papers wrote:\n\nyes",
        "-- \nyes",
        "---------- Forwarded message ---------\nyes",
        "Begin forwarded message:\n\nyes",
        "",
    ],
)
def test_what_is_only_quoted_is_not_hers(body: str) -> None:
    assert lines(body) == ()


def test_html_alone_is_read_without_what_is_hidden_or_quoted() -> None:
    body = (
        "<html><head><title>help</title><style>help{}</style><script>help()</script></head><body>"
        "<div>Yes<!-- help --></div><div>Ada&nbsp;&amp; Bo</div>"
        "<blockquote type=cite><p>help<blockquote>me</blockquote></p></blockquote>after</body>"
    )
    found = lines(body, Content_Type="text/html; charset=utf-8")
    assert [one for one in found if one] == ["Yes", "Ada & Bo", "after"]


def test_of_two_texts_the_plain_one_is_read_and_attachments_are_not() -> None:
    body = (
        "--b\nContent-Type: text/plain\nContent-Disposition: attachment\n\nhelp\n"
        "--b\nContent-Type: message/rfc822\n\nSubject: x\n\nhelp\n"
        "--b\nContent-Type: multipart/alternative; boundary=c\n\n"
        "--c\nContent-Type: text/html\n\n<p>help</p>\n"
        "--c\nContent-Type: text/plain\n\ndaily\n--c--\n--b--"
    )
    assert lines(body, Content_Type="multipart/mixed; boundary=b") == ("daily",)


TEXT = "topics größe"


@pytest.mark.parametrize(
    ("content", "charset"),
    [
        (TEXT.encode(), "utf-8"),
        (TEXT.encode(), "iso-8859-1"),
        (TEXT.encode(), "us-ascii"),
        (TEXT.encode(), "no-such-thing"),
        (TEXT.encode("cp1252"), "windows-1252"),
        (TEXT.encode("latin-1"), "utf-8"),
        (TEXT.encode("latin-1"), "us-ascii"),
        (TEXT.encode(), "idna"),
        (TEXT.encode(), "rot13"),
        (TEXT.encode("utf-16"), "utf-16"),
    ],
)
@pytest.mark.parametrize("encoding", ["8bit", "base64", "quoted-printable"])
def test_charsets_and_encodings_are_read_also_where_they_lie(
    content: bytes, charset: str, encoding: str
) -> None:
    if encoding == "8bit" and charset == "utf-16":
        return
    wrapped = {"8bit": bytes, "base64": base64.encodebytes, "quoted-printable": quopri.encodestring}
    head = raw("", Content_Transfer_Encoding=encoding).replace(b"utf-8", charset.encode())
    assert arrivals.read(head.rstrip() + b"\r\n\r\n" + wrapped[encoding](content)).lines == (TEXT,)


def test_a_subject_is_read_encoded_and_raw() -> None:
    encoded = raw(subject="=?utf-8?b?dG9waWNzIGdyw7bDn2U=?=")
    assert arrivals.read(encoded).subject == arrivals.read(raw(subject=TEXT)).subject == TEXT


def test_lines_that_were_broken_for_the_way_are_whole_again() -> None:
    body = "topics graph networks; speech \nrecognition\n-- \nAda"
    found = lines(body, Content_Type="text/plain; charset=utf-8; format=flowed")
    assert found == ("topics graph networks; speech recognition",)


# --- too much ------------------------------------------------------------------------------------


def test_of_a_long_mail_only_the_headers_are_read() -> None:
    content = raw("help\n" + "x" * arrivals.MAX_BYTES, "weekly", to=f"d+{TOKEN}@x.org")
    found = arrivals.read(content)
    assert (found.is_large, found.lines, found.subject) == (True, (), "weekly")
    assert found.tokens == (TOKEN,)
    assert arrivals.headers(content).endswith(b"\r\n\r\n")
    assert len(arrivals.headers(content)) < 1000


def nested(depth: int) -> bytes:
    inner = b"x"
    for number in range(depth):
        inner = (
            b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n" % (number, number) + inner
        )
    return inner


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 1000,
        b"x" * 999_999,
        b"From: " + b"(" * 900_000,
        b"From: " + b'"\\' * 400_000,
        b"From: " + b"a@b.org," * 100_000,
        b"Subject: " + b"=?utf-8?q?a?= " * 60_000,
        b"Subject: " + b"=?utf-8?q?" * 90_000,
        b"To: x\r\n" * 100_000,
        b"Content-Type: text/html\r\n\r\n" + b"<div>" * 190_000,
        b"Content-Type: text/html\r\n\r\n" + b"<!--" * 240_000,
        b"Content-Type: text/html\r\n\r\n" + b"<blockquote>" * 80_000,
        b"Content-Type: text/plain; charset=punycode\r\n\r\n" + b"a-b" * 300_000,
        b"Content-Type: text/plain; charset=unicode_escape\r\n\r\n" + rb"\N{" * 300_000,
        b"\r\n\r\n" + b"On 1 x\r\n" * 120_000,
        b"\r\n\r\n" + b"-" * 900_000,
        b"\r\n\r\n" + b"From: x\r\n" * 100_000,
        nested(100),
        nested(10_000),
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 120_000,
        b"Content-Type: message/rfc822\r\n\r\n" * 20_000,
    ],
    ids=lambda content: content[:40].decode("latin-1").split("\r")[0] or "empty",
)
def test_nothing_takes_long_whatever_the_bytes_are(content: bytes) -> None:
    begun = time.process_time()
    arrivals.read(content)
    assert time.process_time() - begun < 3


@pytest.mark.parametrize(
    ("body", "is_there"),
    [
        ("Dear ada@example.org!", True),
        ("<ADA@Example.ORG>", True),
        ("ada=40example.org", True),
        ("nada@example.org", False),
        ("ada@example.org.example.net", True),
        ("ada at example.org", False),
    ],
)
def test_an_address_is_found_in_a_kept_mail(body: str, is_there: bool) -> None:
    content = raw(body, sender="bo@example.org", Content_Transfer_Encoding="quoted-printable")
    assert arrivals.mentions(content, "ada@example.org") is is_there
    coded = base64.encodebytes(quopri.decodestring(body.encode())).decode()
    content = raw(coded, sender="bo@example.org", Content_Transfer_Encoding="base64")
    assert arrivals.mentions(content, "ada@example.org") is is_there


def test_an_address_is_found_also_where_its_domain_is_written_in_letters() -> None:
    assert arrivals.mentions(raw("bo@bücher.example"), "bo@xn--bcher-kva.example")
