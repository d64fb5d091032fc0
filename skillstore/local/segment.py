"""Segment: many skills that no longer change but for their counts and their end, sorted by precondition set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skillstore.embedding import Vector, error_bound
from skillstore.local.cells import Cells
from skillstore.local.matcher import Applicable, Mask
from skillstore.local.payloads import Payloads
from skillstore.local.vectors import Lists, Prepared

Counts = NDArray[np.int64]
"""Shape (3, rows): times_used, success_count, times_learned."""


_FEW = 6_000  # rows that are read in less time than cells take
_DEEPER = 1.6  # how much farther than k / share the k-th that applies may be
_COMMON = 0.25  # the share that applies, as a first guess
_REMEMBERED = 32  # states
_NONE = np.zeros(0, dtype=np.int64)


class _Choice(NamedTuple):
    """What a mask selects."""

    mask: Mask
    prepared: Prepared


class Segment:
    """Rows by position, from 0. What is given is taken over, not copied.

    sets       int64 (s,): the number of each list's precondition set
    starts     int64 (s + 1,): list i is rows starts[i] to starts[i + 1]
    ids        int64 (n,): ascending within each list
    counts     int64 (3, n), alive bool (n,): the only things that change
    number     that of its file; None while it has none
    """

    def __init__(
        self,
        sets: NDArray[np.int64],
        starts: NDArray[np.int64],
        ids: NDArray[np.int64],
        vectors: Vector,
        payloads: Payloads,
        counts: Counts,
        number: int | None = None,
    ) -> None:
        self.sets, self.starts, self.ids, self.payloads = sets, starts, ids, payloads
        self.counts, self.number = counts, number
        self.alive = np.ones(len(ids), dtype=np.bool_)
        self.cells: Cells | None = None
        self._lists = Lists(vectors, starts)
        self._range = slice(int(sets[0]), int(sets[-1]) + 1) if (np.diff(sets) == 1).all() else None
        self._margin = 2 * error_bound(vectors.shape[1])
        self._choices: dict[int, _Choice] = {}
        self._by_id = np.argsort(ids).astype(np.int32)
        self._set_places = np.argsort(sets)
        self._sorted_sets = sets[self._set_places]

    def __len__(self) -> int:
        """All rows, those that are gone included."""
        return len(self.ids)

    def set_numbers(self) -> NDArray[np.int64]:
        """The number of every row's precondition set, int64 (n,)."""
        return np.repeat(self.sets, np.diff(self.starts))

    def find(self, skill_id: int) -> int | None:
        """The position of the skill that is still there."""
        place = int(np.searchsorted(self.ids, skill_id, sorter=self._by_id))
        if place == len(self.ids):
            return None
        position = int(self._by_id[place])
        return position if self.ids[position] == skill_id and self.alive[position] else None

    def remove(self, position: int) -> None:
        self.alive[position] = False
        self._lists.remove(position)

    def adopt(self, counts: Counts, alive: NDArray[np.bool_]) -> None:
        """Take over these counts, and the end of those that are not alive."""
        self.counts = counts
        for position in np.flatnonzero(~alive).tolist():
            self.remove(position)

    def vectors(self, positions: NDArray[np.int64]) -> Vector:
        return self._lists.vectors(positions)

    def payload(self, position: int) -> bytes:
        return self.payloads[position]

    def payloads_of(self, positions: NDArray[np.int64]) -> Iterator[bytes]:
        """The payloads at ascending `positions`."""
        return self.payloads.many(positions)

    def place(self, position: int) -> tuple[str, int]:
        """The file and offset of a row's payload."""
        return self.payloads.place(position)

    def candidates(self, mask: Mask, query: Vector, k: int) -> NDArray[np.int64]:
        """Positions still there in sets of `mask`, certainly the k most similar and all that tie with them.

        Cost: the rows of those sets.
        """
        return self._lists.candidates(self._prepared(mask), query, k)

    def likely(self, applicable: Applicable, query: Vector, k: int) -> NDArray[np.int64] | None:
        """As `candidates`, by reading only the nearest cells; nearly always the same answer.

        How many skills apply is seen in the cells themselves. None where cells do not pay, and where the rows nearest
        to the query apply less often than others: what is similar and what applies go together there, and the best
        that apply may be anywhere.
        """
        if applicable.resolved is not None and self._prepared(applicable.resolved).available < _FEW:
            return None
        needed, found = 0, (_NONE, 0.0)
        depth = _DEEPER * k / _COMMON
        while self.cells is not None and needed < (more := self.cells.needed(depth)):
            needed, found = more, self._near(self.cells, applicable, query, more)
            depth = _DEEPER * k / found[1] if found[1] * len(self) >= _FEW else np.inf
        positions, share = found
        if share == 0.0 or self.cells is None or not self.cells.needed(depth):
            return None
        positions = positions[self.alive[positions]]
        if len(positions) < k:
            return None
        proposed = self.vectors(positions) @ query
        close: NDArray[np.int64] = positions[proposed >= np.partition(proposed, -k)[-k] - self._margin]
        return close

    def _near(self, cells: Cells, applicable: Applicable, query: Vector, count: int) -> tuple[NDArray[np.int64], float]:
        """The rows that apply in the `count` nearest cells, and their share; 0 if hardly any of the nearer half do."""
        rows, lists, half = cells.near(query, count)
        applies = applicable.among(self.sets[lists])
        share = float(applies.mean())
        if applies[:half].mean() < share / 2:
            return _NONE, 0.0
        return rows[applies].astype(np.int64), share

    def _prepared(self, mask: Mask) -> Prepared:
        """What `mask` selects here, remembered while the mask lives."""
        choice = self._choices.get(id(mask))
        if choice is None or choice.mask is not mask:
            if len(self._choices) >= _REMEMBERED:
                self._choices.pop(next(iter(self._choices)))
            lists = np.flatnonzero(mask[self._range] if self._range is not None else mask[self.sets])
            choice = self._choices[id(mask)] = _Choice(mask, self._lists.prepared(lists))
        return choice.prepared

    def nearest(self, sets: NDArray[np.int64], queries: Vector, k: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """For each query, up to k positions in its own set: as `Lists.nearest`."""
        places = np.searchsorted(self._sorted_sets, sets)
        places = np.minimum(places, len(self.sets) - 1)
        known = self._sorted_sets[places] == sets
        found = np.full((len(sets), k), -1, dtype=np.int64)
        certain = np.ones(len(sets), dtype=np.bool_)
        if known.any():
            found[known], certain[known] = self._lists.nearest(self._set_places[places[known]], queries[known], k)
        return found, certain

    def positions(self, mask: Mask) -> NDArray[np.int64]:
        """Every position still there in sets of `mask`, ascending. Cost: the rows of those sets."""
        rows = np.repeat(mask[self.sets], np.diff(self.starts))
        rows &= self.alive
        return np.flatnonzero(rows)
