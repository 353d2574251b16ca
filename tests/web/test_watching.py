"""What programs that watch are told: whether it answers, whether it can work, and figures."""

from __future__ import annotations

import logging
import re
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from door import ADA, SLOT, Door
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event

from digest import __version__, config
from digest.store import schedules
from digest.types import DeliveryState, Reason, Slot
from digest.web import watching
from digest.web.watching import Checks, Lasting

DOCUMENT = (Path(__file__).parents[2] / "docs/watching.md").read_text("utf-8")


@pytest.fixture
def metered(open_door: Callable[..., Door]) -> Door:
    return open_door(web={"metrics": True})


def families(door: Door) -> dict[str, Metric]:
    answer = door.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return {family.name: family for family in text_string_to_metric_families(answer.text)}


def values(family: Metric) -> dict[tuple[str, ...], float]:
    return {tuple(one.labels.values()): one.value for one in family.samples}


def ruin(door: Door) -> None:
    door.store.close()
    for file in door.folder.glob("digest.db*"):
        file.unlink()
    (door.folder / "digest.db").write_bytes(b"no database" * 1000)


# --- health --------------------------------------------------------------------------------------


def test_it_lives_as_long_as_it_answers(door: Door) -> None:
    ruin(door)
    answer = door.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")
    assert answer.headers["Cache-Control"] == "no-store"
    assert door.client.head("/healthz").status_code == 200


def test_it_is_ready_where_it_can_work(door: Door) -> None:
    before = door.rows()
    answer = door.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "ready": True, "checks": {"store": "ok", "clock": "none", "disk": "ok"}
    }  # fmt: skip
    assert door.rows() == before


def test_a_store_that_cannot_be_used_is_told_without_its_words(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    ruin(door)
    answer = door.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {
        "ready": False, "checks": {"store": "failing", "clock": "none", "disk": "ok"}
    }  # fmt: skip
    assert "not a database" in caplog.text


def test_a_clock_that_has_stopped_is_noticed_and_logged_once(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    checks = Checks(door.desk)
    woke = door.desk.clock_at = door.now
    found = []
    for minutes in (0, 5, 6, 7, 1, 8):
        door.now = woke + timedelta(minutes=minutes)
        found.append(checks()["clock"])
    assert found == ["ok", "ok", "failing", "failing", "ok", "failing"]
    assert len([one for one in caplog.records if "not ready, clock" in one.getMessage()]) == 2
    assert door.get("/readyz").status_code == 503


@pytest.fixture
def hanging(
    open_door: Callable[..., Door], monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Door, threading.Event]]:
    """A store that answers nobody until the event is set."""
    monkeypatch.setattr(watching, "WITHIN_S", 0.5)
    monkeypatch.setattr(watching, "READY_FOR_S", 0.1)
    monkeypatch.setattr(watching, "READY_MOST_S", 0.1)
    door = open_door()
    goes_on = threading.Event()
    engines = {door.store.writer, door.store.reader}

    def hang(*_: object) -> None:
        goes_on.wait(30)

    for engine in engines:
        event.listen(engine, "checkout", hang)
    yield door, goes_on
    goes_on.set()
    for engine in engines:
        event.remove(engine, "checkout", hang)


def test_a_store_that_hangs_keeps_only_what_needs_it(
    hanging: tuple[Door, threading.Event], caplog: pytest.LogCaptureFixture
) -> None:
    door, goes_on = hanging
    # As many pages as there are threads for them all wait for the store.
    with door.client, ThreadPoolExecutor(60) as visitors:
        pages = [visitors.submit(door.get, "/samples/2026-03-03T09:00") for _ in range(60)]
        time.sleep(0.5)
        began = time.monotonic()
        try:
            assert visitors_see(door, "/healthz").status_code == 200
            assert time.monotonic() - began < 2
            answer = visitors_see(door, "/readyz")
            assert time.monotonic() - began < 4
            assert answer.status_code == 503
            assert answer.json()["checks"] == {"store": "failing", "clock": "none", "disk": "ok"}
            assert "not ready, store: it has not answered within 0.5 s" in caplog.text
        finally:
            goes_on.set()
        assert {page.result().status_code for page in pages} <= {200, 503}
        time.sleep(0.2)
        assert door.get("/readyz").json()["checks"]["store"] in ("ok", "failing")
        time.sleep(0.2)
        assert door.get("/readyz").status_code == 200  # it is noticed that it answers again


def visitors_see(door: Door, path: str) -> httpx.Response:
    """Their page, or a failure where it does not come soon."""
    with ThreadPoolExecutor(1) as one:
        return one.submit(door.get, path).result(timeout=5)


def test_a_full_disk_is_noticed(
    door: Door, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(watching, "ROOM_BYTES", 10**18)
    assert door.get("/readyz").json()["checks"]["disk"] == "failing"
    assert "not ready, disk: there is no room left at" in caplog.text


def test_asking_again_and_again_asks_the_store_once() -> None:
    made: list[int] = []

    def make() -> int:
        made.append(1)
        time.sleep(0.01)
        return len(made)

    lasting = Lasting(make, 0.2)
    assert {lasting.get() for _ in range(20)} == {1}
    # What takes long is made more seldom: for 10 ms there are 500.
    time.sleep(0.25)
    assert lasting.get() == 1
    time.sleep(0.4)
    assert lasting.get() == 2


# --- metrics -------------------------------------------------------------------------------------


def test_there_are_no_metrics_where_nobody_wants_them(door: Door) -> None:
    answer = door.get("/metrics")
    assert answer.status_code == 404
    assert "papers_digest" not in answer.text


def test_what_is_documented_is_there_and_nothing_else(metered: Door) -> None:
    metered.desk.clock_at = metered.now
    metered.subscribe()
    with metered.store.write() as connection:
        start = metered.now - timedelta(days=3)
        schedules.keep(connection, "samples", "weekdays at 08:00", "UTC", start, metered.now)
        slot = Slot(metered.now - timedelta(days=1), "2026-03-02T08:00")
        schedules.settle(connection, "samples", slot, Reason.DOWN, metered.now)
    documented = {
        name: set(re.findall(r"`(\w+)`", labels))
        for name, labels in re.findall(r"^\| `(papers_digest_\w+)` \| (.*?) ?\| ", DOCUMENT, re.M)
    }
    found = families(metered)
    assert {name: set(family.samples[0].labels) for name, family in found.items()} == documented
    assert all(family.documentation and family.type == "gauge" for family in found.values())


def test_the_figures_are_those_of_the_store(metered: Door) -> None:
    metered.subscribe()
    metered.desk.clock_at = metered.now
    now = metered.now
    with metered.store.write() as connection:
        schedules.keep(connection, "samples", "daily at 08:00", "UTC", now - timedelta(days=4), now)
        slot = Slot(now - timedelta(days=3), "2026-02-28T08:00")
        schedules.settle(connection, "samples", slot, Reason.DOWN, now)
    found = families(metered)

    def of(name: str) -> dict[tuple[str, ...], float]:
        return values(found[f"papers_digest_{name}"])

    assert of("build_info") == {(__version__,): 1}
    assert of("issues") == {("samples",): 1, ("quiet",): 0}
    assert of("readers") == {("samples",): 2, ("quiet",): 0}
    assert of("last_issue_age_seconds") == {("samples",): 3600}
    assert of("deliveries") == {(state,): state == "sent" for state in DeliveryState}
    assert of("deliveries_last_hour")[("sent",)] == 1
    assert of("notices")[("sent",)] == 1
    assert of("asks") == {("confirm",): 1, ("waiting",): 0}
    assert of("in_doubt") == {(): 0}
    assert of("last_slot_outcome") == {("samples", "down"): 1}
    assert of("slots_overdue") == {("samples",): 2}  # that of today may still wait for its source
    assert of("source_last_outcome") == {("sent", "sample"): 1}
    assert of("source_reading_age_seconds") == {("sample",): 3600}
    assert of("clock_last_turn_timestamp_seconds") == {(): now.timestamp()}
    files = [one for one in (metered.folder / "outbox").rglob("*") if one.is_file()]
    assert of("outbox_bytes") == {(): sum(one.stat().st_size for one in files)}
    assert of("store_bytes")[()] >= (metered.folder / "digest.db").stat().st_size
    assert set(of("disk_free_bytes")) == {("outbox",), ("store",)}


def test_no_figure_names_anybody(metered: Door) -> None:
    metered.subscribe()
    said = metered.get("/metrics").text
    people = {str(row[0]) for row in metered.rows()["subscribers"]}
    assert people
    for mark in ("@", ADA, SLOT, *people):
        assert mark not in said


def test_figures_stand_for_a_while(metered: Door) -> None:
    before = metered.get("/metrics").text
    metered.subscribe()
    assert metered.get("/metrics").text == before


def test_without_metrics_their_library_is_not_loaded() -> None:
    import subprocess
    import sys

    look = "import sys; from digest import web; sys.exit('prometheus_client' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", look], timeout=60).returncode == 0


# --- the document --------------------------------------------------------------------------------


def test_the_configuration_in_the_document_loads(tmp_path: Path) -> None:
    made: dict[str, Any] = {}
    for one in re.findall(r"^```toml\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE):
        made |= tomllib.loads(one)
    settings = config.make(made, tmp_path / "digest.toml")
    assert settings.log.format == "json"
    assert settings.log.file == tmp_path / "digest.log"
    assert settings.operator.alert_after == 3


def test_rules_in_the_document_name_metrics_that_are_there() -> None:
    rules = "".join(re.findall(r"^```yaml\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE))
    table = set(re.findall(r"^\| `(papers_digest_\w+)`", DOCUMENT, re.M))
    named = set(re.findall(r"papers_digest_\w+", rules))
    assert named
    assert named <= table


def test_loggers_in_the_document_are_ours() -> None:
    from importlib import import_module

    for name in re.findall(r"^\| `(digest\.[\w.]+)` \|", DOCUMENT, re.M):
        assert isinstance(import_module(name).log, logging.Logger)
