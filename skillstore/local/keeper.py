"""Keeper: keeps a table in shape in a thread of its own, so that no caller waits for it.

It turns a long tail into a segment, small segments into larger ones, makes cells for large ones and an index of the
precondition sets, and has a long journal followed by a snapshot.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from skillstore.errors import SkillStoreError
from skillstore.local import cells
from skillstore.local.rearrangement import Rearrangement
from skillstore.local.segment import Segment
from skillstore.local.storage import Storage
from skillstore.local.table import Lock, Table

_LARGER = 4  # times as large is the segment whose centroids fit those that came later better than few of their own


class Keeper:
    """Looks after one table, which `state` guards, and its `storage`.

    `renew` starts the next generation when the journal is long; it says whether it could.
    """

    def __init__(self, table: Table, state: Lock, storage: Storage, renew: Callable[[], bool]) -> None:
        self._table, self._state, self._storage, self._renew = table, state, storage, renew
        self._thread: threading.Thread | None = None
        self._stopped = False
        self._arranging = threading.Lock()  # taken before `state`

    def look(self) -> None:
        """Start working if there is something to do, and nobody does it. Returns at once."""
        self._look(self._storage.is_long(self._table))

    def _look(self, is_long: bool) -> None:
        if self._thread is not None or self._stopped:  # it looks again itself when it ends
            return
        with self._state:
            busy = self._thread is not None or self._stopped
            if not busy and (is_long or self._is_due() or self._lacking() is not None):
                thread = threading.Thread(target=self._work, name="skillstore-keeper", daemon=True)
                with suppress(RuntimeError):  # no more threads: the next look tries again
                    thread.start()
                    self._thread = thread

    def flush(self) -> None:
        """The tail is empty on return. Only its visible rows can leave it."""
        with self._arranging:
            self._arrange(lambda: self._table.due(flush=True))

    def compact(self) -> None:
        """Everything is in one segment without removed skills on return."""
        with self._arranging:
            self._arrange(self._table.whole)

    def wait(self) -> None:
        """Return when there is nothing left to do."""
        while (thread := self._thread) is not None:
            thread.join()

    def stop(self) -> None:
        """Leave what is unfinished; on return the thread has ended."""
        self._stopped = True
        self.wait()

    def _work(self) -> None:
        try:
            while not self._stopped:
                with self._arranging:
                    arranged = self._key_sets() or self._index_sets() or self._arrange(self._table.due)
                renewed = not arranged and self._storage.is_long(self._table) and self._renew()
                if not arranged and not renewed and not self._make_cells():
                    break
        except (SkillStoreError, MemoryError):
            self._stopped = True  # the library works without: whoever reads what is damaged is told
        finally:
            with self._state:
                self._thread = None
        self._look(is_long=False)  # what came up between the last look and now

    def _is_due(self) -> bool:
        matcher = self._table.matcher
        return matcher.unkeyed() is not None or matcher.is_loose() or self._table.due() is not None

    def _key_sets(self) -> bool:
        matcher = self._table.matcher
        with self._state:
            unkeyed = matcher.unkeyed()
        if unkeyed is None:
            return False
        keys = matcher.keys(*unkeyed)
        with self._state:
            matcher.take_keys(unkeyed[0], keys)
        return True

    def _index_sets(self) -> bool:
        matcher = self._table.matcher
        with self._state:
            indexing = matcher.indexing() if matcher.is_loose() else None
        if indexing is None:
            return False
        access = indexing.built()
        with self._state:
            matcher.access = access
        return True

    def _arrange(self, plan: Callable[[], Rearrangement | None]) -> bool:
        with self._state:
            rearrangement = plan()
        if rearrangement is None:
            return False
        segment = rearrangement.built()
        with self._state:
            self._table.put(rearrangement, segment)
        return True

    def _make_cells(self) -> bool:
        with self._state:
            segment = self._lacking()
            largest = max(self._table.segments, key=len, default=None)
        if segment is None or largest is None:
            return False
        borrowed = largest.cells.centroids if largest.cells and len(largest) > _LARGER * len(segment) else None
        made = cells.made(segment, self._words_of, lambda: self._is_wanted(segment), borrowed)
        if made is not None:
            with self._state:
                segment.cells = made
            self._storage.keep_cells(segment)
        return True

    def _words_of(self, sets: NDArray[np.int32]) -> list[NDArray[np.uint64]]:
        with self._state:
            return self._table.matcher.words_of(sets)

    def _lacking(self) -> Segment | None:
        """The largest segment that needs cells and has none."""
        lacking = [part for part in self._table.segments if part.cells is None and len(part) >= cells.SMALLEST]
        return max(lacking, key=len, default=None)

    def _is_wanted(self, segment: Segment) -> bool:
        return not self._stopped and segment in self._table.segments
