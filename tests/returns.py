"""The mails of tests/bounces: what they are labelled with, and as if they were about a mail."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from digest import tokens
from digest.run import Setup
from digest.tokens import Keys, Purpose

FOLDER = Path(__file__).parent / "bounces"
LABELS: dict[str, dict[str, Any]] = json.loads((FOLDER / "labels.json").read_text("utf-8"))

_KEYS = Keys({1: b"?" * 32})
_RETURN = tokens.sign(_KEYS, Purpose.RETURN, "00112233445566ff")
_LEAVE = tokens.sign(_KEYS, Purpose.UNSUBSCRIBE, "0f0e0d0c0b0a0908")
_MESSAGE_ID = "00112233445566ff8899aabbccddeeff@papers.example.org"


def mail(name: str) -> bytes:
    """One of them as it is."""
    return (FOLDER / f"{name}.eml").read_bytes()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A mail that was sent and may come back; what is empty is taken out of the report."""

    return_id: str = ""
    message_id: str = ""
    subscription: str = ""
    to: str = "ada@example.org"


def about(name: str, setup: Setup, sent: Sent, *, salt: str = "") -> bytes:
    """One of them as if it were about a mail of ours; a salt makes it another mail."""

    def signed(purpose: Purpose, id: str) -> str:
        return tokens.sign(setup.keys, purpose, id) if id else "taken-out"

    changes = {
        _RETURN: signed(Purpose.RETURN, sent.return_id),
        _LEAVE: signed(Purpose.UNSUBSCRIBE, sent.subscription),
        _MESSAGE_ID: sent.message_id or "taken-out@example.org",
        "ada@example.org": sent.to,
    }
    content = mail(name)
    for before, after in changes.items():
        content = content.replace(before.encode(), after.encode())
    return b"X-Salt: " + salt.encode() + b"\n" + content if salt else content
