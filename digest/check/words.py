"""Words as they are compared: without endings, and parted where scripts put no blanks."""

from __future__ import annotations

import re
from functools import lru_cache

from snowballstemmer import stemmer

from digest.check.languages import SCRIPTS

_STEM = stemmer("english")
STOPS = frozenset(
    "a an the of to in on at by for with from and or as is are was were be been being it its this"
    " that these those which who we our us they their them i he she his her you your can could may"
    " might will would shall should do does did has have had into onto over under than then so such"
    " both each also more most very via using use used based when where while if but about between"
    " across through during within per how what why whether there here not no nor".split()
)


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """The word without its ending, in lower case."""
    lower = word.lower()
    return str(_STEM.stemWord(lower)) if lower.isascii() else lower


_OWN = "".join(SCRIPTS[name] for name in ("zh", "ja", "ko", "th"))
_PARTING = re.compile(rf"(?<=[{_OWN}])(?=[A-Za-z0-9])|(?<=[A-Za-z0-9%])(?=[{_OWN}])")


def parted(text: str) -> str:
    """With blanks between Latin letters or digits and scripts that put none there.

    >>> parted("使用BERT快2倍")
    '使用 BERT 快 2 倍'
    """
    return _PARTING.sub(" ", text)
