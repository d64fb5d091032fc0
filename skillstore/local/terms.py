"""Terms: each distinct condition on a fact has a number, from 1, and some facts tell which terms hold.

Terms on values are looked up, one look-up for each fact. Intervals are compared with the fact, only those asked about:
a library may have as many intervals as skills.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from skillstore.local.growable import Growable
from skillstore.preconditions import Facts, Interval

Condition: TypeAlias = tuple[str, Hashable]
"""(fact name, canonical condition)."""

WORDS = 2
_BITS = 64 * WORDS
_NEVER = (-1, 0, np.inf, -np.inf)  # columns of a term that no number meets: bit, fact, bounds


class Terms:
    """Conditions by number. Their list is the truth: all else follows from it, even after a signal broke in."""

    def __init__(self) -> None:
        self._conditions: list[Condition] = []
        self._taken = (0, 0)  # how many of them all else has taken up; how many of these are no intervals
        self._numbers: dict[Condition, int] = {}
        self._by_value: dict[str, dict[Hashable, list[int]]] = {}  # fact -> value -> the terms that it makes hold
        self._absent: dict[str, list[int]] = {}  # terms that hold when the fact is not in the state
        self._facts: dict[str, int] = {}
        self._bits: Growable[np.int16] = Growable(np.int16)  # columns by term; term 0 always holds
        self._fact_of: Growable[np.int32] = Growable(np.int32)
        self._bounds: Growable[np.float64] = Growable(np.float64, 2)
        self._put_columns(0, [_NEVER])

    def __len__(self) -> int:
        return self._taken[0]

    @property
    def exact(self) -> bool:
        """Whether each term has a bit of its own, so that words alone tell what holds."""
        return self._taken[1] == self._taken[0] <= _BITS

    @property
    def are_values(self) -> NDArray[np.bool_]:
        """Which terms are no intervals: bool (terms + 1,)."""
        return self._bits.rows >= 0

    def numbers(self, conditions: Iterable[Condition]) -> list[int]:
        """The terms of `conditions`, in their order; new ones are numbered."""
        self._take_up()
        wanted, known = list(conditions), self._numbers
        fresh = dict.fromkeys(condition for condition in wanted if condition not in known)
        if fresh:
            self._conditions.extend(fresh)
            self._take_up()
        return [known[condition] for condition in wanted]

    def condition(self, term: int) -> Condition:
        return self._conditions[term - 1]

    def knows(self, fact: str) -> bool:
        """Whether any term is on this fact."""
        return fact in self._facts

    def words(self, terms: NDArray[np.int32], owners: NDArray[np.int64], count: int) -> NDArray[np.uint64]:
        """For `count` sets the bits of their terms, as words: uint64 (WORDS, count). terms[i] belongs to owners[i]."""
        bits = self._bits.rows[terms].astype(np.int64)
        words = np.zeros((WORDS, count), dtype=np.uint64)
        for place in range(WORDS):
            here = (bits >= 0) & (bits // 64 == place)
            np.bitwise_or.at(
                words[place], owners[here], np.left_shift(np.uint64(1), (bits[here] % 64).astype(np.uint64))
            )
        return words

    def held(self, facts: Facts) -> Held:
        """What holds in `facts`."""
        terms = [0]
        for name, value in facts.items():
            by_value = self._by_value.get(name)
            if by_value is not None:
                terms += by_value.get(value, ())
        for name, absent in self._absent.items():
            if name not in facts:
                terms += absent
        return Held(self, facts, np.array(terms, dtype=np.int64))

    def _take_up(self) -> None:
        """Let all else follow the conditions; what was taken up before, by half, is only done again."""
        done, values = self._taken
        columns = []
        for number, (fact, wanted) in enumerate(self._conditions[done:], done + 1):
            place = self._facts.setdefault(fact, len(self._facts))
            if isinstance(wanted, Interval):
                low = -np.inf if wanted.low is None else wanted.low
                columns.append((-1, place, low, np.inf if wanted.high is None else wanted.high))
            else:
                self._look_up(number, fact, wanted if isinstance(wanted, frozenset) else (wanted,))
                columns.append((values % _BITS, place, *_NEVER[2:]))
                values += 1
            self._numbers[fact, wanted] = number
        if columns:
            self._put_columns(done + 1, columns)
            self._taken = done + len(columns), values

    def _look_up(self, number: int, fact: str, values: Iterable[Hashable]) -> None:
        by_value = self._by_value.setdefault(fact, {})
        for value in values:
            _append(by_value.setdefault(value, []), number)
            if value is None:
                _append(self._absent.setdefault(fact, []), number)

    def _put_columns(self, first: int, columns: list[tuple[int, int, float, float]]) -> None:
        bits, facts, low, high = zip(*columns, strict=True)
        self._bits.put(first, bits)
        self._fact_of.put(first, facts)
        self._bounds.put(first, np.column_stack((low, high)))


def _append(numbers: list[int], number: int) -> None:
    if not numbers or numbers[-1] < number:
        numbers.append(number)


class Held:
    """Which terms hold in some facts, as long as no term is added."""

    def __init__(self, terms: Terms, facts: Facts, values: NDArray[np.int64]) -> None:
        """`values`: the terms that are no intervals, and term 0."""
        self.terms = values
        self.absent = _absent(terms._bits.rows[values[1:]])
        self._holds = np.zeros(len(terms) + 1, dtype=np.bool_)
        self._holds[values] = True
        self._intervals = len(terms) != terms._taken[1]
        if self._intervals:
            self._fact_of, self._bounds = terms._fact_of.rows, terms._bounds.rows
            self._numbers = np.full((2, len(terms._facts)), np.nan)
            for name, value in facts.items():
                if type(value) in (int, float) and name in terms._facts:
                    self._numbers[:, terms._facts[name]] = _float_neighbours(value)  # type: ignore[arg-type]

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
    absent = np.ones(_BITS, dtype=np.bool_)
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
