"""Collecting a mailbox: from a server of our own with faults, and from Dovecot."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dovecot
import pytest
from imap_server import PASSWORD, USER, ImapServer
from inbound import Home, homes, raw, reply_to

from digest.errors import BadConfig, SourceDown, Temporary
from digest.inbox.imap import Collected, Mailbox, collect
from digest.run import collecting

ONE, TWO = raw("subscribe my-papers"), raw("help", sender="bo@example.org")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    yield from homes(tmp_path)


@pytest.fixture(autouse=True)
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))


def mailbox(port: int, **changes: Any) -> Mailbox:
    plain = {"host": "localhost", "port": port, "security": "tls", "user": USER}
    return Mailbox(**{**plain, "password": PASSWORD, **changes})


def taken(server: ImapServer, **changes: Any) -> tuple[Collected, list[bytes]]:
    found: list[bytes] = []
    return collect(mailbox(server.port, **changes), found.append, 1_000_001, 5), found


def test_over_tls_every_unseen_message_is_taken_once_and_marked(certificate: Path) -> None:
    with ImapServer(ONE, TWO, certificate=certificate, is_tls=True) as server:
        assert taken(server) == (Collected(taken=2), [ONE, TWO])
        assert server.unseen() == []
        assert taken(server) == (Collected(taken=0), [])


def test_with_starttls_the_password_goes_only_when_all_is_encrypted(certificate: Path) -> None:
    with ImapServer(ONE, certificate=certificate) as server:
        assert taken(server, security="starttls")[1] == [ONE]
        order = [line.split()[1] for line in server.said]
        assert order.index("STARTTLS") < order.index("AUTHENTICATE")


def test_a_server_without_encryption_gets_no_password() -> None:
    with ImapServer(ONE) as server:
        with pytest.raises(BadConfig, match="starttls"):
            taken(server, security="starttls")
        assert not [line for line in server.said if "LOGIN" in line or "AUTHENTICATE" in line]


def test_a_server_that_says_we_are_in_already_gets_no_further(certificate: Path) -> None:
    with (
        ImapServer(ONE, certificate=certificate, greeting="* PREAUTH hello") as server,
        pytest.raises(BadConfig),
    ):
        taken(server, security="starttls")


@pytest.mark.parametrize("host", ["192.0.2.7", "mail.example.org", "2001:db8::1"])
def test_without_encryption_no_connection_is_even_made_but_to_ourselves(host: str) -> None:
    with pytest.raises(BadConfig, match="encryption"):
        collect(mailbox(143, host=host, security="none"), lambda _: None, 100)


def test_without_encryption_loopback_is_fine() -> None:
    with ImapServer(ONE) as server:
        assert taken(server, security="none", host="127.0.0.1")[1] == [ONE]


def test_a_certificate_of_somebody_else_is_refused(
    certificate: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    with ImapServer(ONE, certificate=certificate, is_tls=True) as server:
        with pytest.raises(SourceDown, match="certificate"):
            taken(server)
        assert server.said == []


def test_a_wrong_password_is_named_but_not_shown(certificate: Path) -> None:
    with (
        ImapServer(ONE, certificate=certificate, is_tls=True, password="other") as server,
        pytest.raises(BadConfig, match="refuses") as why,
    ):
        taken(server)
    assert PASSWORD not in str(why.value)


def test_a_server_that_only_knows_login_gets_the_password_quoted(certificate: Path) -> None:
    given = 'p"a\\s s'
    with ImapServer(
        ONE, certificate=certificate, is_tls=True, capabilities="", password=given
    ) as server:
        assert taken(server, password=given)[1] == [ONE]


def test_a_folder_that_is_not_there_is_named(certificate: Path) -> None:
    with (
        ImapServer(ONE, certificate=certificate, is_tls=True) as server,
        pytest.raises(BadConfig, match="'Elsewhere'"),
    ):
        taken(server, folder="Elsewhere")


def test_what_could_not_be_taken_stays_unseen_and_the_rest_goes_on(certificate: Path) -> None:
    def take(content: bytes) -> None:
        if content == ONE:
            raise Temporary("the disk is full")

    with ImapServer(ONE, TWO, certificate=certificate, is_tls=True) as server:
        found = collect(mailbox(server.port), take, 1_000_001, 5)
        assert found.taken == 1
        assert found.problems == ("message 3 stays: the disk is full",)
        assert server.unseen() == [3]


def test_of_a_long_message_only_the_beginning_comes_over_the_line(certificate: Path) -> None:
    with ImapServer(ONE + b"x" * 5000, certificate=certificate, is_tls=True) as server:
        found: list[bytes] = []
        collect(mailbox(server.port), found.append, 1000, 5)
        assert [len(one) for one in found] == [1000]


def test_nobody_listening_and_a_server_that_goes_away_are_named(certificate: Path) -> None:
    server = ImapServer(ONE, certificate=certificate, is_tls=True, dies_at="SEARCH")
    with server, pytest.raises(SourceDown, match=str(server.port)):
        taken(server)
    with pytest.raises(SourceDown, match=str(server.port)):
        taken(server)


def test_a_server_that_says_nothing_is_not_waited_for_for_ever() -> None:
    with ImapServer(ONE, greeting="") as server, pytest.raises(SourceDown):
        collect(mailbox(server.port, security="none"), lambda _: None, 100, 0.2)


def configured(folder: Path, port: int, **changes: Any) -> Home:
    inbox = {"address": "digest@papers.example.org", "host": "localhost", "port": port}
    return Home(folder, inbox={**inbox, "user": USER, **changes})


def test_a_crash_before_the_mark_loses_no_message_and_does_none_twice(
    tmp_path: Path, certificate: Path
) -> None:
    with ImapServer(ONE, TWO, certificate=certificate, is_tls=True, dies_at="STORE") as server:
        home = configured(tmp_path, server.port)
        with pytest.raises(SourceDown):
            collecting.collect(home.setup, PASSWORD)
        assert server.unseen() == [3, 6]
        assert [mail["To"] for mail in home.new_mails()] == ["ada@example.org"]
        server.dies_at = ""
        assert collecting.collect(home.setup, PASSWORD).taken == 2
        assert server.unseen() == []
        assert [mail["To"] for mail in home.new_mails()] == ["bo@example.org"]
        assert home.outcomes() == {"done": 2}
        home.store.close()


def test_collecting_without_a_mailbox_in_the_configuration_says_so(home: Home) -> None:
    with pytest.raises(BadConfig, match=r"\[inbox\] host"):
        collecting.collect(home.setup, PASSWORD)


# --- Dovecot -------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(not dovecot.program(), reason="needs dovecot-imapd")
@pytest.mark.skipif(os.geteuid() != 0, reason="Dovecot has to be started by root")
@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_somebody_subscribes_by_a_mailbox_of_dovecot(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    certificate: Path,
    security: str,
) -> None:
    short = tmp_path_factory.mktemp("d")  # names of sockets have at most 107 letters
    with dovecot.dovecot(short, certificate) as (port, tls_port, new):
        home = configured(
            tmp_path, tls_port if security == "tls" else port, security=security, user=dovecot.USER
        )
        dovecot.put(new, "1", ONE)
        dovecot.put(new, "2", raw("x" * 2_000_000, "long", sender="bo@example.org"))
        assert collecting.collect(home.setup, dovecot.PASSWORD).taken == 2
        asked = next(mail for mail in home.new_mails() if mail["To"] == "ada@example.org")
        dovecot.put(new, "3", raw("Yes", to=reply_to(asked)))
        assert collecting.collect(home.setup, dovecot.PASSWORD).taken == 1
        assert collecting.collect(home.setup, dovecot.PASSWORD).taken == 0
        assert home.state() == "confirmed"
        assert home.outcomes() == {"done": 1, "large": 1, "confirmed": 1}
        with pytest.raises(BadConfig, match="refuses"):
            collecting.collect(home.setup, "wrong")
        home.store.close()
