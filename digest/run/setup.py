"""What every part of a run is handed."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from digest.config import Config
from digest.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What every stage is handed: configuration, store, clock and randomness."""

    config: Config
    store: Store
    now: datetime
    notify: Callable[[str], None] = lambda _: None  #: what is being done, for whoever watches
    new_id: Callable[[], str] = lambda: secrets.token_hex(8)
