"""Moment: all skills of a table as they were once, readable while the table goes on changing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from skillstore.local.rearrangement import Part
from skillstore.local.table import Table, decoded
from skillstore.local.tail import Tail
from skillstore.skill import Skill

_BLOCK = 256  # skills decoded together


class Moment:
    """Holds the parts there are now. Taking it costs a copy of ids and counts; skills are decoded later, by blocks."""

    def __init__(self, table: Table, staged: bool = False) -> None:
        self._held = [_Held(table, part, staged) for part in table.parts()]

    def __iter__(self) -> Iterator[Skill]:
        """By ascending id."""
        return self.after(0)

    def after(self, skill_id: int) -> Iterator[Skill]:
        """Those with a greater id, by ascending id: what comes before is not decoded."""
        ids = np.concatenate([held.ids for held in self._held])
        owners = np.repeat(np.arange(len(self._held)), [len(held.ids) for held in self._held])
        places = np.concatenate([np.arange(len(held.ids)) for held in self._held])
        order = np.argsort(ids, kind="stable")
        first = int(np.searchsorted(ids[order], skill_id, side="right"))
        for start in range(first, len(order), _BLOCK):
            block = order[start : start + _BLOCK]
            made: dict[int, Skill] = {}
            for owner in np.unique(owners[block]).tolist():
                rows = block[owners[block] == owner]
                made.update(zip(rows.tolist(), self._held[owner].skills(places[rows]), strict=True))
            yield from (made[row] for row in block.tolist())


class _Held:
    """The skills of one part. A segment's rows never change; a tail's do, so it is copied."""

    def __init__(self, table: Table, part: Part, staged: bool) -> None:
        rows = table.positions(part, table.everything(), staged)
        self.ids = part.ids[rows]
        self._counts = table.counts(part, rows, staged)
        self._part: Part = part
        self._rows = rows
        if isinstance(part, Tail):
            self._part, self._rows = part.copy(rows), np.arange(len(rows))

    def skills(self, places: NDArray[np.int64]) -> list[Skill]:
        return decoded(self._part, self._rows[places], self._counts[:, places])
