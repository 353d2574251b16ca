"""The encoders: a text → a vector; texts that mean alike lie close together.

Built in is the one in the package ("embedded"); "hub:ORG/NAME" and "openai:MODEL@URL" stand for
bigger ones. Your own comes as "package.module:factory": a function without arguments that gives an
`Encoder`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

EMBEDDED = "embedded"


@runtime_checkable
class Encoder(Protocol):
    """What makes vectors."""

    @property
    def id(self) -> str:
        """Its name with its revision, "embedded/1": a new id means that texts are encoded anew."""

    def encode(self, texts: Sequence[str]) -> Floats:
        """A vector of length 1 for each text, whatever else is asked with it; 0 for an empty one.

        Shapes: [texts, width].

        Raises: Temporary where that may change by itself, Permanent where it will not.
        """

    def parts(self, before: str, parts: Sequence[str]) -> Floats:
        """A vector for each part of a text that begins with `before`.

        Shapes: [parts, width].
        """
        return self.encode(parts)


def unit(vectors: npt.ArrayLike) -> Floats:
    """Vectors of length 1; what has no direction stays 0.

    >>> unit([[3, 4], [0, 0]]).round(1).tolist()
    [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    given = np.asarray(vectors, np.float32)
    length = np.linalg.norm(given, axis=-1, keepdims=True)
    found: Floats = (given / np.where(length > 0, length, 1)).astype(np.float32)
    return found


def _embedded() -> Encoder:
    from digest.encoders.embedded import Embedded

    return Embedded()


#: name → maker. What an encoder needs is imported when it is made.
BUILTIN: dict[str, Callable[[], Encoder]] = {EMBEDDED: _embedded}
