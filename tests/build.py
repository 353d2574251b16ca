"""Values for tests, one builder each, with dull defaults: say only what the test is about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any

from digest.types import (
    Delivery,
    Edition,
    Issue,
    Item,
    Links,
    Listing,
    Masthead,
    Paper,
    Rendered,
    Summary,
)

DAY = date(2026, 6, 22)
NOW = datetime(2026, 6, 22, 6, 0, tzinfo=UTC)


def links(number: str = "2606.00001") -> Links:
    """The two links every arXiv paper has."""
    return Links(abstract=f"https://arxiv.org/abs/{number}", pdf=f"https://arxiv.org/pdf/{number}")


def paper(title: str = "A paper", number: str = "2606.00001", **changes: Any) -> Paper:
    """An arXiv paper announced as new on `DAY`; `number` is its arXiv number."""
    plain = Paper(
        id=f"arxiv:{number}",
        aliases=(f"arxiv:{number}",),
        title=title,
        abstract="We measure a thing. It is small.",
        authors=("Ada Example", "Bo Sample"),
        categories=("cs.CL",),
        announced_on=DAY,
        links=links(number),
        listings=(Listing(source="arxiv", announce="new", listed_on=DAY),),
    )
    return replace(plain, **changes)


def summary(text: str = "We measure a thing.", **changes: Any) -> Summary:
    """A summary by the lead summarizer."""
    return replace(Summary(text=text, summarizer="lead/1"), **changes)


def item(of: Paper | str = "A paper", **changes: Any) -> Item:
    """A paper, or one of that title, under the topic "Retrieval"."""
    plain = Item(
        paper=paper(of) if isinstance(of, str) else of,
        section="Retrieval",
        score=1.0,
        because=("retrieval",),
        summary=summary(),
    )
    return replace(plain, **changes)


def issue(items: Iterable[Item] = (), **changes: Any) -> Issue:
    """The issue of `DAY` at eight of the digest "reading"."""
    plain = Issue(
        digest="reading",
        slot="2026-06-22T08:00",
        title="Reading group",
        made_at=NOW,
        items=tuple(items),
    )
    return replace(plain, **changes)


def edition(shown: Iterable[Item] = (), more: Iterable[Item] = (), **changes: Any) -> Edition:
    """An HTML edition of an issue of just these items."""
    shown, more = tuple(shown), tuple(more)
    plain = Edition(key="", issue=issue(shown + more), shown=shown, more=more)
    changed = replace(plain, **changes)
    return replace(changed, key=sha256(repr(changed).encode()).hexdigest()[:16])


def masthead(**changes: Any) -> Masthead:
    """The masthead of the digest "Reading group", without web pages."""
    plain = Masthead(
        title="Reading group",
        operator="The Reading Group",
        address="1 Example Street, Sampleton",
        contact="papers@example.org",
        sender="Reading group <digest@papers.example.org>",
    )
    return replace(plain, **changes)


def linked(**changes: Any) -> Masthead:
    """The same with the links of a reader's mail."""
    pages = "https://papers.example.org"
    links = {
        "unsubscribe_url": f"{pages}/unsubscribe/{'u' * 40}",
        "preferences_url": f"{pages}/preferences/{'p' * 40}",
        "opinion_url": f"{pages}/opinion/{'o' * 40}",
    }
    return masthead(**links | changes)


def rendered(**changes: Any) -> Rendered:
    """The smallest text of an edition."""
    plain = Rendered(
        edition="e1",
        subject="Reading group: 1 paper, 22 June 2026",
        html="<p>A paper</p>\n",
        markdown="A paper\n",
        text="A paper\n",
    )
    return replace(plain, **changes)


def delivery(**changes: Any) -> Delivery:
    """A queued delivery to reader@example.org."""
    plain = Delivery(
        issue="reading/2026-06-22T08:00",
        subscriber="s1",
        address="reader@example.org",
        edition="e1",
        message_id="d1@papers.example.org",
    )
    return replace(plain, **changes)
