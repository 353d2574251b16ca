"""The months that are simulated: a summer one with all that goes wrong, and the turn of a year."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from arxiv_server import ArxivServer, Fault
from month import Month, odd, utc

JUNE, JULY = (lambda day, m=m: date(2026, m, day) for m in (6, 7))

FAULTS = {
    JUNE(16): Fault(kind="late", hours=3),
    JUNE(17): Fault(kind="stale", hours=5),
    JUNE(18): Fault(kind="stale", category="cs.LG"),
    JUNE(22): Fault(kind="late", hours=9),
    JUNE(24): Fault(kind="down"),
    JUNE(26): Fault(kind="wrong-date"),
    JUNE(30): Fault(kind="blocked", hours=4),
    JULY(1): Fault(kind="stale"),
    JULY(7): Fault(kind="empty", hours=4.5),
}
LAG_DAYS = {JUNE(17): 1.0, JUNE(18): 1.0, JUNE(24): 2.0, JULY(1): 3.0}
WITHOUT = {
    JUNE(19): "a holiday of the table",
    JULY(3): "a holiday of the table",
    JULY(9): "nothing is announced, and no table tells of it",
}
DIGESTS: dict[str, dict[str, Any]] = {
    "work": {"schedule": "weekdays at 08:00", "timezone": "Europe/Paris", "send_empty": True},
    "early": {"schedule": "daily at 02:30"},
    "strict": {"schedule": "weekdays at 08:00", "timezone": "Europe/Paris", "wait_hours": 0},
}


def summer_server() -> ArxivServer:
    """The month's arXiv."""
    server = ArxivServer(JUNE(15), JULY(14), WITHOUT)
    server.faults |= FAULTS
    server.lag_days |= LAG_DAYS
    return server


def summer(folder: Path, server: ArxivServer) -> tuple[Month, dict[date, str]]:
    """The month from 15 June to 14 July 2026, and what was odd on which day."""
    month = Month(folder, server, DIGESTS)
    month.moment(utc(JUNE(15), 4, 15))
    month.join("own@example.org", "work", hour=18, timezone="America/New_York")
    month.join("weekly@example.org", "work", frequency="weekly", weekday="wed", hour=9)
    month.run(utc(JUNE(15), 4, 30), utc(JULY(15), 1))
    return month, odd(FAULTS, LAG_DAYS) | WITHOUT


WINTER_WITHOUT = {
    date(2026, 12, 30): "a holiday of the table",
    date(2027, 1, 1): "a holiday of the table",
    date(2027, 1, 5): "a holiday that no table tells of",
}


def winter_server() -> ArxivServer:
    """Over the end of the table of holidays."""
    server = ArxivServer(date(2026, 12, 28), date(2027, 1, 8), WINTER_WITHOUT)
    server.faults[date(2027, 1, 7)] = Fault(kind="empty", hours=2)
    return server


def winter(folder: Path, server: ArxivServer) -> tuple[Month, dict[date, str]]:
    """A digest that is due at arXiv's very midnight, over the turn of the year."""
    digest = {"schedule": "daily at 06:00", "timezone": "Europe/Paris", "send_empty": True}
    month = Month(folder, server, {"midnight": digest})
    month.run(utc(date(2026, 12, 28), 5), utc(date(2027, 1, 9), 0))
    return month, odd(server.faults, {}) | WINTER_WITHOUT
