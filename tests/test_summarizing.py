"""Summaries in a run: kept, checked, and the extract where a model fails."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from build import NOW, paper
from commands import digest, good
from servers import Canned, FeedServer

from digest import check, config, run, summarizers
from digest.errors import BadConfig, DigestError, Misuse, Permanent, Temporary
from digest.store import open_store
from digest.summarizers import Summarizer, Text
from digest.types import Paper, Reason, Summary

PAPERS = [
    paper(f"Paper {n}", f"2606.0000{n}", abstract=f"Sheep are many. We propose to count {n}.")
    for n in range(5)
]


class Writer(Summarizer):
    """Says what it is told to say, and notes what it was asked."""

    def __init__(self, says: Callable[[Text], Any], id: str = "writer/1") -> None:
        self._says = says
        self._id = id
        self.batches: list[list[str]] = []

    @property
    def id(self) -> str:
        return self._id

    def summarize(self, texts: Sequence[Text]) -> list[str | DigestError]:
        self.batches.append([text.title for text in texts])
        return [self._says(text) for text in texts]


def extract(of: Paper, reason: str) -> Summary:
    """What stands in for a summary that failed."""
    made = summarizers.BUILTIN[summarizers.EXTRACT]()
    (words,) = made.summarize([Text(of.title, of.abstract)])
    assert isinstance(words, str)
    return Summary(text=words, summarizer=made.id, reason=reason)


def fine(text: Text) -> str:
    return f"It is {text.title} of sheep."


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., run.Setup]]:
    """A run's setup with a summarizer of the test's."""
    stores = []

    def setup(writer: Summarizer, **tables: Any) -> run.Setup:
        monkeypatch.setitem(summarizers.BUILTIN, "writer", lambda: writer)
        settings = config.make({"summarizer": "writer", **tables}, tmp_path / "digest.toml")
        stores.append(open_store(settings.store, NOW))
        return run.Setup(config=settings, store=stores[-1], now=NOW)

    yield setup
    for store in stores:
        store.close()


def said(setup: run.Setup, papers: Sequence[Paper] = PAPERS) -> dict[str, Summary]:
    return dict(run.summarize(setup, papers).summaries)


# --- the cache -----------------------------------------------------------------------------------


def test_no_summary_is_made_twice(make: Callable[..., run.Setup]) -> None:
    writer = Writer(fine)
    first = said(make(writer))
    assert first[PAPERS[0].id] == Summary(text="It is Paper 0 of sheep.", summarizer="writer/1")
    again = Writer(fine)
    assert said(make(again)) == first
    assert again.batches == []


def test_a_new_model_is_asked_and_the_old_ones_words_stay(make: Callable[..., run.Setup]) -> None:
    old, new = Writer(fine), Writer(lambda text: "We now count all of the sheep.", id="writer/2")
    first = said(make(old))
    assert {s.text for s in said(make(new)).values()} == {"We now count all of the sheep."}
    assert said(make(old)) == first
    assert len(old.batches) == 1


@pytest.mark.parametrize("language", ["en", "zh"])
def test_better_checks_look_at_what_is_kept(
    make: Callable[..., run.Setup], monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    old, new = Writer(fine), Writer(fine)
    said(make(old, language=language))
    monkeypatch.setattr(check, "REVISION", check.REVISION + 1)
    said(make(new, language=language))
    assert new.batches == old.batches
    said(make(new, language=language))
    assert len(new.batches) == 1


def test_an_extract_asks_for_no_check(make: Callable[..., run.Setup]) -> None:
    extract = summarizers.BUILTIN["embedded"]()
    assert run.summarizing.checks(extract, "en") == ""


def test_a_new_language_is_another_summary(make: Callable[..., run.Setup]) -> None:
    said(make(Writer(fine)))
    chinese = said(make(Writer(lambda text: "我们建议数一数这些羊。"), language="zh"))
    assert {(s.text, s.language) for s in chinese.values()} == {("我们建议数一数这些羊。", "zh")}


def test_a_kill_loses_no_more_than_a_batch(make: Callable[..., run.Setup]) -> None:
    def killed(text: Text) -> str:
        if text.title == "Paper 4":
            raise KeyboardInterrupt
        return fine(text)

    settings = {"summarize": {"batch": 2}}
    with pytest.raises(KeyboardInterrupt):
        said(make(Writer(killed), **settings))
    again = Writer(fine)
    said(make(again, **settings))
    assert again.batches == [["Paper 4"]]


def test_nothing_is_locked_while_a_model_works(make: Callable[..., run.Setup]) -> None:
    setup = make(Writer(fine))

    def write(text: Text) -> str:
        with setup.store.write() as connection:  # SQLite has one writer at a time
            assert connection.in_transaction()
        return fine(text)

    setup = make(Writer(write))
    assert all(not s.reason for s in said(setup).values())


# --- falling back --------------------------------------------------------------------------------


def failing(why: Any, at: int = 2) -> Callable[[Text], Any]:
    return lambda text: why if text.title == f"Paper {at}" else fine(text)


@pytest.mark.parametrize(
    ("why", "reason", "asked_again"),
    [
        (Temporary("it is down"), "it is down", [["Paper 2"]]),
        (Permanent("it refused"), "it refused", []),
        ("", "it is empty", []),
        ("  ", "it is empty", []),
    ],
)
def test_one_paper_that_fails_gets_the_extract_and_is_marked(
    make: Callable[..., run.Setup], why: Any, reason: str, asked_again: list[list[str]]
) -> None:
    setup = make(Writer(failing(why)))
    made = run.summarize(setup, PAPERS)
    assert len(made.summaries) == 5
    assert made.summaries[PAPERS[2].id] == extract(PAPERS[2], reason)
    assert sum(bool(s.reason) for s in made.summaries.values()) == 1
    assert made.warnings == (f"1 of 5 papers fell back to the extract: {reason}",)
    again = Writer(failing(why))
    assert said(make(again)) == made.summaries
    assert again.batches == asked_again  # what may go better later is not kept


def test_what_fell_back_in_another_language_is_in_the_abstracts_own(
    make: Callable[..., run.Setup],
) -> None:
    for _ in range(2):  # made, and from the store
        made = said(make(Writer(lambda text: Permanent("no")), language="zh"))
        assert {s.language for s in made.values()} == {"en"}


def test_a_summarizer_that_breaks_blocks_no_mail(make: Callable[..., run.Setup]) -> None:
    def broken(text: Text) -> str:
        raise ZeroDivisionError("by zero")

    made = said(make(Writer(broken)))
    assert made == {p.id: extract(p, "ZeroDivisionError: by zero") for p in PAPERS}


def test_a_summarizer_that_loses_count_is_not_believed(make: Callable[..., run.Setup]) -> None:
    class Short(Writer):
        def summarize(self, texts: Sequence[Text]) -> list[str | DigestError]:
            return super().summarize(texts)[1:]

    made = said(make(Short(fine)))
    assert {s.reason for s in made.values()} == {"it gave 4 summaries for 5 papers"}


@pytest.mark.parametrize("odd", [None, 7, ["x"]])
def test_what_is_no_text_is_no_summary(make: Callable[..., run.Setup], odd: Any) -> None:
    made = said(make(Writer(lambda text: odd)))
    assert all(s.summarizer != "writer/1" and "no text" in s.reason for s in made.values())


def test_a_reason_is_one_line(make: Callable[..., run.Setup]) -> None:
    made = said(make(Writer(lambda text: Temporary("a\n" + "b" * 1000))))
    assert {len(s.reason) for s in made.values()} == {300}


def test_a_name_that_is_none_is_said_with_those_there_are(make: Callable[..., run.Setup]) -> None:
    with pytest.raises(
        BadConfig, match=r"'hub' is not known; there are embedded, lead, .*'hub:ORG/NAME'"
    ):
        said(make(Writer(fine), summarizer="hub"))


def test_misuse_found_late_stops_the_run(make: Callable[..., run.Setup]) -> None:
    def misused(text: Text) -> str:
        raise Misuse("it does not fit into memory")

    with pytest.raises(Misuse):
        said(make(Writer(misused)))


def test_without_an_abstract_no_model_is_asked(make: Callable[..., run.Setup]) -> None:
    writer = Writer(fine)
    made = said(make(writer), [paper(abstract=" ")])
    assert [(s.text, s.reason) for s in made.values()] == [("", "")]
    assert writer.batches == []


def test_the_operator_is_told_the_commonest_reasons(make: Callable[..., run.Setup]) -> None:
    def says(text: Text) -> Any:
        number = int(text.title[-1])
        return Permanent("it refused") if number < 2 else Permanent(f"the number {number}")

    warnings = run.summarize(make(Writer(says)), PAPERS).warnings
    assert warnings == (
        "5 of 5 papers fell back to the extract:"
        " it refused (2), the number 2, the number 3, and 1 other reason",
    )


def test_an_extracts_words_are_not_checked(
    make: Callable[..., run.Setup], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Extract(Writer):
        extracts = True

    monkeypatch.setattr("digest.check.problems", lambda *_, **__: ("it is wrong",))
    assert not any(s.reason for s in said(make(Extract(fine))).values())
    assert all(s.reason == "it is wrong" for s in said(make(Writer(fine, "writer/2"))).values())


# --- options -------------------------------------------------------------------------------------


def test_an_extract_cannot_be_told_a_language(make: Callable[..., run.Setup]) -> None:
    class Extract(Writer):
        extracts = True

    with pytest.raises(BadConfig, match="language = 'zh': summarizer 'writer' takes its words"):
        said(make(Extract(fine), language="zh"))


def test_what_is_no_summarizer_is_said_with_what_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[..., run.Setup]
) -> None:
    (tmp_path / "mylab_half.py").write_text("class Half:\n    id = 'half/1'\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(BadConfig, match="lacks prompt_hash, extracts, warnings, summarize; derive"):
        said(make(Writer(fine), summarizer="mylab_half:Half"))


def test_ones_own_summarizer_comes_by_dotted_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[..., run.Setup]
) -> None:
    (tmp_path / "mylab_whole.py").write_text(
        "from digest.summarizers import Summarizer\n"
        "class Whole(Summarizer):\n"
        "    id = 'mylab/1'\n"
        "    def summarize(self, texts):\n"
        "        return [f'We propose to count {text.title}.' for text in texts]\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    made = said(make(Writer(fine), summarizer="mylab_whole:Whole"))
    assert {s.summarizer for s in made.values()} == {"mylab/1"}


# --- the whole way -------------------------------------------------------------------------------


def chat(words: str) -> Canned:
    choice = {"message": {"content": words}, "finish_reason": "stop"}
    return Canned(body=json.dumps({"choices": [choice]}).encode())


@pytest.mark.parametrize("is_up", [True, False])
def test_a_run_with_an_endpoint_mails_with_it_and_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_up: bool
) -> None:
    monkeypatch.setattr("digest.summarizers.endpoint.FIRST_WAIT_S", 0.0)
    with FeedServer() as server:
        path = "/v1/chat/completions"
        server.serve(
            path,
            chat("Die Arbeit zählt die Schafe auf der Weide.") if is_up else Canned(status=500),
        )
        tables = {
            "summarizer": f"openai:m@{server.url('/v1')}",
            "language": "de",
            "digests": {
                "d": {"topics": ["retrieval"], "sources": ["sample"], "to": ["r@example.org"]}
            },
        }
        settings = config.make(tables, tmp_path / "digest.toml")
        store = open_store(settings.store, NOW)
        setup = run.Setup(config=settings, store=store, now=NOW)
        (report,) = run.run(setup, {"d": "2026-06-22T08:00"})
        store.close()
    assert (report.reason, report.mails) == (Reason.SENT, 1)
    text = next(tmp_path.rglob("issue.txt")).read_text()
    assert ("Die Arbeit zählt die Schafe auf der Weide." in text) is is_up
    assert (f"({extract(PAPERS[0], '').summarizer})" in text) is not is_up
    fell_back = f"{report.papers} of {report.papers} papers fell back to the extract"
    assert (fell_back in report.detail) is not is_up
    assert run.exit_code([report]) == 0


def test_a_summarizer_that_cannot_be_made_stops_before_any_work(tmp_path: Path) -> None:
    tables = {
        "summarizer": "hub:./nowhere",
        "digests": {"d": {"topics": ["retrieval"], "sources": ["sample"], "to": ["r@x.org"]}},
    }
    settings = config.make(tables, tmp_path / "digest.toml")
    store = open_store(settings.store, NOW)
    setup = run.Setup(config=settings, store=store, now=NOW)
    with pytest.raises(BadConfig, match="there is no folder"):
        run.run(setup, {"d": "2026-06-22T08:00"})
    with store.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM papers").scalar() == 0
    store.close()


@pytest.mark.slow
def test_a_run_by_default_imports_neither_torch_nor_transformers(tmp_path: Path) -> None:
    good("init", str(tmp_path))
    code = (
        "import sys\n"
        f"sys.argv = ['digest', '--config', {str(tmp_path / 'digest.toml')!r}, 'run', '--all']\n"
        "from digest.cli import main\n"
        "try: main()\nexcept SystemExit as end: print(end.code)\n"
        "print([name for name in ('torch', 'transformers') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-2:] == ["0", "[]"], done.stderr


# --- digest summarize ----------------------------------------------------------------------------

LINES = "".join(
    json.dumps({"id": n, "title": f"Sheep {n}", "abstract": f"We count {n} sheep."}) + "\n"
    for n in range(3)
)


def test_json_lines_go_through_an_endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGEST_OPENAI_KEY", "sk-verysecret123")
    prompt = tmp_path / "mine.txt"
    prompt.write_text("{abstract} In {language}.")
    with FeedServer() as server:
        path = "/v1/chat/completions"
        withheld = json.dumps({"choices": [{"message": {}, "finish_reason": "content_filter"}]})
        server.serve(
            path,
            chat("我们建议数一数这些羊。"),
            Canned(body=withheld.encode()),
            chat("我们建议数一数这些羊。"),
        )
        name = f"openai:m@{server.url('/v1')}"
        told = ("--summarizer", name, "--language", "zh", "--prompt", str(prompt))
        done = digest("summarize", *told, given=LINES)
        asked = {json.loads(hit.content)["messages"][0]["content"] for hit in server.hits}
    assert asked == {f"We count {n} sheep. In Chinese." for n in range(3)}
    assert done.returncode == 0
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["id"] for row in rows] == [0, 1, 2]
    (fallen,) = [row for row in rows if "reason" in row]
    assert not fallen["summarizer"].startswith("openai")
    assert fallen["summary"] == f"We count {fallen['id']} sheep."
    assert fallen["reason"] == "the service's filter withheld the answer"
    assert "1 of 3 papers fell back to the extract" in done.stderr
    assert "verysecret" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--language", "zh"], "takes its words from the abstract and cannot translate"),
        (["--language", "chinese!"], "is not the code of a language"),
        (["--prompt", "none.txt"], "none.txt cannot be read"),
        (["--summarizer", "openai:m"], "is not like 'openai:MODEL@URL'"),
        (["--summarizer", "hub:./none"], "there is no folder"),
        (["--config", "none.toml"], "none.toml is not there"),
    ],
)
def test_options_that_cannot_be_are_misuse(words: list[str], why: str) -> None:
    done = digest("summarize", *words, given=LINES)
    assert (done.returncode, done.stdout) == (2, "")
    assert why in " ".join(done.stderr.split())


def test_a_configuration_that_is_named_counts_for_pipes_too(tmp_path: Path) -> None:
    with FeedServer() as server:
        server.serve("/v1/chat/completions", chat("Sheep."))
        (tmp_path / "digest.toml").write_text("[summarize]\ntokens_per_run = 1\n")
        name = f"openai:m@{server.url('/v1')}"
        done = digest(
            "--config", str(tmp_path / "digest.toml"), "summarize", "--summarizer", name,
            given=LINES,
        )  # fmt: skip
    assert "the 1 tokens of this run are used up" in done.stderr
    assert len(done.stdout.splitlines()) == 3
