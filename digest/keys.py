"""The key files: the secrets that links are signed with, and what mails are signed with.

Whoever has the first can act for every reader, whoever has the second can write in our name.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from digest import dkim
from digest.errors import BadConfig
from digest.tokens import Keys

_HEAD = """\
# The keys that the links in mails are signed with. Keep this file secret and backed up: without it
# no link in any mail that was sent works any more. `digest keys --rotate` adds a new one; the old
# ones stay, since an unsubscribe link never ends.
"""
_LINE = re.compile(r"([1-9][0-9]{0,2}) ([0-9a-f]{64,128})")
_MOST = 255


def ensure(path: Path) -> bool:
    """Make the key file where there is none; returns whether it did.

    Raises: BadConfig
    """
    return _made(path, (_HEAD + _line(1)).encode("ascii"))


def _made(path: Path, content: bytes) -> bool:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Exclusive, so that of two processes that begin together one makes the key.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    except OSError as why:
        raise BadConfig(f"cannot write the key file {path}: {why.strerror}") from why
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    return True


def load(path: Path) -> Keys:
    """Read the key file.

    Raises: BadConfig, naming the line; also where others may read the file.
    """
    try:
        text = path.read_text(encoding="ascii")
        mode = path.stat().st_mode
    except FileNotFoundError as why:
        raise BadConfig(f"the key file {path} is not there; `digest init` makes one") from why
    except (OSError, UnicodeDecodeError) as why:
        raise BadConfig(f"the key file {path} cannot be read: {why}") from why
    _private(path, mode)
    found: dict[int, bytes] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        key = _LINE.fullmatch(line.strip())
        if not key or int(key[1]) > _MOST or int(key[1]) in found:
            raise BadConfig(f"{path}, line {number}: a key is a number and 64 hexadecimal digits")
        found[int(key[1])] = bytes.fromhex(key[2])
    if not found:
        raise BadConfig(f"the key file {path} holds no key; restore it from a backup")
    return Keys(found)


def rotate(path: Path) -> int:
    """Add a key that signs from now on; returns its number.

    Raises: BadConfig
    """
    number = load(path).newest + 1
    if number > _MOST:
        raise BadConfig(f"{path} holds {_MOST} keys, and there is no room for more")
    try:
        with path.open("a", encoding="ascii") as file:
            file.write(_line(number))
    except OSError as why:
        raise BadConfig(f"cannot write the key file {path}: {why.strerror}") from why
    return number


def _line(number: int) -> str:
    return f"{number} {secrets.token_hex(32)}\n"


# --- the key that mails are signed with ----------------------------------------------------------


def ensure_signing(path: Path) -> bool:
    """Make the file of the key that mails are signed with, where there is none.

    Raises: BadConfig
    """
    return not path.exists() and _made(path, dkim.generate())


def load_signing(path: Path) -> RSAPrivateKey:
    """Read that key.

    Raises: BadConfig, also where others may read the file.
    """
    try:
        pem, mode = path.read_bytes(), path.stat().st_mode
    except FileNotFoundError as why:
        raise BadConfig(f"[dkim] key {path} is not there; `digest dkim` makes one") from why
    except OSError as why:
        raise BadConfig(f"[dkim] key {path} cannot be read: {why.strerror}") from why
    _private(path, mode)
    try:
        return dkim.read(pem)
    except BadConfig as why:
        raise BadConfig(f"[dkim] key {path}: {why}") from why


def _private(path: Path, mode: int) -> None:
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise BadConfig(f"others may read the key file {path}; run: chmod 600 {path}")
