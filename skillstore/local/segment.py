"""Segment: many skills that no longer change but for their counts and their end, sorted by precondition set."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from skillstore.embedding import Vector, error_bound
from skillstore.local.cells import Cells
from skillstore.local.matcher import Applicable, Chosen
from skillstore.local.payloads import Payloads
from skillstore.local.ranges import joined
from skillstore.local.rings import Rings
from skillstore.local.vectors import products, span_products

Counts = NDArray[np.int64]
"""Shape (3, rows): times_used, success_count, times_learned."""


_FEW = 6_000  # rows that are read in less time than cells take
_COMMON = 0.04  # of the rows apply: enough cells are near; where fewer do,
_MANY = 24_000  # rows are read before cells are asked
_RIVALS = 1000  # rows that are read in less time than rings take
_DEEPER = 1.6  # how much farther than k / share the k-th that applies may be
_SAMPLE = 512  # rows that tell whether many apply
_FEW_SETS = 8192  # that are asked about one by one in less time than a state is resolved
_REMEMBERED = 32  # states


Wanted: TypeAlias = Chosen | Applicable
"""Precondition sets whose rows are asked for."""


class _Spans(NamedTuple):
    """The rows of some wanted sets: lengths[i] from starts[i] on, `rows` together."""

    wanted: Wanted
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    rows: int


class Segment:
    """Rows by position, from 0. What is given is taken over, not copied.

    sets       int64 (s,): the number of each list's precondition set
    starts     int64 (s + 1,): list i is rows starts[i] to starts[i + 1]
    ids        int64 (n,): ascending within each list
    vectors    float32 (n, dim), in C order
    counts     int64 (3, n), alive bool (n,): the only things that change
    number     that of its file; None while it has none
    """

    def __init__(
        self,
        sets: NDArray[np.int64],
        starts: NDArray[np.int64],
        ids: NDArray[np.int64],
        vectors: Vector,
        payloads: Payloads,
        counts: Counts,
        number: int | None = None,
    ) -> None:
        self.sets, self.starts, self.ids, self.payloads = sets, starts, ids, payloads
        self.counts, self.number = counts, number
        self.alive = np.ones(len(ids), dtype=np.bool_)
        self.cells: Cells | None = None
        self._vectors = vectors
        self._all_alive = True
        self._range = (int(sets[0]), int(sets[-1]) + 1) if (np.diff(sets) == 1).all() else None
        self._margin = 2 * error_bound(vectors.shape[1])
        self._spans: dict[int, _Spans] = {}
        self._by_id = np.argsort(ids)
        self._sample = np.repeat(sets, np.diff(starts))[:: max(1, len(ids) // _SAMPLE)]
        self._by_set = None if (np.diff(sets) > 0).all() else np.argsort(sets)

    def __len__(self) -> int:
        """All rows, those that are gone included."""
        return len(self.ids)

    def set_numbers(self) -> NDArray[np.int64]:
        """The number of every row's precondition set, int64 (n,)."""
        return np.repeat(self.sets, np.diff(self.starts))

    def has_distinct_ids(self) -> bool:
        ordered = self.ids[self._by_id]
        return bool((ordered[1:] != ordered[:-1]).all())

    def find(self, skill_id: int) -> int | None:
        """The position of the skill that is still there."""
        place = int(np.searchsorted(self.ids, skill_id, sorter=self._by_id))
        if place == len(self.ids):
            return None
        position = int(self._by_id[place])
        return position if self.ids[position] == skill_id and self.alive[position] else None

    def remove(self, position: int) -> None:
        self.alive[position] = False
        self._all_alive = False

    def adopt(self, counts: Counts, alive: NDArray[np.bool_]) -> None:
        """Take over these counts, and the end of those that are not alive."""
        self.counts, self.alive, self._all_alive = counts, alive, bool(alive.all())

    def vectors(self, positions: NDArray[np.int64]) -> Vector:
        rows: Vector = self._vectors[positions]
        return rows

    @property
    def matrix(self) -> Vector:
        """All vectors (n, dim); a view, not to be written."""
        return self._vectors

    def payloads_at(self, positions: NDArray[np.int64]) -> list[bytes]:
        """The payloads at a few positions, in any order."""
        return self.payloads.some(positions)

    def place(self, position: int) -> tuple[str, int]:
        """The file and offset of a row's payload."""
        return self.payloads.place(position)

    def candidates(self, wanted: Wanted, query: Vector, k: int) -> NDArray[np.int64]:
        """Positions still there in the wanted sets, certainly the k most similar and all that tie with them.

        Cost: the rows of those sets.
        """
        spans = self._spans_of(wanted)
        return self._close(*span_products(self._vectors, spans.starts, spans.lengths, query), k)

    def likely(self, applicable: Applicable, query: Vector, k: int) -> NDArray[np.int64] | None:
        """As `candidates`, by reading only the nearest cells; nearly always the same answer.

        None where that would not pay: where few skills apply, and where those of one cell apply far less often than
        those of the next, as what is similar and what applies go together there, and the best may be anywhere.
        """
        if self.cells is None:
            return None
        share = self._share(applicable)
        if not self._pays(share):
            return None
        needed, rows = 0, np.zeros(0, dtype=np.int64)
        while needed < (more := self.cells.needed(_DEEPER * k / share)):
            needed = more
            near = self.cells.near(query, needed)
            applies = applicable.among(near.sets, near.words)
            here = np.count_nonzero(applies) / len(applies)
            if not self._pays(here) or not near.are_alike(applies):
                return None
            rows, share = near.rows[applies].astype(np.int64), min(share, here)
        if needed == 0 or not self.cells.needed(_DEEPER * k / share):
            return None
        close = self._close(rows, products(self._vectors, rows, query), k)
        return close if len(close) >= k else None

    def rivals(self, applicable: Applicable, query: Vector, k: int, least: float) -> NDArray[np.int64] | None:
        """As `candidates`, but for some that are less similar than `least`: where rows cluster, few are looked at.

        None where that would not pay.
        """
        if self.cells is None or least == -np.inf:
            return None
        rows = self._share(applicable) * len(self)
        if rows < _RIVALS or len(places := self.cells.within(query, least)) > rows:
            return None
        words = [word[places] for word in self.cells.words]
        close = self.cells.rows[places[applicable.among(self.cells.sets[places], words)]].astype(np.int64)
        return self._close(close, products(self._vectors, close, query), k)

    def _pays(self, share: float) -> bool:
        """Whether so many apply that cells find them sooner, and lose nearly none."""
        return share * len(self) >= (_FEW if share >= _COMMON else _MANY)

    def _share(self, applicable: Applicable) -> float:
        """The share of the rows that apply: as a sample tells if it is large, else exactly."""
        if applicable.is_resolved:
            return self._spans_of(applicable).rows / len(self)
        share = applicable.shares.get(id(self))
        if share is None:
            share = np.count_nonzero(applicable.among(self._sample)) / len(self._sample)
            if not self._pays(share):
                return self._spans_of(applicable).rows / len(self)
            applicable.shares[id(self)] = share
        return share

    def _close(self, rows: NDArray[np.int64], proposed: Vector, k: int) -> NDArray[np.int64]:
        """Those of `rows` still there among which the k most similar certainly are."""
        if not self._all_alive:
            alive = self.alive[rows]
            rows, proposed = rows[alive], proposed[alive]
        if len(rows) <= k:
            return rows
        close: NDArray[np.int64] = rows[proposed >= np.partition(proposed, -k)[-k] - self._margin]
        return close

    def _spans_of(self, wanted: Wanted) -> _Spans:
        """Where the rows of the wanted sets are, remembered while who wants them lives."""
        spans = self._spans.get(id(wanted))
        if spans is None or spans.wanted is not wanted:
            if len(self._spans) >= _REMEMBERED:
                self._spans.pop(next(iter(self._spans)))
            lists = self._lists(wanted)
            starts = self.starts[lists]
            lengths = self.starts[lists + 1] - starts
            spans = self._spans[id(wanted)] = _Spans(wanted, starts, lengths, int(lengths.sum()))
        return spans

    def _lists(self, wanted: Wanted) -> NDArray[np.int64]:
        if isinstance(wanted, Applicable) and not wanted.is_resolved and len(self.sets) <= _FEW_SETS:
            return np.flatnonzero(wanted.among(self.sets))
        chosen = wanted.chosen if isinstance(wanted, Applicable) else wanted
        if self._range is None:
            return np.flatnonzero(chosen.mask[self.sets])
        first, last = self._range
        if first == 0 and last == chosen.count:
            return chosen.numbers
        low, high = np.searchsorted(chosen.numbers, self._range)
        return chosen.numbers[low:high] - first

    def positions(self, chosen: Chosen) -> NDArray[np.int64]:
        """Every position still there in the chosen sets, ascending. Cost: the rows of those sets."""
        spans = self._spans_of(chosen)
        rows = joined(spans.starts, spans.lengths)
        return rows if self._all_alive else rows[self.alive[rows]]

    def rings(self, start: int, length: int, vectors: Vector) -> Rings | None:  # noqa: ARG002 - cells know them
        """Around the rows side by side from `start` on; None without cells."""
        return None if self.cells is None else self.cells.rings(start, length)

    def spans_of_sets(self, sets: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(starts, lengths) of the rows of each of these sets, those that are gone included; length 0 for none."""
        order = self._by_set
        places = np.minimum(self.sets.searchsorted(sets, sorter=order), len(self.sets) - 1)
        lists = places if order is None else order[places]
        starts = self.starts[lists]
        return starts, (self.starts[lists + 1] - starts) * (self.sets[lists] == sets)
