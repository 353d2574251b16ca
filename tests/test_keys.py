from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from digest import keys
from digest.errors import BadConfig


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "there" / "digest.keys"


def test_a_key_is_made_once_and_only_its_owner_reads_it(file: Path) -> None:
    assert keys.ensure(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_bytes()
    assert not keys.ensure(file)
    assert file.read_bytes() == before
    assert [len(secret) for secret in keys.load(file).secrets.values()] == [32]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_file_that_others_may_read_is_refused_with_the_remedy(file: Path, mode: int) -> None:
    keys.ensure(file)
    file.chmod(mode)
    with pytest.raises(BadConfig, match=r"chmod 600 \S+digest\.keys"):
        keys.load(file)


def test_a_rotation_keeps_what_was_there(file: Path) -> None:
    keys.ensure(file)
    (old,) = keys.load(file).secrets.values()
    assert keys.rotate(file) == 2
    found = keys.load(file)
    assert found.newest == 2
    assert found.secrets[1] == old != found.secrets[2]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no key"),
        ("# only a note\n", "holds no key"),
        ("1 abc\n", "line 1"),
        (f"1 {'a' * 64}\n1 {'b' * 64}\n", "line 2"),
        (f"256 {'a' * 64}\n", "line 1"),
        (f"0 {'a' * 64}\n", "line 1"),
    ],
)
def test_a_file_that_holds_something_else_is_refused(file: Path, text: str, said: str) -> None:
    keys.ensure(file)
    file.write_text(text)
    with pytest.raises(BadConfig, match=said) as told:
        keys.load(file)
    assert "a" * 64 not in str(told.value)  # a secret is never shown


def test_there_is_room_for_so_many_keys_and_no_more(file: Path) -> None:
    keys.ensure(file)
    file.write_text(f"255 {'a' * 64}\n")
    with pytest.raises(BadConfig, match="no room"):
        keys.rotate(file)


def test_a_missing_file_is_named(file: Path) -> None:
    with pytest.raises(BadConfig, match="digest init"):
        keys.load(file)


def test_processes_that_begin_together_make_one_key(file: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from digest import keys; sys.stdin.read(1)\n"
        f"print(keys.ensure(Path({str(file)!r})))"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for one in started:
        assert one.stdin
        one.stdin.write("!")
        one.stdin.flush()
    said = [one.communicate(timeout=30)[0].strip() for one in started]
    assert sorted(said) == ["False", "False", "False", "True"]
    assert len(keys.load(file).secrets) == 1
