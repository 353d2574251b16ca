"""Any RSS or Atom feed. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from digest import text
from digest.sources import listing, syndication
from digest.sources.arxiv import PACE_S
from digest.sources.categories import is_category
from digest.types import Answer, Ask, Entry, Links, Page, Reading, Request, Response

ACCEPT = "application/atom+xml, application/rss+xml, application/xml, text/xml, */*"
_ARXIV = re.compile(
    r"arxiv\.org/(?:abs|pdf)/(\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7})|10\.48550/arxiv\.(\S+)",
    re.IGNORECASE,
)
_LINK = re.compile(r"[^\x00-\x1f\x7f]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DOI = re.compile(r"(?:doi\.org/|doi:\s*)(10\.\d{4,9}/[^\s?#]+)|^(10\.\d{4,9}/\S+)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """A source of kind `feed`."""

    name: str
    url: str

    def next_request(self, ask: Ask, answers: Sequence[Answer]) -> Request | None:
        """The feed itself, once."""
        if answers:
            return None
        host = urlsplit(self.url).hostname or ""
        is_arxiv = host == "arxiv.org" or host.endswith(".arxiv.org")
        return Request(
            url=self.url,
            source=self.name,
            kind="feed",
            accept=ACCEPT,
            # Whatever the source is called, arXiv counts over all its services.
            group="arxiv" if is_arxiv else f"feed-{self.name}",
            pace_s=PACE_S if is_arxiv else 1.0,
        )

    def read(self, response: Response, ask: Ask) -> Page:
        """The whole feed."""
        request = response.request
        if response.is_unchanged:
            return Page(request=request, is_unchanged=True)
        parsed = syndication.parse(response.body, request.url)
        entries = [_entry(raw, ask) for raw in parsed.entries]
        unread = entries.count(None)
        notes = [f"{unread} entries without a title were left out" if unread else ""]
        return Page(
            request=request,
            entries=tuple(e for e in entries if e),
            note="; ".join(filter(None, [*notes, syndication.note(parsed)])),
        )

    def conclude(self, ask: Ask, answers: Sequence[Answer]) -> Reading:
        """The feed's entries."""
        return listing.reading(ask, answers)


def _entry(raw: Any, ask: Ask) -> Entry | None:
    title = text.plain(raw.get("title", ""))
    if not title:
        return None
    link = raw.get("link", "")
    page = _page(link)
    today = listing.today(ask)
    dated = syndication.day_of(syndication.when(raw), today)
    people = raw.get("authors", [])
    names = [text.plain(p.get("name", "")) for p in people] if len(people) > 1 else []
    return Entry(
        source=ask.source,
        aliases=_aliases(raw, page, ask.source, title),
        title=title,
        abstract=text.plain(_body(raw)),
        authors=tuple(filter(None, names)) or text.authors(raw.get("author", "")),
        # Other tags are the publisher's own words and would fail every condition on categories.
        categories=tuple(
            t for tag in raw.get("tags", []) if is_category(t := tag.get("term") or "")
        ),
        announced_on=dated,
        links=Links(abstract=page),
    )


def _page(link: str) -> str:
    """A link that leads somewhere; what else stands there is nobody's address."""
    try:
        is_one = urlsplit(link).scheme in ("http", "https") and _LINK.fullmatch(link)
    except ValueError:  # brackets that are not of an address
        return ""
    return link if is_one else ""


def _body(raw: Any) -> str:
    """Atom's summary, else the longest content there is."""
    contents = [c.get("value", "") for c in raw.get("content", [])]
    return raw.get("summary") or max(contents, key=len, default="")


def _aliases(raw: Any, page: str, source: str, title: str) -> tuple[str, ...]:
    found = []
    id = _CONTROL.sub("", raw.get("id", ""))
    for words in (raw.get("prism_doi", ""), raw.get("dc_identifier", ""), id, page):
        words = _CONTROL.sub("", words)
        if match := _ARXIV.search(words):
            found.append("arxiv:" + re.sub(r"v\d+$", "", match[1] or match[2]))
        elif match := _DOI.search(words):
            found.append("doi:" + (match[1] or match[2]).lower())
    if page:
        found.append("link:" + urlunsplit(urlsplit(page)._replace(fragment="")))
    if id and id != page:
        found.append(f"guid:{source}:{id[:300]}")
    # Some feeds give no ids, and some give all entries the same one.
    digits = hashlib.sha256(f"{title}\n{_body(raw)}".encode()).hexdigest()[:24]
    found.append(f"entry:{source}:{digits}")
    return tuple(dict.fromkeys(found))
