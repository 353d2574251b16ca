"""Summaries by what they were made of and what made them: none is ever computed twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from digest.store.tables import summaries
from digest.store.upsert import chunks, upsert
from digest.types import Summary


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What a summary depends on but for its text: another key takes the place of none."""

    summarizer: str  #: the one asked, with its revision
    prompt: str = ""  #: the hash of what it was told
    language: str = "en"


def known(connection: Connection, hashes: Iterable[str], key: Key) -> dict[str, Summary]:
    """Text hash → summary, for those there are."""
    found: dict[str, Summary] = {}
    for chunk in chunks(sorted(set(hashes)), 500):
        query = select(summaries).where(
            summaries.c.text_hash.in_(chunk),
            summaries.c.summarizer == key.summarizer,
            summaries.c.prompt_hash == key.prompt,
            summaries.c.language == key.language,
        )
        for row in connection.execute(query):
            found[row.text_hash] = Summary(
                text=row.summary,
                summarizer=row.made_by,
                # What another had to make is an extract, in the abstract's own language.
                language="en" if row.reason else row.language,
                reason=row.reason,
            )
    return found


def save(connection: Connection, made: Mapping[str, Summary], key: Key, now: datetime) -> None:
    """Keep summaries by text hash."""
    rows = [
        {
            "text_hash": hash,
            "summarizer": key.summarizer,
            "prompt_hash": key.prompt,
            "language": key.language,
            "summary": summary.text,
            "made_by": summary.summarizer,
            "reason": summary.reason,
            "made_at": now,
        }
        for hash, summary in made.items()
    ]
    upsert(connection, summaries, rows)
