from __future__ import annotations

from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from digest.dedupe import dedupe
from digest.types import Entry, Links, Merge, Paper, Signals

DAY = date(2026, 6, 22)


def entry(*aliases: str, source: str = "arxiv", **changes: object) -> Entry:
    plain = Entry(
        source=source,
        aliases=aliases or ("arxiv:2606.00001",),
        title="A study of five small things",
        abstract="We study them.",
        authors=("Ada Example",),
        announce="new",
        announced_on=DAY,
        listed_on=DAY,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def stored(papers: tuple[Paper, ...]) -> dict[str, Paper]:
    return {alias: p for p in papers for alias in p.aliases}


def test_two_sources_of_one_work_give_one_paper_with_what_both_know() -> None:
    found = dedupe(
        [
            entry(categories=("cs.CL",), links=Links(abstract="https://arxiv.org/abs/2606.00001")),
            entry(
                source="huggingface",
                announce=None,
                links=Links(code="https://code.example.org/x"),
                signals=Signals(upvotes=7),
            ),
        ],
        {},
    )
    (paper,) = found.papers
    assert paper.signals.upvotes == 7
    assert paper.links.abstract
    assert paper.links.code
    assert [listing.source for listing in paper.listings] == ["arxiv", "huggingface"]


def test_a_feed_without_ids_is_merged_by_its_text() -> None:
    lab = entry("link:https://lab.example.org/1", source="lab", authors=(), announce=None)
    (paper,) = dedupe([lab, entry()], {}).papers
    assert paper.id == "arxiv:2606.00001"
    assert "link:https://lab.example.org/1" in paper.aliases


def test_a_feed_whose_entries_all_have_one_id_loses_none() -> None:
    one = entry("guid:lab:x", source="lab", title="Robots that walk on sand", abstract="a")
    two = entry("guid:lab:x", source="lab", title="Deep sea currents", abstract="b")
    two = replace(two, aliases=(*two.aliases, "entry:lab:2"))
    corrected = entry("guid:lab:x", source="lab", title="Robots which walk on sand", abstract="a")
    assert len(dedupe([one, two], {}).papers) == 2
    assert len(dedupe([one, corrected], {}).papers) == 1


def test_no_entry_can_fill_a_mail() -> None:
    (paper,) = dedupe([entry(title="x" * 10**6, abstract="y" * 10**6)], {}).papers
    assert len(paper.title) + len(paper.abstract) < 11_000


def test_short_titles_tell_nothing() -> None:
    one = entry("link:a", source="lab", title="Editorial", abstract="")
    two = entry("link:b", source="lab", title="Editorial", abstract="")
    assert len(dedupe([one, two], {}).papers) == 2


def test_an_entry_that_names_two_stored_papers_makes_them_one() -> None:
    apart = dedupe(
        [
            entry("arxiv:2606.00001", title="A study of five small things"),
            entry("doi:10.5555/x", title="On quite another subject altogether", source="biorxiv"),
        ],
        {},
    )
    assert len(apart.papers) == 2
    both = dedupe([entry("arxiv:2606.00001", "doi:10.5555/x")], stored(apart.papers))
    (paper,) = both.papers
    assert both.merges == (Merge(loser="doi:10.5555/x", survivor="arxiv:2606.00001"),)
    assert {"arxiv:2606.00001", "doi:10.5555/x"} <= set(paper.aliases)
    assert both.new == frozenset()


def test_papers_whose_ids_contradict_each_other_are_never_merged() -> None:
    """A hostile feed that names two works at once must not make one of them vanish."""
    apart = dedupe(
        [entry("arxiv:2606.00001"), entry("arxiv:2606.00002", title="Five other things, observed")],
        {},
    )
    both = entry("link:x", "arxiv:2606.00001", "arxiv:2606.00002", source="evil")
    found = dedupe([both], stored(apart.papers))
    assert found.merges == ()


def test_a_later_doi_does_not_make_another_paper_of_it() -> None:
    first = dedupe([entry("arxiv:2606.00001", "doi:10.5555/preprint")], {})
    again = dedupe([entry("arxiv:2606.00001", "doi:10.5555/final")], stored(first.papers))
    assert not again.new
    assert len(again.papers) == 1


def test_a_replacement_of_an_unknown_paper_is_kept_but_owed_to_nobody() -> None:
    (paper,) = dedupe([entry(announce="replace", listed_on=None, version=2)], {}).papers
    assert paper.listings[0].listed_on is None
    assert paper.listings[0].revised_on == DAY
    (known,) = dedupe([entry(version=1)], stored((paper,))).papers
    assert known.listings[0].listed_on == DAY
    assert known.version == 2


def test_arxivs_own_dois_are_arxiv_ids() -> None:
    (paper,) = dedupe([entry("doi:10.48550/arXiv.2606.00001", source="lab"), entry()], {}).papers
    assert paper.id == "arxiv:2606.00001"


def test_reading_the_same_again_changes_nothing() -> None:
    first = dedupe([entry(), entry("doi:10.5555/y", title="Something else again, at length")], {})
    again = dedupe(
        [entry(), entry("doi:10.5555/y", title="Something else again, at length")],
        stored(first.papers),
    )
    assert again.papers == ()


names = st.sampled_from(
    ["arxiv:2606.00001", "arxiv:2606.00002", "doi:10.5555/a", "link:x", "link:y"]
)
entries = st.builds(
    lambda aliases, title, source: entry(*aliases, title=title, source=source),
    st.lists(names, min_size=1, max_size=3, unique=True),
    st.sampled_from(["A study of five small things", "Some four other words"]),
    st.sampled_from(["arxiv", "lab", "huggingface"]),
)


@given(st.lists(entries, max_size=6))
def test_deduping_twice_is_deduping_once(found: list[Entry]) -> None:
    first = dedupe(found, {})
    again = dedupe(found, stored(first.papers))
    assert not again.new
    assert not again.merges


@given(st.lists(entries, min_size=1, max_size=6))
def test_no_work_is_ever_lost(found: list[Entry]) -> None:
    """Every id that some entry gave leads to a paper."""
    papers = dedupe(found, {}).papers
    known = {alias for p in papers for alias in p.aliases}
    assert {e.aliases[0] for e in found} <= known


@given(st.lists(entries, max_size=6))
def test_no_paper_ever_has_two_arxiv_ids(found: list[Entry]) -> None:
    single = [replace(e, aliases=_one_id(e.aliases)) for e in found]
    for paper in dedupe(single, {}).papers:
        assert sum(alias.startswith("arxiv:") for alias in paper.aliases) <= 1


def _one_id(aliases: tuple[str, ...]) -> tuple[str, ...]:
    ids = [a for a in aliases if a.startswith("arxiv:")]
    return tuple(a for a in aliases if a not in ids[1:])
