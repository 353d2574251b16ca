"""The network as torch trains it: all-MiniLM-L6-v2 and, on top, what each choice is worth."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import BertConfig, BertModel

from digest.summarizers.embedded.cuts import MAX_WORDS

#: Layers that stay as they are and are shared with the encoder; the embeddings always are.
SHARED = 0
SOURCES = 2  #: people, language model
WIDTH, INNER = 384, 256
DROPOUT = 0.1
SHAPE: dict[str, Any] = {
    "vocab_size": 30_522,
    "hidden_size": WIDTH,
    "num_hidden_layers": 6,
    "num_attention_heads": 12,
    "intermediate_size": 4 * WIDTH,
}
_HOW: dict[str, Any] = {
    "attn_implementation": "sdpa",
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}
_TINY = 1e-3


class Shown(NamedTuple):
    """Choices as the head sees them; `choice.Grid` says what each is."""

    words: Tensor  #: [words, tokens]
    title: Tensor  #: [1, tokens]
    kept: Tensor  #: [choices, words]
    fresh: Tensor  #: [choices, words]
    first: Tensor  #: [choices]
    last: Tensor  #: [choices]
    pairs: Tensor  #: [choices]


class Head(nn.Module):
    """What choices are worth, given what the network says of each token."""

    def __init__(self) -> None:
        super().__init__()
        self.keep = nn.Linear(WIDTH, SOURCES)
        self.length = nn.Linear(WIDTH, SOURCES)
        self.edges = nn.Linear(WIDTH, SOURCES * 3)
        self.norm = nn.LayerNorm(WIDTH * 5)
        self.inner = nn.Linear(WIDTH * 5, INNER)
        self.outer = nn.Linear(INNER, SOURCES)
        self.overlap = nn.Parameter(torch.full((SOURCES,), 6.0))
        self.by_words = nn.Parameter(torch.zeros(SOURCES, MAX_WORDS + 5))
        self.pair = nn.Parameter(torch.zeros(SOURCES))
        nn.init.zeros_(self.length.weight)
        nn.init.constant_(self.length.bias, 3.0)

    def forward(self, states: Tensor, shown: Shown, source: int) -> tuple[Tensor, Tensor, Tensor]:
        """Worth, the log-odds that a summary has each word, and how many words it has.

        Shapes: [tokens, WIDTH] → [choices], [words], [].
        """
        words, whole = shown.words @ states, states[0]
        dropped = functional.dropout(words, DROPOUT, self.training)
        odds = self.keep(dropped)[:, source]
        length = functional.softplus(self.length(states[:1])[0, source]) * 6 + 2
        count = shown.kept.sum(1)
        # The F1 that the words' chances promise.
        promised = 2 * (shown.fresh @ torch.sigmoid(odds)) / (count + length)
        adds, begins, ends = self.edges(dropped).split(1, 1)[source * 3 : source * 3 + 3]
        table = self.by_words[source]
        mean = (shown.kept @ words) / count[:, None]
        title = (shown.title @ states).expand_as(mean)
        edges = (words[shown.first], words[shown.last])
        seen = torch.cat([mean, mean * whole.expand_as(mean), mean * title, *edges], 1)
        inner = functional.gelu(self.inner(self.norm(seen)))
        inner = functional.dropout(inner, DROPOUT, self.training)
        worth = (
            self.overlap[source] * torch.log(promised + _TINY)
            + (shown.kept @ adds)[:, 0] / count
            + begins[shown.first, 0]
            + ends[shown.last, 0]
            + table[count.long().clamp(max=MAX_WORDS + 4)]
            + self.pair[source] * shown.pairs
            + self.outer(inner)[:, source]
        )
        return worth, odds, length


class Network(nn.Module):
    """Shapes: ids [texts, tokens] → states [texts, tokens, WIDTH]."""

    def __init__(self, base: Path | None) -> None:
        """With the weights of a folder; without one they are still to be put in."""
        super().__init__()
        self.base = bert(base)
        self.base.requires_grad_(False)
        self.base.encoder.layer[SHARED:].requires_grad_(True)
        self.head = Head()
        self.whole = nn.Linear(WIDTH, 1)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """See the class."""
        states: Tensor = self.base(input_ids=ids, attention_mask=mask).last_hidden_state
        return states


def bert(base: Path | None) -> BertModel:
    """The layers of all-MiniLM-L6-v2, of which nothing is left out at random.

    Dropout within the attention alone would make training three times as slow.
    """
    if base is None:
        return BertModel(BertConfig(**SHAPE, **_HOW), add_pooling_layer=False)
    # Only the weights; the pooler has no use here.
    return BertModel.from_pretrained(str(base), add_pooling_layer=False, **_HOW)


def padded(texts: list[list[int]]) -> tuple[Tensor, Tensor]:
    """Ids and mask. Shapes: [texts, longest] both."""
    longest = max(map(len, texts))
    ids = torch.zeros(len(texts), longest, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, text in enumerate(texts):
        ids[row, : len(text)] = torch.tensor(text)
        mask[row, : len(text)] = 1
    return ids, mask
