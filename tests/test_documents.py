"""What the documents show works, and what they name is there."""

from __future__ import annotations

import re
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from build import DAY, paper

from digest import compose, config
from digest.run import sending
from digest.types import DeliveryState, Match, Pick, Signals

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def test_the_configuration_in_the_readme_loads(tmp_path: Path) -> None:
    digests, smtp = blocks("toml")
    # The one is to be put above the other.
    made = config.make(tomllib.loads(smtp + digests), tmp_path / "digest.toml")
    assert made.digests["efficient-models"].schedule == "weekdays at 08:00"
    assert made.smtp.host == "mail.example.org"
    assert made.dkim.selector == "digest"


def test_the_configurations_of_how_mails_go_out_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGEST_SMTP_PASSWORD", "sesame")
    shown = blocks("toml", (ROOT / "docs/delivering.md").read_text(encoding="utf-8"))
    made = [config.make(tomllib.loads(one), tmp_path / "digest.toml") for one in shown]
    assert [one.transport for one in made] == ["smtp", "smtp", "sendmail", "outbox"]
    one, several = (sending.servers(one) for one in made[:2])
    assert [(server.port, server.security) for server in one] == [(587, "starttls")]
    assert [(server.name, server.weight) for server in several] == [
        ("one", 3),
        ("two", 1),
        ("reserve", 0),
    ]


def test_every_state_of_a_delivery_is_explained() -> None:
    text = (ROOT / "docs/delivering.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `([a-z-]+)` \|", text.partition("## Where")[0], re.MULTILINE) == [
        *DeliveryState
    ]


def test_every_key_of_smtp_is_explained() -> None:
    text = (ROOT / "docs/delivering.md").read_text(encoding="utf-8")
    assert [key for key in config.Smtp.model_fields if f"`{key}`" not in text] == [
        "weight",  # in the examples
        "servers",
        "sendmail",
    ]


def test_every_file_the_documents_link_to_is_there() -> None:
    for document in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        text = document.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#:]+)\)", text):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_every_module_stands_in_the_picture_of_the_architecture() -> None:
    picture = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    parts = {p.name for p in (ROOT / "digest").iterdir() if not p.name.startswith("_")}
    named = {name for name in parts if f"`{name}`" in picture or f"`{name}/`" in picture}
    assert parts - named == {"samples", "starter.toml", "py.typed"}


def test_the_documents_name_no_host_of_a_package_registry() -> None:
    for path in [*ROOT.glob("*.lock"), ROOT / "pyproject.toml", ROOT / "README.md"]:
        assert not re.search(r"https?://\S*(pypi|pythonhosted|simple)", path.read_text()), path


def test_the_example_of_how_the_order_comes_about_is_true() -> None:
    text = (ROOT / "docs/trending.md").read_text(encoding="utf-8")
    example = text.partition("## An example")[2].partition("## Who")[0]
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in example.splitlines()]
    scores = {row[0]: float(row[4]) for row in rows if len(row) == 5 and row[4][0].isdigit()}
    order = [row[1] for row in rows if len(row) == 3 and row[0].isdigit()]
    assert len(scores) == len(order) == 5
    forget, smell, boats, again, board = scores
    ids = {title: f"2606.{n:05d}" for n, title in enumerate(scores)}
    # Vectors with the cosines that the text names.
    alike = np.eye(5)
    for one, two, cosine in ((0, 3, 0.95), (0, 1, 0.65), (1, 3, 0.65)):
        alike[one, two] = alike[two, one] = cosine
    rows_of = dict(zip(scores, np.linalg.cholesky(alike).astype(np.float32), strict=True))

    def match(title: str, topic: str, score: float, **changes: Any) -> Match:
        return Match(
            paper=paper(title, number=ids[title], **changes), topic=topic, score=score, because=()
        )

    voted = {"announced_on": DAY - timedelta(days=7), "signals": Signals(upvotes=99)}
    places = compose.rank(
        [
            match(forget, "retrieval", 2.5, **voted),
            match(smell, "retrieval", 2.6),
            match(boats, "adapters", 1.25),
            match(boats, "Ada Example", 2.0),
            match(again, "retrieval", 1.5),
        ],
        today=DAY,
        vectors={f"arxiv:{ids[title]}": row for title, row in rows_of.items()},
        picks=[Pick(paper=paper(board, number=ids[board]))],
        authors=["Ada Example"],
    )
    assert [place.paper.title for place in places] == order
    assert {place.paper.title: place.score for place in places} == scores


def test_every_number_of_the_order_is_in_its_document() -> None:
    text = (ROOT / "docs/trending.md").read_text(encoding="utf-8")
    names = "THRESHOLD FOLLOWED HALF_LIFE_DAYS CREDITED SPREAD UNRELATED SAME SPREAD_PLACES".split()
    for name in names:
        assert re.search(rf"{getattr(compose, name)}\b[^|.]*`{name}`", text), name
    assert f"`review_hours` ({config.REVIEW_HOURS})" in text
