from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage, Message
from email.utils import parseaddr, parsedate_to_datetime
from typing import Any

import pytest
from build import NOW, delivery, edition, item, linked, masthead, paper, rendered
from hypothesis import example, given
from hypothesis import strategies as st

from digest.errors import BadConfig, MailTooLarge, Permanent
from digest.mail import address, notice, prepare
from digest.render import render, render_items
from digest.templating import environment
from digest.types import Delivery, Format, Mail, Masthead, ReaderLinks, Rendered

DATED = datetime(2026, 6, 22, 8, 0, tzinfo=timezone(timedelta(hours=2)))


LEAVING = ReaderLinks(unsubscribe_url="https://papers.example.org/unsubscribe/abc")


def mail(
    of: Rendered, to: Delivery, around: Masthead, made_at: datetime, format: Format, **more: str
) -> Mail:
    """One reader's mail."""
    return address(prepare(of, around, made_at, format, **more), to, LEAVING)


def parsed(
    of: Rendered | None = None,
    to: Delivery | None = None,
    around: Masthead | None = None,
    format: Format = "html",
) -> EmailMessage:
    """A mail as a reader's program sees it; whatever is odd about it fails."""
    written = mail(of or rendered(), to or delivery(), around or masthead(), NOW, format)
    message = message_from_bytes(written.content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert not [defect for part in message.walk() for defect in part.defects]
    return message


def text_of(message: Message, kind: str) -> str:
    (part,) = [part for part in message.walk() if part.get_content_type() == f"text/{kind}"]
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content.decode().replace("\r\n", "\n")


def decoded(header: str) -> str:
    return str(make_header(decode_header(header)))


# --- golden --------------------------------------------------------------------------------------


def test_a_whole_mail(golden: Callable[[str, bytes], None]) -> None:
    around = linked(title="Modèles économes", sender="Modèles économes <digest@papers.example.org>")
    shown = [item(paper("Sparse Retrievers Learn to Forget")), item(paper("מודל שפה קטן"))]
    of = edition(shown, [item("Not shown")], format="markdown")
    templates = environment([])
    text = render(of, around, templates, render_items(shown, around, templates))
    written = mail(text, delivery(), around, DATED, "markdown")
    golden("issue.eml", written.content)
    message = message_from_bytes(written.content, policy=policy.default)
    assert message["Subject"] == text.subject == "Modèles économes: 3 papers, 22 June 2026"
    assert message["From"].addresses[0].display_name == "Modèles économes"
    assert [text_of(message, kind) for kind in ("plain", "markdown", "html")] == [
        text.text,
        text.markdown,
        text.html + "\n",
    ]


# --- headers -------------------------------------------------------------------------------------


def test_the_headers_say_who_what_when_and_that_it_is_a_list() -> None:
    message = parsed()
    assert dict(message.items()) == {
        "To": "reader@example.org",
        "Message-ID": "<d1@papers.example.org>",
        "List-Id": "Reading group <reading.papers.example.org>",
        "List-Unsubscribe": "<https://papers.example.org/unsubscribe/abc>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-Post": "NO",
        "List-Owner": "<mailto:papers@example.org>",
        "Feedback-ID": "2026-06-22T0800:reading:issue:oslwzlx5ii",
        "From": "Reading group <digest@papers.example.org>",
        "Subject": "Reading group: 1 paper, 22 June 2026",
        "Date": "Mon, 22 Jun 2026 06:00:00 +0000",
        "MIME-Version": "1.0",
        "Auto-Submitted": "auto-generated",
        "Precedence": "bulk",
        "Content-Language": "en",
        "Content-Type": message["Content-Type"],
    }


def test_the_envelope_has_the_bare_addresses() -> None:
    of = mail(rendered(), delivery(), masthead(), NOW, "html")
    assert (of.sender, of.to) == ("digest@papers.example.org", "reader@example.org")
    assert of.message_id == "d1@papers.example.org"


def test_the_date_is_that_of_making() -> None:
    content = mail(rendered(), delivery(), masthead(), DATED, "text").content
    message = message_from_bytes(content, policy=policy.default)
    assert parsedate_to_datetime(message["Date"]) == DATED


def test_a_domain_is_written_as_servers_know_it() -> None:
    message = parsed(
        to=delivery(address="reader@Straße.example"),
        around=masthead(sender="Digest <digest@exämple.org>"),
    )
    assert message["To"].addresses[0].addr_spec == "reader@xn--strae-oqa.example"
    assert message["From"].addresses[0].addr_spec == "digest@xn--exmple-cua.org"
    assert message["List-Id"].endswith("<reading.xn--exmple-cua.org>")


@pytest.mark.parametrize(
    "name",
    [
        "Modèles économes",
        'The "best" \\ of it',
        "A, B; C: (d) @f",
        "=?utf-8?q?x?=",
        "x" * 200,
    ],
)
def test_names_of_every_kind_arrive(name: str) -> None:
    sender = f"{name} <digest@example.org>" if '"' in name else f'"{name}" <digest@example.org>'
    of = rendered(subject=f"{name}: 1 paper")
    content = mail(of, delivery(), masthead(title=name, sender=sender), NOW, "html").content
    # The older parser: the newer one puts blanks between the encoded words of a name.
    message = message_from_bytes(content)
    assert decoded(message["Subject"]) == f"{name}: 1 paper"
    for header, where in (
        ("From", "digest@example.org"),
        ("List-Id", "reading.example.org"),
    ):
        phrase, found = parseaddr(message[header])
        assert (decoded(phrase), found) == (name, where)


def test_a_sender_can_be_an_address_alone() -> None:
    assert parsed(around=masthead(sender="digest@example.org"))["From"] == "digest@example.org"


def test_who_has_pages_and_reads_mail_says_where_help_and_the_archive_are() -> None:
    around = masthead(base_url="https://papers.example.org/", inbox="in@papers.example.org")
    message = parsed(around=around)
    help = "<mailto:in@papers.example.org?subject=help>, <https://papers.example.org/>"
    assert message["List-Help"] == help
    assert message["List-Archive"] == "<https://papers.example.org/reading/>"


def test_what_comes_back_names_its_delivery() -> None:
    letter = prepare(rendered(), masthead(), NOW, "html")
    back = "in+" + "r" * 40 + "@papers.example.org"
    assert address(letter, delivery(), replace(LEAVING, return_path=back)).sender == back
    with pytest.raises(Permanent, match="return path"):
        address(letter, delivery(), replace(LEAVING, return_path="a@b.org> X"))


def test_a_mail_that_servers_would_refuse_for_its_size_is_not_made() -> None:
    with pytest.raises(MailTooLarge, match="the mail has 2,1"):
        prepare(rendered(text="é" * 350_000), masthead(), NOW, "text")


# --- what cannot stand in a header ---------------------------------------------------------------


@pytest.mark.parametrize(
    "bad", ["\r\nBcc: x@example.org", "\n", "\x00", "\x1b[2J", "\x85", "\u2028", "\ud800"]
)
@pytest.mark.parametrize(
    ("where", "error"),
    [
        ("title", BadConfig),
        ("sender", BadConfig),
        ("subject", BadConfig),
        ("address", Permanent),
        ("message id", Permanent),
        ("issue", Permanent),
    ],
)
def test_control_characters_are_refused_by_name(
    where: str, error: type[Exception], bad: str
) -> None:
    def spoil(name: str, value: str) -> dict[str, str]:
        return {name.replace(" ", "_"): value + bad} if name == where else {}

    with pytest.raises(error, match=f"^{where} .* has a control character"):
        mail(
            rendered(**spoil("subject", "A")),
            delivery(
                **spoil("address", "a@example.org"),
                **spoil("message id", "a@example.org"),
                **spoil("issue", "a/b"),
            ),
            masthead(**spoil("title", "A"), **spoil("sender", "a@example.org")),
            NOW,
            "html",
        )


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "reader",
        "@example.org",
        "reader@",
        "a@b@example.org",
        "a b@example.org",
        "a@example.org, b@example.org",
        "a@example.org> SIZE=1",
        '"a b"@example.org',
        "a..b@example.org",
        "a@example..org",
        "a@exa_mple.org",
        "a@-\N{SNOWMAN}.org",
        "jürgen@example.org",
        "x" * 65 + "@example.org",
        "a@" + "x." * 130 + "org",
    ],
)
def test_what_is_no_address_is_refused(bad: str) -> None:
    with pytest.raises(Permanent, match=r"^address "):
        mail(rendered(), delivery(address=bad), masthead(), NOW, "html")
    with pytest.raises(BadConfig, match=r"^sender "):
        mail(rendered(), delivery(), masthead(sender=f"Digest <{bad}>"), NOW, "html")


@pytest.mark.parametrize("bad", ["", "d1", "d1@", "<d1@x>", "d 1@x", "d1@x@y", "ü@x"])
def test_what_is_no_message_id_is_refused(bad: str) -> None:
    with pytest.raises(Permanent, match=r"^message id "):
        mail(rendered(), delivery(message_id=bad), masthead(), NOW, "html")


@pytest.mark.parametrize("bad", ["", "/slot", "a b/slot", "a>/slot", "ü/slot"])
def test_what_is_no_issue_is_refused(bad: str) -> None:
    with pytest.raises(Permanent, match=r"^issue "):
        mail(rendered(), delivery(issue=bad), masthead(), NOW, "html")


def test_a_language_is_a_tag() -> None:
    with pytest.raises(BadConfig, match=r"^language 'en us' is not a language tag"):
        prepare(rendered(), masthead(), NOW, "html", "en us")


@given(st.text(min_size=1))
@example("a\rBcc: x")
def test_no_title_ever_adds_a_header(title: str) -> None:
    around = masthead(title=title, sender=f"{title} <digest@example.org>")
    of = rendered(subject=f"{title}: 1 paper")
    try:
        content = mail(of, delivery(), around, NOW, "text").content
    except BadConfig:
        return
    head = content.partition(b"\r\n\r\n")[0].decode("ascii")
    names = re.findall(r"^([^\s:]+):", head.replace("\r\n", "\n"), re.MULTILINE)
    assert len(names) == len(re.findall(r"\r\n(?![ \t])", head)) + 1
    assert sorted(names) == sorted({*parsed(format="text").keys()})
    assert all(len(line) <= 78 for line in head.split("\r\n"))


# --- body ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("format", "kinds"),
    [
        ("html", ["multipart/alternative", "text/plain", "text/html"]),
        ("markdown", ["multipart/alternative", "text/plain", "text/markdown", "text/html"]),
        ("text", ["text/plain"]),
    ],
)
def test_each_format_has_its_parts_the_plainest_first(format: Any, kinds: list[str]) -> None:
    assert [part.get_content_type() for part in parsed(format=format).walk()] == kinds


#: Characters that tempt a mail program: line ends, dots, From, boundaries.
BODY = st.text(
    st.one_of(st.sampled_from("\n\r .=-F_x\t"), st.characters(exclude_categories=["Cs"]))
)


@given(BODY, st.sampled_from(["html", "markdown", "text"]))
@example("From x\n.\n..\n \n--=_x\n" + "x" * 1000 + "\r\n\r\r\n", "html")
@example("." * 300 + "\n" + "." + "x" * 75, "html")
def test_a_body_arrives_as_it_was(text: str, format: Format) -> None:
    of = rendered(html=text, markdown=text, text=text)
    message = parsed(of, format=format)
    want = re.sub(r"\r\n|\r|\n", "\n", text.rstrip() + "\n")
    for kind in ("plain", "markdown", "html"):
        if f"text/{kind}" in [part.get_content_type() for part in message.walk()]:
            assert text_of(message, kind) == want


@given(BODY)
@example("." * 300)
@example("\n".join("." * n + "x" * (80 - n) for n in range(8)))
@example("\n".join("." + "x" * n for n in range(70, 80)))
def test_a_mail_is_seven_bit_with_short_lines_and_crlf(text: str) -> None:
    made = mail(rendered(html=text, text=text), delivery(), masthead(), NOW, "html")
    content = made.content
    assert made.is_fit
    assert content.isascii()
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", content)
    assert max(map(len, content.split(b"\r\n"))) <= 78
    assert max(map(len, content.partition(b"\r\n\r\n")[2].split(b"\r\n"))) <= 76
    assert not re.search(rb"^\.", content, re.MULTILINE)


# --- many readers --------------------------------------------------------------------------------


def test_readers_of_an_edition_share_all_but_their_own_lines() -> None:
    letter = prepare(rendered(), masthead(), NOW, "html")
    one = address(letter, delivery(), LEAVING)
    theirs = replace(LEAVING, unsubscribe_url="https://papers.example.org/unsubscribe/def")
    other = address(
        letter, delivery(address="other@example.org", message_id="d2@example.org"), theirs
    )
    assert one == mail(rendered(), delivery(), masthead(), NOW, "html")
    lines = zip(one.content.splitlines(), other.content.splitlines(), strict=True)
    assert [a for a, b in lines if a != b] == [
        b"To: reader@example.org",
        b"Message-ID: <d1@papers.example.org>",
        b"List-Unsubscribe: <https://papers.example.org/unsubscribe/abc>",
    ]


def test_the_same_input_gives_the_same_bytes_and_other_text_another_boundary() -> None:
    def content(of: Rendered) -> bytes:
        return mail(of, delivery(), masthead(), NOW, "html").content

    def boundary(of: Rendered) -> str | None:
        return message_from_bytes(content(of)).get_boundary()

    assert content(rendered()) == content(rendered())
    assert boundary(rendered()) != boundary(replace(rendered(), text="Another\n"))


# --- what is one reader's alone ------------------------------------------------------------------

UNSUBSCRIBE, PREFERENCES = "u" * 40, "p" * 40
OWN = ReaderLinks(
    unsubscribe_url="https://papers.example.org/unsubscribe/" + "a2" * 20,
    unsubscribe_mailto="mailto:in+" + "a2" * 20 + "@papers.example.org?subject=unsubscribe",
    tokens=((UNSUBSCRIBE, "a2" * 20), (PREFERENCES, "b3" * 20)),
)


@given(
    st.lists(
        st.sampled_from([UNSUBSCRIBE, PREFERENCES, "é", "\n", " ", "=", "https://x.org/"])
        | st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=90),
        max_size=8,
    ),
    st.sampled_from(["html", "markdown", "text"]),
)
@example([UNSUBSCRIBE + PREFERENCES] * 3, "html")
@example(["x" * 74 + UNSUBSCRIBE], "text")
@example(["x" * 36 + UNSUBSCRIBE], "text")
@example(["x" * 35 + UNSUBSCRIBE + "\n"], "text")
def test_each_reader_gets_her_own_tokens_wherever_a_line_was_broken(
    parts: list[str], format: Format
) -> None:
    text = "".join(parts)
    of = rendered(text=text, html=f"<p>{text}</p>", markdown=text)
    letter = prepare(of, masthead(), NOW, format, placeholders=[UNSUBSCRIBE, PREFERENCES])
    mine = address(letter, delivery(), OWN)
    plain = mail(of, delivery(), masthead(), NOW, format)
    want = message_from_bytes(plain.content, policy=policy.default)
    found = message_from_bytes(mine.content, policy=policy.default)
    for one, other in zip(want.walk(), found.walk(), strict=True):
        if not one.is_multipart():
            words = one.get_content()
            for shared, own in OWN.tokens:
                words = words.replace(shared, own)
            assert other.get_content() == words
    assert max(map(len, mine.content.split(b"\r\n"))) <= 998


def test_a_token_of_another_length_is_never_put_in() -> None:
    letter = prepare(
        rendered(text=UNSUBSCRIBE), masthead(), NOW, "text", placeholders=[UNSUBSCRIBE]
    )
    with pytest.raises(AssertionError):
        address(letter, delivery(), replace(OWN, tokens=((UNSUBSCRIBE, "short"),)))


def test_one_click_is_said_as_the_standards_say_it() -> None:
    # Source: RFC 2369, 3.2 (angle brackets, commas); RFC 8058, 3.1 (the one value of -Post).
    letter = prepare(rendered(), masthead(), NOW, "html")
    content = address(letter, delivery(), OWN).content
    # Unfolded by hand, beside the parser of the library.
    lines = content.partition(b"\r\n\r\n")[0].replace(b"\r\n ", b" ").split(b"\r\n")
    headers = {name.lower(): value for name, _, value in (one.partition(b": ") for one in lines)}
    ways = [way.strip() for way in headers[b"list-unsubscribe"].split(b",")]
    assert ways == [
        f"<{OWN.unsubscribe_url}>".encode(),
        f"<{OWN.unsubscribe_mailto}>".encode(),
    ]
    assert headers[b"list-unsubscribe-post"] == b"List-Unsubscribe=One-Click"
    message = message_from_bytes(content, policy=policy.default)
    assert message["List-Unsubscribe"].encode() == headers[b"list-unsubscribe"]
    assert len(message.get_all("List-Unsubscribe-Post")) == 1


@pytest.mark.parametrize(
    "bad", ["https://x.org/a\r\nBcc: a@b.org", "https://x.org/ a", "https://x.org/>", "javascript:"]
)
def test_a_link_that_cannot_stand_in_a_header_stops_the_mail(bad: str) -> None:
    letter = prepare(rendered(), masthead(), NOW, "html")
    with pytest.raises(Permanent, match="cannot stand in a header"):
        address(letter, delivery(), ReaderLinks(unsubscribe_url=bad))


# --- notices -------------------------------------------------------------------------------------


def noticed(**more: str) -> EmailMessage:
    written = notice(
        rendered(),
        "Ada@bücher.example",
        "The Group <in@papers.example.org>",
        NOW,
        "n1@papers.example.org",
        **more,
    )
    read = message_from_bytes(written.content, policy=policy.default)
    assert isinstance(read, EmailMessage)
    assert read["To"].encode() == written.to.encode() == b"Ada@xn--bcher-kva.example"
    return read


def test_a_notice_says_that_a_program_wrote_it_and_is_no_bulk_mail() -> None:
    read = noticed()
    assert read["Auto-Submitted"] == "auto-generated"
    for name in ("Precedence", "List-Id", "List-Unsubscribe", "In-Reply-To", "References"):
        assert read[name] is None


def test_an_answer_names_what_it_answers_and_bounces_to_nobody() -> None:
    read = noticed(in_reply_to="<q1@example.org>", reply_to="in+abc@papers.example.org")
    assert read["Auto-Submitted"] == "auto-replied"
    assert read["In-Reply-To"] == read["References"] == "<q1@example.org>"
    assert read["Reply-To"] == "in+abc@papers.example.org"
    answer = notice(rendered(), "a@b.org", "in@x.org", NOW, "n@x.org", in_reply_to="<q@b.org>")
    assert answer.sender == ""


@pytest.mark.parametrize("forged", ["<a@b>\r\nBcc: c@d.org", "a@b.org", "<a b@c.org>", "<>", "<@>"])
def test_what_is_no_message_id_is_not_answered_to(forged: str) -> None:
    read = noticed(in_reply_to=forged)
    assert read["In-Reply-To"] is None
    assert read["Bcc"] is None
