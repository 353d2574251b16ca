"""What opinions do to issues and editions, from the store to the mail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from build import DAY, NOW, paper

from digest import config, preview, run
from digest.errors import Misuse
from digest.store import issues, ledger, open_store
from digest.store import papers as paper_rows
from digest.types import DeliveryState, Edition, Issue, Listing, Paper

ADA, BEN, CY = (f"{name}@example.org" for name in ("ada", "ben", "cy"))


def listed(title: str, abstract: str, number: int, day: date = DAY) -> Paper:
    return paper(
        title,
        number=f"2606.{number:05d}",
        abstract=abstract,
        listings=(Listing(source="lab", announce=None, listed_on=day),),
    )


LIKED = listed(
    "Folding proteins with thin maps",
    "We predict how a protein folds from sparse contact maps. A small network reads which residues"
    " touch and bends the chain step by step.",
    1,
    DAY - timedelta(days=30),
)
MARKET = listed(
    "Sparse prices on a busy market",
    "We study when sellers change prices. Menus are costly, so changes are sparse and come in"
    " clusters after holidays.",
    2,
)
KIN = listed(
    "How proteins fold when few contacts are known",
    "We fold protein chains from sparse contacts between residues. The network bends the chain"
    " until the contacts agree.",
    3,
)
MISS = listed(
    "Proteins folded in parts",
    "We predict protein structure in parts, from maps of the residues that touch. The network"
    " bends each chain; the maps may be thin.",
    4,
)


class World:
    """A digest whose store holds what a test puts there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.digest: dict[str, Any] = {"topics": ['"sparse"'], "to": [ADA, BEN, CY]}
        self.ids = (f"{n:016x}" for n in count(1))
        self.setup = self.at()

    def at(self, days: int = 0, **changes: Any) -> run.Setup:
        self.digest |= changes
        tables = {
            "summarizer": "lead",
            "operator": {"contact": "papers@example.org"},
            "sources": {"lab": {"kind": "feed", "url": "https://lab.example.org/feed.xml"}},
            "digests": {"d": {**self.digest, "sources": ["lab"]}},
        }
        now = NOW + timedelta(days=days)
        settings = config.make(tables, self.folder / "digest.toml")
        store = getattr(self, "setup", None) and self.setup.store
        store = store or open_store(settings.store, now)
        self.setup = run.Setup(config=settings, store=store, now=now, new_id=self.ids.__next__)
        return self.setup

    def keep(self, *some: Paper) -> None:
        with self.setup.store.write() as connection:
            paper_rows.save(connection, some, [], NOW)

    def build(self) -> Issue | None:
        return run.build(self.setup, "d", f"{self.setup.now:%Y-%m-%dT%H:%M}").issue

    def editions(self) -> dict[str, Edition]:
        with self.setup.store.read() as connection:
            queue = ledger.in_state(connection, [DeliveryState.QUEUED])
            return {one.address: issues.load_edition(connection, one.edition) for one in queue}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.keep(LIKED, MARKET, KIN)
    yield made
    made.setup.store.close()


def numbers(some: Any) -> list[str]:
    return [one.paper.id[-1] for one in some]


def test_what_the_editors_like_moves_the_issue_for_everyone(world: World) -> None:
    run.opine(world.setup, "d", LIKED.id, True)
    issue = world.build()
    assert issue is not None
    assert numbers(issue.items) == ["3", "2"]
    assert issue.items[0].because[-1] == f"like “{LIKED.title}”, which the editors liked"
    assert len({edition.key for edition in world.editions().values()}) == 1


def test_without_an_opinion_and_with_one_taken_back_nothing_moves(world: World) -> None:
    run.opine(world.setup, "d", LIKED.id, True)
    run.opine(world.setup, "d", LIKED.id, True, undo=True)
    issue = world.build()
    assert issue is not None
    assert numbers(issue.items) == ["2", "3"]
    assert not any("liked" in reason for item in issue.items for reason in item.because)


def test_what_the_editors_dislike_goes_down_and_never_out(world: World) -> None:
    world.keep(replace(KIN, id="arxiv:2606.00000", aliases=("arxiv:2606.00000",)))
    run.opine(world.setup, "d", LIKED.id, False)
    issue = world.build()
    assert issue is not None
    assert numbers(issue.items) == ["2", "0", "3"]


def test_another_digests_opinions_count_for_nothing(world: World) -> None:
    run.opine(world.setup, "e", LIKED.id, True)
    issue = world.build()
    assert issue is not None
    assert numbers(issue.items) == ["2", "3"]


def test_a_near_miss_that_is_like_a_liked_paper_comes_in_and_says_why(world: World) -> None:
    unlike = listed("Sugar", "Residues of sugar stick to a cup; a protein shake hides them.", 5)
    world.keep(MISS, unlike)
    setup = world.at(topics=['"protein residues"'])
    assert world.build() is None
    run.opine(setup, "d", LIKED.id, True)
    issue = world.build()
    assert issue is not None
    assert "4" in numbers(issue.items)
    assert "5" not in numbers(issue.items)
    assert all("which the editors liked" in item.because[0] for item in issue.items)


@pytest.mark.parametrize(
    "changes",
    [{"exclude": ["maps"]}, {"topics": ['"protein residues" NOT maps']}, {"categories": ["cs.CV"]}],
    ids=lambda changes: next(iter(changes)),
)
def test_no_like_brings_in_what_is_excluded(world: World, changes: dict[str, Any]) -> None:
    world.keep(MISS)
    run.opine(world.setup, "d", LIKED.id, True)
    world.at(**{"topics": ['"protein residues"'], **changes})
    issue = world.build()
    assert "4" not in numbers(issue.items if issue else ())


# --- one reader's own ----------------------------------------------------------------------------


@pytest.fixture
def read(world: World) -> World:
    """A world whose readers are known, as after a first run."""
    with world.setup.store.write() as connection:
        digest = world.setup.config.digests["d"]
        ledger.sync_operator_readers(
            connection, "d", digest.to, world.setup.now, world.setup.new_id
        )
    return world


def test_a_readers_own_opinion_moves_her_editions_only(read: World) -> None:
    run.opine(read.setup, "d", LIKED.id, True, address=ADA)
    issue = read.build()
    found = read.editions()
    assert issue is not None
    assert numbers(issue.items) == numbers(found[BEN].shown)
    assert numbers(found[ADA].shown)[0] == "3"
    assert found[ADA].shown[0].because[-1] == f"like “{LIKED.title}”, which you liked"
    assert {*numbers(found[ADA].shown)} == {*numbers(found[BEN].shown)}


def test_readers_without_opinions_share_the_edition_they_always_had(read: World) -> None:
    """Somebody's opinion changes no byte of what the others get."""
    run.opine(read.setup, "d", LIKED.id, True, address=ADA)
    issue = read.build()
    assert issue is not None
    shared, _ = run.fit(read.setup, "d", issue, issue.items)
    keys = {who: edition.key for who, edition in read.editions().items()}
    assert keys[BEN] == keys[CY] == shared.key != keys[ADA]


def test_an_opinion_that_moves_nothing_leaves_the_shared_edition(read: World) -> None:
    far = listed("Chairs", "We fold chairs for boats.", 8, DAY - timedelta(days=30))
    read.keep(far)
    run.opine(read.setup, "d", far.id, True, address=ADA)
    read.build()
    assert len({edition.key for edition in read.editions().values()}) == 1


def test_the_same_order_for_other_reasons_is_another_edition(read: World) -> None:
    """Else one reader would be told what another liked."""
    twin = replace(
        LIKED, id="arxiv:2606.00007", aliases=("arxiv:2606.00007",), title="Maps that fold proteins"
    )
    read.keep(twin)
    run.opine(read.setup, "d", LIKED.id, True, address=ADA)
    run.opine(read.setup, "d", twin.id, True, address=BEN)
    read.build()
    found = read.editions()
    assert numbers(found[ADA].shown) == numbers(found[BEN].shown)
    assert "Folding proteins" in found[ADA].shown[0].because[-1]
    assert "Maps that fold" in found[BEN].shown[0].because[-1]


def test_what_a_reader_dislikes_goes_behind_the_cap_and_is_delivered(read: World) -> None:
    read.keep(listed("A sparse beginning", "We begin. It is sparse.", 9))
    read.at(papers=2)
    run.opine(read.setup, "d", KIN.id, False, address=ADA)
    read.build()
    ada = read.editions()[ADA]
    assert numbers(ada.more) == ["3"]
    read.at(days=1)
    assert read.build() is None


def test_the_mail_and_the_preview_name_the_liked_paper(read: World) -> None:
    run.opine(read.setup, "d", LIKED.id, True, address=ADA)
    shown = preview.for_reader(read.setup, "d", ADA)
    assert shown.note == ""
    assert f"like “{LIKED.title}”," in " ".join(shown.rendered.text.split())
    assert "which you liked" not in preview.for_reader(read.setup, "d", BEN).rendered.text
    read.build()
    run.send(read.setup)
    mails = {path.name.partition("-")[0]: path for path in read.folder.rglob("*.eml")}
    assert "which you liked" in mails[ADA].read_text().replace("\n", " ")
    assert "which you liked" not in mails[BEN].read_text().replace("\n", " ")


# --- saying it -----------------------------------------------------------------------------------


def test_saying_it_twice_is_once_and_the_reverse_replaces_it(read: World) -> None:
    setup = read.setup
    assert run.opine(setup, "d", "2606.00001v3", True) == (
        run.opinions_of(setup, "d")[0].paper,
        True,
    )
    (first,) = run.opinions_of(setup, "d")
    setup = read.at(days=1)
    assert not run.opine(setup, "d", "https://arxiv.org/abs/2606.00001", True)[1]
    assert run.opinions_of(setup, "d") == [first]
    assert run.opine(setup, "d", LIKED.id, False)[1]
    assert [one.is_liked for one in run.opinions_of(setup, "d")] == [False]
    assert not run.opine(setup, "d", LIKED.id, True, undo=True)[1]
    assert run.opine(setup, "d", LIKED.id, False, undo=True)[1]
    assert run.opinions_of(setup, "d") == []


def test_what_cannot_be_said_is_named_with_the_remedy(read: World) -> None:
    with pytest.raises(Misuse, match=r"known as '2606\.99999'; ids are like"):
        run.opine(read.setup, "d", "2606.99999", True)
    with pytest.raises(Misuse, match=r"'x@example.org' is no reader of 'd'"):
        run.opine(read.setup, "d", LIKED.id, True, address="x@example.org")
    with pytest.raises(Misuse, match="is no reader of 'e'"):
        run.opinions_of(read.setup, "e", ADA)
