"""Ranking: of the skills in satisfied precondition sets, which fit best."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skillstore.embedding import Vector, similarities
from skillstore.local.matcher import Applicable, Chosen
from skillstore.local.rearrangement import Part
from skillstore.local.table import Found, Table
from skillstore.local.tail import Tail
from skillstore.outcomes import lower_bounds


def nearest(table: Table, chosen: Chosen, query: Vector, k: int, staged: bool = False) -> list[Found]:
    """The k rows in the chosen sets most similar to `query`: similarity descending, id ascending. Exact."""
    best = _Best(query, k)
    for part in table.parts():
        best.offer(part, _candidates(table, part, chosen, query, k, staged))
    return best.found()


def likely_nearest(table: Table, applicable: Applicable, query: Vector, k: int) -> tuple[list[Found], bool]:
    """As `nearest`, approximate where very many rows apply; and whether the answer is certainly exact.

    Of the smaller segments only rows that can be among the best of the larger ones are looked at.
    """
    best, exact = _Best(query, k), True
    for segment in table.segments:
        rows = segment.rivals(applicable, query, k, best.least)
        if rows is None:
            rows = segment.likely(applicable, query, k)
            exact = exact and rows is None
        best.offer(segment, segment.candidates(applicable, query, k) if rows is None else rows)
    if table.tail.visible:
        best.offer(table.tail, table.tail.applying(applicable, query, k))
    return best.found(), exact


def most_reliable(table: Table, chosen: Chosen, k: int, staged: bool = False) -> list[Found]:
    """The k rows in the chosen sets with the highest lower bound of success, ties to the lower id.

    Cost: the rows of those sets.
    """
    parts = table.parts()
    rows = [table.positions(part, chosen, staged) for part in parts]
    counts = [table.counts(part, positions, staged) for part, positions in zip(parts, rows, strict=True)]
    used, succeeded, _ = np.concatenate(counts, axis=1)
    return _highest(parts, rows, lower_bounds(succeeded, used), k)


def _candidates(table: Table, part: Part, chosen: Chosen, query: Vector, k: int, staged: bool) -> NDArray[np.int64]:
    if not staged:
        return part.candidates(chosen, query, k)
    if isinstance(part, Tail):
        return part.closest(table.positions(part, chosen, staged), query, k)
    return table.current(part, part.candidates(chosen, query, k + len(table.staging.superseded)))


class _Best:
    """The k rows most similar to `query` of those offered so far."""

    def __init__(self, query: Vector, k: int) -> None:
        self._query, self._k = query, k
        self._parts: list[Part] = []
        self._rows: list[NDArray[np.int64]] = []
        self._ranks: list[Vector] = []
        self.least = -np.inf
        """No row less similar is among them."""

    def offer(self, part: Part, rows: NDArray[np.int64]) -> None:
        if not len(rows):
            return
        ranks = similarities(part.vectors(rows), self._query)
        self._parts.append(part)
        self._rows.append(rows)
        self._ranks.append(ranks)
        if len(ranks) >= self._k:
            self.least = max(self.least, float(np.partition(ranks, -self._k)[-self._k]))

    def found(self) -> list[Found]:
        """Similarity descending, id ascending."""
        return _highest(self._parts, self._rows, np.concatenate(self._ranks), self._k) if self._parts else []


def _highest(parts: list[Part], rows: list[NDArray[np.int64]], ranks: NDArray[np.floating], k: int) -> list[Found]:
    """The k rows of highest rank, ties to the lower id; `ranks` are those of `rows` in order."""
    ids = np.concatenate([part.ids[positions] for part, positions in zip(parts, rows, strict=True)])
    close = np.arange(len(ids)) if len(ids) <= 4 * k else np.flatnonzero(ranks >= np.partition(ranks, -k)[-k])
    order = close[np.lexsort((ids[close], -ranks[close]))][:k]
    ends = np.cumsum([len(positions) for positions in rows])
    owners = np.searchsorted(ends, order, side="right")
    columns = zip(owners.tolist(), np.concatenate(rows)[order].tolist(), ranks[order].tolist(), strict=True)
    return [Found(parts[owner], place, rank) for owner, place, rank in columns]
