"""Terms: each distinct condition on a fact has a number, from 1, and some facts tell which terms hold.

Terms on values are looked up, all of a state at once, and remembered, as states have the same facts again. Intervals
are compared with the fact, only those asked about: a library may have as many intervals as skills.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from contextlib import suppress
from itertools import chain
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from skillstore.local.conditions import Batch, Columns, Condition, alike, decoded, value_key
from skillstore.local.growable import Growable
from skillstore.local.lookup import Entries, Found, Hashes, Lookup
from skillstore.local.records import packed
from skillstore.preconditions import Facts

K = TypeVar("K")
V = TypeVar("V")

WORDS = 2
BITS = 64 * WORDS
_BLOCK = 4096  # conditions that are looked for at a time
_FEW = 8  # that are sooner asked about one by one
_REMEMBERED = 65_536  # that were looked up lately
_NEVER = (-1, 0, np.inf, -np.inf)  # columns of a term that no number meets: bit, fact, bounds


class _Taken(NamedTuple):
    """How many there are: terms; those that are no intervals; those that hold where a fact is absent; facts."""

    terms: int = 0
    values: int = 0
    absent: int = 0
    facts: int = 0


class Terms:
    """Conditions by number. `_taken` is the truth: columns are written before it, and what is behind it is no more."""

    def __init__(self) -> None:
        self._taken = _Taken()
        self._data: Growable[np.uint8] = Growable(np.uint8)  # term t is starts[t] to starts[t + 1] of it
        self._starts: Growable[np.int64] = Growable(np.int64)
        self._absent: Growable[np.int32] = Growable(np.int32)  # terms that hold when the fact is not in the state
        self.bits: Growable[np.int16] = Growable(np.int16)  # columns by term; term 0 always holds
        self.fact_of: Growable[np.int32] = Growable(np.int32)
        self.bounds: Growable[np.float64] = Growable(np.float64, 2)
        self._lookup = Lookup()
        self._numbers: dict[Condition, int] = {}  # what was looked up lately
        self._by_value: dict[tuple[str, Hashable], tuple[int, ...]] = {}  # the terms that it makes hold
        self._facts: dict[str, tuple[int, ...]] = {}
        self._starts.append([0, 0])
        self.bits.append([_NEVER[0]])
        self.fact_of.append([_NEVER[1]])
        self.bounds.append([_NEVER[2:]])

    def __len__(self) -> int:
        return self._taken.terms

    @property
    def facts(self) -> int:
        """How many facts there are terms on."""
        return self._taken.facts

    @property
    def has_intervals(self) -> bool:
        return self._taken.values != self._taken.terms

    @property
    def exact(self) -> bool:
        """Whether each term has a bit of its own, so that words alone tell what holds."""
        return self._taken.values == self._taken.terms <= BITS

    @property
    def are_values(self) -> NDArray[np.bool_]:
        """Which terms are no intervals: bool (terms + 1,)."""
        return self.bits.rows[: len(self) + 1] >= 0

    def numbers(self, conditions: Iterable[Condition]) -> list[int]:
        """The terms of `conditions`, in their order; new ones are numbered."""
        wanted, known = list(conditions), self._numbers
        fresh = list(dict.fromkeys(condition for condition in wanted if condition not in known))
        if not fresh:
            return [known[condition] for condition in wanted]
        batch = Batch()
        for condition in fresh:
            batch.take(*condition)
        facts = [self.places(fact)[:1] for fact, _ in fresh]
        for (fact, one), places in zip(fresh, facts, strict=True):
            if not places:
                self._facts.pop(fact, None)
            for value in one if isinstance(one, frozenset) else (one,):
                self._by_value.pop((fact, value), None)
        known_facts = np.array(facts, dtype=np.int32)[:, 0] if all(facts) else None
        found = dict(zip(fresh, self._taken_up(batch.columns(), known_facts).tolist(), strict=True))
        numbers = [found[condition] if condition in found else known[condition] for condition in wanted]
        _remember(known, found)
        return numbers

    def taken_up(self, batch: Batch) -> NDArray[np.int32]:
        """The terms of many conditions; new ones are numbered. Raises ValueError if two of them are equal."""
        columns = batch.columns()
        columns.check_distinct()
        self._facts.clear()
        self._by_value.clear()
        return self._taken_up(columns)

    def _taken_up(self, columns: Columns, facts: NDArray[np.int32] | None = None) -> NDArray[np.int32]:
        """As `taken_up`; `facts` are those of the conditions, if there are terms on all of them."""
        numbers = self._known(columns)
        new = np.flatnonzero(numbers == 0)
        if len(new):
            numbers[new] = np.arange(len(self) + 1, len(self) + 1 + len(new))
            new_columns = columns if len(new) == len(numbers) else columns.only(new)
            self._put(new_columns, None if facts is None else facts[new])
        return numbers

    def condition(self, term: int) -> Condition:
        start, end = self._starts.rows[term : term + 2].tolist()
        return decoded(self._data.rows[start:end].tobytes())

    def places(self, fact: str) -> tuple[int, ...]:
        """The numbers that a fact has, nearly always one; none if no term is on it."""
        found = self._facts.get(fact)
        if found is None:
            try:
                name = packed(fact)
            except ValueError:  # no text that could be stored
                return ()
            terms = self._named([hash(name)], [name], [b""])[1]
            found = tuple(set(self.fact_of.rows[terms].tolist()))
            _remember(self._facts, {fact: found})
        return found

    def knows(self, fact: str) -> bool:
        """Whether any term is on this fact."""
        return bool(self._facts.get(fact) or self.places(fact))

    def words(self, terms: NDArray[np.int32], owners: NDArray[np.int64], count: int) -> NDArray[np.uint64]:
        """For `count` sets the bits of their terms, as words: uint64 (WORDS, count). terms[i] belongs to owners[i]."""
        bits = self.bits.rows[terms]
        words = np.zeros((WORDS, count), dtype=np.uint64)
        for place in range(WORDS):
            here = np.flatnonzero((bits >= 64 * place) & (bits < 64 * (place + 1)))
            np.bitwise_or.at(
                words[place], owners[here], np.left_shift(np.uint64(1), (bits[here] % 64).astype(np.uint64))
            )
        return words

    def holding(self, facts: Facts) -> NDArray[np.int64]:
        """The terms that hold in `facts`, term 0 first; no intervals, which are only compared when asked about."""
        terms, missing = [0], []
        for item in facts.items():
            found = self._by_value.get(item)
            if found is None:
                missing.append(item)
            else:
                terms += found
        if missing:
            terms += chain.from_iterable(self._looked_up(missing))
        held = np.array(terms, dtype=np.int64)
        if self._taken.absent:
            held = np.concatenate((held, self._held_absent(facts)))
        return held

    def _held_absent(self, facts: Facts) -> NDArray[np.int64]:
        """The terms that hold because their fact is not there."""
        there = list(chain.from_iterable(self._looked_up([(name, None) for name in facts])))
        absent = self._absent.rows[: self._taken.absent].astype(np.int64)  # ascending
        return np.delete(absent, absent.searchsorted(there)) if there else absent

    def _looked_up(self, items: Sequence[tuple[str, Hashable]]) -> list[tuple[int, ...]]:
        """The terms that each of these values of facts makes hold."""
        remembered, found = self._by_value.get, dict[tuple[str, Hashable], tuple[int, ...]]()
        asked, names, keys, hashes = [], [], [], []
        for item in items:
            if remembered(item) is None and item not in found:
                found[item] = ()
                with suppress(ValueError, OverflowError):  # what cannot be stored, no condition asks for
                    name, key = packed(item[0]), value_key(item[1])
                    if self._lookup.has(hashed := hash(name + key)):
                        asked.append(item)
                        names.append(name)
                        keys.append(key)
                        hashes.append(hashed)
        if asked:
            owners, terms = self._named(hashes, names, keys)
            for owner in set(owners.tolist()):
                found[asked[owner]] = tuple(set(terms[owners == owner].tolist()))
        terms_of = [found[item] if item in found else self._by_value[item] for item in items]
        if found:
            _remember(self._by_value, found)
        return terms_of

    def _named(
        self, hashes: list[int], names: list[bytes], keys: list[bytes]
    ) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """(whose, term): of each hash the terms that have this name, and this key where their entry says."""
        if len(hashes) <= _FEW:
            return self._named_few(hashes, names, keys)
        owners, terms, offsets = self._entries(hashes)
        if not len(owners):
            return owners, terms
        for wanted, places in ((names, 0), (keys, offsets)):
            sizes = np.array([len(each) for each in wanted], dtype=np.int64)
            whole, ends = np.frombuffer(b"".join(wanted), np.uint8), np.cumsum(sizes)
            filled = sizes[owners] > 0
            same = np.ones(len(owners), dtype=np.bool_)
            own, starts = owners[filled], (self._starts.rows[terms] + places)[filled]
            same[filled] = alike(self._data.rows, starts, whole, (ends - sizes)[own], sizes[own])
            owners, terms, offsets = owners[same], terms[same], offsets[same]
        return owners, terms

    def _named_few(
        self, hashes: list[int], names: list[bytes], keys: list[bytes]
    ) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """As `_named`, one by one: for few that takes less time than arrays."""
        owners, terms, data, starts = [], [], self._data.rows.data, self._starts.rows
        for owner, (hashed, name, key) in enumerate(zip(hashes, names, keys, strict=True)):
            for term, offset in self._lookup.at(hashed):
                if term <= len(self):
                    start = int(starts[term])
                    place = start + offset
                    if data[start : start + len(name)] == name and data[place : place + len(key)] == key:
                        owners.append(owner)
                        terms.append(term)
        return np.array(owners, dtype=np.int64), np.array(terms, dtype=np.int32)

    def _entries(self, hashes: list[int] | Hashes) -> Found:
        """Those of terms that there are."""
        found = self._lookup.find(hashes)
        there = found.numbers <= len(self)
        if there.all():
            return found
        return Found(found.owners[there], found.numbers[there], found.offsets[there])

    def _known(self, columns: Columns) -> NDArray[np.int32]:
        """The terms of conditions; 0 where there is none yet."""
        hashes, starts, sizes = columns.own_hashes, columns.starts, np.diff(columns.starts)
        numbers = np.zeros(len(hashes), dtype=np.int32)
        if len(hashes) <= _FEW and not any(map(self._lookup.has, hashes.tolist())):
            return numbers
        for first in range(0, len(hashes) if len(self) else 0, _BLOCK):
            owners, terms, offsets = self._entries(hashes[first : first + _BLOCK])
            if not len(owners):
                continue
            owners, begins = owners + first, self._starts.rows[terms]
            possible = offsets == columns.names[owners]  # else an entry of one of several values
            possible &= self._starts.rows[terms + 1] - begins == sizes[owners]
            own = np.flatnonzero(possible)
            own = own[alike(self._data.rows, begins[own], columns.data, starts[owners[own]], sizes[owners[own]])]
            numbers[owners[own]] = terms[own]
        return numbers

    def _put(self, new: Columns, fact_of: NDArray[np.int32] | None) -> None:
        """Number new conditions, on facts that are known if `fact_of` says which."""
        taken, first, count = self._taken, len(self) + 1, len(new.names)
        facts = self._put_entries(new, first, fact_of)
        self._data.put(int(self._starts.rows[first]), new.data)
        self._starts.put(first + 1, self._starts.rows[first] + new.starts[1:])
        values = taken.values + count - len(new.intervals)
        is_value = np.ones(count, dtype=np.bool_)
        is_value[new.intervals] = False
        bits = np.full(count, _NEVER[0], dtype=np.int16)
        bits[is_value] = np.arange(taken.values, values) % BITS
        self.bits.put(first, bits)
        self.bounds.put(first, np.broadcast_to(_NEVER[2:], (count, 2)))
        self.bounds.rows[first + new.intervals] = new.bounds
        self._absent.put(taken.absent, first + new.absent)
        self._taken = _Taken(taken.terms + count, values, taken.absent + len(new.absent), facts)

    def _put_entries(self, new: Columns, first: int, fact_of: NDArray[np.int32] | None) -> int:
        """Let new terms, from `first` on, be found, and say which facts they are on; how many of these there are."""
        entries, facts = [Entries(new.hashes, np.int32(first) + new.owners, new.offsets)], self._taken.facts
        if fact_of is None:
            fact_of, fresh, facts = self._facts_of(new)
            entries.append(Entries(new.facts[fresh], np.int32(first) + fresh, np.zeros(len(fresh), np.uint32)))
        self.fact_of.put(first, fact_of)
        self._lookup.put(*entries)
        return facts

    def _facts_of(self, new: Columns) -> tuple[NDArray[np.int32], NDArray[np.int32], int]:
        """(numbers of the facts of new conditions, the first of these on each new fact, how many there are then)."""
        hashes, alikes, inverse = np.unique(new.facts, return_index=True, return_inverse=True)
        firsts = alikes.astype(np.int32)
        begins, names = new.starts[:-1], new.names.astype(np.int64)
        owners, terms, _ = self._entries(hashes)
        own = firsts[owners]
        known = alike(self._data.rows, self._starts.rows[terms], new.data, begins[own], names[own])
        numbers = np.full(len(hashes), -1, dtype=np.int32)
        numbers[owners[known]] = self.fact_of.rows[terms[known]]
        fresh, facts = np.flatnonzero(numbers < 0), self._taken.facts
        numbers[fresh] = np.arange(facts, facts + len(fresh))
        fact_of, started, facts = numbers[inverse], firsts[fresh], facts + len(fresh)
        own = firsts[inverse]
        others = np.flatnonzero(~alike(new.data, begins, new.data, begins[own], names[own])).astype(np.int32)
        fact_of[others] = np.arange(facts, facts + len(others))  # names of one hash: hardly ever
        return fact_of, np.concatenate((started, others)), facts + len(others)


def _remember(memory: dict[K, V], found: dict[K, V]) -> None:
    if len(memory) + len(found) > _REMEMBERED:
        memory.clear()
    if len(found) <= _REMEMBERED:
        memory.update(found)
