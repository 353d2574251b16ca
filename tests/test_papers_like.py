"""A digest of papers like one's own: from ids and files to matches and reasons."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from build import NOW, paper
from servers import Canned, FeedServer
from shapes import api

from digest import config, run
from digest.errors import BadConfig
from digest.match import YOURS
from digest.run.examples import examples
from digest.store import Store, open_store
from digest.store import papers as paper_rows
from digest.types import Paper

FOLDING = paper(
    "Folding proteins with thin maps",
    abstract="We predict how a protein folds from sparse contact maps. A small network reads which"
    " residues touch and bends the chain step by step.",
)
KIN = paper(
    "How proteins fold when few contacts are known",
    number="2606.00002",
    abstract="We fold protein chains from sparse contacts between residues. The network bends the"
    " chain until the contacts agree.",
)
MARKET = paper(
    "Prices on a busy market",
    number="2606.00003",
    abstract="We study when sellers change prices. Menus are costly, so changes come in clusters.",
)


def setup(
    folder: Path, like: list[str], papers: Sequence[Paper] = (FOLDING,), **more: Any
) -> run.Setup:
    tables = {
        "summarizer": "lead",
        "operator": {"contact": "papers@example.org"},
        "digests": {"d": {"papers_like": like, "sources": ["sample"], **more}},
    }
    made = config.make(tables, folder / "digest.toml")
    store = open_store(made.store, NOW)
    with store.write() as connection:
        paper_rows.save(connection, papers, [], NOW)
    return run.Setup(config=made, store=store, now=NOW)


def found(made: run.Setup, *papers: Paper) -> run.Matched:
    return run.match(made, made.config.digests["d"].interest, papers)


@pytest.mark.parametrize(
    "id", ["2606.00001", "arXiv:2606.00001v3", "https://arxiv.org/abs/2606.00001"]
)
def test_a_paper_like_one_of_the_store_matches_and_says_which(tmp_path: Path, id: str) -> None:
    (only,) = found(setup(tmp_path, [id]), KIN, MARKET).matches
    assert (only.paper, only.topic) == (KIN, YOURS)
    assert only.score >= 1
    assert only.because == ("like “Folding proteins with thin maps”, which is yours",)


def test_a_file_beside_the_configuration_is_read(tmp_path: Path) -> None:
    words = f"@article{{a, title={{{FOLDING.title}}}, abstract={{{FOLDING.abstract}}}}}"
    (tmp_path / "my.bib").write_text(words)
    matched = found(setup(tmp_path, ["my.bib"], []), KIN, MARKET)
    assert [one.paper for one in matched.matches] == [KIN]
    assert matched.warnings == ()


def test_ones_own_paper_is_no_news(tmp_path: Path) -> None:
    assert found(setup(tmp_path, ["2606.00001"]), FOLDING).matches == []


def test_what_is_excluded_is_not_there_however_like_it_is(tmp_path: Path) -> None:
    made = setup(tmp_path, ["2606.00001"], exclude=["residues"])
    assert found(made, KIN).matches == []


def test_an_unknown_id_is_named_and_stops_nothing(tmp_path: Path) -> None:
    matched = found(setup(tmp_path, ["2606.00001", "2606.09999"]), KIN)
    assert [one.paper for one in matched.matches] == [KIN]
    (warning,) = matched.warnings
    assert "'2606.09999'" in warning
    assert "digest fetch" in warning


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    made = setup(tmp_path, ["my.bib"])
    with pytest.raises(BadConfig, match=r"my\.bib cannot be read: No such file"):
        examples(made, made.config.digests["d"].papers_like)


def test_unknown_arxiv_papers_are_fetched_by_id_once_and_are_nobodys_news(tmp_path: Path) -> None:
    with FeedServer() as server:
        server.serve("/api/query", Canned(body=api([("2606.00007", NOW - timedelta(days=900))])))
        made = setup(tmp_path, ["2606.00007"], [])
        sources = {"arxiv": {"api": server.url("/api/query")}}
        tables = {"sources": sources, "fetch": {"allow_hosts": [f"127.0.0.1:{server.port}"]}}
        asking = config.make({**_tables(made), **tables}, tmp_path / "digest.toml")
        again = run.Setup(config=asking, store=made.store, now=NOW)
        run.fetch(again, ["d"])
        run.fetch(again, ["d"])
    assert len(server.hits) == 1
    assert "id_list=2606.00007" in server.hits[0].path
    assert _listings(made.store) == [None]


def _tables(made: run.Setup) -> dict[str, Any]:
    digest = made.config.digests["d"]
    return {
        "operator": {"contact": "papers@example.org"},
        "digests": {"d": {"papers_like": list(digest.papers_like), "sources": ["sample"]}},
    }


def _listings(store: Store) -> list[Any]:
    with store.read() as connection:
        known = paper_rows.by_alias(connection, ["arxiv:2606.00007"])
    (only,) = set(known.values())
    return [one.listed_on for one in only.listings]
