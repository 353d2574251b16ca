"""The web door on every database: what one of them takes the other may refuse."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from door import ADA, Door, make


@pytest.fixture
def door(url: str, tmp_path: Path) -> Iterator[Door]:
    """A door whose store has no issue yet."""
    opened = Door(tmp_path, url=url)
    yield opened
    opened.close()


def test_a_person_subscribes_chooses_leaves_and_is_erased(door: Door) -> None:
    own = door.subscribe()
    saved = door.post(f"/preferences/{own}", topics="sparse attention", frequency="weekly")
    assert "sparse attention" in saved.text
    assert door.post(f"/move/{own}", address="b@example.org").status_code == 200
    assert door.post(f"/leave/{own}", what="this").status_code == 200
    assert door.post(f"/erase/{own}").status_code == 200
    assert ADA not in str(door.rows())


def test_what_a_database_cannot_hold_breaks_no_page(door: Door) -> None:
    own = door.subscribe()
    for bad in ("%00", "%ED%A0%80", "%F0%9F%92%A9", "%C3%28", "'--"):
        for path in (f"/{bad}", f"/samples/{bad}", f"/samples/?before={bad}", f"/confirm/{bad}"):
            assert door.get(path).status_code in (200, 404), path
        for field in ("topics", "timezone", "address", "paper"):
            body = f"{field}={bad}".encode()
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            for path in (f"/preferences/{own}", f"/move/{own}", "/subscribe", "/link"):
                answer = door.client.post(path, content=body, headers=headers)
                assert answer.status_code < 500, (path, body)


def test_the_archive_is_read_from_every_database(url: str, tmp_path: Path) -> None:
    make(tmp_path, url)
    door = Door(tmp_path, url=url)
    (issue,) = door.get("/api/digests/samples/issues").json()
    assert issue["papers"] > 2
    assert door.get(f"/samples/{issue['slot']}").status_code == 200
    door.close()
