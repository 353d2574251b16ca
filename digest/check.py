"""Whether a generated summary has anything that its abstract does not have. Pure.

What can be pointed at is compared: every number with its unit and every name must stand in the
source (title and abstract); and its length, language and manners must be those of a summary. What
the source has elsewhere (a number that was moved, a "not" too many) takes more than rules:
`digest.summarizers.embedded.doubt`.
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
    said, known = _tokens(_parted(summary)), _tokens(source)
    if language != "en":
        # Other languages have names of their own for places, and German a capital for every noun.
        said = [token for token in said if token.kind != "name" or not token.text.istitle()]
    found += _missing(said, known, source, is_translated=language != "en")
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
    """A phrase that is said again: five words twice, or two words four times."""
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
#: What may be counted without being said.
_FEW = frozenset("two three four five".split())
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
    r"(?P<number>(?<![^\W_])(?:(?<![^\s(])[-−])?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)"
    r"(?:\s?(?P<unit>%|×|-?fold\b|[A-Za-z]{1,12}\b))?"
    r"|(?P<word>[^\W_]+(?:[.'’+-][^\W_]+)*\+*)"
)


@lru_cache(maxsize=20_000)
def _stem(word: str) -> str:
    lower = word.lower()
    return str(_STEM.stemWord(lower)) if lower.isascii() else lower


def _parted(text: str) -> str:
    """With blanks between Latin letters or digits and scripts that put none there.

    >>> _parted("使用BERT快2倍")
    '使用 BERT 快 2 倍'
    """
    own = _SCRIPTS["zh"] + _SCRIPTS["ja"] + _SCRIPTS["ko"] + _SCRIPTS["th"]
    return re.sub(rf"(?<=[{own}])(?=[A-Za-z0-9])|(?<=[A-Za-z0-9%])(?=[{own}])", " ", text)


def _tokens(text: str) -> list[Token]:
    found: list[Token] = []
    is_first = True
    is_headline = _is_headline(text)
    for piece in _PIECE.finditer(text):
        if number := piece["number"]:
            value, unit, rest = _value(number, piece["unit"] or "")
            found.append(Token(piece[0].strip(), f"{value!r}{unit}", "number"))
            if rest:
                found.append(_word(rest, is_first=False))
        else:
            found.append(_word(piece["word"], is_first or is_headline))
        is_first = text[piece.end() : piece.end() + 1] in (".", "?", "!", ":")
    return found


def _is_headline(text: str) -> bool:
    """Whether Capitals Are a Matter of Style Here, and name nothing."""
    words = [word for word in re.findall(r"[^\W\d_]{3,}", text) if word.lower() not in _STOPS]
    return len(words) > 2 and sum(word[0].isupper() for word in words) > 0.6 * len(words)


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
        return Token(word, f"{_NUMBER_WORDS[lower]!r}", "number")
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


def _missing(
    said: Sequence[Token], known: Sequence[Token], source: str, *, is_translated: bool
) -> Iterator[str]:
    numbers = {token.stem for token in known if token.kind == "number"}
    values = {_bare(stem) for stem in numbers}
    squeezed = re.sub(r"[^\w+]", "", source.lower())
    stems = {token.stem for token in known}
    initials = _initials(source)

    def has(name: str) -> bool:
        return _name(name) in squeezed or _stem(name) in stems

    for at, token in enumerate(said):
        if token.kind == "number":
            value = _bare(token.stem)
            if token.stem in numbers or (value in values and value in (token.stem, *numbers)):
                continue
            following = said[at + 1].text.lower() if at + 1 < len(said) else ""
            # "two models" where the abstract lists them says nothing new; "two times" does.
            if token.text.lower() in _FEW and following not in _UNITS:
                continue
            yield f"the number {token.text!r} is not in the abstract"
        elif token.kind == "name":
            parts = [part for part in re.split(r"[-/.+’']", token.text) if part]
            coined = [part for part in parts if part != part.lower() and not part.istitle()]
            if (
                has(token.text)
                or _name(token.text) in initials
                or (len(parts) > 1 and all(map(has, parts)))
                # "BERT-Modell"
                or (is_translated and coined and all(map(has, coined)))
                or (token.text.istitle() and _shares_beginning(token.text.lower(), stems))
            ):
                continue
            yield f"the name {token.text!r} is not in the abstract"


def _bare(stem: str) -> str:
    """The value of a number without its unit."""
    found = re.match(r"-?[\d.]+(?:e[+-]?\d+)?", stem)
    return found[0] if found else stem


def _shares_beginning(word: str, stems: set[str]) -> bool:
    """Another form of a word that is there: "Bayes" and "Bayesian"."""
    return len(word) >= 5 and any(stem[:5] == word[:5] for stem in stems)


def _initials(source: str) -> set[str]:
    """What could be the acronyms of the source's phrases of two to five words."""
    # "Autoencoder" gives two letters of VAE.
    words = re.findall(r"[^\W\d_]+", re.sub(r"\b(auto|multi|hyper)(?=\w)", r"\1 ", source.lower()))
    found: set[str] = set()
    content = [word for word in words if word not in _STOPS]
    for some in (words, content):
        firsts = "".join(word[0] for word in some)
        for size in range(2, 6):
            found.update(firsts[at : at + size] for at in range(len(firsts) - size + 1))
    return found
