"""A report in its parts: what people are told, and the mail that came back. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from email.message import Message
from typing import Any

from digest import arrivals
from digest.arrivals.body import payload, text_of

MAX_RECIPIENTS = 50
MAX_TEXT = 60_000  #: letters of a part
MAX_BLOCKS = 200
_MAX_PARTS = 100
ADDRESS = re.compile(r"[^\s<>@:;,()\"]{1,64}@[^\s<>@:;,()\"]{1,255}")

Fields = Mapping[str, Sequence[str]]

_ROBOT = re.compile(r"(mailer-?daemon|mdaemon|postmaster|mail-?delivery)(\+.*)?@.*", re.I)
_BELOW = re.compile(
    r"^[ \t>]*(?:-{2,}[^\n]{0,60}(?:copy of|original message|below this line|unsent message"
    r"|returned message|message header)[^\n]*|Return-Path:[^\n]*|Received:[^\n]*)$",
    re.M | re.I,
)


class Mail:
    """A report in its parts: what people are told, and the mail that came back."""

    def __init__(self, message: Message) -> None:
        self.message = message
        self.says = str(message.get_param("report-type") or "").lower()
        self.is_report = message.get_content_type() == "multipart/report"
        self.parts = list(_parts(message))
        whole = self._text()
        below = _BELOW.search(whole)
        self.human = whole[: below.start()] if below else whole
        self._below = whole[below.start() :] if below else whole

    def part(self, *kinds: str) -> Message | None:
        """The first part of one of the kinds."""
        return next((one for one in self.parts if one.get_content_type() in kinds), None)

    @property
    def subject(self) -> str:
        """As it was meant."""
        return arrivals.decoded(" ".join(arrivals.values(self.message, "subject")[:1]))

    @property
    def failed(self) -> list[str]:
        """Exim's own header; others have taken it up."""
        said = ", ".join(arrivals.values(self.message, "x-failed-recipients"))
        return ADDRESS.findall(said)[:MAX_RECIPIENTS]

    @property
    def is_from_machine(self) -> bool:
        """Does it say that a mail server wrote it?"""
        senders = arrivals.values(self.message, "from")
        sender = arrivals.one_address(senders[0]) if len(senders) == 1 else ""
        return bool(_ROBOT.fullmatch(sender)) or bool(self.failed)

    @property
    def returned(self) -> Fields:
        """The headers of the mail that came back."""
        if part := self.part("message/rfc822", "message/global", "message/global-headers"):
            held: Any = part.get_payload()
            if isinstance(held, list) and held:
                return _headers(held[0])
        if part := self.part("text/rfc822-headers"):
            return fields(raw(part))
        # Those that send no parts write it below.
        for block in re.split(r"\n[ \t]*\n", self._below[:MAX_TEXT])[:MAX_BLOCKS]:
            found = fields(block)
            if found.keys() & {"message-id", "return-path", "list-unsubscribe"}:
                return found
        return {}

    def _text(self) -> str:
        part = self.part("text/plain") or self.part("text/html")
        if part is None:  # the parts could not be told apart
            held = self.message.get_payload()
            return held[:MAX_TEXT] if isinstance(held, str) else ""
        charset = str(part.get_param("charset") or "utf-8")
        return text_of(payload(part)[:MAX_TEXT], charset).replace("\r\n", "\n")


def _parts(message: Message) -> Iterator[Message]:
    """All but containers; of a mail within the mail only that it is one."""
    left = [message]
    while left:
        part = left.pop(0)
        if part.is_multipart() and part.get_content_maintype() == "multipart":
            left = [*part.get_payload(), *left][:_MAX_PARTS]
        elif part.get_content_maintype() != "multipart":
            yield part


def raw(part: Message) -> str:
    """What a part holds, as fields; the parser takes some kinds of parts for mails."""
    held: Any = part.get_payload()
    if not isinstance(held, list):
        return text_of(payload(part)[:MAX_TEXT], "utf-8").replace("\r\n", "\n")
    said = (f"{name}: {value}\n" for one in held[:1] for name, value in one.raw_items())
    return clean("".join(said))[:MAX_TEXT]


def clean(said: str) -> str:
    """Text of the parser, in which bytes that are no ASCII are half pairs."""
    return text_of(said.encode("utf-8", "surrogateescape"), "utf-8").replace("\r\n", "\n")


def _headers(message: Message) -> Fields:
    names = {"message-id", "return-path", "list-unsubscribe", "reply-to"}
    return {name: found for name in names if (found := arrivals.values(message, name))}


def fields(block: str) -> Fields:
    """Lines "Name: value", folded or not; all that stand together or apart."""
    found: dict[str, list[str]] = {}
    for line in re.sub(r"\n[ \t]+(?=\S)", " ", block[:MAX_TEXT]).split("\n"):
        name, colon, value = line.partition(":")
        if colon and re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,60}", name.strip()):
            found.setdefault(name.strip().lower(), []).append(value.strip())
    return found
