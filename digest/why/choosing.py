"""Whether a paper belongs to a digest, or to the topics of one reader, and when it comes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from digest import match as matching
from digest import plan
from digest.config import Digest
from digest.run import learning, outlook
from digest.run.editions import listed_on
from digest.run.matching import Matched, excluded, match
from digest.run.reporting import waits
from digest.sources import calendar
from digest.store import Connection, issues, ledger, traces
from digest.store.ledger import CANCELLED
from digest.why import delivering, standing
from digest.why.answer import Answer, Asked, Why


def chosen(asked: Asked, connection: Connection, had: Sequence[Any]) -> Answer:
    """Why a reader of the digest has had no mail with the paper. `had` are her mails with it."""
    assert asked.has is not None
    found = traces.issues_with(connection, asked.digest, asked.paper.id)
    draft = next((row for row in found if row.draft_until is not None), None)
    out = next((row for row in found if row.draft_until is None), None)
    has_topics = bool(asked.has.preferences.topics)
    if answer := _retired(asked, connection):
        return answer
    if draft is not None:
        return _draft(asked, connection, draft)
    if out is not None and not has_topics:
        return (
            delivering.elsewhere(asked, had)
            or _came_before_her(asked, connection, out)
            or standing.waiting(asked, connection)
            or _late(asked, connection, out)
            or _owed(asked, out)
        )
    unmatched = _foreign(asked) or _barred(asked)
    unmatched = unmatched or (_own_topics(asked) if has_topics else _topics(asked, connection))
    return (
        unmatched
        or delivering.elsewhere(asked, had)
        or standing.waiting(asked, connection)
        or _coming(asked, connection)
    )


def hindered(asked: Asked, connection: Connection, had: Sequence[Any]) -> Answer | None:
    """Why a mail that did not reach her is not made up for, or not yet."""
    assert asked.has is not None
    found = traces.issues_with(connection, asked.digest, asked.paper.id)
    out = next((row for row in found if row.draft_until is None), None)
    if asked.has.preferences.topics:
        late = _too_old(asked, listed_on(asked.paper, _digest(asked)))
    else:
        late = _past(asked, out) if out is not None else None
    return (
        _retired(asked, connection)
        or delivering.elsewhere(asked, had)
        or late
        or standing.waiting(asked, connection)
    )


def _retired(asked: Asked, connection: Connection) -> Answer | None:
    day = traces.retired_on(connection, asked.paper.id)
    if day is None:
        return None
    return asked.answer(
        Why.RETIRED,
        f"the paper is retired since {day}: who was sent it is forgotten by now ([keep]"
        " deliveries_days), so it is sent to nobody any more",
        at=day,
    )


# --- it is in an issue ---------------------------------------------------------------------------


def _draft(asked: Asked, connection: Connection, row: Any) -> Answer:
    draft = issues.load(connection, row.id)
    assert draft is not None
    return asked.answer(
        Why.DRAFT,
        f"it is in a draft that no editor has approved yet: {waits(asked.setup, draft)}",
        f"`digest approve {asked.digest}` sends it now",
        issue=row.id,
        at=row.draft_until,
    )


def _is_owed(asked: Asked, connection: Connection, row: Any) -> bool:
    """Also of an issue before she came, where it is the one that new readers get."""
    since = asked.setup.now - plan.LOOK_BACK
    among = (asked.subscriber, asked.subscriber)
    owed = ledger.missed(connection, asked.digest, since, with_latest=True, among=among)
    return row.id in owed.get(asked.subscriber, ())


def _came_before_her(asked: Asked, connection: Connection, row: Any) -> Answer | None:
    assert asked.has is not None
    since = asked.has.since
    if since is None or row.made_at >= since or _is_owed(asked, connection, row):
        return None
    return asked.answer(
        Why.BEFORE_SHE_CAME,
        f"it was in the issue {row.slot}, made {asked.when(row.made_at)}; she confirmed"
        f" {asked.when(since)}, and is owed what came after that, and the one issue before it",
        "the issue is in the digest's archive",
        issue=row.id,
        at=row.made_at,
        since=since,
    )


def _late(asked: Asked, connection: Connection, row: Any) -> Answer | None:
    if row.held == CANCELLED:
        return asked.answer(
            Why.CANCELLED,
            f"it was in the issue {row.slot}, which was cancelled",
            "its papers are in her next issue, if one comes within five weeks",
            issue=row.id,
        )
    if _is_owed(asked, connection, row):
        return None
    return _past(asked, row)


def _past(asked: Asked, row: Any) -> Answer | None:
    if row.made_at >= asked.setup.now - plan.LOOK_BACK:
        return None
    return asked.answer(
        Why.TOO_OLD,
        f"it was in the issue {row.slot}, and did not reach her; what is older than"
        f" {plan.LOOK_BACK.days} days is not made up for",
        "the issue is in the digest's archive",
        issue=row.id,
    )


def _owed(asked: Asked, row: Any) -> Answer:
    soon = "is being queued" if not row.is_queued else "is owed to her"
    return asked.answer(
        Why.NEXT,
        f"it is in the issue {row.slot}, and {soon}: nothing is against it",
        f"`digest run` queues what readers are owed; `digest run {asked.digest}` does it at once",
        issue=row.id,
    )


# --- it is in none -------------------------------------------------------------------------------


def _digest(asked: Asked) -> Digest:
    return asked.setup.config.digests[asked.digest]


def _foreign(asked: Asked) -> Answer | None:
    """It is none of the digest's sources', or never came as new."""
    wanted = set(_digest(asked).sources)
    listings = [one for one in asked.paper.listings if one.source in wanted]
    if not listings:
        known = ", ".join(sorted({one.source for one in asked.paper.listings})) or "none"
        return asked.answer(
            Why.OTHER_SOURCE,
            f"the paper came from {known}; the digest reads {', '.join(_digest(asked).sources)}",
            f"add the source under [digests.{asked.digest}] sources",
            sources=sorted({one.source for one in asked.paper.listings}),
        )
    if all(one.listed_on is None for one in listings):
        return asked.answer(
            Why.REPLACEMENT,
            "the digest's sources only gave a new version of it, never the paper as new",
            "`revised = true` tells readers who had a paper of its new versions, and nobody else",
        )
    return None


def _barred(asked: Asked) -> Answer | None:
    digest = _digest(asked)
    if not matching.is_in_categories(asked.paper, digest.categories):
        return asked.answer(
            Why.CATEGORY,
            f"its categories are {', '.join(asked.paper.categories)}; the digest takes"
            f" {', '.join(digest.categories)}",
            f"add one under [digests.{asked.digest}] categories",
            categories=list(asked.paper.categories),
        )
    if topic := excluded(asked.setup, digest.interest, asked.paper):
        return asked.answer(
            Why.EXCLUDED,
            f"the digest excludes {topic!r}, and the paper is about that",
            f"[digests.{asked.digest}] exclude is where that stands",
            topic=topic,
        )
    return None


def _topics(asked: Asked, connection: Connection) -> Answer | None:
    digest = _digest(asked)
    found = learning.find(
        asked.setup, asked.digest, digest.interest, [asked.paper], keep=False, down_to=0.0
    )
    if not found.matches:
        return _unmatched(asked, found, Why.NOT_MATCHED, "the digest's topics")
    day = listed_on(asked.paper, digest)
    since = issues.peek_since(connection, asked.digest)
    if since and day < since:
        return asked.answer(
            Why.BEFORE_THE_DIGEST,
            f"it matches, but was listed on {day}; the digest brings what was listed from {since}"
            " on, its first day or the one on which its topics were changed",
            "`digest pick` puts it into the next issue all the same",
            at=day,
            since=since,
        )
    return _too_old(asked, day)


def _own_topics(asked: Asked) -> Answer | None:
    assert asked.has is not None
    digest, wants = _digest(asked), asked.has.preferences
    interest = digest.interest_of(wants.topics)
    found = match(asked.setup, interest, [asked.paper], keep=False, down_to=0.0)
    if not found.matches:
        whose = f"her own topics ({', '.join(wants.topics)})"
        return _unmatched(asked, found, Why.OWN_TOPICS, whose)
    day = listed_on(asked.paper, digest)
    assert asked.has.since is not None
    joined = calendar.newest_feed_day(asked.has.since)
    if day < joined:
        return asked.answer(
            Why.BEFORE_SHE_CAME,
            f"it matches her topics, but was listed on {day}, before {joined}, the day on which she"
            " confirmed",
            at=day,
            since=asked.has.since,
        )
    return _too_old(asked, day)


def _too_old(asked: Asked, day: date) -> Answer | None:
    first = calendar.newest_feed_day(asked.setup.now) - plan.LOOK_BACK
    if day >= first:
        return None
    return asked.answer(
        Why.TOO_OLD,
        f"it matches, but was listed on {day}, and no issue took it while it was new; what is older"
        f" than {plan.LOOK_BACK.days} days is not sent any more",
        "`digest pick` puts it into the next issue all the same",
        at=day,
    )


def _unmatched(asked: Asked, found: Matched, why: Why, whose: str) -> Answer:
    near = max(found.near, key=lambda one: one.score, default=None)
    score, topic = (near.score, near.topic) if near else (0.0, "")
    best = f"the nearest is {topic!r} with {score:g}" if near else "none comes near"
    odd = f" ({'; '.join(found.warnings)})" if found.warnings else ""
    return asked.answer(
        why,
        f"it does not match {whose}: {best}, and {matching.THRESHOLD:g} is a match{odd}",
        f"`digest backtest {asked.digest} --topic …` shows what other topics would bring",
        score=score,
        threshold=matching.THRESHOLD,
        topic=topic,
    )


def _coming(asked: Asked, connection: Connection) -> Answer:
    """It matches, and no issue has it yet."""
    name = asked.digest
    if (draft := issues.draft(connection, name)) is not None:
        return asked.answer(
            Why.DRAFT,
            "it matches, and is in the issue after the one that waits: "
            + waits(asked.setup, draft),
            f"`digest approve {name}` sends that now",
            issue=draft.id,
            at=draft.draft_until,
        )
    if not _digest(asked).schedule:
        return asked.answer(
            Why.NO_SCHEDULE,
            "it matches, and no issue has it yet; the digest has no schedule",
            f"`digest run {name}` makes an issue now; [digests.{name}] schedule makes it regular",
        )
    one = outlook.coming(asked.setup, connection, [name])[name]
    if one.open:
        last = issues.last_reports(connection).get(name)
        said = last.report if last else None
        return asked.answer(
            Why.SLOT_OPEN,
            "it matches, and " + outlook.open_words(one, said, asked.setup.now),
            "nothing, if it is the source that is late; `digest status` tells more",
            slot=one.open.key,
            at=one.look_at,
        )
    at = one.next.due_at if one.next else None
    return asked.answer(
        Why.NEXT,
        "it matches, and no issue has it yet: it can be in the one of"
        f" {outlook.shown(at, one.zone)}",
        f"`digest run {name}` makes one now",
        at=at,
    )
