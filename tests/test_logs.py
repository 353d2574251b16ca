"""What is logged: whole lines, in one file for all processes, and nothing of anybody in it."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from digest import logs, tokens
from digest.config import Log
from digest.errors import BadConfig
from digest.run import reporting
from digest.tokens import Keys, Purpose
from digest.types import Reason, Report

TOKEN = tokens.sign(Keys({1: b"?" * 32}), Purpose.UNSUBSCRIBE, "00112233445566ff")
log = logging.getLogger("digest.tests")


@pytest.fixture
def begin() -> Iterator[Callable[..., None]]:
    yield lambda **said: logs.begin(Log(**said), is_lasting=True)
    logs.end()


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


@pytest.mark.parametrize(
    "words",
    [
        "ada@example.org",
        "<ada@example.org>, said",
        "mailto:ada@example.org?subject=x",
        "digest+u2@example.org=ada@example.org",
        "https://papers.example.org/subscribe?address=ada%40example.org&digest=d",
        "{'address': 'ada@example.org', 'other': \"ada@example.org\"}",
        '"ada of example"@example.org',
        "Ada+lists@EXAMPLE.org",
        "ådä@exåmple.org",
        "o'ada@example.org",
        "ada&#64;example.org",
        "ada&#064;example.org",
        "ada&#X40;example.org",
        "ada&commat;example.org",
        "https://example.org/?next=%2Fsubscribe%3Faddress%3Dada%2540example.org",
        "https://example.org/?a=ada%252540example.org",
        f"/unsubscribe/{TOKEN}",
        f"papers+{TOKEN.upper()}@example.org",
        f"token={TOKEN}.",
        "ValueError('00112233445566ff')",
        "deliveries of 00112233445566FF.",
        "0011223344556677889900aabbccddee",
    ],
)
def test_no_address_token_or_id_is_left_of_any_words(words: str) -> None:
    left = logs.masked(f"before {words} after").lower()
    assert not re.search(f"@|%40|ada|{TOKEN}|0011223344", left), left
    assert (left[:6], left[-5:]) == ("before", "after")


def test_a_mail_servers_words_are_not_logged_but_its_codes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    detail = "2 queued; 550 5.1.1 no such user ada; ask ben, 552 of 2026; 421-later"
    reporting.tell(
        Report(digest="d", slot="2026", reason=Reason.DOWN, has_failed=True, detail=detail)
    )
    (record,) = caplog.records
    assert record.getMessage() == (
        "d 2026: down, papers 0, mails 0 (2 queued; 550 5.1.1, 552, 421)"
    )
    assert vars(record)["detail"] == "2 queued; 550 5.1.1, 552, 421"


@pytest.mark.parametrize(
    "words",
    [
        "my-papers 2026-06-22T08:00: down (https://rss.arxiv.org/rss/cs.CL did not answer)",
        "my-papers/2026-06-22T08:00",
        "hub:org/name@main of 2606.01234".replace("@", " "),
        "embedded/2-1a2b3c4d",
    ],
)
def test_what_an_operator_wants_to_know_is_left(words: str) -> None:
    assert logs.masked(words) == words


def test_a_hostile_word_of_any_length_is_masked_in_no_time() -> None:
    began = time.perf_counter()
    for piece in ("a", "a@", '"a" ', "ab2", "%4", "0f"):
        logs.masked(piece * 100_000)
    assert time.perf_counter() - began < 2


def test_a_line_of_json_has_its_values_and_nobody_in_them(
    begin: Callable[..., None], tmp_path: Path
) -> None:
    begin(format="json", file=tmp_path / "digest.log")
    extra = {"digest": "d", "mails": 3, "who": ["ada@example.org", {"ada@example.org": TOKEN}]}
    try:
        raise ValueError(f"550 no mailbox ada@example.org {TOKEN}")
    except ValueError:
        log.exception("%s\nfailed for %s", "d", "ada@example.org", extra=extra)
    (line,) = lines(tmp_path / "digest.log")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert "ValueError: 550 no mailbox [address] [token]" in line.pop("traceback")
    assert line == {
        "level": "error",
        "logger": "digest.tests",
        "message": "d\nfailed for [address]",
        "digest": "d",
        "mails": 3,
        "who": ["[address]", {"[address]": "[token]"}],
    }


def test_words_from_outside_make_no_line_of_their_own_in_a_text(
    begin: Callable[..., None], tmp_path: Path
) -> None:
    begin(file=tmp_path / "digest.log")
    log.warning("the server said %s", "no\n2026-01-01T00:00:00Z ERROR all is lost\x1b[2J")
    (line,) = (tmp_path / "digest.log").read_text().splitlines()
    assert line.endswith("WARNING the server said no 2026-01-01T00:00:00Z ERROR all is lost?[2J")


def test_standard_error_is_the_place_where_no_file_is_named(
    begin: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    begin()
    log.info("a turn")
    log.debug("more than anybody asked for")
    assert capsys.readouterr().err == "digest: INFO a turn\n"


def test_a_command_that_ends_says_nothing_of_what_went_well(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.begin(Log())
    log.info("sent")
    log.warning("not sent")
    logs.begin(Log(format="json"))
    log.info("sent")
    logs.end()
    text, as_json = capsys.readouterr().err.splitlines()
    assert text == "digest: WARNING not sent"
    assert json.loads(as_json)["message"] == "sent"


def test_libraries_are_heard_only_where_something_is_wrong(
    begin: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    begin(level="debug")
    logging.getLogger("httpx").info("GET https://example.org")
    logging.getLogger("uvicorn.error").warning("odd")
    assert capsys.readouterr().err == "digest: WARNING odd\n"


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadConfig, match=r"\[log\] file = '.*file/digest.log' cannot be written"):
        logs.begin(Log(file=tmp_path / "file" / "digest.log"))


def test_a_line_that_cannot_be_made_is_told_without_its_words(
    begin: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    begin()
    # Not by the logger: pytest has a handler of its own there, which would fail this test.
    (ours,) = [one for one in logging.getLogger().handlers if isinstance(one, logs.OnStream)]
    args = ("ada@example.org", "ada@example.org")
    ours.handle(logging.LogRecord("digest", logging.WARNING, "", 1, "%d to %s", args, None))
    said = capsys.readouterr().err
    assert "cannot be written" in said
    assert "ada" not in said


def test_a_full_file_is_begun_anew_and_so_many_are_kept(
    begin: Callable[..., None], tmp_path: Path
) -> None:
    file = tmp_path / "digest.log"
    begin(format="json", file=file, max_mb=0.001, files=2)
    for number in range(100):
        log.info("line %d", number)
    kept = [tmp_path / f"digest.log{end}" for end in (".2", ".1", "")]
    assert {*tmp_path.iterdir()} - {tmp_path / "digest.log.lock"} == {*kept}
    assert all(one.stat().st_size <= 1000 for one in kept)
    numbers = [int(line["message"].split()[1]) for one in kept for line in lines(one)]
    assert numbers == list(range(numbers[0], 100))


def test_a_file_that_was_moved_away_is_begun_anew(
    begin: Callable[..., None], tmp_path: Path
) -> None:
    file = tmp_path / "digest.log"
    begin(file=file)
    log.info("before")
    file.rename(tmp_path / "away")
    log.info("after")
    assert file.read_text().endswith("INFO after\n")
    assert (tmp_path / "away").read_text().endswith("INFO before\n")


def test_a_full_file_that_nobody_can_put_aside_is_written_on(
    begin: Callable[..., None], tmp_path: Path
) -> None:
    file = tmp_path / "digest.log"
    (tmp_path / "digest.log.1" / "in the way").mkdir(parents=True)
    begin(file=file, max_mb=0.0001, files=1)
    for number in range(3):
        log.info("a line of more than a few letters, number %d", number)
    assert len(file.read_text().splitlines()) == 3


def test_processes_that_share_a_file_lose_no_line_when_it_is_full(tmp_path: Path) -> None:
    file = tmp_path / "digest.log"
    write = (
        "import logging, sys\n"
        "from pathlib import Path\n"
        "from digest import logs\n"
        "from digest.config import Log\n"
        f"logs.begin(Log(format='json', file=Path({str(file)!r}), max_mb=0.02, files=500))\n"
        "for n in range(1000):\n"
        "    logging.getLogger('digest').info('%s %d', sys.argv[1], n)\n"
    )
    writing = [
        subprocess.Popen([sys.executable, "-W", "error", "-c", write, f"p{n}"], env=os.environ)
        for n in range(3)
    ]
    assert [one.wait(60) for one in writing] == [0, 0, 0]
    files = [one for one in tmp_path.glob("digest.log*") if one.suffix != ".lock"]
    assert len(files) > 5
    said = [line["message"] for one in files for line in lines(one)]
    assert len(said) == 3000
    assert set(said) == {f"p{n} {i}" for n in range(3) for i in range(1000)}
    # A line or two may be written to a file that was put aside meanwhile.
    assert max(one.stat().st_size for one in files) < 22_000
