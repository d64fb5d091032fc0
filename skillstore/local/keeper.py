"""Keeper: makes cells for large segments in a thread of its own, so that no caller waits for them."""

from __future__ import annotations

import threading
from collections.abc import Callable

from skillstore.local import cells
from skillstore.local.segment import Segment
from skillstore.local.table import Table


class Keeper:
    """Looks after the segments of one table. `state` guards the table; `keep` is told of each segment that is done."""

    def __init__(self, table: Table, state: threading.Condition, keep: Callable[[Segment], None]) -> None:
        self._table, self._state, self._keep = table, state, keep
        self._thread: threading.Thread | None = None
        self._stopped = False

    def look(self) -> None:
        """Start working if there is something to do, and nobody does it. Returns at once; call it with `state` held."""
        working = self._thread is not None and self._thread.is_alive()
        if not self._stopped and not working and self._next() is not None:
            self._thread = threading.Thread(target=self._work, name="skillstore-keeper", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Leave what is unfinished; on return the thread has ended."""
        self._stopped = True
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def wait(self) -> None:
        """Return when there is nothing left to do."""
        while (thread := self._thread) is not None and thread.is_alive():
            thread.join()

    def _next(self) -> Segment | None:
        """The largest segment that lacks cells."""
        lacking = [s for s in self._table.segments if s.cells is None and len(s) >= cells.SMALLEST]
        return max(lacking, key=len, default=None)

    def _work(self) -> None:
        while True:
            with self._state:
                segment = self._next()
                if segment is None or self._stopped:
                    self._thread = None
                    return
            self._make(segment)

    def _make(self, segment: Segment) -> None:
        made = cells.made(segment, segment.starts, lambda: self._is_wanted(segment))
        if made is None:
            return
        with self._state:
            segment.cells = made
        self._keep(segment)

    def _is_wanted(self, segment: Segment) -> bool:
        return not self._stopped and segment in self._table.segments
