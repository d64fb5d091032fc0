"""Flat: what a library is measured against: all vectors in a flat FAISS index, and a bitmap of the rows that apply."""

from __future__ import annotations

import time
from array import array
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from skillstore.embedding import Vector
from skillstore.local.matcher import Matcher
from skillstore.preconditions import Condition, PreconditionSet, State, facts_of

Mask: TypeAlias = NDArray[np.bool_]
"""Shape (sets,): whether each precondition set, by its number, is satisfied."""

_BLOCK = 10_000
_KNOWN = 200_000  # preconditions remembered by what was given; more cost more memory than they save time


class Resolver:
    """The client's side of every contender but the library: the precondition set of each row, and from a state to the
    sets it satisfies, as a library does it, with nothing remembered."""

    def __init__(self) -> None:
        self._matcher = Matcher()
        self._numbers = array("i")
        self._known: dict[frozenset[tuple[str, Any]], int] = {}

    def take(self, preconditions: Mapping[str, Condition]) -> None:
        """The preconditions of the next row; flat, with hashable values."""
        key = frozenset(preconditions.items())
        number = self._known.get(key)
        if number is None:
            number = self._matcher.intern(PreconditionSet.of(preconditions))
            if len(self._known) < _KNOWN:
                self._known[key] = number
        self._numbers.append(number)

    @property
    def sets(self) -> NDArray[np.int32]:
        """The precondition set of each row taken so far."""
        return np.frombuffer(self._numbers, dtype=np.int32).copy()

    def satisfied(self, state: State) -> tuple[Mask, float]:
        """(the sets that `state` satisfies, milliseconds that took)."""
        self._matcher._remembered.clear()
        start = time.perf_counter()
        mask = self._matcher.satisfied(facts_of(state))
        return mask, 1e3 * (time.perf_counter() - start)


class Flat:
    """Rows in the order of `vectors`, (n, dim), the first is row 0."""

    def __init__(self, vectors: Vector, resolver: Resolver) -> None:
        import faiss  # here, so that importing skillstore.bench is instant

        self._faiss: Any = faiss
        self._resolver, self._sets = resolver, resolver.sets
        self._index = faiss.IndexFlatIP(vectors.shape[1])
        for start in range(0, len(vectors), _BLOCK):
            self._index.add(vectors[start : start + _BLOCK])

    def search(self, state: State, query: NDArray[np.float32], k: int) -> tuple[list[int], dict[str, float]]:
        """(rows of the k best that apply, milliseconds of each part of the work)."""
        mask, resolve = self._resolver.satisfied(state)
        start = time.perf_counter()
        bits = np.packbits(mask[self._sets], bitorder="little")
        selector = self._faiss.IDSelectorBitmap(len(bits), self._faiss.swig_ptr(bits))
        packed = time.perf_counter()
        parameters = self._faiss.SearchParameters(sel=selector)
        _, rows = self._index.search((query / np.linalg.norm(query))[None, :], k, params=parameters)
        done = time.perf_counter()
        pack, search = 1e3 * (packed - start), 1e3 * (done - packed)
        parts = {"resolve": resolve, "pack": pack, "search": search, "whole": resolve + pack + search}
        return rows[0][rows[0] >= 0].tolist(), parts
