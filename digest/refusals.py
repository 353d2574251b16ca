"""What a mail server's refusal means: the words of SMTP replies and of bounces. Pure.

Whoever is wrongly taken for gone never gets a mail again, so in doubt nobody is.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

_MAX_WORDS = 2000  #: letters that are looked at
_WAIT_S = (30.0, 86_400.0)  #: no server has us come back earlier or later


class Kind(StrEnum):
    """Who or what is to blame."""

    DEAD = "dead"  #: there is no such mailbox, and never will be
    POLICY = "policy"  #: it is us, or what we write, that is not wanted
    SOFT = "soft"  #: full, busy, too large, or nobody knows


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A refusal, understood."""

    kind: Kind
    is_final: bool  #: the same mail will be refused again (5xx)
    status: str = ""  #: "5.1.1", where it was said
    wait_s: float | None = None  #: how long the server asked us to wait


def judge(code: int, words: str, status: str = "") -> Refusal:
    """Read a reply: its three digits, its words, and the enhanced status if it is not in them.

    >>> judge(550, "5.1.1 <ada@example.org>: user unknown").kind
    <Kind.DEAD: 'dead'>
    >>> judge(450, "4.7.1 Greylisted, please try again in 300 seconds").wait_s
    300.0
    """
    said = _folded(words[:_MAX_WORDS])
    status = _status(code, said, status)
    is_final = 500 <= code <= 599 or (not code and status.startswith("5"))
    kind = _kind(said, status, is_final=is_final)
    return Refusal(
        kind=kind, is_final=is_final, status=status, wait_s=None if is_final else _wait_s(said)
    )


def code_in(words: str) -> int:
    """The three digits of the reply that words tell of; 0: there are none."""
    found = re.search(r"(?:^|[\s;:(\"'>])([45][0-5]\d)(?=[\s:-])(?!-\d{3})", words[:_MAX_WORDS])
    return int(found[1]) if found else 0


def status_in(words: str) -> str:
    """The first enhanced status that words tell of; empty: there is none."""
    return _status(0, words[:_MAX_WORDS], "")


# --- the status ----------------------------------------------------------------------------------

_STATUS = re.compile(r"(?<![\w.])([245]\.\d{1,3}\.\d{1,3})(?![\w]|\.\d)")


def _status(code: int, said: str, given: str) -> str:
    """The narrowest of what is said. Source: RFC 3463, 2; x.0.0 says nothing."""
    own = _STATUS.search(given)
    if own and not own[1].endswith(".0.0"):
        return own[1]
    found = [one for one in _STATUS.findall(said) if not code or one[0] == str(code)[0]]
    narrow = [one for one in found if not one.endswith(".0.0")]
    return next(iter(narrow), own[1] if own else next(iter(found), ""))


# --- the kind ------------------------------------------------------------------------------------


def _folded(words: str) -> str:
    """Small letters without accents, and one space where there was any."""
    plain = unicodedata.normalize("NFKD", words).replace("’", "'")
    bare = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return " ".join(bare.lower().split())


def _any(*phrases: str) -> re.Pattern[str]:
    return re.compile("|".join(_folded(phrase) for phrase in phrases))


#: Names of lists of senders, which stand in links and names of hosts.
_LISTS = _any(
    r"spamhaus", r"spamcop", r"barracuda", r"\bsorbs\b", r"uceprotect", r"invaluement",
    r"\bdnsbl\b", r"\brbl\b", r"\bxbl\b", r"\bsurbl\b", r"senderscore", r"proofpoint",
)  # fmt: skip
#: What is not a server's own words: addresses, links, names of hosts, numbers of machines.
_NAMES = re.compile(r"<[^<>\s]*>|\S{0,64}@\S+|https?:\S+|\b[\w-]+(?:\.[\w-]+)*\.[a-z][\w-]+\b")
_POLICY = _any(
    r"\bspam", r"\bblock(?:ed|ing)\b", r"block ?list", r"black ?list", r"deny ?list", r"\bbanned\b",
    r"\bdmarc\b", r"\bspf\b", r"\bdkim\b", r"reputation", r"unsolicited", r"\bbulk\b", r"\bjunk\b",
    r"\bphish", r"\bvirus", r"malware", r"\bpolicy\b", r"policies", r"content (?:reject|restrict)",
    r"due to content", r"\brelay", r"authentication", r"unauthenticated", r"not authori[sz]ed",
    r"unauthori[sz]ed", r"\brdns\b", r"reverse dns", r"\bptr\b", r"client host", r"complain",
    r"sender (?:address )?(?:reject|verif|denied|unknown|not )", r"your (?:ip|domain|server|host)",
    r"bad sender", r"prohibited", r"not permitted", r"no permission", r"restricted",
    r"permission to send", r"erlaubnis", r"abgelehnt wegen", r"unerwunscht", r"indesirable",
    r"迷惑メール",
)  # fmt: skip
_FULL = _any(
    r"quota", r"(?:mail ?box|inbox|account|folder|boite|postfach|buzon|casella)\b.{0,30}\bfull\b",
    r"\bfull mail ?box", r"out of storage", r"storage (?:limit|space|exceeded)",
    r"disk (?:is )?full",
    r"insufficient (?:system )?(?:storage|disk)", r"too (?:large|big)", r"size (?:limit|exceeds)",
    r"exceeds .{0,30}size", r"postfach.{0,30}voll", r"speicherplatz", r"boite.{0,30}pleine",
    r"buzon.{0,30}lleno", r"casella.{0,30}piena", r"容量",
)  # fmt: skip
_PASSING = _any(
    r"try (?:again|later)", r"retry", r"temporar", r"timed? ?out", r"too many", r"system busy",
    r"greylist", r"graylist", r"rate (?:limit|that)", r"\bdeferred\b", r"spater erneut",
)  # fmt: skip
_UNKNOWN = _any(
    r"(?:unknown|no such|invalid|nonexistent|non-existent|bad|undefined) "
    r"(?:local )?(?:user|recipient|mail ?box|account|address(?:ee)?|local[- ]part)\b(?! format)",
    r"(?:user|recipient|mail ?box|account|address(?:ee)?)\b[^.;]{0,60}?\b(?:is |was )?"
    r"(?:unknown|not found|not known|invalid|nonexistent|non-existent|does(?: not|n't) exist"
    r"|not exist|not listed|couldn't be found|wasn't found|could not be found|not available here)",
    r"(?:does(?: not|n't)|do not) have (?:an|any|a) .{0,30}?\b(?:account|mail ?box)",
    r"no (?:mail ?box|user|account|recipient)s? (?:here )?(?:by|with|of|for) th(?:at|is) name",
    r"no mail ?box (?:here|found)", r"not our (?:customer|user)", r"nosuchuser", r"recipnotfound",
    r"recipientnotfound", r"recipient address rejected: (?:user unknown|access denied)",
    r"null ?mx", r"domain .{0,80}does not accept mail", r"not listed in domino",
    r"mail ?box (?:has )?moved", r"no longer (?:accepts|receives) mail",
    r"(?:empfanger|benutzer|postfach|adresse|mailbox|teilnehmer).{0,40}"
    r"(?:unbekannt|existiert nicht|nicht gefunden|nicht vorhanden|gibt es nicht|ungultig)",
    r"(?:unbekannte[rs]?|kein|ungultige[rs]?) (?:empfanger|benutzer|postfach|adresse)\b",
    r"(?:destinataire|utilisateur|adresse|boite).{0,30}(?:inconnue?|n'existe pas|introuvable)",
    r"(?:usuario|destinatario|buzon|cuenta|direccion).{0,30}"
    r"(?:desconocid[oa]|no existe|inexistente)",
    r"(?:utente|destinatario|casella|indirizzo).{0,30}(?:sconosciut[oa]|non esiste|inesistente)",
    r"(?:usuario|destinatario|caixa|conta).{0,30}(?:desconhecid[oa]|nao existe|inexistente)",
    r"(?:gebruiker|ontvanger|postbus).{0,30}(?:onbekend|bestaat niet)",
    r"(?:ユーザー?|宛先|受信者|アドレス|メールボックス).{0,20}(?:不明|存在しません|見つかりません)",
    r"(?:用户|收件人|邮箱|账号|帐号).{0,10}(?:不存在|未知|未找到)",
    r"(?:пользовател|получател|ящик|адрес).{0,30}(?:не найден|не существует|неизвест)",
)  # fmt: skip
_DISABLED = _any(
    r"disabled", r"inactive", r"deactivated", r"no longer", r"discontinued", r"terminated",
    r"closed", r"deleted", r"deaktiviert", r"gesperrt", r"desactive", r"inactiv",
)  # fmt: skip
_DEAD_STATUS = ("5.1.1", "5.1.3", "5.1.6", "5.1.10")
_POLICY_STATUS = ("5.1.7", "5.1.8", "5.6.", "5.7.", "4.7.")


def _kind(said: str, status: str, *, is_final: bool) -> Kind:
    bare = _NAMES.sub(" ", said)
    is_passing = bool(_PASSING.search(bare))
    if _is_policy(said, bare, status):
        return Kind.POLICY
    if not is_final or status[:1] == "4" or _FULL.search(bare) or is_passing:
        return Kind.SOFT
    return Kind.DEAD if _is_dead(bare, status) else Kind.SOFT


def _is_policy(said: str, bare: str, status: str) -> bool:
    if _LISTS.search(said) or _POLICY.search(bare):
        return True
    # Greylisting says 4.7.1, and means everybody.
    return _starts(status, _POLICY_STATUS) and not (status[0] == "4" and _PASSING.search(bare))


def _starts(status: str, some: tuple[str, ...]) -> bool:
    return any(status == one or (one.endswith(".") and status.startswith(one)) for one in some)


def _is_dead(bare: str, status: str) -> bool:
    if status in _DEAD_STATUS:
        return True
    # "Mailbox disabled" may be for a while, unless the words say more. Source: RFC 3463, 3.3.
    if status == "5.2.1":
        return bool(_DISABLED.search(bare) or _UNKNOWN.search(bare))
    # A status that says something else is believed: the host, the way there, the protocol.
    says_else = status[2:4] not in ("", "0.", "1.") and status not in ("5.4.1", "5.2.0")
    if says_else or status in ("5.1.2", "5.1.4"):
        return False
    return bool(_UNKNOWN.search(bare))


# --- how long to wait ----------------------------------------------------------------------------

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_SPAN = re.compile(
    r"(?:in|after|for|within|wait|least|about|another|next|again|retry|and)[ :=]{1,3}"
    r"(?:(\d{1,3}):(\d\d):(\d\d)"
    r"|(\d{1,6}) ?(seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d)\b"
    r"(?:(?: and|,)? (\d{1,6}) ?(seconds?|secs?|s|minutes?|mins?|m|hours?)\b)?)"
)
_LATER = re.compile(
    r"(\d{1,6}) ?(seconds?|secs?|minutes?|mins?|hours?|hrs?|days?)"
    r"(?: later| remaining| left| before)"
)
_AGAIN = re.compile(r"again|retry|later|wait|gr[ea]ylist|come back|defer|delay|throttl|rate|slow")


def _wait_s(said: str) -> float | None:
    """How long the words ask us to wait, within bounds."""
    if not _AGAIN.search(said):
        return None
    if found := _SPAN.search(said):
        hours, minutes, seconds, number, unit, more, more_unit = found.groups()
        if hours:
            asked = int(hours) * 3600 + int(minutes) * 60 + int(seconds)
        else:
            asked = int(number) * _UNITS[unit[0]]
            asked += int(more) * _UNITS[more_unit[0]] if more else 0
    elif found := _LATER.search(said):
        asked = int(found[1]) * _UNITS[found[2][0]]
    else:
        return None
    return min(max(float(asked), _WAIT_S[0]), _WAIT_S[1])
