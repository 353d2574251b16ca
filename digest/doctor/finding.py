"""What is looked at, and what is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr
from pathlib import Path
from typing import Literal

from digest.config import Config
from digest.doctor.lookup import Names

State = Literal["ok", "warning", "fault", "skipped"]
OK: State = "ok"
WARNING: State = "warning"
FAULT: State = "fault"
SKIPPED: State = "skipped"

NETWORK_S = 5.0  #: for one question to a service


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check came to."""

    name: str
    state: State
    words: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is looked at."""

    config: Config
    file: Path
    now: datetime
    clock: Callable[[], datetime]  #: what this machine has for the time
    names: Names
    is_offline: bool = False

    @property
    def sends(self) -> bool:
        """Do mails leave this machine?"""
        return self.config.transport != "outbox"

    @property
    def domains(self) -> list[str]:
        """Those that our mails are from."""
        config = self.config
        senders = [config.masthead(name).sender for name in config.digests]
        found = {parseaddr(one)[1].rpartition("@")[2] for one in (*senders, config.notices_from)}
        return sorted(found - {"localhost", ""})

    @property
    def sources(self) -> list[str]:
        """Those that some digest reads, and that are no samples."""
        return [one for one in self.config.sources_read if self.config.kind(one) != "sample"]
