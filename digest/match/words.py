"""Words without case, accents, hyphens and endings. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache

#: Scripts that put no blanks between words, or not only (Chinese, Japanese, Korean, Thai, Lao,
#: Khmer, Burmese): each letter is a word, and so words are phrases.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
#: Vowel signs are no letters to Python, but parts of words.
_MARKS = "\u0900-\u0dff"
_WORD = re.compile(
    rf"[{_UNSPACED}]|(?:(?![{_UNSPACED}])[^\W_]|[{_MARKS}])+(?:['’](?:(?![{_UNSPACED}])[^\W_])+)?"
    r"|[+#]{1,2}"
)


def stems(text: str) -> list[str]:
    """The words of a text, without case, accents, hyphens and endings."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(c for c in folded if not unicodedata.combining(c))
    return [_stem(word) for word in _WORD.findall(plain)]


def joined(words: Iterable[str]) -> str:
    """Stems as a text to search phrases in: " fine  tun  languag  model "."""
    # Two blanks between words, so that adjacent finds of one word do not share theirs.
    return " " + "  ".join(words) + " "


@lru_cache(maxsize=1)
def _stemmer() -> Callable[[str], str]:
    import snowballstemmer

    stem: Callable[[str], str] = snowballstemmer.stemmer("english").stemWord
    return stem


@lru_cache(maxsize=100_000)
def _stem(word: str) -> str:
    stem = _stemmer()(word)
    # The stemmer wants a vowel before a plural's s; "LLMs" and "GNNs" have none.
    is_plural = len(stem) > 3 and stem[-1] == "s" and stem[-2] not in "aeiousy"
    return stem[:-1] if is_plural else stem
