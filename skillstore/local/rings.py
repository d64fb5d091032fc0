"""Rings: rows around centroids, by how far from theirs they point; so that few are compared with each of many queries.

A row whose angle to its centroid differs by more than alpha from the query's angle to that centroid has an angle above
alpha to the query (the triangle inequality of the sphere). So all that may be more similar than a limit stand in one
ring around each centroid; where rows cluster, nearly all rings are empty. Nothing is lost, however rows lie.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skillstore.embedding import Vector, error_bound
from skillstore.local.vectors import block_products, kmeans, nearest

_APART = 4.0  # between the keys of two centroids: more than any angle
_PER_CENTROID = 12  # rows that k-means looks at
_ROUNDS = 3  # of k-means: rows far from every centroid cost time, not answers
_MORE = 1.25  # times as many centroids are worth making them anew
_MANY = 2000  # centroids, from which finding the nearest costs more than smaller cells save
_BLOCK = 1024  # queries


class Spans(NamedTuple):
    """For each of m queries some spans of places: lengths[i] from starts[i] on are for the query queries[i]."""

    queries: NDArray[np.int64]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]


class Rings:
    """centroids  float32 (c, dim), of length 1
    keys       float64 (n,), ascending: _APART times the number of a row's centroid, plus its angle to it
    rows       (n,): whose row stands at each place
    """

    def __init__(self, centroids: Vector, keys: NDArray[np.float64], rows: NDArray[np.integer]) -> None:
        self.centroids, self.keys, self.rows = centroids, keys, rows
        numbers = np.arange(len(centroids))
        ends = np.searchsorted(keys, _APART * (numbers + 1))
        self._farthest = keys[np.maximum(ends, 1) - 1] - _APART * numbers  # negative where there is no row

    @classmethod
    def around(cls, centroids: Vector, cell: NDArray[np.integer], towards: Vector, rows: NDArray[np.integer]) -> Rings:
        """Of `rows`, in cells one after another; `towards`: their products with their centroids, descending in each."""
        return cls(centroids, _APART * cell + _angles(towards), rows)

    @classmethod
    def of(cls, vectors: Vector, rows: NDArray[np.integer], centroids: Vector) -> Rings:
        """Of `rows`, whose `vectors` (n, dim) these are. Costs n products with each of `centroids`, by one thread."""
        cell, towards = nearest(centroids, vectors, 1)
        keys = (_APART * cell + _angles(towards))[:, 0]
        order = np.argsort(keys)
        return cls(centroids, keys[order], rows[order])

    def within(self, queries: Vector, limit: float) -> Spans:
        """Where all rows stand whose similarity to one of `queries` (m, dim) is `limit` or more, and few others."""
        slack = 2 * np.arccos(1 - error_bound(queries.shape[1]))  # the angles of rows and queries are rounded
        alpha = float(np.arccos(min(1.0, max(-1.0, limit))) + slack)
        least = self._least(alpha)
        blocks = [self._within(queries, first, alpha, least) for first in range(0, len(queries), _BLOCK)]
        return Spans(*(np.concatenate(column) for column in zip(*blocks, strict=True)))

    def _within(self, queries: Vector, first: int, alpha: float, least: Vector) -> Spans:
        towards = block_products(self.centroids, queries[first : first + _BLOCK])
        cell, query = np.divmod(np.flatnonzero(towards >= least[:, None]), towards.shape[1])
        angles, bases = _angles(towards[cell, query]), _APART * cell
        starts = np.searchsorted(self.keys, bases + np.maximum(0.0, angles - alpha))
        ends = np.searchsorted(self.keys, bases + np.minimum(np.pi, angles + alpha), side="right")
        held = np.flatnonzero(ends > starts)
        return Spans(first + query[held], starts[held], ends[held] - starts[held])

    def _least(self, alpha: float) -> Vector:
        """The products with each centroid above which a query may have a row within `alpha`."""
        near = np.cos(np.minimum(np.pi, self._farthest + alpha))
        return np.where(self._farthest < 0, 2.0, near).astype(np.float32)


class Middles:
    """Centroids for vectors that keep coming: made anew when so many came that many more are due."""

    def __init__(self) -> None:
        self._centroids: Vector | None = None

    def of(self, vectors: Vector) -> Vector:
        """Centroids (c, dim) of `vectors` (n, dim), or of the first of them. Costs some 40 c^2 products."""
        due = how_many(len(vectors))
        if self._centroids is None or due > _MORE * len(self._centroids):
            self._centroids = kmeans(vectors[:: max(1, len(vectors) // (_PER_CENTROID * due))], due, _ROUNDS)
        return self._centroids


def how_many(count: int) -> int:
    """Of centroids for so many vectors: about 4 sqrt(n), 2 sqrt(n) where those are more than _MANY."""
    return max(16, int(min(4 * np.sqrt(count), max(_MANY, 2 * np.sqrt(count)))))


def _angles(towards: Vector) -> NDArray[np.float64]:
    return np.arccos(np.clip(towards.astype(np.float64), -1.0, 1.0))
