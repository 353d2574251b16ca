"""The words of pages and notices, by language: `texts.LANGUAGE.toml` beside the templates."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from digest.errors import BadTemplate

ENGLISH = "en"


def load(folders: Sequence[Path], language: str) -> dict[str, str]:
    """Key ("notice.confirm.subject") → words; English where a translation has none.

    A file in an earlier folder goes before the same in a later one, key by key.

    Raises: BadTemplate for a file that cannot be read, or that has a key we do not know.
    """
    ours = _read(folders[-1] / f"texts.{ENGLISH}.toml")
    found = dict(ours)
    for one in dict.fromkeys((ENGLISH, language.partition("-")[0], language)):
        for folder in reversed(folders):
            file = folder / f"texts.{one}.toml"
            if not file.is_file():
                continue
            words = _read(file)
            if unknown := sorted(words.keys() - ours.keys()):
                raise BadTemplate(f"{file}: {unknown[0]!r} is not one of our texts")
            found.update(words)
    return found


def _read(file: Path) -> dict[str, str]:
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as why:
        raise BadTemplate(f"{file}: {why}") from why
    return dict(_flat(tables, "", file))


def _flat(tables: dict[str, Any], before: str, file: Path) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in tables.items():
        name = f"{before}{key}"
        if isinstance(value, dict):
            found += _flat(value, f"{name}.", file)
        elif isinstance(value, str):
            found.append((name, value.strip()))
        else:
            raise BadTemplate(f"{file}: {name} should be words in quotes")
    return found
