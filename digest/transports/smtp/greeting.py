"""From nothing to a connection that takes mail: connect, EHLO, TLS, EHLO again, AUTH."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import ssl
from dataclasses import dataclass

from digest.transports.smtp.connection import Connection, Features
from digest.transports.smtp.replies import Broken, Reply, printable
from digest.transports.smtp.servers import Server, Unusable

#: Reaching a host takes a few tries of TCP at most; answers may take longer.
_CONNECT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """What is true of all connections."""

    context: ssl.SSLContext
    ehlo_name: str
    timeout_s: float
    dot_timeout_s: float


async def connect(server: Server, manners: Manners) -> Connection:
    """A connection over which mails can go.

    Raises: Unusable.
    """
    try:
        connection = await _reach(server, manners)
    except TimeoutError as why:
        raise Unusable("it could not be reached in time") from why
    except ssl.SSLCertVerificationError as why:
        raise Unusable(_bad_certificate(why)) from why
    except OSError as why:
        raise Unusable(f"it could not be reached: {_words(why)}") from why
    except ValueError as why:  # a name that no resolver or certificate can have
        raise Unusable(f"{server.host!r} is not the name of a host") from why
    try:
        await _introduce(connection, server, manners)
    except Broken as why:
        raise Unusable(str(why)) from why
    except BaseException:
        connection.abort()
        raise
    return connection


async def _reach(server: Server, manners: Manners) -> Connection:
    loop = asyncio.get_running_loop()
    is_tls = server.security == "tls"
    async with asyncio.timeout(min(_CONNECT_S, manners.timeout_s)):
        _, connection = await loop.create_connection(
            lambda: Connection(
                server.place, timeout_s=manners.timeout_s, dot_timeout_s=manners.dot_timeout_s
            ),
            server.host,
            server.port,
            ssl=manners.context if is_tls else None,
            server_hostname=server.host if is_tls else None,
        )
    return connection


async def _introduce(connection: Connection, server: Server, manners: Manners) -> None:
    try:
        _expect(await connection.hear(), 220, "greeting")
        connection.features = await _ehlo(connection, manners)
        if server.security == "starttls":
            await _encrypt(connection, server, manners)
            connection.features = await _ehlo(connection, manners)
        if server.user:
            await _log_in(connection, server)
        if not connection.is_quiet:
            raise Unusable("it answers what nobody asked")
    except BaseException:
        connection.abort()
        raise


def _expect(reply: Reply, code: int, where: str) -> Reply:
    if reply.code != code:
        raise Unusable(f"{where}: {reply}")
    return reply


async def _ehlo(connection: Connection, manners: Manners) -> Features:
    name = manners.ehlo_name
    if not name:
        address = connection.transport.get_extra_info("sockname")[0]
        name = f"[IPv6:{address}]" if ":" in address else f"[{address}]"
    reply = _expect(await connection.ask(b"EHLO " + name.encode("ascii")), 250, "EHLO")
    return features(reply)


def features(reply: Reply) -> Features:
    """What the lines after the first of an EHLO's reply say."""
    said: dict[bytes, list[bytes]] = {}
    for line in reply.lines[1:]:
        # "AUTH=LOGIN" is how some wrote it before there was a standard.
        word, *rest = re.split(rb"[ =]+", line.strip().upper()) or [b""]
        said.setdefault(word, []).extend(rest)
    size = said.get(b"SIZE")
    most = size[0] if size else b""
    return Features(
        pipelining=b"PIPELINING" in said,
        eight_bit=b"8BITMIME" in said,
        size=None if size is None else int(most) if re.fullmatch(rb"[0-9]{1,18}", most) else 0,
        starttls=b"STARTTLS" in said,
        auth=frozenset(word.decode("ascii", "replace") for word in said.get(b"AUTH", [])),
    )


async def _encrypt(connection: Connection, server: Server, manners: Manners) -> None:
    if not connection.features.starttls:
        raise Unusable(
            "it offers no STARTTLS, and mail does not go in the clear; security ="
            ' "tls" is for servers that encrypt from the first byte (port 465)'
        )
    _expect(await connection.ask(b"STARTTLS"), 220, "STARTTLS")
    # What came in the clear behind the answer would be taken for the encrypted server's words.
    if not connection.is_quiet:
        raise Unusable("it went on in the clear after STARTTLS; somebody may have put that in")
    loop = asyncio.get_running_loop()
    try:
        transport = await loop.start_tls(
            connection.transport,
            connection,
            manners.context,
            server_hostname=server.host,
            ssl_handshake_timeout=min(_CONNECT_S, manners.timeout_s),
        )
    except ssl.SSLCertVerificationError as why:
        raise Unusable(_bad_certificate(why)) from why
    except OSError as why:
        raise Unusable(f"STARTTLS: {_words(why)}") from why
    if transport is None:
        raise Unusable("STARTTLS: the connection was lost")
    connection.is_now(transport)


async def _log_in(connection: Connection, server: Server) -> None:
    try:
        await _authenticate(connection, server)
    except Broken:
        # Without its words: they may be an echo of what we said.
        raise Unusable("it broke off, or made no sense, when it was told the password") from None


async def _authenticate(connection: Connection, server: Server) -> None:
    offered = connection.features.auth
    if "PLAIN" in offered:
        both = f"\0{server.user}\0{server.password}"
        reply = await connection.ask(b"AUTH PLAIN " + _base64(both))
    elif "LOGIN" in offered:
        reply = await connection.ask(b"AUTH LOGIN")
        for word in (server.user, server.password):
            if reply.code == 334:
                reply = await connection.ask(_base64(word))
    elif offered:
        raise Unusable(
            f"it takes no password by PLAIN or LOGIN, only by {', '.join(sorted(offered))[:100]}",
            is_final=True,
        )
    else:
        raise Unusable("it takes no passwords here; leave out the user, or try another port")
    if reply.code != 235:
        words = f"{reply.code} {_without(server, b' '.join(reply.lines))}"
        is_final = reply.code >= 500
        raise Unusable(
            f"it does not let {server.user!r} in: {words}" + "; check user and password" * is_final,
            is_final=is_final,
        )


def _without(server: Server, said: bytes) -> str:
    """Words in which a hostile or chatty server may have put the password."""
    both = f"\0{server.user}\0{server.password}"
    for secret in (_base64(both), _base64(server.password), server.password.encode()):
        said = said.replace(secret, b"...")
    return printable(said)


def _base64(text: str) -> bytes:
    return base64.b64encode(text.encode())


def _bad_certificate(why: ssl.SSLCertVerificationError) -> str:
    return (
        f"its certificate is not good: {why.verify_message}; for one of your own give ca_file"
        " its authority"
    )


def _words(why: OSError) -> str:
    # asyncio has words of its own for them, which nobody knows.
    number = why.errno or 0
    said = os.strerror(number) if number > 0 else why.strerror or str(why)
    return (said or type(why).__name__)[:200]
