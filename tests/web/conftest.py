"""The web door, opened for each test over a copy of one store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from door import Door, make, opened


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store in which one issue is out."""
    folder = tmp_path_factory.mktemp("sample")
    make(folder)
    return folder


@pytest.fixture
def open_door(sample: Path, tmp_path: Path) -> Iterator[Callable[..., Door]]:
    """Open a door with changes to the configuration."""
    made: list[Door] = []

    def make(**changes: Any) -> Door:
        made.append(opened(sample, tmp_path, **changes))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def door(open_door: Callable[..., Door]) -> Door:
    """A door as the sample's configuration has it."""
    return open_door()
