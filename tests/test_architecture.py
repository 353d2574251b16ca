"""Rules of the house that import-linter cannot see."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "digest"
MODULES = sorted(p for p in PACKAGE.rglob("*.py") if "migrations" not in p.parts)

#: call → where it may stand: clocks and the environment are the doors' business.
ALLOWED = {
    "datetime.now": {"cli/frame.py", "fetch/__init__.py", "fetch/calls.py"},
    "datetime.utcnow": set(),
    "date.today": set(),
    "os.environ": {"config.py", "fetch/wire.py"},
    "os.getenv": set(),
}


def attributes(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{node.value.id}.{node.attr}"


@pytest.mark.parametrize("module", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_clocks_and_the_environment_are_read_at_the_doors_only(module: Path) -> None:
    name = module.relative_to(PACKAGE).as_posix()
    found = {call for call in attributes(module) if call in ALLOWED}
    assert {call for call in found if name not in ALLOWED[call]} == set()


@pytest.mark.parametrize("module", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_every_module_says_what_it_is(module: Path) -> None:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    assert not tree.body or ast.get_docstring(tree)
