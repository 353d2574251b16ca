"""What could be wrong here, each with its remedy. Changes nothing and sends no mail.

All checks run side by side, each with a time limit; one that fails stops no other.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from digest import config as configs
from digest.config import Config
from digest.doctor import clock as clocks
from digest.doctor import configuration, dns, mailing, models, storage
from digest.doctor.finding import FAULT, OK, SKIPPED, WARNING, Case, Finding
from digest.doctor.lookup import Names
from digest.errors import DigestError, Misuse

__all__ = ["Finding", "examine", "exit_code", "lines", "words"]

LIMIT_S = 15.0  #: for all checks together

Check = Callable[[Case], Finding | Iterable[Finding]]

CHECKS: dict[str, Check] = {
    "digests": configuration.digests,
    "contact": configuration.contact,
    "arXiv's hour": configuration.announcements,
    "base_url": configuration.base_url,
    "templates": configuration.templates,
    "database": storage.database,
    "integrity": storage.integrity,
    "rights": storage.rights,
    "readers": storage.readers,
    "link keys": storage.link_keys,
    "signing key": storage.signing_key,
    "disk": storage.disk,
    "encoder": models.encoder,
    "summarizer": models.summarizer,
    "torch": models.torch,
    "mail server": mailing.servers,
    "SPF": dns.spf,
    "DKIM": dns.dkim_record,
    "DMARC": dns.dmarc,
    "MX": dns.mx,
    "PTR": dns.ptr,
    "clock": clocks.clock,
    "time zones": clocks.zones,
    "holidays": clocks.holidays,
}


def examine(
    file: Path | None,
    now: datetime,
    clock: Callable[[], datetime],
    *,
    nameserver: str = "",
    is_offline: bool = False,
    limit_s: float = LIMIT_S,
) -> list[Finding]:
    """All findings, in the order of `CHECKS`.

    `clock` is the machine's, which `now` may not be. `nameserver` is "HOST" or "HOST:PORT"; else
    those of the system are asked.

    Raises: Misuse for a name server that is none.
    """
    names = Names(nameserver)
    try:
        found = configs.find(file)
        config = configs.load(found)
    except DigestError as why:
        return [
            Finding("configuration", FAULT, str(why), "mend that first: all else hangs on it"),
            *(Finding(name, SKIPPED, "there is no configuration") for name in CHECKS),
        ]
    case = Case(config=config, file=found, now=now, clock=clock, names=names, is_offline=is_offline)
    loaded = Finding("configuration", OK, f"{found} loads, {_digests(config)}")
    return [loaded, *_run(case, limit_s)]


def _digests(config: Config) -> str:
    number = len(config.digests)
    return f"{number} digest{'s' if number != 1 else ''}"


def _run(case: Case, limit_s: float) -> list[Finding]:
    found: dict[str, list[Finding]] = {}
    # Daemons: one that hangs for ever keeps nobody from going home.
    threads = [
        threading.Thread(target=partial(_into, found, name, check, case), name=name, daemon=True)
        for name, check in CHECKS.items()
    ]
    until = time.monotonic() + limit_s
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    late = f"took longer than {limit_s:g} s and was given up"
    return [
        one
        for name in CHECKS
        for one in found.get(name) or [Finding(name, WARNING, late, "try again on a quiet machine")]
    ]


def _into(found: dict[str, list[Finding]], name: str, check: Check, case: Case) -> None:
    try:
        made = check(case)
        found[name] = [made] if isinstance(made, Finding) else list(made)
    except Misuse as why:
        found[name] = [Finding(name, FAULT, str(why))]
    except DigestError as why:
        found[name] = [Finding(name, WARNING, str(why), "try again later")]
    except Exception as why:  # one that fails stops no other
        said = f"the check failed: {type(why).__name__}: {why}"
        found[name] = [Finding(name, WARNING, said, "that is a fault of this program; report it")]


# --- in words ------------------------------------------------------------------------------------


def exit_code(found: Sequence[Finding]) -> int:
    """1 where there is a fault."""
    return int(any(one.state == FAULT for one in found))


def words(one: Finding) -> dict[str, Any]:
    """A finding as one JSON object."""
    return {"name": one.name, "state": one.state, "words": one.words, "remedy": one.remedy}


def lines(found: Sequence[Finding]) -> list[str]:
    """The same for people."""
    from textwrap import fill

    width = max(len(one.name) for one in found) + 2
    said = []
    for one in found:
        mark = {OK: "  ok     ", WARNING: "? warning", FAULT: "! fault  ", SKIPPED: "  skipped"}
        start = f"{mark[one.state]}  {one.name:<{width}}"
        for begin, text in ((start, one.words), (" " * len(start) + "-> ", one.remedy)):
            if text:
                indent = " " * len(begin)
                filled = fill(
                    " ".join(text.split()), 100, initial_indent=begin, subsequent_indent=indent,
                    break_long_words=False, break_on_hyphens=False,
                )  # fmt: skip
                said += filled.splitlines()
    return [*said, "", _sum(found)]


def _sum(found: Sequence[Finding]) -> str:
    faults = sum(one.state == FAULT for one in found)
    warnings = sum(one.state == WARNING for one in found)
    skipped = sum(one.state == SKIPPED for one in found)
    return (
        f"{faults} fault{'s' * (faults != 1)}, {warnings} warning{'s' * (warnings != 1)},"
        f" {skipped} skipped, of {len(found)} checks"
    )
