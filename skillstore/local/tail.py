"""Tail: the newest skills, in the order they came; small enough to be looked at one and all.

Its first `visible` rows are committed. The rows behind them are staged: only the writer sees them, until a commit
makes them visible or drops them.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from skillstore.embedding import Vector, error_bound
from skillstore.local.growable import Growable
from skillstore.local.matcher import Applicable, Chosen
from skillstore.local.payloads import Payloads
from skillstore.local.rings import Middles, Rings
from skillstore.local.segment import Counts
from skillstore.local.vectors import products

_LOOSE = 4096  # rows that are sorted again and again
_LIKE = 2  # a run so many times as large as the next is sorted with it
_COLUMNS = ("_ids", "_sets", "_vectors", "_counts", "_alive")


class Run:
    """Rows of a tail, none before `first`, by precondition set: `order`, and the sets of the rows in this order."""

    def __init__(self, first: int, order: NDArray[np.int64], sets: NDArray[np.int64], middles: Middles) -> None:
        self.first, self.order, self.sets, self._middles = first, order, sets, middles
        self._rings: dict[int, Rings] = {}

    @classmethod
    def since(cls, first: int, sets: NDArray[np.int64], middles: Middles) -> Run:
        """All rows from `first` on; `sets` are those of all rows of the tail."""
        order = first + np.argsort(sets[first:], kind="stable")
        return cls(first, order, sets[order], middles)

    def spans_of_sets(self, sets: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(starts, lengths): where the rows of each of `sets` stand in `order`."""
        starts = self.sets.searchsorted(sets)
        return starts, self.sets.searchsorted(sets, side="right") - starts

    def rings(self, start: int, length: int, vectors: Vector) -> Rings:
        """Around the rows that stand at `start` and the places after it, made when first asked for.

        `vectors` are those of all rows of the tail.
        """
        if start not in self._rings:
            rows = self.order[start : start + length]
            self._rings[start] = Rings.of(vectors[rows], rows, self._middles.of(vectors))
        return self._rings[start]


class Tail:
    """Rows by position, from 0. Costs 4 * dim + 57 bytes a row and its payload."""

    def __init__(self, dim: int) -> None:
        self.visible = 0
        self._dim = dim
        self._margin = 2 * error_bound(dim)
        self._ids: Growable[np.int64] = Growable(np.int64)
        self._sets: Growable[np.int64] = Growable(np.int64)
        self._vectors: Growable[np.float32] = Growable(np.float32, dim)
        self._counts: Growable[np.int64] = Growable(np.int64, 3)
        self._alive: Growable[np.bool_] = Growable(np.bool_)
        self._payloads: list[bytes] = []
        self._ascending = True  # the ids, which only a row that replaces an older one breaks
        self._runs: list[Run] = []  # of the first rows, `_in_runs` of them
        self._in_runs = 0
        self._middles = Middles()

    def __len__(self) -> int:
        """All rows: those staged and those gone included."""
        return len(self._ids)

    @property
    def ids(self) -> NDArray[np.int64]:
        return self._ids.rows

    @property
    def counts(self) -> Counts:
        return self._counts.rows.T

    @property
    def alive(self) -> NDArray[np.bool_]:
        return self._alive.rows

    def set_numbers(self) -> NDArray[np.int64]:
        return self._sets.rows

    def extend(
        self,
        ids: NDArray[np.int64],
        sets: NDArray[np.int64],
        vectors: Vector,
        payloads: Sequence[bytes],
        counts: NDArray[np.int64],
    ) -> None:
        """Stage rows: `vectors` (n, dim), `counts` (n, 3)."""
        self._ascending = self._ascending and (not len(self) or bool(self.ids[-1] < ids[0]))
        self._ids.append(ids)
        self._sets.append(sets)
        self._vectors.append(vectors)
        self._counts.append(counts)
        self._alive.append(np.ones(len(ids), dtype=np.bool_))
        self._payloads.extend(payloads)

    def truncate(self, count: int) -> None:
        """Drop the staged rows from `count` on."""
        for name in _COLUMNS:
            getattr(self, name).truncate(count)
        del self._payloads[count:]
        if count < self._in_runs:
            self._runs, self._in_runs = [], 0

    def find(self, skill_id: int, staged: bool = False) -> int | None:
        """The position of the skill that is still there, visible or `staged`."""
        limit = len(self) if staged else self.visible
        if self._ascending:  # a batch that merges into many of its own skills asks for each
            place = int(np.searchsorted(self.ids[:limit], skill_id))
            there = place < limit and self.ids[place] == skill_id and self.alive[place]
            return place if there else None
        found = np.flatnonzero((self.ids[:limit] == skill_id) & self.alive[:limit])
        return int(found[0]) if len(found) else None

    def remove(self, position: int) -> None:
        self.alive[position] = False

    @property
    def matrix(self) -> Vector:
        """All vectors (n, dim); a view, not to be written."""
        return self._vectors.rows

    def vectors(self, positions: NDArray[np.int64]) -> Vector:
        return self._vectors.rows[positions]

    def payloads_at(self, positions: NDArray[np.int64]) -> list[bytes]:
        """As `Segment.payloads_at`."""
        return [self._payloads[position] for position in positions.tolist()]

    @property
    def payloads(self) -> Payloads:
        """All payloads; costs a copy."""
        return Payloads.of(self._payloads)

    def place(self, position: int) -> tuple[str, int]:  # noqa: ARG002 - a record of the journal, checked when read
        """As `Segment.place`."""
        return "the journal", 0

    def positions(self, chosen: Chosen, staged: bool = False) -> NDArray[np.int64]:
        """Every position still there in the chosen sets, ascending; with the staged ones if `staged`."""
        limit = len(self) if staged else self.visible
        return np.flatnonzero(chosen.mask[self._sets.rows[:limit]] & self.alive[:limit])

    def candidates(self, chosen: Chosen, query: Vector, k: int) -> NDArray[np.int64]:
        """As `Segment.candidates`."""
        return self.closest(self.positions(chosen), query, k)

    def applying(self, applicable: Applicable, query: Vector, k: int) -> NDArray[np.int64]:
        """As `candidates`, for the visible rows."""
        here = np.flatnonzero(self.alive[: self.visible])
        return self.closest(here[applicable.among(self._sets.rows[here])], query, k)

    def closest(self, positions: NDArray[np.int64], query: Vector, k: int) -> NDArray[np.int64]:
        """Those of `positions` among which the k most similar certainly are, with all that tie with them."""
        if len(positions) <= k:
            return positions
        proposed = products(self._vectors.rows, positions, query)
        kth = np.partition(proposed, -k)[-k]
        close: NDArray[np.int64] = positions[proposed >= kth - self._margin]
        return close

    def runs(self) -> list[Run]:
        """All rows by precondition set, in a few runs: sorting many again for each few that come would be quadratic."""
        kept, first = list(self._runs), self._in_runs
        if len(self) == first:
            return kept
        while kept and first - kept[-1].first <= _LIKE * (len(self) - first):
            first = kept.pop().first
        runs = [*kept, Run.since(first, self._sets.rows, self._middles)]
        if len(self) - self._in_runs > _LOOSE:
            self._runs, self._in_runs = runs, len(self)
        return runs

    def run_of(self, number: int) -> Run:
        """The rows of one precondition set. Cost: a look at the sets of all."""
        rows = (self._sets.rows == number).nonzero()[0]
        return Run(0, rows, self._sets.rows[rows], self._middles)

    def view(self) -> Tail:
        """The rows as they are now; what is appended or dropped later does not show. Costs a list.

        Counts and ends are shared, and may change.
        """
        seen = copy.copy(self)
        for name in _COLUMNS:
            setattr(seen, name, copy.copy(getattr(self, name)))
        seen._payloads = self._payloads[: self.visible]
        return seen

    def copy(self, rows: NDArray[np.int64]) -> Tail:
        """A tail of these rows alone, all of them visible, that never changes."""
        copied = self.view()
        copied._payloads = self._payloads
        copied._keep(rows)
        copied.visible = len(rows)
        return copied

    def leave(self, count: int) -> None:
        """Forget the first `count` rows, all of them visible."""
        self._keep(np.arange(count, len(self)))
        self.visible -= count

    def _keep(self, rows: NDArray[np.int64]) -> None:
        for name in _COLUMNS:
            getattr(self, name).keep(rows)
        self._payloads = [self._payloads[row] for row in rows]
        self._ascending = bool((np.diff(self.ids) > 0).all())
        self._runs, self._in_runs = [], 0
