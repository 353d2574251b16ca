"""What the doctor finds: each fault made for real, and found."""

from __future__ import annotations

import json
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from pathlib import Path
from typing import Any

import mail_server
import pytest
from authority import Authority, authority
from commands import digest, good
from mail_server import PASSWORD, USER, MailServer
from name_server import NameServer
from servers import Canned, FeedServer

from digest import dkim, doctor, keys
from digest.doctor import Finding, configuration
from digest.doctor.lookup import Names
from digest.errors import BadConfig
from digest.plan import parse_schedule
from digest.sources import calendar
from digest.store import open_store

__all__ = ["authority"]

NOW = datetime(2026, 6, 22, 6, tzinfo=UTC)
DIGEST = """
[digests.d]
topics = ["language models"]
sources = ["sample"]
schedule = "daily at 08:00"
to = ["ada@example.org"]
"""
SMTP = """
base_url = "https://papers.example.org"
transport = "smtp"
[operator]
contact = "papers@example.org"
[smtp]
host = "127.0.0.1"
port = {port}
security = "{security}"
{more}
"""

MODELS = ("encoder", "summarizer", "torch")
#: Findings by their names, of a configuration in digest.toml.
Look = Callable[..., dict[str, list[Finding]]]


@pytest.fixture
def look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Look:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIGEST_STATE_FOLDER", str(tmp_path / "state"))
    every = doctor.CHECKS

    def made(
        text: str = DIGEST, now: datetime = NOW, *, with_models: bool = False, **how: Any
    ) -> dict[str, list[Finding]]:
        if every == doctor.CHECKS and not with_models:  # to load them takes a second each time
            left = {name: one for name, one in every.items() if name not in MODELS}
            monkeypatch.setattr(doctor, "CHECKS", left)
        elif with_models:
            monkeypatch.setattr(doctor, "CHECKS", every)
        file = tmp_path / "digest.toml"
        file.write_text(text)
        found: dict[str, list[Finding]] = {}
        how = {"is_offline": not how} | how
        for one in doctor.examine(file, now, lambda: datetime.now(UTC), **how):
            found.setdefault(one.name, []).append(one)
        return found

    return made


@pytest.fixture
def names() -> Iterator[NameServer]:
    """A name server that knows a domain where all is as it should be."""
    with NameServer() as server:
        server.says("example.org", "TXT", '"v=spf1 include:mail.example.net ~all"', '"other=1"')
        server.says("example.org", "MX", "10 mx.example.org.")
        server.says(
            "_dmarc.example.org", "TXT", '"v=DMARC1; p=quarantine; rua=mailto:x@example.org"'
        )
        yield server


def smtp(port: int = 1, more: str = "", security: str = "none", top: str = "") -> str:
    return top + SMTP.format(port=port, more=more, security=security) + DIGEST


def state(found: dict[str, list[Finding]], name: str) -> tuple[str, str]:
    (one,) = found[name]
    if one.state in ("fault", "warning"):
        assert one.remedy, one
    return one.state, one.words


# --- the whole -----------------------------------------------------------------------------------


def test_a_fresh_installation_has_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    good("init")
    good("run", "my-papers")
    said = good("doctor", "--offline")
    assert "\n0 faults, " in said
    assert all(len(line) <= 100 for line in said.splitlines() if str(tmp_path) not in line)
    found = [json.loads(line) for line in good("doctor", "--offline", "--json").splitlines()]
    assert {one["name"] for one in found} == {"configuration", *doctor.CHECKS}
    assert all(one.keys() == {"name", "state", "words", "remedy"} for one in found)


def test_a_fault_is_exit_code_1_and_a_configuration_that_is_none_stops_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digest.toml").write_text("[digests.d]\ntopic = 1")
    done = digest("doctor", "--offline")
    assert done.returncode == 1
    assert "! fault    configuration" in done.stdout
    assert "unknown key 'topic'" in done.stdout
    assert done.stdout.count("there is no configuration") == len(doctor.CHECKS)


def test_one_that_hangs_or_breaks_stops_no_other(
    look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(case: object) -> Finding:
        raise ZeroDivisionError("by nought")

    def hangs(case: object) -> Finding:
        time.sleep(30)
        raise AssertionError

    checks = {"one": breaks, "two": hangs, "three": lambda case: Finding("three", "ok", "well")}
    monkeypatch.setattr(doctor, "CHECKS", checks)
    began = time.monotonic()
    found = look(limit_s=0.3)
    assert time.monotonic() - began < 5
    assert state(found, "one") == ("warning", "the check failed: ZeroDivisionError: by nought")
    assert state(found, "two") == ("warning", "took longer than 0.3 s and was given up")
    assert state(found, "three") == ("ok", "well")


# --- configuration -------------------------------------------------------------------------------


def test_digests_without_a_schedule_or_readers_are_named(look: Look) -> None:
    more = '\n[digests.e]\ntopics = ["x"]\nsources = ["sample"]\n'
    found = look(DIGEST + more)
    assert state(found, "digests")[1].startswith("no schedule: e;")
    assert state(found, "readers") == ("warning", "nobody reads e")
    assert state(look("summarizer = 'lead'"), "digests")[0] == "fault"


def test_real_sources_want_a_contact(look: Look) -> None:
    real = DIGEST.replace('["sample"]', '["huggingface"]')
    assert state(look(real), "contact")[0] == "fault"
    with_one = '[operator]\ncontact = "a@example.org"\n' + real
    assert state(look(with_one), "contact") == ("ok", "a@example.org")


@pytest.mark.parametrize(
    ("schedule", "zone", "hour"),
    [
        ("daily at 05:30", "Europe/Berlin", "06:30"),
        ("weekdays at 23:45", "America/New_York", "00:30"),
        ("daily at 20:30", "America/New_York", "00:30"),
        ("daily at 12:30", "Asia/Tokyo", "14:30"),
        ("daily at 22:00", "America/Chicago", "23:30"),
        ("daily at 22:40", "America/Bogota", "00:30"),
        # In summer that is after the announcement, in winter before.
        ("daily at 23:10", "America/Bogota", "00:30"),
    ],
)  # fmt: skip
def test_a_slot_shortly_before_arxivs_feed_gets_a_better_hour(
    look: Look, schedule: str, zone: str, hour: str
) -> None:
    text = DIGEST.replace('["sample"]', '["arxiv"]\ncategories = ["cs.CL"]')
    text = text.replace("daily at 08:00", f'{schedule}"\ntimezone = "{zone}')
    (found,) = look(text)["arXiv's hour"]
    assert found.state == "warning", found
    assert f"from {hour} on" in found.remedy
    better = parse_schedule(f"daily at {hour}", zone)
    assert configuration._before_announcement(better, NOW) is None
    # It is soon after midnight in New York, all year.
    for slot in better.slots(NOW, NOW + timedelta(days=365)):
        here = slot.due_at.astimezone(calendar.EASTERN)
        assert here.hour < 2, slot


def test_a_slot_in_the_day_is_fine(look: Look) -> None:
    text = DIGEST.replace('["sample"]', '["arxiv"]\ncategories = ["cs.CL"]')
    assert state(look(text), "arXiv's hour")[0] == "ok"
    assert state(look(), "arXiv's hour")[0] == "skipped"


@pytest.mark.parametrize(
    ("url", "outbox", "sent"),
    [
        ("", "warning", "fault"),
        ("http://127.0.0.1:8080", "warning", "fault"),
        ("http://papers.example.org", "warning", "fault"),
        ("https://localhost", "warning", "fault"),
        ("https://papers.example.org", "ok", "ok"),
    ],
)
def test_a_base_url_that_leads_nowhere_is_worse_where_mails_leave(
    look: Look, url: str, outbox: str, sent: str
) -> None:
    top = f'base_url = "{url}"\n'
    assert state(look(top + DIGEST), "base_url")[0] == outbox
    assert state(look(f'transport = "smtp"\n{top}{DIGEST}'), "base_url")[0] == sent


def test_a_template_that_cannot_be_read_or_filled_is_named(look: Look, tmp_path: Path) -> None:
    folder = tmp_path / "templates"
    folder.mkdir()
    for name, text in (
        ("page-home.html.j2", "{% if %}"),
        ("subject.txt.j2", "{{ nothing.at.all }}"),
    ):
        (folder / name).write_text(text)
        said = state(look(), "templates")
        assert said[0] == "fault"
        assert name in said[1]
        (folder / name).unlink()
    (folder / "subject.txt.j2").write_text("A subject of one's own")
    assert state(look(), "templates") == ("ok", "all render; your own: subject.txt.j2")


# --- storage -------------------------------------------------------------------------------------


def test_a_database_is_looked_at_and_not_brought_up(look: Look, tmp_path: Path) -> None:
    file = tmp_path / "digest.db"
    assert state(look(), "database")[0] == "warning"
    assert not file.exists()
    open_store(f"sqlite:///{file}", NOW).close()
    found = look()
    assert state(found, "database")[0] == "ok"
    assert state(found, "integrity") == ("ok", "the file is whole")
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0005'")
    connection.close()
    assert "schema is 0005, older" in state(look(), "database")[1]
    with sqlite3.connect(file) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("0005",)
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    assert state(look(), "database")[0] == "fault"


def test_a_store_that_everybody_can_read_is_named(look: Look, tmp_path: Path) -> None:
    open_store(f"sqlite:///{tmp_path}/digest.db", NOW).close()
    assert state(look(), "rights")[0] == "ok"
    (tmp_path / "digest.db").chmod(0o640)
    assert state(look(), "rights")[0] == "ok", "its group may be meant to"
    copy = tmp_path / "digest.db.0005-20260101T000000.backup"
    copy.write_bytes(b"")
    for file in (tmp_path / "digest.db", copy):
        file.chmod(0o644)
    (found,) = look()["rights"]
    assert found.state == "warning"
    # Another check may have it open just now: then SQLite's files beside it are named, too.
    assert found.remedy.startswith(f"chmod o= {tmp_path}/digest.db {copy}")


def test_a_configuration_with_a_password_that_everybody_can_read_is_named(
    look: Look, tmp_path: Path
) -> None:
    store = 'store = "postgresql+psycopg://{}@127.0.0.1:1/none"\n'
    assert state(look(store.format("me") + DIGEST), "rights")[0] == "ok"
    (tmp_path / "digest.toml").chmod(0o644)
    said = state(look(store.format("me:secret") + DIGEST), "rights")
    assert said == ("warning", f"everybody on this machine can read {tmp_path}/digest.toml")


def test_a_damaged_database_is_a_fault(look: Look, tmp_path: Path) -> None:
    file = tmp_path / "digest.db"
    open_store(f"sqlite:///{file}", NOW).close()
    content = bytearray(file.read_bytes())
    content[4096 * 3 : 4096 * 6] = b"\xff" * (4096 * 3)
    file.write_bytes(content)
    said = state(look(), "integrity")
    assert said[0] == "fault"
    file.write_bytes(b"no database at all, but something else" * 100)
    assert state(look(), "database")[0] == "fault"


@pytest.mark.postgres
def test_a_postgresql_database_is_looked_at(look: Look, postgres: Any) -> None:
    url = postgres.get_uri("postgres").replace("postgresql://", "postgresql+psycopg://", 1)
    said = state(look(f'store = "{url}"\n' + DIGEST), "database")
    assert said[0] == "warning"
    assert "PostgreSQL" in said[1]
    assert "schema is none" in said[1]
    gone = "postgresql+psycopg://nobody@127.0.0.1:1/none"
    assert state(look(f'store = "{gone}"\n' + DIGEST), "database")[0] == "fault"


ALONE = DIGEST.replace('to = ["ada@example.org"]\n', "")


def test_of_a_database_that_cannot_be_reached_nothing_else_is_said(look: Look) -> None:
    gone = 'store = "postgresql+psycopg://nobody@127.0.0.1:1/none"\n'
    found = look(gone + ALONE)
    assert state(found, "database")[0] == "fault"
    for name in ("integrity", "readers"):
        assert state(found, name) == ("skipped", "the database cannot be asked")
    assert state(look(gone + DIGEST), "readers")[0] == "ok"  # who stands under `to` reads it


def test_of_a_database_with_an_older_schema_no_readers_are_told(look: Look, tmp_path: Path) -> None:
    file = tmp_path / "digest.db"
    assert state(look(ALONE), "readers") == ("warning", "nobody reads d")  # and that is so
    open_store(f"sqlite:///{file}", NOW).close()
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0005'")
    connection.close()
    said = state(look(ALONE), "readers")
    assert said == ("skipped", "the database's schema is not this program's")


def test_a_file_that_is_no_database_is_damaged(look: Look, tmp_path: Path) -> None:
    (tmp_path / "digest.db").write_bytes(b"no database at all, but something else" * 100)
    found = look(ALONE)
    assert state(found, "integrity")[0] == "fault"
    assert state(found, "readers")[0] == "skipped"


def test_key_files_that_others_may_read_are_faults(look: Look, tmp_path: Path) -> None:
    assert state(look(), "link keys")[0] == "warning"
    keys.ensure(tmp_path / "digest.keys")
    assert state(look(), "link keys")[0] == "ok"
    (tmp_path / "digest.keys").chmod(0o644)
    said = state(look(), "link keys")
    assert said[0] == "fault"
    assert "chmod 600" in said[1]
    signed = DIGEST + '[dkim]\nselector = "digest"\n'
    assert state(look(signed), "signing key")[0] == "fault"
    keys.ensure_signing(tmp_path / "dkim.pem")
    assert state(look(signed), "signing key")[0] == "ok"


def test_a_folder_that_cannot_be_one_is_a_fault(look: Look, tmp_path: Path) -> None:
    assert state(look(), "disk")[0] == "ok"
    (tmp_path / "file").write_text("")
    said = state(look('outbox = "file/outbox"\n' + DIGEST), "disk")
    assert said[0] == "fault"
    assert "the outbox" in said[1]


def test_little_room_is_said(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    from digest.doctor import storage

    monkeypatch.setattr(storage, "TIGHT_MB", 10**9)
    assert {one.state for one in look()["disk"]} == {"warning"}
    monkeypatch.setattr(storage, "LITTLE_MB", 10**9)
    assert {one.state for one in look()["disk"]} == {"fault"}


# --- models --------------------------------------------------------------------------------------


def test_models_in_the_package_work_and_others_are_looked_for(look: Look) -> None:
    found = look(with_models=True)
    assert state(found, "encoder")[0] == state(found, "summarizer")[0] == "ok"
    assert state(found, "torch")[0] == "skipped"
    away = look('encoder = "hub:./nowhere"\nsummarizer = "nonsense"\n' + DIGEST, with_models=True)
    assert [state(away, one)[0] for one in ("encoder", "summarizer")] == ["fault", "fault"]
    assert state(away, "torch")[0] in ("ok", "warning", "fault")


@pytest.mark.parametrize(
    ("status", "expected"), [(200, "ok"), (404, "ok"), (401, "fault"), (500, "warning")]
)
def test_a_service_is_asked_whether_it_answers(look: Look, status: int, expected: str) -> None:
    asked = partial(look, with_models=True)
    with FeedServer() as server:
        server.serve("/v1/models", Canned(status=status, body=b"{}"))
        named = f'summarizer = "openai:small@{server.url("/v1")}"\n'
        assert state(asked(named + DIGEST, nameserver="127.0.0.1:1"), "summarizer")[0] == expected
        assert [hit.path for hit in server.hits] == ["/v1/models"]
        assert state(asked(named + DIGEST), "summarizer")[0] == "skipped"
        assert len(server.hits) == 1


# --- mail servers --------------------------------------------------------------------------------


def test_a_mail_server_that_lets_us_in_gets_no_mail(
    look: Look, authority: Authority, names: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGEST_SMTP_PASSWORD", PASSWORD)
    more = f'user = "{USER}"\nca_file = "{authority.ca_file}"'
    with MailServer(certificate=authority.context, auth="PLAIN LOGIN", keeps=True) as server:
        text = smtp(server.port, more, "starttls")
        said = state(look(text, nameserver=names.place), "mail server")
        assert said == ("ok", f"127.0.0.1:{server.port} answers and lets 'digest' in")
        assert server.log.said[-1] == b"QUIT"
        assert not any(line.startswith(b"MAIL") for line in server.log.said)
        monkeypatch.setenv("DIGEST_SMTP_PASSWORD", "wrong")
        said = state(look(text, nameserver=names.place), "mail server")
        assert said[0] == "fault"
        assert "does not let 'digest' in: 535" in said[1]
        assert "wrong" not in said[1]
    said = state(look(text, nameserver=names.place), "mail server")
    assert "could not be reached" in said[1]


def test_a_certificate_that_nobody_knows_is_named(
    look: Look, authority: Authority, names: NameServer
) -> None:
    with MailServer(certificate=authority.context) as server:
        text = smtp(server.port, security="starttls")
        said = state(look(text, nameserver=names.place), "mail server")
    assert said[0] == "fault"
    assert "its certificate is not good" in said[1]


@pytest.mark.parametrize("fault", ["cut", "garbage", "early", "554 5.7.1 go away"])
def test_a_mail_server_that_goes_wrong_is_a_fault_soon(
    look: Look, names: NameServer, fault: str
) -> None:
    with MailServer(mail_server.at("ehlo", fault)) as server:
        said = state(look(smtp(server.port), nameserver=names.place), "mail server")
    assert said[0] == "fault", said


def test_a_command_that_is_not_there_is_a_fault(look: Look) -> None:
    text = 'transport = "sendmail"\n[smtp]\nsendmail = ["/nowhere/sendmail"]\n' + DIGEST
    assert state(look(text), "mail server")[0] == "fault"


# --- name servers --------------------------------------------------------------------------------


def test_a_domain_where_all_is_well_has_no_fault(
    look: Look, names: NameServer, tmp_path: Path
) -> None:
    keys.ensure_signing(tmp_path / "dkim.pem")
    record = dkim.record(keys.load_signing(tmp_path / "dkim.pem").public_key())
    pieces = " ".join(f'"{one}"' for one in dkim.strings(record))
    names.says("digest._domainkey.example.org", "TXT", pieces)
    text = smtp().replace("[smtp]", '[dkim]\nselector = "digest"\n[smtp]')
    found = look(text, nameserver=names.place)
    said = {name: state(found, name) for name in ("SPF", "DKIM", "DMARC", "MX")}
    assert {state for state, _ in said.values()} == {"ok"}, said
    assert said["DMARC"][1] == "_dmarc.example.org: the policy is quarantine"
    # Another key, a revoked one, none, two.
    other = record[:-8] + "AAAAAAAA"
    for records, part in (
        ([" ".join(f'"{one}"' for one in dkim.strings(other))], "is another than ours"),
        (['"v=DKIM1; p="'], "revoked"),
        ([], "there is no record"),
        ([pieces, '"v=DKIM1; p=AAAA"'], "there are 2 records"),
    ):
        names.says("digest._domainkey.example.org", "TXT", *records)
        told = state(look(text, nameserver=names.place), "DKIM")
        assert told[0] == "fault"
        assert part in told[1]


@pytest.mark.parametrize(
    ("records", "expected", "part"),
    [
        ([], "fault", "no SPF record"),
        (['"v=spf10 all"'], "fault", "no SPF record"),
        (['"v=spf1 -all"', '"v=spf1 ~all"'], "fault", "2 SPF records"),
        (['"v=spf1 +all"'], "fault", "lets everybody"),
        (['"v=spf1 ' + "include:a.example.net " * 11 + '-all"'], "fault", "11 lookups"),
        (['"V=SPF1 a mx " "-all"'], "ok", "V=SPF1 a mx -all"),
    ],
)
def test_spf(look: Look, names: NameServer, records: list[str], expected: str, part: str) -> None:
    names.says("example.org", "TXT", *records)
    said = state(look(smtp(), nameserver=names.place), "SPF")
    assert said[0] == expected
    assert part in said[1]


@pytest.mark.parametrize(
    ("at", "records", "expected", "part"),
    [
        ("_dmarc.example.org", [], "warning", "no DMARC record"),
        ("_dmarc.example.org", ['"v=DMARC1; p=none"'], "ok", "it only watches"),
        ("_dmarc.example.org", ['"v=DMARC1; p=maybe"'], "fault", "no policy that is one"),
        ("_dmarc.example.org", ['"v=DMARC1; p=none"', '"v=DMARC1;p=reject"'], "fault", "2 records"),
    ],
)
def test_dmarc(
    look: Look, names: NameServer, at: str, records: list[str], expected: str, part: str
) -> None:
    names.says(at, "TXT", *records)
    said = state(look(smtp(), nameserver=names.place), "DMARC")
    assert said[0] == expected
    assert part in said[1]


def test_a_domain_above_may_have_the_policy(look: Look, names: NameServer) -> None:
    names.says("_dmarc.example.org", "TXT", '"v=DMARC1; p=none; sp=reject"')
    text = smtp().replace("papers@example.org", "papers@lists.example.org")
    said = state(look(text, nameserver=names.place), "DMARC")
    assert said == ("ok", "_dmarc.example.org: the policy is reject")


def test_nobody_asks_a_whole_top_level_for_a_policy(look: Look, names: NameServer) -> None:
    names.says("_dmarc.co.uk", "TXT", '"v=DMARC1; p=reject"')
    text = smtp().replace("papers@example.org", "papers@lists.example.co.uk")
    assert state(look(text, nameserver=names.place), "DMARC")[0] == "warning"
    asked = {name for name, _ in names.asked if name.startswith("_dmarc")}
    assert asked == {"_dmarc.lists.example.co.uk", "_dmarc.example.co.uk"}


def test_mx(look: Look, names: NameServer) -> None:
    for kind, records, expected in (
        ("MX", ["0 ."], "fault"),
        ("MX", [], "fault"),
        ("A", ["192.0.2.1"], "warning"),
    ):
        names.says("example.org", kind, *records)
        if kind == "A":
            names.says("example.org", "MX")
        assert state(look(smtp(), nameserver=names.place), "MX")[0] == expected


def test_the_mail_servers_address_is_called_by_a_name_that_leads_back(
    look: Look, names: NameServer
) -> None:
    text = smtp().replace('"127.0.0.1"', '"192.0.2.7"')
    found = look(text, nameserver=names.place, limit_s=8)
    assert "192.0.2.7 has no name" in state(found, "PTR")[1]
    names.says("7.2.0.192.in-addr.arpa", "PTR", "mail.example.org.")
    names.says("mail.example.org", "A", "192.0.2.8")
    found = look(text, nameserver=names.place, limit_s=8)
    assert "is called mail.example.org, which is elsewhere" in state(found, "PTR")[1]
    names.says("mail.example.org", "A", "192.0.2.7")
    assert state(look(text, nameserver=names.place, limit_s=8), "PTR")[0] == "ok"
    assert state(look(smtp(), nameserver=names.place), "PTR")[0] == "skipped"


def test_a_name_server_that_is_silent_is_a_warning_and_not_a_fault(
    look: Look, names: NameServer
) -> None:
    names.silent.add("_dmarc.example.org")
    began = time.monotonic()
    found = look(smtp(), nameserver=names.place)
    assert time.monotonic() - began < 12
    assert state(found, "DMARC")[0] == "warning"
    assert "no name server gave an answer" in state(found, "DMARC")[1]
    assert state(found, "SPF")[0] == "ok"


def test_nobody_is_asked_offline_or_where_no_mail_leaves(look: Look, names: NameServer) -> None:
    look(smtp(), nameserver=names.place, is_offline=True)
    look(DIGEST, nameserver=names.place)
    assert names.asked == []


@pytest.mark.parametrize(
    "place", ["ns.example.org", "127.0.0.1:99999", "[::1", "127.0.0.1:x", ":53"]
)
def test_a_name_server_that_is_none_is_refused(place: str) -> None:
    with pytest.raises(BadConfig, match="--nameserver"):
        Names(place)


# --- time ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("off_s", "expected"), [(0, "ok"), (-90, "warning"), (4000, "fault")])
def test_the_clock_is_held_against_that_of_a_source(
    look: Look, names: NameServer, off_s: int, expected: str
) -> None:
    with FeedServer() as server:
        date_ = format_datetime(datetime.now(UTC) + timedelta(seconds=off_s), usegmt=True)
        server.serve("/robots.txt", Canned(status=404, headers={"Date": date_}))
        host = server.url("").removeprefix("http://")
        text = (
            '[operator]\ncontact = "a@example.org"\n[fetch]\nallow_hosts = ["127.0.0.1"]\n'
            f'[sources.lab]\nkind = "feed"\nurl = "{server.url("/feed")}"\n'
            + DIGEST.replace("sample", "lab")
        )
        said = state(look(text, nameserver=names.place), "clock")
        assert said[0] == expected, said
        assert host in said[1]
        assert [hit.path for hit in server.hits] == ["/robots.txt"]
        assert "a@example.org" in server.hits[0].headers["user-agent"]


def test_no_clock_to_ask_is_said(look: Look, names: NameServer) -> None:
    assert state(look(nameserver=names.place), "clock")[0] == "skipped"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    text = (
        '[operator]\ncontact = "a@example.org"\n[fetch]\nallow_hosts = ["127.0.0.1"]\n'
        f'[sources.lab]\nkind = "feed"\nurl = "http://127.0.0.1:{port}/feed"\n'
        + DIGEST.replace("sample", "lab")
    )
    assert state(look(text, nameserver=names.place), "clock")[0] == "warning"


def test_the_table_of_holidays_is_warned_of_two_months_before_its_end(look: Look) -> None:
    text = DIGEST.replace('["sample"]', '["arxiv"]\ncategories = ["cs.CL"]')
    end = datetime.combine(calendar.HOLIDAYS_UNTIL, datetime.min.time(), UTC)
    for days, expected in ((61, "ok"), (60, "warning"), (-1, "warning")):
        assert state(look(text, end - timedelta(days=days)), "holidays")[0] == expected
    assert calendar.HOLIDAYS_UNTIL >= max(calendar.HOLIDAYS) >= date(2026, 12, 31)


def test_zones_are_there(look: Look) -> None:
    assert state(look(), "time zones")[0] == "ok"
