from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from build import DAY, NOW, paper
from sqlalchemy import select

from digest import backtest, config, run
from digest.errors import Misuse
from digest.store import Store, open_store
from digest.store import papers as paper_rows
from digest.store.tables import metadata
from digest.types import Coverage, Listing, Paper, Reason, Signals

TUE = DAY + timedelta(days=1)
FRI, SAT, SUN = (DAY + timedelta(days=n) for n in (4, 5, 6))


def listed(title: str, number: int, *days: date, **changes: Any) -> Paper:
    """A paper that the sources a, b, … list on the days given."""
    lists = tuple(
        Listing(source=source, announce=None, listed_on=day)
        for source, day in zip("ab", days, strict=False)
    )
    return paper(title, number=f"2606.{number:05d}", listings=lists, **changes)


PAPERS = [
    listed("Sparse attention", 1, DAY),
    listed("Sparse attention, again sparse attention", 2, DAY, TUE),
    listed("Attention for medical images", 3, DAY),
    listed("Paying attention", 4, DAY, signals=Signals(upvotes=99)),
    listed("Boats", 5, DAY),
    listed("Sparse things that want attention", 6, TUE),
    listed("Attention on a Sunday", 7, SUN),
]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = open_store(f"sqlite:///{tmp_path}/digest.db", NOW)
    with made.write() as connection:
        paper_rows.save(connection, PAPERS, [], NOW)
    yield made
    made.close()


SPARSE = '"sparse attention"'


def setup_of(store: Store, folder: Path, **digest: Any) -> run.Setup:
    feed = {"kind": "feed", "url": "https://lab.example.org/feed.xml"}
    own = {"topics": ['"attention"'], "exclude": ['"medical"'], "sources": ["a", "b"], **digest}
    tables = {"summarizer": "lead", "sources": {"a": feed, "b": feed}, "digests": {"d": own}}
    return run.Setup(config=config.make(tables, folder / "digest.toml"), store=store, now=NOW)


def days(setup: run.Setup, count: int = 30, **how: Any) -> list[backtest.Day]:
    return list(backtest.backtest(setup, "d", count, **how))


def numbers(places: Any) -> list[str]:
    return [place.paper.id[-1] for place in places]


def test_every_paper_is_in_its_first_day_and_each_day_has_a_reason(
    store: Store, tmp_path: Path
) -> None:
    found = days(setup_of(store, tmp_path, topics=[SPARSE]))
    assert [(one.day, numbers(one.shown), str(one.reason)) for one in found] == [
        (DAY, ["2", "1"], "sent"),
        (TUE, [], "no-match"),
        *((DAY + timedelta(days=n), [], "quiet") for n in (2, 3, 4)),
        (SAT, [], "weekend"),
        (SUN, [], "no-match"),
    ]
    assert [one.looked_at for one in found] == [5, 1, 0, 0, 0, 0, 1]


def test_ranking_cap_and_exclusions_are_those_of_a_run(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/one-day.db", NOW)
    with store.write() as connection:
        again = listed("Sparse attention again", 2, DAY)
        paper_rows.save(connection, [PAPERS[0], again, *PAPERS[2:5]], [], NOW)
    setup = setup_of(store, tmp_path, papers=2)
    (day,) = days(setup)
    assert (numbers(day.shown), numbers(day.more)) == (["4", "1"], ["2"])
    issue = run.build(setup, "d", "2026-06-22T08:00").issue
    assert issue is not None
    told = [(one.paper.id, one.section, one.score, one.because) for one in issue.items]
    assert [(p.paper.id, p.section, p.score, p.because) for p in day.shown + day.more] == told
    assert days(setup) == [day]
    store.close()


def test_the_misses_are_shown_with_their_scores_best_first(store: Store, tmp_path: Path) -> None:
    setup = setup_of(store, tmp_path, topics=[SPARSE])
    (first, second, *_) = days(setup)
    assert numbers(second.near) == ["6"]
    assert 0 < second.near[0].score < 1
    assert numbers(first.near) == ["4", "5"]
    assert first.near[0].score > first.near[1].score
    said = "\n".join(backtest.lines(second))
    assert "none matches of 1 papers" in said
    assert f"{second.near[0].score:6.2f}  missed: Sparse things that want attention" in said


def test_other_topics_can_be_tried(store: Store, tmp_path: Path) -> None:
    (first, *_) = days(setup_of(store, tmp_path), topics=['"boats"'])
    assert numbers(first.shown) == ["5"]
    assert first.shown[0].section == '"boats"'


def test_the_days_are_the_last_ones_or_those_up_to_a_day(store: Store, tmp_path: Path) -> None:
    setup = setup_of(store, tmp_path)
    assert [one.day for one in days(setup, 1)] == [SUN]
    assert [one.day for one in days(setup, 6)] == [TUE + timedelta(days=n) for n in range(6)]
    assert [one.day for one in days(setup, until=FRI)] == [DAY, TUE]


def test_a_day_that_was_asked_for_in_vain_says_so(store: Store, tmp_path: Path) -> None:
    with store.write() as connection:
        asked = Coverage(category="cs.CL", day=FRI, how="asked")
        paper_rows.cover(connection, "a", [asked], NOW)
    found = {one.day: one.reason for one in days(setup_of(store, tmp_path))}
    assert found[FRI] is Reason.DOWN


def test_what_the_editors_like_counts(store: Store, tmp_path: Path) -> None:
    setup = setup_of(store, tmp_path, topics=[SPARSE])
    run.opine(setup, "d", PAPERS[5].id, True)
    found = {one.day: numbers(one.shown) for one in days(setup)}
    assert found[TUE] == ["6"]


def test_a_store_without_papers_names_the_command_that_gets_them(tmp_path: Path) -> None:
    empty = open_store(f"sqlite:///{tmp_path}/empty.db", NOW)
    setup = setup_of(empty, tmp_path)
    with pytest.raises(Misuse, match="no papers yet; `digest fetch` gets them"):
        days(setup)
    empty.close()


def test_days_before_the_first_paper_name_it(store: Store, tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="up to 2026-06-21; the first ones are of 2026-06-22"):
        days(setup_of(store, tmp_path), until=DAY - timedelta(days=1))


def everything(store: Store) -> dict[str, list[Any]]:
    with store.read() as connection:
        return {t.name: connection.execute(select(t)).all() for t in metadata.sorted_tables}  # type: ignore[misc]


def test_nothing_is_written(store: Store, tmp_path: Path) -> None:
    """Not even a vector: trying topics must leave a store as it was."""
    setup = setup_of(store, tmp_path)
    run.opine(setup, "d", PAPERS[0].id, True)
    before, files = everything(store), sorted(tmp_path.iterdir())
    content = (tmp_path / "digest.db").read_bytes()
    assert days(setup)
    assert everything(store) == before
    assert before["vectors"] == []
    assert (tmp_path / "digest.db").read_bytes() == content
    assert sorted(tmp_path.iterdir()) == files


def test_a_day_is_one_json_object(store: Store, tmp_path: Path) -> None:
    (first, *_) = days(setup_of(store, tmp_path, papers=1, topics=[SPARSE]))
    said = json.loads(json.dumps(backtest.words(first)))
    assert (said["day"], said["reason"], said["papers"]) == ("2026-06-22", "sent", 5)
    assert said["shown"][0]["id"] == "arxiv:2606.00002"
    assert {*said["more"][0]} == {"id", "title", "score", "section", "because"}
    assert {*said["near"][0]} == {"id", "title", "score", "topic"}


def test_words_for_people_fit_a_terminal(store: Store, tmp_path: Path) -> None:
    long = listed("Attention " + "to long-winded titles " * 9, 8, SUN)
    with store.write() as connection:
        paper_rows.save(connection, [long], [], NOW)
    said = [
        line for one in days(setup_of(store, tmp_path, papers=1)) for line in backtest.lines(one)
    ]
    assert max(map(len, said)) <= 80
    assert any("and 2 more past the cap of 1" in line for line in said)


def test_the_totals_say_what_a_reader_is_in_for() -> None:
    said = backtest.totals([(3, 10), (0, 0), (1, 10), (8, 20)])
    assert said.splitlines() == [
        "4 days, 3 of them with new papers",
        "matches a day: median 3, most 8; in all 12 of 40 papers (30.0 %)",
    ]
    assert backtest.totals([(0, 0)]).splitlines()[1].endswith("in all 0 of 0 papers")
