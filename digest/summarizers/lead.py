"""The built-in summarizer: the sentence of the abstract that says what the paper does. Pure.

Authors mark that sentence themselves ("in this paper we propose …"), and nothing that is only
selected and shortened can say what the abstract does not say.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from digest.summarizers import Summarizer, Text
from digest.text import sentences

_WORK = "paper|work|study|article|letter|survey|review|report|thesis|tutorial|note|chapter"
_ADVERB = r"(?:\w+ly |also |then |thus |hence |first |here |further )?"
_CLAIM = "propose|present|introduce|develop|describe|design|formulate|devise|offer|provide|release"
_INQUIRY = (
    "study|investigate|explore|examine|analy[sz]e|address|consider|revisit|survey|review|ask"
    "|argue|show|demonstrate|prove|find|establish|report|evaluate|benchmark|compare|derive|build"
)

# (what a sentence may hold, what that is worth). The weights are round on purpose: they were
# set by hand on SciTLDR's training part and never fitted.
_CUES = tuple(
    (re.compile(pattern, re.IGNORECASE), worth)
    for pattern, worth in (
        (rf"\b(?:we|I) {_ADVERB}(?:{_CLAIM})\b", 4),
        (rf"\b(?:we|I) {_ADVERB}(?:{_INQUIRY})\b", 3),
        (rf"\bthis (?:{_WORK}) {_ADVERB}(?:{_CLAIM}|{_INQUIRY}|studie)e?s\b", 4),
        (rf"\b(?:in|of) this (?:{_WORK})\b|\bhere,? we\b", 2),
        (r"\b(?:is|are) (?:proposed|presented|introduced|developed|described)\b", 2),
        (r"\bour (?:\w+ )?(?:approach|method|model|framework|contribution|goal|system|key)\b", 1),
        # The state of the world, not of this paper.
        (r"^(?:Recent|In recent years|Over the (?:past|last)|Existing|Despite|Although)", -1),
        (r"\bha(?:s|ve) (?:attracted|received|gained|become|emerged|shown|achieved)\b", -2),
        # How well it went, which means little without what "it" is.
        (r"\b(?:experiment|outperform|state-of-the-art|results?\b)", -1),
        (r"^(?:Finally|Additionally|In addition|Moreover|Furthermore|Also|Lastly|Second)\b", -3),
        (r"\b(?:available|released|open-sourced?)\b|https?:", -4),
        # Points to something the reader will not see.
        (rf"^(?:This(?! (?:{_WORK})\b)|These|Those|It|Its|They|Their|Such|Both)\b", -3),
        (rf"\b(?:we|I) {_ADVERB}\w+ (?:to \w+ )?(?:this|these|it|them)\b", -1),
    )
)


LONGEST = 600  #: characters of a summary; some abstracts are one sentence


class Lead(Summarizer):
    """Picks the sentence with the strongest signs of being the contribution, and trims it."""

    id = "lead/1"
    extracts = True

    def summarize(self, texts: Sequence[Text]) -> list[str]:
        """One sentence of each abstract; empty where there is no abstract.

        Shapes: same length and order as `texts`.
        """
        return [shortened(trimmed(contribution(text))) for text in texts]


def contribution(text: Text) -> str:
    """The sentence that states the contribution, else the first; the first of equals."""
    candidates = sentences(text.abstract)
    if not candidates:
        return ""
    title = _content_words(text.title)
    return max(enumerate(candidates), key=lambda at: _score(at[1], at[0], title))[1]


def _score(sentence: str, position: int, title: frozenset[str]) -> float:
    words = sentence.split()
    score = float(sum(worth for pattern, worth in _CUES if pattern.search(sentence)))
    score += 4 * len(title & _content_words(sentence)) / max(1, len(title))
    score -= position / 3
    if len(words) < 8 or len(words) > 50:
        score -= 2
    return score


def _content_words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[^\W_]{4,}", text.lower()))


# What may stand before the main clause without saying anything of the paper.
_LEAD_INS = re.compile(
    rf"""
    (?: (?:In|With|Through|Throughout) [ ] (?:this|the[ ]present|our) [ ] (?:\w+[ ])? (?:{_WORK})
      | Here | However | Therefore | Thus | Hence | Thereby | Consequently | Accordingly
      | Specifically | In[ ]particular | In[ ]contrast | By[ ]contrast | Instead | Nevertheless
      | Nonetheless | Moreover | Furthermore | Additionally | In[ ]addition | Finally | Besides
      | Meanwhile | To[ ](?:this|that)[ ]end | For[ ]this[ ](?:purpose|reason) | As[ ]a[ ]result
      | In[ ]response | First | Firstly | Notably | Importantly | Overall | In[ ]summary
      | With[ ]this[ ]in[ ]mind
      # Aims and motives only: "under these assumptions" is part of what is said.
      | (?:To|Towards?|Motivated[ ]by|Inspired[ ]by|Based[ ]on|Building[ ](?:up)?on|Driven[ ]by
          |Guided[ ]by|In[ ]light[ ]of|In[ ]view[ ]of|In[ ]response[ ]to)
        [ ] (?:\w+[ ]){{0,4}}? (?:this|these|(?:the[ ])?above) (?:[ ][\w-]+){{0,2}}
    ) ,? [ ] (?=(?P<next>\S+))
    """,
    re.VERBOSE,
)
_LABEL = re.compile(
    r"^(?:Abstract|Summary|Background|Motivation|Objectives?|Aims?|Purpose|Methods|Results)[:.] ",
    re.IGNORECASE,
)
# Where no comma parts the lead-in from the rest, only these surely begin a sentence.
_SUBJECTS = frozenset(("we", "i", "our", "a", "an", "the"))
# After a comma, these would go on with what was cut off.
_JOINERS = frozenset(("and", "or", "but", "nor", "which", "who", "that", "as", "while"))


def trimmed(sentence: str) -> str:
    """The sentence without what only ties it to its neighbours.

    A clause that might carry content stays, and so does one without which the rest would not be
    a sentence.

    >>> trimmed("However, to address this gap, in this paper, we thus propose X.")
    'We propose X.'
    >>> trimmed("To read faster on small machines, we propose X.")
    'To read faster on small machines, we propose X.'
    """
    rest = _LABEL.sub("", sentence)
    while (found := _LEAD_INS.match(rest)) and _is_clause(found):
        rest = capitalized(rest[found.end() :])
    return re.sub(r"^We (?:therefore|thus|hence|then|also|further|first) ", "We ", rest)


def shortened(sentence: str) -> str:
    """The sentence, cut at a word where it is too long for a mail.

    >>> shortened("word " * 200)[-10:]
    'word word…'
    """
    if len(sentence) <= LONGEST:
        return sentence
    head, _, rest = sentence[:LONGEST].rpartition(" ")
    return (head or rest).rstrip(" ,;:") + "…"


def _is_clause(lead_in: re.Match[str]) -> bool:
    """Whether what follows the lead-in can stand alone."""
    following = lead_in["next"].lower()
    has_comma = lead_in[0].rstrip().endswith(",")
    return following not in _JOINERS if has_comma else following in _SUBJECTS


def capitalized(text: str) -> str:
    """With a capital first letter, unless the first word is a name like "mBERT" or "k-NN"."""
    word = text.partition(" ")[0].rstrip(",")
    parts = word.split("-")  # "large-scale", but not "k-NN" or "p-value"
    is_word = word.islower() and all(part.isalpha() for part in parts) and len(parts[0]) > 1
    return text[0].upper() + text[1:] if is_word or word == "a" else text
