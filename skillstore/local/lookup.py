"""Lookup: pairs of numbers under 64-bit hashes, for very many of them: 16 bytes each, where a dict takes some 200."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from skillstore.local.ranges import joined

Hashes: TypeAlias = NDArray[np.int64]

_FRESH = 4096  # entries in a dict, or a sixteenth of all
_SHARE = 16


class Entries(NamedTuple):
    """hashes int64 (n,); numbers int32 (n,) and offsets uint32 (n,), any two numbers."""

    hashes: Hashes
    numbers: NDArray[np.int32]
    offsets: NDArray[np.uint32]


class Found(NamedTuple):
    """What stands under some hashes: owners[i], int64, is the place of the one asked for."""

    owners: NDArray[np.int64]
    numbers: NDArray[np.int32]
    offsets: NDArray[np.int64]


_NONE = Found(np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int64))


class Lookup:
    """Entries sorted by their hashes, and a dict of the newest. An entry may come twice if a signal broke in."""

    def __init__(self) -> None:
        self._sorted = Entries(np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0, np.uint32))
        self._fresh: dict[int, list[tuple[int, int]]] = {}
        self._pending = 0  # entries in it

    def put(self, *parts: Entries) -> None:
        """Amortised O(1) each; now and then one pays for all."""
        count = sum(len(part.hashes) for part in parts)
        if self._pending + count > max(_FRESH, len(self._sorted.hashes) // _SHARE):
            self._merge(parts)
            return
        self._pending += count
        for part in parts:
            for key, number, offset in zip(*(column.tolist() for column in part), strict=True):
                self._fresh.setdefault(key, []).append((number, offset))

    def has(self, key: int) -> bool:
        """Whether anything stands under this hash; in less time than `find` takes."""
        hashes = self._sorted.hashes
        place = hashes.searchsorted(key)
        return key in self._fresh or bool(place < len(hashes) and hashes[place] == key)

    def at(self, key: int) -> list[tuple[int, int]]:
        """(number, offset) of all entries under one hash; for one, in less time than `find` takes."""
        hashes, numbers, offsets = self._sorted
        place, found = int(hashes.searchsorted(key)), list(self._fresh.get(key, ()))
        while place < len(hashes) and hashes[place] == key:
            found.append((int(numbers[place]), int(offsets[place])))
            place += 1
        return found

    def find(self, hashes: Hashes | Sequence[int]) -> Found:
        """All entries under these, each with who asked. Different keys may have one hash: the caller compares."""
        wanted = np.asarray(hashes, dtype=np.int64)
        starts = np.searchsorted(self._sorted.hashes, wanted)
        counts = np.searchsorted(self._sorted.hashes, wanted, side="right") - starts
        if counts.any():
            places = joined(starts, counts)
            owners = np.repeat(np.arange(len(wanted)), counts)
            sorted_ones = Found(owners, self._sorted.numbers[places], self._sorted.offsets[places].astype(np.int64))
        else:
            sorted_ones = _NONE
        if not self._fresh:
            return sorted_ones
        fresh = [(owner, *entry) for owner, key in enumerate(wanted.tolist()) for entry in self._fresh.get(key, ())]
        if not fresh:
            return sorted_ones
        more = np.array(fresh, dtype=np.int64).T
        return Found(
            np.concatenate((sorted_ones.owners, more[0])),
            np.concatenate((sorted_ones.numbers, more[1].astype(np.int32))),
            np.concatenate((sorted_ones.offsets, more[2])),
        )

    def _merge(self, more: Sequence[Entries]) -> None:
        fresh = [(key, *entry) for key, listed in self._fresh.items() for entry in listed]
        parts = [self._sorted, *more]
        if fresh:
            keys, numbers, offsets = zip(*fresh, strict=True)
            parts.append(Entries(np.array(keys, np.int64), np.array(numbers, np.int32), np.array(offsets, np.uint32)))
        hashes = np.concatenate([part.hashes for part in parts])
        order = np.argsort(hashes, kind="stable")
        hashes = hashes[order]
        numbers_of = np.concatenate([part.numbers for part in parts])[order]
        self._sorted = Entries(hashes, numbers_of, np.concatenate([part.offsets for part in parts])[order])
        self._fresh, self._pending = {}, 0
