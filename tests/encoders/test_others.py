"""Encoders that are not in the package: a tiny model of the Hub's kind, and a service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
from build import paper
from servers import Canned, FeedServer

from digest import registry, run
from digest.encoders import Encoder
from digest.encoders.endpoint import Endpoint
from digest.errors import BadConfig, Permanent, Temporary
from digest.fetch.calls import Caller
from digest.match import Interest, parse_topic
from digest.models.world import world
from digest.summarizers import Options

PATH = "/v1/embeddings"


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as running:
        yield running


# --- of the Hub ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.bert(tmp_path_factory.mktemp("models") / "bert")


@pytest.mark.slow
def test_a_model_in_a_folder_gives_vectors_of_length_1(folder: Path) -> None:
    made = registry.encoder(f"hub:{folder}", Options())
    texts = ["We count sheep .", "We propose legs for robots that fall . " * 20, "  ", "one two"]
    vectors = made.encode(texts)
    assert vectors.shape == (4, 16)
    assert np.linalg.norm(vectors, axis=1).round(5).tolist() == [1, 1, 0, 1]
    alone = np.concatenate([made.encode([text]) for text in texts[:2]])
    assert np.abs(vectors[:2] - alone).max() < 1e-5
    assert made.id.startswith("hub:bert@")
    assert made.encode([]).shape[0] == 0


@pytest.mark.slow
def test_what_stands_for_a_text_is_as_its_settings_say(folder: Path) -> None:
    mean = registry.encoder(f"hub:{folder}", Options()).encode(["We count sheep ."])
    (folder / "1_Pooling").mkdir()
    settings = folder / "1_Pooling" / "config.json"
    settings.write_text(json.dumps({"pooling_mode_cls_token": True}))
    first = registry.encoder(f"hub:{folder}", Options()).encode(["We count sheep ."])
    assert np.abs(mean - first).max() > 1e-3


@pytest.mark.slow
def test_a_folder_without_a_model_is_named_with_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match=r"encoder 'hub:.*holds no whole model"):
        registry.encoder(f"hub:{tmp_path}", Options())


@pytest.mark.parametrize(
    "name", ["embeded", "openai:model", "openai:m@ftp://x", "hub:", "os:nothing"]
)
def test_an_encoder_that_cannot_be_is_named(name: str) -> None:
    with pytest.raises(BadConfig, match="encoder"):
        registry.encoder(name, Options())


# --- services ------------------------------------------------------------------------------------


def vectors(*rows: list[float], reverse: bool = False) -> Canned:
    data = [{"index": n, "embedding": row} for n, row in enumerate(rows)]
    return Canned(body=json.dumps({"data": data[::-1] if reverse else data}).encode())


class Asked:
    """An encoder that asks a server of ours, and how long it would have slept."""

    def __init__(self, server: FeedServer) -> None:
        self.slept: list[float] = []
        name = f"openai:small@{server.url('/v1')}"
        post = Caller(server.url(PATH), timeout_s=2, max_bytes=100_000)
        self.made = Endpoint(name, post, key="secret", sleep=self.slept.append)


def test_a_service_gives_vectors_in_the_order_of_the_texts(server: FeedServer) -> None:
    server.serve(PATH, vectors([3.0, 4.0], [0.0, 2.0], reverse=True))
    asked = Asked(server)
    found = asked.made.encode(["one", " ", "two"])
    assert np.allclose(found, [[0.6, 0.8], [0, 0], [0, 1]])
    assert json.loads(server.hits[0].content) == {"model": "small", "input": ["one", "two"]}
    assert server.hits[0].headers["authorization"] == "Bearer secret"


def test_who_is_busy_is_asked_again_after_the_time_it_wants(server: FeedServer) -> None:
    busy = Canned(status=429, body=b"busy", headers={"Retry-After": "7"})
    server.serve(PATH, busy, vectors([1.0, 0.0]))
    asked = Asked(server)
    assert asked.made.encode(["one"]).tolist() == [[1, 0]]
    assert asked.slept == [7]


@pytest.mark.parametrize(
    ("canned", "error"),
    [
        (Canned(status=500, body=b"oh"), Temporary),
        (Canned(status=429, body=b"", headers={"Retry-After": "9999"}), Temporary),
        (Canned(status=404, body=b"no such model"), Permanent),
        (Canned(status=401, body=b"key?"), Permanent),
        (Canned(body=b"<html>"), Temporary),
        (Canned(body=b'{"data": [{"index": 0, "embedding": []}]}'), Temporary),
        (Canned(body=b'{"data": [{"index": 0, "embedding": [1e999]}]}'), Temporary),
        (Canned(body=b'{"data": []}'), Temporary),
        (Canned(body=b'{"data": [{"embedding": [1]}]}'), Temporary),
    ],
)
def test_what_is_no_vector_is_an_error_that_names_the_service(
    server: FeedServer, canned: Any, error: type[Exception]
) -> None:
    server.serve(PATH, canned)
    with pytest.raises(error, match=r"127\.0\.0\.1"):
        Asked(server).made.encode(["one"])


def test_the_registry_makes_one_by_its_name(server: FeedServer) -> None:
    server.serve(PATH, vectors([1.0, 0.0]))
    made = registry.encoder(f"openai:small@{server.url('/v1')}", Options())
    assert isinstance(made, Encoder)
    assert made.encode(["one"]).tolist() == [[1, 0]]
    assert made.id == f"openai:small@127.0.0.1:{server.port}"
    assert len(made.parts("Title. ", ["one"])) == 1


def test_a_service_that_fails_halfway_leaves_the_words(server: FeedServer) -> None:
    """Its first vectors would fit neither the others nor the world of the package."""
    server.serve(PATH, vectors([1.0, 0.0]), vectors([0.0, 1.0]), Canned(status=400, body=b"no"))
    made = registry.encoder(f"openai:small@{server.url('/v1')}", Options())
    code = run.Encoding(made)
    interest = Interest(topics=(parse_topic("legs that walk"),))
    (only,) = run.match_without_store(code, interest, [paper("Legs that walk")])
    assert only.score >= 1
    assert only.because == ("legs that walk",)
    (warning,) = code.warnings
    assert "matched by words alone" in warning


def test_themes_are_asked_for_once(server: FeedServer) -> None:
    count = len(world().words)
    many = [vectors(*[[1.0, n / 64] for n in range(64)])] * (count // 64)
    rest = [vectors(*[[1.0, 0.0]] * (count % 64))] if count % 64 else []
    one = vectors([1.0, 0.0])  # the topic, the paper; then the themes; then another paper
    server.serve(PATH, one, one, *many, *rest, one)
    made = registry.encoder(f"openai:small@{server.url('/v1')}", Options())
    code = run.Encoding(made)
    interest = Interest(topics=(parse_topic("legs that walk"),))
    run.match_without_store(code, interest, [paper("Legs")])
    before = len(server.hits)
    run.match_without_store(code, interest, [paper("Boats")])
    assert code.warnings == ()
    assert len(server.hits) == before + 1
