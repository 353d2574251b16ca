"""The names of a summary: each must stand in its abstract. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from digest.check.units import LETTERS, NUMBER_WORDS, SCALES, UNITS
from digest.check.words import STOPS, parted, stem


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a text."""

    text: str
    stem: str
    kind: str  #: "word", "name", "stop"


_PIECE = re.compile(
    r"(?<![^\W_])(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:\s?(?P<unit>-?fold\b|[^\W\d_]{1,12}\b))?"
    r"|(?P<word>[^\W_]+(?:[.'’+-][^\W_]+)*\+*)"
)
#: In German every noun has a capital, so that only these are known for names.
_FAMED = frozenset(
    "google microsoft amazon apple meta facebook nvidia intel samsung huawei tencent alibaba baidu"
    " bytedance openai deepmind anthropic mistral salesforce adobe oracle tesla twitter netflix"
    " stanford harvard princeton berkeley oxford cambridge yale columbia cornell caltech toronto"
    " tsinghua peking eth epfl imperial edinburgh zürich zurich münchen munich berlin paris london"
    " peking beijing shanghai tokyo tokio singapur singapore boston chicago seattle montreal"
    " wien vienna genf cern nasa fraunhofer helmholtz siemens bosch sap volkswagen bmw pfizer bayer"
    " novartis roche llama gemini claude mistral qwen bert transformer wikipedia github reddit"
    " youtube tiktok whatsapp linux windows android".split()
)
#: Languages that give every noun a capital, and scripts whose names are ours in other letters.
_CAPITALIZING = frozenset(("de", "lb"))
_OTHER_LETTERS = frozenset("ru uk bg sr el ar fa he hi th zh ja ko bn ur".split())


def tokens(text: str) -> list[Token]:
    """The words of a text; numbers and units are for others."""
    found: list[Token] = []
    is_first = True
    is_headline = _is_headline(text)
    for piece in _PIECE.finditer(parted(text)):
        if word := piece["word"]:
            found.append(_word(word, is_first=is_first or is_headline))
        elif (unit := piece["unit"]) and not _is_unit(unit):
            found.append(_word(unit, is_first=False))
        is_first = piece.string[piece.end() : piece.end() + 1] in (".", "?", "!", ":")
    return found


def _is_unit(word: str) -> bool:
    return word in LETTERS or word.lower() in UNITS or word.lower() in SCALES


def _is_headline(text: str) -> bool:
    """Whether Capitals Are a Matter of Style Here, and name nothing."""
    words = [word for word in re.findall(r"[^\W\d_]{3,}", text) if word.lower() not in STOPS]
    return len(words) > 2 and sum(word[0].isupper() for word in words) > 0.6 * len(words)


def _word(word: str, *, is_first: bool) -> Token:
    lower = word.lower()
    if lower in STOPS or lower in NUMBER_WORDS or lower in SCALES:
        return Token(word, lower, "stop")
    inner = word[1:]
    is_coined = any(c.isupper() for c in inner) or any(c.isdigit() for c in word)
    if is_coined or (word[0].isupper() and not is_first):
        return Token(word, _name(word), "name")
    return Token(word, stem(word), "word")


def _name(word: str) -> str:
    """The same for "LLMs", "LLM's" and "LLM", "Pre-Training" and "pretraining"."""
    bare = re.sub(r"['’]s$", "", word)
    bare = re.sub(r"(?<=[A-Z0-9a-z])s$", "", bare) if len(bare) > 3 else bare
    return re.sub(r"[^\w+]", "", bare).lower()


def missing(
    said: Sequence[Token], known: Sequence[Token], source: str, language: str
) -> Iterator[str]:
    """The names that the source does not have, nor anything that they could come from."""
    squeezed = re.sub(r"[^\w+]", "", source.lower())
    stems = {token.stem for token in known}
    initials = _initials(source)
    is_translated = language != "en"

    def has(name: str) -> bool:
        return _name(name) in squeezed or stem(name) in stems

    for token in said:
        is_known = has(token.text) or _shares_beginning(token.text, stems, is_translated)
        if token.text.istitle() and token.text.lower() in _FAMED and not is_known:
            yield f"the name {token.text!r} is not in the abstract"
            continue
        if token.kind != "name" or (is_translated and not _is_checked(token.text, language)):
            continue
        parts = [part for part in re.split(r"[-/.+’']", token.text) if part]
        coined = [part for part in parts if part != part.lower() and not part.istitle()]
        if (
            has(token.text)
            or _name(token.text) in initials
            or (len(parts) > 1 and all(map(has, parts)))
            # "BERT-Modell"
            or (is_translated and coined and all(map(has, coined)))
            or (token.text.istitle() and _shares_beginning(token.text, stems, is_translated))
        ):
            continue
        yield f"the name {token.text!r} is not in the abstract"


def _is_checked(word: str, language: str) -> bool:
    """Whether a capital of another language makes a name that its abstract should have."""
    if not word.istitle():
        return True
    base = language.partition("-")[0].lower()
    if base in _CAPITALIZING or base in _OTHER_LETTERS:
        return any(part.lower() in _FAMED for part in re.split(r"[-'’]", word))
    return True


def _shares_beginning(word: str, stems: set[str], is_translated: bool) -> bool:
    """Another form of a word that is there: "Bayes" and "Bayesian", "Zürich" and "Zurich"."""
    size = 4 if is_translated else 5
    bare = _unaccented(word.lower())
    # French puts its articles in front: "d'Euler".
    bare = re.sub(r"^[a-z]{1,4}['’]", "", bare)
    return len(bare) >= size and any(_unaccented(one)[:size] == bare[:size] for one in stems)


def _unaccented(word: str) -> str:
    split = unicodedata.normalize("NFD", word)
    return "".join(char for char in split if not unicodedata.combining(char))


def _initials(source: str) -> set[str]:
    """What could be the acronyms of the source's phrases of two to five words."""
    # "Autoencoder" gives two letters of VAE.
    words = re.findall(r"[^\W\d_]+", re.sub(r"\b(auto|multi|hyper)(?=\w)", r"\1 ", source.lower()))
    found: set[str] = set()
    content = [word for word in words if word not in STOPS]
    for some in (words, content):
        firsts = "".join(word[0] for word in some)
        for size in range(2, 6):
            found.update(firsts[at : at + size] for at in range(len(firsts) - size + 1))
    return found
