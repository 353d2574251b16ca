"""Parentheses and citations that a sentence can do without. Pure.

Few parentheses are asides. "(not)" turns a claim round, "(at most)" and "(if …)" bound it, and
"(λ, u)" is what the sentence is about. Only what names, spells out, cites or gives an example is
left out; in doubt it stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

#: The words of an aside with which a claim is narrower, weaker, or another one.
_CLAIMS = re.compile(
    r"\b(?:not|never|no|none|neither|nor|cannot|without|only|just|almost|nearly|approximately"
    r"|roughly|about|around|at (?:most|least|best|worst)|up to|if|iff|unless|until|when|whenever"
    r"|where|wherever|while|whereas|although|though|except|excluding|exclusive|but|however|yet"
    r"|under|assum\w+|suppos\w+|hypothe\w+|conjectur\w*|provided|providing|given|condition\w*"
    r"|restrict\w*|limit\w*|subject to|modulo|partial(?:ly)?|partly|mostly|largely|mainly|some"
    r"|sometimes|often|usually|typically|generally|potential(?:ly)?|possib\w+|perhaps|maybe"
    r"|probabl[ey]|probability|likely|expected|expectation|less|fewer|more|than|even|even if"
    r"|necessarily|sufficient\w*|weakly|strictly|locally|hardly|rarely|barely|few|little|lacks?"
    r"|fails?|failed|unlike|instead|rather|respectively|resp|or|and|any|all|every|each|both|either"
    r"|fixed|finite|bounded|in simulation|in theory|in principle|in practice|worst|average)\b"
    r"|n['’]t\b|\bnon-?|[<>≤≥≠≲≳≪≫]",
    re.IGNORECASE,
)
#: What begins with these says where, when, how or for what the claim holds.
_RESTRICTS = re.compile(
    r"(?:in|on|at|over|for(?! (?:example|instance)\b)|with|within|to|by|of|from|during|after|before"
    r"|since|through|across|among|between|per|against|towards?|because|as)\b",
    re.IGNORECASE,
)
#: A probability or the size of a sample is a remark, though it has a sign of comparison.
_STATISTIC = re.compile(r"[pPnN] ?[<=>≤] ?\d[\d.,]*")
_YEAR = re.compile(r"(?:19|20)\d\d[a-z]?")
_ACRONYM = re.compile(r"[A-Z][\w-]*[A-Z][\w-]*s?|[A-Z][a-z]?[A-Z]?s")
_WORDS = re.compile(r"[^\W\d_]{3,}")
_OPERATORS = r"=<>≤≥≠≈∼≃≅≡∈∉∋⊂⊆⊃⊇→←↦⟶⇒⇔×·∘⊗⊕∗*^+±−∓/|∣∪∩≪≫∝≲≳′″†∇∂∑∏∫√"
#: After these a parenthesis is no remark but what the sentence goes on with.
_LEADS_ON = re.compile(
    r"\b(?:of|in|on|over|with|for|by|to|from|at|than|between|via|under|into|a|an|the|and|or|but|is"
    r"|are|was|were|be|that|which|not|see|cf\.?|refs?\.?|eqs?\.?|figs?\.?|secs?\.?|sections?"
    r"|theorems?|equations?|problems?|systems?|pairs?|tuples?|triples?|points?|vectors?|functions?"
    r"|intervals?|segments?|ranges?|domains?|sets?|scales?|groups?|spaces?|solutions?)$",
    re.IGNORECASE,
)
# "-" would go on with a word ("(non-)convex", "(graph)-based") or be an operator.
_PARENTHESIS = re.compile(
    rf"(?<![{re.escape(_OPERATORS)}]) \((?P<inner>[^()]{{1,200}})\)"
    rf"(?=$|[.,;:!?](?:\s|$)| (?![{re.escape(_OPERATORS)}(\[]|- ?\d))"
)
_CITATION = re.compile(
    rf" ?\[[1-9]\d{{0,3}}(?: ?[,–-] ?[1-9]\d{{0,3}})*\]"
    rf"(?=$|[.,;:!?)](?:\s|$)| (?![{re.escape(_OPERATORS)}(\[]))"
)


def asides(sentence: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Where the asides of a part of a sentence lie, each with the blank before it.

    >>> text = "Robots (RB) do (not) fall [1] at (a, b)."
    >>> [text[slice(*place)] for place in asides(text, 0, len(text))]
    [' (RB)', ' [1]']
    """
    found = [
        match.span()
        for match in _PARENTHESIS.finditer(sentence, start, end)
        if _is_remark(match["inner"].strip(), sentence[start : match.start()])
    ]
    found += [
        match.span()
        for match in _CITATION.finditer(sentence, start, end)
        if _is_cited(sentence[start : match.start()])
    ]
    yield from sorted(found)


def _is_remark(inner: str, before: str) -> bool:
    if _STATISTIC.fullmatch(inner) or _YEAR.fullmatch(inner):
        return True
    if _CLAIMS.search(inner) or _RESTRICTS.match(inner) or re.search(f"[{_OPERATORS}]", inner):
        return False
    if _is_symbolic(inner):
        return False
    words = inner.split()
    # "(weak) solutions", "grow (shrink)": one or two plain words change what they stand beside.
    if len(words) < 3 and inner == inner.lower() and not re.search(r"[\d@]|\w\.\w", inner):
        return False
    return not (_LEADS_ON.search(before) and not _ACRONYM.fullmatch(inner))


def _is_symbolic(inner: str) -> bool:
    """Whether it is a tuple, a value or the number of an equation: "(λ, u)", "(2.1)", "(D)"."""
    if _ACRONYM.fullmatch(inner):
        return len(inner) < 2
    return not _WORDS.search(inner) and not re.search(r"\d ?%|[A-Z]\w*[A-Z]", inner)


def _is_cited(before: str) -> bool:
    """Whether a number in brackets stands behind what it is cited for, and is no part of it."""
    word = re.search(r"[^\s(]*$", before)
    is_letter = word is not None and len(word[0]) == 1  # x[1]
    is_measure = re.search(r"\b(?:values?|times?|window)$", before)
    return bool(before) and not is_letter and not is_measure and not _LEADS_ON.search(before)
