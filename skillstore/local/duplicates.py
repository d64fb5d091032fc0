"""Duplicates: for skills about to be added, the most similar one each could be merged into. Always exact."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from skillstore.embedding import Vector, error_bound, similarities
from skillstore.local import ranking
from skillstore.local.growable import Growable
from skillstore.local.matcher import Mask
from skillstore.local.rearrangement import Part
from skillstore.local.segment import Segment
from skillstore.local.table import Table

Pairs: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64]]
"""(places, rows): for the new skill at each place, a row of a part that may be its twin."""

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
        if self._any_set:
            mask = np.ones(len(self._table.matcher), dtype=np.bool_)
            return [self._nearest(mask, vector) for vector in vectors]
        twins: list[Twin | None] = [None] * len(sets)
        for part, found in self._proposed(sets, vectors):
            places, rows = found
            ranks = similarities(part.vectors(rows), vectors[places])
            for place, skill_id, rank in zip(places.tolist(), part.ids[rows].tolist(), ranks.tolist(), strict=True):
                twin = Twin(skill_id, rank)
                if twin.beats(twins[place]):
                    twins[place] = twin
        return twins

    def _nearest(self, mask: Mask, vector: Vector) -> Twin | None:
        found = ranking.nearest(self._table, mask, vector, 1, staged=True)
        return Twin(int(found[0].part.ids[found[0].position]), found[0].rank) if found else None

    def _proposed(self, sets: NDArray[np.int64], vectors: Vector) -> Iterator[tuple[Part, Pairs]]:
        for segment in self._table.segments:
            yield segment, self._in_segment(segment, sets, vectors)
        yield self._table.tail, self._in_tail(sets, vectors)

    def _in_segment(self, segment: Segment, sets: NDArray[np.int64], vectors: Vector) -> Pairs:
        found, certain = segment.nearest(sets, vectors, _PROPOSED)
        superseded = self._table.staging.superseded
        if superseded:  # what FAISS proposes may have been replaced or removed a moment ago
            gone = np.isin(segment.ids[found], np.fromiter(superseded, dtype=np.int64)) & (found >= 0)
            certain &= ~gone.any(axis=1)
        places, columns = np.nonzero((found >= 0) & certain[:, None])
        pairs = [(places, found[places, columns])]
        for place in np.flatnonzero(~certain).tolist():
            rows = self._in_set(segment, int(sets[place]), vectors[place])
            pairs.append((np.full(len(rows), place), rows))
        return _joined(pairs)

    def _in_set(self, segment: Segment, set_number: int, vector: Vector) -> NDArray[np.int64]:
        mask = np.zeros(len(self._table.matcher), dtype=np.bool_)
        mask[set_number] = True
        rows = segment.candidates(mask, vector, 1 + len(self._table.staging.superseded))
        return self._table.current(segment, rows)

    def _in_tail(self, sets: NDArray[np.int64], vectors: Vector) -> Pairs:
        """Set by set: the products of all that are new with all that are there."""
        tail = self._table.tail
        distinct, owners = np.unique(sets, return_inverse=True)
        rows_of = tail.by_set() if len(distinct) > 4 else tail.of_set
        pairs = []
        for group, set_number in enumerate(distinct.tolist()):
            rows = self._table.current(tail, rows_of(set_number))
            if len(rows):
                places = np.flatnonzero(owners == group)
                for place, close in zip(places.tolist(), tail.closest_each(rows, vectors[places]), strict=True):
                    pairs.append((np.full(len(close), place), close))
        return _joined(pairs)


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

    def find(self, set_number: int, vector: Vector, least: float) -> Twin | None:
        """The twin among those kept, unless it is certainly less similar than `least`."""
        kept = self._kept.get(0 if self._any_set else set_number)
        if kept is None:
            return None
        ids, vectors = kept
        proposed = vectors.rows @ vector
        highest = proposed.max()
        if highest < least - self._margin:
            return None
        close = np.flatnonzero(proposed >= highest - self._margin)
        ranks = similarities(vectors.rows[close], vector)
        return Twin(int(ids.rows[close[ranks == ranks.max()]].min()), float(ranks.max()))


def _joined(pairs: list[Pairs]) -> Pairs:
    if not pairs:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    return np.concatenate([places for places, _ in pairs]), np.concatenate([rows for _, rows in pairs])
