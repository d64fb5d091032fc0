"""Cells: a partition of a segment's rows by where their vectors point, for states in which very many skills apply.

Only the cells nearest to the query are looked at, and of their rows only those whose precondition set is satisfied. How
many cells that takes is measured when they are made, on a sample of the segment itself: embeddings that do not cluster
get more of them, or no cells at all. The vectors stay where they are; cells cost 8 bytes a row and their centroids.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from skillstore.embedding import Vector
from skillstore.local.ranges import joined
from skillstore.local.rings import Rings, how_many
from skillstore.local.vectors import Centroids, kmeans, nearest

DEPTHS = (32, 64, 128, 256, 512, 1024, 2048)
"""Among how many nearest rows, applicable or not, the best must be found: a quarter apply, four times as deep."""

SMALLEST = 20_000
"""Rows below which reading all that apply is as fast."""

_COVERED = 0.999  # of the nearest rows of the sample stand in the cells that are read
_SAMPLE = 128
_SPREAD = 4
_FARTHEST = 10  # if more than one cell in so many must be read, cells do not pay
_BLOCK = 65_536
_SEED = 20_260_101
_LONGER = 1.1  # than any product of unit vectors


WordsOf: TypeAlias = Callable[[NDArray[np.int32]], list[NDArray[np.uint64]]]
"""From the numbers of precondition sets to their words."""


class Rows(Protocol):
    """What cells are made of: a segment."""

    def __len__(self) -> int: ...

    def vectors(self, positions: NDArray[np.int64]) -> Vector: ...

    @property
    def matrix(self) -> Vector: ...

    def set_numbers(self) -> NDArray[np.int64]: ...


class Near(NamedTuple):
    """Rows of the nearest cells, int32 (n,), cell by cell, their sets and their sets' words; how many each cell has."""

    rows: NDArray[np.int32]
    sets: NDArray[np.int32]
    words: list[NDArray[np.uint64]]
    lengths: NDArray[np.int64]

    def are_alike(self, applies: NDArray[np.bool_]) -> bool:
        """Whether no cell has far fewer rows that apply than the others have: less than half, beyond chance."""
        counts = np.add.reduceat(applies, np.cumsum(self.lengths) - self.lengths, dtype=np.int64)
        expected = self.lengths * (counts.sum() / len(applies))
        return bool((counts >= expected / 2 - 2 * np.sqrt(expected)).all())


class Cells:
    """centroids  of c cells
    starts     int64 (c + 1,): cell i has rows[starts[i] : starts[i + 1]], at least one
    rows       int32 (n,): positions in the segment, in each cell those nearest to its centroid first
    towards    float32 (n,): the product of each of `rows` with its centroid
    sets       int32 (n,): the precondition set of each of `rows`
    words      uint64 (n,) each: the terms of these sets as bits, side by side as `rows` are
    reach      int64 (7,): how many cells hold the nearest DEPTHS rows of nearly every query; 0: too many
    """

    def __init__(
        self,
        centroids: Centroids,
        starts: NDArray[np.int64],
        rows: NDArray[np.int32],
        towards: Vector,
        sets: NDArray[np.int32],
        words: list[NDArray[np.uint64]],
        reach: NDArray[np.int64],
    ) -> None:
        self.centroids, self.starts, self.rows, self.sets = centroids, starts, rows, sets
        self.words, self.reach, self.towards = words, reach, towards
        self._rings: dict[int, Rings] = {}

    def needed(self, depth: float) -> int:
        """How many cells to read for the nearest `depth` rows; 0 if that is not known, or too many."""
        place = bisect_left(DEPTHS, depth)
        return int(self.reach[place]) if place < len(DEPTHS) else 0

    def near(self, query: Vector, count: int) -> Near:
        """The rows of the `count` nearest cells, nearest first."""
        cells = self.centroids.nearest(query, count)
        starts = self.starts[cells]
        lengths = self.starts[cells + 1] - starts
        places = joined(starts, lengths)
        words = [word[places] for word in self.words]
        return Near(self.rows[places], self.sets[places], words, lengths)

    def rings(self, start: int, length: int) -> Rings:
        """Around the segment's rows from `start` on; remembered, at 12 bytes a row."""
        found = self._rings.get(start)
        if found is None:
            places = np.flatnonzero((self.rows >= start) & (self.rows < start + length))
            cell = np.repeat(np.arange(len(self.centroids)), np.diff(np.searchsorted(places, self.starts)))
            found = Rings.around(self.centroids.vectors, cell, self.towards[places], self.rows[places])
            self._rings[start] = found
        return found


def fits(
    centroids: Centroids,
    starts: NDArray[np.int64],
    rows: NDArray[np.int32],
    reach: NDArray[np.int64],
    towards: Vector,
    count: int,
) -> bool:
    """Whether these can be the cells of a segment of `count` rows: each row once, nothing outside its bounds."""
    firsts = np.zeros(count, dtype=np.bool_)
    firsts[starts[(starts >= 0) & (starts < count)]] = True
    return bool(
        np.isfinite(centroids.vectors).all()
        and starts[0] == 0
        and starts[-1] == count
        and (np.diff(starts) > 0).all()
        and (rows.min() >= 0 and rows.max() < count)
        and (np.bincount(rows, minlength=count) == 1).all()
        and (np.abs(towards) < _LONGER).all()
        and ((np.diff(towards) <= 0) | firsts[1:]).all()
        and (reach.min() >= 0 and reach.max() <= len(centroids))
    )


def made(segment: Rows, words_of: WordsOf, wanted: Callable[[], bool]) -> Cells | None:
    """Cells for the rows of `segment`. Reads all vectors a few times.

    By k-means in two levels: regions, and cells in each. A row goes to the nearest of the cells of its nearest regions,
    so it is compared with some 8 sqrt(c) centroids, not with all c. Returns None as soon as `wanted` says that nobody
    wants them any more.
    """
    count = len(segment)
    generator = np.random.default_rng(_SEED)
    aim = how_many(count)
    chosen = _sample(generator, count, 256 * int(np.sqrt(aim)))
    regions = kmeans(segment.vectors(chosen), int(np.sqrt(aim)))
    nearby = _nearest_regions(segment, regions)
    centroids: list[Vector] = []
    best = np.full(count, -np.inf, dtype=np.float32)
    cell = np.zeros(count, dtype=np.int32)
    for region in range(len(regions)):
        if not wanted():
            return None
        own = np.flatnonzero(nearby[:, 0] == region)
        if not len(own):
            continue
        share = max(1, round(aim * len(own) / count))
        fine = kmeans(segment.vectors(own[_sample(generator, len(own), 64 * share)]), share)
        first = sum(map(len, centroids))
        _claim(segment, np.flatnonzero((nearby == region).any(axis=1)), fine, first, best, cell)
        centroids.append(fine)
    return _arranged(segment, words_of, Centroids(np.concatenate(centroids)), cell, best, generator)


def _nearest_regions(segment: Rows, regions: Vector) -> NDArray[np.int32]:
    """The _SPREAD nearest regions of each row, the nearest first: int32 (n, _SPREAD)."""
    spread = min(_SPREAD, len(regions))
    nearby = np.zeros((len(segment), spread), dtype=np.int32)
    for start in range(0, len(segment), _BLOCK):
        nearby[start : start + _BLOCK] = nearest(regions, segment.matrix[start : start + _BLOCK], spread)[0]
    return nearby


def _claim(
    segment: Rows,
    rows: NDArray[np.int64],
    centroids: Vector,
    first: int,
    best: NDArray[np.float32],
    cell: NDArray[np.int32],
) -> None:
    """Give `rows` to these cells, numbered from `first`, where they are nearer than the `best` so far."""
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        found, products = (column[:, 0] for column in nearest(centroids, segment.vectors(block), 1))
        nearer = products > best[block]
        best[block[nearer]] = products[nearer]
        cell[block[nearer]] = first + found[nearer]


def _arranged(
    segment: Rows,
    words_of: WordsOf,
    centroids: Centroids,
    cell: NDArray[np.int32],
    towards: Vector,
    generator: np.random.Generator,
) -> Cells:
    filled, own = np.unique(cell, return_inverse=True)
    centroids, cell = Centroids(centroids.vectors[filled]), own.astype(np.int32)
    rows = np.lexsort((-towards, cell)).astype(np.int32)
    ends = np.cumsum(np.bincount(cell))
    sets = segment.set_numbers()[rows].astype(np.int32)
    reach = _reach(segment, centroids, cell, generator)
    starts = np.concatenate(([0], ends)).astype(np.int64)
    return Cells(centroids, starts, rows, towards[rows], sets, words_of(sets), reach)


def _reach(
    segment: Rows, centroids: Centroids, cell: NDArray[np.int32], generator: np.random.Generator
) -> NDArray[np.int64]:
    """For each of DEPTHS, the rank of the cell within which nearly all of the nearest rows of a sample stand."""
    queries = segment.vectors(_sample(generator, len(cell), _SAMPLE))
    rows, _ = nearest(segment.matrix, queries, min(DEPTHS[-1] + 1, len(cell)))
    rows = rows[:, 1:]  # but for the query itself
    most = len(centroids) // _FARTHEST
    found = np.zeros(rows.shape, dtype=np.int64)
    for query, own, ranks in zip(queries, cell[rows], found, strict=True):
        rank_of = np.full(len(centroids), len(centroids))
        order = centroids.nearest(query, most)
        rank_of[order] = np.arange(len(order))
        ranks[:] = rank_of[own]
    reach = np.zeros(len(DEPTHS), dtype=np.int64)
    for place, depth in enumerate(DEPTHS):
        needed = int(np.quantile(found[:, :depth], _COVERED, method="higher")) + 1
        reach[place] = needed if needed <= most else 0
    return reach


def _sample(generator: np.random.Generator, count: int, size: int) -> NDArray[np.int64]:
    if count <= size:
        return np.arange(count)
    return np.sort(generator.choice(count, size, replace=False))
