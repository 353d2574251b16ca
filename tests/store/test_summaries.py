from __future__ import annotations

import pytest
from build import DAY, NOW, issue, item, paper, summary
from sqlalchemy import create_engine

from digest.store import Store, engine, issues, open_store, papers, summaries
from digest.store.summaries import Key
from digest.types import Summary

ASKED = Key(summarizer="openai:m@x.org", prompt="p1", language="zh")
MADE = Summary(text="羊。", summarizer=ASKED.summarizer, language="zh")
FELL_BACK = Summary(text="We count.", summarizer="lead/1", reason="the number 3 is not there")


def save(store: Store, key: Key = ASKED, **made: Summary) -> None:
    with store.write() as connection:
        summaries.save(connection, made, key, NOW)


def known(store: Store, key: Key = ASKED) -> dict[str, Summary]:
    with store.read() as connection:
        return summaries.known(connection, ["a", "b", "c"], key)


def test_a_summary_comes_back_with_who_made_it_and_why(store: Store) -> None:
    save(store, a=MADE, b=FELL_BACK)
    assert known(store) == {"a": MADE, "b": FELL_BACK}


@pytest.mark.parametrize(
    "key",
    [
        Key(summarizer="openai:m2@x.org", prompt="p1", language="zh"),
        Key(summarizer="openai:m@x.org", prompt="p2", language="zh"),
        Key(summarizer="openai:m@x.org", prompt="p1", language="en"),
    ],
)
def test_another_model_prompt_or_language_takes_the_place_of_none(store: Store, key: Key) -> None:
    save(store, a=MADE)
    assert known(store, key) == {}
    save(store, key, a=FELL_BACK)
    assert known(store) == {"a": MADE}


def test_a_past_issue_knows_the_reason(store: Store) -> None:
    whole = issue([item(paper(), summary=summary(reason="it is empty"))])
    with store.write() as connection:
        papers.save(connection, [paper()], [], NOW)
        issues.since(connection, whole.digest, "x", DAY, DAY)
        issues.save(connection, whole)
        loaded = issues.load(connection, whole.id)
    assert loaded is not None
    assert loaded.items[0].summary.reason == "it is empty"


#: What the first version of the program kept.
OLD_ROWS = (
    "INSERT INTO summaries (text_hash, summarizer, prompt_hash, language, summary, made_at)"
    " VALUES ('a', 'lead/1', '', 'en', 'We count.', '2026-06-22 06:00:00')",
    "INSERT INTO papers (id, title, abstract, authors, categories, announced_on, links, signals,"
    " first_seen_at) VALUES ('p', 't', 'a', '[]', '[]', '2026-06-22', '{}', '{}',"
    " '2026-06-22 06:00:00')",
    "INSERT INTO digests (name, definition, since) VALUES ('d', 'x', '2026-06-22')",
    "INSERT INTO issues (id, digest, slot, title, made_at) VALUES"
    " ('d/s', 'd', '2026-06-22T08:00', 't', '2026-06-22 06:00:00')",
    "INSERT INTO issue_items (issue_id, paper_id, is_revision, position, section, score, because,"
    " summary, summarizer, language) VALUES"
    " ('d/s', 'p', false, 0, '', 1, '[]', 'We count.', 'lead/1', 'en')",
)


def leave_old(url: str) -> None:
    """A database as the first version left it."""
    old = create_engine(url)
    engine.upgrade(old, "0001")
    with old.begin() as connection:
        for row in OLD_ROWS:
            connection.exec_driver_sql(row)
    old.dispose()


def test_summaries_of_the_first_schema_are_kept(url: str) -> None:
    leave_old(url)
    store = open_store(url, NOW)
    kept = Summary(text="We count.", summarizer="lead/1")
    try:
        assert known(store, Key(summarizer="lead/1")) == {"a": kept}
        with store.read() as connection:
            old = issues.load(connection, "d/s")
    finally:
        store.close()
    assert old is not None
    assert old.items[0].summary == kept
