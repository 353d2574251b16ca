from __future__ import annotations

from typing import Any

import mail_server
import pytest
from carrying import (
    WIRE_S,
    mail,
    outcome,
    over_one_line,
    smtp,
    to,
)
from mail_server import PASSWORD, USER, MailServer, at

from digest.errors import (
    BadConfig,
    Interrupted,
    NoServer,
)
from digest.transports.smtp import Server
from digest.types import Receipt


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize("auth", ["PLAIN", "LOGIN", "CRAM-MD5 LOGIN PLAIN"])
def test_mails_go_encrypted_with_a_password(authority: Any, security: str, auth: str) -> None:
    is_tls = security == "tls"
    with MailServer(certificate=authority.context, is_tls=is_tls, auth=auth) as server:
        made = to(server, security=security, user=USER, password=PASSWORD)
        transport = smtp(made, ca_file=authority.ca_file)
        found = over_one_line(transport, mail(1), mail(2))
    assert [type(one) for one in found] == [Receipt, Receipt], found
    assert server.log.conversations == 1


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_that_nobody_vouches_for_is_not_taken(authority: Any, security: str) -> None:
    with MailServer(certificate=authority.context, is_tls=security == "tls") as server:
        found = outcome(smtp(to(server, security=security)))
        assert type(found) is NoServer
        assert "certificate" in str(found)
        # Nor one that is of another host.
        named = to(server, security=security, host="localhost")
        found = outcome(smtp(named, ca_file=authority.ca_file))
    assert type(found) is NoServer
    assert not server.log.accepted


def test_without_starttls_nothing_goes_in_the_clear() -> None:
    with MailServer(keeps=True, auth="PLAIN") as server:
        found = outcome(smtp(to(server, security="starttls", user=USER, password=PASSWORD)))
    assert type(found) is NoServer
    assert "STARTTLS" in str(found)
    assert server.log.said == [b"EHLO [127.0.0.1]"]


@pytest.mark.parametrize("injected", [b"250 2.0.0 ok\r\n", b"250-half", b"250 PIPELINING\r\n" * 3])
def test_what_is_put_in_behind_starttls_is_not_listened_to(authority: Any, injected: bytes) -> None:
    with MailServer(certificate=authority.context, after_starttls=injected) as server:
        found = outcome(smtp(to(server, security="starttls"), ca_file=authority.ca_file))
    assert type(found) is NoServer
    assert not server.log.accepted


@pytest.mark.parametrize("phase", ["starttls", "auth"])
@pytest.mark.parametrize("fault", [*mail_server.FAULTS, "454 4.7.0 not now"])
def test_a_server_that_does_not_let_us_in_is_left_alone(
    authority: Any, phase: str, fault: str
) -> None:
    with MailServer(at(phase, fault), certificate=authority.context, auth="PLAIN") as server:
        made = to(server, security="starttls", user=USER, password=PASSWORD)
        transport = smtp(made, ca_file=authority.ca_file, timeout_s=WIRE_S)
        first, second = over_one_line(transport, mail(1), mail(2))
    if (phase, fault) == ("auth", "early"):  # is found out at the first command after it
        assert type(first) in (Interrupted, NoServer)
    else:
        assert type(first) is type(second) is NoServer
        assert server.log.conversations == 1
    assert not server.log.accepted


@pytest.mark.parametrize("auth", ["PLAIN", "LOGIN"])
def test_a_wrong_password_is_told_once_and_never_shown(authority: Any, auth: str) -> None:
    secret = "hunter2-and-more"
    with MailServer(certificate=authority.context, is_tls=True, auth=auth) as server:
        made = to(server, security="tls", user=USER, password=secret)
        first, _ = over_one_line(smtp(made, ca_file=authority.ca_file), mail(1), mail(2))
    assert type(first) is NoServer
    assert first.wait_s is None
    assert "535" in str(first)
    assert server.log.conversations == 1
    shown = f"{first!r} {first.__cause__!r} {made!r}"
    assert secret not in shown
    assert "aHVudGVy" not in shown


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"user": "u", "password": "p"}, "without"),
        ({"user": "u", "security": "tls"}, "no password"),
        ({"user": "u\0", "password": "p", "security": "tls"}, "null"),
        ({"per_second": 0.0}, "rate"),
    ],
)
def test_a_server_that_cannot_be_meant_is_bad_configuration(
    changed: dict[str, Any], words: str
) -> None:
    with pytest.raises(BadConfig, match=words):
        smtp(Server(**{"host": "h", "port": 25, "security": "none", **changed}))


def test_other_bad_configuration_is_named(tmp_path: Any) -> None:
    server = Server(host="h", port=25)
    (tmp_path / "bad.pem").write_text("no")
    for make, words in (
        (lambda: smtp(), "no server"),
        (lambda: smtp(server, server), "two servers"),
        (lambda: smtp(server, ca_file=tmp_path / "none.pem"), "cannot be read"),
        (lambda: smtp(server, ca_file=tmp_path / "bad.pem"), "cannot be read"),
        (lambda: smtp(server, ehlo_name="a\r\nb"), "EHLO"),
    ):
        with pytest.raises(BadConfig, match=words):
            make()


@pytest.mark.parametrize("code", ["999", "535", "454"])
def test_a_server_that_echoes_the_password_does_not_bring_it_into_our_words(
    authority: Any, code: str
) -> None:
    secret = "hunter2-and-more"
    fault = at("auth", f"{code} {secret} aHVudGVyMi1hbmQtbW9yZQ==")
    with MailServer(fault, certificate=authority.context, is_tls=True, auth="PLAIN") as server:
        made = to(server, security="tls", user=USER, password=secret)
        found = outcome(smtp(made, ca_file=authority.ca_file))
    assert type(found) is NoServer
    shown = f"{found!r} {found.__cause__!r} {found.__context__!r}"
    assert "hunter2" not in shown
    assert "aHVudGVy" not in shown
