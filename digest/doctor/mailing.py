"""The way to the mail servers: reached, encrypted, let in; no mail is sent."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterable

from digest.doctor.finding import FAULT, NETWORK_S, OK, SKIPPED, WARNING, Case, Finding
from digest.run.sending import transport_of
from digest.transports.smtp import Smtp

NAME = "mail server"


def servers(case: Case) -> Iterable[Finding]:
    """Do they let us in?"""
    config = case.config
    if config.transport == "sendmail":
        return [_command(config.smtp.sendmail[0])]
    if config.transport != "smtp":
        return [Finding(NAME, SKIPPED, f"mails go to {config.transport!r}, and to no server")]
    if case.is_offline:
        return [Finding(NAME, SKIPPED, "not asked: --offline")]
    quick = config.smtp.model_copy(update={"timeout_s": min(NETWORK_S, config.smtp.timeout_s)})
    transport = transport_of(config.model_copy(update={"smtp": quick}))
    assert isinstance(transport, Smtp)
    found = [_finding(*one) for one in asyncio.run(transport.greet())]
    has_open = any(
        one.security == "none" for one in (config.smtp.servers or {"": config.smtp}).values()
    )
    if has_open and not any(one.state == FAULT for one in found):
        said = 'security = "none": mails, and the links in them, go over the network in the clear'
        found.append(
            Finding(NAME, WARNING, said, 'use "starttls" or "tls", unless it is this machine')
        )
    return found


def _finding(place: str, why: str, user: str) -> Finding:
    if why:
        return Finding(NAME, FAULT, f"{place}: {why}", "[smtp] says where it is and how to log in")
    let_in = f" and lets {user!r} in" if user else ", without logging in"
    return Finding(NAME, OK, f"{place} answers{let_in}")


def _command(command: str) -> Finding:
    if shutil.which(command):
        return Finding(NAME, OK, f"{command} is there")
    said = f"the command {command} is not there, or may not be run"
    return Finding(NAME, FAULT, said, "[smtp] sendmail names it; or install a mail server")
