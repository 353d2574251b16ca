"""digest.toml and the environment, good and bad."""

from __future__ import annotations

import os
import re
import tomllib
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from digest import config
from digest.errors import BadConfig
from digest.summarizers import Options

STARTER = files("digest").joinpath("starter.toml").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may use the program as well."""
    for name in [name for name in os.environ if name.startswith("DIGEST_")]:
        monkeypatch.delenv(name)


def load(folder: Path, words: str) -> config.Config:
    file = folder / "digest.toml"
    file.write_text(words, encoding="utf-8")
    return config.load(file)


def digest(**keys: Any) -> str:
    table = {"topics": ["robots"], "sources": ["sample"]} | keys
    return "[digests.d]\n" + "\n".join(f"{key} = {value!r}" for key, value in table.items())


def test_the_starter_loads_as_it_is(tmp_path: Path) -> None:
    made = load(tmp_path, STARTER)
    assert made.digests["my-papers"].sources == ("sample",)


TABLES = STARTER[STARTER.index("# Your own sources") :]
COMMENTED = re.findall(r"^# (\w+ *= .*)$", STARTER, re.MULTILINE)


@pytest.mark.parametrize("line", COMMENTED)
def test_every_commented_line_of_the_starter_loads(tmp_path: Path, line: str) -> None:
    """With categories beside it, as the comment on them asks."""
    key = line.split("=")[0].strip()
    words = STARTER
    if key in ("sources",):
        words = re.sub(r"^sources .*$", "", words, flags=re.MULTILINE)
        words = words.replace("# categories =", "categories =")
    if f"# {line}" in TABLES:  # a key of a table that is commented out too
        words = STARTER.removesuffix(TABLES) + re.sub(r"^# (?=\w+ *= |\[)", "", TABLES, flags=re.M)
    words = words.replace(f"# {line}", line)
    load(tmp_path, words)


def test_the_whole_starter_without_its_marks_loads(tmp_path: Path) -> None:
    words = re.sub(r'^sources    = \["sample"\]$', "", STARTER, flags=re.MULTILINE)
    words = re.sub(r"^# (?=\w+ *= |\[)", "", words, flags=re.MULTILINE)
    made = load(tmp_path, words)
    assert set(made.sources) == {"lab", "medrxiv"}


EVERYTHING = """
base_url   = "https://papers.example.org"
store      = "sqlite:///digest.db"
outbox     = "outbox"
transport  = "outbox"
summarizer = "lead"
language   = "en"
[summarize]
batch = 8
max_new_tokens = 160
concurrency = 4
timeout_s = 60
tokens_per_run = 1_000_000
[operator]
name = "The Reading Group"
address = "1 Example Street, Sampleton"
contact = "papers@example.org"
[fetch]
allow_hosts = []
[digests.efficient-models]
title      = "Efficient models"
topics     = ["parameter-efficient fine-tuning", "model size and parameter count"]
exclude    = ["medical imaging"]
categories = ["cs.CL", "cs.LG"]
authors    = []
sources    = ["arxiv", "huggingface", "lab"]
schedule   = "weekdays at 08:00"
timezone   = "Europe/Paris"
papers     = 20
from       = "Efficient models <digest@papers.example.org>"
to         = ["reader@example.org"]
[sources.arxiv]
rss = "https://rss.arxiv.org"
api = "https://export.arxiv.org/api/query"
[sources.huggingface]
url = "https://huggingface.co/api/daily_papers"
[sources.lab]
kind = "feed"
url  = "https://lab.example.org/feed.xml"
[smtp]
host = "mail.example.org"
port = 587
security = "starttls"
user = "digest"
connections = 10
"""


def test_every_key_there_is_loads(tmp_path: Path) -> None:
    made = load(tmp_path, EVERYTHING)
    assert made.masthead("efficient-models").sender.endswith("<digest@papers.example.org>")
    assert made.settings("lab") == {"url": "https://lab.example.org/feed.xml"}


def test_store_and_outbox_lie_beside_the_file(tmp_path: Path) -> None:
    made = load(tmp_path, digest())
    assert made.store == f"sqlite:///{tmp_path}/digest.db"
    assert made.outbox == tmp_path / "outbox"
    assert load(tmp_path, 'store = "sqlite:////var/x.db"').store == "sqlite:////var/x.db"


def test_a_prompt_and_a_models_folder_lie_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("Say it again: {abstract}")
    words = 'prompt = "mine.txt"\nsummarizer = "hub:./model"\nlanguage = "pt-BR"'
    made = load(tmp_path, words)
    assert made.options == Options(language="pt-BR", prompt="Say it again: {abstract}")
    assert made.summarizer == f"hub:{tmp_path}/model"
    assert load(tmp_path, 'summarizer = "hub:org/model"').summarizer == "hub:org/model"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "cannot be read"),
        (b"\xff\xfe", "cannot be read"),
        (b"Say something.", "must say where the abstract goes: {abstract}"),
        (b"{abstract}" + b"x" * 20_000, "longer than 20,000 characters"),
    ],
)
def test_a_prompt_that_cannot_be_used_is_said_when_the_file_is_read(
    tmp_path: Path, content: bytes | None, why: str
) -> None:
    if content is not None:
        (tmp_path / "mine.txt").write_bytes(content)
    with pytest.raises(BadConfig, match=re.escape(why)):
        load(tmp_path, 'prompt = "mine.txt"')


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ('language = "Chinese"', "language: 'Chinese' is not the code of a language"),
        ("[summarize]\nconcurency = 4", "[summarize] unknown key 'concurency'; did you mean"),
        ("[summarize]\nbatch = 0", "[summarize] batch: should be greater than or equal to 1"),
    ],
)
def test_what_summarizers_cannot_be_told_is_named(tmp_path: Path, words: str, why: str) -> None:
    with pytest.raises(BadConfig, match=re.escape(why)):
        load(tmp_path, words)


@pytest.mark.parametrize(
    ("days", "why"),
    [
        ('["2027-01-01", 2027-01-18]', ""),
        ('"2027-01-01"', "holidays: name days, like"),
        ('["2027-02-30"]', "'2027-02-30' is not one"),
        ('["1 January"]', "'1 January' is not one"),
        ("[2027-01-01T08:00:00]", "'2027-01-01 08:00:00' is not one"),
    ],
)
def test_holidays_are_days(tmp_path: Path, days: str, why: str) -> None:
    words = f"[sources.arxiv]\nholidays = {days}"
    if not why:
        assert load(tmp_path, words).settings("arxiv")
        return
    with pytest.raises(BadConfig, match=re.escape(why)):
        load(tmp_path, words)


def test_the_environment_comes_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGEST_STORE", "postgresql+psycopg://u:secret@h/n")
    assert load(tmp_path, 'store = "sqlite:///x.db"').store.startswith("postgresql")


def test_a_key_deep_down_can_come_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGEST_OPERATOR__CONTACT", "ada@example.org")
    made = load(tmp_path, '[operator]\nname = "A lab"\ncontact = "ben@example.org"')
    assert (made.operator.name, made.operator.contact) == ("A lab", "ada@example.org")


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("DIGEST_DIGESTS", "not JSON", "DIGEST_ variable of the environment.*digests"),
        ("DIGEST_FETCH__DEADLINE_S", "soon", r"\[fetch\] deadline_s: .*number"),
    ],
)
def test_what_is_wrong_in_the_environment_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, why: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadConfig, match=why):
        load(tmp_path, digest())


def test_tables_that_come_from_no_file_are_not_the_environments_business(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The demo must not write into the store that the environment names."""
    monkeypatch.setenv("DIGEST_STORE", "sqlite:////somewhere/real.db")
    made = config.make({}, tmp_path / "digest.toml")
    assert made.store == f"sqlite:///{tmp_path}/digest.db"


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    assert "d" in load(tmp_path, "\ufeff" + digest()).digests


WRONG: dict[str, tuple[str, list[str]]] = {
    "unknown key at the top": ('stor = "x"', ["unknown key 'stor'", "'store'"]),
    "unknown key of a digest": (
        digest(topcis=["x"]),
        ["[digests.d]", "unknown key 'topcis'", "'topics'"],
    ),
    "unknown key of the operator": ('[operator]\nnam = "x"', ["[operator]", "'name'"]),
    "unknown key of fetch": ("[fetch]\nallow_host = []", ["[fetch]", "'allow_hosts'"]),
    "unknown key of smtp": ('[smtp]\nhots = "x"', ["[smtp]", "'host'"]),
    "unknown key of a source": (
        '[sources.lab]\nkind = "feed"\nurl = "https://x.org"\nurk = 1',
        ["[sources.lab]", "unknown key 'urk'", "'url'"],
    ),
    "a bad topic": (digest(topics=["robots AND"]), ["[digests.d]", "topics", "it ends early"]),
    "a bad exclusion": (digest(exclude=["x OR (y"]), ["exclude", "not closed"]),
    "a bad schedule": (digest(schedule="sometimes"), ["[digests", "no time of day", "weekdays at"]),
    "a bad time zone": (digest(timezone="Mars/Base"), ["timezone", "'Europe/Paris'"]),
    "a bad address": (digest(to=["nobody"]), ["to", "'nobody': this is not an e-mail address"]),
    "an address no server takes": (digest(to=["jürgen@example.org"]), ["to", "ASCII"]),
    "an unknown source": (digest(sources=["arxvi"]), ["'arxvi'", "arxiv", "[sources.arxvi]"]),
    "no source": (digest(sources=[]), ["[digests.d] sources: is empty; name at least one"]),
    "no sources at all": ('[digests.d]\ntopics = ["x"]', ["[digests.d] sources: is missing"]),
    "an unknown name of a source": (digest(sources=["arxvi"]), ["[digests.d] sources: source"]),
    "words for a list": (digest(to="ada@example.org"), ["[digests.d] to: should be a list"]),
    "a number for words": (digest(to=[1]), ["[digests.d] to: should be words in quotes"]),
    "words for a table": ('operator = "me"', ["[operator] should be a table"]),
    "a word for a digest": ("[digests]\nd = 3", ["[digests.d] should be a table"]),
    "a bad contact": ('[operator]\ncontact = "me"', ["[operator] contact: 'me': this is not an"]),
    "a sender without an address": (digest(**{"from": "My papers"}), ["[digests.d] from: "]),
    "a sender no server takes": (digest(**{"from": "X <ä@b.org>"}), ["[digests.d] from: "]),
    "our own word for from": (digest(sender="x@y.org"), ["[digests.d] unknown key 'sender'"]),
    "a source's address that is none": (
        '[sources.arxiv]\nrss = "ftp://x.org"',
        ["[sources.arxiv] rss: 'ftp://x.org' is not an http(s) address"],
    ),
    "a source's address that is empty": (
        '[sources.lab]\nkind = "feed"\nurl = ""',
        ["[sources.lab] url: '' should be words in quotes"],
    ),
    "a source's key of another type": (
        '[sources.medrxiv]\nkind = "biorxiv"\nserver = 3',
        ["[sources.medrxiv] server: 3 should be words"],
    ),
    "a word for a source": ("[sources]\nlab = 3", ["[sources.lab] should be a table"]),
    "a feed without an address": (
        '[sources.lab]\nkind = "feed"',
        ["[sources.lab]", "url is missing"],
    ),
    "an unknown kind": ('[sources.lab]\nkind = "gopher"', ["[sources.lab]", "'gopher'", "feed"]),
    "an address that is none": (
        '[sources.lab]\nkind = "feed"\nurl = "lab.org"',
        ["'lab.org' is not an http(s) address"],
    ),
    "a name that is none": (
        '[digests."My Papers"]\ntopics=["x"]\nsources=["sample"]',
        ["My Papers", "a-z, 0-9"],
    ),
    "arxiv without categories": (
        digest(sources=["arxiv"]),
        ["[digests.d]", 'categories = ["cs.CL"'],
    ),
    "a category that is none": (
        digest(sources=["arxiv"], categories=["cs.CL", "cs:LG"]),
        ["[digests.d] categories", "'cs:LG' is not one of arXiv's", "'cs.CL'"],
    ),
    "a sender that is none": (
        '[digests.d]\ntopics=["x"]\nsources=["sample"]\nfrom="not an address"',
        ["[digests.d]", "from", "not an e-mail address"],
    ),
    "nothing to be about": (
        digest(topics=[]),
        ["[digests.d]", "give it topics, categories, authors"],
    ),
    "too many papers": (digest(papers=1000), ["[digests.d]", "papers", "100"]),
    "a line break in a title": ('[digests.d]\ntitle = "a\\nb"', ["title", "line breaks"]),
    "a wrong type": (digest(papers="many"), ["[digests.d]", "papers", "integer"]),
    "not TOML": ("[digests", ["is not TOML"]),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_named_with_file_key_and_remedy(tmp_path: Path, what: str) -> None:
    words, said = WRONG[what]
    with pytest.raises(BadConfig) as error:
        load(tmp_path, words)
    for part in [str(tmp_path / "digest.toml"), *said]:
        assert part in str(error.value)
    # The words of the file, not those of the library that checks it.
    assert not re.search(r"function-after|tuple|dictionary|instance of|literal", str(error.value))


def test_all_faults_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(BadConfig) as error:
        load(tmp_path, 'stor = "x"\n' + digest(topcis=[]))
    assert len(str(error.value).splitlines()) == 2


def test_a_missing_file_is_named_with_the_command_that_writes_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    with pytest.raises(BadConfig, match="digest init"):
        config.find(None)
    with pytest.raises(BadConfig, match=r"elsewhere\.toml is not there"):
        config.find(Path("elsewhere.toml"))
    (tmp_path / "digest.toml").touch()
    assert config.find(None) == Path("digest.toml")


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    (tmp_path / "digest.toml").write_bytes(b'title = "\xff"')
    with pytest.raises(BadConfig, match="is not TOML"):
        config.load(tmp_path / "digest.toml")


def test_domains_are_kept_in_ascii_and_readers_once(tmp_path: Path) -> None:
    made = load(tmp_path, digest(to=["ada@exämple.org", "ada@xn--exmple-cua.org"]))
    assert made.digests["d"].to == ("ada@xn--exmple-cua.org",)


def test_the_starter_names_every_key_of_a_digest() -> None:
    keys = {field.alias or name for name, field in config.Digest.model_fields.items()}
    shown = set(re.findall(r"^(?:# )?(\w+) *=", STARTER, re.MULTILINE))
    assert keys <= shown
    assert set(chain(tomllib.loads(STARTER)["digests"]["my-papers"])) <= keys
