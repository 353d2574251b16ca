"""What the documents show works, and what they name is there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from digest import config

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def test_the_configuration_in_the_readme_loads(tmp_path: Path) -> None:
    (shown,) = blocks("toml")
    made = config.make(tomllib.loads(shown), tmp_path / "digest.toml")
    assert made.digests["efficient-models"].schedule == "weekdays at 08:00"


def test_every_file_the_documents_link_to_is_there() -> None:
    for document in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        text = document.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#:]+)\)", text):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_every_module_stands_in_the_picture_of_the_architecture() -> None:
    picture = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    parts = {p.name for p in (ROOT / "digest").iterdir() if not p.name.startswith("_")}
    named = {name for name in parts if f"`{name}`" in picture or f"`{name}/`" in picture}
    assert parts - named == {"samples", "starter.toml", "py.typed"}


def test_the_documents_name_no_host_of_a_package_registry() -> None:
    for path in [*ROOT.glob("*.lock"), ROOT / "pyproject.toml", ROOT / "README.md"]:
        assert not re.search(r"https?://\S*(pypi|pythonhosted|simple)", path.read_text()), path
