"""Pages and sign-ups while `digest serve` sends at full rate.

    make bench-beside

Prints one JSON object a line: 99th percentiles without and with a sending of 20 KB mails into
Postfix's smtp-sink going on, and how many mails a second went out meanwhile. The baseline is the
same load on the same process with nothing to send.
"""

from __future__ import annotations

import http.client
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [
    str(Path(__file__).parent),
    str(Path(__file__).parents[1]),
    str(Path(__file__).parents[2]),
]

from queued import queue, setup_of, states, write  # noqa: E402 - the path comes first
from sending import Sink  # noqa: E402 - the path comes first
from serving import Serving  # noqa: E402 - the path comes first

MAILS = 60_000
SECONDS = 8.0
EVERY_S = 0.02  #: between two requests: fifty a second
GOAL_MS = 200
_LIMITS = "[limits]\nper_network = 1000000\nper_domain = 1000000\noverall = 1000000"


def load(port: int) -> dict[str, float]:
    """Pages and sign-ups in turn; their 99th percentiles in milliseconds."""
    took: dict[str, list[float]] = {"page": [], "sign_up": []}
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    end = time.perf_counter() + SECONDS
    number = 0
    while (start := time.perf_counter()) < end:
        number += 1
        if number % 2:
            link.request("GET", "/")
        else:
            body = f"digest=papers&address=new.{number}.{time.time_ns()}@example.org"
            link.request("POST", "/subscribe", body, form)
        got = link.getresponse()
        got.read()
        took["page" if number % 2 else "sign_up"].append(time.perf_counter() - start)
        assert got.status == (200 if number % 2 else 303), got.status
        time.sleep(max(0.0, EVERY_S - (time.perf_counter() - start)))
    return {
        f"{what}_p99_ms": round(1000 * sorted(times)[int(len(times) * 0.99)], 1)
        for what, times in took.items()
    }


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="digest-bench-") as place, Sink() as port:
        folder = Path(place)
        file = write(folder, port, smtp=_LIMITS)
        setup = setup_of(file)
        with Serving(folder) as served:
            web = int(served.url.rpartition(":")[2])
            load(web)
            print(json.dumps({"bench": "beside", "sending": False, **load(web)}), flush=True)
        queue(setup, MAILS)
        with Serving(folder) as served:
            web = int(served.url.rpartition(":")[2])
            while not states(setup)["sent"]:
                time.sleep(0.1)
            before, start = states(setup)["sent"], time.perf_counter()
            found = load(web)
            sent = states(setup)["sent"] - before
            per_s = round(sent / (time.perf_counter() - start))
            is_through = states(setup)["queued"] == 0
            row = {"bench": "beside", "sending": True, **found, "mails_per_s": per_s}
            print(json.dumps({**row, "goal_ms": GOAL_MS, "was_through_early": is_through}))


if __name__ == "__main__":
    main()
