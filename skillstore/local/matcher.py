"""Matcher: from a state to the precondition sets it satisfies, exactly.

A precondition set is a sorted row of terms, interned once; it is satisfied when all its terms hold. Each has its terms
as bits of a few words, so that a set with a term that does not hold shows a bit that should not be there. Where terms
share bits, or are intervals, the sets that pass are checked term by term. No loop over sets.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from itertools import chain, pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from skillstore.local.access import Access
from skillstore.local.conditions import Condition
from skillstore.local.growable import Growable
from skillstore.local.held import Held
from skillstore.local.ranges import joined
from skillstore.local.terms import WORDS, Terms
from skillstore.preconditions import Facts

Sets: TypeAlias = NDArray[np.int64] | NDArray[np.int32]
"""Numbers of precondition sets."""

_REMEMBERED = 64  # states
_LOOSE = 4096  # sets outside the access index that are no burden


class Chosen:
    """Some of `count` precondition sets.

    numbers  int64 (n,), ascending
    mask     bool (count,)
    """

    def __init__(self, numbers: NDArray[np.int64], count: int) -> None:
        self.numbers, self.count = numbers, count
        self._mask: NDArray[np.bool_] | None = None

    @property
    def mask(self) -> NDArray[np.bool_]:
        if self._mask is None:
            self._mask = np.zeros(self.count, dtype=np.bool_)
            self._mask[self.numbers] = True
        return self._mask

    def others(self) -> Chosen:
        """All that are not chosen."""
        return Chosen(np.flatnonzero(~self.mask), self.count)

    @classmethod
    def everything(cls, count: int) -> Chosen:
        return cls(np.arange(count, dtype=np.int64), count)


class Matcher:
    """Precondition sets by number, from 0, and the states that satisfy them. Not safe for threads: its owner locks."""

    def __init__(self) -> None:
        self.terms = Terms()
        self._count = 0  # the truth: columns are written before a set is counted, and looked up only after
        self._sets: dict[bytes, int] = {}
        self._keyed = 0  # sets that stand in it
        self._starts: Growable[np.int64] = Growable(np.int64)  # the terms of set i: starts[i] to starts[i + 1]
        self._starts.append([0])
        self._flat: Growable[np.int32] = Growable(np.int32)
        self._words: list[Growable[np.uint64]] = [Growable(np.uint64) for _ in range(WORDS)]
        self._remembered: dict[frozenset[tuple[str, Hashable]], Applicable] = {}
        self.access = self.indexing().built()

    def __len__(self) -> int:
        """The number of precondition sets."""
        return self._count

    # interning

    def intern_each(self, sets: Iterable[Sequence[Condition]]) -> NDArray[np.int64]:
        """The numbers of many sets, given by their conditions, kept for the life of the matcher: int64 (n,)."""
        listed = list(sets)
        if len(listed) == 1:
            return np.array([self._intern(listed[0])])
        sizes = np.fromiter(map(len, listed), dtype=np.int64, count=len(listed))
        return self.intern_many(sizes, np.array(self.terms.numbers(chain.from_iterable(listed)), dtype=np.int32))

    def _intern(self, conditions: Sequence[Condition]) -> int:
        """The number of one set; in less time than `intern_many` takes."""
        self._key()
        terms = np.array(sorted(self.terms.numbers(conditions)), dtype=np.int32)
        key = terms.tobytes()
        number = self._sets.get(key)
        if number is None:
            number = len(self)
            self._put_sets(np.array([len(terms)]), terms)
            self.take_keys(self._keyed, [key])
        return number

    def intern_many(
        self, sizes: NDArray[np.int64], terms: NDArray[np.int32], distinct: bool = False
    ) -> NDArray[np.int64]:
        """The numbers of many sets: `sizes` (n,) terms of each, set after set, in any order within a set.

        `distinct`: no two of them are equal.
        """
        owners = np.repeat(np.arange(len(sizes)), sizes)
        if ((np.diff(terms) < 0) & (np.diff(owners) == 0)).any():
            terms = terms[np.lexsort((terms, owners))]
        terms = terms.astype(np.int32, copy=False)
        if distinct and not len(self):
            self._put_sets(sizes, terms)
            return np.arange(len(self))
        self._key()
        ends = 4 * np.cumsum(sizes)
        data, interned, fresh = terms.tobytes(), self._sets, dict[bytes, int]()
        numbers, places = [], []
        for place, (start, end) in enumerate(zip((ends - 4 * sizes).tolist(), ends.tolist(), strict=True)):
            key = data[start:end]
            number = interned.get(key)
            if number is None:
                following = len(self) + len(fresh)
                number = fresh.setdefault(key, following)
                if number == following:
                    places.append(place)
            numbers.append(number)
        if fresh:
            new = np.array(places, dtype=np.int64)
            self._put_sets(sizes[new], terms[joined(ends[new] // 4 - sizes[new], sizes[new])])
            self.take_keys(self._keyed, list(fresh))
        return np.array(numbers, dtype=np.int64)

    def terms_of(self, sets: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """(how many terms each has, their terms set after set): as `intern_many` takes them."""
        starts = self._starts.rows[sets]
        sizes = self._starts.rows[sets + 1] - starts
        return sizes, self._flat.rows[joined(starts, sizes)]

    def _put_sets(self, sizes: NDArray[np.int64], terms: NDArray[np.int32]) -> None:
        known = len(self)
        taken = int(self._starts.rows[known])
        words = self.terms.words(terms, np.repeat(np.arange(len(sizes)), sizes), len(sizes))
        self._starts.put(known + 1, taken + np.cumsum(sizes))
        self._flat.put(taken, terms)
        for column, word in zip(self._words, words, strict=True):
            column.put(known, word)
        self._count = known + len(sizes)

    def _key(self) -> None:
        """Let every set be looked up by its terms."""
        if self._keyed < self._count:
            self.take_keys(self._keyed, self.keys(self._keyed, self._count))

    def keys(self, first: int, count: int) -> list[bytes]:
        """What the sets from `first` up to `count` are looked up by; the matcher may change meanwhile."""
        ends = (4 * self._starts.rows[first : count + 1]).tolist()
        data, base = self._flat.rows[ends[0] // 4 : ends[-1] // 4].tobytes(), ends[0]
        return [data[start - base : end - base] for start, end in pairwise(ends)]

    def unkeyed(self) -> tuple[int, int] | None:
        """(first, count) of the sets that cannot be looked up yet, if there are many: those of a file just read."""
        return (self._keyed, self._count) if self._count - self._keyed > _LOOSE else None

    def take_keys(self, first: int, keys: list[bytes]) -> None:
        """Let the sets from `first` on be looked up by `keys`, unless they can be already."""
        if self._keyed == first:
            self._sets.update(zip(keys, range(first, first + len(keys)), strict=True))
            self._keyed = first + len(keys)

    def words_of(self, sets: Sets) -> list[NDArray[np.uint64]]:
        """The terms of each of `sets` as bits, which never change: WORDS columns, uint64 (n,)."""
        return [column.rows[sets] for column in self._words]

    # the access index

    def is_loose(self) -> bool:
        """Whether it is time for a new access index."""
        return len(self) - self.access.count > max(_LOOSE, self.access.count // 4)

    def indexing(self) -> Indexing:
        """What a new access index is made of. The matcher must stand still only while this is taken down."""
        count = len(self)
        starts = self._starts.rows[: count + 1]
        return Indexing(starts, self._flat.rows[: starts[-1]], self._words[0].rows[:count], self.terms.are_values)

    # states

    def applicable(self, facts: Facts) -> Applicable:
        """The sets that `facts` satisfy, resolved no further than it is asked; remembered by the facts that matter."""
        knows = self.terms.knows
        relevant = frozenset([item for item in facts.items() if knows(item[0])])
        found = self._remembered.get(relevant)
        if found is None:
            if len(self._remembered) >= _REMEMBERED:
                self._remembered.pop(next(iter(self._remembered)))
            found = self._remembered[relevant] = Applicable(self, dict(relevant))
        found.refresh()
        return found

    def satisfied(self, facts: Facts) -> NDArray[np.bool_]:
        """Which sets `facts` satisfy: bool (sets,), resolved anew."""
        return Applicable(self, facts).chosen.mask

    def passing(self, numbers: Sets, words: Iterable[NDArray[np.uint64]], held: Held) -> NDArray[np.bool_]:
        """Which of the sets `numbers`, which have these words, are satisfied: bool (n,)."""
        met = ~held.lacks(words)
        if not self.terms.exact:
            passed = np.flatnonzero(met)
            met[passed] = self._checked(numbers[passed], held)
        return met

    def resolved(self, held: Held, first: int = 0) -> NDArray[np.int64]:
        """The sets from number `first` on that are satisfied, ascending."""
        loose = max(first, self.access.count)
        passed = loose + np.flatnonzero(~held.lacks(column.rows[loose : len(self)] for column in self._words))
        if first < self.access.count:
            possible = self.access.possible(held)
            possible = possible[self._words[1].rows[possible] & held.absent[1] == 0]
            passed = np.concatenate((possible[possible >= first] if first else possible, passed))
        return np.sort(passed if self.terms.exact else passed[self._checked(passed, held)])

    def _checked(self, numbers: Sets, held: Held) -> NDArray[np.bool_]:
        """Which of the sets have no term that does not hold."""
        starts = self._starts.rows[numbers]
        lengths = self._starts.rows[numbers + 1] - starts
        holds = held.hold(self._flat.rows[joined(starts, lengths)])
        met = np.ones(len(numbers), dtype=np.bool_)
        filled = np.flatnonzero(lengths)
        if len(filled):
            met[filled] = np.logical_and.reduceat(holds, (np.cumsum(lengths) - lengths)[filled])
        return met


class Indexing:
    """A new access index in the making."""

    def __init__(self, *columns: NDArray[np.generic]) -> None:
        self._columns = columns

    def built(self) -> Access:
        """Takes time; the matcher may change meanwhile."""
        return Access.of(*self._columns)  # type: ignore[arg-type]


class Applicable:
    """Which precondition sets some facts satisfy: all of them, or only those asked about. Its matcher's owner locks.

    shares  what segments found out about it, by their identity: how large a share of their rows applies
    """

    def __init__(self, matcher: Matcher, facts: Facts) -> None:
        self._matcher, self._facts = matcher, facts
        self._terms, self._held = len(matcher.terms), Held(matcher.terms, facts)
        self._chosen: Chosen | None = None
        self.shares: dict[int, float] = {}

    def refresh(self) -> None:
        """Take up the terms and sets that came since."""
        if self._terms != len(self._matcher.terms):
            self._terms, self._held = len(self._matcher.terms), Held(self._matcher.terms, self._facts)
        chosen, count = self._chosen, len(self._matcher)
        if chosen is not None and chosen.count != count:
            more = self._matcher.resolved(self._held, chosen.count)
            self._chosen = Chosen(np.concatenate((chosen.numbers, more)), count)

    @property
    def is_resolved(self) -> bool:
        """Whether `chosen` costs nothing."""
        return self._chosen is not None

    @property
    def chosen(self) -> Chosen:
        """All of them."""
        if self._chosen is None:
            self._chosen = Chosen(self._matcher.resolved(self._held), len(self._matcher))
        return self._chosen

    def among(self, numbers: Sets, words: Iterable[NDArray[np.uint64]] | None = None) -> NDArray[np.bool_]:
        """Of the sets `numbers`, whose `words` the caller may have side by side: bool (n,)."""
        if self._chosen is not None:
            chosen: NDArray[np.bool_] = self._chosen.mask[numbers]
            return chosen
        return self._matcher.passing(numbers, self._matcher.words_of(numbers) if words is None else words, self._held)
