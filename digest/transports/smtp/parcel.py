"""A mail as it goes over the wire: checked, dot-stuffed, with its commands. Pure."""

from __future__ import annotations

from digest.errors import Permanent
from digest.transports.envelope import address, check
from digest.types import Mail

#: Source: RFC 5321, 4.5.3.1.4, with the CRLF.
MAX_COMMAND = 512


class Parcel:
    """One mail on its way. `is_ready` is kept from one try to the next: it is asked once only."""

    __slots__ = ("body", "is_7bit", "is_ready", "mail", "mail_from", "rcpt_to", "size")

    def __init__(self, mail: Mail) -> None:
        """Raises: Refused, Permanent where no server could take it."""
        self.mail = mail
        self.mail_from = b"MAIL FROM:<" + address("sender", mail.sender) + b">"
        self.rcpt_to = b"RCPT TO:<" + address("recipient", mail.to, may_be_empty=False) + b">\r\n"
        # What many mails share was looked at once, when it was made.
        self.body = (mail.content if mail.is_fit else stuffed(mail.content)) + b".\r\n"
        self.size = len(mail.content)
        self.is_7bit = mail.is_fit or mail.content.isascii()
        self.is_ready = False
        if len(self.rcpt_to) > MAX_COMMAND:
            raise Permanent(f"the recipient {mail.to[:80]!r}… is too long for a mail server")

    def commands(self, *, has_size: bool) -> tuple[bytes, bytes, bytes]:
        """MAIL, RCPT and DATA, each with its line end."""
        first = self.mail_from
        if has_size:
            first += b" SIZE=%d" % self.size
        if not self.is_7bit:
            first += b" BODY=8BITMIME"
        if len(first) + 2 > MAX_COMMAND:
            raise Permanent(f"the sender {self.mail.sender[:80]!r}… is too long for a mail server")
        return first + b"\r\n", self.rcpt_to, b"DATA\r\n"


def stuffed(content: bytes) -> bytes:
    r"""Content with a second dot before each that begins a line. Source: RFC 5321, 4.5.2.

    >>> stuffed(b".a\r\n..\r\nb.\r\n")
    b'..a\r\n...\r\nb.\r\n'

    Raises: Permanent.
    """
    if not check(content):
        return content
    stuffed = content.replace(b"\r\n.", b"\r\n..")
    return b"." + stuffed if content.startswith(b".") else stuffed
