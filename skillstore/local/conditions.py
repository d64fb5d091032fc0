"""Conditions: what one fact must be, as bytes of which any number can be compared at once.

A condition is the packed name of its fact, and then the packed value; or a mark and the packed values that are allowed,
in the order of their hashes; or two marks and the packed bounds. Numbers that are equal are packed alike. So two
conditions are equal exactly if their bytes are. Hashes are Python's own of bytes: another process has others.
"""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Iterable
from itertools import chain
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from skillstore.local.ranges import joined
from skillstore.local.records import packed, values_in
from skillstore.preconditions import Interval, allowed_in, condition_from
from skillstore.values import Value, comparable

Condition: TypeAlias = tuple[str, Hashable]
"""(fact name, canonical condition)."""

Bytes: TypeAlias = NDArray[np.uint8]

_MARK = b"\xc1"  # begins no value
_BLOCK = 4096  # conditions that are compared at a time
_LONG = 2**16  # bytes of one that is compared alone
_NAMES = 4096  # that are remembered


class Columns(NamedTuple):
    """Conditions by place, from 0.

    data       their bytes, one after another
    starts     int64 (n + 1,): condition i is starts[i] to starts[i + 1] of them
    names      uint32 (n,): how many of these name the fact
    facts      int64 (n,): the hash of those
    hashes     int64 (m,): of all entries by which it is found, its own first; then those of the values it allows
    owners     int32 (m,), ascending: whose entry it is
    offsets    uint32 (m,): where what makes the hash, beside the name, begins in it
    intervals  int32 (k,): those that are, with bounds, float64 (k, 2)
    absent     int32: those that hold where the fact is absent
    """

    data: Bytes
    starts: NDArray[np.int64]
    names: NDArray[np.uint32]
    facts: NDArray[np.int64]
    hashes: NDArray[np.int64]
    owners: NDArray[np.int32]
    offsets: NDArray[np.uint32]
    intervals: NDArray[np.int32]
    bounds: NDArray[np.float64]
    absent: NDArray[np.int32]

    @property
    def own_hashes(self) -> NDArray[np.int64]:
        """The hash of each condition itself."""
        if len(self.owners) == len(self.names):  # no condition has more than one entry
            return self.hashes
        return self.hashes[np.flatnonzero(np.diff(self.owners, prepend=-1))]

    def check_distinct(self) -> None:
        """Raises ValueError if two are equal."""
        hashes = self.own_hashes
        order = np.argsort(hashes)
        hashes = hashes[order]
        twins = np.flatnonzero(hashes[1:] == hashes[:-1])
        one, two, sizes = order[twins], order[twins + 1], np.diff(self.starts)
        if (
            alike(self.data, self.starts[one], self.data, self.starts[two], sizes[one]) & (sizes[one] == sizes[two])
        ).any():
            raise ValueError("a condition is there twice")

    def only(self, places: NDArray[np.int64]) -> Columns:
        """Those in `places`, ascending."""
        number = np.full(len(self.names), -1, dtype=np.int32)
        number[places] = np.arange(len(places))
        sizes, entries, kept = np.diff(self.starts)[places], number[self.owners] >= 0, number[self.intervals] >= 0
        return Columns(
            self.data[joined(self.starts[places], sizes)],
            np.concatenate(([0], np.cumsum(sizes))),
            self.names[places],
            self.facts[places],
            self.hashes[entries],
            number[self.owners[entries]],
            self.offsets[entries],
            number[self.intervals[kept]],
            self.bounds[kept],
            number[self.absent[number[self.absent] >= 0]],
        )


class Batch:
    """Conditions that are gathered one by one."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.starts, self.names, self.facts = array("q", [0]), array("I"), array("q")
        self.hashes, self.owners, self.offsets = array("q"), array("i"), array("I")
        self.intervals, self.bounds, self.absent = array("i"), array("d"), array("i")
        self._packed_names: dict[str, bytes] = {}

    def __len__(self) -> int:
        return len(self.names)

    def columns(self) -> Columns:
        """All of them; nothing can be taken from then on."""
        return Columns(
            np.frombuffer(self.data, np.uint8),
            np.asarray(self.starts),
            np.asarray(self.names),
            np.asarray(self.facts),
            np.asarray(self.hashes),
            np.asarray(self.owners),
            np.asarray(self.offsets),
            np.asarray(self.intervals),
            np.asarray(self.bounds).reshape(-1, 2),
            np.asarray(self.absent),
        )

    def take(self, fact: str, wanted: Hashable) -> None:
        """One more condition, in canonical form."""
        if isinstance(wanted, frozenset):
            self.take_any(fact, wanted)
            return
        name, place = self._name(fact), len(self)
        if isinstance(wanted, Interval):
            rest = _MARK + _MARK + packed([_plain(wanted.low), _plain(wanted.high)])
            self.intervals.append(place)
            self.bounds.append(-np.inf if wanted.low is None else wanted.low)
            self.bounds.append(np.inf if wanted.high is None else wanted.high)
        else:
            rest = value_key(wanted)
            if wanted is None:
                self.absent.append(place)
        self._enter(hash(name + rest), len(name))
        self._end(name, rest)

    def take_form(self, fact: str, form: Value) -> None:
        """One more, of its tagged form. Raises InvalidInputError if it cannot have been made."""
        allowed = allowed_in(form, fact)
        if allowed is None:
            self.take(fact, condition_from(form, fact))
            return
        first = next(allowed)
        second = next((value for value in allowed if value != first), first)
        if second == first:
            self.take(fact, first)
        else:
            self.take_any(fact, chain((first, second), allowed))

    def take_any(self, fact: str, values: Iterable[Hashable]) -> None:
        """One more: that the fact is any of these, at least two."""
        name, place, own = self._name(fact), len(self), len(self.hashes)
        data, ends, hashes = bytearray(), array("I", [0]), array("q")
        for value in values:
            key = value_key(value)
            data += key
            ends.append(len(data))
            hashes.append(hash(name + key))
            if value is None and self.absent[-1:] != array("i", [place]):
                self.absent.append(place)
        self._enter(0, len(name))
        rest, last = bytearray(_MARK), b""
        for each in np.argsort(hashes, kind="stable"):  # of very many, a list would be large
            key = bytes(data[ends[each] : ends[each + 1]])
            if key != last:
                self._enter(hashes[each], len(name) + len(rest))
                rest += key
                last = key
        self.hashes[own] = hash(name + rest)
        self._end(name, rest)

    def _name(self, fact: str) -> bytes:
        name = self._packed_names.get(fact)
        if name is None:
            if len(self._packed_names) >= _NAMES:
                self._packed_names.clear()
            name = self._packed_names[fact] = packed(fact)
        return name

    def _enter(self, key: int, offset: int) -> None:
        self.hashes.append(key)
        self.owners.append(len(self))
        self.offsets.append(offset)

    def _end(self, name: bytes, rest: bytes | bytearray) -> None:
        self.data += name
        self.data += rest
        self.starts.append(len(self.data))
        self.facts.append(hash(name))
        self.names.append(len(name))


def value_key(value: Hashable) -> bytes:
    """The bytes of a comparable value, alike for equal ones. Raises ValueError, OverflowError if none can be stored."""
    return packed(_plain(value))


def _plain(value: Hashable) -> Value:
    """Equal numbers as one: an int if that can be stored. What stands for a bool or a list, as what it is."""
    if type(value) is float and value.is_integer() and -(2**63) <= value < 2**64:
        return int(value)
    if type(value) is int and not -(2**63) <= value < 2**64:
        return float(value) if float(value) == value else value
    if type(value) is tuple:
        return value[1] if value[0] == "bool" else [_plain(item) for item in value[1:]]
    return value


def decoded(data: bytes) -> Condition:
    """The condition that these bytes are."""
    size = len(packed(name := next(values_in(data))))
    rest = data[size:]
    if rest.startswith(_MARK + _MARK):
        low, high = next(values_in(rest[2:]))
        return name, Interval(*(None if bound is None else float(bound) for bound in (low, high)))
    if rest.startswith(_MARK):
        return name, frozenset(comparable(value, name) for value in values_in(rest[1:]))
    return name, comparable(next(values_in(rest)), name)


def alike(
    data: Bytes, starts: NDArray[np.int64], other: Bytes, others: NDArray[np.int64], lengths: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Whether the bytes of `data` from starts[i] on are those of `other` from others[i] on: bool (n,).

    The bytes must be there in `other`; where `data` ends before, they are not alike.
    """
    same = starts + lengths <= len(data)
    for first in range(0, len(starts), _BLOCK):
        chosen = first + np.flatnonzero(same[first : first + _BLOCK])
        long = lengths[chosen] > _LONG
        for place in chosen[long].tolist():
            size, one, two = lengths[place], starts[place], others[place]
            same[place] = np.array_equal(data[one : one + size], other[two : two + size])
        chosen = chosen[~long]
        if len(chosen):
            sizes = lengths[chosen]
            equal = data[joined(starts[chosen], sizes)] == other[joined(others[chosen], sizes)]
            same[chosen] = np.logical_and.reduceat(equal, np.cumsum(sizes) - sizes)
    return same
