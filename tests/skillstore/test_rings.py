"""Rings name every row that is more similar than the limit, and where rows cluster few others."""

from __future__ import annotations

import numpy as np
import pytest

from skillstore.embedding import Vector, similarities
from skillstore.local import rings
from skillstore.local.rings import Middles, Rings


def units(generator: np.random.Generator, count: int, dim: int, spread: float = 0.0) -> Vector:
    """Around 20 directions where there is a `spread`, else anywhere; some twice."""
    vectors = generator.standard_normal((count, dim))
    if spread:
        centers = generator.standard_normal((20, dim))
        centers /= np.linalg.norm(centers, axis=1, keepdims=True)
        vectors = centers[generator.integers(20, size=count)] + spread * vectors / np.sqrt(dim)
    vectors[1::7] = vectors[::7][: len(vectors[1::7])]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32)


def named(found: Rings, queries: Vector, limit: float) -> list[set[int]]:
    """The rows that stand in the spans of each query."""
    spans, rows = found.within(queries, limit), [set[int]() for _ in queries]
    for query, start, length in zip(*(column.tolist() for column in spans), strict=True):
        rows[query] |= set(found.rows[start : start + length].tolist())
    return rows


@pytest.mark.parametrize("dim", [1, 2, 3, 16, 128])
@pytest.mark.parametrize("spread", [0.0, 0.6])
@pytest.mark.parametrize("limit", [-1.0, 0.0, 0.5, 0.9, 0.9999, 1.0])
def test_no_row_above_the_limit_is_left_out(
    dim: int, spread: float, limit: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rings, "_BLOCK", 7)
    generator = np.random.default_rng([dim, int(10 * limit) + 20])
    vectors = units(generator, 400, dim, spread)
    queries = np.concatenate((units(generator, 20, dim, spread), vectors[:10]))
    found = Rings.of(vectors, np.arange(400)[::-1], Middles().of(vectors))
    for query, rows in zip(queries, named(found, queries, limit), strict=True):
        assert rows >= set((399 - np.flatnonzero(similarities(vectors, query) > limit)).tolist())


def test_rounding_leaves_no_row_out() -> None:
    vectors = units(np.random.default_rng(1), 500, 96)
    found = Rings.of(vectors, np.arange(500), vectors)  # every angle is that of a row to itself
    for row, rows in enumerate(named(found, vectors, 1 - 2.0**-24)):
        assert row in rows


def test_where_rows_cluster_few_are_named() -> None:
    vectors = units(np.random.default_rng(0), 4000, 64, spread=0.5)
    found = Rings.of(vectors, np.arange(4000), Middles().of(vectors))
    assert sum(map(len, named(found, vectors[:50], 0.9))) < 50 * 4000 / 10


def test_middles_are_made_anew_when_there_are_many_more_vectors() -> None:
    vectors, middles = units(np.random.default_rng(0), 4000, 8), Middles()
    few = middles.of(vectors[:200])
    assert middles.of(vectors[:220]) is few
    assert len(middles.of(vectors)) > 2 * len(few)
