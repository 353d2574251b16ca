from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import get_args

import pytest
from build import NOW, masthead

from digest import texts
from digest.errors import BadTemplate
from digest.notices import Links, notice
from digest.templating import BUILT_IN, environment
from digest.types import Notice, NoticeKind, Rendered

WORDS = texts.load([BUILT_IN], "en")
LINKS = Links(
    main=f"https://papers.example.org/confirm/{'c' * 40}",
    unsubscribe=f"https://papers.example.org/unsubscribe/{'u' * 40}",
    privacy="https://papers.example.org/privacy",
)


def written(kind: NoticeKind, links: Links = LINKS, **changes: object) -> Rendered:
    of = Notice(
        id="1",
        kind=kind,
        address="visit-evil.example/now@example.org",
        digest="d",
        made_at=NOW,
        message_id="1@x.org",
        **changes,  # type: ignore[arg-type]
    )
    return notice(of, masthead(), links, WORDS, environment([]))


class Hrefs(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in ("href", "src", "action")]


@pytest.mark.parametrize("kind", ["confirm", "already", "welcome", "link", "address"])
def test_the_first_link_of_a_notice_is_what_it_asks_for_in_both_parts(kind: NoticeKind) -> None:
    of = written(kind)
    assert re.findall(r"https?://\S+", of.text)[0] == LINKS.main
    assert Hrefs(of.html).found[0] == LINKS.main
    assert set(Hrefs(of.html).found) <= {
        LINKS.main, LINKS.unsubscribe, LINKS.privacy, "mailto:papers@example.org"
    }  # fmt: skip


@pytest.mark.parametrize("kind", get_args(NoticeKind))
def test_no_letter_of_the_address_that_a_stranger_typed_is_in_a_notice(kind: NoticeKind) -> None:
    of = written(kind)
    assert "evil" not in of.subject + of.text + of.html
    assert of.subject
    assert "{" not in of.subject + of.text


def test_what_an_answer_says_is_in_both_parts_and_is_no_markup() -> None:
    of = written("answer", Links(privacy=LINKS.privacy), lines=("You get <b> & more.",))
    assert "You get <b> & more." in of.text
    assert "You get &lt;b&gt; &amp; more." in of.html


def test_a_confirmation_has_no_way_out_for_there_is_nothing_to_leave() -> None:
    of = written("confirm", Links(main=LINKS.main, privacy=LINKS.privacy))
    assert "/unsubscribe/" not in of.text + of.html


# --- texts ---------------------------------------------------------------------------------------


def test_a_translation_is_used_key_by_key_and_what_it_lacks_is_english(tmp_path: Path) -> None:
    (tmp_path / "texts.de.toml").write_text(
        '\ufefflanguage = "de"\n[notice.confirm]\nbutton = "Bestätigen"\n', encoding="utf-8"
    )
    (tmp_path / "texts.de-AT.toml").write_text('[notice]\nleave = "Pfiat di"\n', encoding="utf-8")
    (tmp_path / "texts.en.toml").write_text('[notice]\nleave = "Go"\nprivacy = "P"\n')
    german = texts.load([tmp_path, BUILT_IN], "de-AT")
    assert german.keys() == WORDS.keys()
    assert german["language"] == "de"
    assert german["notice.confirm.button"] == "Bestätigen"
    assert german["notice.leave"] == "Pfiat di"
    assert german["notice.privacy"] == "P"
    assert german["notice.confirm.heading"] == WORDS["notice.confirm.heading"]
    assert texts.load([tmp_path, BUILT_IN], "fr")["notice.leave"] == "Go"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('[notice]\nlaeve = "x"', "'notice.laeve' is not one of our texts"),
        ("[notice]\nleave = 3", "notice.leave should be words in quotes"),
        ("[notice", "texts.de.toml"),
    ],
)
def test_a_translation_that_cannot_be_used_is_named_with_its_key(
    tmp_path: Path, content: str, said: str
) -> None:
    (tmp_path / "texts.de.toml").write_text(content)
    with pytest.raises(BadTemplate, match=re.escape(said)):
        texts.load([tmp_path, BUILT_IN], "de")
