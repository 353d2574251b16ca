"""A restored digest by its own commands: what was sent since the backup is not sent again."""

from __future__ import annotations

import re
from collections import Counter
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from commands import good

DIGEST = """
store = "sqlite:///digest.db"
transport = "outbox"
summarizer = "lead"
[digests.d]
topics = ["retrieval or question answering", "medical imaging or protein"]
sources = ["sample"]
timezone = "UTC"
"""
PICKED = "2603.90010"
MORNING, EVENING, NEXT = "2026-03-04T08:00", "2026-03-04T20:30", "2026-03-05T09:00"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIGEST_STATE_FOLDER", str(tmp_path / "state"))
    return tmp_path


def mails(place: Path) -> Counter[str]:
    """Address → how many mails she has."""
    found = place.glob("outbox/d/2*/*.eml")
    return Counter(one.name.rpartition("-")[0] for one in found)


def papers_in(outbox: Path, who: str) -> list[str]:
    """The papers in all mails to somebody."""
    found: set[str] = set()
    for file in outbox.glob(f"d/2*/{who}@*.eml"):
        body = message_from_bytes(file.read_bytes(), policy=policy.default).get_body(["plain"])
        assert body is not None
        found.update(re.findall(r"Abstract: \S+/(\S+)", body.get_content()))
    return sorted(found)


def begun(place: Path, more: str) -> None:
    (place / "digest.toml").write_text(DIGEST + more)
    good("fetch", "--now", MORNING)


def went_back(now: str) -> str:
    """Restore; the mails that were sent before are out of sight, since equal ones are one file."""
    Path("outbox").rename("before")
    return good("restore", "b.tar", "--force", "--now", now)


def test_a_draft_that_went_out_since_does_not_go_out_again(place: Path) -> None:
    begun(
        place,
        'schedule = "daily at 08:00"\nreview = true\nreview_hours = 2\nto = ["ada@example.org"]\n',
    )
    good("run", "d", "--now", MORNING)
    good("backup", "b.tar")
    good("run", "--now", "2026-03-04T11:00")
    assert mails(place) == {"ada@example.org": 1}
    assert "d/2026-03-04T08:00 is held" in went_back(NEXT)
    good("run", "--now", NEXT)
    assert mails(place) == {}
    good("release", "d/2026-03-04T08:00")
    good("run", "--now", "2026-03-05T09:30")
    assert mails(place) == {"ada@example.org": 1}, "it goes out when it is let"


@pytest.mark.parametrize("is_new_issue", [False, True])
def test_who_had_an_issue_at_her_own_hour_since_does_not_get_it_again(
    place: Path, is_new_issue: bool
) -> None:
    begun(place, 'to = ["ada@example.org"]\n')
    Path("p.csv").write_text(
        "address,digest,state,evidence,hour\nbea@example.org,d,confirmed,by hand,20\n"
    )
    good("subscribers", "import", "p.csv", "--now", "2026-03-03T07:00")
    good("run", "d", "--now", MORNING)
    good("backup", "b.tar")
    good("run", "--now", EVENING)
    assert mails(place) == {"ada@example.org": 1, "bea@example.org": 1}
    assert "d/2026-03-04T08:00 is held" in went_back("2026-03-04T21:00")
    if is_new_issue:
        good("pick", "d", PICKED)
        good("run", "d", "--now", "2026-03-05T08:00")
    good("run", "--now", "2026-03-05T20:30")
    had = papers_in(place / "before", "bea")
    assert len(had) == 3
    got = papers_in(place / "outbox", "bea")
    assert got == ([PICKED] if is_new_issue else [])
    good("release", "d/2026-03-04T08:00")
    good("run", "--now", "2026-03-06T20:30")
    if not is_new_issue:
        assert papers_in(place / "outbox", "bea") == had, "it goes out when it is let"
