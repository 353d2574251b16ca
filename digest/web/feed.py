"""The Atom feed of a digest's issues. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

_ATOM = "http://www.w3.org/2005/Atom"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# What no XML document may hold, however it is written.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One issue."""

    url: str
    title: str
    updated: datetime
    papers: Sequence[str]  #: their titles


def atom(
    *, title: str, author: str, home: str, here: str, language: str, entries: Sequence[Entry]
) -> bytes:
    """A feed. Source: RFC 4287."""
    root = ET.Element("feed", {"xmlns": _ATOM, "xml:lang": language})
    _put(root, "id", here)
    _put(root, "title", title)
    # A feed without entries must have a date, too; this one is older than any.
    _put(root, "updated", _when(max((one.updated for one in entries), default=_EPOCH)))
    _put(_put(root, "author"), "name", author)
    _put(root, "link", rel="self", type="application/atom+xml", href=here)
    _put(root, "link", rel="alternate", type="text/html", href=home)
    for one in entries:
        entry = _put(root, "entry")
        _put(entry, "id", one.url)
        _put(entry, "title", one.title)
        _put(entry, "updated", _when(one.updated))
        _put(entry, "published", _when(one.updated))
        _put(entry, "link", rel="alternate", type="text/html", href=one.url)
        rows = ET.Element("ol")
        for paper in one.papers:
            _put(rows, "li", paper)
        _put(entry, "content", ET.tostring(rows, encoding="unicode"), type="html")
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _put(parent: ET.Element, name: str, text: str = "", **attributes: str) -> ET.Element:
    made = ET.SubElement(parent, name, attributes)
    made.text = _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text) or None
    return made


def _when(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
