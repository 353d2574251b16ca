"""A mail → its text, whatever it is wrapped in. Pure."""

from __future__ import annotations

import codecs
import contextlib
import html
import re
from collections.abc import Iterator
from email.message import Message

import nh3

_MAX_TEXT_BYTES = 64_000  #: of a part

_CHARSET = re.compile(
    r"(ascii|utf|iso|cp|windows|koi|gb|big5|euc|shift|mac|tis|hz|johab|kz|ptcp|hp|latin).*"
)


def body(message: Message) -> str:
    """The first text that is no attachment; HTML only where there is no other."""
    in_html = ""
    for part in _parts(message):
        kind = part.get_content_type()
        if kind not in ("text/plain", "text/html") or part.get_content_disposition() not in (
            None,
            "inline",
        ):
            continue
        words = text_of(payload(part)[:_MAX_TEXT_BYTES], str(part.get_param("charset") or "utf-8"))
        if kind == "text/html":
            in_html = in_html or _of_html(words)
        elif words.strip():
            flows = str(part.get_param("format") or "").lower() == "flowed"
            return re.sub(r"(?<!^--) \r?\n(?=[^>\s])", " ", words, flags=re.M) if flows else words
    return in_html


def _parts(message: Message) -> Iterator[Message]:
    """The parts that are no containers; not those of a mail within the mail."""
    left = [message]
    while left:
        part = left.pop(0)
        if not part.is_multipart():
            yield part
        elif part.get_content_maintype() == "multipart":
            left = [*part.get_payload(), *left]


def payload(part: Message) -> bytes:
    """What a part holds; nothing, where it holds other parts."""
    found = None if part.is_multipart() else part.get_payload(decode=True)
    return found if isinstance(found, bytes) else b""


def text_of(content: bytes, charset: str) -> str:
    """Bytes as text. Who says one charset may have written in another."""
    try:
        codec = codecs.lookup(charset.strip().strip("\"'")).name
    except (LookupError, ValueError):
        codec = "utf-8"
    # Not all that Python calls a codec is a charset, and some of the others take very long.
    trusted = codec if _CHARSET.fullmatch(codec) else "utf-8"
    is_western = trusted in ("ascii", "iso8859-1", "cp1252")
    is_whole = len(content) < _MAX_TEXT_BYTES  # or it was cut, maybe within a letter
    for name in ("utf-8", trusted) if is_western else (trusted, "utf-8"):
        with contextlib.suppress(ValueError):
            return codecs.getincrementaldecoder(name)().decode(content, is_whole)
    return content.decode("latin-1")


_TAGS = {"br", "p", "div", "li", "tr", "h1", "h2", "h3", "blockquote", "hr"}


def _of_html(words: str) -> str:
    """HTML as lines; what is quoted begins with a ">"."""
    clean = nh3.clean(
        words,
        tags=_TAGS,
        clean_content_tags={"script", "style", "title"},
        attributes={},
        link_rel=None,
    )
    said: list[str] = []
    depth = 0
    for piece in re.split(r"(</?[a-z0-9]+>)", re.sub(r"\s+", " ", clean)):
        if piece in ("<blockquote>", "</blockquote>"):
            depth += -1 if piece[1] == "/" else 1
        if piece.startswith("<"):
            said.append("\n> " if depth else "\n")
        else:
            said.append(html.unescape(piece).replace("\n", " "))
    return "".join(said)
