"""arXiv's categories. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

ARCHIVES = frozenset(
    "astro-ph cond-mat cs econ eess gr-qc hep-ex hep-lat hep-ph hep-th math math-ph nlin nucl-ex"
    " nucl-th physics q-bio q-fin quant-ph stat".split()
)
_CATEGORY = re.compile(r"[a-z]+(-[a-z]+)?(\.[A-Za-z-]+)?")


def is_category(name: str) -> bool:
    """Is it an archive of arXiv's, or a category of one?

    >>> [is_category(c) for c in ("cs.CL", "cs", "neuroscience", "I.2.6")]
    [True, True, False, False]
    """
    return bool(_CATEGORY.fullmatch(name)) and name.split(".")[0] in ARCHIVES


def own(categories: Iterable[str]) -> tuple[str, ...]:
    """Those that are arXiv's, each once, in order. Records also carry ACM and MSC classes."""
    return tuple(dict.fromkeys(c for c in categories if is_category(c)))
