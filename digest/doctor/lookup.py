"""Questions to name servers, with a limit of time; what there is not is empty."""

from __future__ import annotations

import re
from typing import Any

import dns.exception
import dns.resolver
import dns.reversename

from digest.errors import BadConfig, Temporary

TIMEOUT_S = 2.0  #: for a question to one server
LIFETIME_S = 5.0  #: for all tries of a question
_MOST = 50  #: records of one name that are looked at


class Names:
    """Asks the system's name servers, or one of one's own."""

    def __init__(self, nameserver: str = "") -> None:
        """`nameserver` is "HOST" or "HOST:PORT", by its IP address.

        Raises: BadConfig
        """
        self._at = _place(nameserver) if nameserver else None
        self._made: Any = None

    def texts(self, name: str) -> list[str]:
        """The TXT records of a name, each in one piece.

        Raises: Temporary when no server answers.
        """
        found = [b"".join(one.strings) for one in self._ask(name, "TXT")]
        return [one.decode("utf-8", "replace") for one in found]

    def mail_exchangers(self, name: str) -> list[str]:
        """Where mail for a domain goes, the preferred host first; "" stands for nowhere.

        Raises: Temporary
        """
        found = sorted(self._ask(name, "MX"), key=lambda one: one.preference)
        return [one.exchange.to_text(omit_final_dot=True).removesuffix(".") for one in found]

    def addresses(self, name: str) -> list[str]:
        """The IP addresses of a host.

        Raises: Temporary
        """
        return [one.address for kind in ("A", "AAAA") for one in self._ask(name, kind)]

    def hosts(self, address: str) -> list[str]:
        """The hosts that an IP address calls itself.

        Raises: Temporary
        """
        name = dns.reversename.from_address(address)
        found = self._ask(name.to_text(), "PTR")
        return [one.target.to_text(omit_final_dot=True) for one in found]

    def _ask(self, name: str, kind: str) -> list[Any]:
        resolver = self._resolver()
        try:
            answer = resolver.resolve(name, kind, search=False, lifetime=LIFETIME_S)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, OSError, UnicodeError) as why:
            said = " ".join(str(why).split())[:200]
            raise Temporary(f"{kind} of {name}: no name server gave an answer ({said})") from why
        return list(answer)[:_MOST]

    def _resolver(self) -> Any:
        if self._made is None:
            try:
                made = dns.resolver.Resolver(configure=self._at is None)
            except (dns.exception.DNSException, OSError) as why:
                raise Temporary(f"this machine has no name server configured ({why})") from why
            if self._at:
                made.nameservers, made.port = [self._at[0]], self._at[1]
            made.timeout = TIMEOUT_S
            self._made = made
        return self._made


def _place(given: str) -> tuple[str, int]:
    from ipaddress import ip_address

    bracketed = re.fullmatch(r"\[([^]]+)\](?::(\d{1,5}))?", given)
    plain = re.fullmatch(r"([^:]+)(?::(\d{1,5}))?", given)
    found = bracketed or plain
    host, port = (found[1], int(found[2] or 53)) if found else (given, 53)
    try:
        ip_address(host)
    except ValueError as why:
        raise BadConfig(
            f"--nameserver {given!r} is not an IP address with or without a port, like 9.9.9.9 or"
            " 127.0.0.1:5353"
        ) from why
    if not 0 < port < 65536:
        raise BadConfig(f"--nameserver {given!r}: there is no port {port}")
    return host, port
