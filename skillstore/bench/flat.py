"""Flat: what a library is measured against: all vectors in a flat FAISS index, and a bitmap of the rows that apply."""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from skillstore.embedding import Vector
from skillstore.local.matcher import Matcher
from skillstore.preconditions import Condition, PreconditionSet, State, facts_of

Mask: TypeAlias = NDArray[np.bool_]
"""Shape (sets,): whether each precondition set, by its number, is satisfied."""

_BLOCK = 10_000


class Resolver:
    """The client's side of every contender but the library: the precondition set of each row, and from a state to the
    sets it satisfies, as a library does it, with nothing remembered."""

    def __init__(self) -> None:
        self._matcher = Matcher()
        self._waiting: list[tuple[tuple[str, Hashable], ...]] = []
        self._numbers: list[NDArray[np.int32]] = [np.zeros(0, dtype=np.int32)]

    def take(self, preconditions: Mapping[str, Condition]) -> None:
        """The preconditions of the next row."""
        self._waiting.append(PreconditionSet.of(preconditions).conditions)
        if len(self._waiting) == _BLOCK:
            self._intern()

    def _intern(self) -> None:
        self._numbers.append(self._matcher.intern_each(self._waiting).astype(np.int32))
        self._waiting = []

    @property
    def sets(self) -> NDArray[np.int32]:
        """The precondition set of each row taken so far."""
        if self._waiting:
            self._intern()
            self._matcher.access = self._matcher.indexing().built()
        self._numbers = [np.concatenate(self._numbers)]
        return self._numbers[0]

    def satisfied(self, state: State) -> tuple[Mask, float]:
        """(the sets that `state` satisfies, milliseconds that took); of the rows of which `sets` told."""
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
