from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from build import DAY, NOW, item, paper
from build import issue as make_issue
from sqlalchemy import event

from digest import compose, config, keys, mail, render, tokens
from digest.errors import BadConfig, Permanent
from digest.run import Setup, links
from digest.run.desk import Desk
from digest.run.editions import templates
from digest.store import issues, open_store
from digest.store import papers as paper_rows
from digest.tokens import Purpose
from digest.types import Delivery, Edition, Item


def configured(folder: Path, **more: Any) -> config.Config:
    tables = {
        "operator": {"contact": "papers@example.org"},
        "inbox": {"address": "in@papers.example.org"},
        "digests": {"reading": {"topics": ["retrieval"], "sources": ["sample"]}},
    }
    return config.make(tables | more, folder / "digest.toml")


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[Setup]:
    store = open_store(f"sqlite:///{tmp_path}/digest.db", NOW)
    yield Setup(config=configured(tmp_path), store=store, now=NOW)
    store.close()


def some(count: int) -> list[Item]:
    return [item(paper(f"Paper {n}", f"2606.{n:05d}"), score=float(n + 1)) for n in range(count)]


def kept(setup: Setup, choices: list[list[Item]], **more: Any) -> list[Edition]:
    """Editions of one issue, in the store."""
    every = list({one.paper.id: one for choice in choices for one in choice}.values())
    of = make_issue(compose.weighed(every))
    weights = {one.paper.id: one for one in of.items}
    made = [
        compose.edition(of, [weights[one.paper.id] for one in choice], cap=3, topics=(), **more)
        for choice in choices
    ]
    with setup.store.write() as connection:
        paper_rows.save(connection, [one.paper for one in every], [], NOW)
        issues.since(connection, "reading", "", DAY, DAY)
        issues.save(connection, of)
        issues.save_editions(connection, made)
    return made


def delivered(edition: Edition, n: int = 1) -> Delivery:
    return Delivery(
        issue=edition.issue.id,
        subscriber=f"s{n}",
        subscription=f"{n:016x}",
        address=f"reader{n}@example.org",
        edition=edition.key,
        message_id=f"{n:032x}@papers.example.org",
        queued_at=NOW,
    )


def test_many_editions_are_loaded_as_they_are_one_by_one_in_few_queries(setup: Setup) -> None:
    pool = some(12)
    made = kept(setup, [[*pool[n:], *pool[:n]][:7] for n in range(12)])
    asked: list[str] = []
    with setup.store.read() as connection:
        single = {one.key: issues.load_edition(connection, one.key) for one in made}
        event.listen(connection, "before_cursor_execute", lambda *a: asked.append(a[2]))
        found = issues.load_editions(connection, list(single))
    assert found == single
    assert [found[one.key].shown for one in made] == [one.shown for one in made]
    assert len(asked) <= 12
    assert len({id(one) for edition in found.values() for one in edition.shown}) <= 12


def test_a_desk_makes_the_mails_of_the_slow_way(setup: Setup) -> None:
    pool = some(9)
    made = kept(setup, [[*pool[n:], *pool[:n]][:5] for n in range(9)])
    desk = Desk(setup)
    rows = [delivered(edition, n) for n, edition in enumerate(made * 2, 1)]
    found = desk.load(rows)
    environment = templates(setup.config)
    around = links.masthead(setup, "reading")
    for row in rows:
        edition = found[row.edition]
        fragments = render.render_items([*edition.shown, *edition.more], around, environment)
        letter = mail.prepare(
            render.render(edition, around, environment, fragments),
            around,
            NOW,
            "html",
            placeholders=list(links.placeholders(setup).values()),
        )
        mine = links.of_reader(setup, row.subscription, NOW, row.message_id)
        assert desk.mail(row, edition) == mail.address(letter, row, mine)


def test_the_way_back_of_a_mail_names_its_delivery_and_links_name_the_reader(setup: Setup) -> None:
    (edition,) = kept(setup, [some(3)])
    row = replace(delivered(edition, 7), message_id="00ff" * 8 + "@papers.example.org")
    desk = Desk(setup)
    made = desk.mail(row, desk.load([row])[edition.key])
    local, _, host = made.sender.partition("@")
    assert host == "papers.example.org"
    assert len(local) <= 64
    token = local.removeprefix("in+")
    assert tokens.read(setup.keys, token, Purpose.RETURN, NOW) == "00ff" * 4
    one = links.of_reader(setup, row.subscription, NOW, row.message_id)
    for purpose, (_, own) in zip(
        (Purpose.UNSUBSCRIBE, Purpose.PREFERENCES, Purpose.OPINION), one.tokens, strict=True
    ):
        assert tokens.read(setup.keys, own, purpose, NOW) == row.subscription
        assert own == links.token(setup, purpose, row.subscription, NOW)
    assert made == desk.mail(row, edition)


def test_who_configures_a_signature_without_its_key_is_told(setup: Setup, tmp_path: Path) -> None:
    (edition,) = kept(setup, [some(2)])
    signing = replace(setup, config=configured(tmp_path, dkim={"selector": "s1"}))
    with pytest.raises(BadConfig, match="`digest dkim` makes one"):
        Desk(signing).mail(delivered(edition), edition)
    keys.ensure_signing(signing.config.dkim.key)
    made = Desk(signing).mail(delivered(edition), edition)
    head = made.content.partition(b"bh=")[0]
    # The domain of the sender, where none is named.
    assert b"DKIM-Signature:" in head
    assert b" d=example.org;\r\n s=s1;" in head


def test_a_digest_that_is_gone_has_no_mails(setup: Setup, tmp_path: Path) -> None:
    (edition,) = kept(setup, [some(2)])
    bare = replace(setup, config=configured(tmp_path, digests={}))
    with pytest.raises(Permanent, match="'reading' is no longer in the configuration"):
        Desk(bare).mail(delivered(edition), edition)
