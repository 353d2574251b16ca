"""Whether a generated summary says what its abstract says. Pure.

No model judges another here: what can be pointed at is compared. Every number with its unit and
every name must stand in the source (title and abstract), and there beside the same words as in
the summary, so that a number or a name moved to another claim is seen too. Negations are compared
with those of the sentences that the summary draws on.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from snowballstemmer import stemmer

from digest.text import sentences

FEWEST_WORDS, MOST_WORDS, MOST_SENTENCES = 4, 60, 3
#: Languages that do not part their words are measured in characters.
FEWEST_CHARACTERS, MOST_CHARACTERS = 8, 240
#: Of longer texts only so much is compared; no abstract is longer.
MAX_SOURCE, MAX_SUMMARY = 20_000, 4_000
#: Words on each side that a number or a name belongs to.
REACH = 6

_STEM = stemmer("english")


@dataclass(frozen=True, slots=True)
class Token:
    """A word or a number of a text."""

    text: str
    stem: str  #: of a number its value and unit
    kind: str  #: "word", "number", "name", "stop"


def problems(summary: str, title: str, abstract: str, *, language: str = "en") -> tuple[str, ...]:
    """Why it must not be mailed, each naming the culprit; empty where it may.

    All texts are plain Unicode.

    >>> problems("It runs 12 times faster than BERT.", "", "It runs 2 times faster than BERT.")
    ("the number '12 times' is not in the abstract",)
    """
    summary, source = summary[:MAX_SUMMARY], f"{title}. {abstract}"[:MAX_SOURCE]
    found = [*_manners(summary, language)]
    if found:
        return tuple(found)
    said, known = (
        _tokens(summary),
        [_tokens(one) for one in (title, *sentences(abstract[:MAX_SOURCE]))],
    )
    is_same_language = language == "en"
    if not is_same_language:
        # Other languages have names of their own for places, and German a capital for every noun.
        said = [token for token in said if token.kind != "name" or not token.text.istitle()]
    found += _missing(said, known, source)
    if is_same_language and not found:
        found += _moved(said, known)
        found += _negations(said, known)
    return tuple(dict.fromkeys(found))


# --- length, language, manners -------------------------------------------------------------------

_CHAT = re.compile(
    r"^\W*(?:sure|certainly|of course|here(?:'s| is| are)|okay|ok,|as an ai|sorry"
    r"|i(?:'m| am) (?:sorry|unable)"
    r"|i can(?:not|'t)|i apologi[sz]e|summary\s*:|tl;?dr\b|the following is|in summary, the"
    r"|output\s*:|answer\s*:|title\s*:|abstract\s*:)"
    r"|as an ai (?:language )?model|let me know|i hope this|feel free"
    r"|here(?:'s| is) (?:a|the|your) "
    r"|</?think>|<\|[a-z_]+\|>|```|^\s*#|\*\*|^\s*[-*•] |\bi cannot (?:summari|provide|help|assist)"
    r"|\b(?:one|single)[- ]sentence summary|please provide|no abstract (?:was|is) ",
    re.IGNORECASE | re.MULTILINE,
)
_SCRIPTS = {
    "zh": "\u3400-\u9fff", "ja": "\u3040-\u30ff\u3400-\u9fff", "ko": "\uac00-\ud7af\u1100-\u11ff",
    "ru": "\u0400-\u04ff", "uk": "\u0400-\u04ff", "ar": "\u0600-\u06ff", "fa": "\u0600-\u06ff",
    "he": "\u0590-\u05ff", "el": "\u0370-\u03ff", "hi": "\u0900-\u097f", "th": "\u0e00-\u0e7f",
}  # fmt: skip
#: Words without which few sentences of a language do.
_FUNCTION_WORDS = {
    "en": "the a an of to in and is are we for that with on by as from this it can which our using",
    "de": "der die das und ist ein eine mit für von zu den dem auf wir wird werden nicht im",
    "fr": "le la les de des et un une est pour dans que nous du sur avec par en qui au",
    "es": "el la los las de y un una es para en que con del por se nos como al",
    "it": "il la le di e un una è per in che con del della dei si nel da gli",
    "pt": "o a os as de e um uma é para em que com do da por se no na",
    "nl": "de het een en van is voor in met dat op te wij we die aan door zijn",
}
_UNSPACED = frozenset(("zh", "ja", "th"))


def _manners(summary: str, language: str) -> Iterator[str]:
    words = summary.split()
    if not words:
        yield "it is empty"
        return
    base = language.partition("-")[0]
    if base in _UNSPACED:
        if not FEWEST_CHARACTERS <= len(summary) <= MOST_CHARACTERS:
            yield f"it has {len(summary)} characters"
    elif not FEWEST_WORDS <= len(words) <= MOST_WORDS:
        yield f"it has {len(words)} words"
    elif len(sentences(summary)) > MOST_SENTENCES:
        yield f"it has {len(sentences(summary))} sentences"
    if chat := _CHAT.search(summary):
        yield f"{chat[0].strip()!r} is talk, no summary"
    if repeated := _repeated(words):
        yield f"it repeats {repeated!r}"
    if not _is_in(summary, base):
        yield f"it is not in the language {language!r}"


def _repeated(words: Sequence[str]) -> str:
    """A phrase that is said again: four words twice, or two words four times."""
    lower = [word.lower().strip(".,;:") for word in words]
    for size, often in ((5, 2), (2, 4), (1, 9)):
        phrases = Counter(zip(*(lower[at:] for at in range(size)), strict=False))
        for phrase, count in phrases.items():
            if count >= often and not set(phrase) <= _STOPS:
                return " ".join(phrase)
    return ""


def _is_in(text: str, base: str) -> bool:
    letters = [letter for letter in text if letter.isalpha()]
    if not letters:
        return False
    if base in _SCRIPTS:
        own = re.findall(f"[{_SCRIPTS[base]}]", text)
        return len(own) >= 0.3 * len(letters)
    latin = sum(letter < "\u0250" for letter in letters)
    if latin < 0.7 * len(letters):
        return False
    if base not in _FUNCTION_WORDS:
        return True
    words = re.findall(r"[^\W\d_]+", text.lower())
    shares = {
        name: sum(word in set(some.split()) for word in words)
        for name, some in _FUNCTION_WORDS.items()
    }
    best = max(shares.values())
    return len(words) < 8 or (shares[base] >= best and (best > 0 or len(words) < 15))


# --- words, numbers, names -----------------------------------------------------------------------

_STOPS = frozenset(
    "a an the of to in on at by for with from and or as is are was were be been being it its this"
    " that these those which who we our us they their them i he she his her you your can could may"
    " might will would shall should do does did has have had into onto over under than then so such"
    " both each also more most very via using use used based when where while if but about between"
    " across through during within per how what why whether there here not no nor".split()
)
_NUMBER_WORDS = {
    word: float(value)
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
        " fifteen sixteen seventeen eighteen nineteen twenty".split()
    )
} | {"thirty": 30.0, "forty": 40.0, "fifty": 50.0, "hundred": 100.0, "thousand": 1e3,
     "twice": 2.0, "double": 2.0, "doubles": 2.0, "half": 0.5, "thrice": 3.0}  # fmt: skip
_SCALES = {"k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "b": 1e9, "bn": 1e9, "billion": 1e9,
           "trillion": 1e12, "t": 1e12}  # fmt: skip
_UNITS = {
    "%": "%", "percent": "%", "percentage": "%", "×": "x", "x": "x", "times": "x", "fold": "x",
    "-fold": "x", "ms": "ms", "milliseconds": "ms", "s": "s", "sec": "s", "seconds": "s",
    "minutes": "min", "min": "min", "hours": "h", "h": "h", "days": "d", "gb": "gb", "mb": "mb",
    "kb": "kb", "tb": "tb", "hz": "hz", "khz": "khz", "mhz": "mhz", "ghz": "ghz", "nm": "nm",
    "mm": "mm", "cm": "cm", "km": "km", "kg": "kg", "mg": "mg", "ev": "ev", "mev": "mev",
    "gev": "gev", "tev": "tev", "db": "db", "w": "w", "kw": "kw", "mw": "mw",
}  # fmt: skip
_PIECE = re.compile(
    r"(?P<number>(?<![^\W_])[-−]?\d{1,3}(?:,\d{3})+(?:\.\d+)?|(?<![^\W_])\d+(?:\.\d+)?)"
    r"(?:\s?(?P<unit>%|×|-?fold\b|[A-Za-z]{1,12}\b))?"
    r"|(?P<word>[^\W_]+(?:[.'’+-][^\W_]+)*\+*)"
)


@lru_cache(maxsize=20_000)
def _stem(word: str) -> str:
    lower = word.lower()
    return str(_STEM.stemWord(lower)) if lower.isascii() else lower


def _tokens(text: str) -> list[Token]:
    found: list[Token] = []
    is_first = True
    for piece in _PIECE.finditer(text):
        if number := piece["number"]:
            value, unit, rest = _value(number, piece["unit"] or "")
            found.append(Token(piece[0].strip(), f"{value:g}{unit}", "number"))
            if rest:
                found.append(_word(rest, is_first=False))
        else:
            found.append(_word(piece["word"], is_first))
        is_first = text[piece.end() : piece.end() + 1] in (".", "?", "!", ":")
    return found


def _value(number: str, unit: str) -> tuple[float, str, str]:
    """The value, its unit, and the word behind where that is none."""
    value = float(number.replace(",", "").replace("−", "-")[:40])
    lower = unit.lower().lstrip("-")
    if lower in _SCALES:
        return value * _SCALES[lower], "", ""
    if lower in _UNITS:
        return value, _UNITS[lower], ""
    return value, "", unit


def _word(word: str, is_first: bool) -> Token:
    lower = word.lower()
    if lower in _NUMBER_WORDS and lower != "one":
        return Token(word, f"{_NUMBER_WORDS[lower]:g}", "number")
    if lower in _STOPS:
        return Token(word, lower, "stop")
    inner = word[1:]
    is_coined = any(c.isupper() for c in inner) or any(c.isdigit() for c in word)
    if is_coined or (word[0].isupper() and not is_first):
        return Token(word, _name(word), "name")
    return Token(word, _stem(word), "word")


def _name(word: str) -> str:
    """The same for "LLMs", "LLM's" and "LLM", "Pre-Training" and "pretraining"."""
    bare = re.sub(r"['’]s$", "", word)
    bare = re.sub(r"(?<=[A-Z0-9a-z])s$", "", bare) if len(bare) > 3 else bare
    return re.sub(r"[^\w+]", "", bare).lower()


# --- what the abstract does not have -------------------------------------------------------------


def _missing(said: Sequence[Token], known: Sequence[Sequence[Token]], source: str) -> Iterator[str]:
    numbers = {token.stem for some in known for token in some if token.kind == "number"}
    values = {re.match(r"-?[\d.e+]*", stem)[0] for stem in numbers}  # type: ignore[index]
    squeezed = re.sub(r"[^\w+]", "", source.lower())
    stems = {token.stem for some in known for token in some}
    initials = _initials(source)
    for token in said:
        if token.kind == "number":
            value = re.match(r"-?[\d.e+]*", token.stem)[0]  # type: ignore[index]
            is_bare = value == token.stem
            if token.stem in numbers or (is_bare and value in values):
                continue
            # "two models" where the abstract lists them says nothing new.
            if token.text.lower() in _NUMBER_WORDS:
                continue
            if value in values and any(
                one == value for one in numbers
            ):  # the abstract left the unit out
                continue
            yield f"the number {token.text!r} is not in the abstract"
        elif token.kind == "name":
            name = _name(token.text)
            if name in squeezed or _stem(token.text) in stems or name in initials:
                continue
            parts = [part for part in re.split(r"[-/.+’']", token.text) if part]
            if len(parts) > 1 and all(
                _name(part) in squeezed or _stem(part) in stems for part in parts
            ):
                continue
            if token.text.istitle() and _shares_beginning(token.text.lower(), stems):
                continue
            yield f"the name {token.text!r} is not in the abstract"


def _shares_beginning(word: str, stems: set[str]) -> bool:
    """Another form of a word that is there: "Bayes" and "Bayesian"."""
    return len(word) >= 5 and any(stem[:5] == word[:5] for stem in stems)


def _initials(source: str) -> set[str]:
    """What could be the acronyms of the source's phrases of two to five words."""
    words = re.findall(r"[^\W\d_]+", source.lower())
    found: set[str] = set()
    content = [word for word in words if word not in _STOPS]
    for some in (words, content):
        firsts = "".join(word[0] for word in some)
        for size in range(2, 6):
            found.update(firsts[at : at + size] for at in range(len(firsts) - size + 1))
    return found


# --- what the abstract says of something else ----------------------------------------------------


def _moved(said: Sequence[Token], known: Sequence[Sequence[Token]]) -> Iterator[str]:
    """Numbers and names that the abstract has beside other words, while another fits here."""
    places = [(some, at) for some in known for at in range(len(some))]
    for kind in ("number", "name"):
        rivals = [(some, at) for some, at in places if some[at].kind == kind]
        for at, token in enumerate(said):
            if token.kind != kind:
                continue
            here = _beside(said, at)
            if not here:
                continue
            own = max(
                (
                    _fit(here, some, place)
                    for some, place in rivals
                    if some[place].stem == token.stem
                ),
                default=None,
            )
            if own is None:
                continue
            stems = {one.stem for one in said}
            best, text = max(
                (
                    (_fit(here, some, place), some[place].text)
                    for some, place in rivals
                    if some[place].stem not in stems
                ),
                default=(0.0, ""),
            )
            if best > own + MARGIN and best >= FIT:
                yield f"{token.text!r} stands where the abstract has {text!r}"


#: How much better another must fit, and how well: set on SciTLDR's training part.
MARGIN, FIT = 0.25, 0.5


def _beside(tokens: Sequence[Token], at: int) -> dict[str, float]:
    """The content words around a place, nearer ones heavier, left and right told apart."""
    found: dict[str, float] = {}
    for side in (-1, 1):
        steps = 0
        place = at + side
        while 0 <= place < len(tokens) and steps < REACH:
            token = tokens[place]
            if token.kind != "stop":
                steps += 1
                key = f"{side}{token.stem}"
                found[key] = max(found.get(key, 0.0), 1 / steps)
            place += side
    return found


def _fit(here: dict[str, float], tokens: Sequence[Token], at: int) -> float:
    """The share of the words around a place in the summary that stand around this one too."""
    there = _beside(tokens, at)
    total = sum(here.values())
    return sum(min(weight, there[key]) for key, weight in here.items() if key in there) / total


# --- negations -----------------------------------------------------------------------------------

_NEGATIONS = frozenset(
    "not no never without cannot neither nor none nothing hardly rarely seldom barely n't fail"
    " fails failed lack lacks lacking unable cannot isn't aren't doesn't don't didn't won't can't"
    " wasn't weren't couldn't shouldn't wouldn't hasn't haven't little few".split()
)
_OPPOSITES = tuple(
    (frozenset(a.split()), frozenset(b.split()))
    for a, b in (
        ("increas improv enhanc boost rais grow", "decreas reduc degrad worsen lower drop declin"),
        ("outperform surpass exceed", "underperform trail lag"),
        ("better", "wors"), ("higher", "lower"), ("faster", "slower"), ("larger", "smaller"),
        ("more", "less"), ("most", "least"), ("with", "without"), ("possibl", "imposs"),
        ("suffici", "insuffici"), ("effici", "ineffici"), ("effect", "ineffect"),
        ("stabl", "unstabl"), ("bound", "unbound"), ("supervis", "unsupervis"),
        ("abl", "unabl"), ("consist", "inconsist"), ("accur", "inaccur"), ("linear", "nonlinear"),
        ("strong", "weak"), ("posit", "negat"), ("success", "fail"), ("support", "contradict"),
        ("alway", "never"), ("like", "unlik"), ("depend", "independ"), ("complet", "incomplet"),
    )
)  # fmt: skip


def _negations(said: Sequence[Token], known: Sequence[Sequence[Token]]) -> Iterator[str]:
    stems = {_stem(token.text) for token in said}
    source = {_stem(token.text) for some in known for token in some}
    for pair in _OPPOSITES:
        for ours, others in (pair, pair[::-1]):
            for word in sorted(ours & stems):
                if word not in source and not ours & source and others & source:
                    yield f"{word!r} is not in the abstract, but its opposite is"
    negated_there = _negated(known)
    plain_there = {token.stem for some in known for token in some if token.kind != "stop"}
    for at, token in enumerate(said):
        if token.text.lower() in _NEGATIONS:
            scope = _scope(said, at)
            shared = [stem for stem in scope if stem in plain_there]
            if shared and not any(stem in negated_there for stem in shared):
                yield f"{token.text!r} is not in the abstract"
    yield from _lost(said, known)


def _scope(tokens: Sequence[Token], at: int) -> list[str]:
    """The next content words behind a negation."""
    return [token.stem for token in tokens[at + 1 : at + 8] if token.kind != "stop"][:3]


def _negated(known: Sequence[Sequence[Token]]) -> set[str]:
    return {
        stem
        for some in known
        for at, token in enumerate(some)
        if token.text.lower() in _NEGATIONS
        for stem in [*_scope(some, at), *(one.stem for one in some[max(0, at - 4) : at])]
    }


def _lost(said: Sequence[Token], known: Sequence[Sequence[Token]]) -> Iterator[str]:
    """A negation of the sentence that the summary repeats, without which it says the opposite."""
    ours = [token.stem for token in said]
    for some in known:
        for at, token in enumerate(some):
            if token.text.lower() not in _NEGATIONS:
                continue
            behind = [one.stem for one in some[at + 1 : at + 4]]
            before = [one.stem for one in some[max(0, at - 2) : at]]
            if len(behind) < 2 or not before:
                continue
            # The words on both sides stand together in the summary: only the negation is gone.
            for place in range(len(ours) - 1):
                if ours[place] == before[-1] and ours[place + 1 : place + 3] == behind[:2]:
                    yield f"{token.text!r} of the abstract is missing"
