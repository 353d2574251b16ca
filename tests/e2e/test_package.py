"""What a user installs: the wheel has all it needs, and the demo from it is the checkout's."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


def run(*command: str, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "wheel")
    run(*pip, "--no-deps", "--no-build-isolation", "-w", str(folder), str(ROOT), cwd=folder)
    (found,) = folder.glob("*.whl")
    return found


def test_the_wheel_has_templates_samples_and_migrations_and_no_tests(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    shipped = {f"digest/_templates/{path.name}" for path in (ROOT / "templates").iterdir()}
    shipped |= {f"digest/samples/{path.name}" for path in (ROOT / "digest/samples").iterdir()}
    shipped |= {f"digest/prompts/{path.name}" for path in (ROOT / "digest/prompts").iterdir()}
    assert shipped <= names
    assert {"digest/starter.toml", "digest/py.typed"} <= names
    assert any(name.startswith("digest/store/migrations/versions/0001") for name in names)
    assert not [name for name in names if name.startswith(("tests", "outbox", "docs"))]


def test_the_demo_from_the_wheel_is_the_one_of_the_checkout(wheel: Path, tmp_path: Path) -> None:
    installed, here, there = (tmp_path / name for name in ("site", "here", "there"))
    for folder in (here, there):
        folder.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    demo = (sys.executable, "-m", "digest", "demo")
    run(*demo, cwd=here)
    # From the wheel's files alone: the checkout is installed in this environment as well.
    script = (
        f"import sys; sys.path.insert(0, {str(installed)!r}); sys.argv[1:] = ['demo']\n"
        "import digest; print(digest.__file__)\nfrom digest.cli import main; main()"
    )
    assert run(sys.executable, "-c", script, cwd=there).startswith(str(installed))
    trees = [
        {str(p.relative_to(f)): p.read_bytes() for p in f.rglob("*") if p.is_file()}
        for f in (here, there)
    ]
    assert trees[0] == trees[1]
    assert len(trees[0]) >= 10
