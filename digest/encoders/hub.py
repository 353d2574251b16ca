"""Encoders of the Hugging Face Hub, or of a folder: "hub:ORG/NAME"."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from digest.encoders import Encoder, Floats, unit
from digest.errors import DigestError, Misuse, Temporary
from digest.models.repository import OUT_OF_MEMORY, Repository

MOST_TOKENS = 512  #: an abstract has some 280
MOST_CHARACTERS = 20_000
BATCH = 16


class Hub(Encoder):
    """Loads a model; its weights when the first text comes."""

    def __init__(self, name: str) -> None:
        self._files = Repository(name.removeprefix("hub:"), "encoder")
        self._files.check_torch()
        self._name = name
        self._config: Any = self._files.load("AutoConfig")
        self._tokenizer: Any = self._files.load("AutoTokenizer")
        self._files.check_weights()

    @cached_property
    def id(self) -> str:
        """Repository and commit, or the folder's name and a hash of what is in it."""
        return f"hub:{self._files.revision}"

    def encode(self, texts: Sequence[str]) -> Floats:
        """See `Encoder`."""
        import torch

        if not texts:
            return np.zeros((0, 0), np.float32)
        # Texts of like length share a batch, so that little is computed for padding.
        order = sorted(range(len(texts)), key=lambda n: len(texts[n]))
        rows: list[Any] = [None] * len(texts)
        with torch.inference_mode():
            for start in range(0, len(order), BATCH):
                places = order[start : start + BATCH]
                made = self._vectors([texts[n][:MOST_CHARACTERS] for n in places])
                for n, row in zip(places, made, strict=True):
                    rows[n] = row if texts[n].strip() else np.zeros_like(row)
        return unit(np.stack(rows))

    def _vectors(self, texts: list[str]) -> Floats:
        try:
            given = self._tokenizer(
                texts, padding=True, truncation=True, max_length=self._room, return_tensors="pt"
            ).to(self._model.device)
            states = self._model(**given).last_hidden_state.float()
        except DigestError:
            raise
        except Exception as why:
            if isinstance(why, MemoryError) or OUT_OF_MEMORY.search(str(why)):
                raise Misuse(
                    f"encoder {self._name!r} does not fit into memory; take a smaller model"
                ) from why
            raise Temporary(f"{type(why).__name__}: {why}") from why
        if self._takes_first:
            pooled = states[:, 0]
        else:
            mask = given["attention_mask"][..., None]
            pooled = (states * mask).sum(1) / mask.sum(1).clamp(min=1)
        found: Floats = pooled.cpu().numpy()
        return found

    @cached_property
    def _model(self) -> Any:
        import torch

        model = self._files.load("AutoModel").eval()
        return model.to("cuda" if torch.cuda.is_available() else "cpu")

    @cached_property
    def _takes_first(self) -> bool:
        """Whether the first token stands for the text, as its own settings say; else the mean."""
        file = self._files.file("1_Pooling/config.json")
        if file is None:
            return False
        try:
            return bool(json.loads(file.read_text("utf-8")).get("pooling_mode_cls_token"))
        except (OSError, ValueError):
            return False

    @cached_property
    def _room(self) -> int:
        """Tokens that the model takes."""
        own = getattr(self._config, "max_position_embeddings", None) or MOST_TOKENS
        # RoBERTa and its kin count positions from behind the padding's number.
        pad = getattr(self._config, "pad_token_id", None) or 0
        is_shifted = "roberta" in str(self._config.model_type) or "mpnet" in str(
            self._config.model_type
        )
        return min(MOST_TOKENS, int(own) - (int(pad) + 1 if is_shifted else 0))
