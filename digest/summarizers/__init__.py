"""The summarizers: a title and an abstract → what the paper does, in a sentence or two.

Built in are those that only select and shorten (`BUILTIN`; "embedded:FOLDER" is a model of one's
own training), models of the Hugging Face Hub
("hub:ORG/NAME", in `hub`) and chat services ("openai:MODEL@URL", in `endpoint`). Your own comes as
"package.module:factory": a function without arguments that gives a `Summarizer`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from digest.errors import DigestError

#: Whose words stand in for those of a model that failed: they are the abstract's own.
EXTRACT = "embedded"


@dataclass(frozen=True, slots=True)
class Text:
    """What a summarizer gets to see of a paper, in plain Unicode."""

    title: str
    abstract: str  #: empty where the source had none


@dataclass(frozen=True, kw_only=True)
class Options:
    """What one that writes by itself may be told; those that only extract have no use for it."""

    language: str = "en"  #: to write in
    prompt: str = ""  #: one's own words to the model; empty: ours
    batch: int = 8  #: papers at a time
    max_new_tokens: int = 160  #: of one summary
    concurrency: int = 4  #: requests at a time
    timeout_s: float = 60  #: for one answer
    tokens_per_run: int = 1_000_000  #: of questions and answers together


@runtime_checkable
class Summarizer(Protocol):
    """What makes summaries. Derive from it, and only `id` and `summarize` are left to say."""

    @property
    def id(self) -> str:
        """Its name with its revision, "lead/1": a new id means that papers are summarized anew."""

    @property
    def prompt_hash(self) -> str:
        """What stands for the words it tells a model; a new one has the same effect."""
        return ""

    @property
    def extracts(self) -> bool:
        """All its words are the abstract's own: there is nothing to check, nor to translate."""
        return False

    @property
    def warnings(self) -> Sequence[str]:
        """What an operator should know of all that it was asked so far."""
        return ()

    def summarize(self, texts: Sequence[Text]) -> Sequence[str | DigestError]:
        """One summary each, or why there is none: Temporary where that may change by itself.

        No text comes without an abstract. A Permanent one is not asked for again.

        Shapes: same length and order as `texts`.
        """


def _lead() -> Summarizer:
    from digest.summarizers.lead import Lead

    return Lead()


def _embedded() -> Summarizer:
    from digest.summarizers.embedded import Embedded

    return Embedded()


#: name → maker. What a summarizer needs is imported when it is made.
BUILTIN: dict[str, Callable[[], Summarizer]] = {"embedded": _embedded, "lead": _lead}
