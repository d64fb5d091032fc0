"""Growable: a numpy array that is appended to; the columns of everything that grows."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

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

    def append(self, rows: ArrayLike) -> None:
        """Append one row, or an array of rows."""
        new = np.asarray(rows, dtype=self._room.dtype).reshape(-1, *self._shape)
        self._make_room(self._count + len(new))
        self._room[self._count : self._count + len(new)] = new
        self._count += len(new)

    def put(self, count: int, rows: ArrayLike) -> None:
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
        if needed > len(self._room):
            larger = np.zeros((max(16, needed, 2 * len(self._room)), *self._shape), dtype=self._room.dtype)
            larger[: self._count] = self._room[: self._count]
            self._room = larger
