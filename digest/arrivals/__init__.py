"""The bytes of a mail that came in → who says she sent it, where to, and what she wrote. Pure.

All of it is a stranger's: nothing here raises, and nothing takes long, whatever the bytes are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from hashlib import sha256

from digest import text, tokens
from digest.arrivals.body import body, payload, text_of
from digest.arrivals.own import own_lines

MAX_BYTES = 1_000_000  #: of a longer mail only the headers are read
_MAX_HEADER = 20_000  #: letters that are looked at
_MAX_PARTS = 100  #: that hold others
_MAX_BOUNDARIES = 2000
_MAX_TOKENS = 5
_MAX_FROM = 2000  #: letters
_MAX_NESTED = 5  #: comments within each other
_MAX_ID = 250
STATUS = "text/x-delivery-status"  #: as which a part that reports on a delivery is read
_TO = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "to", "cc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """What a mail says. Nothing of it is proved but what a token in it proves."""

    id: str  #: hash of the bytes
    sender: str = ""  #: the one address of From, as it is written; empty: none, several, or unclear
    tokens: tuple[str, ...] = ()  #: in the addresses it was sent to
    message_id: str = ""
    subject: str = ""
    lines: tuple[str, ...] = ()  #: what she wrote herself, from the top; "" between paragraphs
    automatic: str = ""  #: why no person sent it; empty: one may have
    report: str = ""  #: "bounce" or "complaint"
    is_large: bool = False  #: longer than what is read
    is_readable: bool = True


def read(
    content: bytes, recipients: Sequence[str] = (), envelope_sender: str | None = None
) -> Arrival:
    """Read a mail. `recipients` and `envelope_sender` are what a mail server says besides."""
    id = sha256(content[: MAX_BYTES + 1]).hexdigest()
    is_large = len(content) > MAX_BYTES
    if is_large:
        content = headers(content)
    if not is_plain(content):
        return Arrival(id=id, is_large=is_large, is_readable=False)
    try:
        return _read(id, content, recipients, envelope_sender, is_large)
    # The parser of the standard library fails on some mails in ways that nobody listed.
    except Exception:
        return Arrival(id=id, is_large=is_large, is_readable=False)


def headers(content: bytes) -> bytes:
    """What stands before the first empty line, as far as that is read."""
    head = content[: 4 * _MAX_HEADER]
    return re.split(rb"\r?\n\r?\n", head, maxsplit=1)[0] + b"\r\n\r\n"


def is_plain(content: bytes) -> bool:
    """Has a mail no more parts than can be read quickly?"""
    lower = content.lower()
    containers = lower.count(b"multipart/") + lower.count(b"message/")
    many = containers and content.count(b"\n--") > _MAX_BOUNDARIES
    return not (many or containers > _MAX_PARTS)


def parsed(content: bytes) -> Message:
    """A mail in its parts. What the parser raises is not known: whoever calls catches all."""
    # It takes each empty line of such a part for a mail's beginning, and ten thousand take long.
    as_text = re.sub(rb"(?i)message/(?:global-)?delivery-status", STATUS.encode(), content)
    return BytesParser(policy=compat32).parsebytes(as_text)


def mentions(content: bytes, address: str) -> bool:
    """Does an address stand anywhere in a mail, however that is encoded?"""
    local, _, domain = address.lower().rpartition("@")
    spellings = {f"{local}@{domain}", f"{local}@{_unicode(domain)}"}
    wanted = re.compile("|".join(rf"(?<![\w.-]){re.escape(one)}(?![\w-])" for one in spellings))
    if wanted.search(text_of(content, "utf-8").lower()):
        return True
    try:
        message = parsed(content)
        values = [decoded(_unfolded(value)) for _, value in message.raw_items()]
        texts = [text_of(payload(part), "utf-8") for part in message.walk()]
    except Exception:  # as above
        return False
    return any(wanted.search(one.lower()) for one in (*values, *texts))


def _unicode(domain: str) -> str:
    import idna

    try:
        return str(idna.decode(domain))
    except idna.IDNAError:
        return domain


def _read(
    id: str,
    content: bytes,
    recipients: Sequence[str],
    envelope_sender: str | None,
    is_large: bool,
) -> Arrival:
    message = parsed(content)
    senders = values(message, "from")
    sender = one_address(senders[0]) if len(senders) == 1 else ""
    said = " ".join(values(message, "return-path")[:1])
    # Postfix and sendmail write a name where the sender is nobody.
    empty = envelope_sender == "" or said.replace(" ", "").lower() in ("<>", "<mailer-daemon>")
    subject = text.line(decoded(" ".join(values(message, "subject")[:1])))
    found = re.fullmatch(
        r"<[!-;=?A-~]+@[!-;=?A-~]+>", " ".join(values(message, "message-id")[:1]).strip()
    )
    return Arrival(
        id=id,
        sender=sender,
        tokens=addressed(message, recipients),
        message_id=found[0] if found and len(found[0]) <= _MAX_ID else "",
        subject=subject,
        lines=own_lines(body(message)),
        automatic=_automatic(message, sender, subject, empty),
        report=_report(message, sender),
        is_large=is_large,
        is_readable=bool(message.keys()),
    )


# --- headers -------------------------------------------------------------------------------------


def values(message: Message, name: str) -> list[str]:
    """The headers of a name, each in one line."""
    found = [value for key, value in message.raw_items() if key.lower() == name]
    return [_unfolded(value) for value in found[:20]]


def _unfolded(value: object) -> str:
    raw = str(value)[:_MAX_HEADER].encode("utf-8", "surrogateescape")
    return re.sub(r"[\r\n]+[ \t]*", " ", text_of(raw, "utf-8")).strip()


def decoded(value: str) -> str:
    """A header with its encoded words read."""
    try:
        parts = decode_header(value[:2000])
    except (HeaderParseError, ValueError):
        return value
    return "".join(
        part if isinstance(part, str) else text_of(part, charset or "utf-8")
        for part, charset in parts
    )


def one_address(value: str) -> str:
    """The address of a From header that holds one.

    >>> one_address('"Doe, Jane" <jane@example.org> (at home)'), one_address("a@x.org, b@x.org")
    ('jane@example.org', '')
    """
    if len(value) > _MAX_FROM:
        return ""
    # What is quoted is a name. Where it is not, the quotation mark makes the address none.
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', '"', value)
    for _ in range(_MAX_NESTED):
        bare = re.sub(r"\([^()]*\)", " ", bare)
    # A comma within a name should have been quoted, and often is not.
    parts = [part for part in re.split(r",", bare) if "@" in part]
    if len(parts) != 1 or ";" in parts[0] or ":" in parts[0]:  # several, or a group
        return ""
    found = re.fullmatch(r"[^<>]*<([^<>\s]+)>\s*|\s*([^<>\s]+)\s*", parts[0])
    return (found[1] or found[2]) if found else ""


def addressed(message: Message, recipients: Sequence[str] = ()) -> tuple[str, ...]:
    """The tokens in the addresses that a mail was sent to."""
    said = [*recipients, *(value for name in _TO for value in values(message, name))]
    found = re.findall(rf"\+({tokens.PATTERN})@", " ".join(said).lower(), re.ASCII)
    return tuple(dict.fromkeys(found))[:_MAX_TOKENS]


# --- who sent it ---------------------------------------------------------------------------------

_ROBOTS = re.compile(
    r"mailer-daemon|mdaemon|postmaster|(no|do-?not)[-_.]?reply.*|.*[-_.]no-?reply|bounces?([-+_].*)?"
    r"|owner-.*|.*-(owner|request|bounces)|listserv|majordomo|autoreply|auto-reply"
)
_AUTOMATIC_SUBJECT = re.compile(
    r"(re: *)?(out of (the )?office|auto(matic|mated)?[- ]?(reply|response|answer)|auto:"
    r"|on vacation|vacation (reply|notice|response)|away from (my|the) (mail|office|desk|computer)"
    r"|abwesenheit|automatische antwort|r[ée]ponse automatique|respuesta autom[áa]tica"
    r"|resposta autom[áa]tica|risposta automatica|automatisch antwoord|automatiskt svar"
    r"|undeliver(able|ed)|delivery status notification|delivery (has )?fail|mail delivery"
    r"|returned mail|failure notice|read:|gelesen:)",
    re.IGNORECASE,
)


def _automatic(message: Message, sender: str, subject: str, is_empty_sender: bool) -> str:
    """Why no person sent it. Source: RFC 3834, 2, and what is in use besides."""
    names = {name.lower() for name in message.keys()}  # noqa: SIM118 - a Message is no dict
    submitted = " ".join(values(message, "auto-submitted")).partition(";")[0].strip().lower()
    precedence = " ".join(values(message, "precedence")).strip().lower()
    local = sender.rpartition("@")[0].partition("+")[0].lower()
    reasons = {
        "empty sender": is_empty_sender,
        "auto-submitted": submitted not in ("", "no"),
        "auto-response": bool(
            names & {"x-auto-response-suppress", "x-autoreply", "x-autorespond", "x-autoresponder"}
        ),
        "precedence": precedence in ("auto_reply", "bulk", "junk", "list"),
        "list": any(name.startswith("list-") for name in names),
        "report": message.get_content_type() == "multipart/report",
        "sender": bool(_ROBOTS.fullmatch(local)),
        "subject": bool(_AUTOMATIC_SUBJECT.match(subject)),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def _report(message: Message, sender: str) -> str:
    """Source: RFC 3464, 2.1; RFC 5965, 2. Older servers only tell by their name."""
    said = str(message.get_param("report-type") or "").lower()
    if message.get_content_type() == "multipart/report":
        if said == "feedback-report":
            return "complaint"
        if said == "delivery-status":
            return "bounce"
    return "bounce" if sender.lower().startswith("mailer-daemon@") else ""
