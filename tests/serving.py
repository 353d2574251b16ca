"""`digest serve` in a process of its own."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Self


class Serving:
    """Runs in a folder with a digest.toml, on a port that is free, until the block ends."""

    def __init__(self, folder: Path, *words: str, **environment: str) -> None:
        self.folder = folder
        self.err = folder / f"serve-{id(self)}.err"
        with self.err.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "error", "-m", "digest", "serve", "--port", "0", *words],
                cwd=folder,
                stdout=subprocess.PIPE,
                stderr=err,
                env={**os.environ, **environment},
            )
        self.url = ""

    def __enter__(self) -> Self:
        assert self.process.stdout
        ready, _, _ = select.select([self.process.stdout], [], [], 30)
        self.said = self.process.stdout.readline().decode() if ready else ""
        where = re.search(r"listening on (http://127\.0\.0\.1:\d+)/", self.said)
        if not where:
            self.stop(signal.SIGKILL)
        assert where, self.said + self.errors()
        self.url = where[1]
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self, by: signal.Signals = signal.SIGTERM) -> int:
        """End it; returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(by)
        try:
            code = self.process.wait(timeout=20)
        finally:
            self.process.kill()
        if self.process.stdout:
            self.process.stdout.close()
        return code

    def errors(self) -> str:
        """What it said on standard error so far."""
        return self.err.read_text("utf-8")
