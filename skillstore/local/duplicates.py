"""Duplicates: for skills about to be added, the most similar one each could be merged into. Always exact.

All new skills of a precondition set are compared with all that are stored in it at once, by matrix products in float32;
`skillstore.embedding.similarities` decides between those that come within its error of the best.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from skillstore.embedding import Vector, error_bound, similarities
from skillstore.local.ranges import joined
from skillstore.local.rearrangement import Part
from skillstore.local.table import Table
from skillstore.local.tail import Tail
from skillstore.local.vectors import block_products

Pairs: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64]]
"""(places, rows): for the new skill at each place, a row that may be its twin."""

_SHORT = 64  # rows of a set that are compared pair by pair
_BLOCK = 32_768  # rows that are multiplied with many vectors at a time
_FOLDED = 64  # rows of which only the highest product is compared first
_SMALL = 16  # new skills of a set that are compared pair by pair
_FEW = 256  # new skills of a set that are compared together
_PAIRS = 65_536  # compared at a time


class Twins:
    """The twin of each of n new skills; of equally similar ones that with the lowest id.

    ids           int64 (n,), 0 where there is none
    similarities  float32 (n,), NaN where there is none
    """

    def __init__(self, count: int) -> None:
        self.ids = np.zeros(count, dtype=np.int64)
        self.similarities = np.full(count, np.nan, dtype=np.float32)

    def offer(self, places: NDArray[np.int64], ids: NDArray[np.int64], ranks: Vector) -> None:
        """Take over what is better than the twins so far: skill ids[i] for the new skill at places[i]."""
        if not len(places):
            return
        order = np.lexsort((ids, -ranks, places))
        order = order[np.flatnonzero(np.diff(places[order], prepend=-1))]
        places, ids, ranks = places[order], ids[order], ranks[order]
        best, kept = self.similarities[places], self.ids[places]
        better = (kept == 0) | (ranks > best) | ((ranks == best) & (ids < kept))
        self.ids[places[better]], self.similarities[places[better]] = ids[better], ranks[better]


class _Run(NamedTuple):
    """Rows of a part, those of one precondition set side by side."""

    part: Part
    spans: Callable[[NDArray[np.int64]], tuple[NDArray[np.int64], NDArray[np.int64]]]
    order: NDArray[np.int64] | None  # what stands at each place; None: the rows themselves
    size: int

    def rows(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        return places if self.order is None else self.order[places]

    def block(self, start: int, stop: int) -> Vector:
        if self.order is not None:
            return self.part.vectors(self.order[start:stop])
        return self.part.block(start, stop)  # type: ignore[union-attr]


class StoredTwins:
    """Finds twins in what a writer sees of a table. Made while the table stands still; used while others use it.

    With `any_set` preconditions do not matter. `only` (1,): the one set that will be asked for; then none are sorted.
    """

    def __init__(self, table: Table, any_set: bool, only: NDArray[np.int64] | None = None) -> None:
        self._any_set = any_set
        self._runs = [_Run(segment, segment.spans_of_sets, None, len(segment)) for segment in table.segments]
        view = table.tail.view(payloads=False)
        if only is None or any_set:
            self._runs += [_Run(view, run.spans, run.order, len(run.order)) for run in table.tail.runs()]
        else:
            rows = np.flatnonzero(view.set_numbers() == only)
            self._runs.append(_Run(view, lambda sets: (np.zeros_like(sets), np.array([len(rows)])), rows, len(rows)))
        self._gone = table.gone()

    def find(self, sets: NDArray[np.int64], vectors: Vector) -> Twins:
        """The twins of `vectors` (n, dim) in their `sets`. Cost: the rows of those sets."""
        twins = Twins(len(sets))
        if self._any_set:
            sets = np.zeros_like(sets)
        distinct, owners = np.unique(sets, return_inverse=True)
        for run in self._runs:
            starts, lengths = self._spans(run, distinct)
            pairs = list(self._proposed(run, starts, lengths, owners, vectors))
            places, rows = (np.concatenate(column) for column in zip(*pairs, strict=True))
            twins.offer(places, run.part.ids[rows], similarities(run.part.vectors(rows), vectors[places]))
        return twins

    def find_one(self, sets: NDArray[np.int64], vector: Vector) -> Twins:
        """As `find` for a single `vector` (dim,), the set of which is in `sets` (1,): a fraction of its time."""
        twins = Twins(1)
        best = (-np.inf, 0)
        for run in self._runs:
            starts, lengths = self._spans(run, sets)
            start, stop = int(starts[0]), int(starts[0] + lengths[0])
            for first in range(start, stop, _BLOCK):
                best = max(best, self._best(run, first, min(first + _BLOCK, stop), vector))
        if best[1]:
            twins.similarities[0], twins.ids[0] = best[0], -best[1]
        return twins

    def _best(self, run: _Run, first: int, stop: int, vector: Vector) -> tuple[float, int]:
        """(similarity, -id) of the most similar of a block, of equals that with the lowest id; else (-inf, 0)."""
        rows = run.rows(np.arange(first, stop))
        proposed = run.block(first, stop) @ vector
        there = self._there(run, rows)
        if not there.all():
            rows, proposed = rows[there], proposed[there]
        if not len(rows):
            return -np.inf, 0
        close = rows[proposed >= proposed.max() - 2 * error_bound(len(vector))]
        ranks = similarities(run.part.vectors(close), vector)
        highest = ranks.max()
        return float(highest), -int(run.part.ids[close[ranks == highest]].min())

    def _spans(self, run: _Run, distinct: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        if self._any_set:
            return np.zeros(1, dtype=np.int64), np.array([run.size])
        return run.spans(distinct)

    def _proposed(
        self,
        run: _Run,
        starts: NDArray[np.int64],
        lengths: NDArray[np.int64],
        owners: NDArray[np.int64],
        vectors: Vector,
    ) -> Iterator[Pairs]:
        short = np.flatnonzero((lengths <= _SHORT)[owners])
        for places in np.array_split(short, max(1, int(lengths[owners[short]].sum()) // _PAIRS)):
            counts = lengths[owners[places]]
            rows = run.rows(joined(starts[owners[places]], counts))
            yield self._closest_pairs(run, np.repeat(places, counts), rows, vectors)
        for group in np.flatnonzero(lengths > _SHORT).tolist():
            places = np.flatnonzero(owners == group)
            yield from self._closest(run, int(starts[group]), int(lengths[group]), places, vectors[places])

    def _closest_pairs(self, run: _Run, places: NDArray[np.int64], rows: NDArray[np.int64], vectors: Vector) -> Pairs:
        there = self._there(run, rows)
        places, rows = places[there], rows[there]
        proposed = np.einsum("ij,ij->i", run.part.vectors(rows), vectors[places])
        close = _highest(places, proposed, vectors.shape[1])
        return places[close], rows[close]

    def _closest(
        self, run: _Run, start: int, length: int, places: NDArray[np.int64], queries: Vector
    ) -> Iterator[Pairs]:
        """Block by block, what may be more similar to one of `queries` than all before."""
        margin = 2 * error_bound(queries.shape[1])
        best = np.full(len(queries), -np.inf, dtype=np.float32)
        for first in range(start, start + length, _BLOCK):
            stop = min(first + _BLOCK, start + length)
            proposed = block_products(run.block(first, stop), queries)
            rows = run.rows(np.arange(first, stop))
            there = self._there(run, rows)
            if not there.all():
                proposed[~there] = -np.inf
            best, row, query = _rising(proposed, best, margin)
            yield places[query], rows[row]

    def _there(self, run: _Run, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of `rows` are neither removed nor replaced."""
        there: NDArray[np.bool_] = run.part.alive[rows]
        if len(self._gone.ids):
            gone = np.isin(run.part.ids[rows], self._gone.ids)
            if isinstance(run.part, Tail):
                gone &= ~np.isin(rows, self._gone.but)
            there = there & ~gone
        return there


def keep_first(
    sets: NDArray[np.int64], vectors: Vector, twins: Twins, limit: float, first_id: int, any_set: bool
) -> NDArray[np.bool_]:
    """Which of these skills are kept when they are added one by one, those that are not merged: bool (n,).

    On return `twins` also has the twins among those kept before, whose ids count up from `first_id`.
    """
    groups = np.zeros_like(sets) if any_set else sets
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    sizes = np.diff(starts, append=len(order))
    others = _offer_apart(order, starts, sizes, vectors, twins, limit, first_id)
    for start, size in zip(starts[others].tolist(), sizes[others].tolist(), strict=True):
        members = order[start : start + size]
        _offer_in_turn(members, vectors[members], twins, limit, first_id)
    kept = ~(twins.similarities > limit)
    numbers = first_id + np.cumsum(kept) - 1  # ids were counted by place, as if all were kept
    new = twins.ids >= first_id
    twins.ids[new] = numbers[twins.ids[new] - first_id]
    return kept


def _offer_apart(
    order: NDArray[np.int64],
    starts: NDArray[np.int64],
    sizes: NDArray[np.int64],
    vectors: Vector,
    twins: Twins,
    limit: float,
    first_id: int,
) -> NDArray[np.int64]:
    """Offer twins in all small groups none of whose members merges into another; returns the other groups.

    Group i is order[starts[i]] and the sizes[i] - 1 that follow.
    """
    small = np.flatnonzero((sizes > 1) & (sizes <= _SMALL))
    later = joined(starts[small], sizes[small])
    before = later - np.repeat(starts[small], sizes[small])
    groups = np.repeat(np.repeat(small, sizes[small]), before)
    places, others = order[np.repeat(later, before)], order[joined(later - before, before)]
    proposed = np.einsum("ij,ij->i", vectors[others], vectors[places])
    merging = np.unique(groups[proposed > limit - 2 * error_bound(vectors.shape[1])])
    kept = ~np.isin(groups, merging) & ~(twins.similarities[others] > limit)
    places, others, proposed = places[kept], others[kept], proposed[kept]
    close = _highest(places, proposed, vectors.shape[1])
    places, others = places[close], others[close]
    twins.offer(places, first_id + others, similarities(vectors[others], vectors[places]))
    return np.concatenate((np.flatnonzero(sizes > _SMALL), merging))


def _offer_in_turn(members: NDArray[np.int64], vectors: Vector, twins: Twins, limit: float, first_id: int) -> None:
    """Offer twins to the skills of one set at the places `members`, each after those before it, block by block."""
    margin = 2 * error_bound(vectors.shape[1])
    kept = np.ones(len(members), dtype=np.bool_)
    for start in range(0, len(members), _FEW):
        own = np.arange(start, min(start + _FEW, len(members)))
        kept[own] = ~(twins.similarities[members[own]] > limit)
        proposed = vectors[own] @ vectors[: own[-1] + 1].T
        proposed[:, ~kept[: own[-1] + 1]] = -4.0
        proposed[:, start:][own[:, None] <= own] = -4.0
        if (proposed[kept[own]] <= limit - margin).all():
            _offer_close(members, vectors, proposed, own, twins, margin, first_id)
        else:
            for turn in range(len(own)):
                one = slice(turn, turn + 1)
                _offer_close(members, vectors, proposed[one], own[one], twins, margin, first_id)
                if twins.similarities[members[start + turn]] > limit:
                    proposed[:, start + turn] = -4.0
        kept[own] = ~(twins.similarities[members[own]] > limit)


def _offer_close(
    members: NDArray[np.int64],
    vectors: Vector,
    proposed: Vector,
    own: NDArray[np.int64],
    twins: Twins,
    margin: float,
    first_id: int,
) -> None:
    """Offer to the members `own`, a row of `proposed` for each, those most similar to it."""
    close = proposed >= np.maximum(proposed.max(axis=1) - margin, -2.0)[:, None]
    rows, columns = np.divmod(np.flatnonzero(close), proposed.shape[1])
    ranks = similarities(vectors[columns], vectors[own[rows]])
    twins.offer(members[own[rows]], first_id + members[columns], ranks)


def _rising(proposed: Vector, best: Vector, margin: float) -> tuple[Vector, NDArray[np.int64], NDArray[np.int64]]:
    """(the new best, rows, columns): what in `proposed` (n, m) comes within `margin` of the `best` (m,) of its column.

    The highest of every _FOLDED rows are compared first: one pass over all, in the order that is fastest.
    """
    if proposed.flags.f_contiguous:  # few queries, whose products stand side by side
        best = np.maximum(best, proposed.max(axis=0))
        least = np.where(np.isfinite(best), best - margin, np.inf)
        close = np.greater_equal(proposed.T, least[:, None])
        column, row = np.divmod(np.flatnonzero(close), len(proposed))
        return best, row, column
    stride = len(proposed) // _FOLDED
    whole = stride * _FOLDED
    folded = np.concatenate((proposed[:whole].reshape(_FOLDED, stride, len(best)).max(axis=0), proposed[whole:]))
    best = np.maximum(best, folded.max(axis=0))
    least = np.where(np.isfinite(best), best - margin, np.inf)
    place, column = np.divmod(np.flatnonzero(folded >= least), len(least))
    sizes = np.where(place < stride, _FOLDED, 1)
    offsets = joined(np.zeros(len(sizes), dtype=np.int64), sizes)
    row = np.repeat(np.where(place < stride, place, whole + place - stride), sizes) + stride * offsets
    column = np.repeat(column, sizes)
    close = proposed[row, column] >= least[column]
    return best, row[close], column[close]


def _highest(places: NDArray[np.int64], proposed: Vector, dim: int) -> NDArray[np.bool_]:
    """Which of `proposed`, those of one place side by side, may be the highest of their place."""
    firsts = np.flatnonzero(np.diff(places, prepend=-1))
    if not len(firsts):
        return np.zeros(0, dtype=np.bool_)
    highest = np.repeat(np.maximum.reduceat(proposed, firsts), np.diff(firsts, append=len(places)))
    close: NDArray[np.bool_] = proposed >= highest - 2 * error_bound(dim)
    return close
