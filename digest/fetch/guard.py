"""Which URLs may be asked for and which addresses connected to: no private ones, unless listed.

A name is looked up once for each connection, and the connection goes to the address that was
checked: a name that answers differently a moment later ("DNS rebinding") gains nothing.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from ipaddress import IPv6Address, IPv6Network, ip_address
from threading import Thread

import httpx

from digest.errors import AddressRefused, Misuse

Resolve = Callable[[str, int], Sequence[str]]

# Source: IANA's IPv6 address space: nothing outside 2000::/3 is unicast on the public network.
# That leaves out the IPv4-mapped and -compatible ones, NAT64 (64:ff9b::/96) and multicast.
_UNICAST = IPv6Network("2000::/3")
_DOCUMENTATION = IPv6Network("3fff::/20")  # RFC 9637; Python 3.11 takes it for public


def is_public(text: str) -> bool:
    """Whether an address, as text, is one of the public network and of nothing behind it.

    6to4 and Teredo addresses lead to an IPv4 address inside them, and count as not public.

    >>> [is_public(a) for a in ("151.101.3.42", "2a04:4e42::810")]
    [True, True]
    >>> [is_public(a) for a in ("10.0.0.1", "169.254.169.254", "100.64.0.1", "224.0.0.1", "0")]
    [False, False, False, False, False]
    >>> [is_public(a) for a in ("::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:a00:1::")]
    [False, False, False, False]
    """
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        is_tunnel = address.sixtofour is not None or address.teredo is not None
        if is_tunnel or address not in _UNICAST or address in _DOCUMENTATION:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses that the system's resolver knows for a host, the preferred one first.

    Raises: OSError, or UnicodeError for a name that cannot be one.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(row[4][0]) for row in found))


def parsed_url(text: str, base: httpx.URL | None = None) -> httpx.URL:
    """The URL, joined to `base` where there is one, if it is one that may be asked for.

    Raises: ValueError, with a reason that never repeats a password.
    """
    if not text.isprintable():
        raise ValueError("the URL holds control characters")
    try:
        url = base.join(text) if base else httpx.URL(text)
    except (httpx.InvalidURL, ValueError) as error:
        raise ValueError("the URL cannot be read") from error
    if url.scheme not in ("http", "https"):
        raise ValueError("the URL is not http or https")
    if url.userinfo:
        raise ValueError("the URL holds a user name or password")
    # httpx escapes what cannot be in a name, such as a bracket that is never closed.
    if not url.host or "%" in url.host or not 0 < (url.port or 80) < 65_536:
        raise ValueError("the URL names no host or port that there could be")
    return url


class Guard:
    """Knows the addresses of hosts, and which of them may be connected to.

    `allow_hosts` are names or addresses, each with or without a port, that may be private.
    """

    def __init__(self, allow_hosts: Collection[str], resolve: Resolve = resolve) -> None:
        self._allowed = frozenset(_host_and_port(entry) for entry in allow_hosts)
        self._resolve = resolve

    def addresses(self, host: str, port: int, timeout_s: float) -> Sequence[str]:
        """The host's addresses, all of them checked.

        Raises: AddressRefused where one is not public and the host is not listed; OSError or
        ValueError where the host has none, TimeoutError where that takes too long.
        """
        found = self._looked_up(host, port, timeout_s)
        if not found:
            raise OSError("the name has no address")
        if self._allowed.isdisjoint({(host, None), (host, port)}):
            for address in found:
                if not is_public(address):
                    raise AddressRefused(
                        f"{host} has the address {address}, which is not public; if it is yours, "
                        f'add "{host}" to allow_hosts under [fetch] in digest.toml'
                    )
        return found

    def _looked_up(self, host: str, port: int, timeout_s: float) -> Sequence[str]:
        # The system's resolver cannot be told how long to take, so it is left alone in a thread.
        future: Future[Sequence[str]] = Future()

        def look_up() -> None:
            try:
                future.set_result(self._resolve(host, port))
            except Exception as error:  # it is raised in the thread that asked
                future.set_exception(error)

        Thread(target=look_up, name=f"resolve {host}", daemon=True).start()
        return future.result(timeout_s)


def _host_and_port(entry: str) -> tuple[str, int | None]:
    """The parts of HOST, HOST:PORT, V6 or [V6]:PORT; the host as a parsed URL has it."""
    is_bare_v6 = entry.count(":") > 1 and not entry.startswith("[")
    try:
        # A scheme without a port of its own, or ":80" would be taken for superfluous.
        url = httpx.URL(f"any://[{entry}]" if is_bare_v6 else f"any://{entry}")
    except httpx.InvalidURL:
        url = httpx.URL("")
    if not url.host or url.userinfo or url.raw_path not in (b"", b"/") or url.fragment:
        raise Misuse(
            f"allow_hosts under [fetch] in digest.toml holds {entry!r}; write HOST or HOST:PORT"
        )
    return url.raw_host.decode("ascii"), url.port
