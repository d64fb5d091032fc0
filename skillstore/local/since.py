"""Since: how much was changed since the snapshot, counted as it is published or read again from the journal."""

from __future__ import annotations

from skillstore.local.changes import Change, Learned, Note, Outcome, Removed, Rows


class Since:
    """Counts from 0, which is what a snapshot begins with."""

    def __init__(self) -> None:
        self.added = self.merged = self.replaced = self.removed = self.outcomes = self.notes = 0

    @property
    def changes(self) -> int:
        """All of them together."""
        return self.added + self.merged + self.replaced + self.removed + self.outcomes + self.notes

    def take(self, change: Change) -> None:
        """One more change, or as many as it has rows. Requests are no change of what is kept."""
        if isinstance(change, Rows):
            if change.replaces:
                self.replaced += len(change.ids)
            else:
                self.added += len(change.ids)
        elif isinstance(change, Learned):
            self.merged += 1
        elif isinstance(change, Removed):
            self.removed += 1
        elif isinstance(change, Outcome):
            self.outcomes += 1
        elif isinstance(change, Note):
            self.notes += 1
