"""encode(): a vector for each paper and each topic; none that is known is made again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count

import numpy as np

from digest.encoders import Encoder, Floats
from digest.run.setup import Setup
from digest.store import vectors
from digest.store.upsert import chunks
from digest.text import content_hash
from digest.types import Paper

AT_A_TIME = 128  #: texts: a kill loses no more


def papers(setup: Setup, some: Sequence[Paper], *, keep: bool = True) -> dict[str, Floats]:
    """Paper id → its vector, from the store or from now on in it.

    With `keep` false nothing is written.
    """
    texts = {content_hash(p.title, p.abstract): f"{p.title}. {p.abstract}" for p in some}
    made = _kept(setup, texts, "papers", keep)
    return {p.id: made[content_hash(p.title, p.abstract)] for p in some}


def words(setup: Setup, some: Sequence[str], *, keep: bool = True) -> dict[str, Floats]:
    """The same for topics and sentences."""
    texts = {content_hash(one, ""): one for one in some}
    made = _kept(setup, texts, "texts", keep)
    return {one: made[content_hash(one, "")] for one in some}


def without_store(encoder: Encoder, texts: Sequence[str]) -> Floats:
    """Vectors as they would come out of the store.

    Shapes: [texts, width].
    """
    return as_stored(encoder.encode(texts))


def as_stored(made: Floats) -> Floats:
    """Rounded as the store does it: what is read is what was scored when it was new."""
    return made.astype(np.float16).astype(np.float32)


def _kept(setup: Setup, texts: Mapping[str, str], what: str, keep: bool) -> dict[str, Floats]:
    encoder = setup.encoder
    with setup.store.read() as connection:
        known = vectors.known(connection, texts, encoder.id)
    missing = [hash for hash in texts if hash not in known]
    for done, batch in zip(count(step=AT_A_TIME), chunks(missing, AT_A_TIME), strict=False):
        setup.notify(f"encoding {done} of {len(missing)} {what}")
        # No transaction is open while a model works: others may write meanwhile.
        made = dict(zip(batch, as_stored(encoder.encode([texts[h] for h in batch])), strict=True))
        if keep:
            with setup.store.write() as connection:
                vectors.save(connection, made, encoder.id, setup.now)
        known |= made
    return known
