from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest import library
from digest.errors import BadConfig
from digest.types import Example

WALK = Example(title="LegNet walks", abstract="It falls & rises.")
BIB = rb"""% of a reference manager
@article{a, title = {{LegNet} walks}, abstract = {It falls \& rises.}, year = 2026}
@misc{broken, title = {never closed
@inproceedings{b, title = "{LegNet} walks", abstract = {It falls \& rises.}}
@comment{jabref-meta: x}
@article{c, author = {Nobody}}
"""
CSL = json.dumps([{"title": "LegNet walks", "abstract": "It falls &amp; rises."}, {"id": 1}, 7])
CSV = '"Key","Title","Abstract Note"\n"A","LegNet walks","It falls &amp; rises."\n"B","",""\n'


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("my.bib", BIB),
        ("My.JSON", CSL.encode()),
        ("my.json", json.dumps({"items": json.loads(CSL)}).encode()),
        ("zotero.csv", b"\xef\xbb\xbf" + CSV.encode()),
    ],
)
def test_each_paper_of_an_export_is_there_once_whatever_else_is(name: str, content: bytes) -> None:
    assert library.read(name, content) == (WALK,)


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("my.bib", b"@article{a, author={X}}", "my.bib holds no paper with a title"),
        ("my.json", b"{", "my.json cannot be read as json"),
        ("my.json", b"[" * 100_000, "my.json"),
        ("my.csv", b"\xff\xfe", "my.csv cannot be read as csv"),
        ("my.csv", b"", "holds no paper"),
        ("my.ris", b"TY  - JOUR", r"my.ris is none of .bib, .json, .csv"),
    ],
)
def test_a_file_without_papers_is_named_with_the_reason(
    name: str, content: bytes, why: str
) -> None:
    with pytest.raises(BadConfig, match=why):
        library.read(name, content)


@given(st.sampled_from(library.ENDINGS), st.binary(max_size=300))
def test_any_bytes_are_papers_or_a_clear_error(ending: str, content: bytes) -> None:
    found: tuple[Example, ...] = ()
    with contextlib.suppress(BadConfig):
        found = library.read(f"my{ending}", content)
    assert all(one.title for one in found)
