"""Abstracts of many fields → what a topic needs to know of the world: `world.npz`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from math import log
from pathlib import Path

import numpy as np
import numpy.typing as npt

from digest.encoders.embedded import Embedded
from digest.match import COMMON
from digest.match.words import stems
from digest.training.examples import Pair, weak
from digest.training.fit import Say

THEMES, ROUNDS, SEED = 1000, 12, 1
#: Stems in fewer abstracts are left out: rare ones are all alike.
FEWEST = 10
AT_A_TIME = 512

WORDS = 8  #: for each theme
_WORD = re.compile(r"[a-z][a-z-]{2,}")

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


def make_world(pairs: Path, work: Path, folder: Path, say: Say) -> None:
    """Encode the abstracts with the encoder of a folder and write its `world.npz`.

    Vectors are kept in `work`, so that a killed run goes on from there.
    """
    papers = list(weak(pairs))
    texts = [f"{pair.title}. {pair.abstract}" for pair in papers]
    vectors = _encoded(texts, Embedded(folder), work, say)
    themes, nearest = clustered(vectors)
    sizes = np.bincount(nearest, minlength=len(themes))
    scales = np.abs(themes).max(1) / 127
    frequency: Counter[str] = Counter()
    for text in texts:
        parts = stems(text)
        frequency.update({*parts, *(" ".join(pair) for pair in pairwise(parts))})
    fewest = {1: FEWEST, 2: int(COMMON * len(texts)) // 2}
    common = sorted(p for p, count in frequency.items() if count >= fewest[len(p.split())])
    np.savez_compressed(
        folder / "world.npz",
        themes=np.round(themes / scales[:, None]).astype(np.int8),
        scales=scales.astype(np.float32),
        sizes=sizes.astype(np.int32),
        stems=np.frombuffer("\n".join(common).encode(), np.uint8),
        counts=np.array([frequency[stem] for stem in common], np.int32),
        documents=np.int32(len(texts)),
        words=np.frombuffer("\n".join(_about(papers, nearest, len(themes))).encode(), np.uint8),
    )


def _encoded(texts: list[str], encoder: Embedded, work: Path, say: Say) -> Floats:
    done = work / "world.npy"
    made: list[Floats] = [np.load(done)] if done.exists() else []
    for start in range(sum(map(len, made)), len(texts), AT_A_TIME):
        made.append(encoder.encode(texts[start : start + AT_A_TIME]))
        if start // AT_A_TIME % 8 == 7 or start + AT_A_TIME >= len(texts):
            made = [np.concatenate(made)]
            np.save(done, made[0])
            say(f"world: {len(made[0])} of {len(texts)} abstracts encoded")
    return made[0]


def _about(papers: Sequence[Pair], nearest: Ints, themes: int) -> list[str]:
    """For each theme the words of its titles that most set it apart."""
    titles = [set(_WORD.findall(paper.title.lower())) for paper in papers]
    everywhere = Counter(word for words in titles for word in words)
    within: list[Counter[str]] = [Counter() for _ in range(themes)]
    for words, theme in zip(titles, nearest, strict=True):
        within[theme].update(words)
    return [
        " ".join(
            sorted(counts, key=lambda w: (-counts[w] * log(len(papers) / everywhere[w]), w))[:WORDS]
        )
        for counts in within
    ]


def clustered(vectors: Floats, themes: int = THEMES) -> tuple[Floats, Ints]:
    """Spherical k-means: centers of length 1, and which is nearest to each vector."""
    chance = np.random.default_rng(SEED)
    centers = vectors[chance.choice(len(vectors), min(themes, len(vectors)), replace=False)]
    for _ in range(ROUNDS):
        sums = np.zeros_like(centers)
        nearest = _nearest(vectors, centers)
        np.add.at(sums, nearest, vectors)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        centers = np.where(lengths > 0, sums / np.maximum(lengths, 1e-9), centers)
    return centers, _nearest(vectors, centers)


def _nearest(vectors: Floats, centers: Floats) -> Ints:
    pieces = (vectors[at : at + 4096] @ centers.T for at in range(0, len(vectors), 4096))
    return np.concatenate([piece.argmax(1) for piece in pieces])
