"""What a reference manager exports → the papers in it: BibTeX, CSL JSON, Zotero's CSV. Pure."""

from __future__ import annotations

import csv
import io
import json
import logging
from collections.abc import Iterable, Iterator
from typing import Any

from digest.errors import BadConfig
from digest.text import plain
from digest.types import Example

ENDINGS = (".bib", ".json", ".csv")
MOST = 5000  #: papers of one file; more say nothing more of what somebody likes


def read(name: str, content: bytes) -> tuple[Example, ...]:
    """The papers of a file, each once; those without a title are left out.

    Raises: BadConfig, naming the file, where it holds none or cannot be read.

    >>> read("my.bib", b"@article{a, title={{LegNet} walks}, abstract={It falls.}}")
    (Example(title='LegNet walks', abstract='It falls.'),)
    """
    try:
        words = content.decode("utf-8-sig")
        rows = {".bib": _bibtex, ".json": _csl, ".csv": _csv}[_ending(name)](words)
        made = (_example(title, abstract) for title, abstract in rows)
        found = tuple(dict.fromkeys(one for one in made if one.title))[:MOST]
    except (ValueError, csv.Error, RecursionError) as why:
        raise BadConfig(f"{name} cannot be read as {_ending(name)[1:]}: {why}") from why
    if not found:
        raise BadConfig(f"{name} holds no paper with a title")
    return found


def _ending(name: str) -> str:
    for ending in ENDINGS:
        if name.lower().endswith(ending):
            return ending
    raise BadConfig(f"{name} is none of {', '.join(ENDINGS)}, as reference managers export them")


def _example(title: Any, abstract: Any) -> Example:
    return Example(title=_words(title), abstract=_words(abstract))


def _words(value: Any) -> str:
    # BibTeX protects capitals by braces, which are no part of the title.
    return plain(value).replace("{", "").replace("}", "") if isinstance(value, str) else ""


def _bibtex(words: str) -> Iterator[tuple[Any, Any]]:
    from bibtexparser.entrypoint import parse_string

    logging.getLogger("bibtexparser").setLevel(logging.CRITICAL)  # it tells of every bad entry
    for entry in parse_string(words).entries:
        fields = {field.key.lower(): field.value for field in entry.fields}
        yield fields.get("title"), fields.get("abstract")


def _csl(words: str) -> Iterator[tuple[Any, Any]]:
    rows = json.loads(words)
    if isinstance(rows, dict):  # Better BibTeX wraps them
        rows = rows.get("items", [])
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, dict):
            yield row.get("title"), row.get("abstract") or row.get("abstractNote")


def _csv(words: str) -> Iterable[tuple[Any, Any]]:
    for row in csv.DictReader(io.StringIO(words)):
        yield row.get("Title"), row.get("Abstract Note")
