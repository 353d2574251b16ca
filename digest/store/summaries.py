"""Summaries by what they were made of and what made them: none is ever computed twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection, select

from digest.store.tables import summaries
from digest.store.upsert import chunks, upsert


def known(
    connection: Connection, hashes: Iterable[str], summarizer: str, prompt: str, language: str
) -> dict[str, str]:
    """Text hash → summary, for those there are."""
    found: dict[str, str] = {}
    for chunk in chunks(sorted(set(hashes)), 500):
        query = select(summaries.c.text_hash, summaries.c.summary).where(
            summaries.c.text_hash.in_(chunk),
            summaries.c.summarizer == summarizer,
            summaries.c.prompt_hash == prompt,
            summaries.c.language == language,
        )
        found.update((hash, summary) for hash, summary in connection.execute(query))
    return found


def save(
    connection: Connection,
    made: Mapping[str, str],
    summarizer: str,
    prompt: str,
    language: str,
    now: datetime,
) -> None:
    """Keep summaries by text hash."""
    common = {"summarizer": summarizer, "prompt_hash": prompt, "language": language, "made_at": now}
    rows = [{"text_hash": hash, "summary": summary, **common} for hash, summary in made.items()]
    upsert(connection, summaries, rows)
