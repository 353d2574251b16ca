"""arXiv's days: what a daily feed is worth, and which days are still to be asked for. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import accumulate
from typing import Literal

from digest.sources import calendar
from digest.sources.calendar import KNOWN, Holidays
from digest.sources.categories import own
from digest.types import RETRY, UNFINISHED, Answer, Ask, Coverage, Entry, Failure, Page, Reason

# Source: arXiv's RSS specification.
FEED_LIMIT = 2000  #: items; the feed is cut there, replacements first
# Moderation holds papers for days, and the index learns of some days after the feed.
HELD_DAYS = 7
LAG_DAYS = 7
BACKFILL_DAYS = 30  #: how far back a missed day is still asked for


# --- judging the feed ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the daily feed amounts to."""

    reason: Reason
    entries: tuple[Entry, ...] = ()
    covered: tuple[Coverage, ...] = ()
    detail: str = ""


def judge(answer: Answer, ask: Ask, holidays: Holidays = KNOWN) -> Verdict:
    """What today's answer of the feed is worth."""
    today = calendar.feed_day(ask.now)
    asked = tuple(
        Coverage(category=c, day=calendar.newest_feed_day(ask.now), how="asked")
        for c in own(ask.categories)
    )
    if isinstance(answer, Failure):
        return Verdict(reason=answer.reason, detail=answer.detail, covered=asked)
    if answer.is_unchanged:
        return _judge_unchanged(ask, today, asked, holidays)
    fresh = [e for e in answer.entries if e.announce in ("new", "cross", None)]
    if not answer.entries:
        return _judge_empty(answer.day or today, today, asked, holidays)
    if not fresh and answer.day and answer.day < calendar.newest_feed_day(ask.now):
        return Verdict(
            reason=Reason.HOLIDAY if holidays.is_skipped(today) else Reason.LATE,
            entries=_replacements(answer.entries, answer.day),
            covered=asked,
            detail=f"the feed is dated {answer.day}, and has only replacements",
        )
    day, note = _day_of_feed(answer.day or today, today, ask)
    known = [e for e in fresh if ask.recent.get(e.aliases[0], day) < day]
    if fresh and len(known) == len(fresh):
        if holidays.is_skipped(today):
            return Verdict(reason=Reason.HOLIDAY, covered=asked)
        is_late = (answer.day or today) < today
        return Verdict(
            reason=Reason.LATE if is_late else Reason.STALE,
            entries=_replacements(answer.entries, day),
            covered=asked,
            detail=f"the feed is dated {answer.day or today}, and its papers came before",
        )
    # On a first reading the newest day there is counts as today's, whatever its date.
    listed_on = max(day, calendar.newest_feed_day(ask.now)) if ask.is_first else day
    is_news = any(e.aliases[0] not in ask.recent for e in fresh)
    return Verdict(
        reason=Reason.SENT if is_news else Reason.ALL_SENT,
        entries=tuple(replace(e, listed_on=listed_on) for e in fresh)
        + _replacements(answer.entries, day),
        covered=asked + _covered(answer, fresh, {e.aliases[0] for e in known}, day, ask),
        detail="; ".join(n for n in (note, answer.note, _cut(answer)) if n),
    )


def _judge_unchanged(
    ask: Ask, today: date, asked: tuple[Coverage, ...], holidays: Holidays
) -> Verdict:
    if not calendar.is_feed_day(today):
        return Verdict(reason=Reason.WEEKEND)
    if _has_covered(ask, today):
        return Verdict(reason=Reason.ALL_SENT, detail="not changed since it was last read")
    if holidays.is_skipped(today):
        return Verdict(reason=Reason.HOLIDAY, covered=asked)
    return Verdict(
        reason=Reason.LATE, covered=asked, detail="the feed has not changed since an earlier day"
    )


def _judge_empty(
    dated: date, today: date, asked: tuple[Coverage, ...], holidays: Holidays
) -> Verdict:
    if not calendar.is_feed_day(today):
        return Verdict(reason=Reason.WEEKEND, covered=asked)
    detail = "the feed was empty"
    if holidays.is_one(today):
        return Verdict(reason=Reason.HOLIDAY, covered=asked, detail=detail)
    if dated < today:  # on a Monday it still shows Sunday
        detail = f"the feed is still that of {dated}, and empty"
        return Verdict(reason=Reason.LATE, covered=asked, detail=detail)
    if holidays.is_known(today):
        return Verdict(reason=Reason.QUIET, covered=asked, detail=detail)
    detail += f": a holiday, or late; the table of holidays ends on {holidays.until}"
    return Verdict(reason=Reason.HOLIDAY_OR_STALE, covered=asked, detail=detail)


def was_asked(ask: Ask) -> bool:
    """Was the feed read today, and did not give the day in full?

    Then that it has not changed since would tell nothing.
    """
    today = calendar.feed_day(ask.now)
    return any(one.day == today for one in ask.coverage) and not _has_covered(ask, today)


#: With these, what is missing may come any time.
_MAY_COME = (*UNFINISHED, Reason.QUIET, Reason.HOLIDAY_OR_STALE)


def again_at(ask: Ask, verdict: Verdict, holidays: Holidays = KNOWN) -> datetime:
    """When asking again may bring something: soon, or when the next feed is there."""
    if verdict.reason in _MAY_COME or _stale_categories(ask, verdict):
        return ask.now + RETRY
    return calendar.next_ready(ask.now, holidays)


def _stale_categories(ask: Ask, verdict: Verdict) -> bool:
    """Did the feed give some categories' day in full, and not that of others?"""
    today = calendar.feed_day(ask.now)
    covered = (*ask.coverage, *verdict.covered)
    full = {one.category for one in covered if one.day == today and one.how == "feed"}
    return bool(full) and not full >= set(own(ask.categories))


def _day_of_feed(dated: date, today: date, ask: Ask) -> tuple[date, str]:
    """The feed day that a feed with unknown papers stands for, and a note where it is odd."""
    newest = calendar.newest_feed_day(ask.now)
    if dated in (today, newest):
        return dated, ""
    is_missed = calendar.is_feed_day(dated) and not _has_covered(ask, dated)
    if is_missed and newest - timedelta(days=HELD_DAYS) <= dated <= today + timedelta(days=1):
        return dated, f"the feed is of {dated}, not yet of {today}"
    return (
        newest,
        f"wrong date: the feed is dated {dated}, its papers are new and count as {newest}",
    )


def _has_covered(ask: Ask, day: date) -> bool:
    full = {c.category for c in ask.coverage if c.day == day and c.how == "feed"}
    return full >= set(own(ask.categories))


def _covered(
    page: Page, fresh: Sequence[Entry], known: set[str], day: date, ask: Ask
) -> tuple[Coverage, ...]:
    """The categories whose day the feed gave in full. Feeds go stale category by category."""
    if _cut(page):
        return ()
    full = []
    for category in own(ask.categories):
        listed = [e.aliases[0] for e in fresh if _is_in(e, category)]
        if not listed or not known.issuperset(listed):
            full.append(Coverage(category=category, day=day, how="feed"))
    return tuple(full)


def _is_in(entry: Entry, category: str) -> bool:
    return any(c == category or c.split(".")[0] == category for c in entry.categories)


def _cut(page: Page) -> str:
    is_full = len(page.entries) >= FEED_LIMIT
    is_cut = is_full and page.entries[-1].announce in ("new", "cross")
    return f"the feed was cut at {FEED_LIMIT} items" if is_cut else ""


def _replacements(entries: Iterable[Entry], day: date) -> tuple[Entry, ...]:
    again = (e for e in entries if e.announce in ("replace", "replace-cross"))
    return tuple(replace(e, announced_on=day) for e in again)


# --- the days the feed did not give --------------------------------------------------------------


def open_days(ask: Ask, last: date) -> list[date]:
    """Feed days up to `last` that some category has not got in full, as far back as it goes."""
    earliest = calendar.feed_day(ask.now) - timedelta(days=BACKFILL_DAYS)
    days: set[date] = set()
    for category in own(ask.categories):
        rows = [c for c in ask.coverage if c.category == category]
        if rows:
            done = {c.day for c in rows if c.how != "asked"}
            first = max(earliest, min(c.day for c in rows))
            days |= {d for d in calendar.feed_days(first, last) if d not in done}
    return sorted(days)


def days_to_ask(ask: Ask, answers: Sequence[Answer]) -> list[date]:
    """The days still open once today's feed is counted."""
    verdict = judge(answers[0], ask)
    with_today = replace(ask, coverage=ask.coverage + verdict.covered)
    return open_days(with_today, calendar.newest_feed_day(ask.now))


def backfilled(ask: Ask, answers: Sequence[Answer], verdict: Verdict) -> tuple[Entry, ...]:
    """The API's entries, each with the feed day on which it was announced.

    Ids are given in the order of announcement, and most papers are announced on the first day
    they can be. So, in the order of ids, the latest first-possible day so far is the day.
    """
    entries = [e for a in answers[1:] if isinstance(a, Page) for e in a.entries]
    fed = {e.aliases[0] for e in verdict.entries if e.listed_on}
    unknown = [e for e in entries if e.aliases[0] not in fed]
    unknown.sort(key=lambda e: _order(e.aliases[0]))
    newest = calendar.newest_feed_day(ask.now)
    days = accumulate((min(e.announced_on, newest) for e in unknown), max)
    still_open = days_to_ask(ask, answers)
    return tuple(
        replace(e, announced_on=(on := _open_from(day, still_open)), listed_on=on)
        for e, day in zip(unknown, days, strict=True)
    )


def _open_from(day: date, still_open: Sequence[date]) -> date:
    """`day`, or the next open one: on a day that the feed gave in full it cannot have been."""
    if not still_open or day < still_open[0]:
        return day
    return next((d for d in still_open if d >= day), day)


def _order(alias: str) -> tuple[int, str]:
    id = alias.removeprefix("arxiv:")
    return (0, id) if "/" in id else (1, id)


def closed(ask: Ask, answers: Sequence[Answer]) -> tuple[Coverage, ...]:
    """Open days that the API has now given in full, its index having had time to catch up."""
    if not _is_complete(answers[1:]):
        return ()
    today = calendar.feed_day(ask.now)
    days = [d for d in days_to_ask(ask, answers) if today - d >= timedelta(days=LAG_DAYS)]
    how: Literal["api"] = "api"
    return tuple(Coverage(category=c, day=d, how=how) for c in own(ask.categories) for d in days)


def _is_complete(answers: Sequence[Answer]) -> bool:
    pages = [a for a in answers if isinstance(a, Page)]
    if not pages or len(pages) != len(answers):
        return False
    return sum(p.rows for p in pages) >= (pages[-1].total or 0)


def failures(answers: Sequence[Answer]) -> str:
    """What went wrong with the query API, in words."""
    feed, *pages = answers
    failed = [_QUESTION.sub("", a.detail) for a in pages if isinstance(a, Failure)]
    if failed and isinstance(feed, Failure):
        return "the query API gave nothing either"
    if not failed and pages and not _is_complete(pages):
        failed = ["the query API gave fewer papers than it has"]
    return "; ".join(failed)


#: What is asked of the API, which no person wants to read.
_QUESTION = re.compile(r"(?<=/query)\?[^\s:;)]+")


def found(ask: Ask, answers: Sequence[Answer], entries: Sequence[Entry]) -> str:
    """What the query API was asked for and gave, in words."""
    if not any(isinstance(a, Page) for a in answers[1:]):
        return ""
    new = sum(e.aliases[0] not in ask.recent for e in entries)
    days = ", ".join(str(day) for day in days_to_ask(ask, answers))
    said = f"{new} new {'paper' if new == 1 else 'papers'}" if new else "nothing new"
    return f"the query API was asked, too, for what the feed did not give ({days}): {said}"
