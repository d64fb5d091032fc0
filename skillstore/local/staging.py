"""Staging: what writers have done and readers do not see yet."""

from __future__ import annotations

from collections.abc import Iterable

from skillstore.local.changes import Change, Learned, Note, Outcome, Removed, Row

Counts = tuple[int, int, int]


class Staging:
    """The sum of the changes that are staged, over what is visible.

    places    id -> its row among the staged rows of the tail, or None if it is gone; ids not here are as visible
    superseded  ids whose visible row, if there is one, was removed or replaced
    notes     key -> its record, or None if it is gone; keys not here are as visible
    next_id   the id that the next new skill gets
    """

    def __init__(self, next_id: int) -> None:
        self.places: dict[int, int | None] = {}
        self.superseded: set[int] = set()
        self.notes: dict[str, bytes | None] = {}
        self.next_id = next_id
        self._counts: dict[int, Counts] = {}

    def take(self, change: Change, row: int) -> None:
        """Add `change`; if it is a Row, `row` is where the tail has it."""
        if isinstance(change, Row):
            self.places[change.id] = row
            if change.replaces:
                self.superseded.add(change.id)
            self._counts.pop(change.id, None)
            self.next_id = max(self.next_id, change.id + 1)
        elif isinstance(change, Removed):
            self.places[change.id] = None
            self.superseded.add(change.id)
        elif isinstance(change, Note):
            self.notes[change.key] = change.data
        else:
            used, succeeded, learned = self.counts(change.id)
            step = counted(change)
            self._counts[change.id] = (used + step[0], succeeded + step[1], learned + step[2])

    def retake(self, changes: Iterable[Change], first_row: int) -> None:
        """Become the sum of `changes`, whose rows stand in the tail from `first_row` on."""
        self.places.clear()
        self.superseded.clear()
        self.notes.clear()
        self._counts.clear()
        for change in changes:
            self.take(change, first_row)
            first_row += isinstance(change, Row)

    def shift(self, rows: int) -> None:
        """The tail has given away its first `rows` rows."""
        self.places = {skill_id: None if row is None else row - rows for skill_id, row in self.places.items()}

    def counts(self, skill_id: int) -> Counts:
        """What is to be added to the skill's counts."""
        return self._counts.get(skill_id, (0, 0, 0))


def counted(change: Learned | Outcome) -> Counts:
    """What `change` adds to (times_used, success_count, times_learned)."""
    return (0, 0, 1) if isinstance(change, Learned) else (1, int(change.succeeded), 0)
