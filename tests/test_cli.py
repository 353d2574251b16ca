"""What people and cron type, and what they are told."""

from __future__ import annotations

import json
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from commands import digest, good, misuse, process

from digest.cli import frame
from digest.types import Reason, Report

ROOT = Path(__file__).parents[1]
NAME = "my-papers"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that commands run in."""
    monkeypatch.setenv("DIGEST_STATE_FOLDER", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def started(home: Path) -> Path:
    good("init")
    return home


def deliveries(home: Path) -> int:
    with sqlite3.connect(home / "digest.db") as database:
        (count,) = database.execute("SELECT count(*) FROM deliveries").fetchone()
    database.close()
    return int(count)


# --- the command itself --------------------------------------------------------------------------


def test_help_imports_nothing_slow() -> None:
    heavy = "torch transformers sqlalchemy alembic feedparser httpx pydantic jinja2 fastapi".split()
    code = (
        "import sys\nsys.argv = ['digest', '--help']\n"
        "from digest.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_every_command_stands_in_the_readme() -> None:
    commands = re.findall(r"^  (\w+)  ", good("--help").partition("Commands:")[2], re.MULTILINE)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(commands) >= 9
    assert [c for c in commands if f"digest {c}" not in readme] == []


def test_the_version_is_said() -> None:
    assert re.fullmatch(r"digest \d+\.\d+\.\d+\n", good("--version"))


# --- init, run, status ---------------------------------------------------------------------------


def test_init_writes_what_works_at_once_and_never_overwrites(home: Path) -> None:
    assert "digest preview my-papers" in good("init", "papers")
    file = home / "papers/digest.toml"
    before = file.read_bytes()
    assert "is there already" in misuse("init", "papers")
    assert file.read_bytes() == before


def test_run_sends_once_and_then_says_why_not(started: Path) -> None:
    (first,) = [json.loads(line) for line in good("run", NAME, "--json").splitlines()]
    assert (first["reason"], first["mails"]) == ("sent", 1)
    assert len(list(Path(first["folder"]).glob("*.eml"))) == 1
    (again,) = [json.loads(line) for line in good("run", "--all", "--json").splitlines()]
    assert (again["reason"], again["mails"]) == ("all-sent", 0)


def test_a_report_has_the_promised_shape(started: Path) -> None:
    report = json.loads(good("run", NAME, "--json"))
    assert {"digest", "slot", "reason", "papers", "mails", "sources"} <= set(report)
    assert {"source", "reason", "entries", "new"} <= set(report["sources"][0])
    reasons = {str(reason) for reason in Reason}
    assert {report["reason"], report["sources"][0]["reason"]} <= reasons


def test_without_a_name_a_slot_is_due_once(started: Path) -> None:
    file = started / "digest.toml"
    words = file.read_text().replace('# schedule   = "weekdays', 'schedule   = "weekdays')
    file.write_text(words)
    now = ("--now", "2026-06-22T08:30:00+00:00")
    first = json.loads(good("run", "--json", *now))
    assert (first["slot"], first["reason"]) == ("2026-06-22T08:00", "sent")
    assert json.loads(good("run", "--json", *now))["reason"] == "not-due"


def test_without_a_schedule_nothing_is_due_and_the_way_on_is_shown(started: Path) -> None:
    assert "`digest run NAME` runs it now" in good("run")


def test_fetch_sends_nothing(started: Path) -> None:
    report = json.loads(good("fetch", "--json"))
    assert report["new"] >= 40
    assert deliveries(started) == 0


def test_status_shows_what_was_and_what_comes(started: Path) -> None:
    assert "never run" in good("status")
    good("run", NAME)
    found = json.loads(good("status", "--json"))
    assert found["digests"][0]["report"]["reason"] == "sent"
    assert found["queue"] == {"sent": 1}
    assert "1 sent" in good("status")


def test_real_sources_without_a_contact_are_refused_with_the_remedy(started: Path) -> None:
    file = started / "digest.toml"
    file.write_text(
        file.read_text().replace('sources    = ["sample"]', 'sources = ["huggingface"]')
    )
    assert "set contact under [operator]" in misuse("run", NAME)


# --- picks and drafts ----------------------------------------------------------------------------


def paper_id(home: Path) -> str:
    with sqlite3.connect(home / "digest.db") as database:
        (id,) = database.execute("SELECT max(id) FROM papers WHERE id LIKE 'arxiv:%'").fetchone()
    database.close()
    return str(id)


def test_a_pick_is_shown_by_status_and_preview_and_can_be_taken_back(started: Path) -> None:
    good("fetch")
    id = paper_id(started)
    assert good("pick", NAME, id.removeprefix("arxiv:"), "--note", "Read\nthis.").startswith(
        f"{NAME}: picked: "
    )
    assert re.search(rf"  picked   {id} .*: Read this\.\n", good("status"))
    (digest,) = json.loads(good("status", "--json"))["digests"]
    assert [(one["id"], one["note"]) for one in digest["picks"]] == [(id, "Read this.")]
    text = ("--format", "text", "--output", "-")
    assert "Picked by the editors: Read this." in good("preview", NAME, *text)
    assert "no longer picked: " in good("pick", NAME, id, "--undo")
    assert "  picked  " not in good("status")
    assert "Picked by" not in good("preview", NAME, *text)


def reviewed(home: Path) -> None:
    file = home / "digest.toml"
    file.write_text(file.read_text().replace("# review     = true", "review = true"))


def test_a_draft_waits_for_its_approval(started: Path) -> None:
    reviewed(started)
    now = ("--now", "2026-06-22T08:00:00+00:00")
    made = json.loads(good("run", NAME, "--json", *now))
    assert (made["reason"], made["mails"]) == ("not-due", 0)
    assert "waits until 2026-06-22T20:00 UTC" in made["detail"]
    assert deliveries(started) == 0
    assert f"papers: the draft {made['slot']} waits until" in good("status", *now)
    assert "`digest approve my-papers` sends it now" in good("run", *now)
    assert "there is 2026-06-22T08:00" in misuse("approve", NAME, "2026-06-21T08:00", *now)
    sent = json.loads(good("approve", NAME, made["slot"], "--json", *now))
    assert (sent["slot"], sent["reason"], sent["mails"]) == (made["slot"], "sent", 1)
    assert "no draft of 'my-papers' waits" in misuse("approve", NAME, *now)
    assert "  draft  " not in good("status", *now)
    (digest,) = json.loads(good("status", "--json", *now))["digests"]
    assert (digest["report"]["reason"], digest["draft"]) == ("sent", None)


def test_run_without_a_name_sends_a_draft_whose_time_has_come(started: Path) -> None:
    reviewed(started)
    good("run", NAME, "--now", "2026-06-22T08:00:00+00:00")
    assert "not-due" in good("run", "--now", "2026-06-22T19:59:00+00:00")
    (late,) = good("run", "--json", "--now", "2026-06-22T20:00:00+00:00").splitlines()
    assert json.loads(late)["reason"] == "sent"
    assert deliveries(started) == 1


def test_a_draft_can_be_thrown_away(started: Path) -> None:
    reviewed(started)
    good("run", NAME)
    assert "thrown away" in good("approve", NAME, "--drop")
    assert deliveries(started) == 0
    assert json.loads(good("run", NAME, "--json"))["papers"] > 3


# --- build and preview ---------------------------------------------------------------------------


def test_an_issue_by_hand_marks_nothing_as_sent(started: Path) -> None:
    good("fetch")
    period = ("--from", "2026-03-02", "--to", "2026-03-04")
    made = json.loads(good("build", NAME, *period, "--topic", "retrieval", "--json"))
    assert made["papers"] > 3
    folder = Path(made["folder"])
    assert {p.name for p in folder.iterdir()} == {"issue.html", "issue.md", "issue.txt"}
    assert deliveries(started) == 0
    assert json.loads(good("run", NAME, "--json"))["mails"] == 1


def test_a_period_is_half_open(started: Path) -> None:
    good("fetch")

    def papers(start: str, end: str) -> int:
        said = good("build", NAME, "--from", start, "--to", end, "--json")
        return int(json.loads(said)["papers"])

    both = papers("2026-03-02", "2026-03-04")
    assert papers("2026-03-02", "2026-03-03") + papers("2026-03-03", "2026-03-04") == both
    done = digest("build", NAME, "--from", "2020-01-01", "--to", "2020-01-02")
    assert "the store holds" in done.stderr


@pytest.mark.parametrize(
    ("format", "beginning"),
    [
        ("html", "<!DOCTYPE html>"),
        ("markdown", "# My papers"),
        ("text", "My papers"),
        ("eml", "To: "),
    ],
)
def test_a_preview_comes_in_every_format_and_marks_nothing(
    started: Path, format: str, beginning: str
) -> None:
    shown = good("preview", NAME, "--format", format, "--output", "-")
    assert shown.startswith(beginning)
    assert deliveries(started) == 0


def test_a_past_issue_a_readers_own_and_unsaved_topics_can_be_seen(started: Path) -> None:
    slot = json.loads(good("run", NAME, "--json"))["slot"]
    text = ("--format", "text", "--output")
    good("preview", NAME, "--issue", slot, *text, "past.txt")
    assert "My papers" in (started / "past.txt").read_text()
    assert slot in misuse("preview", NAME, "--issue", "1999-01-01T08:00", *text, "-")
    done = digest("preview", NAME, "--as", "you@example.org", *text, "-")
    assert "has had all there is" in done.stderr
    assert "is no reader" in misuse("preview", NAME, "--as", "x@example.org", *text, "-")
    ocean = good("preview", NAME, "--topic", "waves", *text, "-")
    assert "Matches “waves”" in ocean


def test_an_empty_store_is_previewed_with_samples_and_says_so(started: Path) -> None:
    file = started / "digest.toml"
    words = file.read_text().replace('sources    = ["sample"]', 'sources = ["huggingface"]')
    file.write_text(words.replace('contact = ""', 'contact = "me@example.org"'))
    done = digest("preview", NAME, "--output", "-")
    assert done.returncode == 0
    assert "these are samples" in done.stderr
    assert "</html>" in done.stdout
    assert deliveries(started) == 0


def test_a_preview_can_be_served_on_this_machine(started: Path) -> None:
    command = [sys.executable, "-m", "digest", "preview", NAME, "--serve", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as served:
        assert served.stdout is not None
        address = served.stdout.readline().split()[0]
        with urllib.request.urlopen(address, timeout=10) as answer:
            assert b"</html>" in answer.read()
        served.send_signal(signal.SIGINT)
        assert served.wait(10) == 0


# --- opinions and trying topics ------------------------------------------------------------------

ADAPTERS = "2603.90021"  #: "Prompts or Adapters?", of the second sample day


def test_what_is_liked_is_listed_and_can_be_taken_back(started: Path) -> None:
    good("fetch")
    mine = ("--digest", NAME)
    assert "liked, for all readers of my-papers" in good("like", ADAPTERS, *mine)
    assert "was liked already" in good("like", f"arxiv:{ADAPTERS}v2", *mine)
    assert good("likes", NAME).startswith("likes    Prompts or Adapters?")
    assert "disliked, for all" in good("dislike", ADAPTERS, *mine)
    (said,) = [json.loads(line) for line in good("likes", NAME, "--json").splitlines()]
    assert (said["id"], said["is_liked"]) == (f"arxiv:{ADAPTERS}", False)
    assert "was not liked" in good("like", ADAPTERS, *mine, "--undo")
    assert "no longer disliked" in good("dislike", ADAPTERS, *mine, "--undo")
    assert "nothing yet" in good("likes", NAME)
    assert good("likes", NAME, "--json") == ""


def test_a_readers_own_likes_move_her_preview(started: Path) -> None:
    good("run", NAME, "--now", "2026-03-02T08:00")
    me = ("--as", "you@example.org")
    shown = ("preview", NAME, *me, "--format", "text", "--output", "-", "--now", "2026-03-03T08:00")
    good("fetch", "--now", "2026-03-03T08:00")
    before = good(*shown)
    assert "which you liked" not in before
    good("like", "2603.90012", "--digest", NAME, *me)
    assert "like “Adapters That Shrink" in " ".join(good(*shown).split())
    assert "Adapters That Shrink" in good("likes", NAME, *me)
    assert "nothing yet" in good("likes", NAME)
    good("like", "2603.90012", "--digest", NAME, *me, "--undo")
    assert good(*shown) == before


def test_a_backtest_shows_the_days_and_changes_nothing(started: Path) -> None:
    assert "`digest fetch` gets them" in misuse("backtest", NAME)
    good("fetch", "--now", "2026-03-02T08:00")
    good("fetch", "--now", "2026-03-03T08:00")
    before = {p.name: p.stat().st_mtime_ns for p in started.iterdir()}
    said = good("backtest", NAME)
    assert said.startswith("Mon 2026-03-02  ")
    assert "2 days, 2 of them with new papers" in said
    done = digest("backtest", NAME, "--days", "1", "--topic", "retrieval", "--json")
    (day,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert (day["day"], day["reason"]) == ("2026-03-03", "sent")
    assert {place["section"] for place in day["shown"]} == {"retrieval"}
    assert "matches a day" in done.stderr
    assert {p.name: p.stat().st_mtime_ns for p in started.iterdir()} == before
    assert not (started / "outbox").exists()


# --- misuse --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["run", "my-paper"], "did you mean 'my-papers'?"),
        (["run", "--all", "--now", "soon"], "--now 'soon' is not a time"),
        (["build", NAME, "--from", "x"], "--from 'x' is not a day"),
        (["build", NAME, "--from", "2026-03-04", "--to", "2026-03-04"], "is not before"),
        (["build", NAME, "--topic", "a AND"], "it ends early"),
        (["preview", NAME, "--format", "pdf"], "'pdf' is not known"),
        (["preview", NAME, "--issue", "x", "--topic", "y"], "give one of them"),
        (["preview", NAME, "--output", "no/such/folder/x.html"], "cannot write"),
        (["--config", "none.toml", "status"], "none.toml is not there"),
        (["pick", "my-paper", "2606.00001"], "did you mean 'my-papers'?"),
        (["pick", NAME, "2606.99999"], "`digest fetch` reads the sources"),
        (["pick", NAME, "2606.99999", "--undo", "--note", "x"], "give no --note"),
        (["approve", NAME], "no draft of 'my-papers' waits; set review = true to have some"),
        (["approve", NAME, "--drop"], "no draft of 'my-papers' waits"),
        (["summarize", "--summarizer", "none"], "there are embedded, lead"),
        (["match", "--topic", ""], "it is empty"),
        (["like", "2603.90021", "--digest", "my-paper"], "did you mean 'my-papers'?"),
        (["like", "2603.99999", "--digest", NAME], "no paper in the store is known as"),
        (["dislike", "x", "--digest", NAME, "--as", "no@example.org"], "is no reader of"),
        (["likes", NAME, "--as", "nobody"], "this is not an e-mail address: an"),
        (["backtest", "my-paper"], "did you mean 'my-papers'?"),
        (["backtest", NAME, "--topic", "a AND"], "it ends early"),
    ],
)
def test_misuse_says_what_was_wrong_and_what_to_do(
    started: Path, words: list[str], why: str
) -> None:
    assert why in misuse(*words)


def test_without_a_configuration_the_command_that_writes_one_is_named(home: Path) -> None:
    assert "`digest init` writes one" in misuse("run")


# --- pipes ---------------------------------------------------------------------------------------

PAPERS = [
    {"id": "a", "title": "Robots", "abstract": "Robots fall. In this paper, we propose legs."},
    {"id": 2, "title": "Böats at $\\alpha$", "abstract": "We study boats.\u2028They float."},
    {"id": "c", "title": "Nothing", "abstract": None},
]


def lines(*rows: object) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def test_summaries_are_written_without_any_configuration(home: Path) -> None:
    said = [json.loads(x) for x in good("summarize", given=lines(*PAPERS)).split("\n") if x]
    assert [s["id"] for s in said] == ["a", 2, "c"]
    assert said[0]["summarizer"].startswith("embedded/2.")
    assert (said[0]["id"], said[0]["summary"]) == ("a", "We propose legs.")
    assert said[2]["summary"] == ""


def test_matches_are_written_for_every_paper_and_topic(home: Path) -> None:
    topics = ("--topic", "robots", "--topic", "boats or ships")
    said = [json.loads(x) for x in good("match", *topics, given=lines(*PAPERS)).split("\n") if x]
    assert [(s["id"], s["topic"]) for s in said] == [
        (id, topic) for id in ("a", 2, "c") for topic in ("robots", "boats or ships")
    ]
    assert said[0]["score"] >= 1
    assert said[0]["because"] == ["robots"]
    assert said[1]["score"] < 1


def test_bad_lines_are_named_and_do_not_stop_the_good_ones(home: Path) -> None:
    given = "oops\n" + lines(PAPERS[0]) + "[]\n" + lines({"id": 1, "title": 3}, PAPERS[1])
    done = digest("summarize", given=given)
    assert done.returncode == 2
    assert [json.loads(x)["id"] for x in done.stdout.split("\n") if x] == ["a", 2]
    assert [f"line {n} " in done.stderr for n in (1, 2, 3, 4)] == [True, False, True, True]


def test_an_empty_input_gives_an_empty_output(home: Path) -> None:
    assert good("summarize") == ""


def test_who_stops_reading_sees_no_traceback(home: Path) -> None:
    many = home / "many.jsonl"
    many.write_text(lines(*PAPERS) * 3000)
    command = f"{sys.executable} -m digest summarize < {many} | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60)
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""


# --- the demo ------------------------------------------------------------------------------------


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_demo_gives_the_same_bytes_every_time(home: Path) -> None:
    said = good("demo")
    first = tree(home / "outbox")
    assert {Path(name).suffix for name in first} == {".html", ".md", ".txt", ".eml"}
    for line in re.findall(r"^  (outbox/\S+[a-z])$", said, re.MULTILINE):
        assert (home / line).is_file()
    done = process("demo", TZ="Pacific/Auckland", PYTHONHASHSEED="7")
    assert done.returncode == 0, done.stderr
    assert tree(home / "outbox") == first


@pytest.mark.slow
def test_a_service_that_is_down_is_named_and_may_be_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    done = digest("summarize", "--summarizer", f"openai:m@http://127.0.0.1:{port}/v1",
                  given=lines(PAPERS[0]))  # fmt: skip
    assert done.returncode == 1
    assert json.loads(done.stdout)["summarizer"].startswith("embedded/2.")
    assert f"is the service at 127.0.0.1:{port} running?" in done.stderr


def test_dkim_makes_the_key_once_and_shows_the_record(started: Path) -> None:
    refused = digest("dkim")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "[dkim] selector" in refused.stderr
    toml = started / "digest.toml"
    toml.write_text(toml.read_text() + '\n[dkim]\nselector = "s1"\ndomain = "example.org"\n')
    made, again = digest("dkim"), digest("dkim")
    assert made.returncode == again.returncode == 0
    assert "made the key" in made.stderr
    assert again.stderr == ""
    assert made.stdout == again.stdout
    assert made.stdout.startswith('s1._domainkey.example.org. IN TXT ( "v=DKIM1; k=rsa; p=MII')
    pieces = re.findall(r'"([^"]*)"', made.stdout)
    assert max(map(len, pieces)) <= 255
    (key,) = started.glob("**/dkim.pem")
    assert key.stat().st_mode & 0o777 == 0o600
    row = json.loads(digest("dkim", "--json").stdout)
    assert row == {"name": "s1._domainkey.example.org", "type": "TXT", "value": "".join(pieces)}


def test_mails_to_who_has_an_hour_of_her_own_are_not_said_to_be_of_no_papers(
    capsys: pytest.CaptureFixture[str],
) -> None:
    note = "for 1 whose own hour has come"
    reports = [
        Report(digest="d", slot="2026", reason=Reason.SENT, mails=1, detail=note),
        Report(digest="d", slot="2026", reason=Reason.SENT, mails=2, papers=1),
        Report(digest="d", slot="2026", reason=Reason.SENT),
    ]
    frame.show_reports(reports, as_json=False)
    assert capsys.readouterr().out.splitlines() == [
        "d 2026: sent, 1 mail (for 1 whose own hour has come)",
        "d 2026: sent, 1 paper, 2 mails",
        "d 2026: sent, 0 papers, 0 mails",
    ]
