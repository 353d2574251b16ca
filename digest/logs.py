"""What is said for whoever operates this: on standard error or in a file, as text or as JSON.

Nothing personal gets into it: whatever a message, its values or a traceback hold, addresses, the
tokens of links and the ids of people are masked as a line is written.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from digest.config import Log, is_served
from digest.errors import BadConfig

_TOP = "digest"
_OURS = "of papers-digest"  #: the name of our handler, by which it is found again

# --- masking -------------------------------------------------------------------------------------

#: A word as far as an address can reach; in linear time, however long it is.
_WORD = re.compile(r"[^\s()<>\[\],;:\\\"]+")
_QUOTED = re.compile(r'"[^"\n]{0,64}"(?=@)')
_AT = re.compile(
    "@|%(?:25){0,3}40|&#0{0,5}64;|&#x0{0,5}40;|&commat;|\N{FULLWIDTH COMMERCIAL AT}", re.IGNORECASE
)
#: The token of a link, and an id: of a person, a subscription, a mail, an address by its hash.
_TOKEN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z2-7]{40}(?![A-Za-z0-9])")
_ID = re.compile(r"(?<![A-Za-z0-9])(?:[0-9a-f]{32}|[0-9a-f]{16})(?![A-Za-z0-9])", re.IGNORECASE)


def masked(words: str) -> str:
    """The words without addresses, tokens and ids.

    >>> masked("550 <ada@example.org>: no such user, see /leave/" + "a2" * 20)
    '550 <[address]>: no such user, see /leave/[token]'
    """
    if _AT.search(words):
        # Written with a semicolon an at sign would end the word that it is in.
        words = _WORD.sub(_without_address, _QUOTED.sub("", _AT.sub("@", words)))
    return _ID.sub("[id]", _TOKEN.sub("[token]", words))


def _without_address(word: re.Match[str]) -> str:
    return "[address]" if "@" in word[0] else word[0]


#: A mail server's answer as it begins: 550, or 550 5.1.1.
_REPLY = re.compile(r"(?<![\w.:-])[245]\d\d(?:[ -]#?[245]\.\d{1,3}\.\d{1,3})?(?=[\s:,;-]|$)")


def without_answers(words: str) -> str:
    """The words up to a mail server's answer, and of that and what follows the codes alone.

    A server may name whom it refuses without an address, and where its words end nobody can tell.

    >>> without_answers("1 mail failed: 550 5.1.1 no such user ada; 451 try later")
    '1 mail failed: 550 5.1.1, 451'
    """
    first = _REPLY.search(words)
    if first is None:
        return words
    codes = dict.fromkeys(_REPLY.findall(words, first.start()))
    return words[: first.start()] + ", ".join(codes)


# --- lines ---------------------------------------------------------------------------------------

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  #: terminals do what these say
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class AsText(logging.Formatter):
    """For people. What keeps the times itself, as journald does, needs none of ours."""

    def __init__(self, *, is_timed: bool) -> None:
        super().__init__("digest: %(levelname)s %(message)s")
        self.is_timed = is_timed

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """One line: what comes from outside must not look like a line of ours."""
        return re.sub(r"[\r\n\v\f\x85\u2028\u2029]+", " ", super().formatMessage(record))

    def format(self, record: logging.LogRecord) -> str:
        """A line, and a traceback's where there is one."""
        line = _CONTROLS.sub("?", masked(super().format(record)))
        return f"{_time(record)} {line.removeprefix('digest: ')}" if self.is_timed else line


class AsJson(logging.Formatter):
    """For machines: an object a line, with the values that came with the record."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever the record holds."""
        said: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": masked(record.getMessage()),
        }
        for name, value in vars(record).items():
            if name not in _OWN and name not in said:
                said[name] = _plain(value)
        if record.exc_info:
            said["traceback"] = masked(self.formatException(record.exc_info))
        return json.dumps(said, ensure_ascii=False)


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _plain(value: object) -> object:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, dict):
        return {masked(str(name)): _plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return masked(str(value))


# --- where to ------------------------------------------------------------------------------------


class _Quiet(logging.Handler):
    """What cannot be written is said without its words: Python's own way shows the values."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        why = sys.exc_info()[1]
        if sys.stderr:
            print(f"digest: a line of the log cannot be written: {why}", file=sys.stderr)


class OnStream(_Quiet, logging.StreamHandler[TextIO]):
    """Standard error, or another stream."""


class InFile(_Quiet):
    """A file that several processes write to; who finds it full begins it anew, for all of them.

    A line is one write at the end of the file, so none is mixed up with another process's.
    """

    def __init__(self, path: Path, most_bytes: int, files: int) -> None:
        from filelock import FileLock

        super().__init__()
        self.path, self.most_bytes, self.files = path, most_bytes, files
        self._turning = FileLock(path.with_name(f"{path.name}.lock"))
        self._file = self._open()

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        try:
            line = (self.format(record) + "\n").encode("utf-8", "backslashreplace")
            if not self._is_current():
                self._reopen()
            if self._is_full(len(line)):
                with contextlib.suppress(OSError):  # a file that is too long is better than none
                    self._turn(len(line))
            os.write(self._file, line)
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """Give the file back."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        super().close()

    def _open(self) -> int:
        # What happens here is for the operator alone.
        return os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)

    def _reopen(self) -> None:
        before, self._file = self._file, self._open()
        if before >= 0:
            os.close(before)

    def _is_current(self) -> bool:
        """Is it still our file that has the name?"""
        try:
            there, ours = os.stat(self.path), os.fstat(self._file)
        except OSError:
            return False
        return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)

    def _is_full(self, more: int) -> bool:
        size = os.fstat(self._file).st_size
        return size > 0 and size + more > self.most_bytes

    def _turn(self, more: int) -> None:
        """Put the full file aside, unless another process just did."""
        with self._turning.acquire(timeout=1):
            self._reopen()
            if not self._is_full(more):
                return
            for number in range(self.files - 1, 0, -1):
                old = self._aside(number)
                if old.exists():
                    old.replace(self._aside(number + 1))
            self.path.replace(self._aside(1))
            self._reopen()

    def _aside(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")


def begin(log: Log, *, is_lasting: bool = False) -> None:
    """Write logs as the configuration says; asked again, as it says now.

    A command that ends by itself says what it did on standard output. On standard error it is
    silent where nothing went wrong: cron makes a mail of every word.

    Raises: BadConfig when the file cannot be written.
    """
    level = getattr(logging, log.level.upper())
    is_told_otherwise = bool(log.file) or log.format == "json" or is_served()
    if not (is_lasting or is_told_otherwise) and log.level == "info":
        level = logging.WARNING
    try:
        handler = _handler(log)
    except OSError as why:
        raise BadConfig(f"[log] file = {str(log.file)!r} cannot be written: {why}") from why
    handler.set_name(_OURS)
    handler.setFormatter(AsJson() if log.format == "json" else AsText(is_timed=bool(log.file)))
    root = logging.getLogger()
    end()
    root.addHandler(handler)
    # What libraries do is theirs, unless it goes wrong; some would tell the addresses they ask.
    root.setLevel(max(level, logging.WARNING))
    logging.getLogger(_TOP).setLevel(level)


def end() -> None:
    """Write logs no more."""
    root = logging.getLogger()
    for one in [handler for handler in root.handlers if handler.get_name() == _OURS]:
        root.removeHandler(one)
        one.close()
    root.setLevel(logging.WARNING)
    logging.getLogger(_TOP).setLevel(logging.NOTSET)


def _handler(log: Log) -> logging.Handler:
    if not log.file:
        return OnStream(sys.stderr)
    log.file.parent.mkdir(parents=True, exist_ok=True)
    return InFile(log.file, int(log.max_mb * 1_000_000), log.files)
