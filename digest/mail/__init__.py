"""Rendered edition → mail: the bytes of one message for each reader. Pure.

What all readers of an edition share is written once, as a `Letter`; a delivery adds its own few
header lines. (Python's `EmailMessage` takes 3 ms a message, and forgets to encode the domain of an
address; so the lines are written here, and read back with it in the tests.)
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from urllib.parse import quote

from digest import dkim
from digest.errors import BadConfig, Permanent
from digest.mail import headers
from digest.mail.body import PARTS, Cut, Gap, body, cut, filled, is_fit, whole
from digest.mail.headers import DOT_ATOM, MESSAGE_ID, check, lines, routable
from digest.types import Delivery, Format, Mail, Masthead, ReaderLinks, Rendered

_LANGUAGE = re.compile(r"[A-Za-z0-9-]+")


@dataclass(frozen=True, kw_only=True)
class Letter:
    """An edition as a message that lacks only its reader."""

    sender: str  #: envelope address
    made_at: datetime  #: the issue
    list_name: str  #: the phrase before the list's id, encoded for a header
    archive: str  #: where the pages are; empty: there are none
    head: bytes  #: the headers that all readers get, CRLF
    body: Cut  #: the blank line and all after it, CRLF
    signer: dkim.Signer | None = None

    @cached_property
    def gaps(self) -> frozenset[Gap]:
        """The placeholders, each once for each place at which it is broken."""
        return frozenset(self.body.gaps)

    @cached_property
    def is_fit(self) -> bool:
        """Whoever's mail it becomes, it is `Mail.is_fit`: what is put in are letters and digits."""
        return is_fit(self.head) and is_fit(self.body.text)

    @cached_property
    def signed_body(self) -> dkim.Body:
        """The body as signatures see it."""
        first, *rest = self.body.pieces
        return dkim.Body([first[2:], *rest])  # the blank line is none of it

    @cached_property
    def issues(self) -> dict[str, tuple[bytes, dkim.Shared | None]]:
        """Issue → the headers that all its readers get, and their hash; as they are asked for."""
        return {}


@dataclass(frozen=True, slots=True)
class Unsealed:
    """One reader's mail, but for the signature."""

    sender: str
    to: str
    message_id: str
    parts: list[bytes]
    is_fit: bool
    signer: dkim.Signer | None = None
    unsigned: dkim.Unsigned | None = None

    def seal(self) -> Mail:
        """The mail as it goes out. Other threads run while it is signed."""
        seal = []
        if self.signer and self.unsigned:
            seal.append(self.unsigned.finish(self.signer.seal(self.unsigned.digest)))
        return Mail(
            sender=self.sender,
            to=self.to,
            message_id=self.message_id,
            content=b"".join(seal + self.parts),
            is_fit=self.is_fit,
        )


def prepare(
    rendered: Rendered,
    masthead: Masthead,
    made_at: datetime,
    format: Format,
    language: str = "en",
    placeholders: Sequence[str] = (),
    signer: dkim.Signer | None = None,
) -> Letter:
    """Write what all readers of an edition share.

    The same arguments give the same bytes. `rendered` is of an edition in this format; where one
    of the `placeholders` stands in it, each reader gets a token of hers (`ReaderLinks.tokens`).

    Raises: BadConfig (the title or the sender cannot stand in a header); MailTooLarge
    """
    texts = {"plain": rendered.text, "markdown": rendered.markdown, "html": rendered.html}
    parts = [cut(whole(texts[kind]), placeholders) for kind in PARTS[format]]
    return letter(parts, rendered.subject, masthead, made_at, format, language, signer)


def letter(
    parts: Sequence[Cut],
    subject: str,
    masthead: Masthead,
    made_at: datetime,
    format: Format,
    language: str = "en",
    signer: dkim.Signer | None = None,
) -> Letter:
    """The same from the parts that the format has, encoded and cut."""
    for name, value in (
        ("title", masthead.title),
        ("sender", masthead.sender),
        ("subject", subject),
    ):
        check(name, value, BadConfig)
    if not _LANGUAGE.fullmatch(language):
        raise BadConfig(f"language {language!r} is not a language tag")
    name, sender = headers.sender(masthead.sender)
    content_type, written = body(parts, format)
    help = [f"mailto:{masthead.inbox}?subject=help"] if masthead.inbox else []
    help += [f"{masthead.base_url.rstrip('/')}/"] if masthead.base_url else []
    owner = [f"mailto:{masthead.contact}"] if masthead.contact else []
    head = [
        f"From: {headers.mailbox(name, sender)}",
        f"Subject: {headers.folded(subject, 'Subject')}",
        "MIME-Version: 1.0",
        "Auto-Submitted: auto-generated",
        "Precedence: bulk",
        # Source: RFC 2369, 3.4: nobody but us writes to the list.
        "List-Post: NO",
        *(
            f"{field}: {headers.bracketed(ways, BadConfig)}"
            for field, ways in (("List-Help", help), ("List-Owner", owner))
            if ways
        ),
        f"Content-Language: {language}",
        *content_type,
    ]
    return Letter(
        sender=sender,
        made_at=made_at,
        list_name=headers.phrase(masthead.title, "List-Id"),
        archive=masthead.base_url.rstrip("/"),
        head=lines(*head),
        body=written,
        signer=signer,
    )


def address(letter: Letter, delivery: Delivery, links: ReaderLinks) -> Mail:
    """Make a letter one reader's mail.

    Raises: Permanent (the address, message id or issue cannot stand in a header)
    """
    return unsealed(letter, delivery, links).seal()


def unsealed(letter: Letter, delivery: Delivery, links: ReaderLinks) -> Unsealed:
    """The same but for the signature.

    Raises: Permanent
    """
    to = routable("address", delivery.address, Permanent)
    message_id = delivery.message_id
    if not MESSAGE_ID.fullmatch(f"<{message_id}>") or not _is_message_id(message_id):
        check("message id", message_id, Permanent)
        raise Permanent(f"message id {message_id!r} is not of the form KEY@HOST")
    shared, hashed = _of_issue(letter, delivery.issue)
    # When it was sent off, not when its issue was made: a welcome may bring an old one.
    at = headers.date(delivery.queued_at or letter.made_at)
    own = f"To: {to}\r\nMessage-ID: <{message_id}>\r\nDate: {at}\r\n"
    # How to unsubscribe with one click. Source: RFC 2369, 3.2; RFC 8058, 3.1.
    ways = [way for way in (links.unsubscribe_url, links.unsubscribe_mailto) if way]
    if ways:
        own += f"List-Unsubscribe: {headers.bracketed(ways, Permanent)}\r\n"
    if links.reply_to:
        own += f"Reply-To: {routable('reply address', links.reply_to, Permanent)}\r\n"
    one_click = _ONE_CLICK if links.unsubscribe_url else b""
    sender = letter.sender
    if links.return_path:
        sender = routable("return path", links.return_path, Permanent)
    between = filled(letter.body, letter.gaps, dict(links.tokens)) if letter.gaps else []
    mine = own.encode("ascii")
    parts = [mine, one_click, shared]
    pieces = [b""] * (2 * len(between) + 1)
    pieces[::2], pieces[1::2] = letter.body.pieces, between
    parts += pieces
    if not (letter.signer and hashed):
        return Unsealed(sender, to, message_id, parts, letter.is_fit)
    unsigned = letter.signer.unsigned(
        hashed, dkim.relaxed(mine + one_click), letter.signed_body.hash(between)
    )
    return Unsealed(sender, to, message_id, parts, letter.is_fit, letter.signer, unsigned)


_ONE_CLICK = b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"


def _is_message_id(text: str) -> bool:
    left, _, right = text.partition("@")
    return bool(DOT_ATOM.fullmatch(left) and DOT_ATOM.fullmatch(right))


def _of_issue(letter: Letter, issue: str) -> tuple[bytes, dkim.Shared | None]:
    if found := letter.issues.get(issue):
        return found
    check("issue", issue, Permanent)
    digest, _, slot = issue.partition("/")
    if not DOT_ATOM.fullmatch(digest):
        raise Permanent(f"issue {issue!r} is not of the form NAME/SLOT")
    host = letter.sender.rpartition("@")[2]
    own = [
        f"List-Id: {letter.list_name}\r\n <{digest}.{host}>",
        # By which Gmail groups complaints; its parts cannot hold a colon.
        f"Feedback-ID: {re.sub('[^A-Za-z0-9.-]', '', slot)}:{digest}:issue:{_sender_id(host)}",
    ]
    if letter.archive:
        archive = f"{letter.archive}/{quote(digest)}/"
        own.append(f"List-Archive: {headers.bracketed([archive], Permanent)}")
    written = lines(*own) + letter.head
    shared = letter.signer.shared(dkim.relaxed(written)) if letter.signer else None
    letter.issues[issue] = written, shared
    return written, shared


def _sender_id(host: str) -> str:
    """The same for a domain for ever, 10 letters."""
    return base64.b32encode(sha256(host.lower().encode()).digest())[:10].decode().lower()


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
    return_path: str = "",
    signer: dkim.Signer | None = None,
) -> Mail:
    """A mail to one person that is no issue. `in_reply_to` makes it an answer.

    Raises: BadConfig; Permanent
    """
    check("subject", rendered.subject, BadConfig)
    name, from_address = headers.sender(sender)
    content_type, written = body([cut(whole(rendered.text)), cut(whole(rendered.html))], "html")
    # Source: RFC 3834, 5: an answer to a mail is auto-replied, all else auto-generated.
    kind = "auto-replied" if in_reply_to else "auto-generated"
    to = routable("address", to, Permanent)
    head = [
        f"To: {to}",
        f"Message-ID: <{message_id}>",
        f"From: {headers.mailbox(name, from_address)}",
        f"Subject: {headers.folded(rendered.subject, 'Subject')}",
        f"Date: {headers.date(made_at)}",
        "MIME-Version: 1.0",
        f"Auto-Submitted: {kind}",
        f"Content-Language: {language}",
    ]
    if reply_to:
        head.append(f"Reply-To: {routable('reply address', reply_to, BadConfig)}")
    if MESSAGE_ID.fullmatch(in_reply_to):
        head += [f"In-Reply-To: {in_reply_to}", f"References: {in_reply_to}"]
    content = lines(*head, *content_type) + written.text
    back = routable("return path", return_path, BadConfig) if return_path else from_address
    mail = Mail(
        # Nobody answers an answer: what cannot be delivered comes back to nobody.
        sender="" if in_reply_to else back,
        to=to,
        message_id=message_id,
        content=content,
    )
    return replace(mail, content=signer.sign(content) + content) if signer else mail
