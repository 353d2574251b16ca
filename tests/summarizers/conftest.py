"""Models small enough to be made anew for the tests."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one model of each shape: t5, bart, llama."""
    pytest.importorskip("torch")  # `make .venv/torch` brings it; in CI a skipped test fails
    import tiny

    home = tmp_path_factory.mktemp("models")
    for make in (tiny.t5, tiny.bart, tiny.llama):
        make(home / make.__name__)
    return home
