"""Of all that stands where, what somebody should look at first. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from digest.types import UNFINISHED

#: From then on a slot that nobody looks at means that nothing runs here.
_ASLEEP = timedelta(hours=1)


def troubles(found: Mapping[str, Any]) -> list[str]:
    """In a line each, the worst first; what is about many digests alike is said once."""
    return [
        *(f"{one['about']}: alerted since {one['since'][:10]}" for one in found["alerts"]),
        *_asleep(found),
        *_open(found["digests"]),
        *_in_doubt(found["in_doubt"]),
        *_sources(found["sources"]),
    ]


def _asleep(found: Mapping[str, Any]) -> Iterator[str]:
    now = datetime.fromisoformat(found["now"])
    late = [
        one
        for one in found["digests"]
        if one["open"]
        and one["open"]["look_at"]
        and now - datetime.fromisoformat(one["open"]["look_at"]) > _ASLEEP
    ]
    if late:
        yield (
            f"nobody has looked at {_many([one['digest'] for one in late])} since"
            f" {min(one['open']['look_at'] for one in late)[:16]} UTC: does `digest serve`,"
            " or `digest run` by cron, still run?"
        )


def _open(digests: list[Mapping[str, Any]]) -> Iterator[str]:
    by_words: dict[str, list[str]] = {}
    for one in digests:
        if one["open"]:
            by_words.setdefault(one["open"]["detail"], []).append(one["digest"])
        elif one["report"] and one["report"]["reason"] in UNFINISHED:
            said = f"the last run came to nothing: {one['report']['reason']}"
            by_words.setdefault(said, []).append(one["digest"])
    for words, names in by_words.items():
        yield f"{_many(names)}: {words}"


def _in_doubt(rows: list[Mapping[str, Any]]) -> Iterator[str]:
    for one in rows:
        yield (
            f"{one['mails']} of {one['issue']} in doubt: they may have arrived or not;"
            f" `{one['command']}` sends them again"
        )


def _sources(sources: list[Mapping[str, Any]]) -> Iterator[str]:
    for one in sources:
        if one["reason"] in UNFINISHED:
            said = f": {one['detail']}" if one["detail"] else ""
            yield f"source {one['source']} is {one['reason']}{said}"


def _many(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
