"""The summarizers: a title and an abstract → what the paper does, in a sentence or two."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Text:
    """What a summarizer gets to see of a paper, in plain Unicode."""

    title: str
    abstract: str  #: empty where the source had none


class Summarizer(Protocol):
    """What makes summaries."""

    @property
    def id(self) -> str:
        """Its name with its revision, "lead/1": a new id means that papers are summarized anew."""

    def summarize(self, texts: Sequence[Text]) -> list[str]:
        """One summary each; empty where there is nothing to summarize.

        Shapes: same length and order as `texts`.
        """


def _lead() -> Summarizer:
    from digest.summarizers.lead import Lead

    return Lead()


#: name → maker. What a summarizer needs is imported when it is made.
BUILTIN: dict[str, Callable[[], Summarizer]] = {"lead": _lead}
