"""What is public: the issues that are out, and the papers in them. Drafts are not there at all."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from digest import compose, dedupe
from digest.run.setup import Setup
from digest.store import issues
from digest.store import papers as paper_rows
from digest.types import Edition, Issue

_SLOT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}", re.ASCII)
_ID = re.compile(r"[!-~\u00a1-\ud7ff\ue000-\uffef ]{1,300}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """An issue in a list of issues."""

    digest: str
    slot: str
    title: str
    made_at: datetime
    papers: int  #: new ones


def past(setup: Setup, name: str, most: int, before: str = "") -> list[Past]:
    """The issues of a digest, newest first; with `before`, those of earlier slots."""
    if name not in setup.config.digests or (before and not _SLOT.fullmatch(before)):
        return []
    with setup.store.read() as connection:
        rows = issues.out(connection, name, most, before)
    return [
        Past(digest=name, slot=row.slot, title=row.title, made_at=row.made_at, papers=row.papers)
        for row in rows
    ]


def issue(setup: Setup, name: str, slot: str) -> Issue | None:
    """An issue that is out."""
    if name not in setup.config.digests or not _SLOT.fullmatch(slot):
        return None
    with setup.store.read() as connection:
        found = issues.load(connection, f"{name}/{slot}")
    return None if found is None or found.draft_until else found


def whole(setup: Setup, of: Issue) -> Edition:
    """All of an issue, in the order of its mails."""
    topics = setup.config.digests[of.digest].topics
    return compose.edition(of, of.items, cap=len(of.items), topics=topics)


def title_of(setup: Setup, paper: str) -> str:
    """The title of a paper by its id; empty where it is not known."""
    if not _ID.fullmatch(paper):
        return ""
    with setup.store.read() as connection:
        found = paper_rows.by_alias(connection, dedupe.aliases_of(paper))
    return next((one.title for one in found.values()), "")
