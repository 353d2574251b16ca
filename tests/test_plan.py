from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from build import item, paper
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import BadSchedule
from digest.plan import free_slot, message_id, owed, parse_schedule, reason, split, wait_until
from digest.types import Item, Reason, Slot, SourceReport


def slots(words: str, start: str, end: str, zone: str = "UTC") -> list[str]:
    def moment(stamp: str) -> datetime:
        return datetime.fromisoformat(stamp).replace(tzinfo=UTC)

    return [slot.key for slot in parse_schedule(words, zone).slots(moment(start), moment(end))]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("daily at 08:00", ["06-26", "06-27", "06-28", "06-29"]),
        ("weekdays at 08:00", ["06-26", "06-29"]),
        ("mon,thu 08:00", ["06-29"]),
        ("weekly on Friday at 8:00", ["06-26"]),
        ("every sunday and friday at 08:00", ["06-26", "06-28"]),
        ("monthly on the 29th at 08:00", BadSchedule),
        ("monthly on the 28th at 08:00", ["06-28"]),
        ("monthly at 08:00", []),
    ],
)
def test_schedules_are_read_as_people_write_them(words: str, expected: object) -> None:
    if expected is BadSchedule:
        with pytest.raises(BadSchedule, match="not every month"):
            parse_schedule(words, "UTC")
        return
    found = slots(words, "2026-06-26T00:00", "2026-06-29T12:00")
    assert [slot[5:10] for slot in found] == expected


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("sometimes", "no time of day"),
        ("daily at 25:00", "no time of day"),
        ("1,3 at 08:00", "name the days"),
        ("mondial at 08:00", "cannot be read"),
    ],
)
def test_a_schedule_that_cannot_be_read_says_why_with_examples(words: str, why: str) -> None:
    with pytest.raises(BadSchedule, match=why):
        parse_schedule(words, "UTC")


def test_slots_are_local_wall_time_and_one_a_day_when_the_clocks_change() -> None:
    autumn = slots("daily at 02:30", "2026-10-24T12:00", "2026-10-26T12:00", "Europe/Berlin")
    assert autumn == ["2026-10-25T02:30", "2026-10-26T02:30"]
    spring = slots("daily at 02:30", "2026-03-28T12:00", "2026-03-30T12:00", "Europe/Berlin")
    assert len(spring) == 2


def test_a_slot_is_due_at_its_minute_and_not_again_after_it() -> None:
    assert slots("daily at 08:00", "2026-06-22T07:59", "2026-06-22T08:00") == ["2026-06-22T08:00"]
    assert slots("daily at 08:00", "2026-06-22T08:00", "2026-06-22T09:00") == []


def test_a_taken_slot_gives_way_to_the_next_minute() -> None:
    taken = {"2026-06-22T08:59", "2026-06-22T09:00"}
    assert free_slot("2026-06-22T08:59", taken) == "2026-06-22T09:01"


def a(number: int, *, is_revision: bool = False) -> Item:
    return item(paper(number=f"2606.{number:05d}"), is_revision=is_revision)


numbers = st.lists(st.integers(0, 5), max_size=6)


@given(numbers, numbers, st.sets(st.integers(0, 5)))
def test_nobody_is_owed_a_paper_twice(new: list[int], missed: list[int], had: set[int]) -> None:
    got = {(f"arxiv:2606.{n:05d}", False) for n in had}
    found = [i.paper.id for i in owed([a(n) for n in new], [a(n) for n in missed], got)]
    assert len(found) == len(set(found))
    assert {f"arxiv:2606.{n:05d}" for n in {*new, *missed} - had} == set(found)


def test_a_revision_is_for_those_who_had_the_paper() -> None:
    again = a(1, is_revision=True)
    assert owed([again], [], set()) == []
    assert owed([again], [], {("arxiv:2606.00001", False)}) == [again]


def test_a_deliverys_message_id_is_always_the_same() -> None:
    assert message_id("d/s", "x", "h") == message_id("d/s", "x", "h") != message_id("d/s", "y", "h")


def said(*reasons: Reason) -> list[SourceReport]:
    return [SourceReport(source=str(r), reason=r) for r in reasons]


@pytest.mark.parametrize(
    ("sources", "sent", "looked_at", "matched", "expected"),
    [
        ([Reason.SENT], True, 9, 9, Reason.SENT),
        ([Reason.DOWN, Reason.SENT], True, 9, 9, Reason.SENT),
        ([Reason.DOWN, Reason.SENT], False, 9, 0, Reason.DOWN),
        ([Reason.BLOCKED, Reason.STALE], False, 0, 0, Reason.BLOCKED),
        ([Reason.STALE], False, 0, 0, Reason.STALE),
        ([Reason.SENT], False, 9, 0, Reason.NO_MATCH),
        ([Reason.ALL_SENT], False, 9, 0, Reason.ALL_SENT),
        ([Reason.SENT], False, 0, 0, Reason.ALL_SENT),
        ([Reason.WEEKEND, Reason.WEEKEND], False, 0, 0, Reason.WEEKEND),
        ([Reason.HOLIDAY, Reason.QUIET], False, 0, 0, Reason.HOLIDAY),
        ([Reason.QUIET], False, 0, 0, Reason.QUIET),
    ],
)
def test_every_run_has_a_reason(
    sources: list[Reason], sent: bool, looked_at: int, matched: int, expected: Reason
) -> None:
    found = reason(said(*sources), has_sent=sent, looked_at=looked_at, matched=matched)
    assert found is expected


# --- open slots ----------------------------------------------------------------------------------

NOON = datetime(2026, 6, 22, 12, tzinfo=UTC)
OPEN = [Slot(NOON - timedelta(days=n), f"{n}") for n in (3, 2, 1)]


@given(st.integers(0, 3), st.sampled_from(["latest", "none", "all"]), st.integers(0, 300))
def test_each_open_slot_is_worked_off_or_missed(count: int, policy: str, minutes: int) -> None:
    some = OPEN[:count]
    todo, missed = split(some, policy, NOON - timedelta(minutes=minutes), NOON)
    assert sorted([*todo, *missed]) == some
    if policy == "all":
        assert missed == []
    elif policy == "latest" or minutes <= 120:
        assert todo == some[-1:]
    else:
        assert todo == []


def again(*minutes: int | None) -> list[SourceReport]:
    return [
        SourceReport(
            source=str(n),
            reason=Reason.LATE,
            again_at=None if n is None else NOON + timedelta(minutes=n),
        )
        for n in minutes
    ]


@pytest.mark.parametrize(
    ("sources", "hours", "expected"),
    [
        (again(15), 6, 15),
        (again(600, 30, None), 6, 30),
        (again(None), 6, None),
        (again(361), 6, 360),  # a last look at the end
        (again(600), 6, None),  # nothing can come before
        (again(15), 0, None),
    ],
)
def test_sources_are_asked_again_as_long_as_the_digest_waits(
    sources: list[SourceReport], hours: int, expected: int | None
) -> None:
    found = wait_until(sources, Slot(NOON, "x"), timedelta(hours=hours), NOON)
    assert found == (None if expected is None else NOON + timedelta(minutes=expected))


@given(st.lists(st.integers(1, 2000), max_size=4), st.integers(0, 72), st.integers(0, 5000))
def test_no_wait_goes_past_its_end(minutes: list[int], hours: int, late: int) -> None:
    now = NOON + timedelta(minutes=late)
    sources = [
        SourceReport(source="x", reason=Reason.LATE, again_at=now + timedelta(minutes=n))
        for n in minutes
    ]
    found = wait_until(sources, Slot(NOON, "x"), timedelta(hours=hours), now)
    assert found is None or now < found <= NOON + timedelta(hours=hours)
