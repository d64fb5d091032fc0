"""Staging: what writers have done and readers do not see yet."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skillstore.local.changes import Change, Learned, Note, Outcome, Removed, Request, Rows

Counts = tuple[int, int, int]


class Gone(NamedTuple):
    """Skills whose rows are not there any more, `ids`, `but` for these rows of the tail, which replace them."""

    ids: NDArray[np.int64]
    but: NDArray[np.int64]


_NOTHING_GONE = Gone(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))


class Staging:
    """The sum of the changes that are staged, over what is visible.

    superseded  id -> the row of the tail that replaces it, or None if it is gone; rows of ids not here are as they are
    notes       key -> its record, or None if it is gone; keys not here are as visible
    requests    id -> its answer, of those carried out
    more        how many skills there are more than visible
    next_id     the id that the next new skill gets
    """

    def __init__(self, next_id: int) -> None:
        self.superseded: dict[int, int | None] = {}
        self.notes: dict[str, bytes | None] = {}
        self.requests: dict[str, bytes] = {}
        self.more = 0
        self.next_id = next_id
        self._counts: dict[int, Counts] = {}

    def take(self, change: Change, row: int) -> None:
        """Add `change`; if it is Rows, `row` is where the tail has the first."""
        if isinstance(change, Rows):
            if change.replaces:
                for place, skill_id in enumerate(change.ids.tolist()):
                    self.superseded[skill_id] = row + place
                    self._counts.pop(skill_id, None)
            else:
                self.more += len(change.ids)
                self.next_id = int(change.ids[-1]) + 1
        elif isinstance(change, Removed):
            self.superseded[change.id] = None
            self.more -= 1
        elif isinstance(change, Note):
            self.notes[change.key] = change.data
        elif isinstance(change, Request):
            self.requests[change.id] = change.answer
        else:
            used, succeeded, learned = self.counts(change.id)
            step = counted(change)
            self._counts[change.id] = (used + step[0], succeeded + step[1], learned + step[2])

    def retake(self, changes: Iterable[Change], first_row: int) -> None:
        """Become the sum of `changes`, whose rows stand in the tail from `first_row` on."""
        self.superseded.clear()
        self.notes.clear()
        self.requests.clear()
        self._counts.clear()
        self.more = 0
        for change in changes:
            self.take(change, first_row)
            first_row += len(change.ids) if isinstance(change, Rows) else 0

    def shift(self, rows: int) -> None:
        """The tail has given away its first `rows` rows."""
        self.superseded = {skill_id: None if row is None else row - rows for skill_id, row in self.superseded.items()}

    def counts(self, skill_id: int) -> Counts:
        """What is to be added to the skill's counts."""
        return self._counts.get(skill_id, (0, 0, 0))

    def gone(self) -> Gone:
        if not self.superseded:
            return _NOTHING_GONE
        ids = np.fromiter(self.superseded, dtype=np.int64, count=len(self.superseded))
        return Gone(ids, np.array([row for row in self.superseded.values() if row is not None], dtype=np.int64))


def counted(change: Learned | Outcome) -> Counts:
    """What `change` adds to (times_used, success_count, times_learned)."""
    return (0, 0, 1) if isinstance(change, Learned) else (1, int(change.succeeded), 0)
