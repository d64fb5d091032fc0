"""Vectors: unit vectors that FAISS reads where they are. The only module that knows FAISS.

FAISS proposes by float32 inner products; `skillstore.embedding.similarities` decides. Rows that lie side by side are
read at memory speed, single ones in place: nothing is copied, and nothing is built when a library is opened.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skillstore.embedding import Vector
from skillstore.local.ranges import joined

MANY = 8  # queries for which a product of matrices is worth it
_LONG = 256  # rows side by side that are worth a call of their own


def _faiss() -> Any:
    import faiss  # here, so that importing skillstore is instant

    return faiss


@contextmanager
def _one_thread(faiss: Any) -> Iterator[None]:
    """FAISS shares no work of this thread while the block runs.

    One query is read at the speed of memory by one thread. Others would only be waited for: ten times as long as the
    search takes, where other processes want the processors, too. The setting is the calling thread's own (OpenMP 5.2,
    nthreads-var), and set back.
    """
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)


def products(vectors: Vector, rows: NDArray[np.int64], query: Vector) -> Vector:
    """The inner products of some rows of `vectors` (n, dim) with `query` (dim,), as proposals: float32 (len(rows),)."""
    faiss, found = _faiss(), np.empty(len(rows), dtype=np.float32)
    pointer, dim = faiss.swig_ptr, vectors.shape[1]
    if len(rows):
        with _one_thread(faiss):
            faiss.fvec_inner_products_by_idx(
                pointer(found), pointer(query), pointer(vectors), pointer(rows), dim, 1, len(rows)
            )
    return found


def pair_products(vectors: Vector, rows: NDArray[np.int64], queries: Vector, places: NDArray[np.int64]) -> Vector:
    """The inner product of vectors[rows[i]] with queries[places[i]], as proposals: float32 (len(rows),)."""
    faiss, found = _faiss(), np.empty(len(rows), dtype=np.float32)
    pointer, dim = faiss.swig_ptr, vectors.shape[1]
    if len(rows):
        with _one_thread(faiss):
            faiss.pairwise_indexed_inner_product(
                dim, len(rows), pointer(vectors), pointer(rows), pointer(queries), pointer(places), pointer(found)
            )
    return found


def span_products(
    vectors: Vector, starts: NDArray[np.int64], lengths: NDArray[np.int64], query: Vector
) -> tuple[NDArray[np.int64], Vector]:
    """(rows, their `products`) of spans: lengths[i] rows from starts[i] on, span by span in any order."""
    faiss = _faiss()
    long = lengths >= _LONG
    few = joined(starts[~long], lengths[~long])
    rows = np.concatenate((few, joined(starts[long], lengths[long])))
    found = np.empty(len(rows), dtype=np.float32)
    found[: len(few)] = products(vectors, few, query)
    pointer, dim, place = faiss.swig_ptr, vectors.shape[1], len(few)
    for start, length in zip(starts[long].tolist(), lengths[long].tolist(), strict=True):
        out, block = found[place : place + length], vectors[start : start + length]
        faiss.fvec_inner_products_ny(pointer(out), pointer(query), pointer(block), dim, length)
        place += length
    return rows, found


def block_products(block: Vector, queries: Vector) -> Vector:
    """The inner products of all of `block` (n, dim) with all `queries` (m, dim), as proposals: float32 (n, m).

    A product of matrices is faster for many queries; but it is shared between threads that wait for each other, each
    time, which costs more than it gains where there are few, or where other processes want the processors, too.
    """
    if len(queries) >= MANY:
        return block @ np.ascontiguousarray(queries.T)  # in this order it is fastest
    found, block = np.empty((len(queries), len(block)), dtype=np.float32), np.ascontiguousarray(block)
    for query, out in zip(np.ascontiguousarray(queries), found, strict=True):
        _products_of_block(block, query, out)
    return found.T


def _products_of_block(block: Vector, query: Vector, out: Vector) -> None:
    faiss = _faiss()
    pointer = faiss.swig_ptr
    faiss.fvec_inner_products_ny(pointer(out), pointer(query), pointer(block), block.shape[1], len(block))


def row_products(vectors: Vector, start: int, stop: int, query: Vector) -> Vector:
    """The `products` of the rows from `start` to `stop`, which lie side by side."""
    found = np.empty(stop - start, dtype=np.float32)
    _products_of_block(vectors[start:stop], query, found)
    return found


class Centroids:
    """Unit vectors (c, dim) of which the nearest to a query are wanted."""

    def __init__(self, vectors: Vector) -> None:
        self.vectors = np.ascontiguousarray(vectors)

    def __len__(self) -> int:
        return len(self.vectors)

    def nearest(self, query: Vector, count: int) -> NDArray[np.int64]:
        """The `count` nearest, nearest first."""
        towards = block_products(self.vectors, query[None, :])[:, 0]
        nearest = np.argpartition(towards, -count)[-count:] if count < len(self) else np.arange(len(self))
        return nearest[np.argsort(-towards[nearest])]


def nearest(vectors: Vector, queries: Vector, k: int) -> tuple[NDArray[np.int64], Vector]:
    """(rows, products) of the `k` of `vectors` nearest to each of `queries` (m, dim), nearest first: (m, k) both.

    For background work, by one thread.
    """
    faiss = _faiss()
    with _one_thread(faiss):
        products, rows = faiss.knn(
            np.ascontiguousarray(queries), np.ascontiguousarray(vectors), k, metric=faiss.METRIC_INNER_PRODUCT
        )
    return rows, products


def kmeans(sample: Vector, count: int, rounds: int = 6) -> Vector:
    """Up to `count` centroids of length 1 of the unit vectors `sample` (n, dim); the same on every run."""
    faiss = _faiss()
    count = min(count, len(sample))
    found = faiss.Kmeans(sample.shape[1], count, niter=rounds, spherical=True, seed=1, min_points_per_centroid=1)
    with _one_thread(faiss):  # it is background work: the other processors are for those who wait
        found.train(np.ascontiguousarray(sample))
    centroids: Vector = found.centroids
    return centroids
