"""Whether a generated summary has anything that its abstract does not have. Pure.

What can be pointed at is compared: every number with its unit (`numbers`) and every name (`names`)
must stand in the source (title and abstract), no claim may be turned round (`sense`), and its
length, language and manners must be those of a summary (`manners`). What the source has elsewhere
(a number that was moved, a "not" too many) takes more than rules:
`digest.summarizers.embedded.doubt`.
"""

from __future__ import annotations

from collections.abc import Sequence

from digest.check import names, numbers
from digest.check.manners import FEWEST_WORDS, MOST_WORDS, manners
from digest.check.names import Token, tokens
from digest.check.sense import turned
from digest.check.words import stem

__all__ = ["FEWEST_WORDS", "MOST_WORDS", "REVISION", "problems"]

#: Raise it with whatever the checks see more: then kept summaries are asked for again.
REVISION = 2
#: Of longer texts only so much is compared; no abstract is longer.
MAX_SOURCE, MAX_SUMMARY = 20_000, 4_000
#: What a summary shares with its abstract at least: words, and of those that say something.
FEWEST_SHARED, SHARE = 2, 0.15


def problems(summary: str, title: str, abstract: str, *, language: str = "en") -> tuple[str, ...]:
    """Why it must not be mailed, each naming the culprit; empty where it may.

    All texts are plain Unicode.

    >>> problems("It runs 12 times faster than BERT.", "", "It runs 2 times faster than BERT.")
    ("the number '12 times' is not in the abstract",)
    """
    summary, source = summary[:MAX_SUMMARY], f"{title}. {abstract}"[:MAX_SOURCE]
    found = [*manners(summary, source, language)]
    if found:
        return tuple(found)
    said, known = tokens(summary), tokens(source)
    found += numbers.missing(summary, numbers.known_of(source, language), language)
    found += names.missing(said, known, source, language)
    if language == "en":
        found += turned(summary, source)
        if not _is_about(said, known):
            found.append("it has too few words of the abstract")
    return tuple(dict.fromkeys(found))


#: What is said of every paper, so that one answer to all would have it.
_STOCK = frozenset(
    stem(word)
    for word in "paper propose proposes present presents introduce introduces novel new method"
    " methods approach approaches model models framework system results result show shows study"
    " work state art outperform outperforms improve improves performance experiments effective"
    " efficient significantly demonstrate problem problems task tasks datasets data learning"
    " algorithm technique achieve achieves existing various different important better".split()
)


def _is_about(said: Sequence[Token], known: Sequence[Token]) -> bool:
    """Whether it shares enough with its abstract to be of it."""
    mine = {token.stem for token in said if token.kind != "stop" and len(token.text) > 2}
    theirs = {token.stem for token in known}
    beginnings = {one[:5] for one in theirs if len(one) >= 5}
    shared = {one for one in mine if one in theirs or (len(one) >= 5 and one[:5] in beginnings)}
    own = shared - _STOCK
    is_enough = len(shared) >= min(FEWEST_SHARED, len(theirs))
    return is_enough and bool(own) and len(own) >= SHARE * len(mine - _STOCK)
