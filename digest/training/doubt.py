"""The network that doubts: a summary beside its abstract → is something of it wrong?"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from digest.summarizers.embedded.doubt import question
from digest.summarizers.embedded.variants import names
from digest.text import sentences
from digest.training.examples import Pair
from digest.training.lies import lie
from digest.training.network import WIDTH, bert, padded

#: Tokens of summary and abstract together; longer ones are left out.
MAX_TOKENS = 320
#: What stands for a summary: others wrote it, it is the title, or a sentence of the abstract.
WRITTEN, TITLE = 0.75, 0.1
#: How much a wrong token counts, of which there are few, and all tokens against the whole.
WRONG_WEIGHT, TOKENS_WEIGHT = 3.0, 2.0


@dataclass(frozen=True, slots=True)
class Question:
    """A summary and its abstract, and what is wrong."""

    ids: list[int]
    wrong: list[float]  #: for each token of the summary, which begins at 1


@dataclass(frozen=True, slots=True)
class Twins:
    """The same summary true and with a lie, so that nothing else tells them apart."""

    true: Question
    false: Question


class Doubter(nn.Module):
    """Shapes: ids [texts, tokens] → log-odds of a lie [texts], of a wrong token [texts, tokens]."""

    def __init__(self, base: Path) -> None:
        super().__init__()
        self.base = bert(base)
        self.base.embeddings.requires_grad_(False)
        self.whole = nn.Linear(WIDTH, 1)
        self.tokens = nn.Linear(WIDTH, 1)

    def forward(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """See the class."""
        states = self.base(input_ids=ids, attention_mask=mask).last_hidden_state.float()
        return self.whole(states[:, 0])[:, 0], self.tokens(states)[..., 0]


def twins(pairs: Sequence[Pair], tokenizer: Tokenizer, chance: random.Random) -> Iterator[Twins]:
    """One for each pair in which there is something to change, and which is not too long."""
    elsewhere = sorted({name for pair in pairs[:4000] for name in names(pair.summaries[0])})
    for pair in pairs:
        said, title = _said(pair, chance)
        some = chance.sample(elsewhere, min(8, len(elsewhere)))
        if made := lie(said, f"{title}. {pair.abstract}", chance, some):
            true = _question(said, (0, 0), title, pair.abstract, tokenizer)
            false = _question(made.text, made.changed, title, pair.abstract, tokenizer)
            if max(len(true.ids), len(false.ids)) < MAX_TOKENS:
                yield Twins(true, false)


def _said(pair: Pair, chance: random.Random) -> tuple[str, str]:
    """What stands for a summary, and the title that may be seen beside it."""
    kind = chance.random()
    if WRITTEN <= kind < WRITTEN + TITLE and pair.title:
        return pair.title, ""
    if kind >= WRITTEN + TITLE:
        fitting = [one for one in sentences(pair.abstract) if 6 <= len(one.split()) <= 45]
        if fitting:
            return chance.choice(fitting), pair.title
    return chance.choice(pair.summaries), pair.title


def _question(
    said: str, lie: tuple[int, int], title: str, abstract: str, tokenizer: Tokenizer
) -> Question:
    ids, offsets = question(said, title, abstract, tokenizer, MAX_TOKENS)
    return Question(ids, [float(a < lie[1] and b > lie[0]) for a, b in offsets])


def loss(network: Doubter, batch: Sequence[Twins]) -> Tensor:
    """How far off it is: for each summary, its tokens, and which of the twins is worse."""
    some = [one.true for one in batch] + [one.false for one in batch]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        whole, tokens = network(*padded([one.ids for one in some]))
    true, false = whole.float().chunk(2)
    each = (
        functional.softplus(true) + functional.softplus(-false) + functional.softplus(true - false)
    )
    said = torch.cat([tokens[row, 1 : 1 + len(one.wrong)] for row, one in enumerate(some)])
    wrong = torch.tensor([value for one in some for value in one.wrong])
    weight = torch.tensor(WRONG_WEIGHT)
    each_token = functional.binary_cross_entropy_with_logits(said.float(), wrong, pos_weight=weight)
    return each.mean() + TOKENS_WEIGHT * each_token
