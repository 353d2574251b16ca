from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from build import NOW, edition, item, linked, links, paper, summary
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import Environment

from digest import mail, render
from digest.errors import MailTooLarge
from digest.press import Press
from digest.templating import BUILT_IN, environment
from digest.types import Edition, Item, Links, Listing, Masthead, Signals

OURS = environment([])
PLACES = ["u" * 40, "p" * 40, "o" * 40]
PAGES = {"base_url": "https://papers.example.org"}
#: Each keeps what it has made, from one example to the next.
KEPT = {key: Press(linked(**more), OURS, NOW, PLACES) for key, more in ((0, {}), (1, PAGES))}


def slow(of: Edition, around: Masthead, templates: Environment = OURS) -> mail.Letter:
    fragments = render.render_items([*of.shown, *of.more], around, templates)
    return mail.prepare(
        render.render(of, around, templates, fragments),
        around,
        NOW,
        of.format,
        placeholders=PLACES,
    )


def same(one: mail.Letter, other: mail.Letter) -> None:
    assert one.head == other.head
    assert one.body == other.body
    assert one == other


WORDS = st.text(
    st.sampled_from("abc <>&\"'\xa0é=.-\n\r\t#*_\0") | st.characters(codec="utf-8"), max_size=80
)
TITLES = WORDS.map(lambda text: text or "x") | st.sampled_from(
    ["<!--item-->", "&amp;", *PLACES, "</p></div>", "a " * 100, "-->", "{{ x }}", "From x", "."]
)
SECTIONS = st.sampled_from(["", "Retrieval", "reading group", "Reading group", "<b>&", "é" * 80])


@st.composite
def items(draw: st.DrawFn) -> Item:
    number = f"26{draw(st.integers(10, 12))}.{draw(st.integers(0, 40)):05d}"
    of = paper(
        draw(TITLES),
        number,
        abstract=draw(WORDS),
        aliases=(draw(st.sampled_from(["arxiv:", "doi:"])) + number,),
        authors=tuple(draw(st.lists(WORDS, max_size=4))),
        signals=Signals(upvotes=draw(st.none() | st.integers(0, 2000))),
        links=draw(
            st.sampled_from([Links(), links(number), Links(abstract="https://x.org/?a=1&b=2")])
        ),
        listings=(
            Listing(source="s", announce=draw(st.sampled_from(["new", None])), listed_on=None),
        ),
    )
    return item(
        of,
        section=draw(SECTIONS),
        because=tuple(draw(st.lists(WORDS, max_size=2))),
        summary=summary(draw(WORDS), summarizer=draw(st.sampled_from(["lead/1", "hub:a@b"]))),
        is_revision=draw(st.booleans()),
        put_by=draw(st.sampled_from([(), ("editors",), ("topic",)])),
        note=draw(st.sampled_from(["", "Worth it & more"])),
    )


@settings(max_examples=150, deadline=None)
@given(
    st.lists(items(), min_size=1, max_size=5),
    st.lists(items(), max_size=4),
    st.sampled_from([0, 0, 38, 45]),
    st.sampled_from(["html", "text"]),
    st.booleans(),
    st.sampled_from([0, 1]),
    st.sampled_from(["en", "de"]),
)
def test_a_press_gives_the_bytes_of_the_slow_way(
    shown: list[Item],
    more: list[Item],
    further: int,
    format: Any,
    is_welcome: bool,
    pages: int,
    language: str,
) -> None:
    more = more + [item(f"Further {n}") for n in range(further)]
    of = edition(shown, more, format=format, is_welcome=is_welcome, language=language)
    press = KEPT[pages]
    same(press.letter(of), slow(of, linked(**(PAGES if pages else {}))))
    assert press.is_quick


def test_markdown_editions_are_those_of_the_slow_way() -> None:
    of = edition([item("A"), item("B & C")], [item("D")], format="markdown")
    same(Press(linked(), OURS, NOW, PLACES).letter(of), slow(of, linked()))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("issue.txt.j2", "{{ sections[0]['items'][0] | upper }} {{ preheader | length }}\n"),
        (
            "issue.html.j2",
            "<p>{{ more | length }} {{ edition.key }}{% for one in more %}"
            "{{ one.paper.title }}{% endfor %}</p>",
        ),
        (
            "mail.html.j2",
            "<html><body>{{ preheader | upper }}{% block content %}{% endblock %}</body></html>",
        ),
        ("issue.css", "p:first-child { color: red }"),
        ("words.j2", None),
        ("subject.txt.j2", "{{ edition.shown[0].paper.title }}"),
    ],
)
def test_an_operators_frames_may_do_anything(tmp_path: Path, name: str, words: str | None) -> None:
    ours = (BUILT_IN / name).read_text()
    (tmp_path / name).write_text(words or ours.replace("Welcome", "Hello"))
    templates = environment([tmp_path])
    press = Press(linked(), templates, NOW, PLACES)
    for title in ("One & two", "Three"):
        of = edition([item(title), item("B")], [item("C")], is_welcome=True)
        same(press.letter(of), slow(of, linked(), templates))
    assert not press.is_quick


@pytest.mark.parametrize("words", ["{{ paper.title }}", "<p>{{ paper.title }}</p>\n"])
@pytest.mark.parametrize("name", ["item.html.j2", "item.txt.j2"])
def test_an_operators_items_may_end_anywhere(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / name).write_text(words)
    templates = environment([tmp_path])
    press = Press(linked(), templates, NOW, PLACES)
    of = edition([item("x" * 70), item("B", section="")], [item("C")])
    same(press.letter(of), slow(of, linked(), templates))


def test_the_bytes_that_clip_a_mail_are_counted_alike() -> None:
    def lettered(count: int) -> Edition:
        shown = [item(paper("é" * 400, f"2606.{n:05d}")) for n in range(count)]
        return edition(shown, [item("More & more")])

    def is_too_large(make: Any, of: Edition) -> str:
        try:
            make(of)
        except MailTooLarge as why:
            return str(why)
        return ""

    press = Press(linked(), OURS, NOW, PLACES)
    said = [
        (is_too_large(press.letter, of), is_too_large(lambda of: slow(of, linked()), of))
        for of in map(lettered, (20, 30, 40, 60))
    ]
    assert all(quick == plain for quick, plain in said)
    assert not said[0][0]
    assert said[-1][0]
    assert press.is_quick


def test_an_item_is_rendered_once_for_all_editions(tmp_path: Path) -> None:
    some: Sequence[Item] = [item(paper(f"Paper {n}", f"2606.{n:05d}")) for n in range(6)]
    rendered: list[str] = []
    templates = environment([])
    plain = templates.filters["first_link"]

    def counting(of: Links) -> str:
        rendered.append(of.abstract)
        found: str = plain(of)
        return found

    templates.filters["first_link"] = counting
    press = Press(linked(**PAGES), templates, NOW, PLACES)
    for first in range(6):
        order = [*some[first:], *some[:first]]
        press.letter(edition(order[:4], order[4:]))
        press.letter(edition(order[:3]))
    assert press.is_quick
    assert {rendered.count(one) for one in rendered} <= {2, 3}  # once for each format


def test_a_summary_by_an_odd_one_is_named_only_where_it_is_odd() -> None:
    one = item("One", summary=summary("A.", summarizer="lead/1"))
    two = replace(item("Two"), summary=summary("B.", summarizer="hub:a@b"))
    press = Press(linked(), OURS, NOW, PLACES)
    for shown, more in (([one, two], [two]), ([two, one], [one]), ([one], []), ([two], [])):
        of = edition(shown, more)
        same(press.letter(of), slow(of, linked()))
