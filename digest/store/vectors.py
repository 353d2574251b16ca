"""Vectors by what they were made of and what made them: none is ever computed twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, select

from digest.store.tables import vectors
from digest.store.upsert import chunks, upsert

Floats = npt.NDArray[np.float32]

#: Half precision: a cosine changes in the fourth place, and a paper takes 768 bytes.
_KIND = np.dtype("<f2")


def known(connection: Connection, hashes: Iterable[str], encoder: str) -> dict[str, Floats]:
    """Text hash → vector, for those there are."""
    found: dict[str, Floats] = {}
    for chunk in chunks(sorted(set(hashes)), 500):
        query = select(vectors.c.text_hash, vectors.c.vector).where(
            vectors.c.text_hash.in_(chunk), vectors.c.encoder == encoder
        )
        for hash, raw in connection.execute(query):
            found[hash] = np.frombuffer(raw, _KIND).astype(np.float32)
    return found


def save(connection: Connection, made: Mapping[str, Floats], encoder: str, now: datetime) -> None:
    """Keep vectors by text hash."""
    rows = [
        {"text_hash": hash, "encoder": encoder, "vector": as_kept(one), "made_at": now}
        for hash, one in made.items()
    ]
    upsert(connection, vectors, rows, overwrite=False)


def as_kept(vector: Floats) -> bytes:
    """The bytes of a vector. Who matches without a store rounds the same way."""
    return vector.astype(_KIND).tobytes()
