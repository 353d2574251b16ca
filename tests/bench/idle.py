"""What `digest serve` costs while nobody asks for anything: memory, and the share of a core.

Measured of the main process from outside, when it has started and when it has had an issue made.
The baseline is uvicorn alone with a page of nothing. Goals: 150 MB, also after a build; 0.5 %.

    python tests/bench/idle.py [SECONDS]
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SECONDS = 60
BARE = """
import uvicorn
async def app(scope, receive, send): pass
print("listening", flush=True)
uvicorn.run(app, port=0, lifespan="off", log_config=None)
"""
TOML = """
[digests.papers]
topics = ["retrieval"]
sources = ["sample"]
{schedule}
to = ["reader@example.org"]
"""


def measure(words: list[str], folder: Path, seconds: float, is_ready: Path | None = None) -> str:
    """MB and per cent of a core, once it is ready and has come to rest."""
    environment = {**os.environ, "DIGEST_STATE_FOLDER": str(folder / "state")}
    with subprocess.Popen(words, cwd=folder, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        while is_ready and not any(is_ready.rglob("*.eml")):
            assert process.poll() is None
            time.sleep(0.1)
        time.sleep(5)
        before = _cpu_s(process.pid)
        time.sleep(seconds)
        share = (_cpu_s(process.pid) - before) / seconds
        found = f"{_rss(process.pid) / 1e6:.0f} MB, {share:.2%} of a core"
        process.terminate()
    return found


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _rss(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    serve = [sys.executable, "-m", "digest", "serve", "--port", "0"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print("bare uvicorn:", measure([sys.executable, "-c", BARE], folder, seconds))
        file = folder / "digest.toml"
        file.write_text(TOML.format(schedule=""))
        print("digest serve:", measure(serve, folder, seconds))
        file.write_text(TOML.format(schedule='schedule = "daily at 00:00"'))
        print("… after an issue:", measure(serve, folder, seconds, folder / "outbox"))


if __name__ == "__main__":
    main()
