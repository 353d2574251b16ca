"""RSS and Atom bytes → feedparser's reading of them, or a clear no. Pure."""

from __future__ import annotations

import io
import re
from datetime import UTC, date, datetime
from typing import Any

from digest.errors import NotAFeed

_CLOSED = re.compile(rb"</(?:\w+:)?(?:rss|feed|RDF)\s*>\s*(?:<!--.*?-->\s*)*\Z", re.DOTALL)


def parse(body: bytes, url: str) -> Any:
    """Read a whole feed.

    Raises: NotAFeed when the bytes are no feed, or only the beginning of one. A feed with a flaw
    in its middle is read as well as it can be: one bad entry must not hide the others.
    """
    import feedparser

    if not body.strip():
        raise NotAFeed(f"{url} answered with nothing at all")
    # feedparser opens whatever looks like a path or an address; a stream it can only read.
    stream = io.BytesIO(body)
    try:
        parsed = feedparser.parse(stream, sanitize_html=False, resolve_relative_uris=False)
    except (ValueError, LookupError, AttributeError, RecursionError) as why:
        raise NotAFeed(f"{url} answered with bytes that cannot be read: {why}") from why
    if not parsed.version:
        raise NotAFeed(f"{url} answered with something that is not a feed: {_opening(body)!r}")
    if parsed.bozo and not _CLOSED.search(body.rstrip()):
        raise NotAFeed(f"{url} was cut off: the feed has no end")
    return parsed


def when(entry: Any) -> datetime | None:
    """The entry's own time, UTC, where it gives a readable one."""
    return _datetime(_stamp(entry))


def feed_time(parsed: Any) -> datetime | None:
    """The time the feed gives for itself."""
    return _datetime(_stamp(parsed.feed))


def note(parsed: Any) -> str:
    """What an operator should know of a feed that could be read."""
    if parsed.bozo and "SAX" in type(parsed.bozo_exception).__name__:
        return f"not well-formed ({parsed.bozo_exception})"
    return ""


def day_of(moment: datetime | None, otherwise: date) -> date:
    """The UTC date of `moment`."""
    return moment.date() if moment else otherwise


def _stamp(of: Any) -> Any:
    # Asked for an update that is not there, feedparser warns and gives something else.
    is_updated = "updated_parsed" in of
    return of.get("published_parsed") or (of["updated_parsed"] if is_updated else None)


def _datetime(stamp: Any) -> datetime | None:
    if not stamp:
        return None
    try:
        year, month, day, hour, minute, second = stamp[:6]
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except (TypeError, ValueError):
        return None


def _opening(body: bytes) -> str:
    return " ".join(body[:80].decode("utf-8", "replace").split())
