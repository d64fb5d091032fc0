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

SMALLEST = 10_000
"""Rows below which reading all that apply is as fast."""

_COVERED = 0.999  # of the nearest rows of the sample stand in the cells that are read: all but those of one odd row
_SAMPLE = 1024
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

    def within(self, query: Vector, least: float) -> NDArray[np.int64]:
        """The places of all rows at least as similar to `query` as `least`, and of some others."""
        spans = self.rings(0, len(self.rows)).within(query[None, :], least)
        return joined(spans.starts, spans.lengths)

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


def made(
    segment: Rows, words_of: WordsOf, wanted: Callable[[], bool], centroids: Centroids | None = None
) -> Cells | None:
    """Cells for the rows of `segment`, around these `centroids` or its own. Reads all vectors a few times.

    Returns None as soon as `wanted` says that nobody wants them any more.
    """
    generator = np.random.default_rng(_SEED)
    claims = _Claims(segment)
    if centroids is not None:
        claims.stake(np.arange(len(segment)), centroids.vectors)
    elif not _stake_in_regions(claims, segment, wanted, generator):
        return None
    return _arranged(segment, words_of, claims, generator)


class _Claims:
    """The cell of each row: that with the nearest of the centroids that were staked for it."""

    def __init__(self, segment: Rows) -> None:
        self._segment = segment
        self._centroids: list[Vector] = []
        self.towards = np.full(len(segment), -np.inf, dtype=np.float32)
        self.cell = np.zeros(len(segment), dtype=np.int32)

    def stake(self, rows: NDArray[np.int64], centroids: Vector) -> None:
        """Give `rows` to these cells where they are nearer than those before."""
        first = sum(map(len, self._centroids))
        self._centroids.append(centroids)
        for start in range(0, len(rows), _BLOCK):
            block = rows[start : start + _BLOCK]
            found, products = (column[:, 0] for column in nearest(centroids, self._segment.vectors(block), 1))
            nearer = products > self.towards[block]
            self.towards[block[nearer]] = products[nearer]
            self.cell[block[nearer]] = first + found[nearer]

    @property
    def centroids(self) -> Vector:
        return np.concatenate(self._centroids)


def _stake_in_regions(
    claims: _Claims, segment: Rows, wanted: Callable[[], bool], generator: np.random.Generator
) -> bool:
    """By k-means in two levels: regions, and cells in each; False if they are no longer wanted.

    A row goes to the nearest of the cells of its nearest regions, so it is compared with some 8 sqrt(c) centroids, not
    with all c.
    """
    count = len(segment)
    aim = how_many(count)
    chosen = _sample(generator, count, 256 * int(np.sqrt(aim)))
    regions = kmeans(segment.vectors(chosen), int(np.sqrt(aim)))
    nearby = _nearest_regions(segment, regions)
    for region in range(len(regions)):
        if not wanted():
            return False
        own = np.flatnonzero(nearby[:, 0] == region)
        if len(own):
            share = max(1, round(aim * len(own) / count))
            fine = kmeans(segment.vectors(own[_sample(generator, len(own), 64 * share)]), share)
            claims.stake(np.flatnonzero((nearby == region).any(axis=1)), fine)
    return True


def _nearest_regions(segment: Rows, regions: Vector) -> NDArray[np.int32]:
    """The _SPREAD nearest regions of each row, the nearest first: int32 (n, _SPREAD)."""
    spread = min(_SPREAD, len(regions))
    nearby = np.zeros((len(segment), spread), dtype=np.int32)
    for start in range(0, len(segment), _BLOCK):
        nearby[start : start + _BLOCK] = nearest(regions, segment.matrix[start : start + _BLOCK], spread)[0]
    return nearby


def _arranged(segment: Rows, words_of: WordsOf, claims: _Claims, generator: np.random.Generator) -> Cells:
    filled, own = np.unique(claims.cell, return_inverse=True)
    centroids, cell = Centroids(claims.centroids[filled]), own.astype(np.int32)
    rows = np.lexsort((-claims.towards, cell)).astype(np.int32)
    starts = np.concatenate(([0], np.cumsum(np.bincount(cell)))).astype(np.int64)
    sets = segment.set_numbers()[rows].astype(np.int32)
    reach = _reach(segment, centroids, cell, generator)
    return Cells(centroids, starts, rows, claims.towards[rows], sets, words_of(sets), reach)


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
