"""The sources: what to ask a service for, and how to read the bytes that come back. Pure.

A source is three answers to three questions. It never touches the network: the shell asks
`next_request`, fetches, has the bytes `read`, and goes on until there is nothing more to ask;
`conclude` then says what all of it amounts to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from digest.types import Answer, Ask, Page, Reading, Request, Response


class Source(Protocol):
    """Where papers come from."""

    def next_request(self, ask: Ask, answers: Sequence[Answer]) -> Request | None:
        """What to ask for next, given what came so far; None when there is nothing more."""

    def read(self, response: Response, ask: Ask) -> Page:
        """What one response holds.

        Raises: NotAFeed when it is not the whole of what was asked for.
        """

    def conclude(self, ask: Ask, answers: Sequence[Answer]) -> Reading:
        """What all answers together say, every entry with the day from which it is owed."""


def _arxiv(name: str, **settings: Any) -> Source:
    from digest.sources.arxiv import Arxiv

    return Arxiv(name=name, **settings)


def _huggingface(name: str, **settings: Any) -> Source:
    from digest.sources.huggingface import HuggingFace

    return HuggingFace(name=name, **settings)


def _biorxiv(name: str, **settings: Any) -> Source:
    from digest.sources.biorxiv import Biorxiv

    return Biorxiv(name=name, **settings)


def _feed(name: str, **settings: Any) -> Source:
    from digest.sources.feed import Feed

    return Feed(name=name, **settings)


def _sample(name: str, **settings: Any) -> Source:
    from digest.sources.sample import Sample

    return Sample(name=name, **settings)


#: kind → maker. The settings are the keys of the source's table in digest.toml, less `kind`.
BUILTIN: dict[str, Callable[..., Source]] = {
    "arxiv": _arxiv,
    "biorxiv": _biorxiv,
    "feed": _feed,
    "huggingface": _huggingface,
    "sample": _sample,
}

#: The settings each built-in kind understands, and those it cannot do without.
SETTINGS: dict[str, frozenset[str]] = {
    "arxiv": frozenset({"rss", "api", "holidays"}),
    "biorxiv": frozenset({"url", "server"}),
    "feed": frozenset({"url"}),
    "huggingface": frozenset({"url"}),
    "sample": frozenset(),
}
REQUIRED: dict[str, frozenset[str]] = {"feed": frozenset({"url"})}

#: The kinds that cannot ask for anything without categories.
NEEDS_CATEGORIES = frozenset({"arxiv"})
