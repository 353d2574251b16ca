"""Pairs of an abstract and its summaries → what the network learns from.

Two kinds of pairs differ in what they are: summaries that authors and reviewers wrote are what
we want to hear, those of a language model are many and over all fields, but wordier. The network
learns both side by side, each with numbers of its own.
"""

from __future__ import annotations

import gzip
import json
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from digest.errors import BadConfig
from digest.models import END, START
from digest.summarizers.embedded.choice import Choice, counts, ends, pairs, singles
from digest.summarizers.embedded.cuts import MAX_WORDS, spaced
from digest.summarizers.embedded.reading import Ints, Reading, read
from digest.text import plain, sentences

PEOPLE, WEAK = 0, 1
#: Longer ones are cut off in training; few are.
MAX_TOKENS = 320
#: Two cuts together: so many of what there is, by chance.
MAX_PAIRS = 40

#: What ROUGE takes for a word.
_WORD = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Pair:
    """An abstract and what others wrote of it."""

    title: str
    abstract: str
    summaries: tuple[str, ...]
    source: int = PEOPLE


@dataclass(frozen=True, slots=True)
class Example:
    """A pair as the network sees it."""

    reading: Reading
    choices: list[Choice]
    said: npt.NDArray[np.uint8]  #: `choice.counts`
    first: Ints
    last: Ints
    rewards: list[float]  #: for each choice its ROUGE-1 with the summary it is nearest to
    used: list[float]  #: for each word the share of the summaries that use it
    length: float  #: words of a summary, the mean
    source: int


def rouge_words(text: str) -> list[str]:
    """The words as the rouge-score package counts them, without stemming."""
    return _WORD.findall(text.lower())


def overlap_f1(words: Counter[str], others: Counter[str]) -> float:
    """ROUGE-1's F1."""
    return 2 * (words & others).total() / max(1, words.total() + others.total())


def example(pair: Pair, tokenizer: Tokenizer) -> Example | None:
    """What there is to learn from a pair; None where nothing can be chosen."""
    abstract = spaced(pair.abstract)
    reading = read(pair.title, abstract, tokenizer, MAX_TOKENS)
    references = [Counter(rouge_words(one)) for one in pair.summaries]
    if len(reading.cuts) < 2 or not any(references):
        return None
    doubles = pairs(reading, range(len(reading.cuts)))
    chance = random.Random(len(abstract))
    choices = [*singles(reading), *chance.sample(doubles, min(MAX_PAIRS, len(doubles)))]
    words = [
        Counter(rouge_words(" ".join(abstract[a:b] for a, b in cut.spans))) for cut in reading.cuts
    ]
    rewards = [
        max(overlap_f1(sum((words[n] for n in some), Counter()), one) for one in references)
        for some in choices
    ]
    used = [sum(word in one for one in references) / len(references) for word in reading.words]
    length = sum(one.total() for one in references) / len(references)
    said, edges = counts(reading, choices), ends(reading, choices)
    return Example(reading, choices, said, *edges, rewards, used, length, pair.source)


# --- files ---------------------------------------------------------------------------------------


def scitldr(path: Path) -> Iterator[Pair]:
    """SciTLDR as JSON lines {title, sentences, tldrs}."""
    for _, row in _rows(path):
        yield Pair(row["title"], " ".join(row["sentences"]), tuple(row["tldrs"]))


def weak(path: Path) -> Iterator[Pair]:
    """Pairs whose summary a language model wrote: JSON lines {title, abstract, tldr}."""
    for _, row in _rows(path):
        yield Pair(plain(row["title"]), plain(row["abstract"]), (plain(row["tldr"]),), WEAK)


def own(path: Path) -> Iterator[Pair]:
    """Anyone's pairs: JSON lines {title, abstract, summary}; `summary` may be a list.

    Raises: BadConfig, naming the line.
    """
    for number, row in _rows(path):
        try:
            said = row["summary"]
            summaries = tuple(plain(one) for one in ([said] if isinstance(said, str) else said))
            yield Pair(plain(row.get("title", "")), plain(row["abstract"]), summaries)
        except (KeyError, TypeError, AttributeError) as why:
            raise BadConfig(
                f'{path}, line {number}: a pair is {{"title": …, "abstract": …, "summary": …}}'
            ) from why


def _rows(path: Path) -> Iterator[tuple[int, Any]]:
    """The JSON lines with their numbers, from 1."""

    def opened() -> IO[str]:
        return (
            gzip.open(path, "rt", encoding="utf-8")
            if path.suffix == ".gz"
            else path.open(encoding="utf-8")
        )

    try:
        with opened() as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    try:
                        yield number, json.loads(line)
                    except ValueError as why:
                        raise BadConfig(f"{path}, line {number}: not JSON ({why})") from why
    except OSError as why:
        raise BadConfig(f"{path}: {why.strerror or why}") from why
    except UnicodeDecodeError as why:
        raise BadConfig(f"{path}: not UTF-8 ({why})") from why


# --- what is a sentence --------------------------------------------------------------------------


def wholes(
    pairs: Sequence[Pair], tokenizer: Tokenizer, chance: random.Random
) -> Iterator[tuple[list[int], bool]]:
    """Sentences, and the same with words missing: the ids, and whether it is whole.

    This teaches the network what reads as a sentence. Some of what is torn is good English all
    the same; it is too little to matter.
    """
    for pair in pairs:
        found = [one.rstrip(" .!?") for one in sentences(" ".join(pair.abstract.split()))]
        fitting = [one for one in found if 8 <= len(one.split()) <= MAX_WORDS + 10]
        for sentence in chance.sample(fitting, min(2, len(fitting))):
            is_whole = chance.random() < 0.5
            kept = sentence if is_whole else _torn(sentence.split(), chance)
            ids = tokenizer.encode(kept, add_special_tokens=False).ids
            yield [START, *ids[:78], END], is_whole


def _torn(words: list[str], chance: random.Random) -> str:
    """The words without their end, their beginning or something between."""
    count, how = len(words), chance.random()
    if how < 0.5:
        words = words[: chance.randint(5, count - 1)]
    elif how < 0.75:
        words = words[chance.randint(1, count - 5) :]
    else:
        at = chance.randint(2, count - 3)
        words = words[:at] + words[at + chance.randint(1, min(8, count - at - 1)) :]
    return " ".join(words).rstrip(" ,;:")
