"""What the configuration says, and what will come of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from jinja2 import Environment

from digest import compose, plan, render, templating, texts
from digest.config import Config
from digest.doctor.finding import FAULT, OK, SKIPPED, WARNING, Case, Finding
from digest.errors import Misuse
from digest.run import caps
from digest.sources import calendar
from digest.types import Issue, Item, Links, Paper, Summary

SHORTLY = timedelta(hours=5)  #: before the announcement: nobody means to wait for a day
_SPARE = timedelta(minutes=30)  #: arXiv is late by a few minutes on many days


def digests(case: Case) -> Finding:
    """Are there any, and do they go out by themselves?"""
    name = "digests"
    if not case.config.digests:
        return Finding(
            name, FAULT, "the configuration describes none", "describe one under [digests.NAME]"
        )
    without = [one for one, digest in case.config.digests.items() if not digest.schedule]
    if without:
        return Finding(
            name,
            WARNING,
            f"no schedule: {_some(without)}; `digest run` without names leaves them out",
            'give each one, like schedule = "weekdays at 08:00", or run them by name',
        )
    return Finding(name, OK, f"{len(case.config.digests)}, all with a schedule")


def contact(case: Case) -> Finding:
    """Do services know whom to write to?"""
    if case.config.operator.contact:
        return Finding("contact", OK, case.config.operator.contact)
    if not case.sources:
        return Finding("contact", OK, "none, and only samples are read")
    return Finding(
        "contact",
        FAULT,
        f"{_some(case.sources)}: the services want to know whom to write to, and are not asked"
        " without",
        'set contact = "you@example.org" under [operator]',
    )


# --- arXiv's hour --------------------------------------------------------------------------------


def announcements(case: Case) -> Iterator[Finding]:
    """Does a digest go out just before the papers of the day are there?"""
    name = "arXiv's hour"
    asked = early = 0
    for digest, own in case.config.digests.items():
        reads = any(case.config.kind(source) == "arxiv" for source in own.sources)
        if not reads or not own.schedule:
            continue
        asked += 1
        schedule = plan.parse_schedule(own.schedule, own.timezone)
        before = _before_announcement(schedule, case.now)
        if before is None:
            continue
        early += 1
        hour = _better(own.timezone, case.now)
        yield Finding(
            name,
            WARNING,
            f"{digest}: {own.schedule!r} ({own.timezone}) is {_span(before)} before arXiv's feed"
            " changes (midnight in New York), so every paper comes a day later",
            f"go out from {hour} on, in the digest's own zone",
        )
    if not early:
        said = f"{asked} digest{'s' * (asked != 1)} of arXiv's papers, none shortly before them"
        yield Finding(name, OK if asked else SKIPPED, said if asked else "none reads arXiv")


def _before_announcement(schedule: plan.Schedule, now: datetime) -> timedelta | None:
    """How long before arXiv's announcement slots are, where that is little; once in each season."""
    for days in range(0, 365, 91):
        slot = schedule.next(now + timedelta(days=days))
        if slot is None:
            return None
        here = slot.due_at.astimezone(calendar.EASTERN)
        midnight = datetime.combine(here.date() + timedelta(days=1), time(), calendar.EASTERN)
        before = midnight.astimezone(UTC) - slot.due_at
        if before <= SHORTLY:
            return before
    return None


def _better(zone: str, now: datetime) -> str:
    """The earliest time of day that is after midnight in New York all year."""
    first = calendar.feed_day(now)
    clocks = {_minute(zone, first + timedelta(days=7 * week)) for week in range(53)}
    # Of several, since the clocks change on different days, the one that is soon after them all.
    best = min(clocks, key=lambda one: max((one - other) % 1440 for other in clocks))
    minute = (best + int(_SPARE.total_seconds()) // 60) % 1440
    return f"{minute // 60:02}:{minute % 60:02}"


def _minute(zone: str, day: date) -> int:
    there = datetime.combine(day, time(), calendar.EASTERN).astimezone(ZoneInfo(zone))
    return there.hour * 60 + there.minute


def _span(span: timedelta) -> str:
    hours, minutes = divmod(int(span.total_seconds()) // 60, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"


# --- pages and templates -------------------------------------------------------------------------


def base_url(case: Case) -> Finding:
    """Do the links in mails lead anywhere?"""
    name, url = "base_url", case.config.base_url
    remedy = 'set base_url = "https://…", the address under which others reach `digest serve`'
    state = FAULT if case.sends else WARNING
    if not url:
        said = f"not set: links in mails lead to {case.config.pages_url}, which is this machine"
        return Finding(name, state, said, remedy)
    host = urlsplit(url).hostname or ""
    if _is_here(host):
        return Finding(name, state, f"{url} is reached from this machine only", remedy)
    if not url.startswith("https:"):
        said = f"{url}: mail programs offer one-click unsubscribing over https only"
        return Finding(name, state, said, "put a proxy with a certificate before it; " + remedy)
    return Finding(name, OK, url)


def _is_here(host: str) -> bool:
    try:
        return not ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local", ".internal"))


def templates(case: Case) -> Finding:
    """Can an issue be written with them?"""
    name, config = "templates", case.config
    folders = [config.templates, templating.BUILT_IN]
    environment = templating.environment(folders)
    from jinja2 import TemplateError

    for template in sorted(environment.list_templates(extensions=["j2"])):
        try:
            environment.get_template(template)
        except TemplateError as why:
            return Finding(
                name, FAULT, f"{template}: {why}", f"mend it in {config.templates}, or remove it"
            )
    try:
        texts.load(folders, config.words_language)
        for digest in config.digests:
            _rendered(config, digest, environment)
    except Misuse as why:
        return Finding(name, FAULT, str(why), f"mend it in {config.templates}, or remove it")
    own = sorted(one.name for one in config.templates.glob("*.j2"))
    return Finding(name, OK, f"all render; your own: {_some(own)}" if own else "all render")


def _rendered(config: Config, digest: str, environment: Environment) -> None:
    paper = Paper(
        id="arxiv:2606.00001",
        aliases=("arxiv:2606.00001",),
        title="A paper & nothing else",
        abstract="We measure a thing.",
        authors=("Ada Example",),
        announced_on=date(2026, 6, 22),
        links=Links(abstract="https://example.org/abs/1"),
    )
    item = Item(
        paper=paper,
        section="A topic",
        score=1.0,
        because=("a topic",),
        summary=Summary(text="We measure a thing.", summarizer="lead/1"),
    )
    made_at = datetime(2026, 6, 22, 8, tzinfo=UTC)
    own = config.digests[digest]
    issue = Issue(
        digest=digest,
        slot="2026-06-22T08:00",
        title=config.title(digest),
        made_at=made_at,
        items=(item,),
    )
    edition = compose.edition(
        issue, issue.items, cap=own.papers, topics=own.topics, caps=caps(own), format=own.format
    )
    masthead = config.masthead(digest)
    written = render.render_items(issue.items, masthead, environment)
    render.render(edition, masthead, environment, written)


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"
