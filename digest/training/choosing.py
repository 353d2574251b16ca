"""What the summarizer learns from a batch: to choose, which words are used, and what is whole."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from digest.summarizers.embedded.choice import grid
from digest.summarizers.embedded.reading import weights
from digest.training.examples import WEAK, Example
from digest.training.fit import Phase
from digest.training.network import Network, Shown, padded

Wholes = Sequence[tuple[list[int], bool]]

WHOLES = 8  #: sentences, whole and torn, beside each batch
#: How sharply the best choice is preferred to the next best, in ROUGE-1.
SHARPNESS = 0.05
#: So often a pair of people comes among the weak ones, of which there are twenty times more.
PEOPLE_TIMES = 4


def loss(network: Network, batch: Sequence[Example], wholes: Wholes) -> Tensor:
    """How far off it is."""
    # bfloat16 halves the time on processors that have it.
    with torch.autocast("cpu", dtype=torch.bfloat16):
        states = network(*padded([one.reading.ids for one in batch]))
        sentences = network(*padded([ids for ids, _ in wholes]))
    odds = network.whole(sentences[:, 0].float())[:, 0]
    is_whole = torch.tensor([float(yes) for _, yes in wholes])
    whole = functional.binary_cross_entropy_with_logits(odds, is_whole)
    each = [_loss_of(network, one, states[row].float()) for row, one in enumerate(batch)]
    return torch.stack(each).mean() + 0.5 * whole


def _loss_of(network: Network, one: Example, states: Tensor) -> Tensor:
    shown = show(one)
    worth, odds, length = network.head(states[: len(one.reading.ids)], shown, one.source)
    rewards = torch.tensor(one.rewards)
    chances = functional.log_softmax(worth, 0)
    choosing = -(functional.softmax(rewards / SHARPNESS, 0) * chances).sum()
    # What counts in the end: the ROUGE-1 that choosing by these chances would earn.
    earned = (chances.exp() * rewards).sum()
    read = torch.tensor([bool(some) for some in one.reading.tokens])
    keeping = functional.binary_cross_entropy_with_logits(odds[read], torch.tensor(one.used)[read])
    lasting = ((length - one.length) / 10).pow(2)
    return 0.5 * choosing - 5 * earned + keeping + 0.1 * lasting


def show(one: Example) -> Shown:
    """An example as the head sees it."""
    words, title = weights(one.reading)
    of = grid(one.said, one.first, one.last, one.choices)
    arrays = (words, title, of.kept, of.fresh, of.first, of.last, of.pairs)
    return Shown(*map(torch.from_numpy, arrays))


def phases(people: list[Example], weak: list[Example]) -> list[Phase[Example]]:
    """Both kinds mixed, then people's alone."""
    assert all(one.source == WEAK for one in weak)
    found = [Phase("mixed", [*weak, *people * PEOPLE_TIMES], 1, 1.5e-4)] if weak else []
    return [*found, Phase("people", people, 1, 3e-5)]
