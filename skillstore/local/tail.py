"""Tail: the newest skills, in the order they came; small enough to be looked at one and all.

Its first `visible` rows are committed. The rows behind them are staged: only the writer sees them, until a commit
makes them visible or drops them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from skillstore.embedding import Vector, error_bound
from skillstore.local.growable import Growable
from skillstore.local.matcher import Applicable, Mask
from skillstore.local.segment import Counts

_BLOCK = 8192  # rows that are multiplied with many queries at a time
_COLUMNS = ("_ids", "_sets", "_vectors", "_counts", "_alive")


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

    def append(
        self, skill_id: int, set_number: int, vector: Vector, payload: bytes, counts: tuple[int, int, int]
    ) -> int:
        """Stage a row; its position."""
        self._ids.append(skill_id)
        self._sets.append(set_number)
        self._vectors.append(vector)
        self._counts.append(counts)
        self._alive.append(True)
        self._payloads.append(payload)
        return len(self) - 1

    def truncate(self, count: int) -> None:
        """Drop the staged rows from `count` on."""
        for name in _COLUMNS:
            getattr(self, name).truncate(count)
        del self._payloads[count:]

    def find(self, skill_id: int) -> int | None:
        """The position of the visible skill that is still there."""
        found = np.flatnonzero((self.ids[: self.visible] == skill_id) & self.alive[: self.visible])
        return int(found[0]) if len(found) else None

    def remove(self, position: int) -> None:
        self.alive[position] = False

    def vectors(self, positions: NDArray[np.int64]) -> Vector:
        return self._vectors.rows[positions]

    def payload(self, position: int) -> bytes:
        return self._payloads[position]

    def payloads_of(self, positions: NDArray[np.int64]) -> Iterator[bytes]:
        """As `Segment.payloads_of`."""
        return (self._payloads[position] for position in positions.tolist())

    def place(self, position: int) -> tuple[str, int]:  # noqa: ARG002 - a record of the journal, checked when read
        """As `Segment.place`."""
        return "the journal", 0

    def positions(self, mask: Mask, staged: bool = False) -> NDArray[np.int64]:
        """Every position still there in sets of `mask`, ascending; with the staged ones if `staged`."""
        limit = len(self) if staged else self.visible
        return np.flatnonzero(mask[self._sets.rows[:limit]] & self.alive[:limit])

    def candidates(self, mask: Mask, query: Vector, k: int) -> NDArray[np.int64]:
        """As `Segment.candidates`."""
        return self.closest(self.positions(mask), query, k)

    def applying(self, applicable: Applicable, query: Vector, k: int) -> NDArray[np.int64]:
        """As `candidates`, for the visible rows."""
        here = np.flatnonzero(self.alive[: self.visible])
        return self.closest(here[applicable.among(self._sets.rows[here])], query, k)

    def closest(self, positions: NDArray[np.int64], query: Vector, k: int) -> NDArray[np.int64]:
        """Those of `positions` among which the k most similar certainly are, with all that tie with them."""
        if len(positions) <= k:
            return positions
        proposed = self._vectors.rows[positions] @ query
        kth = np.partition(proposed, -k)[-k]
        close: NDArray[np.int64] = positions[proposed >= kth - self._margin]
        return close

    def closest_each(self, positions: NDArray[np.int64], queries: Vector) -> list[NDArray[np.int64]]:
        """For each of `queries` (n, dim), those of `positions` among which the most similar one certainly is."""
        best = np.full(len(queries), -np.inf, dtype=np.float32)
        kept: list[NDArray[np.int64]] = [np.zeros(0, dtype=np.int64)] * len(queries)
        for start in range(0, len(positions), _BLOCK):
            block = positions[start : start + _BLOCK]
            proposed = queries @ self._vectors.rows[block].T
            highest = proposed.max(axis=1)
            best = np.maximum(best, highest)
            close = proposed >= (best - self._margin)[:, None]
            for query in np.flatnonzero(close.any(axis=1)).tolist():
                kept[query] = np.concatenate((kept[query], block[close[query]]))
        return kept

    def of_set(self, number: int) -> NDArray[np.int64]:
        """The positions of one set that are there (staged ones included)."""
        return np.flatnonzero((self._sets.rows == number) & self.alive)

    def by_set(self) -> Callable[[int], NDArray[np.int64]]:
        """`of_set` for many sets: as a function, after one sort of the tail."""
        numbers = self._sets.rows
        order = np.argsort(numbers, kind="stable")
        ordered = numbers[order]

        def positions(number: int) -> NDArray[np.int64]:
            start, stop = np.searchsorted(ordered, [number, number + 1])
            here = order[start:stop]
            alive: NDArray[np.int64] = here[self.alive[here]]
            return alive

        return positions

    def view(self) -> Tail:
        """The visible rows as they are now; what is appended or dropped later does not show. Costs a list of payloads.

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
