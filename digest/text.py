r"""Foreign text (TeX, HTML, entities) to plain Unicode; authors; sentences. Pure.

arXiv writes accents and formulas in TeX, other feeds send HTML or JATS, and mail programs show
neither. What this module can read it turns into plain text; what it cannot read stays as
written, because a reader can still make sense of "\foo{x}" but not of a word that is missing.
"""

from __future__ import annotations

import hashlib
import html
import re
import unicodedata
from html.entities import html5

from digest.tex import script, without_tex, words

# A text that still changes after so many readings is not prose but a trap (entities within
# entities within …); it is given back unread.
READINGS = 6


def content_hash(title: str, abstract: str) -> str:
    """What a summary or a vector was made of."""
    return hashlib.sha256(f"{title}\n{abstract}".encode("utf-8", "surrogatepass")).hexdigest()


def plain(text: str) -> str:
    r"""The text without markup, white space collapsed, control characters dropped.

    Reading what was read before changes nothing, and no text makes it raise.

    >>> plain(r"Erd\H{o}s: a $1.13\times$ speed-up at $O(n \log n)$, 50\% of \emph{all}")
    'Erdős: a 1.13× speed-up at O(n log n), 50% of all'
    >>> plain("<jats:p>CO<sub>2</sub> &amp;amp; H<sup>+</sup></jats:p>")
    'CO₂ & H⁺'
    >>> plain(r"$5 and $10 per hour, a < b and c > d, List<int>, $\unknown{x}$, 50% of it")
    '$5 and $10 per hour, a < b and c > d, List<int>, $\\unknown{x}$, 50% of it'
    """
    unread = read = line(_with_bullets(text))
    for _ in range(READINGS):
        if not _MARKUP.search(read):
            return read
        # An escape may hide another one, so "read once more" is also what makes it idempotent.
        again = line(without_tex(_without_html(read)))
        if again == read:
            return read
        read = again
    return unread


# On one line, a list would be one long sentence; a bullet keeps its items apart.
_BULLETED = re.compile(r"(?<=\n)[^\S\n]*(?:[•‣▪◦●·*–-]|(?=\(?\d{1,2}[.)] ))[^\S\n]*(?=\S)")
_BULLET = "•"


def _with_bullets(text: str) -> str:
    r"""With one kind of bullet where two lines or more begin with one, or are numbered.

    >>> line(_with_bullets("We have:\n- legs\n- arms")), _with_bullets("a\n- b")
    ('We have: • legs • arms', 'a\n- b')
    """
    if "\n" not in text:
        return text
    by_mark: dict[str, list[re.Match[str]]] = {}
    for found in _BULLETED.finditer(text):
        is_apart = not found[0].strip() or found[0][-1].isspace() or found[0].strip() in "•‣▪◦●"
        if is_apart:
            by_mark.setdefault(found[0].strip(), []).append(found)
    places = {one.start(): one.end() for some in by_mark.values() if len(some) > 1 for one in some}
    for start, end in sorted(places.items(), reverse=True):
        text = f"{text[:start]}{_BULLET} {text[end:]}"
    return text


# Controls that are no white space, soft hyphens, zero-width characters (but not the joiners,
# which Persian, Hindi and emoji need), overrides of direction, and tags, which hide text.
_DROPPED = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_MARKUP = re.compile(r"[\\$&<~`]|--|[\^_]\{")


def line(text: str) -> str:
    """The text on one line and without control characters; what people type stays as it is."""
    text = _SURROGATE.sub("\ufffd", _DROPPED.sub("", text))
    return unicodedata.normalize("NFC", " ".join(text.split()))


# --- HTML ----------------------------------------------------------------------------------------

_ENTITY = re.compile(r"&(?:amp;)*(#\d{1,7};|#[xX][0-9a-fA-F]{1,6};|[A-Za-z][A-Za-z0-9]{1,30};)")
_CLOSER = re.compile(r"</([a-z][a-z0-9:-]*) ?>", re.IGNORECASE)
# Attributes need a value: in "i <b and c> d" nothing is a tag.
_TAG = re.compile(
    r"<(?P<end>/?)(?P<name>[a-z][a-z0-9]*|(?:jats|mml):[a-z-]+)"
    r"(?P<attributes>(?: [a-z:_-]++ ?= ?(?:\"[^\"<>]*\"|'[^'<>]*'|[^\s\"'<>]++))*+) ?(?P<void>/?)>",
    re.IGNORECASE,
)
_SUB_OR_SUP = re.compile(r"<(?:jats:)?su([bp])>([^<>]{1,40})</(?:jats:)?su\1>", re.IGNORECASE)
# What no browser shows is no part of the text.
_UNSEEN = re.compile(r"<(script|style)\b[^<>]*>[^<]*</\1 ?>", re.IGNORECASE)
_BLOCKS = words(
    "p br hr div h1 h2 h3 h4 h5 h6 ul ol li dl dt dd table tr td th pre blockquote section sec "
    "title list list-item disp-formula"
)
_INLINES = words(
    "audio embed figure figcaption iframe img noscript object picture svg video a abbr b bold "
    "cite code em font i italic mark q s small span strong sub sup tt u"
)


def _unescaped(entity: re.Match[str]) -> str:
    # html.unescape alone would also read "&notin" out of "&notinvented;".
    is_known = entity[1][0] == "#" or entity[1] in html5
    return html.unescape("&" + entity[1]) if is_known else entity[0]


def _without_html(text: str) -> str:
    if "&" in text:
        text = _ENTITY.sub(_unescaped, text)
    if "<" not in text:
        return text
    text = _UNSEEN.sub(" ", text)
    text = _SUB_OR_SUP.sub(lambda m: script("_" if m[1] in "bB" else "^", m[2]), text)
    closed = {name.lower() for name in _CLOSER.findall(text)}

    def without(tag: re.Match[str]) -> str:
        name = tag["name"].lower()
        prefix, _, local = name.rpartition(":")
        if not prefix and local not in _BLOCKS and local not in _INLINES:
            return tag[0]
        is_markup = prefix or tag["end"] or tag["attributes"] or tag["void"] or name in ("br", "hr")
        # In "a<b>c" and "List<i>" nobody closes the tag.
        if not is_markup and name not in closed:
            return tag[0]
        return " " if local in _BLOCKS else ""

    return _TAG.sub(without, text)


# --- authors -------------------------------------------------------------------------------------

_SUFFIXES = frozenset({"Jr", "Jr.", "Sr", "Sr.", "II", "III", "IV"})


def authors(text: str) -> tuple[str, ...]:
    r"""The names in a list as arXiv writes it: commas between, affiliations in parentheses.

    >>> authors(r"Ad\`ele Doe (Institute A, City (B)), Max Roe, and Sam Poe, Jr.")
    ('Adèle Doe', 'Max Roe', 'Sam Poe, Jr.')
    """
    names: list[str] = []
    for part in _without_parentheses(plain(text)).split(","):
        name = " ".join(part.split()).removeprefix("and ")
        if name in _SUFFIXES and names:
            names[-1] += f", {name}"
        elif name:
            names.append(name)
    return tuple(names)


def _without_parentheses(text: str) -> str:
    depth = 0
    pieces: list[str] = []
    for piece in re.split(r"([()])", text):
        if piece in ("(", ")"):
            depth = max(0, depth + (1 if piece == "(" else -1))
        elif depth == 0:
            pieces.append(piece)
    # An affiliation that never ends would swallow all names behind it.
    return "".join(pieces) if depth == 0 else re.sub(r"\([^(),]*\)?|\)", "", text)


# --- sentences -----------------------------------------------------------------------------------

_END = re.compile(r"(?<![.!?…])[.!?…]++[\"'”’»)\]]*+ |[。！？]++[」』”’）]*+ ?| (?=• )")
# "Fig. 3", "Dr. Roe": nothing ends behind these.
_NEVER_LAST = words("e.g i.e cf vs dr prof mr mrs fig figs eq eqs eqn approx ca viz resp")
# Behind these it takes a word that starts sentences: "no. 5", but "The answer is no. We …".
_SELDOM_LAST = words(
    "al etc inc ltd co dept univ no nos st sec secs ref refs tab thm def prop lem cor ch vol pp "
    "ed eds"
)
_ABBREVIATION = re.compile(
    rf"(?:[^\W\d_]{{1,2}}\.)+[^\W\d_]{{1,2}}|[A-Z]|(?i:{'|'.join(_NEVER_LAST | _SELDOM_LAST)})"
)
_WORD = re.compile(r"[\"'“‘«(\[]*(\w[\w-]*)")
_COUNTER = re.compile(r"\((?:[ivx]+|[a-z])\) ")
_EXCLAIMED = ("Yahoo!", "Jeopar")
_STARTERS = words(
    "A After All Although An And As At Based Both But By Code Compared Despite Each Even "
    "Existing Experiments Extensive Finally First For From Further Furthermore Given Here How "
    "However If In Inspired It Its Many Moreover Most Motivated No On One Our Recent Recently "
    "Results Second Several Since Some Specifically Such That The Their Then There Therefore "
    "These They This Those Through Thus To Under Unlike Using We What When Where Whether While "
    "With Without Yet"
)


def sentences(text: str) -> list[str]:
    """The sentences of a plain text; joined with blanks they are the collapsed text again.

    (Chinese and Japanese have no blank between sentences, so there the join adds some.)

    >>> sentences("We test v2.1, e.g. on Fig. 3. Smith et al. (2020) did not. Why? (1) Cost.")
    ['We test v2.1, e.g. on Fig. 3.', 'Smith et al. (2020) did not.', 'Why?', '(1) Cost.']
    """
    text = " ".join(text.split())
    found: list[str] = []
    start = 0
    for end in _END.finditer(text):
        if end.end() < len(text) and _is_last(text, start, end):
            found.append(text[start : end.end()].rstrip())
            start = end.end()
    return [*found, text[start:]] if text else []


def _is_last(text: str, start: int, end: re.Match[str]) -> bool:
    """Whether a sentence that starts at `start` ends with this mark."""
    mark = end[0][0]
    if mark in "。！？" or text.startswith(f"{_BULLET} ", end.end()):
        return True
    following = _WORD.match(text, end.end())
    is_counted = _COUNTER.match(text, end.end())  # "(i) …"
    if not following or (following[1].islower() and not is_counted):
        return False
    before = text[max(start, text.rfind(" ", start, end.start()) + 1) : end.start()]
    word = re.split(r"[(\[{\"'“‘]", before)[-1]
    is_ellipsis = mark == "…" or end[0].startswith("..")
    if is_ellipsis or (mark == "." and _ABBREVIATION.fullmatch(word)):
        return following[1] in _STARTERS and word.lower() not in _NEVER_LAST
    if mark == "." and word.isdecimal() and len(word) < 3:  # "1. One 2. Two": a number that counts
        ahead = text[start : end.start() - len(before)].rstrip()
        return bool(ahead) and ahead[-1] not in ":;•"
    if end[0] == "! " and before[:1].isupper() and following[1][0].isupper():
        return not _is_name(text, start, end.start() - len(before), following[1])
    return True


def _is_name(text: str, start: int, at: int, following: str) -> bool:
    """Whether "Yahoo! Answers" goes on: a capital where no sentence begins, and one behind."""
    ahead = text[start:at].rstrip()
    is_inside = bool(ahead) and ahead[-1] not in ".!?:"
    return following not in _STARTERS and (is_inside or text[at : at + 6] in _EXCLAIMED)
