"""What `papers_like` names: ids of papers, and files that reference managers export."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from digest import dedupe, library
from digest.errors import BadConfig
from digest.run.setup import Setup
from digest.store import papers as paper_rows
from digest.types import Example

MOST_BYTES = 50_000_000


def examples(setup: Setup, like: Sequence[str]) -> tuple[tuple[Example, ...], tuple[str, ...]]:
    """The papers, each once, and warnings of ids that the store does not know yet.

    Raises: BadConfig for a file that is not there, or that cannot be read.
    """
    found: list[Example] = []
    for name in like:
        if is_file(name):
            found += library.read(name, _content(Path(name)))
    ids = [name for name in like if not is_file(name)]
    with setup.store.read() as connection:
        known = paper_rows.by_alias(connection, [a for id in ids for a in dedupe.aliases_of(id)])
    missing = []
    for id in ids:
        paper = next((known[a] for a in dedupe.aliases_of(id) if a in known), None)
        if paper:
            found.append(Example(title=paper.title, abstract=paper.abstract))
        else:
            missing.append(id)
    lines = [f"papers_like: the store does not know {id!r} yet; `digest fetch` asks for it"
             for id in missing]  # fmt: skip
    return tuple(dict.fromkeys(found)), tuple(lines)


def unknown_arxiv_ids(setup: Setup, digests: Collection[str]) -> list[str]:
    """The arXiv ids, without prefix, that digests name and the store does not know."""
    named = {
        alias
        for digest in digests
        for name in setup.config.digests[digest].papers_like
        if not is_file(name)
        for alias in dedupe.aliases_of(name)
        if alias.startswith("arxiv:")
    }
    with setup.store.read() as connection:
        known = paper_rows.by_alias(connection, named)
    return sorted(alias.removeprefix("arxiv:") for alias in named - known.keys())


def is_file(name: str) -> bool:
    """Whether it names a file rather than a paper."""
    return name.lower().endswith(library.ENDINGS)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as why:
        raise BadConfig(f"papers_like: {path} cannot be read: {why.strerror}") from why
    if len(content) > MOST_BYTES:
        raise BadConfig(f"papers_like: {path} has more than {MOST_BYTES // 1_000_000} MB")
    return content
