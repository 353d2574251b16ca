"""The transport that hands mails to a command, as sendmail and its likes are called."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import tempfile
from asyncio.subprocess import Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from digest import refusals
from digest.errors import (
    BadConfig,
    DigestError,
    InDoubt,
    NoServer,
    Permanent,
    Refused,
    Temporary,
    Withdrawn,
)
from digest.refusals import Kind
from digest.transports import Line, Ready
from digest.transports.envelope import address, check
from digest.types import Mail, Receipt

TIMEOUT_S = 120.0
LINES = 4
_MAX_STDERR = 4096
_MAX_WORDS = 200
# Source: sysexits.h, and what shells say of commands that cannot be run.
_BAD_DATA, _NO_USER, _NO_HOST, _UNAVAILABLE = 65, 67, 68, 69
_NOT_OF_THE_MAIL = {64: "usage", 77: "no permission", 78: "configuration", 126: "", 127: ""}
_CODE = re.compile(r"(?<![0-9.])([45][0-9][0-9])[ -]")


class Sendmail:
    """`COMMAND -i -f SENDER -- TO`, with the mail as its input."""

    is_repeatable = False
    lines = LINES

    def __init__(self, command: Sequence[str], *, timeout_s: float = TIMEOUT_S) -> None:
        """Raises: BadConfig."""
        if not command or not shutil.which(command[0]):
            raise BadConfig(
                f"[smtp] sendmail = {list(command)!r}: there is no such command; name one that"
                ' is installed, or use transport = "smtp"'
            )
        self._command, self._timeout_s = tuple(command), timeout_s

    def line(self) -> Line:
        """One process at a time."""
        return _Line(self)

    def send(self, mail: Mail, issue: str) -> Receipt:
        """Carry one mail away.

        Raises: Temporary, Permanent, InDoubt.
        """
        return asyncio.run(self.carry(mail, _yes))

    def publish(self, issue: str, pages: Mapping[str, str]) -> Path | None:
        """A command has no place for pages."""
        return None

    def erase(self, address: str) -> int:
        """Nothing is kept here."""
        return 0

    async def carry(self, mail: Mail, ready: Ready) -> Receipt:
        """Carry one mail away.

        Raises: as Line.send.
        """
        sender = address("sender", mail.sender).decode() or "<>"
        to = address("recipient", mail.to, may_be_empty=False).decode()
        check(mail.content)
        if not shutil.which(self._command[0]):
            raise NoServer(f"{self._command[0]}: there is no such command any more")
        # Files and not pipes: were we killed while writing, the command would take the half it got
        # for the whole, and a child that it leaves behind would keep a pipe of words open.
        try:
            with tempfile.TemporaryFile() as content, tempfile.TemporaryFile() as errors:
                content.write(mail.content.replace(b"\r\n", b"\n"))  # as local programs write lines
                content.seek(0)
                # For the same reason it is not started before.
                if not await ready():
                    raise Withdrawn("the mail was withdrawn while it was on its way")
                code = await self._run(["-i", "-f", sender, "--", to], content, errors)
                words = _first_line(errors)
        except OSError as why:
            raise Temporary(f"cannot keep the mail in a file: {why.strerror or why}") from why
        if code:
            raise _failure(code, f"{self._command[0]}: {words or f'exit code {code}'}", words)
        return Receipt(detail=f"taken by {self._command[0]}"[:_MAX_WORDS])

    async def _run(self, arguments: list[str], content: IO[bytes], errors: IO[bytes]) -> int:
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                *arguments,
                stdin=content,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
            )
        except OSError as why:
            raise NoServer(
                f"{self._command[0]} cannot be started: {why.strerror}; see [smtp] sendmail"
            ) from why
        try:
            async with asyncio.timeout(self._timeout_s):
                return await process.wait()
        except TimeoutError as why:
            await _kill(process)
            raise InDoubt(
                f"{self._command[0]} did not end within {self._timeout_s:g} seconds"
            ) from why
        except BaseException:
            await _kill(process)
            raise


class _Line:
    def __init__(self, sendmail: Sendmail) -> None:
        self._sendmail = sendmail

    async def send(self, mail: Mail, issue: str, ready: Ready) -> Receipt:
        return await self._sendmail.carry(mail, ready)

    async def close(self) -> None:
        """Nothing is kept open."""


async def _yes() -> bool:
    return True


async def _kill(process: Process) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # with whatever it has started
    await process.wait()


def _first_line(errors: IO[bytes]) -> str:
    said = b""
    with suppress(OSError):  # what became of the mail is known without
        errors.seek(0)
        said = errors.read(_MAX_STDERR)
    lines = said.decode("utf-8", "replace").strip().splitlines() or [""]
    return "".join(c if c.isprintable() else "?" for c in lines[0])[:_MAX_WORDS]


def _failure(code: int, words: str, said: str) -> DigestError:
    """What an exit code means for the mail."""
    if code < 0:
        return InDoubt(f"{words}: ended by signal {-code}")
    if code in _NOT_OF_THE_MAIL:
        return NoServer(f"{words}; see [smtp] sendmail")
    if code == _BAD_DATA:
        return Permanent(words)
    if code == _NO_USER:
        return Refused(words, is_dead=True)
    if code == _NO_HOST:
        return Refused(words)
    # Some end with this for each mail that their server refuses, and pass on its words.
    if code == _UNAVAILABLE and (found := _CODE.search(said)):
        judged = refusals.judge(int(found[1]), said[found.end() :])
        if judged.is_final:
            kind = judged.kind
            return Refused(words, is_dead=kind is Kind.DEAD, is_policy=kind is Kind.POLICY)
    return Temporary(words)
