"""The bytes of a report → what became of which mail; and what follows from it. Pure.

Anybody can write a report, so nothing follows from an address in one: whoever asks for a delivery
needs a token or a Message-ID, which only who got the mail can know.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from enum import StrEnum
from typing import Literal

from digest import arrivals, refusals, text, tokens
from digest.arrivals.body import payload, text_of
from digest.refusals import Kind
from digest.types import Suppression

MAX_BYTES = 300_000  #: what stands further down of a report is not read
SOFT_DAYS, SOFT_WITHIN_DAYS = 5, 90  #: days with a soft bounce that end it, within so many
_MAX_TEXT = 60_000  #: letters of a part
_MAX_BLOCKS, _MAX_RECIPIENTS, _MAX_PARTS = 200, 50, 100
_MAX_WORDS = 300  #: letters that are kept of what a server said
_MAX_TOKENS = 10

_Fields = Mapping[str, Sequence[str]]


class Fate(StrEnum):
    """What a report says of one recipient."""

    HARD = "hard"  #: the mailbox is not there
    SOFT = "soft"  #: it did not arrive this time
    POLICY = "policy"  #: it is us, or what we write, that is not wanted
    DELAYED = "delayed"  #: they are still at it
    COMPLAINT = "complaint"  #: she says that it is spam
    OPT_OUT = "opt-out"  #: she wants no more of it
    NOTHING = "nothing"  #: it arrived, or nothing follows


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """One recipient of a report. Only its words are; who she is they may not know."""

    address: str  #: where it ended; empty: taken out, or not said
    original: str = ""  #: where it was sent to, if they say so
    action: str = ""
    fate: Fate = Fate.NOTHING
    status: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a mail reports."""

    kind: Literal["bounce", "complaint", "other"] = "other"
    recipients: tuple[Returned, ...] = ()
    tokens: tuple[str, ...] = ()  #: in the addresses it was sent to, then in the returned mail
    message_ids: tuple[str, ...] = ()  #: of the returned mail, without brackets


def read(content: bytes, recipients: Sequence[str] = ()) -> Report:
    """Read a mail. `recipients` are what a mail server says besides of whom it was sent to."""
    content = content[:MAX_BYTES]
    if not arrivals.is_plain(content):
        return Report()
    try:
        return _read(BytesParser(policy=compat32).parsebytes(content), recipients)
    # The parser of the standard library fails on some mails in ways that nobody listed.
    except Exception:
        return Report()


def _read(message: Message, recipients: Sequence[str]) -> Report:
    mail = _Mail(message)
    if mail.is_report and (said := mail.part("message/feedback-report")):
        report = Report(kind="complaint", recipients=_complaint(_fields(_raw(said))))
    elif mail.is_report and (blocks := _recipient_blocks(mail)):
        report = Report(kind="bounce", recipients=_failures(blocks, mail.human))
    elif mail.is_report and mail.says == "delivery-status":
        report = Report(kind="bounce")
    elif mail.is_from_machine:
        report = Report(kind="bounce", recipients=_told(mail))
    else:
        return Report()
    returned = mail.returned
    about = arrivals.values(message, "in-reply-to") + arrivals.values(message, "references")
    ids = [*returned.get("message-id", ()), *(about if report.kind == "bounce" else ())]
    own = arrivals.addressed(message, recipients)
    return replace(report, tokens=_tokens(own, returned), message_ids=_ids(ids))


# --- the mail and its parts ----------------------------------------------------------------------

_ROBOT = re.compile(r"(mailer-?daemon|mdaemon|postmaster|mail-?delivery)(\+.*)?@.*", re.I)
_BELOW = re.compile(
    r"^[ \t>]*(?:-{2,}[^\n]{0,60}(?:copy of|original message|below this line|unsent message"
    r"|returned message|message header)[^\n]*|Return-Path:[^\n]*|Received:[^\n]*)$",
    re.M | re.I,
)


class _Mail:
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
        return next((one for one in self.parts if one.get_content_type() in kinds), None)

    @property
    def subject(self) -> str:
        return arrivals.decoded(" ".join(arrivals.values(self.message, "subject")[:1]))

    @property
    def failed(self) -> list[str]:
        """Exim's own header; others have taken it up."""
        said = ", ".join(arrivals.values(self.message, "x-failed-recipients"))
        return _ADDRESS.findall(said)[:_MAX_RECIPIENTS]

    @property
    def is_from_machine(self) -> bool:
        senders = arrivals.values(self.message, "from")
        sender = arrivals.one_address(senders[0]) if len(senders) == 1 else ""
        return bool(_ROBOT.fullmatch(sender)) or bool(self.failed)

    @property
    def returned(self) -> _Fields:
        """The headers of the mail that came back."""
        if part := self.part("message/rfc822", "message/global", "message/global-headers"):
            held = part.get_payload()
            if isinstance(held, list) and held:
                return _headers(held[0])
        if part := self.part("text/rfc822-headers"):
            return _fields(_raw(part))
        # Those that send no parts write it below.
        for block in re.split(r"\n[ \t]*\n", self._below[:_MAX_TEXT])[:_MAX_BLOCKS]:
            found = _fields(block)
            if found.keys() & {"message-id", "return-path", "list-unsubscribe"}:
                return found
        return {}

    def _text(self) -> str:
        part = self.part("text/plain") or self.part("text/html")
        if part is None:  # the parts could not be told apart
            held = self.message.get_payload()
            return held[:_MAX_TEXT] if isinstance(held, str) else ""
        charset = str(part.get_param("charset") or "utf-8")
        return text_of(payload(part)[:_MAX_TEXT], charset).replace("\r\n", "\n")


def _parts(message: Message) -> Iterator[Message]:
    """All but containers; of a mail within the mail only that it is one."""
    left = [message]
    while left:
        part = left.pop(0)
        if part.is_multipart() and part.get_content_maintype() == "multipart":
            left = [*part.get_payload(), *left][:_MAX_PARTS]
        elif part.get_content_maintype() != "multipart":
            yield part


def _raw(part: Message) -> str:
    """What a part holds, as fields; the parser takes some kinds of parts for mails."""
    held = part.get_payload()
    if not isinstance(held, list):
        return text_of(payload(part)[:_MAX_TEXT], "utf-8").replace("\r\n", "\n")
    said: list[str] = []
    for one in held[:_MAX_BLOCKS]:
        heads = "".join(f"{name}: {value}\n" for name, value in one.raw_items())
        rest = one.get_payload()
        said.append(heads + (f"\n{rest}" if isinstance(rest, str) and rest.strip() else ""))
    found = _clean("\n\n".join(said))[:_MAX_TEXT]
    if str(part.get("content-transfer-encoding", "")).strip().lower() == "base64":
        try:
            return text_of(base64.b64decode("".join(found.split())), "utf-8").replace("\r\n", "\n")
        except (binascii.Error, ValueError):
            return found
    return found


def _clean(said: str) -> str:
    """Text of the parser, in which bytes that are no ASCII are half pairs."""
    return text_of(said.encode("utf-8", "surrogateescape"), "utf-8").replace("\r\n", "\n")


def _headers(message: Message) -> _Fields:
    names = {"message-id", "return-path", "list-unsubscribe", "reply-to"}
    return {name: found for name in names if (found := arrivals.values(message, name))}


def _fields(block: str) -> _Fields:
    """Lines "Name: value", folded or not; all that stand together or apart."""
    found: dict[str, list[str]] = {}
    for line in re.sub(r"\n[ \t]+(?=\S)", " ", block[:_MAX_TEXT]).split("\n"):
        name, colon, value = line.partition(":")
        if colon and re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,60}", name.strip()):
            found.setdefault(name.strip().lower(), []).append(value.strip())
    return found


# --- what leads to the delivery ------------------------------------------------------------------


def _tokens(own: Sequence[str], returned: _Fields) -> tuple[str, ...]:
    said = " ".join(
        value
        for name in ("return-path", "list-unsubscribe", "reply-to")
        for value in returned.get(name, ())
    )
    found = re.findall(rf"[+/]({tokens.PATTERN})(?![a-z2-7])", said.lower(), re.ASCII)
    return tuple(dict.fromkeys([*own, *found]))[:_MAX_TOKENS]


def _ids(values: Sequence[str]) -> tuple[str, ...]:
    found = re.findall(r"<?([!-;=?A-~]{1,120}@[!-;=?A-~]{1,120})>?", " ".join(values)[:2000])
    return tuple(dict.fromkeys(found))[:_MAX_TOKENS]


# --- reports as the standards have them ----------------------------------------------------------

_ADDRESS = re.compile(r"[^\s<>@:;,()\"]{1,64}@[^\s<>@:;,()\"]{1,255}")
_COMPLAINTS = {"abuse": Fate.COMPLAINT, "fraud": Fate.COMPLAINT, "opt-out": Fate.OPT_OUT}


def _complaint(fields: _Fields) -> tuple[Returned, ...]:
    """Source: RFC 5965, 3. What a filter found (virus, auth-failure) is no reader's word."""
    said = " ".join(fields.get("feedback-type", ())).lower()
    kind = next(iter(re.findall(r"[a-z-]+", said)), "")
    whom = [_address(one) for one in fields.get("original-rcpt-to", ())[:_MAX_RECIPIENTS]] or [""]
    fate = _COMPLAINTS.get(kind, Fate.NOTHING)
    return tuple(Returned(address=one, action=kind, fate=fate, words=kind) for one in whom)


def _recipient_blocks(mail: _Mail) -> list[_Fields]:
    """Source: RFC 3464, 2.1: a block about the mail, then one for each recipient."""
    part = mail.part("message/delivery-status", "message/global-delivery-status")
    if part:
        said = _raw(part)
    elif mail.says == "delivery-status":
        held = mail.message.get_payload()  # a boundary that is not the one announced
        said = _clean(held) if isinstance(held, str) else ""
    else:
        return []
    blocks = [_fields(one) for one in re.split(r"\n[ \t]*\n", said)[:_MAX_BLOCKS]]
    names = {"final-recipient", "original-recipient"}
    return [one for one in blocks if one.keys() & names][:_MAX_RECIPIENTS]


def _failures(blocks: Sequence[_Fields], human: str) -> tuple[Returned, ...]:
    is_only = len(blocks) == 1
    return tuple(_failure(one, human if is_only else "") for one in blocks)


def _failure(fields: _Fields, human: str) -> Returned:
    def said(name: str) -> str:
        return " ".join(fields.get(name, ())[:1])

    original = _address(said("original-recipient"))
    address = _address(said("final-recipient")) or original
    words = said("diagnostic-code").partition(";")[2].strip() or said("diagnostic-code")
    status = next(iter(re.findall(r"[245]\.\d{1,3}\.\d{1,3}", said("status"))), "")
    action = next(iter(re.findall(r"[a-z]+", said("action").lower())), "")
    if not action and status.startswith("5"):
        action = "failed"
    told = Returned(address=address, original=original, action=action, status=status)
    if action == "failed":
        is_vague = not status or status.endswith(".0.0")
        return _judged(told, words or (human if is_vague else ""), status)
    fate = Fate.DELAYED if action == "delayed" else Fate.NOTHING
    return replace(told, fate=fate, words=_kept(words))


_FATES = {Kind.DEAD: Fate.HARD, Kind.POLICY: Fate.POLICY, Kind.SOFT: Fate.SOFT}


def _judged(told: Returned, words: str, status: str = "") -> Returned:
    # Without a code the status says whether they gave up; without either they did.
    code = refusals.code_in(words) or (0 if status or refusals.status_in(words) else 500)
    found = refusals.judge(code, words, status)
    return replace(
        told,
        action="failed",
        fate=_FATES[found.kind],
        status=found.status or status,
        words=_kept(words),
    )


def _kept(words: str) -> str:
    return text.line(words[: 4 * _MAX_WORDS])[:_MAX_WORDS]


def _address(said: str) -> str:
    found = _ADDRESS.search(said[:2000].partition(";")[2] or said[:2000])
    return found[0] if found else ""


# --- reports in words ----------------------------------------------------------------------------

_LINE = re.compile(
    r"^[ \t]*<?([^\s<>@:;,()\"]{1,64}@[^\s<>@:;,()\"]{1,255})>?(?:[ \t]*$|[ \t]*:|[ \t]*(?=\())",
    re.M,
)
_DELAYED = re.compile(
    r"has not yet been delivered|delivery (?:is |has been )?delayed|\bmessage \S+ delayed"
    r"|will keep trying|still undelivered|warning message only|could not send message for past",
    re.I,
)
_FAILED = re.compile(
    r"could ?n[o']t be delivered|could not be delivered|(?:un|not )able to deliver|undeliver"
    r"|delivery (?:has )?fail|mail delivery failed|returned mail|failure notice|not be delivered"
    r"|wasn'?t able to deliver|nicht zugestellt|unzustellbar|pas pu [eê]tre|no se pudo entregar"
    r"|no entregado|não foi entregue|non recapitat|配信(?:に失敗|不能)|配信できません|fatal errors",
    re.I,
)


def _told(mail: _Mail) -> tuple[Returned, ...]:
    """What servers that know no standard write: Exim, qmail, old Sendmail, and others."""
    human, about = mail.human[:_MAX_TEXT], f"{mail.subject}\n{mail.human[:_MAX_TEXT]}"
    found = _segments(human)
    known = {address.lower() for address in found}
    found |= {one: "" for one in mail.failed if one.lower() not in known}
    if _DELAYED.search(about):
        return tuple(_delayed(address, words or human) for address, words in found.items())
    if not (_FAILED.search(about) or refusals.code_in(human)):
        return ()
    return tuple(_guessed(one, words, human, len(found)) for one, words in found.items())


def _delayed(address: str, words: str) -> Returned:
    status = refusals.judge(400, words).status
    return Returned(address=address, action="delayed", fate=Fate.DELAYED, status=status)


def _segments(human: str) -> dict[str, str]:
    """Address → what stands behind and below it, until the next or an empty line."""
    found: dict[str, str] = {}
    matches = list(_LINE.finditer(human))[:_MAX_RECIPIENTS]
    ends = [*(one.start() for one in matches), len(human)][1:]
    for one, end in zip(matches, ends, strict=True):
        words = re.split(r"\n[ \t]*\n", human[one.end() : end].lstrip("\n"), maxsplit=1)[0]
        found.setdefault(one[1], words.strip())
    return found


def _guessed(address: str, words: str, human: str, recipients: int) -> Returned:
    told = Returned(address=address)
    found = _judged(told, words)
    if found.fate is Fate.SOFT and not found.status and recipients == 1:
        found = replace(_judged(told, human), words=_kept(words or human))
    return found


# --- what follows --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is done about a delivery that a report tells of."""

    has_failed: bool = False  #: it did not arrive, so its papers are owed again
    counts: bool = False  #: a day with a soft bounce
    suppress: Suppression | None = None
    leaves: Literal["", "digest", "all"] = ""


def decide(fate: Fate, soft_days: int = 0) -> Decision:
    """What follows; `soft_days` are the days with a soft bounce of late, this one included."""
    if fate is Fate.HARD:
        return Decision(has_failed=True, suppress=Suppression.BOUNCE)
    if fate is Fate.SOFT:
        is_enough = soft_days >= SOFT_DAYS
        return Decision(
            has_failed=True, counts=True, suppress=Suppression.BOUNCE if is_enough else None
        )
    if fate is Fate.POLICY:
        return Decision(has_failed=True)
    if fate is Fate.COMPLAINT:
        return Decision(suppress=Suppression.COMPLAINT, leaves="all")
    return Decision(leaves="digest") if fate is Fate.OPT_OUT else Decision()


def about(report: Report, address: str) -> Returned | None:
    """What a report says of the one whom its mail was sent to.

    One recipient is she, whatever the address: her mail may be passed on. Of several it is the
    one with her address; where that is none of them, only what is true of all.
    """
    mine = [
        one
        for one in report.recipients
        if address.lower() in (one.address.lower(), one.original.lower())
    ]
    some = mine or list(report.recipients)
    return some[0] if len({one.fate for one in some}) == 1 else None
