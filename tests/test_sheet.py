from __future__ import annotations

import io
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from test_consent import anything, seen

from digest.consent import statement
from digest.errors import Misuse
from digest.run.sheet import COLUMNS, Row, defuse, read, undefuse, write
from digest.types import Preferences, SubscriptionState

DIGESTS = ["papers", "theirs"]


def rows(text: str | bytes) -> list[Row]:
    given = text.encode() if isinstance(text, str) else text
    return list(read(io.BufferedReader(io.BytesIO(given)), DIGESTS))  # type: ignore[arg-type]


def faults(*lines: str, head: str = "address,digest,state,evidence") -> list[str]:
    return [one.fault for one in rows("\n".join([head, *lines]))]


ROW = Row(
    line=2,
    address="ada@example.org",
    digest="papers",
    state=SubscriptionState.CONFIRMED,
    evidence="told, me",
    preferences=Preferences(topics=("a", "b c"), frequency="weekly", weekday="fri"),
)
TEXT = (
    "Address;digest;STATE;evidence;topics;frequency;weekday\r\n"
    'ada@Example.org;papers;Confirmed;"told, me";a; b c ;weekly;Friday\r\n'
).replace("a; b c ", '"a; b c "')


@pytest.mark.parametrize(
    "given",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        TEXT.encode("utf-16-le"),
        b"\xfe\xff" + TEXT.encode("utf-16-be"),
        TEXT.encode("utf-16-be"),
        TEXT.replace(";", "\t").replace("a\t b", "a; b").encode(),
        TEXT.replace(";", ",").replace("a, b", "a; b").encode(),
        TEXT.replace("\r\n", "\n").encode(),
        TEXT.replace("\r\n", "\r").encode(),
        TEXT.rstrip().encode(),
    ],
)
def test_whatever_wrote_the_file_the_row_is_the_same(given: bytes) -> None:
    assert rows(given) == [ROW]


@given(st.text())
@example("'")
@example("''=")
@example("'a")
@example("\t=")
def test_a_cell_that_was_defused_comes_back_and_begins_no_formula(cell: str) -> None:
    defused = defuse(cell)
    assert undefuse(defused) == cell
    assert defused[:1] not in tuple("=+-@\t\r\n")


evidences = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=60)


@given(st.lists(st.tuples(seen, evidences, anything), max_size=4))
@example([("=cmd", "=1+1\n+2", Preferences(topics=("a;b",)))])
@example([("x", "-", Preferences(topics=("=a", "@b;c", "'d")))])
def test_what_is_exported_is_imported_the_same(some: list[tuple[str, str, Preferences]]) -> None:
    written = []
    for number, (local, evidence, wanted) in enumerate(some):
        try:
            evidence = statement(evidence)
        except Misuse:
            continue
        local = "".join(letter for letter in local if letter.isascii() and letter.isalnum())
        state = SubscriptionState.CONFIRMED if evidence else SubscriptionState.UNSUBSCRIBED
        if wanted.frequency != "weekly":
            wanted = replace(wanted, weekday="mon")
        if wanted.topics:
            wanted = replace(wanted, topics=("a; b", "=c"))  # any text is no topic
        row = Row(
            line=0,
            address=f"={local}{number}@example.org",
            digest="theirs",
            state=state,
            evidence=evidence,
            preferences=wanted,
        )
        written.append(row)
    file = io.StringIO(newline="")
    assert write(file, written) == len(written)
    found = rows(file.getvalue())
    assert [replace(one, line=0) for one in found] == written


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("", "the file is empty"),
        ("adress,digest,state", "unknown column 'adress'; did you mean 'address'?"),
        ("address,digest,state,favourite dish", "unknown column 'favourite_dish'; known are"),
        ("address,digest", "there is no column 'state'"),
        ("address,digest,state,Address", "there are two columns 'address'"),
        ("ada@example.org,papers,confirmed", "unknown column 'ada@example.org'"),
        ("\x00\x00\x00", "unknown column"),
    ],
)
def test_a_first_line_that_does_not_name_the_columns_is_refused(head: str, said: str) -> None:
    with pytest.raises(Misuse, match=said.replace("?", r"\?")):
        rows(head)


HOSTILE = {
    "": "there is a",
    "ada,papers,confirmed,x": "not an e-mail address",
    f"{'a' * 300}@example.org,papers,confirmed,x": "longer than",
    "ada\0@example.org,papers,confirmed,x": "cannot be seen",
    "ada@example.org,paper,confirmed,x": "did you mean 'papers'?",
    "ada@example.org,,confirmed,x": "no digest is called ''",
    "ada@example.org,papers,subscribed,x": "is not one of unconfirmed, confirmed",
    "ada@example.org,papers,,x": "state: '' is not",
    "ada@example.org,papers,confirmed,": "confirmed without evidence",
    "ada@example.org,papers,confirmed": "confirmed without evidence",
    "ada@example.org,papers,confirmed,a\x00b": "evidence: there is a character",
    f"ada@example.org,papers,confirmed,{'x' * 2001}": "evidence: at most 2000",
    f"ada@example.org,papers,confirmed,{'x' * 70_000}": "more than 65536 letters",
    "ada@example.org,papers,confirmed,x,y": "there are 5 cells",
    '"ada@example.org"x,papers,confirmed,x': "the row cannot be read",
    '=HYPERLINK("https://x.org"),papers,confirmed,x': "not an e-mail address",
    '"ada@example.org,papers,confirmed,x': "cannot be read: unexpected end",
}


@pytest.mark.parametrize("hostile", [line for line in HOSTILE if line])
def test_one_bad_row_is_told_with_its_reason_and_never_stops_the_rest(hostile: str) -> None:
    good = "ada@example.org,papers,confirmed,x"
    found = faults(good, hostile, good, good)
    assert [bool(one) for one in found] == [False, True, False, False]
    assert HOSTILE[hostile] in found[1]
    assert len(found[1]) < 200


def test_bytes_that_are_no_letters_are_told() -> None:
    head = b"address,digest,state,evidence\n"
    (found,) = rows(head + b"ada@example.org,papers,confirmed,caf\xe9\n")
    assert found.fault == "there is a letter that cannot be read; save the file as UTF-8"


def test_a_quotation_may_go_over_some_lines_and_lines_count_as_in_an_editor() -> None:
    found = rows(
        "address,digest,state,evidence\n\n"
        'ada@example.org,papers,confirmed,"told\n me, ""twice"""\n'
        "ben@example.org,papers,confirmed,x\n"
    )
    assert [(one.line, one.evidence) for one in found] == [(3, 'told\nme, "twice"'), (5, "x")]


def test_a_refused_address_is_shown_without_what_a_terminal_would_do() -> None:
    (found,) = rows("address,digest,state\n\x1b[2Jada@example.org,papers,unconfirmed\n")
    assert found.fault
    assert found.address.isprintable()


@pytest.mark.parametrize(
    ("column", "cell", "said"),
    [
        ("hour", "25", "hour: '25' is not"),
        ("topics", "a AND", "a AND"),
        ("paused_until", "soon", "paused_until: 'soon'"),
        ("Paused until", "2026-13-01", "paused_until: "),
    ],
)
def test_a_preference_that_cannot_be_is_told(column: str, cell: str, said: str) -> None:
    head = f"address,digest,state,{column}"
    (fault,) = faults(f"ada@example.org,papers,unconfirmed,{cell}", head=head)
    assert said in fault


@given(st.binary(max_size=400))
def test_whatever_the_bytes_each_row_is_good_or_has_a_fault(content: bytes) -> None:
    for one in rows(b"address,digest,state,evidence\n" + content):
        assert one.fault or (one.address.isascii() and one.digest in DIGESTS)


def test_the_columns_are_those_of_the_documents() -> None:
    assert COLUMNS[:4] == ("address", "digest", "state", "evidence")
