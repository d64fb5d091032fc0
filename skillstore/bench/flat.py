"""Flat: what a library is measured against: all vectors in a flat FAISS index, and a bitmap of the rows that apply."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skillstore.local.matcher import Matcher
from skillstore.preconditions import PreconditionSet, State, facts_of
from skillstore.skill import Skill


class Flat:
    """Rows in the order given, id 1 first. It resolves states as a library does, but remembers none."""

    def __init__(self, skills: Iterable[Skill], dim: int) -> None:
        import faiss  # here, so that importing skillstore.bench is instant

        self._faiss: Any = faiss
        self._matcher = Matcher()
        self._index = faiss.IndexFlatIP(dim)
        numbers: list[int] = []
        block: list[Any] = []
        for skill in skills:
            numbers.append(self._matcher.intern(PreconditionSet.of(skill.preconditions)))
            block.append(skill.embedding)
            if len(block) == 10_000:
                self._index.add(np.stack(block))
                block = []
        if block:
            self._index.add(np.stack(block))
        self._sets = np.array(numbers, dtype=np.int32)

    def search(self, state: State, query: NDArray[np.float32], k: int) -> tuple[set[int], dict[str, float]]:
        """(ids of the k best that apply, milliseconds of each part of the work)."""
        start = time.perf_counter()
        self._matcher._remembered.clear()
        mask = self._matcher.satisfied(facts_of(state))
        resolved = time.perf_counter()
        bits = np.packbits(mask[self._sets], bitorder="little")
        selector = self._faiss.IDSelectorBitmap(len(bits), self._faiss.swig_ptr(bits))
        packed = time.perf_counter()
        parameters = self._faiss.SearchParameters(sel=selector)
        _, rows = self._index.search((query / np.linalg.norm(query))[None, :], k, params=parameters)
        done = time.perf_counter()
        parts = {"resolve": resolved - start, "pack": packed - resolved, "search": done - packed, "whole": done - start}
        return {int(row) + 1 for row in rows[0] if row >= 0}, {part: 1e3 * spent for part, spent in parts.items()}

    def share(self, state: State) -> float:
        """The share of the rows that apply."""
        return float(np.mean(self._matcher.satisfied(facts_of(state))[self._sets]))
