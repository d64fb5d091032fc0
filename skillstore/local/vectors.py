"""Vectors: unit vectors that FAISS reads where they are. The only module that knows FAISS.

FAISS proposes by float32 inner products; `skillstore.embedding.similarities` decides. Rows that lie side by side are
read at memory speed, single ones in place: nothing is copied, and nothing is built when a library is opened.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skillstore.embedding import Vector
from skillstore.local.ranges import joined

_WIDE, _LEAST = 8, 512
_LONG = 256  # rows side by side that are worth a call of their own


def _faiss() -> Any:
    import faiss  # here, so that importing skillstore is instant

    return faiss


def products(vectors: Vector, rows: NDArray[np.int64], query: Vector) -> Vector:
    """The inner products of some rows of `vectors` (n, dim) with `query` (dim,), as proposals: float32 (len(rows),)."""
    faiss, found = _faiss(), np.empty(len(rows), dtype=np.float32)
    pointer, dim = faiss.swig_ptr, vectors.shape[1]
    if len(rows):
        faiss.fvec_inner_products_by_idx(
            pointer(found), pointer(query), pointer(vectors), pointer(rows), dim, 1, len(rows)
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


class Centroids:
    """Unit vectors, region by region, of which the nearest to a query are wanted.

    regions  float32 (r, dim)
    starts   int64 (r + 1,): region i has vectors[starts[i] : starts[i + 1]], each of length 1 like the region's own
    """

    def __init__(self, regions: Vector, starts: NDArray[np.int64], vectors: Vector) -> None:
        self.regions, self.starts, self.vectors = regions, starts, vectors
        self._lengths = np.diff(starts)

    def __len__(self) -> int:
        return len(self.vectors)

    def nearest(self, query: Vector, count: int) -> NDArray[np.int64]:
        """Nearly always the `count` nearest, nearest first: those of the nearest regions, _WIDE times as many."""
        order = np.argsort(-(self.regions @ query))
        enough = int(np.searchsorted(np.cumsum(self._lengths[order]), max(_LEAST, _WIDE * count))) + 1
        near = joined(self.starts[order[:enough]], self._lengths[order[:enough]])
        proposed = products(self.vectors, near, query)
        if count < len(near):
            best = np.argpartition(-proposed, count)[:count]
            near, proposed = near[best], proposed[best]
        return near[np.argsort(-proposed)]


def kmeans(sample: Vector, count: int) -> Vector:
    """Up to `count` centroids of length 1 of the unit vectors `sample` (n, dim); the same on every run."""
    faiss = _faiss()
    count = min(count, len(sample))
    found = faiss.Kmeans(sample.shape[1], count, niter=6, spherical=True, seed=1, min_points_per_centroid=1)
    found.train(np.ascontiguousarray(sample))
    centroids: Vector = found.centroids
    return centroids
