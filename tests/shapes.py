"""Invented papers in the byte shapes of the services, for tests and benchmarks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from xml.sax.saxutils import escape

from digest.sources.calendar import EASTERN

WORDS = (
    "adapter retrieval protein image question small large sparse dense graph token layer speech"
    " robot wave planning answer memory prompt kernel sample bound proof noise signal search index"
    " agent policy reward vision tensor quantum ocean cell scan voice tree path query cache"
).split()


def title(n: int) -> str:
    """A title of its own for every number."""
    some = [WORDS[(n * k + n // k) % len(WORDS)] for k in (3, 5, 7, 11)]
    return f"On {' '.join(some)} number {n}"


def abstract(n: int) -> str:
    """Six sentences of its own for every number, 150 words."""
    lines = []
    for k in range(1, 7):
        words = [WORDS[(n * j + k * k + j) % len(WORDS)] for j in range(1, 24)]
        lines.append(f"{'We propose' if k == 2 else 'The'} {' '.join(words)} {n}.")
    return " ".join(lines)


def ids(day: date, count: int, start: int = 0) -> list[str]:
    """Ids in the order of announcement: later days have higher ones."""
    base = (day - date(2026, 6, 1)).days * 1000 + start
    return [f"2606.{base + n:05d}" for n in range(count)]


Row = tuple[str, str, tuple[str, ...]]  #: id, announce type, categories


def rows(
    day: date, count: int, start: int = 0, kind: str = "new", categories: Sequence[str] = ("cs.CL",)
) -> list[Row]:
    """The announcements of a day."""
    return [(id, kind, tuple(categories)) for id in ids(day, count, start)]


def number(id: str) -> int:
    """The number that titles and abstracts are made from."""
    return int(id.replace(".", ""))


def rss(day: date, items: Iterable[Row]) -> bytes:
    """arXiv's daily feed."""
    stamp = format_datetime(datetime(day.year, day.month, day.day, tzinfo=EASTERN))
    body = "".join(
        f"<item><title>{escape(title(number(id)))}</title>"
        f"<link>https://arxiv.org/abs/{id}</link><description>arXiv:{id}v{_v(kind)} Announce Type:"
        f" {kind} \nAbstract: {escape(abstract(number(id)))}</description>"
        f'<guid isPermaLink="false">oai:arXiv.org:{id}v{_v(kind)}</guid>'
        + "".join(f"<category>{c}</category>" for c in categories)
        + f"<pubDate>{stamp}</pubDate><arxiv:announce_type>{kind}</arxiv:announce_type>"
        f"<dc:creator>Ada Example{number(id)}, Bo Sample (Lab A, Town B)</dc:creator></item>\n"
        for id, kind, categories in items
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<rss xmlns:arxiv="http://arxiv.org/schemas/atom"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/" version="2.0"><channel>'
        f"<title>updates on arXiv.org</title><link>http://rss.arxiv.org/</link>"
        f"<description>d</description><lastBuildDate>{stamp}</lastBuildDate>"
        f"<pubDate>{stamp}</pubDate><skipDays><day>Sunday</day><day>Saturday</day></skipDays>"
        f"\n{body}</channel></rss>\n"
    ).encode()


def _v(kind: str) -> int:
    return 2 if kind.startswith("replace") else 1


def api(
    items: Sequence[tuple[str, datetime]],
    total: int | None = None,
    categories: Mapping[str, Sequence[str]] | None = None,
) -> bytes:
    """A page of arXiv's query API: id and time of submission; in cs.CL where nothing is said."""
    named = {id: (categories or {}).get(id, ("cs.CL",)) for id, _ in items}
    body = "".join(
        f"<entry><id>http://arxiv.org/abs/{id}v1</id><updated>{when.isoformat()}</updated>"
        f"<published>{when.isoformat()}</published><title>{escape(title(number(id)))}</title>"
        f"<summary>  {escape(abstract(number(id)))}\n</summary>"
        f"<author><name>Ada Example{number(id)}</name></author>"
        f'<link href="http://arxiv.org/abs/{id}v1" rel="alternate" type="text/html"/>'
        f'<arxiv:primary_category term="{named[id][0]}"/>'
        + "".join(f'<category term="{c}"/>' for c in named[id])
        + "</entry>\n"
        for id, when in items
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom"'
        ' xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/"'
        ' xmlns:arxiv="http://arxiv.org/schemas/atom"><title>arXiv Query</title>'
        "<id>http://arxiv.org/api/x</id><updated>2026-06-24T00:00:00Z</updated>"
        f"<opensearch:totalResults>{len(items) if total is None else total}"
        f"</opensearch:totalResults>\n{body}</feed>\n"
    ).encode()


API_ERROR = (
    b'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>arXiv Query</title>'
    b"<entry><id>http://arxiv.org/api/errors#incorrect</id><title>Error</title>"
    b"<summary>incorrect query</summary></entry></feed>"
)


def daily(picks: Iterable[tuple[str, int]], day: date) -> bytes:
    """The community's daily papers: id and upvotes."""
    return json.dumps(
        [
            {
                "paper": {
                    "id": id,
                    "title": title(number(id)),
                    "summary": abstract(number(id)),
                    "authors": [{"name": f"Ada Example{number(id)}", "hidden": False}],
                    "submittedOnDailyAt": f"{day}T08:00:00.000Z",
                    "publishedAt": f"{day - timedelta(days=3)}T00:00:00.000Z",
                    "upvotes": upvotes,
                },
                "numComments": 2,
            }
            for id, upvotes in picks
        ]
    ).encode()


def biorxiv(found: Sequence[dict[str, object]], total: object = None) -> bytes:
    """A page of bioRxiv's details."""
    message = {"status": "ok", "cursor": "0", "count": len(found), "total": total or len(found)}
    return json.dumps({"messages": [message], "collection": found}).encode()


def preprint(
    n: int, posted: str, version: str = "1", category: str = "neuroscience"
) -> dict[str, object]:
    """A row of bioRxiv's."""
    return {
        "doi": f"10.5555/2026.{n:06d}",
        "title": title(n),
        "authors": f"Example{n}, A.; Sample, B. C.",
        "date": posted,
        "version": version,
        "category": category,
        "abstract": abstract(n),
        "server": "biorxiv",
    }


def feed(items: Iterable[tuple[str, str, str]]) -> bytes:
    """A plain feed: title, link, abstract."""
    body = "".join(
        f"<item><title>{escape(words)}</title><link>{escape(link)}</link>"
        f"<description>{escape('<p>' + escape(said) + '</p>')}</description></item>"
        for words, link, said in items
    )
    return (
        '<?xml version="1.0"?><rss version="2.0"><channel><title>Lab</title>'
        f"<link>https://lab.example.org/</link><description>d</description>{body}</channel></rss>"
    ).encode()


def utc(day: date, hour: int = 8) -> datetime:
    """An hour of a day."""
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
