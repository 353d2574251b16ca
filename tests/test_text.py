"""Foreign text to plain text: by example where it is taste, by property where it is a promise."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.text import authors, plain, sentences

# --- plain: HTML and characters ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("<p>One.</p><p class='x'>Two.</p>", "One. Two."),
        ("a<br>b<br/>c <em>d</em> <a href='https://e.example'>f</a>", "a b c d f"),
        ("H<sub>2</sub>O, 10<sup>-3</sup>, 5<sup>th</sup>", "H₂O, 10⁻³, 5th"),
        ("<jats:title>Abstract</jats:title><jats:p>Text.</jats:p>", "Abstract Text."),
        ("&amp; &lt; &#233; &#x3b1; &amp;amp;lt; &nbsp;", "& < é α <"),
        ("&lt;p&gt;escaped twice&lt;/p&gt;", "escaped twice"),
    ],
)
def test_markup_becomes_text(written: str, read: str) -> None:
    assert plain(written) == read


@pytest.mark.parametrize(
    "written",
    [
        "a < b and c > d",
        "x <y and p<0.05",
        "i <b and c> d, a<b>c",
        "List<int>, Set<i>",
        "<think>, <unk> and <s>",
        "<!-- -->",
        "AT&T, R&D; &unknown; ?a=1&copy=2",
        "https://a.example/~roe/x--y_z?a=1&b=2",
    ],
)
def test_comparisons_and_tokens_are_no_tags(written: str) -> None:
    assert plain(written) == written


def test_an_inequality_in_a_formula_is_no_tag() -> None:
    assert plain("$a<b$ but <b>not</b> $b>c$") == "a<b but not b>c"


def test_white_space_collapses_and_unseen_characters_go() -> None:
    assert plain(" a\n\n  b\u00a0c\x00\x1b\u202ed\u200b\u00ad\ufeff\U000e0041 ") == "a b cd"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("We have:\n• legs\n• arms\nand no more", "We have: • legs • arms and no more"),
        ("We have:\n - legs\n  - arms", "We have: • legs • arms"),
        ("We have:\n1. legs\n2. arms", "We have: • 1. legs • 2. arms"),
        ("We have:\n* legs\n* arms", "We have: • legs • arms"),
        ("legs\n- and arms - fall", "legs - and arms - fall"),
        ("It is\n-3 or\n-4", "It is -3 or -4"),
        ("in\n2020. We", "in 2020. We"),
    ],
)
def test_the_items_of_a_list_stay_apart(written: str, read: str) -> None:
    assert plain(written) == read
    assert plain(plain(written)) == read


def test_joiners_stay_since_scripts_and_emoji_need_them() -> None:
    assert plain("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \U0001f469\u200d\U0001f52c") == (
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \U0001f469\u200d\U0001f52c"
    )


def test_a_lone_surrogate_becomes_a_character_that_can_be_stored() -> None:
    assert plain("a\ud800b").encode() == "a\ufffdb".encode()


# --- plain: promises -----------------------------------------------------------------------------

MARKUP = st.sampled_from(
    r"""$ \ { } ^ _ & amp; lt; #36; < > p /p sub </sub> ~ -- --- ` ' " `` '' \textbf \frac \alpha
    \log \em \o \c \v \sqrt \text \left \( \) \[ \] \begin{equation} \end{equation} \url \href \cite
    \textbackslash \textasciitilde \textsuperscript \footnote \operatorname \mathbb \cite
    e.g. a B é 1 5 . , % ( ) = i th T http://x""".split()
)
TRICKY = st.lists(MARKUP | st.sampled_from([" ", "\u0301", "\u200b"]), max_size=25).map("".join)
PROPERTY = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@PROPERTY
@given(st.text() | TRICKY)
def test_reading_plain_text_again_changes_nothing(text: str) -> None:
    assert plain(plain(text)) == plain(text)


@PROPERTY
@given(st.lists(MARKUP | st.just("Q "), max_size=25).map("".join))
def test_no_letter_is_ever_lost(text: str) -> None:
    """Q has no accents, is raised and lowered in no font, and is in none of the macros above."""
    assert plain(text).count("Q") == text.count("Q")


def test_a_trap_of_escapes_within_escapes_is_given_back_unread() -> None:
    trap = "&" + "#38;" * 50 + "lt;"
    assert plain(trap) == trap


#: Repeated without end; "·" stands for a blank.
UNITS = (
    r"$ { } \ < > & ~ ` ' \{ \$ \( \[ $a {a {\em· {\'e} \textbf{ \textbf{a} \href{a}{ \sqrt "
    r"$\frac x_ x^{a} ^{ `` ``a `·a \"a \\ -- &amp; &#38; <a· <a·b=c· <sub> </p> http://a·"
)


@pytest.mark.parametrize("frame", ["%s", "$%s$", r"\textbf{%s}"])
def test_hostile_text_takes_linear_time(frame: str) -> None:
    for unit in UNITS.split():
        text = frame % (unit.replace("·", " ") * (20_000 // len(unit)))
        assert seconds(plain, text) < 0.5, unit


def seconds(function: Callable[[str], object], text: str) -> float:
    start = time.perf_counter()
    function(text)
    return time.perf_counter() - start


# --- authors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("Ann Doe, Max Roe", ("Ann Doe", "Max Roe")),
        ("Ann Doe (Institute A, City B), Max Roe (1, 2)", ("Ann Doe", "Max Roe")),
        ("Ann Doe (1), Max Roe (2) ((1) Lab A, (2) Lab B)", ("Ann Doe", "Max Roe")),
        (r"Andr\'e D{\"o}e, {\L}ukasz Roe", ("André Döe", "Łukasz Roe")),
        ("Ann Doe and Max Roe Jr.", ("Ann Doe and Max Roe Jr.",)),
        ("Ann Doe, Max Roe, Jr., and Eve Poe", ("Ann Doe", "Max Roe, Jr.", "Eve Poe")),
        ("Ann Doe (Lab that never ends, Max Roe", ("Ann Doe", "Max Roe")),
        ("<a href='x'>Ann Doe</a>,  , Max\nRoe,", ("Ann Doe", "Max Roe")),
        ("", ()),
    ],
)
def test_authors_are_names_without_affiliations(written: str, names: tuple[str, ...]) -> None:
    assert authors(written) == names


# --- sentences -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "We test it, e.g. on sheep. | It works, i.e. it runs.",
        "Roe et al. (2020) did not. | Following Poe et al. we do. | As do Doe et al. | We agree.",
        "See Fig. 3 and Eq. 4. | Dr. Roe did, cf. Sec. 5.",
        "A vs. B, approx. 5, no. 5. | The answer is no. | We ask why.",
        "It gains 0.5 points in v2.1. | The rest is lost.",
        "It is sold in the U.S. market. | It is sold in the U.S. | We buy it.",
        "J. R. Doe and M. Roe wrote it. | We read it.",
        "Why? | Because! | (It is so.) | He said “no.” | We left.",
        "We wait ... and see. | Then we go...",
        "It does: (1) a thing. | (2) Another. | (i) A third.",
        "It does: 1. One thing; 2. Another thing. | The end.",
        "It took 5 ms. | Nobody waited.",
        "mBERT is old. | mT5 is newer.",
        "One without an end",
        "We use the Yahoo! Cloud Serving Benchmark. | It is slow.",
        "Yahoo! Answers is gone. | We miss it.",
        "We play Jeopardy! Questions are hard. | Robots win!",
        "We beat GPT! | Our robots win! | They are happy.",
        "Because! | Robots fall.",
        "We make two contributions: | • We count sheep. | • 1. A way to count cows | • Dreams.",
    ],
)
def test_sentences_end_where_a_reader_ends_them(text: str) -> None:
    wanted = text.split(" | ")
    assert sentences(" ".join(wanted)) == wanted


def test_chinese_and_japanese_sentences_end_without_a_blank() -> None:
    assert sentences("我们提出方法。「很好。」它有效！") == [
        "我们提出方法。",
        "「很好。」",
        "它有效！",
    ]


def test_no_text_has_no_sentences() -> None:
    assert sentences(" \n ") == []


SENTENCE_PARTS = st.sampled_from(
    ["A", "b", ". ", ".", "?", "! ", " ", '"', ")", "(", "1", "e.g.", " al.", "We", "…", "\n"]
)


@PROPERTY
@given(st.text() | st.lists(SENTENCE_PARTS, max_size=30).map("".join))
def test_sentences_joined_are_the_collapsed_text(text: str) -> None:
    text = re.sub("[。！？]", "", text)
    assert " ".join(sentences(text)) == " ".join(text.split())


@PROPERTY
@given(st.text(alphabet="我。！？」A. \n", max_size=40))
def test_sentences_hold_every_character(text: str) -> None:
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())


@pytest.mark.parametrize("unit", [".", ". ", ".)", "A. ", "a. 1. ", "。", "(", "? "])
def test_splitting_hostile_text_takes_linear_time(unit: str) -> None:
    assert seconds(sentences, unit * (20_000 // len(unit))) < 0.5
