"""ROUGE of summaries against those that people wrote, as the field counts it for SciTLDR."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from rouge_score.rouge_scorer import RougeScorer

TYPES = ("rouge1", "rouge2", "rougeL")


@dataclass(frozen=True, slots=True)
class Rouge:
    """F1 in percent, means over all papers."""

    r1: float
    r2: float
    rl: float


def rouge(said: Sequence[str], references: Sequence[Sequence[str]]) -> Rouge:
    """Each against the reference with the highest ROUGE-1; no stemming."""
    scorer = RougeScorer(list(TYPES), use_stemmer=False)
    best = [
        max((scorer.score(one, text) for one in ours), key=lambda s: s["rouge1"].fmeasure)
        for text, ours in zip(said, references, strict=True)
    ]
    r1, r2, rl = (100 * fmean(score[kind].fmeasure for score in best) for kind in TYPES)
    return Rouge(r1, r2, rl)


def oracle(choices: Iterable[Sequence[str]], references: Sequence[Sequence[str]]) -> list[str]:
    """Of the choices for each paper the one with the highest ROUGE-1."""
    scorer = RougeScorer(["rouge1"], use_stemmer=False)

    def r1(text: str, ours: Sequence[str]) -> float:
        return max(scorer.score(one, text)["rouge1"].fmeasure for one in ours)

    return [
        max(some, key=lambda text, ours=ours: r1(text, ours), default="")  # type: ignore[misc]
        for some, ours in zip(choices, references, strict=True)
    ]
