"""Rearrangement: some parts of a table made into one segment, without standing in anybody's way.

It is taken down and put in place while the table stands still, both quickly; what takes time, building the segment, is
done in between while the table goes on changing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from skillstore.embedding import Vector
from skillstore.local.payloads import Payloads
from skillstore.local.segment import Segment
from skillstore.local.tail import Tail

Part: TypeAlias = Segment | Tail

_BLOCK = 16_384  # rows copied at a time


class Rearrangement:
    """`parts` are what it replaces: neighbours, the tail last if it is among them."""

    def __init__(self, parts: Sequence[Part]) -> None:
        """Take down what is there now. The table must stand still."""
        self.parts = list(parts)
        self.tail_rows = sum(part.visible for part in parts if isinstance(part, Tail))
        self._rows = [_there(part) for part in parts]
        self._sources = [part.view() if isinstance(part, Tail) else part for part in parts]
        self._order: NDArray[np.int64] = np.zeros(0, dtype=np.int64)

    def built(self) -> Segment | None:
        """The segment, its counts not yet taken over; None if every skill is gone. The table may change meanwhile."""
        pairs = list(zip(self._sources, self._rows, strict=True))
        if not sum(map(len, self._rows)):
            return None
        ids = np.concatenate([part.ids[rows] for part, rows in pairs])
        sets = np.concatenate([part.set_numbers()[rows] for part, rows in pairs])
        self._order = np.lexsort((ids, sets))
        distinct, starts = np.unique(sets[self._order], return_index=True)
        return Segment(
            sets=distinct,
            starts=np.append(starts, len(ids)).astype(np.int64),
            ids=ids[self._order],
            vectors=self._vectors(),
            payloads=Payloads.arranged([part.payloads for part in self._sources], self._rows, self._order),
            counts=np.zeros((3, len(ids)), dtype=np.int64),
        )

    def _vectors(self) -> Vector:
        """All vectors in order, each copied once."""
        places = np.empty(len(self._order), dtype=np.int64)
        places[self._order] = np.arange(len(places))
        dim = self._sources[0].vectors(np.zeros(0, dtype=np.int64)).shape[1]
        vectors, done = np.empty((len(places), dim), dtype=np.float32), 0
        for part, rows in zip(self._sources, self._rows, strict=True):
            for start in range(0, len(rows), _BLOCK):
                block = rows[start : start + _BLOCK]
                vectors[places[done : done + len(block)]] = part.vectors(block)
                done += len(block)
        return vectors

    def take_over(self, segment: Segment) -> None:
        """Give `segment` the counts and the ends that its skills have now. The table must stand still."""
        pairs = list(zip(self.parts, self._rows, strict=True))
        counts = np.concatenate([part.counts[:, rows] for part, rows in pairs], axis=1)
        alive = np.concatenate([part.alive[rows] for part, rows in pairs])
        segment.adopt(np.ascontiguousarray(counts[:, self._order]), alive[self._order])


def _there(part: Part) -> NDArray[np.int64]:
    return np.flatnonzero(part.alive[: part.visible] if isinstance(part, Tail) else part.alive)
