from __future__ import annotations

from datetime import timedelta

import numpy as np
import numpy.typing as npt
from build import NOW
from sqlalchemy import func, select

from digest.store import Store, vectors
from digest.store.tables import vectors as table

Vectors = dict[str, npt.NDArray[np.float32]]


def drawn(*hashes: str, seed: int = 1) -> Vectors:
    chance = np.random.default_rng(seed)
    return {hash: chance.standard_normal(384).astype(np.float32) for hash in hashes}


def save(store: Store, made: Vectors, encoder: str = "own/1", *, hours: int = 0) -> None:
    with store.write() as connection:
        vectors.save(connection, made, encoder, NOW + timedelta(hours=hours))


def known(store: Store, *hashes: str, encoder: str = "own/1") -> Vectors:
    with store.read() as connection:
        return vectors.known(connection, hashes, encoder)


def test_what_is_read_is_what_was_kept_in_half_precision(store: Store) -> None:
    made = drawn("a", "b")
    save(store, made)
    found = known(store, "a", "b", "c")
    assert sorted(found) == ["a", "b"]
    for hash, vector in made.items():
        assert found[hash].dtype == np.float32
        assert np.array_equal(found[hash], vector.astype(np.float16).astype(np.float32))


def test_keeping_what_was_read_changes_no_bit(store: Store) -> None:
    save(store, drawn("a"))
    first = known(store, "a")["a"]
    save(store, {"b": first})
    assert np.array_equal(known(store, "b")["b"], first)


def test_vectors_are_an_encoders_own(store: Store) -> None:
    save(store, drawn("a", seed=1), "own/1")
    save(store, drawn("a", seed=2), "own/2")
    first, second = (known(store, "a", encoder=f"own/{n}")["a"] for n in (1, 2))
    assert not np.array_equal(first, second)
    assert np.array_equal(first, drawn("a", seed=1)["a"].astype(np.float16).astype(np.float32))
    assert known(store, "a", encoder="own/3") == {}


def test_the_first_one_that_was_kept_stays(store: Store) -> None:
    save(store, drawn("a", seed=1))
    first = known(store, "a")["a"]
    save(store, drawn("a", seed=2), hours=1)
    assert np.array_equal(known(store, "a")["a"], first)


def test_more_than_fit_into_one_statement_are_kept_and_found(store: Store) -> None:
    hashes = [f"{n:064d}" for n in range(1201)]
    save(store, drawn(*hashes))
    assert sorted(known(store, *hashes, *hashes)) == hashes
    with store.read() as connection:
        assert connection.scalar(select(func.count()).select_from(table)) == 1201


def test_nothing_is_kept_and_nothing_found_of_nothing(store: Store) -> None:
    save(store, {})
    assert known(store) == {}
