"""Duplicates: for skills about to be added, the most similar one each is to be merged into. Always exact.

Only what is more similar than the limit is looked for. New skills are compared with all that are stored in their
precondition set: row by row, by matrix products, or where there are very many with those in the `rings` around them.
`skillstore.embedding.similarities` decides between those that come within the error of float32.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from skillstore.embedding import Vector, error_bound, similarities
from skillstore.local.ranges import joined
from skillstore.local.rings import Rings, Spans
from skillstore.local.segment import Segment
from skillstore.local.table import Table
from skillstore.local.tail import Run
from skillstore.local.vectors import MANY, block_products, pair_products, products, row_products

Pairs: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64]]
"""(places, rows): for the new skill at each place, a row that may be its twin."""

_NO_PAIRS: Pairs = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
_SHORT = 64  # rows of a set that are compared pair by pair
_BLOCK = 32_768  # rows that are multiplied with many vectors at a time
_SMALL = 16  # new skills of a set that are compared pair by pair
_RINGED = 16_384  # rows of a set around which rings are laid
_FEW = 256  # new skills of a set that are compared together
_PAIRS = 65_536  # compared at a time
_PRODUCTS = 2**24  # kept at a time
_DEAR = 32  # a pair by itself costs so many times what it costs in a product of matrices


class Twins:
    """What each of n new skills is merged into; of equally similar ones that with the lowest id.

    ids           int64 (n,), 0 where there is none
    similarities  float32 (n,), NaN where there is none
    """

    def __init__(self, count: int) -> None:
        self.ids = np.zeros(count, dtype=np.int64)
        self.similarities = np.full(count, np.nan, dtype=np.float32)

    def offer(self, places: NDArray[np.int64], ids: NDArray[np.int64], ranks: Vector, limit: float) -> None:
        """Take over what is above `limit` and better than the twins so far: skill ids[i] for the one at places[i]."""
        above = np.flatnonzero(ranks > limit)
        if not len(above):
            return
        places, ids, ranks = places[above], ids[above], ranks[above]
        order = np.lexsort((ids, -ranks, places))
        order = order[np.flatnonzero(np.diff(places[order], prepend=-1))]
        places, ids, ranks = places[order], ids[order], ranks[order]
        best, kept = self.similarities[places], self.ids[places]
        better = (kept == 0) | (ranks > best) | ((ranks == best) & (ids < kept))
        self.ids[places[better]], self.similarities[places[better]] = ids[better], ranks[better]


class _Run(NamedTuple):
    """Rows of a part, those of one precondition set side by side in `order`; None: the rows themselves."""

    matrix: Vector
    ids: NDArray[np.int64]
    alive: NDArray[np.bool_]
    sorted: Segment | Run
    order: NDArray[np.int64] | None
    size: int

    def rows(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        return places if self.order is None else self.order[places]

    def block(self, start: int, stop: int) -> Vector:
        return self.matrix[start:stop] if self.order is None else self.matrix[self.order[start:stop]]


class StoredTwins:
    """Finds twins in what a writer sees of a table. Made while the table stands still; used while others use it.

    A twin is more similar than `limit`. With `any_set` preconditions do not matter. `sets` (n,) are those that will be
    asked for: for a single one the tail is not sorted.
    """

    def __init__(self, table: Table, limit: float, any_set: bool, sets: NDArray[np.int64]) -> None:
        self._limit, self._any_set = limit, any_set
        self._runs = [_Run(each.matrix, each.ids, each.alive, each, None, len(each)) for each in table.segments]
        tail = table.tail
        runs = [tail.run_of(int(sets[0]))] if len(sets) == 1 and not any_set else tail.runs()
        self._runs += [_Run(tail.matrix, tail.ids, tail.alive, run, run.order, len(run.order)) for run in runs]
        self._gone = table.gone()

    def find(self, sets: NDArray[np.int64], vectors: Vector) -> Twins:
        """The twins of `vectors` (n, dim) in their `sets`. Cost: the rows of those sets, fewer where they cluster."""
        twins, least = Twins(len(sets)), self._limit - error_bound(vectors.shape[1])
        if self._any_set:
            sets = np.zeros_like(sets)
        if len(sets) == 1:
            for run in self._runs:
                self._offer(twins, run, self._of_one(run, sets, vectors, least), vectors)
            return twins
        distinct, owners = np.unique(sets, return_inverse=True)
        for run in self._runs:
            starts, lengths = self._spans(run, distinct)
            pairs = _all_of(self._proposed(run, starts, lengths, owners, vectors, least))
            self._offer(twins, run, pairs, vectors)
        return twins

    def _offer(self, twins: Twins, run: _Run, pairs: Pairs, vectors: Vector) -> None:
        places, rows = pairs
        if len(rows):
            there = self._there(run, rows)
            places, rows = places[there], rows[there]
            twins.offer(places, run.ids[rows], similarities(run.matrix[rows], vectors[places]), self._limit)

    def _of_one(self, run: _Run, sets: NDArray[np.int64], vectors: Vector, least: float) -> Pairs:
        """As `_proposed`, for one new skill."""
        starts, lengths = self._spans(run, sets)
        start, length = int(starts[0]), int(lengths[0])
        if not length:
            return _NO_PAIRS
        if length >= _RINGED:
            return _all_of(self._of_group(run, start, length, np.zeros(1, dtype=np.int64), vectors, least))
        if run.order is None:
            rows = start + (row_products(run.matrix, start, start + length, vectors[0]) > least).nonzero()[0]
        else:
            rows = run.order[start : start + length]
            rows = rows[products(run.matrix, rows, vectors[0]) > least]
        return np.zeros(len(rows), dtype=np.int64), rows

    def _spans(self, run: _Run, distinct: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        if self._any_set:
            return np.zeros(1, dtype=np.int64), np.array([run.size])
        return run.sorted.spans_of_sets(distinct)

    def _proposed(
        self,
        run: _Run,
        starts: NDArray[np.int64],
        lengths: NDArray[np.int64],
        owners: NDArray[np.int64],
        vectors: Vector,
        least: float,
    ) -> Iterator[Pairs]:
        """Every row that is more similar than the limit to a new skill of its set, and few others."""
        few = np.bincount(owners, minlength=len(lengths)) < MANY
        paired = (lengths <= _SHORT) | (few & (lengths < _RINGED))
        alone = np.flatnonzero(paired[owners])
        for places in np.array_split(alone, max(1, int(lengths[owners[alone]].sum()) // _PAIRS)):
            counts = lengths[owners[places]]
            rows = run.rows(joined(starts[owners[places]], counts))
            owning = np.repeat(places, counts)
            close = (pair_products(run.matrix, rows, vectors, owning) > least).nonzero()[0]
            yield owning[close], rows[close]
        for group in np.flatnonzero(~paired).tolist():
            places = np.flatnonzero(owners == group)
            yield from self._of_group(run, int(starts[group]), int(lengths[group]), places, vectors[places], least)

    def _of_group(
        self, run: _Run, start: int, length: int, places: NDArray[np.int64], queries: Vector, least: float
    ) -> Iterator[Pairs]:
        """As `_proposed`, of one set: by rings around its rows where those leave few to compare, else of all."""
        rings = run.sorted.rings(start, length, run.matrix) if length >= _RINGED else None
        if rings is not None:
            spans = rings.within(queries, self._limit)
            if _DEAR * int(spans.lengths.sum()) < length * len(queries):
                yield from _in_rings(run, rings, spans, places, queries, least)
                return
        block = max(1, min(_BLOCK, _PRODUCTS // len(queries)))
        for first in range(start, start + length, block):
            stop = min(first + block, start + length)
            row, query = _above(block_products(run.block(first, stop), queries), least)
            yield places[query], run.rows(first + row)

    def _there(self, run: _Run, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of `rows` are neither removed nor replaced."""
        there: NDArray[np.bool_] = run.alive[rows]
        if len(self._gone.ids):
            gone = np.isin(run.ids[rows], self._gone.ids)
            if isinstance(run.sorted, Run):
                gone &= ~np.isin(rows, self._gone.but)
            there = there & ~gone
        return there


def _all_of(pairs: Iterable[Pairs]) -> Pairs:
    found = [pair for pair in pairs if len(pair[0])]
    if len(found) < 2:
        return found[0] if found else _NO_PAIRS
    return np.concatenate([places for places, _ in found]), np.concatenate([rows for _, rows in found])


def _in_rings(
    run: _Run, rings: Rings, spans: Spans, places: NDArray[np.int64], queries: Vector, least: float
) -> Iterator[Pairs]:
    order = np.argsort(spans.queries, kind="stable")
    rows = rings.rows[joined(spans.starts[order], spans.lengths[order])].astype(np.int64)
    ends = np.cumsum(np.bincount(spans.queries, weights=spans.lengths, minlength=len(queries)).astype(np.int64))
    first = 0
    for place, query, end in zip(places, queries, ends.tolist(), strict=True):
        own = rows[first:end]
        close = own[products(run.matrix, own, query) > least]
        yield np.repeat(place, len(close)), close
        first = end


def _above(proposed: Vector, least: float) -> Pairs:
    """(rows, columns) of the items of `proposed` (n, m) above `least`, in the order in which they stand in memory."""
    if proposed.flags.f_contiguous:  # few queries, whose products stand side by side
        column, row = np.divmod(np.flatnonzero(least < proposed.T), len(proposed))
    else:
        row, column = np.divmod(np.flatnonzero(proposed > least), proposed.shape[1])
    return row, column


def merge_among(
    sets: NDArray[np.int64], vectors: Vector, twins: Twins, limit: float, first_id: int, any_set: bool
) -> None:
    """Let `twins` also have those among these skills themselves, as if they were added one by one.

    Those without a twin are kept; their ids count up from `first_id`.
    """
    if len(sets) == 1:
        return
    groups = np.zeros_like(sets) if any_set else sets
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    sizes = np.diff(starts, append=len(order))
    least = limit - error_bound(vectors.shape[1])
    for group in _crowded(order, starts, sizes, vectors, least).tolist():
        members = order[starts[group] : starts[group] + sizes[group]]
        _merge_in_turn(members, vectors[members], twins, limit, least, first_id)
    kept = twins.ids == 0
    numbers = first_id + np.cumsum(kept) - 1  # ids were counted by place, as if all were kept
    new = twins.ids >= first_id
    twins.ids[new] = numbers[twins.ids[new] - first_id]


def _crowded(
    order: NDArray[np.int64], starts: NDArray[np.int64], sizes: NDArray[np.int64], vectors: Vector, least: float
) -> NDArray[np.int64]:
    """The groups that may have twins among their own: all large ones, and small ones with two members as near as that.

    Group i is order[starts[i]] and the sizes[i] - 1 that follow.
    """
    small = np.flatnonzero((sizes > 1) & (sizes <= _SMALL))
    later = joined(starts[small], sizes[small])
    before = later - np.repeat(starts[small], sizes[small])
    groups = np.repeat(np.repeat(small, sizes[small]), before)
    places, others = order[np.repeat(later, before)], order[joined(later - before, before)]
    near = groups[pair_products(vectors, others, vectors, places) > least]
    return np.concatenate((np.flatnonzero(sizes > _SMALL), np.unique(near)))


def _merge_in_turn(
    members: NDArray[np.int64], vectors: Vector, twins: Twins, limit: float, least: float, first_id: int
) -> None:
    """Offer twins to the skills of one set at the places `members`, each among those kept before it, block by block."""
    kept = np.zeros(0, dtype=np.int64)
    for start in range(0, len(members), _FEW):
        own = np.arange(start, min(start + _FEW, len(members)))
        others = np.concatenate((kept, own))
        row, column = _above(vectors[own] @ vectors[others].T, least)
        later, before = own[row], others[column]
        earlier = before < later
        later, before = later[earlier], before[earlier]
        ranks = similarities(vectors[before], vectors[later])
        for turn in np.unique(later).tolist():
            of_turn = later == turn
            others_kept = of_turn & (twins.ids[members[before]] == 0)
            places = np.full(np.count_nonzero(others_kept), members[turn])
            twins.offer(places, first_id + members[before[others_kept]], ranks[others_kept], limit)
        kept = np.concatenate((kept, own[twins.ids[members[own]] == 0]))
