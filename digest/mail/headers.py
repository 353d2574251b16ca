"""Values → lines of a header: checked, encoded, folded. Pure."""

from __future__ import annotations

import re
from datetime import datetime
from email.header import Header
from email.utils import format_datetime, quote
from functools import lru_cache

import idna

from digest.errors import BadConfig, DigestError

# Line ends of every kind, the rest of C0 and C1, and half a surrogate pair.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# Source: RFC 5322, 3.2.3 (dot-atom). Quoted local parts exist on paper only.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_ATOMS = re.compile(rf"{_ATOM}( {_ATOM})*")
DOT_ATOM = re.compile(rf"{_ATOM}(\.{_ATOM})*")
_LABELS = r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*"
_DOMAIN = re.compile(_LABELS)
_ADDRESS = re.compile(rf"(?P<local>{_ATOM}(\.{_ATOM})*)@{_LABELS}")
_SENDER = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]+)>|(?P<bare>[^<>]+)")
_URI = re.compile(r"(?:https?|mailto):[!-;=?-~]+")
MESSAGE_ID = re.compile(r"<[!-;=?A-~]+@[!-;=?A-~]+>")
# Source: RFC 5321, 4.5.3.1.
_MAX_LOCAL_PART, _MAX_ADDRESS = 64, 254
# Source: RFC 5322, 2.1.1 (78 wanted, 998 the limit); a longer word cannot be folded.
_LONGEST_WORD = 60


def lines(*found: str) -> bytes:
    """Lines of a mail."""
    return "".join(f"{line}\r\n" for line in found).encode("ascii")


def check(name: str, value: str, error: type[DigestError]) -> None:
    """Refuse what no header can hold."""
    if found := _CONTROL.search(value):
        raise error(f"{name} {value!r} has a control character, {found[0]!r}")


def sender(text: str) -> tuple[str, str]:
    """Name and address of "Name <address>", or of an address alone."""
    found = _SENDER.fullmatch(text.strip())
    if not found:
        raise BadConfig(f"sender {text!r} is not of the form NAME <ADDRESS>")
    name = (found["name"] or "").strip()
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    return name, routable("sender", found["address"] or found["bare"], BadConfig)


def routable(name: str, text: str, error: type[DigestError]) -> str:
    """The address in ASCII, as every mail server takes it."""
    found = _ADDRESS.fullmatch(text)
    if found and len(text) <= _MAX_ADDRESS and found.end("local") <= _MAX_LOCAL_PART:
        return text  # as nearly all are
    check(name, text, error)
    local, at, domain = text.strip().rpartition("@")
    if not local.isascii():
        raise error(f"{name} {text!r}: only letters of ASCII can stand before the @")
    try:
        # Not Python's own codec: that one knows IDNA 2003 and sends mail for straße.de elsewhere.
        domain = domain if domain.isascii() else idna.encode(domain, uts46=True).decode()
    except idna.IDNAError as problem:
        raise error(f"{name} {text!r}: {problem}") from problem
    if not (at and DOT_ATOM.fullmatch(local) and _DOMAIN.fullmatch(domain)):
        raise error(f"{name} {text!r} is not an e-mail address")
    if len(local) > _MAX_LOCAL_PART or len(local) + 1 + len(domain) > _MAX_ADDRESS:
        raise error(f"{name} {text!r} is longer than an e-mail address can be")
    return f"{local}@{domain}"


def bracketed(uris: list[str], error: type[DigestError]) -> str:
    """Addresses of the web and of mail, the best first, as RFC 2369 has them."""
    for uri in uris:
        if not _URI.fullmatch(uri):
            raise error(f"the link {uri!r} cannot stand in a header")
    return ",\r\n ".join([f"<{uri}>" for uri in uris])


def mailbox(name: str, address: str) -> str:
    """The From header's value; an address on a line of its own: the name may fill the whole one."""
    return f"{phrase(name, 'From')}\r\n <{address}>" if name else address


def phrase(text: str, header: str) -> str:
    """A name before an address or a list's id."""
    if _is_plain(text):
        return text if _ATOMS.fullmatch(text) else f'"{quote(text)}"'
    return folded(text, header)


def folded(text: str, header: str) -> str:
    """Words for people, encoded where they have to be."""
    charset = "us-ascii" if _is_plain(text) else "utf-8"
    return Header(text, charset, header_name=header, maxlinelen=76).encode(linesep="\r\n")


def _is_plain(text: str) -> bool:
    # What looks like an encoded word would be decoded by who reads it.
    longest = max(map(len, text.split(" ")))
    return text.isascii() and "=?" not in text and longest <= _LONGEST_WORD


def date(moment: datetime) -> str:
    """The Date header's value."""
    # The same moment in another zone is equal, and written otherwise.
    return _date(moment, moment.utcoffset())


@lru_cache(maxsize=256)
def _date(moment: datetime, _: object) -> str:
    return format_datetime(moment)
