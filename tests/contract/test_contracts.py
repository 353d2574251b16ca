"""Whatever is built in, or plugged in, keeps to its protocol."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import shapes
from hypothesis import given, settings
from hypothesis import strategies as st

from digest import registry, sources, summarizers, transports
from digest.errors import BadConfig, Permanent, SourceDown, Temporary
from digest.summarizers import Options, Text
from digest.transports.smtp.servers import Server
from digest.types import Answer, Ask, Failure, Mail, Page, Reason, Request, Response

# --- sources -------------------------------------------------------------------------------------

SETTINGS = {"feed": {"url": "https://lab.example.org/feed.xml"}}
KINDS = sorted(sources.BUILTIN)
ASK = Ask(
    source="s", now=shapes.utc(shapes.date(2026, 6, 22)), categories=("cs.CL", "neuroscience")
)


def source(kind: str) -> sources.Source:
    return sources.BUILTIN[kind](name="s", **SETTINGS.get(kind, {}))


@pytest.mark.parametrize("reason", [Reason.DOWN, Reason.BLOCKED])
@pytest.mark.parametrize("kind", KINDS)
def test_a_source_that_fails_gives_up_and_says_why(kind: str, reason: Reason) -> None:
    answers: list[Answer] = []
    while request := source(kind).next_request(ASK, answers):
        assert urlsplit(request.url).scheme in ("https", "sample")
        assert request.group
        assert request.source == "s"
        answers.append(Failure(request=request, reason=reason, detail="no answer"))
        assert len(answers) < 20
    reading = source(kind).conclude(ASK, answers)
    assert (reading.reason, reading.entries) == (reason, ())
    assert "no answer" in reading.detail
    assert all(c.how == "asked" for c in reading.covered)


@pytest.mark.parametrize("kind", KINDS)
def test_a_source_that_has_not_changed_gives_no_entries(kind: str) -> None:
    answers: list[Answer] = []
    while request := source(kind).next_request(ASK, answers):
        unchanged = Response(request=request, body=b"", is_unchanged=True)
        answers.append(source(kind).read(unchanged, ASK))
        assert len(answers) < 20
    assert source(kind).conclude(ASK, answers).entries == ()


DAY = shapes.date(2026, 6, 22)
#: What services have sent in places where something else was expected.
ODD = [
    None,
    True,
    -1,
    10**30,
    1.5,
    "",
    "\ud800",
    "a\0b",
    "9999-99-99",
    "0001-01-01",
    [],
    {},
    [None],
    {"a": 1},
]


def bodies(kind: str) -> list[tuple[Request, bytes]]:
    """Good answers, each with the request that it answers."""
    first = source(kind).next_request(ASK, [])
    assert first is not None
    rows = shapes.rows(DAY, 2) + shapes.rows(DAY, 1, 5, "replace")
    good = {
        "arxiv": [
            (first, shapes.rss(DAY, rows)),
            (replace(first, kind="api"), shapes.api([(id, shapes.utc(DAY)) for id, _, _ in rows])),
        ],
        "biorxiv": [(first, shapes.biorxiv([shapes.preprint(1, "2026-06-22")]))],
        "feed": [(first, shapes.feed([("A title", "https://arxiv.org/abs/2606.00001", "We do")]))],
        "huggingface": [(first, shapes.daily([("2606.00001", 3)], DAY))],
    }
    if kind != "sample":
        return good[kind]
    answers: list[Answer] = []
    found = []
    while request := source(kind).next_request(ASK, answers):
        file = resources.files("digest").joinpath("samples", request.url.removeprefix("sample:"))
        found.append((request, file.read_bytes()))
        answers.append(Page(request=request))
    return found


@st.composite
def damaged(draw: st.DrawFn, body: bytes) -> bytes:
    """A good answer with a few stretches of it exchanged for other bytes."""
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(body)))
        cut = draw(st.integers(0, 30))
        body = body[:start] + draw(st.binary(max_size=8)) + body[start + cut :]
    return body


def places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value in a JSON value."""
    yield path
    inner = (
        enumerate(tree)
        if isinstance(tree, list)
        else tree.items()
        if isinstance(tree, dict)
        else ()
    )
    for key, value in inner:
        yield from places(value, (*path, key))


def exchanged(tree: Any, path: Sequence[Any], odd: Any) -> Any:
    """A JSON value with another one in one of its places."""
    if not path:
        return odd
    changed = tree.copy()
    changed[path[0]] = exchanged(tree[path[0]], path[1:], odd)
    return changed


def check_reading(made: sources.Source, request: Request, body: bytes) -> None:
    """Reads as a page whose entries every store can hold, or is refused."""
    try:
        page = made.read(Response(request=request, body=body), ASK)
    except SourceDown:
        return
    for entry in made.conclude(ASK, [page]).entries:
        assert entry.aliases
        assert entry.title
        words = repr(entry)  # shows what no database takes as an escape
        assert "\\x00" not in words
        assert not any(surrogate in words for surrogate in ("\\ud8", "\\udc"))
        assert entry.version is None or 0 < entry.version < 2**31


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@settings(max_examples=40)
def test_any_bytes_are_read_or_refused(kind: str, data: st.DataObject) -> None:
    made = source(kind)
    request, body = data.draw(st.sampled_from(bodies(kind)))
    anything = st.binary(max_size=300) | st.text(max_size=200).map(str.encode)
    check_reading(made, request, data.draw(damaged(body) | anything))


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_answer_is_read(kind: str) -> None:
    for request, body in bodies(kind):
        assert source(kind).read(Response(request=request, body=body), ASK).entries


@pytest.mark.parametrize("odd", ODD, ids=repr)
@pytest.mark.parametrize("kind", ["biorxiv", "huggingface"])
def test_an_odd_value_anywhere_in_json_is_read_around_or_refused(kind: str, odd: Any) -> None:
    ((request, body),) = bodies(kind)
    tree = json.loads(body)
    for path in places(tree):
        check_reading(source(kind), request, json.dumps(exchanged(tree, path, odd)).encode())


# --- summarizers ---------------------------------------------------------------------------------

TEXTS = st.lists(st.builds(Text, st.text(max_size=80), st.text(max_size=400)), max_size=4)


MADE = functools.cache(lambda name: summarizers.BUILTIN[name]())


@pytest.mark.parametrize("name", sorted(summarizers.BUILTIN))
@given(texts=TEXTS)
@settings(deadline=None)
def test_a_summarizer_gives_one_summary_each_and_always_the_same(
    name: str, texts: Sequence[Text]
) -> None:
    made = MADE(name)
    first = made.summarize(texts)
    assert len(first) == len(texts)
    assert made.summarize(texts) == first
    assert [made.summarize([text])[0] for text in texts] == first
    assert made.id


@pytest.mark.parametrize("name", sorted(summarizers.BUILTIN))
def test_a_summarizer_that_is_built_in_can_stand_in_for_others(name: str) -> None:
    made = registry.summarizer(name, Options())
    assert made.extracts
    assert (made.prompt_hash, list(made.warnings)) == ("", [])
    assert summarizers.EXTRACT in summarizers.BUILTIN


@pytest.mark.parametrize("name", sorted(summarizers.BUILTIN))
def test_nothing_is_summarized_as_nothing(name: str) -> None:
    assert summarizers.BUILTIN[name]().summarize([Text("A title", "")]) == [""]


# --- transports ----------------------------------------------------------------------------------

ISSUE = "reading/2026-06-22T08:00"
MAIL = Mail(sender="a@x.org", to="b@x.org", message_id="1f2e@x.org", content=b"To: b\r\n\r\nhi\r\n")


#: What every one is told, of which each takes what it needs.
TOLD = {
    "servers": [Server(host="127.0.0.1", port=25, security="none")],
    "command": ["true"],
    "timeout_s": 1.0,
    "ca_file": None,
    "ehlo_name": "",
}


@pytest.mark.parametrize("name", sorted(transports.BUILTIN))
def test_a_transport_is_made_of_what_every_one_is_told(name: str, tmp_path: Path) -> None:
    made = transports.BUILTIN[name](folder=tmp_path, **TOLD)
    assert made.is_repeatable is (name == "outbox")
    assert made.erase("b@x.org") == 0
    if name != "outbox":
        assert made.publish(ISSUE, {"issue.html": "x"}) is None
        assert isinstance(made, transports.Lines)
        assert made.lines > 1


@pytest.fixture
def transport(tmp_path: Path) -> transports.Transport:
    return transports.BUILTIN["outbox"](folder=tmp_path / "outbox", **TOLD)


def files(tmp_path: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(tmp_path)): p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()
    }


def test_a_mail_arrives_whole_and_once(transport: transports.Transport, tmp_path: Path) -> None:
    for _ in range(2):
        assert transport.send(MAIL, ISSUE).detail
    assert list(files(tmp_path).values()) == [MAIL.content]


def test_two_mails_to_one_address_are_two(transport: transports.Transport, tmp_path: Path) -> None:
    transport.send(MAIL, ISSUE)
    transport.send(replace(MAIL, message_id="aaaa@x.org"), ISSUE)
    assert len(files(tmp_path)) == 2


@pytest.mark.parametrize("issue", ["../x/2026", "a/../../x", "a/b/c", "/etc/x", "a/", ""])
def test_an_issue_that_would_leave_the_folder_is_refused(
    transport: transports.Transport, tmp_path: Path, issue: str
) -> None:
    with pytest.raises(Permanent):
        transport.send(MAIL, issue)
    assert files(tmp_path) == {}


@pytest.mark.parametrize("to", ["../../x@y.org", "/etc/passwd", "a\0b@x.org", "ü" * 300])
def test_no_address_leads_out_of_the_issues_folder(
    transport: transports.Transport, tmp_path: Path, to: str
) -> None:
    transport.send(replace(MAIL, to=to), ISSUE)
    (name,) = files(tmp_path)
    assert name.startswith(f"outbox/{ISSUE}/")


def test_what_cannot_be_written_may_be_tried_again_and_leaves_nothing_half(
    transport: transports.Transport, tmp_path: Path
) -> None:
    (tmp_path / "outbox").write_text("in the way")
    with pytest.raises(Temporary, match="cannot write"):
        transport.send(MAIL, ISSUE)
    assert files(tmp_path) == {"outbox": b"in the way"}


# --- one's own -----------------------------------------------------------------------------------


def test_ones_own_comes_by_dotted_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mylab.py").write_text("def factory(**settings): return settings\nNOT = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    made = registry.find("source", "mylab:factory", sources.BUILTIN)
    assert made(name="s", url="u") == {"name": "s", "url": "u"}
    for name, why in (
        ("mylab:nothing", "cannot be loaded"),
        ("nolab:factory", "cannot be loaded"),
        ("mylab:NOT", "not a function"),
        ("mylab", "is not known; there are arxiv"),
    ):
        with pytest.raises(BadConfig, match=why):
            registry.find("source", name, sources.BUILTIN)
