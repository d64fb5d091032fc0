"""Tail: the newest skills, in the order they came; small enough to be looked at one and all.

Its first `visible` rows are committed. The rows behind them are staged: only the writer sees them, until a commit
makes them visible or drops them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from skillstore.embedding import Vector, error_bound
from skillstore.local.growable import Growable
from skillstore.local.matcher import Mask
from skillstore.local.segment import Counts, Segment, built


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

    def set_of(self, position: int) -> int:
        return int(self._sets.rows[position])

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
        for column in (self._ids, self._sets, self._vectors, self._counts, self._alive):
            column.truncate(count)
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

    def place(self, position: int) -> tuple[str, int]:  # noqa: ARG002 - a record of the journal, checked when read
        """As `Segment.place`."""
        return "the journal", 0

    def positions(self, mask: Mask, staged: bool = False) -> NDArray[np.int64]:
        """Every position still there in sets of `mask`, ascending; with the staged ones if `staged`."""
        limit = len(self) if staged else self.visible
        return np.flatnonzero(mask[self._sets.rows[:limit]] & self.alive[:limit])

    def candidates(self, mask: Mask, query: Vector, k: int, staged: bool = False) -> NDArray[np.int64]:
        """As `Segment.candidates`."""
        return self.closest(self.positions(mask, staged), query, k)

    def closest(self, positions: NDArray[np.int64], query: Vector, k: int) -> NDArray[np.int64]:
        """Those of `positions` among which the k most similar certainly are, with all that tie with them."""
        if len(positions) <= k:
            return positions
        proposed = self._vectors.rows[positions] @ query
        kth = np.partition(proposed, -k)[-k]
        close: NDArray[np.int64] = positions[proposed >= kth - self._margin]
        return close

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

    def frozen(self) -> Segment | None:
        """A segment of the visible skills, which leave the tail; None if all of them are gone."""
        visible = self.visible
        rows = np.flatnonzero(self.alive[:visible])
        segment = None
        if len(rows):
            segment = built(
                self._sets.rows[rows], self.ids[rows], self.vectors(rows),
                [self._payloads[row] for row in rows], self.counts[:, rows],
            )  # fmt: skip
        staged = np.arange(visible, len(self))
        self._keep(staged)
        self.visible = 0
        return segment

    def copy(self, rows: NDArray[np.int64]) -> Tail:
        """A tail of these rows alone, all of them visible."""
        copied = Tail(self._dim)
        copied.__dict__.update({name: copy.copy(column) for name, column in vars(self).items()})
        copied._keep(rows)
        copied.visible = len(rows)
        return copied

    def _keep(self, rows: NDArray[np.int64]) -> None:
        for column in (self._ids, self._sets, self._vectors, self._counts, self._alive):
            column.keep(rows)
        self._payloads = [self._payloads[row] for row in rows]
