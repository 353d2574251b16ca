"""The network as torch trains it: all-MiniLM-L6-v2, its upper layers and four numbers a token."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import BertModel

from digest.summarizers.embedded.choice import BEGINS, COLUMNS, ENDS, KEEP, Weights
from digest.summarizers.embedded.cuts import MAX_WORDS
from digest.summarizers.embedded.reading import grid
from digest.training.examples import PEOPLE, Example

#: Lower layers that stay as they are: the sentence encoder shares them.
SHARED = 3
SOURCES = 2  #: people, language model
#: What the promised overlap weighs in the running summarizer (learned: 5 to 6), and what a second
#: sentence costs. Round numbers that did best of a few on SciTLDR's dev part.
OVERLAP, PAIR = 15.0, -1.0
_TINY = 1e-3


class Network(nn.Module):
    """Shapes: ids [texts, tokens] → numbers [texts, tokens, SOURCES * COLUMNS], lengths."""

    def __init__(self, base: Path) -> None:
        super().__init__()
        # Only the weights; the pooler has no use here.
        self.base = BertModel.from_pretrained(
            str(base), add_pooling_layer=False, attn_implementation="sdpa"
        )
        width = self.base.config.hidden_size
        self.base.requires_grad_(False)
        self.base.encoder.layer[SHARED:].requires_grad_(True)
        self.head = nn.Linear(width, SOURCES * COLUMNS)
        self.length = nn.Linear(width, SOURCES)
        self.whole = nn.Linear(width, 1)
        self.overlap = nn.Parameter(torch.full((SOURCES,), 5.0))
        self.by_words = nn.Parameter(torch.zeros(SOURCES, MAX_WORDS + 1))
        self.dangling = nn.Parameter(torch.zeros(SOURCES))
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.length.weight)
        nn.init.constant_(self.length.bias, 3.0)

    def forward(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See the class."""
        hidden = self.base(input_ids=ids, attention_mask=mask).last_hidden_state.float()
        return self.read_out(hidden)

    def read_out(self, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Numbers of each token, words expected [texts, SOURCES], log-odds of being a sentence."""
        first = hidden[:, 0]
        dropped = functional.dropout(hidden, 0.1, self.training)
        words = functional.softplus(self.length(first)) * 6 + 2
        return self.head(dropped), words, self.whole(first)[:, 0]

    def worth(self, one: Example, numbers: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
        """What each cut is worth, as `choice.worth` has it, and each word's chance (log-odds).

        Shapes: [tokens, SOURCES * COLUMNS], [SOURCES] → [cuts], [words].
        """
        source, reading = one.source, one.reading
        words = _by_word(numbers[:, source * COLUMNS : (source + 1) * COLUMNS], one)
        of = grid(reading.words, reading.ranges)
        kept, fresh, first, last = map(torch.from_numpy, (of.kept, of.fresh, of.first, of.last))
        count = kept.sum(1)
        overlap = 2 * (fresh @ torch.sigmoid(words[:, KEEP])) / (count + length[source])
        worth = (
            self.overlap[source] * torch.log(overlap + _TINY)
            + (kept @ words[:, 1]) / count
            + first @ words[:, BEGINS]
            + last @ words[:, ENDS]
            + self.by_words[source][count.long().clamp(max=MAX_WORDS)]
            + self.dangling[source] * torch.tensor([float(c.is_dangling) for c in reading.cuts])
        )
        return worth, words[:, KEEP]

    def weights(self) -> Weights:
        """What the running summarizer needs beside the graphs."""
        table = [round(float(value), 4) for value in self.by_words[PEOPLE].detach()]
        return Weights(OVERLAP, table, PAIR)


def _by_word(numbers: Tensor, one: Example) -> Tensor:
    tokens = [token for some in one.reading.tokens for token in some]
    words = [word for word, some in enumerate(one.reading.tokens) for _ in some]
    counts = torch.tensor([max(1, len(some)) for some in one.reading.tokens])
    sums = torch.zeros(len(one.reading.words), numbers.shape[1])
    return sums.index_add(0, torch.tensor(words), numbers[tokens]) / counts[:, None]


def padded(texts: list[list[int]]) -> tuple[Tensor, Tensor]:
    """Ids and mask. Shapes: [texts, longest] both."""
    longest = max(map(len, texts))
    ids = torch.zeros(len(texts), longest, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, text in enumerate(texts):
        ids[row, : len(text)] = torch.tensor(text)
        mask[row, : len(text)] = 1
    return ids, mask
