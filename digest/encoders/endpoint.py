"""Embeddings of a service that speaks as OpenAI's does: "openai:MODEL@URL"."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from digest.encoders import Encoder, Floats, unit
from digest.errors import Permanent, Temporary
from digest.models.service import Post, parsed

PATH = "/embeddings"
AT_A_TIME = 64  #: texts in one request
TRIES = 3
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0
MOST_CHARACTERS = 8000


class Endpoint(Encoder):
    """Asks a service for vectors, some texts at a time."""

    def __init__(
        self,
        name: str,
        post: Post,
        *,
        key: str = "",
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._model, url = parsed(name, PATH, "encoder")
        self._host = urlsplit(url).netloc
        self._post = post
        self._headers = {"Content-Type": "application/json"}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"
        self._sleep = sleep

    @property
    def id(self) -> str:
        """Model and host; a service does not tell its revisions."""
        return f"openai:{self._model}@{self._host}"

    def encode(self, texts: Sequence[str]) -> Floats:
        """See `Encoder`."""
        # An empty text is an error to most services.
        full = [(n, text[:MOST_CHARACTERS]) for n, text in enumerate(texts) if text.strip()]
        rows: dict[int, list[float]] = {}
        for start in range(0, len(full), AT_A_TIME):
            some = full[start : start + AT_A_TIME]
            made = self._asked([text for _, text in some])
            rows |= {n: row for (n, _), row in zip(some, made, strict=True)}
        width = max((len(row) for row in rows.values()), default=0)
        if any(len(row) != width for row in rows.values()):
            raise Permanent(f"{self._host} gave vectors of different lengths")
        return unit(np.array([rows.get(n, [0.0] * width) for n in range(len(texts))], np.float32))

    def _asked(self, texts: list[str]) -> list[list[float]]:
        content = json.dumps({"model": self._model, "input": texts}).encode()
        wait_s = FIRST_WAIT_S
        for left in reversed(range(TRIES)):
            answer = self._post(self._headers, content)
            if answer.status == 200:
                return self._read(answer.body, len(texts))
            words = answer.body.decode("utf-8", "replace")[:200]
            said = f"{self._host} answered {answer.status} {words}"
            if answer.status != 429 and answer.status < 500:
                raise Permanent(f"{said.strip()}; is {self._model!r} a model for embeddings there?")
            wait_s = max(wait_s, answer.retry_after_s or 0)
            if not left or wait_s > LONGEST_WAIT_S:
                raise Temporary(said.strip())
            self._sleep(wait_s)
            wait_s *= 2
        raise AssertionError("the last try returns or raises")

    def _read(self, body: bytes, count: int) -> list[list[float]]:
        try:
            rows: list[Any] = json.loads(body)["data"]
            ordered = sorted(rows, key=lambda row: row["index"])
            found = [[float(value) for value in row["embedding"]] for row in ordered]
        except (ValueError, KeyError, TypeError) as why:
            raise Temporary(f"{self._host} gave no vectors that can be read: {why}") from why
        if len(found) != count or not all(np.isfinite(row).all() and row for row in found):
            raise Temporary(
                f"{self._host} gave {len(found)} vectors for {count} texts, or broken ones"
            )
        return found
