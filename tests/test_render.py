from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from build import DAY, edition, item, linked, links, masthead, paper, summary
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown import markdown

from digest.errors import BadTemplate, MailTooLarge
from digest.render import MAX_HTML_BYTES, WARN_HTML_BYTES, render, render_items
from digest.templating import (
    BUILT_IN,
    environment,
    escape_markdown,
    excerpt,
    first_link,
    link,
    wrap,
)
from digest.types import Edition, Links, Listing, Masthead, Rendered, Signals

OURS = environment([])


def written(of: Edition, around: Masthead | None = None, folders: Sequence[Path] = ()) -> Rendered:
    """An edition by our templates, or by those in the folders first."""
    around = around or masthead()
    templates = environment(folders) if folders else OURS
    return render(of, around, templates, render_items(of.shown, around, templates))


def one(**changes: Any) -> Rendered:
    """An edition of one item, with changes to its paper."""
    return written(edition([item(paper(**changes))]))


def in_order(text: str, *parts: str) -> bool:
    """Whether the parts occur, one after the other."""
    return re.search(".*?".join(map(re.escape, parts)), text, re.DOTALL) is not None


class Outline(HTMLParser):
    """The tags of a document with their attributes' names, and its visible text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.texts: list[str] = []
        self.comments: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(sorted(name for name, _ in attrs))))

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


# --- golden --------------------------------------------------------------------------------------


def everything() -> Edition:
    """An edition that has one of each thing an edition can have."""
    shown = [
        item(
            paper(
                "Thirty Readers and a Whiteboard",
                "2606.00005",
                signals=Signals(upvotes=2),
            ),
            section="",
            because=(),
            put_by=("editors",),
            note="Not on our topics, & worth an evening: what they *measured* is what we guessed.",
            summary=summary("A whiteboard helps thirty readers to agree on what a paper says."),
        ),
        item(
            paper(
                "Sparse Retrievers Learn to Forget: Pruning Inverted Indexes Without Losing Recall",
                "2606.00001",
                authors=("Ada Example", "Bo Sample", "Chidi Placeholder", "Dana Test", "Eve Dummy"),
                categories=("cs.IR", "cs.CL"),
                signals=Signals(upvotes=48, comments=5, stars=1200),
                links=replace(
                    links("2606.00001"),
                    code="https://example.org/code",
                    discussion="https://example.org/talk?id=1&sort=new",
                ),
            ),
            because=("retrieval", "question answering"),
            put_by=("community", "topic"),
            summary=summary("SparseCut prunes 62% of a learned index and keeps its recall."),
        ),
        item(
            paper(
                "Counting in C#: why a < b | a_b & [*]",
                "2606.00002",
                listings=(Listing(source="arxiv", announce="cross", listed_on=DAY),),
                authors=(),
                abstract="We count to eleven, again and again, and never miss. " * 8,
            ),
            summary=summary(""),
            section="Model size",
            because=("model_size",),
        ),
        item(
            paper(
                "מודל שפה קטן לאחזור", "2606.00003", authors=("דנה לוי",), signals=Signals(stars=1)
            ),
            because=(),
            summary=summary("מודל קטן שמוצא מסמכים.", summarizer="embedded/3"),
        ),
        item(
            paper(
                "A paper that changed",
                id="doi:10.1/x",
                aliases=("doi:10.1/x",),
                announced_on=date(2026, 5, 4),
                links=Links(pdf="https://example.org/a(1).pdf"),
                listings=(),
            ),
            is_revision=True,
        ),
    ]
    more = [
        item(paper("Not shown – but named", "2606.00004")),
        item(paper("Nor this", links=Links())),
    ]
    return edition(shown, more)


def test_an_issue_in_html(golden: Callable[[str, bytes], None]) -> None:
    golden("issue.html", written(everything(), linked()).html.encode())


def test_an_issue_in_markdown(golden: Callable[[str, bytes], None]) -> None:
    golden("issue.md", written(everything(), linked()).markdown.encode())


def test_an_issue_in_plain_text(golden: Callable[[str, bytes], None]) -> None:
    golden("issue.txt", written(everything(), linked()).text.encode())


# --- subject and masthead ------------------------------------------------------------------------


def test_the_subject_counts_what_is_new_whether_shown_or_not() -> None:
    of = edition([item("A"), item("B"), item("C", is_revision=True)], [item("D")])
    assert written(of).subject == "Reading group: 3 papers, 22 June 2026"


def test_the_subject_of_one_paper_is_singular() -> None:
    assert one().subject == "Reading group: 1 paper, 22 June 2026"


def test_the_subject_of_revisions_alone_says_so() -> None:
    of = edition([item("A", is_revision=True)])
    assert written(of).subject == "Reading group: 1 revised paper, 22 June 2026"


def test_every_format_has_the_title_the_day_and_the_number_of_papers() -> None:
    of = written(edition([item("A"), item("B", is_revision=True)], [item("C")]))
    for text in (of.html, of.markdown, of.text):
        assert in_order(text, "Reading group", "Monday, 22 June 2026", "1 paper, 1 revised, 1 more")


def test_the_first_titles_come_first_in_the_body_and_are_hidden() -> None:
    body = written(edition([item("First"), item("Second")])).html.partition("<body")[2]
    opening = re.search(r"<div[^>]*display:none[^>]*>First · Second</div>", body)
    assert opening
    assert not Outline(body[: opening.start()].partition(">")[2]).tags


def test_nothing_is_loaded_and_nothing_runs() -> None:
    outline = Outline(written(everything()).html)
    names = {tag for tag, _ in outline.tags}
    assert not names & {
        "img",
        "link",
        "script",
        "form",
        "svg",
        "iframe",
        "object",
        "video",
        "input",
    }
    assert "url(" not in written(everything()).html


def test_every_table_is_for_layout_only() -> None:
    html = written(everything()).html
    assert len(re.findall("<table", html)) == len(
        re.findall('<table[^>]* role="presentation"', html)
    )


# --- sections ------------------------------------------------------------------------------------


def headings(html: str) -> list[str]:
    return [unescape(found) for found in re.findall(r"<h2[^>]*>([^<]*)", html)]


def test_sections_stand_as_they_first_appear_and_revisions_last() -> None:
    of = edition(
        [
            item("A", section="Two", is_revision=True),
            item("B", section="Two"),
            item("C", section="One"),
            item("D", section="Two"),
        ]
    )
    html = written(of).html.partition("<h1")[2]
    assert headings(html) == ["Two", "One", "Revised since you got them"]
    assert in_order(html, ">Two<", ">B<", ">D<", ">One<", ">C<", ">Revised since", ">A<")


def test_a_lone_section_that_is_the_digest_has_no_heading() -> None:
    of = edition([item("A", section="Reading group")])
    assert headings(written(of).html) == []
    assert "## " not in re.sub("^###.*", "", written(of).markdown, flags=re.MULTILINE)
    assert "====" not in written(of).text


def test_a_lone_section_with_its_own_name_has_a_heading() -> None:
    assert headings(one().html) == ["Retrieval"]


def test_picks_have_a_section_of_their_own_before_all_others() -> None:
    of = edition(
        [item("B", section="One"), item("A", section="One", put_by=("editors",))],
    )
    html = written(of).html.partition("<h1")[2]
    assert headings(html) == ["Editors’ picks", "One"]
    assert in_order(html, ">A<", ">B<")
    assert in_order(written(of).markdown, "## Editors’ picks", "[A]", "## One", "[B]")
    assert in_order(written(of).text, "Editors’ picks\n====", "\nA\n", "One\n===", "\nB\n")


@pytest.mark.parametrize(("section", "heading"), [("", "More papers"), ("Reading group",) * 2])
def test_what_stands_behind_picks_always_has_a_heading(section: str, heading: str) -> None:
    of = edition([item("A", put_by=("editors",)), item("B", section=section)])
    assert headings(written(of).html) == ["Editors’ picks", heading]
    assert f"## {heading}\n" in written(of).markdown
    assert f"{heading}\n====" in written(of).text


# --- items ---------------------------------------------------------------------------------------


def test_title_links_to_the_abstract() -> None:
    of = one(title="On Things")
    assert re.search(r'<h3[^>]*><a[^>]* href="https://arxiv.org/abs/2606.00001"', of.html)
    assert "### [On Things](https://arxiv.org/abs/2606.00001)" in of.markdown
    assert "Abstract: https://arxiv.org/abs/2606.00001\n" in of.text


def test_title_links_to_what_there_is() -> None:
    of = one(links=Links(abstract="ftp://example.org/", discussion="https://example.org/talk"))
    assert re.search(r'<h3[^>]*><a[^>]* href="https://example.org/talk"', of.html)
    assert "Abstract" not in of.html


def test_a_paper_without_links_is_shown_without() -> None:
    of = one(title="On Things", links=Links())
    assert re.search(r"<h3[^>]*>On Things</h3>", of.html)
    assert "### On Things\n" in of.markdown


@pytest.mark.parametrize(
    ("announced", "mark"),
    [(["new"], "New"), (["cross"], "Cross-listed"), (["cross", "new"], "New"), (["replace"], None)],
)
def test_the_mark_says_how_it_was_announced(announced: list[Any], mark: str | None) -> None:
    listings = tuple(Listing(source="s", announce=how, listed_on=DAY) for how in announced)
    text = one(listings=listings).text
    assert [m for m in ("New", "Cross-listed", "Revised") if f"{m} · " in text] == [mark] * bool(
        mark
    )


def test_a_revision_is_marked_as_one() -> None:
    assert "Revised · 22 June 2026" in written(edition([item(is_revision=True)])).text


def test_three_authors_are_named_and_the_rest_counted() -> None:
    of = one(authors=tuple("ABCDEFGH"))
    for text in (of.html, of.markdown, of.text):
        assert "A, B, C and 5 more" in text


def test_without_a_summary_the_abstract_begins() -> None:
    of = written(edition([item(paper(abstract="word " * 100), summary=summary(""))]))
    for text in (of.html, of.markdown):
        assert "word " * 47 + "word…" in text


def test_why_it_is_here_names_phrases_and_signals_that_are_known() -> None:
    signals = Signals(upvotes=1, comments=0, stars=1200)
    text = written(edition([item(paper(signals=signals), because=("a", "b"))])).text
    assert "Matches “a”, “b” · 1 upvote · 1,200 stars\n" in text


def test_the_community_is_named_where_it_put_the_paper_there() -> None:
    voted = item(paper(signals=Signals(upvotes=42)), put_by=("community", "topic"))
    of = written(edition([voted]))
    assert "Matches “retrieval” · Community: 42 upvotes\n" in of.text
    assert "Matches “retrieval” · Community: 42 upvotes\n" in of.markdown
    assert "Community: 42 upvotes<" in of.html
    alone = replace(voted, because=(), put_by=("community",))
    assert "\nCommunity: 42 upvotes\n" in written(edition([alone])).text


def test_an_editors_pick_says_so_with_or_without_words() -> None:
    mute = item("A", put_by=("editors",))
    said = item("B", put_by=("editors", "topic"), note="Read this.")
    of = written(edition([mute, said, item("C")]))
    assert of.text.count("\nPicked by the editors\n") == 1
    assert of.text.count("\nPicked by the editors: Read this.\n") == 1
    assert of.markdown.count("\nPicked by the editors\n\n") == 1
    assert of.markdown.count("\nPicked by the editors: Read this.\n\n") == 1
    assert len(re.findall(r">Picked by the editors</span></p>", of.html)) == 1
    assert re.search(r'>Picked by the editors</span>: <span dir="auto">Read this\.</span>', of.html)


def test_addresses_that_are_not_of_the_web_are_dropped() -> None:
    bad = Links(abstract="javascript:alert(1)", pdf="data:text/html,x", code="//example.org/x")
    of = one(links=bad)
    for text in (of.html, of.markdown, of.text):
        assert "javascript" not in text
        assert "data:text" not in text
        assert "example.org/x" not in text


# --- past the cap --------------------------------------------------------------------------------


def test_what_did_not_fit_is_on_the_web() -> None:
    of = written(
        edition([item()], [item("B"), item("C")]), masthead(base_url="https://p.example.org/")
    )
    page = "https://p.example.org/reading/2026-06-22T08:00"
    assert re.search(f'<a[^>]* href="{page}"[^>]*>2 more on the web</a>', of.html)
    assert f"[2 more on the web]({page})" in of.markdown
    assert f"2 more on the web:\n{page}\n" in of.text


def test_without_a_web_the_titles_are_listed_up_to_forty() -> None:
    of = written(edition([item()], [item(f"Title{n}") for n in range(43)]))
    for text in (of.html.partition("<h1")[2], of.markdown, of.text):
        assert len(re.findall(r"Title\d+", text)) == 40
        assert "and 3 more" in text


def test_when_all_fits_nothing_is_said_of_more() -> None:
    for text in (one().html, one().markdown, one().text):
        assert " more" not in text


# --- footer --------------------------------------------------------------------------------------


def test_the_footer_names_each_summarizer_once() -> None:
    by = [summary("x", summarizer=name) for name in ("lead/1", "embedded/2", "lead/1")]
    of = written(edition([item(str(n), summary=s) for n, s in enumerate(by)]))
    for text in (of.html, of.markdown, of.text):
        said = " ".join(text.split())
        assert "Summaries: lead/1, sentences taken from the abstract; embedded/2, selected" in said


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("hub:org/name@0a1b2c3d4e5f", "written by a language model, checked against the abstract"),
        ("openai:org/m@models.example.org", "written by a language model"),
    ],
)
def test_the_footer_says_what_a_model_wrote(name: str, note: str) -> None:
    of = written(edition([item(summary=summary(summarizer=name))]))
    for text in (of.html, of.markdown, of.text):
        assert f"Summaries: {name}, {note}" in " ".join(text.split())


def test_a_summary_by_another_than_most_or_than_the_one_asked_names_its_maker() -> None:
    by = "openai:m@x.org"
    usual = [item(str(n), summary=summary("Sheep.", summarizer=by)) for n in range(2)]
    other = item("other", summary=summary("Cows.", reason="it is empty"))
    older = item("older", summary=summary("Goats.", summarizer="embedded/1"))
    of = written(edition([*usual, other, older]))
    assert "Cows. (lead/1)" in of.markdown
    assert "Cows. (lead/1)" in of.text
    assert re.search(r"Cows\. <span[^>]*>\(lead/1\)</span>", of.html)
    for text in (of.html, of.markdown, of.text):
        assert text.count("(lead/1)") == text.count("(embedded/1)") == 1
        assert f"({by})" not in text
        assert "it is empty" not in text  # that is for the operator


def test_when_all_fell_back_each_line_says_so() -> None:
    of = written(edition([item(str(n), summary=summary(reason="down")) for n in range(2)]))
    for text in (of.html, of.markdown, of.text):
        assert text.count("(lead/1)") == 2


def test_a_summary_in_another_language_is_marked_as_such_for_screen_readers() -> None:
    of = written(edition([item(summary=summary("我们数羊。", language="zh"))]))
    assert re.search(r'<p[^>]* lang="zh"[^>]*>我们数羊。</p>', of.html)


def test_arxiv_is_thanked_where_a_paper_is_from_there() -> None:
    thanks = "Thank you to arXiv for use of its open access interoperability."
    elsewhere = one(aliases=("doi:10.1/x",))
    assert [thanks in t for t in (one().html, one().markdown, one().text)] == [True] * 3
    assert [thanks in t for t in (elsewhere.html, elsewhere.markdown, elsewhere.text)] == [
        False
    ] * 3


def test_the_footer_says_who_sends_it_and_how_to_leave() -> None:
    of = one()
    for text in (of.html, of.markdown, " ".join(of.text.split())):
        assert in_order(
            text,
            "You get this because you are subscribed to Reading group.",
            "papers@example.org",
            "reads your mail.",
            "The Reading Group",
            "1 Example Street, Sampleton",
        )


def test_the_footer_leads_to_the_preferences_and_out() -> None:
    around = linked()
    of = written(edition([item()]), around)
    for text in (of.html, of.markdown, of.text):
        assert in_order(text, around.unsubscribe_url, around.preferences_url)
        assert "unsubscribe" not in one().text


def test_a_paper_can_be_liked_and_disliked_where_there_are_pages() -> None:
    around = linked()
    of = written(edition([item(paper(number="2606.00009"))]), around)
    for text in (of.html, of.markdown):
        for like in (1, 0):
            said = f"{around.opinion_url}?paper=arxiv%3A2606.00009&like={like}"
            assert said in text.replace("&amp;", "&")


# --- joining -------------------------------------------------------------------------------------


def test_editions_share_what_was_rendered_once() -> None:
    items = [item("A"), item("B")]
    shared = render_items(items, masthead(), OURS)
    for of in (edition(items), edition(items[1:]), edition(reversed(items))):
        assert render(of, masthead(), OURS, shared) == written(of)


def test_a_title_cannot_call_for_another_item() -> None:
    of = edition([item("A"), item("<!--item k 0-->")])
    of = replace(of, key="k")
    assert "&lt;!--item k 0--&gt;" in written(of).html


def test_the_same_edition_gives_the_same_text() -> None:
    assert written(everything()) == written(everything())


def test_html_of_a_markdown_edition_is_made_from_its_markdown() -> None:
    of = written(edition([item("On *Things*")], format="markdown"))
    assert re.search(
        r'<h3[^>]*><a href="https://arxiv.org/abs/2606.00001"[^>]*>On \*Things\*</a>', of.html
    )
    assert 'class="entry"' not in of.html


# --- size ----------------------------------------------------------------------------------------


def long(characters: int, **changes: Any) -> Edition:
    return edition([item(summary=summary("x" * characters))], **changes)


def test_a_small_mail_is_not_warned_about() -> None:
    assert one().warnings == ()


def test_near_the_limit_a_warning_gives_the_numbers() -> None:
    (warning,) = written(long(WARN_HTML_BYTES)).warnings
    assert re.fullmatch(r"the HTML has 9\d,\d{3} bytes, mail programs clip it at 102,000", warning)


def test_a_mail_that_would_be_clipped_is_refused() -> None:
    with pytest.raises(MailTooLarge, match=r"has 1\d\d,\d{3} bytes.*102,000: show fewer papers"):
        written(long(MAX_HTML_BYTES))


def test_a_text_mail_can_be_as_long_as_it_is() -> None:
    assert written(long(MAX_HTML_BYTES, format="text")).warnings == ()


# --- templates -----------------------------------------------------------------------------------


def test_the_templates_are_where_we_say() -> None:
    assert (BUILT_IN / "issue.html.j2").is_file()


def test_one_template_can_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "item.md.j2").write_text("* {{ paper.title | md }}\n")
    of = written(everything(), folders=[tmp_path])
    assert "* Counting in C\\#" in of.markdown
    assert of.html == written(everything()).html


def test_the_frame_can_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "issue.html.j2").write_text(
        "<html><body>{% for s in sections %}{{ s.items | join }}{% endfor %}</body></html>"
    )
    html = written(edition([item("A"), item("B")]), folders=[tmp_path]).html
    assert in_order(html, "<body>", ">A<", ">B<", "</body>")
    assert "{" not in html


def test_the_earlier_folder_wins(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "subject.txt.j2").write_text(name)
    of = written(edition(), folders=[tmp_path / "first", tmp_path / "second"])
    assert of.subject == "first"


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("\n{{ papr.title }}", "2: 'papr' is undefined"),
        ("\n{{ paper.titel }}", "2: .*has no attribute 'titel'"),
        ("\n\n{% if %}", "3: Expected an expression"),
        ("\n{% include 'nothing.j2' %}", "2: 'nothing.j2' not found"),
        ("{{ 1 + 'a' }}", "1: TypeError.*unsupported operand"),
        ("{{ paper.title | upcase }}", "1: No filter named 'upcase'"),
        ("{{ paper.__class__.__mro__ }}", "1: .*unsafe"),
    ],
)
def test_a_bad_template_is_named_with_its_line(tmp_path: Path, source: str, problem: str) -> None:
    (tmp_path / "item.txt.j2").write_text(source)
    with pytest.raises(BadTemplate, match=f"{re.escape(str(tmp_path))}/item.txt.j2:{problem}"):
        written(edition([item()]), folders=[tmp_path])


# --- filters -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "safe"),
    [
        ("https://arxiv.org/abs/2401.01234v2", "https://arxiv.org/abs/2401.01234v2"),
        ("HTTP://Example.ORG/", "http://Example.ORG/"),
        ("https://example.org", "https://example.org"),
        ("https://example.org:8443/a?b=c&d=e#f", "https://example.org:8443/a?b=c&d=e#f"),
        ("https://example.org/%C3%BC?q=50%25", "https://example.org/%C3%BC?q=50%25"),
        ("https://example.org/ü <x>", "https://example.org/%C3%BC%20%3Cx%3E"),
        ("https://exämple.org/", "https://xn--exmple-cua.org/"),
        ("https://example.org/a'b\"c`d\\e", "https://example.org/a%27b%22c%60d%5Ce"),
        ("https://example.org/\r\nBcc: x", "https://example.org/Bcc:%20x"),
        ("https://[::1]/", ""),
        ("https://[/", ""),
        ("https://user:word@example.org/", ""),
        ("https://exa mple.org/", ""),
        ("https:///path", ""),
        ("/abs/1", ""),
        ("mailto:a@example.org", ""),
        ("", ""),
    ],
)
def test_link_gives_a_safe_address_or_nothing(given: str, safe: str) -> None:
    assert link(given) == safe


@given(st.text())
def test_a_link_is_always_plain(rest: str) -> None:
    assert re.fullmatch(r"https://example\.org[!-~]*", link(f"https://example.org/{rest}"))
    assert not set("<>\"'()[]`\\; ") & set(link(f"https://example.org/{rest}"))


def test_the_first_link_prefers_the_abstract() -> None:
    assert (
        first_link(Links(pdf="https://b.example", abstract="https://a.example"))
        == "https://a.example"
    )
    assert first_link(Links()) == ""


def test_wrap_keeps_to_72_columns_and_never_breaks_a_word() -> None:
    lines = wrap("state-of-the-art " * 20 + "x" * 100, "  ").splitlines()
    assert max(map(len, lines[:-1])) <= 72
    assert lines[-1] == "  " + "x" * 100


def test_an_excerpt_ends_between_words() -> None:
    assert excerpt("one two, three", 9) == "one two…"
    assert excerpt("x" * 20, 9) == "x" * 9 + "…"
    assert excerpt("one two", 7) == "one two"


# --- never ---------------------------------------------------------------------------------------

#: Any text that shows, bent towards what means something in a format.
ANY = st.text(
    st.one_of(
        st.sampled_from("<>&;\"'*_[]()`#|~\\!+-=.:{}/ \n\t1x"),
        st.characters(exclude_categories=["Cs"]),
    ),
    min_size=1,
    max_size=60,
).filter(lambda text: any(c.isprintable() and not c.isspace() for c in text))

#: The same without control characters, as `digest.text` leaves it.
FOREIGN = ANY.filter(lambda text: " ".join(text.split()).isprintable())

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "<!-- --><b>",
    "](javascript:alert(1)) [x",
    "[x]: https://example.org",
    "]: https://example.org",
    "<https://example.org>",
    "&lt;b&gt; &copy; &#38; &amp",
    "&#38;",
    "1. one",
    "1) one",
    "- one",
    "+ one",
    "> one",
    "# C#",
    "===",
    "---",
    "***",
    "a | b ~~c~~",
    "{{ 1 + 1 }} {% raw %}",
    "*a* _b_ **c** `d` \\* \\",
    "![x](https://example.org/x.png)",
    "klzzwxh:0000 wzxhzdk:0",
)


def tags(of: Rendered) -> list[tuple[str, tuple[str, ...]]]:
    return Outline(of.html).tags


def of_foreign(text: str, format: Any) -> Rendered:
    """An edition in which all foreign text is this."""
    named = paper(text, authors=(text,), categories=(text,), abstract=text)
    reasons = (text, f"like “{text}”, which you liked")
    about = item(named, because=reasons, summary=summary(text), section=text)
    picked = replace(about, put_by=("editors", "topic"), note=text)
    return written(edition([picked, about], [about], format=format))


DULL = {format: of_foreign("Dull", format) for format in ("html", "markdown")}


@pytest.mark.parametrize("format", ["html", "markdown"])
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_as_it_is(text: str, format: str) -> None:
    of = of_foreign(text, format)
    assert tags(of) == tags(DULL[format])
    assert text in Outline(of.html).texts


@pytest.mark.parametrize("format", ["html", "markdown"])
@settings(max_examples=30, deadline=None)
@given(text=ANY)
def test_foreign_text_never_makes_a_tag(format: str, text: str) -> None:
    of = of_foreign(text, format)
    assert tags(of) == tags(DULL[format])
    assert Outline(of.html).comments == Outline(DULL[format].html).comments


@settings(max_examples=300, deadline=None)
@given(FOREIGN)
@example("&#38;")
def test_foreign_text_stays_as_it_is_through_markdown(text: str) -> None:
    for before, after in (("", ""), ("### ", ""), ("- ", ""), ("### [", "](https://example.org)")):
        html = markdown(f"{before}{escape_markdown(text)}{after}")
        assert "".join(Outline(html).texts).strip("\n") == " ".join(text.split())


@settings(max_examples=50, deadline=None)
@given(FOREIGN)
def test_the_same_input_gives_the_same_bytes(text: str) -> None:
    assert of_foreign(text, "html") == of_foreign(text, "html")
