"""Matcher: from a state to the precondition sets it satisfies, exactly.

Each distinct condition on a fact has a number, its *term*; a precondition set is a sorted row of terms, interned
once. To resolve a state, the terms that hold are looked up, one look-up for each fact of the state. A set is satisfied
when all its terms hold. Each set has its terms as bits of a few words, so that a set with a term that does not hold
shows a bit that should not be there: one pass over the words tells for all sets at once. With more terms than bits,
terms share bits, and the sets that pass are checked term by term. No loop over sets.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from skillstore.local.growable import Growable
from skillstore.preconditions import Facts, Interval, PreconditionSet

Mask: TypeAlias = NDArray[np.bool_]
"""Shape (sets,): whether each precondition set, by its number, is satisfied."""

_REMEMBERED = 64  # states whose answer is kept
_WORDS = 2
_BITS = 64 * _WORDS


class _Fact:
    """The terms on one fact: by the values that satisfy them, and the intervals."""

    def __init__(self) -> None:
        self.by_value: dict[Hashable, list[int]] = {}
        self.interval_terms: Growable[np.int32] = Growable(np.int32)
        self.bounds: Growable[np.float64] = Growable(np.float64, 2)

    def add(self, condition: Hashable, term: int) -> None:
        if isinstance(condition, Interval):
            self.interval_terms.append(term)
            low = -np.inf if condition.low is None else condition.low
            self.bounds.append([low, np.inf if condition.high is None else condition.high])
        else:
            for value in condition if isinstance(condition, frozenset) else (condition,):
                self.by_value.setdefault(value, []).append(term)

    def intervals_around(self, value: float) -> NDArray[np.int32]:
        """The terms of the intervals in which the number lies."""
        low, high = self.bounds.rows.T
        below, above = _float_neighbours(value)
        around: NDArray[np.int32] = self.interval_terms.rows[(low <= below) & (above <= high)]
        return around


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


class Matcher:
    """Precondition sets by number, from 0, and the states that satisfy them. Not safe for threads: its owner locks."""

    def __init__(self) -> None:
        self._facts: dict[str, _Fact] = {}
        self._terms: dict[tuple[str, Hashable], int] = {}
        self._conditions: list[tuple[str, Hashable]] = []
        self._absent: dict[str, list[int]] = {}  # terms that hold when the fact is not in the state
        self._sets: dict[bytes, int] = {}
        self._words: list[Growable[np.uint64]] = [Growable(np.uint64) for _ in range(_WORDS)]
        self._sizes: dict[int, tuple[Growable[np.int32], Growable[np.int32]]] = {}  # size -> set numbers, terms
        self._keys: list[bytes] = []
        self._remembered: dict[frozenset[tuple[str, Hashable]], Mask] = {}

    def __len__(self) -> int:
        """The number of precondition sets."""
        return len(self._keys)

    def intern(self, preconditions: PreconditionSet) -> int:
        """The number of the set, which it keeps for the life of the matcher."""
        terms = np.array(self.terms(preconditions.conditions), dtype=np.int32)
        number = self._sets.get(np.sort(terms).tobytes())
        if number is None:
            number = int(self.intern_many(np.array([len(terms)]), terms)[0])
        return number

    def terms(self, conditions: Iterable[tuple[str, Hashable]]) -> list[int]:
        """The terms of `conditions`, in their order; new ones are numbered."""
        return [self._terms.get(condition) or self._new_term(condition) for condition in conditions]

    def intern_many(self, sizes: NDArray[np.int64], terms: NDArray[np.int32]) -> NDArray[np.int64]:
        """The numbers of many sets: `sizes` (n,) terms of each, set after set, in any order within a set."""
        owners = np.repeat(np.arange(len(sizes)), sizes)
        terms = terms[np.lexsort((terms, owners))].astype(np.int32)
        ends = np.cumsum(sizes)
        starts = ends - sizes
        data, known = terms.tobytes(), len(self._keys)
        numbers, fresh = [], []
        for place, (start, end) in enumerate(zip((4 * starts).tolist(), (4 * ends).tolist(), strict=True)):
            key = data[start:end]
            number = self._sets.setdefault(key, len(self._keys))
            if number == len(self._keys):
                self._keys.append(key)
                fresh.append(place)
            numbers.append(number)
        if fresh:
            self._add_sets(known, starts[fresh], sizes[fresh], terms)
        return np.array(numbers, dtype=np.int64)

    def _add_sets(
        self, first: int, starts: NDArray[np.int64], sizes: NDArray[np.int64], terms: NDArray[np.int32]
    ) -> None:
        """Take up sets numbered from `first`, each `sizes` of `terms` from `starts` on."""
        words = np.zeros((len(sizes), _WORDS), dtype=np.uint64)
        for size in np.unique(sizes).tolist():
            of_size = np.flatnonzero(sizes == size)
            chosen = terms[starts[of_size][:, None] + np.arange(size)]
            numbers, rows = self._sizes.setdefault(size, (Growable(np.int32), Growable(np.int32, max(size, 1))))
            numbers.append(first + of_size)
            rows.append(chosen if size else np.zeros(len(of_size), dtype=np.int32))
            bits = (chosen.astype(np.int64) - 1) % _BITS
            for place in range(_WORDS):
                here = np.left_shift(np.uint64(1), (bits % 64).astype(np.uint64)) * (bits // 64 == place)
                words[of_size, place] = np.bitwise_or.reduce(here.astype(np.uint64), axis=1)
        for column, word in zip(self._words, words.T, strict=True):
            column.append(word)
        self._remembered.clear()

    def set_terms(self, number: int) -> NDArray[np.int32]:
        """The terms of a set, ascending."""
        return np.frombuffer(self._keys[number], dtype=np.int32)

    def condition(self, term: int) -> tuple[str, Hashable]:
        """The (fact name, canonical condition) of a term."""
        return self._conditions[term - 1]

    def satisfied(self, facts: Facts) -> Mask:
        """Which sets `facts` satisfy; a read-only mask, remembered by the facts that matter."""
        relevant = self._relevant(facts)
        mask = self._remembered.get(relevant)
        if mask is None:
            if len(self._remembered) >= _REMEMBERED:
                self._remembered.pop(next(iter(self._remembered)))
            mask = self._remembered[relevant] = self._resolve(facts)
            mask.setflags(write=False)
        return mask

    def applicable(self, facts: Facts) -> Applicable:
        """The same, resolved no further than it is asked."""
        return Applicable(self, facts)

    def remembered(self, facts: Facts) -> Mask | None:
        """The mask, if it was resolved before."""
        return self._remembered.get(self._relevant(facts))

    def among(self, numbers: NDArray[np.int64], facts: Facts) -> NDArray[np.bool_] | None:
        """Which of the sets `numbers` are satisfied: bool (n,); None if only a mask can tell."""
        if len(self._conditions) > _BITS:
            return None
        absent = ~_words(np.flatnonzero(self._holding(facts)[1:]))
        lacking = self._words[0].rows[numbers] & absent[0]
        for column, word in zip(self._words[1:], absent[1:], strict=True):
            lacking |= column.rows[numbers] & word
        met: NDArray[np.bool_] = lacking == 0
        return met

    def _relevant(self, facts: Facts) -> frozenset[tuple[str, Hashable]]:
        known = self._facts
        return frozenset([item for item in facts.items() if item[0] in known])

    def _new_term(self, condition: tuple[str, Hashable]) -> int:
        self._conditions.append(condition)
        term = self._terms[condition] = len(self._conditions)  # from 1: term 0 always holds
        name, wanted = condition
        self._facts.setdefault(name, _Fact()).add(wanted, term)
        if wanted is None or (isinstance(wanted, frozenset) and None in wanted):
            self._absent.setdefault(name, []).append(term)
        self._remembered.clear()
        return term

    def _resolve(self, facts: Facts) -> Mask:
        holds = self._holding(facts)
        absent = ~_words(np.flatnonzero(holds[1:]))
        lacking = self._words[0].rows & absent[0]
        here = np.empty_like(lacking)
        for column, word in zip(self._words[1:], absent[1:], strict=True):
            np.bitwise_and(column.rows, word, out=here)
            np.bitwise_or(lacking, here, out=lacking)
        mask: Mask = lacking == 0
        if len(self._conditions) > _BITS:
            self._check_terms(mask, holds)
        return mask

    def _holding(self, facts: Facts) -> NDArray[np.bool_]:
        """Which terms hold: bool (terms + 1,); the first stands for no term at all."""
        holds = np.zeros(len(self._conditions) + 1, dtype=np.bool_)
        terms: list[int] = [0]
        for name, value in facts.items():
            known = self._facts.get(name)
            if known is not None:
                terms += known.by_value.get(value, ())
                if len(known.bounds) and type(value) in (int, float):
                    holds[known.intervals_around(value)] = True  # type: ignore[arg-type]
        for name, absent in self._absent.items():
            if name not in facts:
                terms += absent
        holds[terms] = True
        return holds

    def _check_terms(self, mask: Mask, holds: NDArray[np.bool_]) -> None:
        """Clear those of `mask` that passed because terms share bits."""
        for numbers, rows in self._sizes.values():
            passed = np.flatnonzero(mask[numbers.rows])
            mask[numbers.rows[passed]] = holds[rows.rows[passed]].all(axis=1)


class Applicable:
    """Which precondition sets some facts satisfy: all of them, or only those asked about. Short-lived."""

    def __init__(self, matcher: Matcher, facts: Facts) -> None:
        self._matcher, self._facts = matcher, facts
        self._mask = matcher.remembered(facts)

    @property
    def resolved(self) -> Mask | None:
        """All of them, if that is known."""
        return self._mask

    @property
    def mask(self) -> Mask:
        """All of them; costs a pass over all sets, unless the state was resolved before."""
        if self._mask is None:
            self._mask = self._matcher.satisfied(self._facts)
        return self._mask

    def among(self, numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Of the sets `numbers`: bool (n,)."""
        few = self._matcher.among(numbers, self._facts) if self._mask is None else None
        return self.mask[numbers] if few is None else few


def _words(places: NDArray[np.integer]) -> NDArray[np.uint64]:
    """The bits of the terms at `places` (a term less one), as words."""
    bits = np.zeros(_BITS, dtype=np.bool_)
    bits[places % _BITS] = True
    return np.packbits(bits, bitorder="little").view("<u8").astype(np.uint64)
