"""Held: which terms hold in some facts. Values were looked up; intervals are compared when they are asked about."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from skillstore.local.terms import BITS, Terms
from skillstore.preconditions import Facts


class Held:
    """Which terms hold in some facts, as long as no term is added."""

    def __init__(self, terms: Terms, facts: Facts) -> None:
        self.terms = values = terms.holding(facts)
        self.absent = _absent(terms.bits.rows[values[1:]])
        self._holds = np.zeros(len(terms) + 1, dtype=np.bool_)
        self._holds[values] = True
        self._intervals = terms.has_intervals
        if self._intervals:
            self._fact_of, self._bounds = terms.fact_of.rows, terms.bounds.rows
            self._numbers = np.full((2, terms.facts), np.nan)
            for name, value in facts.items():
                if type(value) in (int, float):
                    for place in terms.places(name):
                        self._numbers[:, place] = _float_neighbours(value)  # type: ignore[arg-type]

    def lacks(self, words: Iterable[NDArray[np.uint64]]) -> NDArray[np.bool_]:
        """Which sets, given by their words, certainly have a term that does not hold."""
        first, second = words
        lacking = first & self.absent[0]
        lacking |= second & self.absent[1]
        shown: NDArray[np.bool_] = lacking != 0
        return shown

    def hold(self, terms: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Of these terms: bool (n,)."""
        holds = self._holds[terms]
        if self._intervals:
            facts, bounds = self._fact_of[terms], self._bounds[terms]
            holds |= (bounds[:, 0] <= self._numbers[0, facts]) & (self._numbers[1, facts] <= bounds[:, 1])
        return holds


def _absent(bits: NDArray[np.int16]) -> NDArray[np.uint64]:
    """All bits but these, as words."""
    absent = np.ones(BITS, dtype=np.bool_)
    absent[bits] = False
    return np.packbits(absent, bitorder="little").view("<u8").astype(np.uint64)


def _float_neighbours(value: float) -> tuple[float, float]:
    """The largest float64 <= value and the smallest >= value: bounds are floats, a state's integers need not be."""
    try:
        near = float(value)
    except OverflowError:
        huge = np.finfo(np.float64).max
        return (huge, np.inf) if value > 0 else (-np.inf, -huge)
    return (
        near if near <= value else float(np.nextafter(near, -np.inf)),
        near if near >= value else float(np.nextafter(near, np.inf)),
    )
