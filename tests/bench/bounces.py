"""How well reports are read: precision and recall on tests/bounces, beside flufl.bounce.

    python tests/bench/bounces.py

What counts is a pair (mail, address). flufl.bounce knows permanent and temporary failures: its
permanent ones are held against hard, its temporary ones against soft and delayed. Policy it does
not know; that it calls permanent what is policy counts, for whoever follows it suppresses a reader
who is there.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from email import message_from_bytes
from pathlib import Path

from flufl.bounce import all_failures

from digest import bounce

FOLDER = Path(__file__).parents[1] / "bounces"
KINDS = ("hard", "soft", "policy", "delayed", "complaint", "opt-out")
Pairs = set[tuple[str, str]]


def ours(mails: dict[str, bytes]) -> dict[str, Pairs]:
    found: dict[str, Pairs] = {}
    for name, content in mails.items():
        for one in bounce.read(content).recipients:
            found.setdefault(str(one.fate), set()).add((name, one.address.lower()))
    return found


def theirs(mails: dict[str, bytes]) -> tuple[Pairs, Pairs, list[str]]:
    """Permanent, temporary, and the mails on which it raised."""
    permanent, temporary, raised = set(), set(), []
    for name, content in mails.items():
        try:
            for_now, for_ever = all_failures(message_from_bytes(content))
        except Exception:
            raised.append(name)
            continue
        permanent |= {(name, one.decode("latin-1").lower()) for one in for_ever}
        temporary |= {(name, one.decode("latin-1").lower()) for one in for_now}
    return permanent, temporary, raised


def row(what: str, found: Pairs, wanted: Pairs) -> None:
    right = len(found & wanted)
    precision = f"{right / len(found):.3f}" if found else "-"
    recall = f"{right / len(wanted):.3f}" if wanted else "-"
    print(f"{what:<34} {len(wanted):>6} {len(found):>6} {right:>6} {precision:>10} {recall:>7}")


def main() -> None:
    logging.disable()  # flufl.bounce logs what it raises
    labels = json.loads((FOLDER / "labels.json").read_text("utf-8"))
    mails = {name: (FOLDER / f"{name}.eml").read_bytes() for name in labels}
    wanted: dict[str, Pairs] = {}
    for name, label in labels.items():
        for one in label["recipients"]:
            wanted.setdefault(one["kind"], set()).add((name, one["address"].lower()))
    print(f"{len(mails)} mails\n{'':<34} {'wanted':>6} {'found':>6} {'right':>6} precision  recall")
    began = time.process_time()
    found = ours(mails)
    took = time.process_time() - began
    for kind in KINDS:
        row(f"digest: {kind}", found.get(kind, set()), wanted[kind])
    not_yet = found["soft"] | found["delayed"]
    row("digest: soft or delayed", not_yet, wanted["soft"] | wanted["delayed"])
    began = time.process_time()
    permanent, temporary, raised = theirs(mails)
    took_them = time.process_time() - began
    row("flufl.bounce: permanent = hard", permanent, wanted["hard"])
    row("flufl.bounce: temporary = the rest", temporary, wanted["soft"] | wanted["delayed"])
    for kind in ("soft", "policy", "delayed", "nothing"):
        wrong = permanent & wanted[kind]
        print(f"flufl.bounce calls permanent what is {kind}: {len(wrong)} of {len(wanted[kind])}")
    print(f"flufl.bounce raised on {len(raised)}: {', '.join(raised) or '-'}")
    each = 1000 / len(mails)
    print(f"CPU per mail: digest {took * each:.2f} ms, flufl.bounce {took_them * each:.2f} ms")


if __name__ == "__main__":
    sys.exit(main())
