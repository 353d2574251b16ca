from __future__ import annotations

import math
from collections import Counter
from typing import Any

import pytest

from digest.transports.smtp.servers import (
    COOL_S,
    MOST_BREAKS,
    Server,
    Standing,
    Unusable,
    none_left,
    pick,
)

DOWN = Unusable("connection refused")


def standing(name: str, **changed: Any) -> Standing:
    return Standing(Server(**{"name": name, "host": f"{name}.example", "port": 25, **changed}))


def opened(standings: list[Standing], number: int, now: float = 0.0) -> Counter[str]:
    """Open so many connections, all of them busy."""
    found: Counter[str] = Counter()
    for _ in range(number):
        picked = pick(standings, now, fresh=False)
        if picked is None:
            break
        picked[0].open += 1
        found[picked[0].server.name] += 1
    return found


@pytest.mark.parametrize(
    ("weights", "number", "expected"),
    [
        ((1, 1), 10, {"a": 5, "b": 5}),
        ((3, 1), 8, {"a": 6, "b": 2}),
        ((1, 0), 5, {"a": 5}),
        ((0, 0), 4, {"a": 2, "b": 2}),
    ],
)
def test_connections_are_in_proportion_to_weights(
    weights: tuple[int, int], number: int, expected: dict[str, int]
) -> None:
    both = [standing("a", weight=weights[0]), standing("b", weight=weights[1])]
    assert opened(both, number) == expected


def test_no_server_gets_more_connections_than_it_may() -> None:
    both = [standing("a", connections=2), standing("b", connections=3, weight=9)]
    assert opened(both, 100) == {"a": 2, "b": 3}


def test_a_server_without_weight_is_for_when_all_others_cool() -> None:
    main, spare = standing("main", connections=2), standing("spare", weight=0)
    assert opened([main, spare], 5) == {"main": 2}
    main.open = 0
    main.failed(0.0, DOWN, 0)
    assert opened([main, spare], 5, now=59.0) == {"spare": 5}
    assert opened([main, spare], 5, now=60.0) == {"main": 2}


def test_each_failure_in_a_row_is_waited_for_longer() -> None:
    one, now, waits = standing("a"), 0.0, []
    for _ in range(7):
        one.failed(now, DOWN, one.failures)
        waits.append(one.cools_until - now)
        now = one.cools_until
    assert waits == [*COOL_S, COOL_S[-1], COOL_S[-1]]
    one.works()
    one.failed(now, DOWN, 0)
    assert one.cools_until == now + COOL_S[0]


def test_lines_that_run_into_a_dead_server_at_a_time_are_one_failure() -> None:
    one = standing("a")
    for _ in range(10):
        one.failed(0.0, DOWN, 0)
    assert (one.failures, one.cools_until) == (1, COOL_S[0])


def test_a_server_that_does_not_let_us_in_stays_out() -> None:
    one, other = standing("a"), standing("b")
    one.failed(0.0, Unusable("bad password", is_final=True), 0)
    one.failed(0.0, DOWN, 0)
    other.failed(0.0, DOWN, 0)
    assert one.cools_until == math.inf
    error = none_left([one, other], 10.0)
    assert str(error) == (
        "no mail server takes mail: a (a.example:25): bad password;"
        " b (b.example:25): connection refused"
    )
    assert error.wait_s == COOL_S[0] - 10
    assert none_left([one], 10.0).wait_s is None


def test_a_server_that_only_ever_breaks_off_is_left_alone() -> None:
    one = standing("a")
    for _ in range(MOST_BREAKS - 1):
        one.broke(0.0, "lost")
    one.works()
    for _ in range(MOST_BREAKS - 1):
        one.broke(0.0, "lost")
    assert not one.cools(0.0)
    one.broke(0.0, "lost")
    assert one.cools(0.0)


def test_mails_of_a_server_are_spaced() -> None:
    one = standing("a", per_second=4.0)
    assert [one.turn_s(100.0) for _ in range(3)] == [0.0, 0.25, 0.5]
    assert one.turn_s(200.0) == 0.0
    assert standing("b").turn_s(0.0) == 0.0
