"""A mailbox by IMAP: each message is handed over, and marked as seen only when it was taken."""

from __future__ import annotations

import contextlib
import imaplib
import re
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Literal

from digest.errors import BadConfig, DigestError, SourceDown

TIMEOUT_S = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """Where mail is collected."""

    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    user: str
    password: str
    folder: str = "INBOX"


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What a collecting came to."""

    taken: int = 0
    problems: tuple[str, ...] = ()  #: of messages that stay unseen for the next time


def collect(
    mailbox: Mailbox, take: Callable[[bytes], object], max_bytes: int, timeout_s: float = TIMEOUT_S
) -> Collected:
    """Hand over every unseen message, oldest first, of a longer one the first `max_bytes`.

    Where `take` raises Temporary or another of our errors, the message stays unseen.

    Raises: BadConfig (no encryption, wrong password, no such folder); SourceDown
    """
    taken, problems = 0, []
    with _reached(mailbox), _open(mailbox, timeout_s) as client:
        for uid in _unseen(client):
            content = _fetched(client, uid, max_bytes)
            if content is None:  # somebody removed it meanwhile
                continue
            try:
                take(content)
            except DigestError as why:
                problems.append(f"message {uid.decode()} stays: {why}")
                continue
            # Were we to die before this line, the message comes again and is known.
            client.uid("STORE", uid.decode(), "+FLAGS.SILENT", r"(\Seen)")
            taken += 1
    return Collected(taken=taken, problems=tuple(problems))


@contextlib.contextmanager
def _reached(mailbox: Mailbox) -> Iterator[None]:
    """What is wrong on the way, in our words. The password is in none of them."""
    where = f"{mailbox.host}:{mailbox.port}"
    try:
        yield
    except ssl.SSLCertVerificationError as why:
        raise SourceDown(f"{where}: the certificate is not good: {why.verify_message}") from why
    except (OSError, EOFError, imaplib.IMAP4.error) as why:
        raise SourceDown(f"{where}: {str(why)[:200] or type(why).__name__}") from why


@contextlib.contextmanager
def _open(mailbox: Mailbox, timeout_s: float) -> Iterator[imaplib.IMAP4]:
    client = _connected(mailbox, timeout_s)
    try:
        _login(client, mailbox)
        # Opened for writing, but nothing in it is removed when we go.
        kind, said = client.select(_quoted(mailbox.folder))
        if kind != "OK":
            raise BadConfig(f"[inbox] folder: {mailbox.folder!r} cannot be opened: {_shown(said)}")
        yield client
    finally:
        with contextlib.suppress(OSError, imaplib.IMAP4.error):
            client.logout()
        # Where the server is gone, the first one leaves the socket open.
        with contextlib.suppress(OSError):
            client.shutdown()


def _connected(mailbox: Mailbox, timeout_s: float) -> imaplib.IMAP4:
    if mailbox.security == "none" and not _is_loopback(mailbox.host):
        raise BadConfig(
            '[inbox] security = "none": a password does not go over the network without'
            ' encryption; use "tls" or "starttls"'
        )
    if mailbox.security == "tls":
        context = ssl.create_default_context()
        return imaplib.IMAP4_SSL(mailbox.host, mailbox.port, ssl_context=context, timeout=timeout_s)
    client = imaplib.IMAP4(mailbox.host, mailbox.port, timeout=timeout_s)
    try:
        if mailbox.security == "starttls":
            # A server that greets as if we had logged in keeps us from encrypting.
            if client.state != "NONAUTH" or "STARTTLS" not in client.capabilities:
                raise BadConfig('[inbox] security: the server has no "starttls"; use "tls"')
            client.starttls(ssl.create_default_context())
    except BaseException:
        client.shutdown()
        raise
    return client


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _login(client: imaplib.IMAP4, mailbox: Mailbox) -> None:
    user, password = mailbox.user, mailbox.password
    try:
        if "AUTH=PLAIN" in client.capabilities:
            client.authenticate("PLAIN", lambda _: f"\0{user}\0{password}".encode())
        elif (user + password).isascii():
            client.login(_quoted(user), password)
        else:
            raise BadConfig("[inbox] user and password: this server takes only letters of ASCII")
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error as why:
        said = str(why)[:200]
        raise BadConfig(f"[inbox] the server refuses the user or the password: {said}") from why


def _quoted(words: str) -> str:
    return '"' + words.replace("\\", r"\\").replace('"', r"\"") + '"'


def _unseen(client: imaplib.IMAP4) -> list[bytes]:
    kind, found = client.uid("SEARCH", "UNSEEN", "UNDELETED")
    if kind != "OK":
        raise SourceDown(f"the mailbox cannot be searched: {_shown(found)}")
    uids = b" ".join(line for line in found if isinstance(line, bytes)).split()
    return sorted((uid for uid in uids if uid.isdigit()), key=int)


def _fetched(client: imaplib.IMAP4, uid: bytes, max_bytes: int) -> bytes | None:
    """A message, not marked by that."""
    kind, parts = client.uid("FETCH", uid.decode(), f"(UID BODY.PEEK[]<0.{max_bytes}>)")
    if kind != "OK":
        raise SourceDown(f"message {uid.decode()} cannot be read: {_shown(parts)}")
    for part in parts:
        # Servers tell of other messages in between.
        if isinstance(part, tuple) and re.search(rb"\bBODY\[\]", part[0], re.IGNORECASE):
            return bytes(part[1])
    return None


def _shown(said: list[Any]) -> str:
    return b" ".join(line for line in said if isinstance(line, bytes)).decode("ascii", "replace")[
        :200
    ]
