"""The time: this machine's, that of the zones, and arXiv's holidays."""

from __future__ import annotations

from datetime import timedelta
from importlib import metadata
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from digest import registry, sources
from digest.doctor.finding import FAULT, NETWORK_S, OK, SKIPPED, WARNING, Case, Finding
from digest.errors import DigestError
from digest.fetch import calls
from digest.sources import calendar
from digest.types import Ask

OFF_S, FAR_OFF_S = 30, 300  #: seconds
_SOON = timedelta(days=60)


def clock(case: Case) -> Finding:
    """Is it what the services' clocks say?"""
    name = "clock"
    if case.is_offline:
        return Finding(name, SKIPPED, "not compared: --offline")
    asked = False
    for source in case.sources[:3]:
        url = _of(case, source)
        if not url:
            continue
        asked = True
        try:
            _, theirs = calls.look(
                url, _who(case), timeout_s=NETWORK_S, allow=case.config.fetch.allow_hosts
            )
        except DigestError:
            continue
        if theirs is not None:
            return _compared((case.clock() - theirs).total_seconds(), url)
    if asked:
        return Finding(name, WARNING, "no source told its time", "see whether the network works")
    return Finding(name, SKIPPED, "no source is configured whose clock could be asked")


def _who(case: Case) -> dict[str, str]:
    contact = case.config.operator.contact
    return {"User-Agent": f"papers-digest (+mailto:{contact})"} if contact else {}


def _of(case: Case, source: str) -> str:
    """The page for robots of the host that a source asks: small, and meant to be read."""
    config = case.config
    made = registry.make(
        "source", config.kind(source), sources.BUILTIN, name=source, **config.settings(source)
    )
    ask = Ask(source=source, now=case.now, categories=config.sources_read[source])
    request = made.next_request(ask, [])
    parts = urlsplit(request.url) if request else None
    if parts is None or parts.scheme not in ("http", "https"):
        return ""
    return f"{parts.scheme}://{parts.netloc}/robots.txt"


def _compared(off_s: float, url: str) -> Finding:
    name, host = "clock", urlsplit(url).netloc
    if abs(off_s) < OFF_S:
        return Finding(name, OK, f"as {host} has it, give or take a few seconds")
    way = "fast" if off_s > 0 else "slow"
    said = f"{abs(off_s):.0f} s {way}, compared with {host}"
    remedy = "set the clock by the network: timedatectl set-ntp true"
    return Finding(name, FAULT if abs(off_s) >= FAR_OFF_S else WARNING, said, remedy)


def zones(case: Case) -> Finding:
    """Are the time zones' data there?"""
    name = "time zones"
    number = len(available_timezones())
    wanted = {one.timezone for one in case.config.digests.values()} | {"America/New_York"}
    for zone in sorted(wanted):
        try:
            ZoneInfo(zone).utcoffset(case.now.replace(tzinfo=None))
        except (KeyError, OSError, ValueError) as why:
            return Finding(name, FAULT, f"{zone}: {why}", "pip install --upgrade tzdata")
    return Finding(name, OK, f"{number} known (tzdata {metadata.version('tzdata')})")


def holidays(case: Case) -> Finding:
    """Does the table of arXiv's holidays reach far enough?"""
    name, until = "holidays", calendar.HOLIDAYS_UNTIL
    left = until - case.now.date()
    if "arxiv" not in {case.config.kind(one) for one in case.sources}:
        return Finding(name, SKIPPED, "no digest reads arXiv")
    if left > _SOON:
        return Finding(name, OK, f"arXiv's are known until {until}")
    ends = "ended on" if left < timedelta() else "ends on"
    return Finding(
        name,
        WARNING,
        f"the table of arXiv's holidays {ends} {until}; after that, an empty weekday is reported as"
        ' "holiday or stale"',
        "a newer version of papers-digest has the next year's",
    )
