from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from digest.errors import (
    BadConfig,
    DigestError,
    InDoubt,
    NoServer,
    Permanent,
    Refused,
    Temporary,
    Withdrawn,
)
from digest.transports.sendmail import Sendmail
from digest.types import Mail, Receipt

ISSUE = "reading/2026-06-22T08:00"
MAIL = Mail(
    sender="a@x.org",
    to="-b@x.org",
    message_id="1@x.org",
    content=b"Message-ID: <1@x.org>\r\n\r\n.\r\nhi\r\n",
)


def command(folder: Path, script: str) -> list[str]:
    """A command that does what the script says, in the folder."""
    file = folder / "sendmail"
    file.write_text(f"#!/bin/sh\ncd {folder}\n{script}\n")
    file.chmod(0o755)
    return [str(file), "-v"]


def sent(transport: Sendmail, mail: Mail = MAIL, is_ready: bool = True) -> Receipt | DigestError:
    async def ready() -> bool:
        return is_ready

    async def carry() -> Receipt | DigestError:
        line = transport.line()
        try:
            return await line.send(mail, ISSUE, ready)
        except DigestError as why:
            return why
        finally:
            await line.close()

    return asyncio.run(carry())


def test_a_command_gets_the_mail_and_whom_it_is_for(tmp_path: Path) -> None:
    transport = Sendmail(command(tmp_path, 'printf "%s\\n" "$@" >arguments; cat >mail'))
    assert type(sent(transport)) is Receipt
    assert (tmp_path / "arguments").read_text().split() == "-v -i -f a@x.org -- -b@x.org".split()
    # A lone dot is content: that is what -i says.
    assert (tmp_path / "mail").read_bytes() == b"Message-ID: <1@x.org>\n\n.\nhi\n"
    assert transport.send(replace(MAIL, sender=""), ISSUE).detail.startswith("taken by")
    assert (tmp_path / "arguments").read_text().split()[3] == "<>"


def test_a_mail_that_is_withdrawn_starts_nothing(tmp_path: Path) -> None:
    found = sent(Sendmail(command(tmp_path, "cat >mail")), is_ready=False)
    assert type(found) is Withdrawn
    assert not (tmp_path / "mail").exists()


@pytest.mark.parametrize(
    ("script", "error", "words"),
    [
        ("exit 67", Refused, "exit code 67"),
        ("echo no such host >&2; exit 68", Refused, "no such host"),
        ("echo bad; echo first >&2; echo second >&2; exit 65", Permanent, "first"),
        ("exit 75", Temporary, "75"),
        ("exit 69", Temporary, "69"),
        ("echo 'server said: 550 5.1.1 no' >&2; exit 69", Refused, "550 5.1.1 no"),
        ("echo 'server said: 450 4.1.1 later' >&2; exit 69", Temporary, "450"),
        ("exit 1", Temporary, "1"),
        ("echo usage >&2; exit 64", NoServer, "usage"),
        ("exit 78", NoServer, "78"),
        ("exit 127", NoServer, "127"),
        ("kill -9 $$", InDoubt, "signal 9"),
        ("printf 'a\\033[2Jb\\377' >&2; exit 75", Temporary, "a?[2Jb"),
    ],
)
def test_an_exit_code_says_what_became_of_the_mail(
    tmp_path: Path, script: str, error: type[DigestError], words: str
) -> None:
    found = sent(Sendmail(command(tmp_path, f"cat >mail; {script}")))
    assert type(found) is error
    assert words in str(found)
    assert str(found).isprintable()
    if script == "exit 67":
        assert isinstance(found, Refused)
        assert found.is_dead


def test_a_command_that_never_ends_is_ended_with_all_it_started(tmp_path: Path) -> None:
    script = "(sleep 2; touch late) & cat >mail; sleep 60"
    started = time.monotonic()
    found = sent(Sendmail(command(tmp_path, script), timeout_s=0.3))
    assert type(found) is InDoubt
    assert time.monotonic() - started < 2
    time.sleep(2)
    assert not (tmp_path / "late").exists()


def test_a_child_that_is_left_behind_holds_up_nobody(tmp_path: Path) -> None:
    started = time.monotonic()
    assert type(sent(Sendmail(command(tmp_path, "sleep 3 & cat >mail")))) is Receipt
    assert time.monotonic() - started < 2


def test_a_command_that_is_not_there_is_told_at_once_and_later(tmp_path: Path) -> None:
    for missing in ([], ["no-such-command-here"], [str(tmp_path)]):
        with pytest.raises(BadConfig, match="no such command"):
            Sendmail(missing)
    made = command(tmp_path, "exit 0")
    transport = Sendmail(made)
    Path(made[0]).unlink()
    assert type(sent(transport)) is NoServer


def test_a_file_that_is_no_program_is_no_server(tmp_path: Path) -> None:
    file = tmp_path / "text"
    file.write_text("hello")
    file.chmod(0o755)
    found = sent(Sendmail([str(file)]))
    assert type(found) is NoServer
    assert "cannot be started" in str(found)


@pytest.mark.parametrize(
    "changed", [{"to": "a@x.org\n"}, {"to": ""}, {"sender": "a b@x.org"}, {"content": b"a\nb\r\n"}]
)
def test_a_mail_that_would_be_more_than_a_mail_is_refused(
    tmp_path: Path, changed: dict[str, Any]
) -> None:
    found = sent(Sendmail(command(tmp_path, "cat >mail")), replace(MAIL, **changed))
    assert type(found) is Permanent
    assert not (tmp_path / "mail").exists()
