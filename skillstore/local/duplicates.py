"""Duplicates: for skills about to be added, the most similar one each could be merged into. Always exact."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skillstore.embedding import Vector, error_bound, similarities
from skillstore.local import ranking
from skillstore.local.growable import Growable
from skillstore.local.matcher import Mask
from skillstore.local.segment import Segment
from skillstore.local.table import Table

_PROPOSED = 2  # two tell whether the first is certainly the most similar


@dataclass(frozen=True)
class Twin:
    """The most similar skill; of equally similar ones that with the lowest id."""

    id: int
    similarity: float

    def beats(self, other: Twin | None) -> bool:
        return other is None or (-self.similarity, self.id) < (-other.similarity, other.id)


class StoredTwins:
    """Searches what a writer sees of a table. With `any_set`, preconditions do not matter."""

    def __init__(self, table: Table, any_set: bool) -> None:
        self._table, self._any_set = table, any_set

    def find(self, sets: NDArray[np.int64], vectors: Vector) -> list[Twin | None]:
        """For each vector (n, dim) and its set, its twin. Cost: the rows of those sets."""
        twins: list[Twin | None] = [None] * len(sets)
        if self._any_set:
            mask = np.ones(len(self._table.matcher), dtype=np.bool_)
            return [self._nearest(mask, vector) for vector in vectors]
        for segment in self._table.segments:
            for place, twin in self._in_segment(segment, sets, vectors):
                if twin.beats(twins[place]):
                    twins[place] = twin
        for place, twin in self._in_tail(sets, vectors):
            if twin.beats(twins[place]):
                twins[place] = twin
        return twins

    def _nearest(self, mask: Mask, vector: Vector) -> Twin | None:
        found = ranking.nearest(self._table, mask, vector, 1, staged=True)
        return Twin(int(found[0].part.ids[found[0].position]), found[0].rank) if found else None

    def _in_segment(self, segment: Segment, sets: NDArray[np.int64], vectors: Vector) -> list[tuple[int, Twin]]:
        found, certain = segment.nearest(sets, vectors, _PROPOSED)
        if self._table.staging.places:  # what FAISS proposes may have been replaced or removed a moment ago
            gone = np.isin(segment.ids[found], np.fromiter(self._table.staging.places, dtype=np.int64)) & (found >= 0)
            certain &= ~gone.any(axis=1)
        twins = []
        places, columns = np.nonzero((found >= 0) & certain[:, None])
        rows = found[places, columns]
        ranks = similarities(segment.vectors(rows), vectors[places])
        for place, row, rank in zip(places.tolist(), rows.tolist(), ranks.tolist(), strict=True):
            twins.append((place, Twin(int(segment.ids[row]), rank)))
        for place in np.flatnonzero(~certain).tolist():
            twin = self._in_set(segment, int(sets[place]), vectors[place])
            twins.extend([(place, twin)] if twin else [])
        return twins

    def _in_set(self, segment: Segment, set_number: int, vector: Vector) -> Twin | None:
        mask = np.zeros(len(self._table.matcher), dtype=np.bool_)
        mask[set_number] = True
        rows = segment.candidates(mask, vector, 1 + len(self._table.staging.places))
        return _best(segment.ids, self._table.current(segment, rows), segment.vectors, vector)

    def _in_tail(self, sets: NDArray[np.int64], vectors: Vector) -> list[tuple[int, Twin]]:
        tail = self._table.tail
        rows_of = tail.by_set() if len(sets) > 4 else tail.of_set
        twins = []
        for place, set_number in enumerate(sets.tolist()):
            rows = self._table.current(tail, rows_of(set_number))
            rows = tail.closest(rows, vectors[place], 1)
            twin = _best(tail.ids, rows, tail.vectors, vectors[place])
            twins.extend([(place, twin)] if twin else [])
        return twins


class NewTwins:
    """The skills of one batch that were kept so far, by precondition set."""

    def __init__(self, dim: int, any_set: bool) -> None:
        self._dim, self._any_set = dim, any_set
        self._margin = 2 * error_bound(dim)
        self._kept: dict[int, tuple[Growable[np.int64], Growable[np.float32]]] = {}

    def keep(self, skill_id: int, set_number: int, vector: Vector) -> None:
        group = 0 if self._any_set else set_number
        ids, vectors = self._kept.setdefault(group, (Growable(np.int64), Growable(np.float32, self._dim)))
        ids.append(skill_id)
        vectors.append(vector)

    def find(self, set_number: int, vector: Vector) -> Twin | None:
        kept = self._kept.get(0 if self._any_set else set_number)
        if kept is None:
            return None
        ids, vectors = kept
        proposed = vectors.rows @ vector
        close = np.flatnonzero(proposed >= proposed.max() - self._margin)
        return _best(ids.rows, close, vectors.rows.__getitem__, vector)


def _best(
    ids: NDArray[np.int64], rows: NDArray[np.int64], vectors: Callable[[NDArray[np.int64]], Vector], vector: Vector
) -> Twin | None:
    if not len(rows):
        return None
    ranks = similarities(vectors(rows), vector)
    highest = float(ranks.max())
    return Twin(int(ids[rows[ranks == ranks.max()]].min()), highest)
