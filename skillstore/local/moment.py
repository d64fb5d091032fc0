"""Moment: all skills of a table as they were once, readable while the table goes on changing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from skillstore.local.rearrangement import Part
from skillstore.local.table import Table, decoded
from skillstore.local.tail import Tail
from skillstore.skill import Skill


class Moment:
    """Holds the parts there are now. Taking it costs a copy of ids and counts; skills are decoded one by one later."""

    def __init__(self, table: Table, staged: bool = False) -> None:
        self._held = [_Held(table, part, staged) for part in table.parts()]

    def __iter__(self) -> Iterator[Skill]:
        """By ascending id."""
        ids = np.concatenate([held.ids for held in self._held])
        owners = np.repeat(np.arange(len(self._held)), [len(held.ids) for held in self._held])
        places = np.concatenate([np.arange(len(held.ids)) for held in self._held])
        for row in np.argsort(ids, kind="stable"):
            yield self._held[owners[row]].skill(int(places[row]))


class _Held:
    """The skills of one part. A segment's rows never change; a tail's do, so it is copied."""

    def __init__(self, table: Table, part: Part, staged: bool) -> None:
        everything = np.ones(len(table.matcher), dtype=np.bool_)
        rows = table.positions(part, everything, staged)
        self.ids = part.ids[rows]
        self._counts = table.counts(part, rows, staged)
        self._part: Part = part
        self._rows = rows
        if isinstance(part, Tail):
            self._part, self._rows = part.copy(rows), np.arange(len(rows))

    def skill(self, place: int) -> Skill:
        row = int(self._rows[place])
        vector = self._part.vectors(self._rows[place : place + 1])[0]
        vector.setflags(write=False)
        return decoded(self._part, row, int(self.ids[place]), vector, self._counts[:, place].tolist())
