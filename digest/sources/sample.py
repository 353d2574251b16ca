"""The invented papers that ship with the project, in the byte shapes of the real services. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import cast

from digest.sources import Source, listing
from digest.sources.arxiv import Arxiv
from digest.sources.biorxiv import Biorxiv
from digest.sources.feed import Feed
from digest.sources.huggingface import HuggingFace
from digest.types import Answer, Ask, Entry, Links, Page, Reading, Request, Response

FIRST_DAY, SECOND_DAY = date(2026, 3, 2), date(2026, 3, 3)

#: (file, shape of its bytes, day of its papers)
FILES = (
    ("arxiv-2026-03-02.xml", "arxiv/feed", FIRST_DAY),
    ("arxiv-api.xml", "arxiv/api", FIRST_DAY),
    ("feed.xml", "feed/feed", FIRST_DAY),
    ("arxiv-2026-03-03.xml", "arxiv/feed", SECOND_DAY),
    ("biorxiv-2026-03-03.json", "biorxiv/0", SECOND_DAY),
    ("daily-papers-2026-03-03.json", f"huggingface/{SECOND_DAY}/0", SECOND_DAY),
)


def _readers() -> dict[str, Source]:
    return {
        "arxiv": Arxiv(),
        "biorxiv": Biorxiv(),
        "feed": Feed(name="sample", url="sample:feed.xml"),
        "huggingface": HuggingFace(url="https://papers.example.org/api/daily_papers"),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The source `sample`: two days of papers, read by the readers of the real services."""

    name: str = "sample"
    readers: dict[str, Source] = field(default_factory=_readers)

    def next_request(self, ask: Ask, answers: Sequence[Answer]) -> Request | None:
        """The files up to today, one after the other."""
        today = listing.today(ask)
        files = [row for row in FILES if row[2] <= today]
        if len(answers) >= len(files):
            return None
        name, kind, _ = files[len(answers)]
        return Request(url=f"sample:{name}", source=self.name, kind=kind, group="sample", pace_s=0)

    def read(self, response: Response, ask: Ask) -> Page:
        """One file, by the reader of its shape."""
        shape, _, kind = response.request.kind.partition("/")
        inner = replace(response, request=replace(response.request, kind=kind))
        page = self.readers[shape].read(inner, replace(ask, categories=("cs", "math", "q-bio")))
        today = listing.today(ask)
        entries = tuple(_own(e) for e in page.entries if e.announced_on <= today)
        return replace(page, request=response.request, entries=entries)

    def conclude(self, ask: Ask, answers: Sequence[Answer]) -> Reading:
        """All entries up to today."""
        return listing.reading(ask, answers)


def _own(entry: Entry) -> Entry:
    """No link of an invented paper leads to a service that does not have it."""
    links = entry.links
    names = ("abstract", "pdf", "code", "discussion")
    moved = {name: _move(cast(str, getattr(links, name))) for name in names}
    return replace(entry, links=Links(**moved))


def _move(address: str) -> str:
    for host in ("https://arxiv.org", "https://www.biorxiv.org"):
        address = address.replace(host, "https://papers.example.org")
    return address
