"""What every part of a run is handed."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from jinja2 import Environment

from digest import keys as key_file
from digest import registry, templating, texts
from digest.config import Config
from digest.encoders import Encoder, Floats
from digest.store import Store
from digest.summarizers import EXTRACT, Options, Summarizer
from digest.tokens import Keys

#: What a setup for another moment takes over.
_LASTING = ("keys", "signing_key", "words", "summarizer", "extract", "encoder")


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What every stage is handed: configuration, store, clock and randomness."""

    config: Config
    store: Store
    now: datetime
    notify: Callable[[str], None] = lambda _: None  #: what is being done, for whoever watches
    new_id: Callable[[], str] = lambda: secrets.token_hex(8)
    is_stopping: Callable[[], bool] = lambda: False  #: nothing new is to be begun

    def at(self, now: datetime) -> Setup:
        """The same at another moment; what was read or made already is not read again."""
        return self._taking_over(replace(self, now=now))

    def until(self, is_stopping: Callable[[], bool]) -> Setup:
        """The same for somebody who may be told to stop."""
        return self._taking_over(replace(self, is_stopping=is_stopping))

    def _taking_over(self, made: Setup) -> Setup:
        made.__dict__.update({name: self.__dict__[name] for name in _LASTING if name in vars(self)})
        return made

    @cached_property
    def words(self) -> dict[str, str]:
        """The words of pages and notices.

        Raises: BadTemplate
        """
        folders = [self.config.templates, templating.BUILT_IN]
        return texts.load(folders, self.config.words_language)

    @cached_property
    def environment(self) -> Environment:
        """Jinja for the mails of this moment; another finds templates that were changed since."""
        return templating.environment([self.config.templates, templating.BUILT_IN])

    @cached_property
    def summarizer(self) -> Summarizer:
        """What makes the summaries, one for all digests of a run: models are big.

        Raises: BadConfig when it cannot be made.
        """
        return registry.summarizer(self.config.summarizer, self.config.options)

    @cached_property
    def extract(self) -> Summarizer:
        """What stands in where that one fails."""
        is_same = self.config.summarizer == EXTRACT
        return self.summarizer if is_same else registry.summarizer(EXTRACT, Options())

    @cached_property
    def short_vectors(self) -> dict[str, Floats]:
        """Those of topics, by hash, for the rest of the run: they are asked for again and again."""
        return {}

    @cached_property
    def keys(self) -> Keys:
        """What links are signed with; made where there are none yet.

        Raises: BadConfig when the file cannot be read or written.
        """
        key_file.ensure(self.config.keys)
        return key_file.load(self.config.keys)

    @cached_property
    def signing_key(self) -> RSAPrivateKey:
        """What mails are signed with.

        Raises: BadConfig when the file is not there or cannot be read.
        """
        return key_file.load_signing(self.config.dkim.key)

    @cached_property
    def encoder(self) -> Encoder:
        """What makes the vectors.

        Raises: BadConfig when it cannot be made.
        """
        return registry.encoder(self.config.encoder, self.config.options)
