"""`digest demo`: the whole pipeline on the sample papers, the same output every time."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, time
from hashlib import sha256
from itertools import count
from pathlib import Path

from digest import config, run
from digest.sources import sample
from digest.store import open_store
from digest.types import Report

TABLES = {
    "operator": {
        "name": "The Sample Reading Group",
        "address": "1 Example Street, Sampleton",
        "contact": "papers@example.org",
    },
    "digests": {
        "demo": {
            "title": "Trending samples",
            "topics": [
                "fine-tuning or small models",
                "retrieval or question answering",
                "medical imaging or protein",
            ],
            "sources": ["sample"],
            "revised": True,
            "to": ["ada@example.org", "ben@example.org"],
        }
    },
}


def demo(outbox: Path, notify: Callable[[str], None]) -> list[Report]:
    """Two days of samples, on a fresh temporary store, into OUTBOX/demo/."""
    with tempfile.TemporaryDirectory(prefix="digest-demo-") as folder:
        settings = config.make(TABLES, Path(folder) / config.FILE)
        settings = settings.model_copy(update={"outbox": outbox.resolve()})
        _write_key(settings.keys)
        reports = []
        ids = (f"{number:016x}" for number in count(1))
        for day in (sample.FIRST_DAY, sample.SECOND_DAY):
            now = datetime.combine(day, time(8), UTC)
            store = open_store(settings.store, now)
            setup = run.Setup(
                config=settings, store=store, now=now, notify=notify, new_id=ids.__next__
            )
            reports += run.run(setup, {"demo": f"{day}T08:00"})
            store.close()
        return reports


def _write_key(file: Path) -> None:
    """The same key every time, for the same links every time.

    It is safe though everybody knows it: its file is gone when the demo is over, and no server ever
    reads it, so the links that it signs open nothing.
    """
    file.touch(0o600)
    file.write_text(f"1 {sha256(b'digest demo').hexdigest()}\n", encoding="ascii")
