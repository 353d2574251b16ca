"""What a claim holds for: clauses that cannot go while the claim stays. Pure."""

from __future__ import annotations

import re

#: Somewhere before the next comma something is assumed.
ASSUMES = (
    r"(?=[^,]*\b(?i:assum|suppos|hypothe|conjectur|premise|axiom|condition|restrict|constrain))"
)
_ASSUMES = re.compile(
    r"\b(?:assum|suppos|hypothe|conjectur|premise|axiom|condition|restrict|confin|exclud|ignor|neglect"
    r"|omit|disregard|discard|relax|fix(?:ed|ing)\b|idealiz|idealis|simplif|specializ)",
    re.IGNORECASE,
)
_BOUNDS = re.compile(
    r"\b(?:only|not|no|never|without|except|unless|if|when(?:ever)?|provided|solely|purely|merely"
    r"|at (?:most|least)|up to|under|simulat\w+|synthetic|toy|limited to)\b|n['’]t\b",
    re.IGNORECASE,
)
#: These say what others do and what is wanted, so a "not" within is no condition of ours.
_OF_OTHERS = re.compile(
    r"(?:To|Motivated|Inspired|Unlike|While|Although|Though|Despite|In contrast to|Whereas"
    r"|Recognizing|Towards?|Driven|Guided|Aiming|Instead of|Rather than|In order to|Beyond)\b"
)
#: What we did not find, or found to be none.
_OWN_DENIAL = re.compile(
    r"\b(?:we|our|ours|us|finding|observing|seeing|obtaining|having)\b.*\b(?:not|no|never|none|only"
    r"|cannot|without|fail\w*|little|few|limited)\b|n['’]t\b",
    re.IGNORECASE,
)


def binds(clause: str, opener: str) -> bool:
    """Whether a clause before the main one says under what that one holds.

    >>> binds("By assuming perfect maps", "By"), binds("To fall less without maps", "To")
    (True, False)
    """
    if _ASSUMES.search(clause):
        return True
    return bool((_OWN_DENIAL if _OF_OTHERS.match(opener) else _BOUNDS).search(clause))


_RESTRICTS = re.compile(
    r"(?:^|[ ,;(])(?:but|except|unless|only (?:if|when|for|in|on|under|with|at|by|after|to)|iff?"
    r"|when(?:ever)?|provided|as long as|so long as|assuming|supposing|conditional|subject to"
    r"|under (?:the |an? |some |mild |certain |suitable |standard |weak |strong )*(?:\w+ )?"
    r"(?:assum\w+|condition\w*|hypothes\w+|conjecture|constraints?|restrictions?)"
    r"|in the (?:absence|presence|limit|case|regime|setting) of|in simulations?\b"
    r"|up to|at (?:most|least)|with(?: \w+)? probability|in expectation|on average)\b",
    re.IGNORECASE,
)


def restricts(tail: str) -> bool:
    """Whether the end of a sentence takes back some of what stands before it.

    >>> restricts(" by means of maps, but only on dry stairs"), restricts(", which is new")
    (True, False)
    """
    return bool(_RESTRICTS.search(tail))
