"""Client: what one must write beside a peer that cannot filter well by itself."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skillstore.bench.flat import Mask
from skillstore.bench.peers.peer import Sets

_FILE = "sets.npy"


class Client:
    """The precondition set of each row, kept beside the peer in its directory."""

    def __init__(self, directory: Path) -> None:
        self._sets: Sets = np.load(directory / _FILE)
        self._counts = np.bincount(self._sets)

    @staticmethod
    def keep(directory: Path, sets: Sets) -> None:
        """Write them, durably."""
        np.save(directory / _FILE, sets)
        sync(directory / _FILE)
        sync(directory)

    def count(self, satisfied: Mask) -> int:
        """How many rows apply."""
        return int(self._counts[satisfied].sum())

    def rows(self, satisfied: Mask) -> NDArray[np.int64]:
        """The rows that apply, ascending."""
        return np.flatnonzero(satisfied[self._sets])

    def bitmap(self, satisfied: Mask) -> NDArray[np.uint8]:
        """A bit for each row, the first the lowest: 1 if it applies."""
        return np.packbits(satisfied[self._sets], bitorder="little")

    def over_fetched(self, fetch: Callable[[int], NDArray[np.int64]], satisfied: Mask, k: int) -> list[int]:
        """The first k that apply of the nearest rows: `fetch` gives so many, the nearest first. Twice as many as k
        should need, and four times as many as long as too few of them apply."""
        total, applicable = len(self._sets), self.count(satisfied)
        count = min(total, max(4 * k, 2 * k * total // max(applicable, 1)))
        while applicable:
            near = fetch(count)
            kept = near[satisfied[self._sets[near]]][:k]
            if len(kept) >= min(k, applicable) or count == total:
                return [int(row) for row in kept]
            count = min(total, 4 * count)
        return []


def sync(path: Path) -> None:
    """What was written to a file, or to a directory's list of names, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
