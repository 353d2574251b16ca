"""`digest …` by its own door: in this process, which is quick, or in one of its own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from dataclasses import dataclass

import pytest

from digest import cli


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a command came to."""

    returncode: int
    stdout: str
    stderr: str


def digest(*words: str, given: str | bytes = "") -> Done:
    """Run a command here. An error without a name is the test's error."""
    stdin = given.encode() if isinstance(given, str) else given
    streams = [io.TextIOWrapper(io.BytesIO(b), encoding="utf-8") for b in (stdin, b"", b"")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["digest", *words])
        for name, stream in zip(("stdin", "stdout", "stderr"), streams, strict=True):
            patch.setattr(sys, name, stream)
        with pytest.raises(SystemExit) as end:
            cli.main()
    said = []
    for stream in streams[1:]:
        stream.flush()
        said.append(stream.buffer.getvalue().decode())  # type: ignore[attr-defined]
    code = end.value.code
    assert isinstance(code, int)
    return Done(returncode=code, stdout=said[0], stderr=said[1])


def process(*words: str, given: bytes = b"", **environment: str) -> Done:
    """Run a command in a process of its own, where every warning is an error."""

    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "digest", *words],
        input=given,
        capture_output=True,
        timeout=60,
        env={**os.environ, **environment},
    )
    return Done(
        returncode=done.returncode, stdout=done.stdout.decode(), stderr=done.stderr.decode()
    )


def good(*words: str, given: str | bytes = "") -> str:
    """What a command that works says on standard output."""
    done = digest(*words, given=given)
    assert done.returncode == 0, done.stderr
    return done.stdout


def misuse(*words: str) -> str:
    """What a command that was used wrongly says on standard error."""
    done = digest(*words)
    assert done.returncode == 2, done
    assert done.stdout == ""
    return done.stderr
