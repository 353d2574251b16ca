from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import replace
from functools import cache
from pathlib import Path

import dkim as independent
import pytest
from build import NOW, delivery, linked, masthead, rendered
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st

from digest import dkim, mail
from digest.errors import BadConfig
from digest.keys import ensure_signing, load_signing
from digest.types import Mail, ReaderLinks

HOST = "papers.example.org"
PLACES = ["u" * 40, "p" * 40, "o" * 40]
LINKS = ReaderLinks(
    unsubscribe_url=f"https://{HOST}/unsubscribe/{'a2' * 20}",
    unsubscribe_mailto=f"mailto:in+{'a2' * 20}@{HOST}?subject=unsubscribe",
    reply_to=f"in+{'b3' * 20}@{HOST}",
    tokens=tuple(zip(PLACES, ("a2" * 20, "b3" * 20, "c4" * 20), strict=True)),
)


@cache
def pem() -> bytes:
    return dkim.generate()


@cache
def signer() -> dkim.Signer:
    return dkim.Signer(HOST, "s1", dkim.read(pem()))


def is_valid(content: bytes) -> bool:
    """What a program of others says."""
    asked = []

    def record(name: bytes, **_: object) -> bytes:
        asked.append(name)
        return dkim.record(dkim.read(pem()).public_key()).encode()

    found: bool = independent.verify(content, dnsfunc=record)
    assert asked in ([], [f"s1._domainkey.{HOST}.".encode()])
    return found


def signed(text: str = "A paper\n", **links: str) -> Mail:
    of = rendered(text=text, html=f"<p>{text}</p>\n")
    letter = mail.prepare(of, linked(), NOW, "html", placeholders=PLACES, signer=signer())
    return mail.address(letter, delivery(), replace(LINKS, **links))


def test_a_signed_mail_is_believed_and_its_signature_stands_before_all_else() -> None:
    content = signed().content
    assert content.startswith(b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n")
    assert is_valid(content)
    seal = content.partition(b"\r\nTo: ")[0]
    assert max(map(len, seal.split(b"\r\n"))) <= 78


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"List-Unsubscribe-Post: List-Unsubscribe=One-Click", b"List-Unsubscribe-Post: No"),
        (b"List-Unsubscribe: <https://papers", b"List-Unsubscribe: <https://others"),
        (b"<digest@papers.example.org>", b"<other@papers.example.org>"),
        (b"Subject: Reading", b"Subject: Writing"),
        (b"To: reader@", b"To: other@"),
        (b"Date: Mon, 22", b"Date: Mon, 23"),
        (b"Message-ID: <d1", b"Message-ID: <d2"),
        (b"Reply-To: in+", b"Reply-To: it+"),
        (b"List-Id: Reading", b"List-Id: Writing"),
        (b"Feedback-ID: 2026", b"Feedback-ID: 2027"),
        (b"A paper", b"B paper"),
        (b"boundary=", b"Boundary="),
    ],
)
def test_what_is_altered_is_not_believed(old: bytes, new: bytes) -> None:
    content = signed().content
    assert content.count(old) >= 1
    assert not is_valid(content.replace(old, new))


@pytest.mark.parametrize(
    "added",
    [
        "From: other@example.org",
        "To: other@example.org",
        "Subject: Other",
        "Date: Mon, 22 Jun 2026 06:00:00 +0000",
        "Message-ID: <x@y>",
        "Reply-To: other@example.org",
        "List-Unsubscribe: <https://other.example.org>",
        "List-Unsubscribe-Post: Other",
    ],
)
def test_nothing_can_be_added_where_there_is_one_nor_where_there_is_none(added: str) -> None:
    head, gap, body = signed(reply_to="").content.partition(b"\r\n\r\n")
    assert is_valid(head + gap + body)
    assert not is_valid(head + b"\r\n" + added.encode() + gap + body)


def test_what_relays_do_to_blanks_is_forgiven() -> None:
    content = signed("We  measure.   \n\n\n").content
    found = content.replace(b"Subject: Reading group", b"SUBJECT:  Reading\r\n\t group")
    assert found != content
    assert is_valid(found + b"\r\n\r\n")


WORDS = st.lists(
    st.sampled_from([*PLACES, " ", "  ", "\t", "\n", "\n\n", "=", ".", "é", "x" * 60])
    | st.text(st.characters(codec="utf-8"), max_size=20),
    max_size=12,
).map("".join)


@settings(max_examples=60, deadline=None)
@given(WORDS)
@example("")
@example(f"  {PLACES[0]}\t \n\n {PLACES[1]}  \n\n\n")
def test_the_quick_way_signs_what_signing_the_whole_mail_signs(text: str) -> None:
    of = rendered(text=text, html=text)
    letter = mail.prepare(of, linked(), NOW, "html", placeholders=PLACES)
    plain = mail.address(letter, delivery(), LINKS).content
    quick = mail.address(replace(letter, signer=signer()), delivery(), LINKS).content
    assert quick == signer().sign(plain) + plain
    assert is_valid(quick)


@settings(max_examples=60, deadline=None)
@given(st.text("a \t\n.", max_size=30))
def test_any_body_is_signed_as_others_read_it(text: str) -> None:
    body = (text + "\n" if text else "").replace("\n", "\r\n").encode()
    content = b"From: a@papers.example.org\r\nSubject: x\r\n\r\n" + body
    assert is_valid(signer().sign(content) + content)


def test_a_signature_can_be_made_elsewhere() -> None:
    letter = mail.prepare(rendered(), linked(), NOW, "html", signer=signer())
    open = mail.unsealed(letter, delivery(), replace(LINKS, tokens=()))
    assert open.unsigned is not None
    assert len(open.unsigned.digest) == 32
    assert is_valid(open.seal().content)


def test_notices_are_signed_too() -> None:
    sender = f"in@{HOST}"
    made = mail.notice(rendered(), "a@b.org", sender, NOW, "n1@x.org", signer=signer())
    assert is_valid(made.content)
    assert not is_valid(made.content + b"more\r\n")


def test_another_program_believes_it_too(tmp_path: Path) -> None:
    path = os.environ.get("PATH", "") + ":/usr/sbin"
    program = os.environ.get("DIGEST_TEST_OPENDKIM") or shutil.which("opendkim", path=path)
    if not program:
        pytest.skip("opendkim is not installed")
    record = dkim.record(dkim.read(pem()).public_key())
    (tmp_path / "keys").write_text(f"s1._domainkey.{HOST} {record}\n")
    (tmp_path / "conf").write_text(f"TestPublicKeys {tmp_path}/keys\nMode v\nSyslog no\n")
    good = signed("  We  measure.\t \n\n").content
    found = []
    for name, content in (("good", good), ("bad", good.replace(b"One-Click", b"No-Click"))):
        (tmp_path / name).write_bytes(content)
        done = subprocess.run(
            [program, "-x", str(tmp_path / "conf"), "-t", str(tmp_path / name), "-vv"],
            capture_output=True,
            text=True,
            check=True,
        )
        found += re.findall(r"dkim=(\w+)", done.stdout)
    assert found == ["pass", "fail"]


# --- keys ----------------------------------------------------------------------------------------


def weak(bits: int) -> bytes:
    key = rsa.generate_private_key(65537, bits)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize("bits", [1024, 1536])
def test_a_short_key_is_refused(bits: int) -> None:
    with pytest.raises(BadConfig, match=f"{bits} bits, too few to be safe; make one of 2048"):
        dkim.read(weak(bits))


@pytest.mark.parametrize("bad", [b"", b"-----BEGIN", b"\xff", b"\0" * 100])
def test_what_is_no_key_is_refused(bad: bytes) -> None:
    with pytest.raises(BadConfig, match="no private key"):
        dkim.read(bad)


def test_a_key_of_another_kind_is_refused() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    found = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(BadConfig, match="not an RSA key"):
        dkim.read(found)


@pytest.mark.parametrize("bad", ["", "a b", "a;d=x", "-a", "a..b", "é", "a\r\nb"])
def test_what_is_no_name_of_a_domain_signs_nothing(bad: str) -> None:
    key = dkim.read(pem())
    with pytest.raises(BadConfig, match="is not the name of a domain"):
        dkim.Signer(bad, "s1", key)
    with pytest.raises(BadConfig, match="is not the name of a domain"):
        dkim.Signer(HOST, bad, key)


def test_a_record_fits_a_zone_file() -> None:
    record = dkim.record(dkim.read(pem()).public_key())
    assert record.startswith("v=DKIM1; k=rsa; p=MII")
    pieces = dkim.strings(record)
    assert "".join(pieces) == record
    assert max(map(len, pieces)) <= 255


def test_the_key_is_made_once_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "in" / "dkim.pem"
    with pytest.raises(BadConfig, match=r"is not there; `digest dkim` makes one"):
        load_signing(path)
    assert ensure_signing(path)
    assert path.stat().st_mode & 0o777 == 0o600
    before = path.read_bytes()
    assert not ensure_signing(path)
    assert path.read_bytes() == before
    assert load_signing(path).key_size == 2048
    path.chmod(0o640)
    with pytest.raises(BadConfig, match="chmod 600"):
        load_signing(path)
    path.write_bytes(weak(1024))
    path.chmod(0o600)
    with pytest.raises(BadConfig, match=r"\[dkim\] key .*dkim.pem: its RSA key has 1024 bits"):
        load_signing(path)


def test_a_masthead_without_links_signs_as_well() -> None:
    letter = mail.prepare(rendered(), masthead(), NOW, "text", signer=signer())
    assert is_valid(mail.address(letter, delivery(), ReaderLinks(unsubscribe_url="")).content)
