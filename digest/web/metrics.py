"""What the store holds, as figures for Prometheus; docs/watching.md tells what each means."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from digest import __version__
from digest.run import Setup, alerting, reporting
from digest.store import Connection, asks, issues, notices, watching
from digest.types import DeliveryState
from digest.web.desk import Desk
from digest.web.watching import Lasting, free_bytes, places

PREFIX = "papers_digest_"
LATELY = timedelta(hours=1)
#: Files are counted one by one, and there may be very many.
WALK_EVERY_S = 600.0


def exposition(desk: Desk) -> Callable[[], bytes]:
    """What answers a scrape; made once, so that what is costly is not done each time."""
    registry = CollectorRegistry(auto_describe=False)
    outbox = Lasting(lambda: _bytes_below(desk.config.outbox), WALK_EVERY_S)
    registry.register(_Figures(desk, outbox))
    return lambda: generate_latest(registry)


class _Figures(Collector):
    def __init__(self, desk: Desk, outbox: Lasting[int]) -> None:
        self.desk, self.outbox = desk, outbox

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must not ask the store."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """All of one moment."""
        setup = self.desk.setup()
        yield gauge("build_info", "The version that runs.", ["version"], [([__version__], 1)])
        with setup.store.read() as connection:
            yield from _mails(setup, connection)
            yield from _digests(setup, connection)
            yield from _sources(setup, connection)
            size = watching.store_bytes(connection)
        yield gauge("store_bytes", "Room that the store takes.", [], [([], size)])
        yield gauge("outbox_bytes", "Room that the outbox takes.", [], [([], self.outbox.get())])
        free = [([name], free_bytes(place)) for name, place in places(self.desk).items()]
        yield gauge("disk_free_bytes", "Room that is left where it is.", ["of"], free)
        if self.desk.clock_at:
            at = self.desk.clock_at.timestamp()
            words = "When the clock last turned."
            yield gauge("clock_last_turn_timestamp_seconds", words, [], [([], at)])


def gauge(
    name: str, words: str, labels: list[str], values: Iterable[tuple[list[str], float]]
) -> Metric:
    """One family."""
    made = GaugeMetricFamily(PREFIX + name, words, labels=labels)
    for of, value in values:
        made.add_metric(of, value)
    return made


def _mails(setup: Setup, connection: Connection) -> Iterator[Metric]:
    rows = {row.state: row for row in watching.sendings(connection, setup.now - LATELY)}
    notices_now = notices.by_state(connection)
    states = [str(state) for state in DeliveryState]
    in_all = {state: rows[state].all if state in rows else 0 for state in states}
    recent = {state: rows[state].recent if state in rows else 0 for state in states}
    words = "Mails of issues, by where they stand."
    yield gauge("deliveries", words, ["state"], (([one], in_all[one]) for one in states))
    words = "Mails of issues that came to where they stand within the last hour."
    yield gauge("deliveries_last_hour", words, ["state"], (([one], recent[one]) for one in states))
    words = "Mails that are no issues, by where they stand."
    told = (([one], notices_now.get(one, 0)) for one in states)
    yield gauge("notices", words, ["state"], told)
    doubt = DeliveryState.IN_DOUBT
    words = "Mails of which nobody knows whether they went out."
    yield gauge("in_doubt", words, [], [([], in_all[doubt] + notices_now.get(doubt, 0))])
    asked = {"waiting": 0, **asks.outcomes(connection)}
    words = "What strangers asked for, by what came of it."
    yield gauge("asks", words, ["outcome"], (([one], n) for one, n in sorted(asked.items())))


def _digests(setup: Setup, connection: Connection) -> Iterator[Metric]:
    names = list(setup.config.digests)
    made = {row.digest: row for row in watching.made(connection)}
    readers = watching.readers(connection)
    rows = [row for row in watching.standing(connection) if row.digest in setup.config.digests]
    yield gauge(
        "issues", "Issues that are out.", ["digest"],
        (([name], made[name].all if name in made else 0) for name in names),
    )  # fmt: skip
    yield gauge(
        "last_issue_age_seconds", "Since the newest issue was made.", ["digest"],
        (([name], _age_s(setup.now, made[name].at)) for name in names if name in made),
    )  # fmt: skip
    yield gauge(
        "readers", "Who subscribed and confirmed, the suppressed among them.", ["digest"],
        (([name], readers.get(name, 0)) for name in names),
    )  # fmt: skip
    yield gauge(
        "last_slot_outcome", "1 for what the newest slot came to.", ["digest", "outcome"],
        (([row.digest, row.outcome], 1) for row in rows if row.outcome),
    )  # fmt: skip
    yield gauge(
        "slots_overdue", "Slots that should be done with and are not.", ["digest"],
        (([row.digest], len(alerting.overdue(setup, connection, row))) for row in rows),
    )  # fmt: skip


def _sources(setup: Setup, connection: Connection) -> Iterator[Metric]:
    used = {source for digest in setup.config.digests.values() for source in digest.sources}
    reports = issues.last_reports(connection).values()
    read = reporting.readings(watching.readings(connection), reports)
    newest: dict[str, str] = {}
    for row in sorted(reports, key=lambda row: row.run_at):
        newest.update((one["source"], one["reason"]) for one in row.report["sources"])
    yield gauge(
        "source_reading_age_seconds", "Since a source was last read in full.", ["source"],
        (([name], _age_s(setup.now, read[name])) for name in sorted(used & read.keys())),
    )  # fmt: skip
    yield gauge(
        "source_last_outcome", "1 for what the newest run had of a source.", ["source", "outcome"],
        (([name, newest[name]], 1) for name in sorted(used & newest.keys())),
    )  # fmt: skip


def _age_s(now: datetime, then: datetime) -> float:
    return max(0.0, (now - then).total_seconds())


def _bytes_below(folder: Path) -> int:
    """What the files of a folder take; some may go meanwhile."""
    total, folders = 0, [os.fspath(folder)]
    while folders:
        try:
            with os.scandir(folders.pop()) as found:
                for one in found:
                    if one.is_dir(follow_symlinks=False):
                        folders.append(one.path)
                    else:
                        total += one.stat(follow_symlinks=False).st_size
        except OSError:
            continue
    return total
