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

Pairs: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64]]
"""(places, rows): for the new skill at each place, a row that may be its twin."""

_SHORT = 64  # rows of a set that are compared pair by pair
_BLOCK = 8192  # rows that are multiplied with many vectors at a time
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

    With `any_set` preconditions do not matter.
    """

    def __init__(self, table: Table, any_set: bool) -> None:
        self._any_set = any_set
        self._runs = [_Run(segment, segment.spans_of_sets, None, len(segment)) for segment in table.segments]
        view = table.tail.view(payloads=False)
        self._runs += [_Run(view, run.spans, run.order, len(run.order)) for run in table.tail.runs()]
        self._gone = table.gone()

    def find(self, sets: NDArray[np.int64], vectors: Vector) -> Twins:
        """The twins of `vectors` (n, dim) in their `sets`. Cost: the rows of those sets."""
        twins = Twins(len(sets))
        if self._any_set:
            sets = np.zeros_like(sets)
        distinct, owners = np.unique(sets, return_inverse=True)
        for run in self._runs:
            starts, lengths = self._spans(run, distinct)
            for places, rows in self._proposed(run, starts, lengths, owners, vectors):
                twins.offer(places, run.part.ids[rows], similarities(run.part.vectors(rows), vectors[places]))
        return twins

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
        if not len(places):
            return places, rows
        proposed = np.einsum("ij,ij->i", run.part.vectors(rows), vectors[places])
        firsts = np.flatnonzero(np.diff(places, prepend=-1))
        highest = np.repeat(np.maximum.reduceat(proposed, firsts), np.diff(firsts, append=len(places)))
        close = proposed >= highest - 2 * error_bound(vectors.shape[1])
        return places[close], rows[close]

    def _closest(
        self, run: _Run, start: int, length: int, places: NDArray[np.int64], queries: Vector
    ) -> Iterator[Pairs]:
        """Block by block, what may be more similar to one of `queries` than all before."""
        margin = 2 * error_bound(queries.shape[1])
        best = np.full(len(queries), -np.inf, dtype=np.float32)
        for first in range(start, start + length, _BLOCK):
            stop = min(first + _BLOCK, start + length)
            proposed = queries @ run.block(first, stop).T
            rows = run.rows(np.arange(first, stop))
            proposed[:, ~self._there(run, rows)] = -np.inf
            highest = proposed.max(axis=1)
            best = np.maximum(best, highest)
            hopeful = np.flatnonzero((highest >= best - margin) & np.isfinite(highest))
            query, row = np.nonzero(proposed[hopeful] >= (best[hopeful] - margin)[:, None])
            yield places[hopeful[query]], rows[row]

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
    kept = np.ones(len(sets), dtype=np.bool_)
    groups = np.zeros_like(sets) if any_set else sets
    order = np.argsort(groups, kind="stable")
    bounds = np.flatnonzero(np.diff(groups[order], prepend=-1, append=-1))
    for start, stop in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        members = order[start:stop]
        if len(members) > 1:
            _keep_first(members, vectors[members], twins, limit, kept, first_id)
    kept &= ~(twins.similarities > limit)
    numbers = first_id + np.cumsum(kept) - 1  # ids were counted by place, as if all were kept
    new = twins.ids >= first_id
    twins.ids[new] = numbers[twins.ids[new] - first_id]
    return kept


def _keep_first(
    members: NDArray[np.int64], vectors: Vector, twins: Twins, limit: float, kept: NDArray[np.bool_], first_id: int
) -> None:
    """As `keep_first`, for the skills of one set at the places `members`."""
    margin = 2 * error_bound(vectors.shape[1])
    proposed = np.tril(vectors @ vectors.T, -1) - np.triu(np.full((len(members),) * 2, 4.0, dtype=np.float32))
    merged = twins.similarities[members] > limit
    proposed[:, merged] = -4.0  # they are not kept
    if (proposed[~merged] > limit - margin).any():
        for place in range(len(members)):
            _offer_close(members, vectors, proposed[place : place + 1], twins, margin, first_id, place)
            if twins.similarities[members[place]] > limit:
                proposed[:, place] = -4.0
    else:
        _offer_close(members, vectors, proposed, twins, margin, first_id)
    kept[members] = ~(twins.similarities[members] > limit)


def _offer_close(
    members: NDArray[np.int64],
    vectors: Vector,
    proposed: Vector,
    twins: Twins,
    margin: float,
    first_id: int,
    first: int = 0,
) -> None:
    """Offer to the members from `first` on, a row of `proposed` for each, those most similar to it."""
    highest = proposed.max(axis=1)
    rows, columns = np.nonzero(proposed >= np.maximum(highest - margin, -2.0)[:, None])
    if len(rows):
        ranks = similarities(vectors[columns], vectors[first + rows])
        twins.offer(members[first + rows], first_id + members[columns], ranks)
