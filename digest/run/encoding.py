"""encode(): a vector for each paper and each topic; none that is known is made again."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from itertools import count

import numpy as np

from digest.encoders import Encoder, Floats
from digest.errors import DigestError, Misuse, Temporary
from digest.run.setup import Setup
from digest.store import vectors
from digest.store.upsert import chunks
from digest.text import content_hash, sentences
from digest.types import Example, Paper

log = logging.getLogger(__name__)

AT_A_TIME = 128  #: texts: a kill loses no more


class Encoding:
    """An encoder with what it made before.

    Where it fails there are no vectors, and a warning: papers are then matched by words alone.
    """

    def __init__(self, encoder: Encoder, setup: Setup | None = None, *, keep: bool = True) -> None:
        """Without a setup there is no store; with `keep` false it is only read."""
        self._encoder = encoder
        self._setup = setup
        self._keep = keep
        self._short = setup.short_vectors if setup else {}
        self.warnings: tuple[str, ...] = ()

    @property
    def encoder_id(self) -> str:
        """Whose vectors these are."""
        return self._encoder.id

    def papers(self, some: Sequence[Paper]) -> dict[str, Floats]:
        """Paper id → its vector."""
        texts = {content_hash(p.title, p.abstract): _text(p.title, p.abstract) for p in some}
        made = self._made(texts, "papers")
        hashes = {p.id: content_hash(p.title, p.abstract) for p in some}
        return {id: made[hash] for id, hash in hashes.items() if hash in made}

    def examples(self, some: Sequence[Example]) -> dict[Example, Floats]:
        """Example → its vector; a paper of the same words has the same one."""
        texts = {content_hash(e.title, e.abstract): _text(e.title, e.abstract) for e in some}
        made = self._made(texts, "papers of yours")
        hashes = {e: content_hash(e.title, e.abstract) for e in some}
        return {example: made[hash] for example, hash in hashes.items() if hash in made}

    def words(self, some: Sequence[str]) -> dict[str, Floats]:
        """Topic or other short text → its vector."""
        texts = {content_hash(one, ""): one for one in some}
        # What is to be kept is looked for in the store, or it would never come there.
        is_kept = self._setup is not None and self._keep
        new = {h: one for h, one in texts.items() if is_kept or h not in self._short}
        self._short.update(self._made(new, "topics") if new else {})
        return {one: self._short[hash] for hash, one in texts.items() if hash in self._short}

    def closest(self, paper: Paper, near: Mapping[str, Floats]) -> dict[str, str]:
        """Topic → the sentence of the abstract that comes closest to it; none without abstract.

        `near` are the topics' vectors.
        """
        parts = sentences(paper.abstract)
        if not parts or not near:
            return {}
        try:
            made = self._encoder.parts(paper.title + ". ", parts)
        except Exception as why:  # it gave the paper's vector before; a reason is none to stop
            log.warning("encoder %r read no sentences of %s: %s", self._encoder.id, paper.id, why)
            return {}
        return {topic: parts[int(np.argmax(made @ vector))] for topic, vector in near.items()}

    def _made(self, texts: Mapping[str, str], what: str) -> dict[str, Floats]:
        known = self._known(texts)
        # Who has failed is not asked on: it would only take more time.
        missing = [] if self.warnings else [hash for hash in texts if hash not in known]
        for done, batch in zip(count(step=AT_A_TIME), chunks(missing, AT_A_TIME), strict=False):
            if self._setup:
                self._setup.notify(f"encoding {done} of {len(missing)} {what}")
            # No transaction is open while a model works: others may write meanwhile.
            try:
                rows = _checked(self._encoder.encode([texts[hash] for hash in batch]), len(batch))
            except Misuse:
                raise
            except DigestError as why:
                self._warn(why)
                break
            except Exception as why:  # whatever somebody's own encoder does while it works
                self._warn(Temporary(f"{type(why).__name__}: {why}"))
                break
            made = dict(zip(batch, rows, strict=True))
            self._save(made)
            known |= made
        return known

    def _known(self, texts: Mapping[str, str]) -> dict[str, Floats]:
        if not self._setup:
            return {}
        with self._setup.store.read() as connection:
            return vectors.known(connection, texts, self._encoder.id)

    def _save(self, made: Mapping[str, Floats]) -> None:
        if self._setup and self._keep:
            with self._setup.store.write() as connection:
                vectors.save(connection, made, self._encoder.id, self._setup.now)

    def _warn(self, why: DigestError) -> None:
        line = " ".join(str(why).split())[:300]
        said = f"encoder {self._encoder.id!r} failed, so topics were matched by words alone: {line}"
        self.warnings = tuple(dict.fromkeys((*self.warnings, said)))


def _checked(made: Floats, count: int) -> Floats:
    """A vector for each text, as the store has it.

    Raises: Temporary when they are none.
    """
    found = np.asarray(made, np.float32)
    if found.ndim != 2 or len(found) != count or not np.isfinite(found).all():
        raise Temporary(f"it gave no vector each for {count} texts: {found.shape}, or not finite")
    return as_stored(found)


def papers(setup: Setup, some: Sequence[Paper], *, keep: bool = True) -> dict[str, Floats]:
    """Paper id → its vector, from the store or, with `keep`, from now on in it."""
    return Encoding(setup.encoder, setup, keep=keep).papers(some)


def as_stored(made: Floats) -> Floats:
    """Rounded as the store does it: what is read is what was scored when it was new."""
    return made.astype(np.float16).astype(np.float32)


def _text(title: str, abstract: str) -> str:
    # The same words are the same text, be they a topic or a title without an abstract.
    return f"{title}. {abstract}" if title and abstract else title or abstract
