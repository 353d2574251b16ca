"""Mails out: rate and CPU, against Postfix's own smtp-source and against smtplib with EmailMessage.

    make bench-sending

Prints one JSON object a line. All send mails of about 20 KB into Postfix's smtp-sink, ours from the
ledger on SQLite with full durability over ten kept connections. Baselines: `smtp-source -d` with
ten sessions, which is the limit, and the usual way: an EmailMessage for each recipient and a new
smtplib connection each, no ledger. Each measurement is a process of its own.
"""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

NOW = "2026-06-22T08:00:00+00:00"
SHOWN = 4  #: papers in a mail: about 20 KB
GOALS = {
    "wall_ratio": 0.4,
    "cpu_ratio": 8,
    "dkim_ratio": 0.5,
    "personal_ratio": 0.5,
    "flat": 1.15,
}


def postfix(name: str) -> tuple[str, dict[str, str]]:
    """One of Postfix's test programs, and the environment that it needs."""
    given = os.environ.get("DIGEST_TEST_SMTP_SINK", "")
    path = str(Path(given).with_name(name)) if given else shutil.which(name, path="/usr/sbin:/bin")
    if not path or not Path(path).exists():
        sys.exit(f"{name} is not there: apt-get install postfix, or set DIGEST_TEST_SMTP_SINK")
    library = Path(path).parents[1] / "lib" / "postfix"
    return path, {**os.environ, "LD_LIBRARY_PATH": str(library)}


class Sink:
    """Postfix's smtp-sink, on a free port while the block lasts."""

    def __enter__(self) -> int:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port: int = free.getsockname()[1]
        program, environment = postfix("smtp-sink")
        who = ["-u", "nobody"] if os.geteuid() == 0 else []
        self.process = subprocess.Popen(
            [program, *who, f"127.0.0.1:{port}", "1000"], env=environment
        )
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return port
            except OSError:
                time.sleep(0.05)
        raise SystemExit("smtp-sink does not answer")

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait()


# --- ours ----------------------------------------------------------------------------------------


def settings(folder: Path, port: int = 25, *, dkim: bool = False) -> Any:
    from digest import config

    tables: dict[str, Any] = {
        "base_url": "https://papers.example.org",
        "transport": "smtp",
        "summarizer": "lead",
        "inbox": {"address": "digest@papers.example.org"},
        "smtp": {"host": "127.0.0.1", "port": port, "security": "none", "connections": 10},
        "digests": {
            "papers": {
                "topics": ["language models", "training", "vision", "robots", "data", "graphs"],
                "sources": ["sample"],
                "papers": SHOWN,
                "to": ["reader@example.org"],
                "from": "Papers <digest@papers.example.org>",
            }
        },
    }
    if dkim:
        tables["dkim"] = {"selector": "s1", "domain": "papers.example.org"}
    return config.make(tables, folder / "digest.toml")


def prepare(folder: Path, number: int, *, personal: bool, port: int = 25) -> None:
    """A store with an issue and so many deliveries of it, queued."""
    from sqlalchemy import delete, insert

    from digest import compose, plan, run
    from digest.store import issues, ledger, open_store, tables
    from digest.types import Delivery

    config = settings(folder, port)
    now = datetime.fromisoformat(NOW)
    store = open_store(config.store, now)
    setup = run.Setup(config=config, store=store, now=now)
    run.fetch(setup, ["papers"])
    built = run.build(setup, "papers", "2026-06-22T08:00")
    issue = built.issue
    assert issue is not None
    dice = random.Random(6)
    made = {}
    while len(made) < (number if personal else 1):
        some = dice.sample(list(issue.items), min(len(issue.items), SHOWN + 4))
        items = some if personal else list(issue.items)
        edition = compose.edition(issue, items, cap=SHOWN, topics=config.digests["papers"].topics)
        if personal:  # what many thousands want is not in a handful of papers
            dice.shuffle(some)
            edition = replace(
                edition,
                key=f"{len(made):032x}",
                shown=tuple(some[:SHOWN]),
                more=tuple(some[SHOWN:]),
            )
        made[edition.key] = edition
    keys = list(made)
    with store.write() as connection:
        connection.execute(delete(tables.deliveries))
        issues.save_editions(connection, made.values())
        ids = [f"{n:016x}" for n in range(number)]
        people = [
            {
                "id": id,
                "address": f"reader.{n}@mail{n % 97}.example.org",
                "mailbox": f"reader.{n}@mail{n % 97}.example.org",
                "state": "active",
                "created_at": now,
            }
            for n, id in enumerate(ids)
        ]
        connection.execute(insert(tables.subscribers), people)
        bonds = [
            {
                "id": f"f{n:015x}",
                "subscriber_id": id,
                "digest": "papers",
                "state": "confirmed",
                "evidence": "bench",
                "confirmed_at": now,
            }
            for n, id in enumerate(ids)
        ]
        connection.execute(insert(tables.subscriptions), bonds)
        rows = [
            Delivery(
                issue=issue.id,
                subscriber=id,
                address="",
                edition=keys[n % len(keys)],
                message_id=plan.message_id(issue.id, id, "papers.example.org"),
            )
            for n, id in enumerate(ids)
        ]
        ledger.enqueue(connection, rows, now)
    store.close()


def ours(folder: Path, port: int, dkim: bool) -> dict[str, float]:
    """`digest send`, without the starting of Python."""
    from digest import run
    from digest.store import open_store

    config = settings(folder, port, dkim=dkim)
    if dkim and not config.dkim.key.exists():
        from digest import dkim as signing

        config.dkim.key.write_bytes(signing.generate())
        config.dkim.key.chmod(0o600)
    now = datetime.now(UTC)
    store = open_store(config.store, now)
    setup = run.Setup(config=config, store=store, now=now)
    before, start = _cpu(), time.perf_counter()
    sent = run.send(setup)
    wall, cpu = time.perf_counter() - start, _cpu() - before
    assert not sent.problems, sent.problems
    number = sum(sent.mails.values())
    return {"mails": number, "wall_s": wall, "cpu_us": 1e6 * cpu / number, "peak_mb": _peak_mb()}


def naive(port: int, number: int, file: Path) -> dict[str, float]:
    """EmailMessage and a new connection for each recipient."""
    import email
    import email.policy
    import smtplib
    from email.message import EmailMessage

    mail = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    parts = {
        part.get_content_type(): part.get_content()
        for part in mail.walk()
        if not part.is_multipart()
    }
    before, start = _cpu(), time.perf_counter()
    for n in range(number):
        message = EmailMessage()
        message["From"] = "Papers <digest@papers.example.org>"
        message["To"] = f"reader.{n}@example.org"
        message["Subject"] = "Papers"
        message["Message-ID"] = f"<{n}@papers.example.org>"
        message.set_content(parts["text/plain"])
        message.add_alternative(parts["text/html"], subtype="html")
        with smtplib.SMTP("127.0.0.1", port) as server:
            server.send_message(message)
    wall, cpu = time.perf_counter() - start, _cpu() - before
    return {"mails": number, "wall_s": wall, "cpu_us": 1e6 * cpu / number}


def source(number: int) -> dict[str, float]:
    """Postfix's smtp-source, ten sessions."""
    program, environment = postfix("smtp-source")
    with Sink() as port:
        start = time.perf_counter()
        subprocess.run(
            [program, "-d", "-s", "10", "-m", str(number), "-l", "20480", "-f", "a@example.org",
             "-t", "b@example.org", f"127.0.0.1:{port}"],
            env=environment, check=True,
        )  # fmt: skip
        return {"mails": number, "wall_s": time.perf_counter() - start}


def _cpu() -> float:
    mine = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return mine.ru_utime + mine.ru_stime + children.ru_utime + children.ru_stime


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _own(what: str, *arguments: str) -> dict[str, float]:
    out = subprocess.run(
        [sys.executable, __file__, what, *arguments], capture_output=True, text=True, check=True
    )
    found: dict[str, float] = json.loads(out.stdout.splitlines()[-1])
    return found


def _measured(number: int, *, personal: bool = False, dkim: bool = False) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder, Sink() as port:
        _own("prepare", folder, str(number), str(int(personal)))
        return _own("ours", folder, str(port), str(int(dkim)))


def _rate(of: dict[str, float]) -> float:
    return of["mails"] / of["wall_s"]


def main() -> None:
    limit = max((source(20_000) for _ in range(3)), key=_rate)
    shared = max((_measured(20_000) for _ in range(3)), key=_rate)
    with tempfile.TemporaryDirectory() as folder, Sink() as port:
        _own("prepare", folder, "1", "0")
        file = Path(folder) / "one.eml"
        _own("one", folder, str(file))
        usual = _own("naive", str(port), "1000", str(file))
        size = file.stat().st_size
    _say("smtp-source -d -s 10", limit)
    _say("EmailMessage and smtplib, no ledger", usual, size=size)
    goal = f"{GOALS['wall_ratio']} of smtp-source, {GOALS['cpu_ratio']} times less CPU"
    _say("ours", shared, goal=goal,
         wall_ratio=round(_rate(shared) / _rate(limit), 2),
         cpu_times_less=round(usual["cpu_us"] / shared["cpu_us"], 1))  # fmt: skip
    signed = max((_measured(20_000, dkim=True) for _ in range(2)), key=_rate)
    _say("ours, with DKIM", signed, goal=GOALS["dkim_ratio"],
         of_unsigned=round(_rate(signed) / _rate(shared), 2))  # fmt: skip
    personal = max((_measured(20_000, personal=True) for _ in range(2)), key=_rate)
    _say("ours, an edition for each reader", personal, goal=GOALS["personal_ratio"],
         of_shared=round(_rate(personal) / _rate(shared), 2))  # fmt: skip
    few, many = _measured(1_000), _measured(200_000)
    _say("ours, 1,000", few)
    _say("ours, 200,000", many, goal=GOALS["flat"],
         cpu_growth=round(many["cpu_us"] / few["cpu_us"], 2),
         memory_growth=round(many["peak_mb"] / few["peak_mb"], 2))  # fmt: skip


def _say(what: str, found: dict[str, float], **more: Any) -> None:
    words = {
        "what": what,
        "per_s": round(_rate(found)),
        **{key: round(value, 1) for key, value in found.items()},
    }
    print(json.dumps({**words, **more}), flush=True)


def one(folder: Path, file: Path) -> None:
    """The mail itself, for the usual way to send."""
    from digest import run
    from digest.store import open_store

    config = settings(folder).model_copy(update={"transport": "outbox"})
    now = datetime.now(UTC)
    setup = run.Setup(config=config, store=open_store(config.store, now), now=now)
    run.send(setup)
    made = next(folder.glob("outbox/papers/*/*.eml"))
    file.write_bytes(made.read_bytes())


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["prepare", folder, number, personal]:
            prepare(Path(folder), int(number), personal=bool(int(personal)))
            print("{}")
        case ["ours", folder, port, dkim]:
            print(json.dumps(ours(Path(folder), int(port), bool(int(dkim)))))
        case ["naive", port, number, file]:
            print(json.dumps(naive(int(port), int(number), Path(file))))
        case ["one", folder, file]:
            one(Path(folder), Path(file))
            print("{}")
        case _:
            main()
