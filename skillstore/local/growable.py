"""Growable: a numpy array that is appended to; the columns of everything that grows."""

from __future__ import annotations

from collections.abc import Sized
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

D = TypeVar("D", bound=np.generic)


class Growable(Generic[D]):
    """Rows of one dtype and shape; appending costs amortised O(1), as the room doubles.

    `rows` is a view of what is there: it stays what it was when later rows are appended.
    """

    def __init__(self, dtype: DTypeLike, width: int | None = None) -> None:
        self._shape = () if width is None else (width,)
        self._room: NDArray[Any] = np.zeros((16, *self._shape), dtype=dtype)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def rows(self) -> NDArray[D]:
        return self._room[: self._count]

    def append(self, rows: Sized) -> None:
        """Append rows: a sequence of them, or an array."""
        end = self._count + len(rows)
        if end > len(self._room):
            self._make_room(end)
        self._room[self._count : end] = rows
        self._count = end

    def put(self, count: int, rows: Sized) -> None:
        """Append to the first `count` rows; those behind them are forgotten."""
        self._count = count
        self.append(rows)

    def truncate(self, count: int) -> None:
        """Forget all rows from `count` on."""
        self._count = count

    def keep(self, places: NDArray[np.int64]) -> None:
        """Keep only these rows, in a room of their own."""
        self._room = self.rows[places]
        self._count = len(places)

    def _make_room(self, needed: int) -> None:
        larger = np.zeros((max(needed, 2 * len(self._room)), *self._shape), dtype=self._room.dtype)
        larger[: self._count] = self.rows
        self._room = larger
