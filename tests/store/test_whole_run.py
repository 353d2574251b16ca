"""The whole way, on each database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from build import NOW

from digest import config, run
from digest.store import open_store
from digest.types import Reason


def test_papers_become_mails_once_with_three_runs_at_once(url: str, tmp_path: Path) -> None:
    tables = {
        "store": url,
        "digests": {
            "d": {
                "topics": ["retrieval OR protein"],
                "sources": ["sample"],
                "to": [f"r{n}@example.org" for n in range(5)],
            }
        },
    }
    settings = config.make(tables, tmp_path / "digest.toml")

    def one(_: int) -> int:
        store = open_store(settings.store, NOW)
        try:
            setup = run.Setup(config=settings, store=store, now=NOW)
            return run.run(setup, {"d": "2026-06-22T08:00"})[0].mails
        finally:
            store.close()

    with ThreadPoolExecutor(3) as pool:
        assert sum(pool.map(one, range(3))) == 5
    store = open_store(settings.store, NOW)
    setup = run.Setup(config=settings, store=store, now=NOW)
    assert run.run(setup, {"d": "2026-06-22T08:00"})[0].reason is Reason.ALL_SENT
    store.close()
    assert len(list(tmp_path.rglob("*.eml"))) == 5
