"""Commit: changes on their way to be whole or absent together, and the batches that make them."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from skillstore.local.changes import Change
from skillstore.local.journal import Place
from skillstore.tasks import Nest


class Commit(Nest):
    """Opened by the caller; `next_id` and `start` are the table's and the journal's then.

    changes    what is staged; of it `records`, of `unwritten` bytes, are not yet in the journal
    queued     it is written whole, and waits to be published
    recording  held while `records` and the journal grow, or are cut
    """

    def __init__(self, next_id: int, start: Place) -> None:
        super().__init__()
        self.changes: list[Change] = []
        self.records: list[bytes] = []
        self.unwritten = 0
        self.queued = False
        self.recording = threading.Lock()
        self.beginning = Mark(0, [], 0, 0, next_id, start)

    def mark(self, next_id: int, place: Place) -> Mark:
        """Where it stands."""
        return Mark(len(self.changes), self.records, len(self.records), self.unwritten, next_id, place)


@dataclass(frozen=True)
class Mark:
    """Where a commit stood, to go back to. `records` is its list then, of which the first `kept` were there."""

    changes: int
    records: list[bytes]
    kept: int
    unwritten: int
    next_id: int
    place: Place
