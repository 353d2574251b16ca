"""Reports in words: what servers write that know no standard. Pure."""

from __future__ import annotations

import re
from dataclasses import replace

from digest import refusals
from digest.bounce.parts import MAX_RECIPIENTS, MAX_TEXT, Mail
from digest.bounce.report import Fate, Returned
from digest.bounce.standard import judged, kept

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


def told(mail: Mail) -> tuple[Returned, ...]:
    """What servers that know no standard write: Exim, qmail, old Sendmail, and others."""
    human, about = mail.human[:MAX_TEXT], f"{mail.subject}\n{mail.human[:MAX_TEXT]}"
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
    matches = list(_LINE.finditer(human))[:MAX_RECIPIENTS]
    ends = [*(one.start() for one in matches), len(human)][1:]
    for one, end in zip(matches, ends, strict=True):
        words = re.split(r"\n[ \t]*\n", human[one.end() : end].lstrip("\n"), maxsplit=1)[0]
        found.setdefault(one[1], words.strip())
    return found


def _guessed(address: str, words: str, human: str, recipients: int) -> Returned:
    told = Returned(address=address)
    found = judged(told, words)
    if found.fate is Fate.SOFT and not found.status and recipients == 1:
        found = replace(judged(told, human), words=kept(words or human))
    return found
