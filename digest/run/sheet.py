"""The file of subscribers, CSV: read a row at a time, whatever wrote it, and written."""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, BinaryIO, TextIO

from digest import consent, match
from digest.errors import Misuse
from digest.types import Preferences, SubscriptionState

_NEEDED = ("address", "digest", "state")
_PREFERENCES = tuple(Preferences.__dataclass_fields__)
COLUMNS = (*_NEEDED, "evidence", *_PREFERENCES)
#: What a line, and a row of several lines, may have: what is longer is a quotation left open.
_LONGEST, _MOST_LINES = 65_536, 20
#: What a spreadsheet takes for the beginning of a formula.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
_DEFUSED = re.compile(r"''*[=+\-@\t\r\n]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one row of the file says."""

    line: int  #: the first of the row, from 1
    address: str  #: in its normal form, or as it was written where it has a fault
    digest: str = ""
    state: SubscriptionState = SubscriptionState.UNCONFIRMED
    evidence: str = ""
    preferences: Preferences = field(default_factory=Preferences)
    fault: str = ""  #: why it cannot be used


# --- formulas ------------------------------------------------------------------------------------


def defuse(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula.

    >>> defuse("=1+1"), defuse("ada@example.org"), defuse("'=1")
    ("'=1+1", 'ada@example.org', "''=1")
    """
    return f"'{cell}" if _FORMULA.match(cell) else cell


def undefuse(cell: str) -> str:
    """What `defuse` was given.

    >>> undefuse("'=1+1"), undefuse("'ada"), undefuse("''=1")
    ('=1+1', "'ada", "'=1")
    """
    return cell[1:] if _DEFUSED.match(cell) else cell


# --- reading -------------------------------------------------------------------------------------


def read(file: BinaryIO, digests: Collection[str]) -> Iterator[Row]:
    """The rows of a file; those that cannot be used have a fault, and never stop the rest.

    Raises: Misuse where the first line does not name the columns.
    """
    # A byte that is no letter becomes one that no row may have.
    text = io.TextIOWrapper(file, encoding=_encoding(file), errors="replace")
    lines = _lines(text)
    try:
        delimiter, names = _columns(next((line for _, line in lines if line.strip()), ""))
        for number, cells in _records(lines, delimiter):
            if isinstance(cells, list):
                yield _row(number, cells, names, digests)
            else:
                yield _bad(number, cells)
    finally:
        text.detach()  # whoever opened the file closes it


def _encoding(file: BinaryIO) -> str:
    head: bytes = file.peek(4)[:4] if isinstance(file, io.BufferedReader) else b""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    if head[1:2] == b"\0":
        return "utf-16-le"
    return "utf-16-be" if head[:1] == b"\0" else "utf-8-sig"


def _lines(text: TextIO) -> Iterator[tuple[int, str]]:
    number = 0
    while line := text.readline(_LONGEST):
        number += 1
        yield number, line
        while len(line) == _LONGEST and not line.endswith("\n"):
            line = text.readline(_LONGEST)


def _columns(head: str) -> tuple[str, list[str]]:
    """The delimiter, and what the columns are called."""
    if not head:
        raise Misuse(f"the file is empty; its first line names columns: {', '.join(COLUMNS)}")
    read = {}
    for delimiter in ",;\t":
        cells = next(csv.reader([head], delimiter=delimiter), [])
        read[delimiter] = [re.sub(r"[\s_-]+", "_", cell.strip().lower()) for cell in cells]
    delimiter = max(read, key=lambda one: len(set(COLUMNS).intersection(read[one])))
    names = read[delimiter]
    for name in names:
        if name not in COLUMNS:
            near = difflib.get_close_matches(name, COLUMNS, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(COLUMNS)}"
            raise Misuse(f"line 1: unknown column {name[:40]!r}; {hint}")
        if names.count(name) > 1:
            raise Misuse(f"line 1: there are two columns {name!r}")
    for name in _NEEDED:
        if name not in names:
            raise Misuse(f"line 1: there is no column {name!r}")
    return delimiter, names


def _records(
    lines: Iterator[tuple[int, str]], delimiter: str
) -> Iterator[tuple[int, list[str] | str]]:
    """The cells of each row with its first line, or what is wrong with it."""
    # A quotation that is never closed must not take the rest of the file with it: what was read
    # in vain after its line is read again.
    again: deque[tuple[int, str]] = deque()

    def following() -> tuple[int, str] | None:
        return again.popleft() if again else next(lines, None)

    while first := following():
        number, text = first
        if not text.strip():
            continue
        taken: list[tuple[int, str]] = []
        cells = _cells([text], delimiter)
        while isinstance(cells, str) and len(taken) < _MOST_LINES:
            if sum(line.count('"') for _, line in (first, *taken)) % 2 == 0:
                break
            if (more := following()) is None:
                break
            taken.append(more)
            cells = _cells([text, *(line for _, line in taken)], delimiter)
        if isinstance(cells, str):
            again.extendleft(reversed(taken))
        yield number, cells


def _cells(lines: list[str], delimiter: str) -> list[str] | str:
    if any(len(line) == _LONGEST for line in lines):
        return f"the row has more than {_LONGEST} letters"
    try:
        return next(csv.reader(lines, delimiter=delimiter, strict=True), [])
    except csv.Error as why:
        return f"the row cannot be read: {why}"


def _row(number: int, cells: list[str], names: list[str], digests: Collection[str]) -> Row:
    if len(cells) > len(names):
        fault = f"there are {len(cells)} cells, and the first line names {len(names)}"
        return _bad(number, fault, cells[names.index("address")])
    said = {
        name: undefuse(cell.strip(" \t")) for name, cell in zip(names, cells, strict=False) if cell
    }
    try:
        return _read(number, said, digests)
    except Misuse as why:
        return _bad(number, str(why), said.get("address", ""))


def _read(number: int, said: Mapping[str, str], digests: Collection[str]) -> Row:
    if any("\ufffd" in cell for cell in said.values()):
        raise Misuse("there is a letter that cannot be read; save the file as UTF-8")
    address = consent.address(said.get("address", ""))
    digest = said.get("digest", "")
    if digest not in digests:
        near = difflib.get_close_matches(digest, digests, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(digests)}"
        raise Misuse(f"no digest is called {digest[:40]!r}; {hint}")
    state = said.get("state", "").lower()
    if state not in list(SubscriptionState):
        known = ", ".join(SubscriptionState)
        raise Misuse(f"state: {state[:40]!r} is not one of {known}")
    evidence = consent.statement(said.get("evidence", ""))
    if state == SubscriptionState.CONFIRMED and not evidence:
        raise Misuse(
            "confirmed without evidence; say in the column evidence when and how she agreed,"
            " or make it unconfirmed, and she is asked"
        )
    wanted = tuple((name, said[name]) for name in _PREFERENCES if said.get(name))
    return Row(
        line=number,
        address=address,
        digest=digest,
        state=SubscriptionState(state),
        evidence=evidence,
        preferences=_preferences(wanted),
    )


@lru_cache(maxsize=1000)
def _preferences(said: tuple[tuple[str, str], ...]) -> Preferences:
    values: dict[str, Any] = dict(said)
    topics = values.get("topics", "")
    values["topics"] = topics.split("\n" if "\n" in topics else ";")
    found = consent.preferences(values)
    for topic in found.topics:
        match.parse_topic(topic)
    return found


def _bad(number: int, fault: str, address: str = "") -> Row:
    shown = "".join(letter if letter.isprintable() else "\ufffd" for letter in address[:80])
    return Row(line=number, address=shown, fault=fault)


# --- writing -------------------------------------------------------------------------------------


def write(file: TextIO, rows: Iterable[Row]) -> int:
    """Write what `read` reads; returns how many rows."""
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    written = 0
    for row in rows:
        said = consent.words(row.preferences)
        said["topics"] = _joined(row.preferences.topics)
        said |= {"address": row.address, "digest": row.digest, "state": row.state}
        said["evidence"] = row.evidence
        writer.writerow([defuse(str(said.get(name, ""))) for name in COLUMNS])
        written += 1
    return written


def _joined(topics: tuple[str, ...]) -> str:
    if any(";" in topic for topic in topics):
        return "\n".join((*topics, ""))
    return "; ".join(topics)
