"""Replay: the changes of many whole commits of a journal, gathered so that a table takes them all at once.

One commit at a time costs some thirty small calls of numpy for each, whatever it holds. Here new skills of many records
become one record of columns, which is checked as one; all other changes follow in their order. That comes to the same:
a change can only name a skill that was added before it, and new skills have ascending ids.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from skillstore.local.changes import Change, Note, Removed, Request, Rows, change_of, rows_of
from skillstore.local.records import RecordError
from skillstore.local.table import Table

MOST_COMMITS = 4096
"""Of those that are gathered; fewer than the requests that a library remembers."""
MOST_BYTES = 8 * 2**20


class Replay:
    """Changes that are to be applied to `table`, which is not changed before `apply`."""

    def __init__(self, table: Table, dim: int) -> None:
        self._table, self._dim = table, dim
        self._next_id = table.staging.next_id
        self._columns: list[list[bytes]] = [
            [],
            [],
            [],
            [],
            [],
        ]  # of new skills: ids, lengths, counts, vectors, payloads
        self._others: list[Change] = []

    def take(self, form: Any) -> None:
        """The next record. Raises RecordError for one that cannot have been made, or not here."""
        if type(form) is list and len(form) == 6 and form[0] == "rows":
            self._take_new(form[1:])
            return
        change = change_of(form, self._dim)
        if isinstance(change, Rows) and not change.replaces:
            raise RecordError("a skill of the first format")
        if not isinstance(change, Note | Request) and _id_of(change) >= self._next_id:
            raise RecordError("a change of a skill that is not there yet")
        self._others.append(change)

    def _take_new(self, columns: list[Any]) -> None:
        if any(type(column) is not bytes for column in columns):
            raise RecordError("not skills")
        ids, lengths, counts, vectors, payloads = columns
        count = len(ids) // 8
        if not count or [len(ids), len(lengths), len(counts), len(vectors)] != [
            8 * count, 4 * count, 24 * count, 4 * self._dim * count,
        ]:  # fmt: skip
            raise RecordError("not skills of this library")
        length = int.from_bytes(lengths, "little") if count == 1 else int(np.frombuffer(lengths, "<u4").sum())
        if length != len(payloads):
            raise RecordError("payloads that are not there")
        first, last = (int.from_bytes(ids[place : place + 8], "little") for place in (0, len(ids) - 8))
        if first < self._next_id:
            raise RecordError(f"the id {first} is given twice")
        self._next_id = last + 1
        for gathered, column in zip(self._columns, columns, strict=True):
            gathered.append(column)

    def apply(self) -> None:
        """Let everybody see all changes. Raises RecordError or LookupError, and changes nothing, if one cannot be."""
        changes = list(self._others)
        if self._columns[0]:
            changes.insert(0, rows_of(self._dim, *map(b"".join, self._columns)))
        self._check(changes)
        for change in changes:
            self._table.stage(change)
        self._table.publish(changes, [])

    def _check(self, changes: list[Change]) -> None:
        """Every skill that is named is there, and no request is carried out twice."""
        present: dict[int, bool] = {}
        requests: set[str] = set()
        for change in changes:
            if isinstance(change, Request):
                if change.id in requests or self._table.answer(change.id) is not None:
                    raise RecordError(f"the request {change.id!r} is carried out twice")
                requests.add(change.id)
            elif isinstance(change, Rows) and not change.replaces:
                present.update(dict.fromkeys(change.ids.tolist(), True))
            elif not isinstance(change, Note):
                self._check_present(change, present)

    def _check_present(self, change: Change, present: dict[int, bool]) -> None:
        skill_id = _id_of(change)
        there = present.get(skill_id)
        if there is None:
            there = self._table.find(skill_id) is not None
        if not there:
            raise LookupError(f"no skill {skill_id}")
        present[skill_id] = not isinstance(change, Removed)


def _id_of(change: Any) -> int:
    return int(change.ids[0]) if isinstance(change, Rows) else change.id
