"""Rendered edition → mail: the bytes of one message for each reader. Pure.

What all readers of an edition share is written once, as a `Letter`; a delivery adds its own few
header lines. (Python's `EmailMessage` takes 3 ms a message, and forgets to encode the domain of an
address; so the lines are written here, and read back with it in the tests.)
"""

from __future__ import annotations

import re
from binascii import b2a_qp
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime, quote
from hashlib import sha256

import idna

from digest.errors import BadConfig, DigestError, Permanent
from digest.types import Delivery, Format, Mail, Masthead, ReaderLinks, Rendered

# Line ends of every kind, the rest of C0 and C1, and half a surrogate pair.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# Source: RFC 5322, 3.2.3 (dot-atom). Quoted local parts exist on paper only.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_ATOMS = re.compile(rf"{_ATOM}( {_ATOM})*")
_DOT_ATOM = re.compile(rf"{_ATOM}(\.{_ATOM})*")
_DOMAIN = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_SENDER = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]+)>|(?P<bare>[^<>]+)")
_URI = re.compile(r"(?:https?|mailto):[!-;=?-~]+")
_MESSAGE_ID = re.compile(r"<[!-;=?A-~]+@[!-;=?A-~]+>")
_LANGUAGE = re.compile(r"[A-Za-z0-9-]+")
# Source: RFC 5321, 4.5.3.1.
_MAX_LOCAL_PART, _MAX_ADDRESS = 64, 254
# Source: RFC 5322, 2.1.1 (78 wanted, 998 the limit); a longer word cannot be folded.
_LONGEST_WORD = 60

_PARTS: dict[Format, tuple[str, ...]] = {
    "html": ("plain", "html"),
    "markdown": ("plain", "markdown", "html"),
    "text": ("plain",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """An edition as a message that lacks only its reader."""

    sender: str  #: envelope address
    made_at: datetime  #: the issue
    list_name: str  #: the phrase before the list's id, encoded for a header
    head: bytes  #: the headers that all readers get, CRLF
    body: bytes  #: the blank line and all after it, CRLF
    #: The body in pieces, each but the last followed by the token of a placeholder.
    pieces: tuple[bytes, ...] = ()
    #: Which placeholder stands there, and before which of its letters a soft line break is.
    gaps: tuple[tuple[str, int], ...] = ()


def prepare(
    rendered: Rendered,
    masthead: Masthead,
    made_at: datetime,
    format: Format,
    language: str = "en",
    placeholders: Sequence[str] = (),
) -> Letter:
    """Write what all readers of an edition share.

    The same arguments give the same bytes. `rendered` is of an edition in this format; where one
    of the `placeholders` stands in it, each reader gets a token of hers (`ReaderLinks.tokens`).

    Raises: BadConfig (the title or the sender cannot stand in a header)
    """
    for name, value in (
        ("title", masthead.title),
        ("sender", masthead.sender),
        ("subject", rendered.subject),
    ):
        _check(name, value, BadConfig)
    if not _LANGUAGE.fullmatch(language):
        raise BadConfig(f"language {language!r} is not a language tag")
    name, sender = _sender(masthead.sender)
    content_type, body = _body(rendered, format)
    headers = (
        # The address on a line of its own: a name in encoded words may fill the whole one.
        f"From: {_phrase(name, 'From')}\r\n <{sender}>" if name else f"From: {sender}",
        f"Subject: {_folded(rendered.subject, 'Subject')}",
        "MIME-Version: 1.0",
        "Auto-Submitted: auto-generated",
        "Precedence: bulk",
        f"Content-Language: {language}",
        *content_type,
    )
    body = b"\r\n" + body
    pieces, gaps = _cut(body, placeholders)
    return Letter(
        sender=sender,
        made_at=made_at,
        list_name=_phrase(masthead.title, "List-Id"),
        head=_lines(*headers),
        body=body,
        pieces=pieces,
        gaps=gaps,
    )


def _cut(
    body: bytes, placeholders: Sequence[str]
) -> tuple[tuple[bytes, ...], tuple[tuple[str, int], ...]]:
    """A body in pieces around its placeholders; quoted-printable may have broken one in two."""
    if not placeholders:
        return (body,), ()
    patterns = ["(?:=\r\n)?".join(map(re.escape, one)) for one in placeholders]
    pieces: list[bytes] = []
    gaps: list[tuple[str, int]] = []
    end = 0
    for found in re.finditer("|".join(patterns).encode(), body):
        pieces.append(body[end : found.start()])
        first, broken, _ = found[0].partition(b"=\r\n")
        name = found[0].replace(b"=\r\n", b"").decode()
        gaps.append((name, len(first) if broken else 0))
        end = found.end()
    return (*pieces, body[end:]), tuple(gaps)


def _filled(letter: Letter, links: ReaderLinks) -> bytes:
    if not letter.gaps:
        return letter.body
    written: dict[tuple[str, int], bytes] = {}
    tokens = dict(links.tokens)
    for name, broken_at in set(letter.gaps):
        token = tokens[name]
        if len(token) != len(name):
            raise AssertionError("a token is longer or shorter than what stands for it")
        parts = (token[:broken_at], token[broken_at:]) if broken_at else (token,)
        written[name, broken_at] = "=\r\n".join(parts).encode("ascii")
    found = [letter.pieces[0]]
    for gap, piece in zip(letter.gaps, letter.pieces[1:], strict=True):
        found += (written[gap], piece)
    return b"".join(found)


def address(letter: Letter, delivery: Delivery, links: ReaderLinks) -> Mail:
    """Make a letter one reader's mail.

    Raises: Permanent (the address, message id or issue cannot stand in a header)
    """
    for name, value in (("message id", delivery.message_id), ("issue", delivery.issue)):
        _check(name, value, Permanent)
    to = _routable("address", delivery.address, Permanent)
    left, _, right = delivery.message_id.partition("@")
    if not (_DOT_ATOM.fullmatch(left) and _DOT_ATOM.fullmatch(right)):
        raise Permanent(f"message id {delivery.message_id!r} is not of the form KEY@HOST")
    digest = delivery.issue.partition("/")[0]
    if not _DOT_ATOM.fullmatch(digest):
        raise Permanent(f"issue {delivery.issue!r} is not of the form NAME/SLOT")
    host = letter.sender.rpartition("@")[2]
    own = _lines(
        f"To: {to}",
        f"Message-ID: <{delivery.message_id}>",
        # When it was sent off, not when its issue was made: a welcome may bring an old one.
        f"Date: {format_datetime(delivery.queued_at or letter.made_at)}",
        f"List-Id: {letter.list_name}\r\n <{digest}.{host}>",
        *_leaving(links),
        *_replying(links),
    )
    return Mail(
        sender=letter.sender,
        to=to,
        message_id=delivery.message_id,
        content=own + letter.head + _filled(letter, links),
    )


def _replying(links: ReaderLinks) -> Iterator[str]:
    if links.reply_to:
        yield f"Reply-To: {_routable('reply address', links.reply_to, Permanent)}"


def _leaving(links: ReaderLinks) -> Iterator[str]:
    """How to unsubscribe with one click. Source: RFC 2369, 3.2; RFC 8058, 3.1."""
    ways = [way for way in (links.unsubscribe_url, links.unsubscribe_mailto) if way]
    for way in ways:
        if not _URI.fullmatch(way):
            raise Permanent(f"the link {way!r} cannot stand in a header")
    if ways:
        yield "List-Unsubscribe: " + ",\r\n ".join(f"<{way}>" for way in ways)
    if links.unsubscribe_url:
        yield "List-Unsubscribe-Post: List-Unsubscribe=One-Click"


def notice(
    rendered: Rendered,
    to: str,
    sender: str,
    made_at: datetime,
    message_id: str,
    *,
    reply_to: str = "",
    in_reply_to: str = "",
    language: str = "en",
) -> Mail:
    """A mail to one person that is no issue. `in_reply_to` makes it an answer.

    Raises: BadConfig; Permanent
    """
    _check("subject", rendered.subject, BadConfig)
    name, from_address = _sender(sender)
    content_type, body = _body(rendered, "html")
    # Source: RFC 3834, 5: an answer to a mail is auto-replied, all else auto-generated.
    kind = "auto-replied" if in_reply_to else "auto-generated"
    headers = [
        f"To: {_routable('address', to, Permanent)}",
        f"Message-ID: <{message_id}>",
        f"From: {_phrase(name, 'From')}\r\n <{from_address}>" if name else f"From: {from_address}",
        f"Subject: {_folded(rendered.subject, 'Subject')}",
        f"Date: {format_datetime(made_at)}",
        "MIME-Version: 1.0",
        f"Auto-Submitted: {kind}",
        f"Content-Language: {language}",
    ]
    if reply_to:
        headers.append(f"Reply-To: {_routable('reply address', reply_to, BadConfig)}")
    if _MESSAGE_ID.fullmatch(in_reply_to):
        headers += [f"In-Reply-To: {in_reply_to}", f"References: {in_reply_to}"]
    return Mail(
        # Nobody answers an answer: what cannot be delivered comes back to nobody.
        sender="" if in_reply_to else from_address,
        to=_routable("address", to, Permanent),
        message_id=message_id,
        content=_lines(*headers, *content_type) + b"\r\n" + body,
    )


# --- headers -------------------------------------------------------------------------------------


def _check(name: str, value: str, error: type[DigestError]) -> None:
    if found := _CONTROL.search(value):
        raise error(f"{name} {value!r} has a control character, {found[0]!r}")


def _sender(text: str) -> tuple[str, str]:
    """Name and address of "Name <address>", or of an address alone."""
    found = _SENDER.fullmatch(text.strip())
    if not found:
        raise BadConfig(f"sender {text!r} is not of the form NAME <ADDRESS>")
    name = (found["name"] or "").strip()
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    return name, _routable("sender", found["address"] or found["bare"], BadConfig)


def _routable(name: str, text: str, error: type[DigestError]) -> str:
    """The address in ASCII, as every mail server takes it."""
    _check(name, text, error)
    local, at, domain = text.strip().rpartition("@")
    if not local.isascii():
        raise error(f"{name} {text!r}: only letters of ASCII can stand before the @")
    try:
        # Not Python's own codec: that one knows IDNA 2003 and sends mail for straße.de elsewhere.
        domain = domain if domain.isascii() else idna.encode(domain, uts46=True).decode()
    except idna.IDNAError as problem:
        raise error(f"{name} {text!r}: {problem}") from problem
    if not (at and _DOT_ATOM.fullmatch(local) and _DOMAIN.fullmatch(domain)):
        raise error(f"{name} {text!r} is not an e-mail address")
    if len(local) > _MAX_LOCAL_PART or len(local) + 1 + len(domain) > _MAX_ADDRESS:
        raise error(f"{name} {text!r} is longer than an e-mail address can be")
    return f"{local}@{domain}"


def _phrase(text: str, header: str) -> str:
    """A name before an address or a list's id."""
    if _is_plain(text):
        return text if _ATOMS.fullmatch(text) else f'"{quote(text)}"'
    return _folded(text, header)


def _folded(text: str, header: str) -> str:
    charset = "us-ascii" if _is_plain(text) else "utf-8"
    return Header(text, charset, header_name=header, maxlinelen=76).encode(linesep="\r\n")


def _is_plain(text: str) -> bool:
    # What looks like an encoded word would be decoded by who reads it.
    longest = max(map(len, text.split(" ")))
    return text.isascii() and "=?" not in text and longest <= _LONGEST_WORD


# --- body ----------------------------------------------------------------------------------------


def _body(rendered: Rendered, format: Format) -> tuple[tuple[str, ...], bytes]:
    """The Content headers of the whole, and its bytes after the blank line."""
    texts = {"plain": rendered.text, "markdown": rendered.markdown, "html": rendered.html}
    parts = [(_content_headers(kind), _quoted(texts[kind])) for kind in _PARTS[format]]
    if len(parts) == 1:
        return parts[0]
    # "=_" cannot stand in quoted-printable, so no text contains the boundary.
    boundary = "=_" + sha256(b"".join(text for _, text in parts)).hexdigest()[:32]
    written = b"".join(
        _lines(f"--{boundary}", *headers, "") + text + b"\r\n" for headers, text in parts
    )
    own = (f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"',)
    return own, written + _lines(f"--{boundary}--")


def _content_headers(kind: str) -> tuple[str, ...]:
    return (
        f"Content-Type: text/{kind}; charset=utf-8",
        "Content-Transfer-Encoding: quoted-printable",
    )


def _lines(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")


def _quoted(text: str) -> bytes:
    """Quoted-printable with CRLF: 7 bits, at most 76 columns, and legible in the outbox."""
    lines = re.sub(r"\r\n|\r|\n", "\r\n", text.rstrip() + "\n")
    return b2a_qp(lines.encode(), istext=True)
