"""`digest serve`: real processes on real ports."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event
from urllib.parse import urlencode

import pytest
from commands import digest
from door import ADA, Door, mails, token
from serving import Serving

from digest import attending
from digest.errors import Temporary

TOML = """
[digests.samples]
topics = ["retrieval"]
sources = ["sample"]
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with a configuration."""
    (tmp_path / "digest.toml").write_text(TOML)
    return tmp_path


def ask(url: str, method: str, path: str, **fields: str) -> tuple[int, str]:
    """What a browser without any convenience gets."""
    link = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    link.request(method, path, urlencode(fields) if method == "POST" else None, headers)
    answer = link.getresponse()
    text = answer.read().decode()
    link.close()
    return answer.status, text


def wait_for(found: Callable[[], object], seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_is_and_ends_in_order(home: Path, by: signal.Signals) -> None:
    with Serving(home) as served:
        assert served.said == f"listening on {served.url}/, known as {served.url}\n"
        assert ask(served.url, "GET", "/")[0] == 200
        assert served.stop(by) == 0
        assert served.errors() == ""


@pytest.mark.slow
def test_two_processes_behind_one_store_answer_each_ask_once(home: Path) -> None:
    port = free_port()
    known = {"DIGEST_BASE_URL": f"http://127.0.0.1:{port}"}
    outbox = home / "outbox"
    with Serving(home, **known) as one, Serving(home, **known) as two:
        for number in range(20):
            place = (one, two)[number % 2]
            address = f"r{number}@example.org"
            assert ask(place.url, "POST", "/subscribe", address=address, digest="samples")[0] == 303
        wait_for(lambda: all(mails(outbox, f"r{n}@example.org") for n in range(20)))
        time.sleep(2.5)  # whoever would write twice had a turn
        assert [len(mails(outbox, f"r{n}@example.org")) for n in range(20)] == [1] * 20
        link = token("confirm", mails(outbox, "r0@example.org")[0])
        assert ask(two.url, "POST", f"/confirm/{link}")[0] == 200
        assert "You are subscribed" in ask(one.url, "GET", f"/confirm/{link}")[1]
        # Nothing of a link, nor of who it is for, is in what the operator may read.
        ask(one.url, "GET", f"/unsubscribe/{link}")
        for served in (one, two):
            said = served.errors().splitlines()
            assert [line for line in said if not line.startswith("digest: INFO ")] == []
            assert not [line for line in said if link in line or "@" in line]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def test_a_port_that_is_taken_is_named_with_the_way_out(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = digest("serve", "--port", str(port))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"cannot listen on 127.0.0.1 port {port}" in done.stderr
    assert "--port" in done.stderr


def test_without_a_digest_there_is_nothing_to_serve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digest.toml").write_text("")
    assert "there is no digest" in digest("serve").stderr


@pytest.mark.slow
def test_help_loads_neither_the_web_nor_the_store() -> None:
    look = (
        "import sys; sys.argv = ['digest', '--help']\n"
        "from digest import cli\n"
        "try: cli.main()\n"
        "except SystemExit: pass\n"
        "bad = {'fastapi', 'starlette', 'uvicorn', 'sqlalchemy'} & sys.modules.keys()\n"
        "sys.exit(repr(bad) if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert "serve" in done.stdout


# --- the threads ---------------------------------------------------------------------------------


def test_what_fails_once_is_logged_without_names_and_tried_again(
    door: Door, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(attending, "EVERY_S", 0.01)
    turns: list[int] = []
    enough = Event()

    def work(setup: object) -> None:
        turns.append(1)
        if len(turns) == 1:
            raise RuntimeError("once")
        enough.set()

    monkeypatch.setattr(attending, "_WORK", ((work, 0.01),))
    with attending.attending(door.desk.setup):
        assert enough.wait(10)
    assert [one.message for one in caplog.records] == ["work failed and is tried again"]
    done = len(turns)
    time.sleep(0.05)
    assert len(turns) == done  # it has ended


def test_what_cannot_be_done_now_is_one_line_of_the_log(
    door: Door, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(attending, "EVERY_S", 0.01)
    again = Event()
    turns: list[int] = []

    def work(setup: object) -> None:
        turns.append(1)
        if len(turns) == 1:
            raise Temporary("the store is busy")
        again.set()

    monkeypatch.setattr(attending, "_WORK", ((work, 0.01),))
    with attending.attending(door.desk.setup):
        assert again.wait(10)
    assert [(one.message, one.exc_info) for one in caplog.records] == [
        ("work is tried again: the store is busy", None)
    ]


def test_an_error_of_the_store_tells_no_address(door: Door) -> None:
    from digest.store import asks

    with door.store.write() as connection:
        connection.exec_driver_sql("DROP TABLE suppressions")
    with door.store.read() as view, pytest.raises(Exception, match="no such table") as error:
        asks.suppressed(view, [ADA])
    assert ADA not in str(error.value)


@pytest.mark.slow
def test_a_welcome_that_waits_for_an_issue_holds_up_no_confirmation(door: Door) -> None:
    door.subscribe()
    with attending.attending(door.desk.setup):
        with door.store.exclusive("build"):
            door.post("/subscribe", address="b@example.org", digest="quiet")
            wait_for(lambda: door.mails("b@example.org"))
        wait_for(lambda: any(mail["List-Id"] for mail in door.mails()))


@pytest.mark.slow
def test_served_and_commands_write_to_one_log_of_whole_lines(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = home / "digest.log"
    (home / "digest.toml").write_text(
        TOML + '[web]\nmetrics = true\n[log]\nformat = "json"\nfile = "digest.log"\n'
    )
    monkeypatch.chdir(home)
    with Serving(home) as served:
        assert ask(served.url, "GET", "/healthz") == (200, "ok\n")
        status, ready = ask(served.url, "GET", "/readyz")
        assert (status, json.loads(ready)["checks"]["store"]) == (200, "ok")
        assert "papers_digest_readers" in ask(served.url, "GET", "/metrics")[1]
        ask(served.url, "POST", "/subscribe", address=ADA, digest="samples")
        wait_for(lambda: file.exists() and "notices sent 1 of 1" in file.read_text())
        assert digest("run", "samples", "--now", "2026-03-03T09:00").returncode == 0
        assert served.stop() == 0
        assert served.errors() == ""
    said = file.read_text()
    loggers = {json.loads(line)["logger"] for line in said.splitlines()}
    assert {"digest.run.notifying", "digest.run.reading", "digest.run.reporting"} <= loggers
    assert ADA not in said
