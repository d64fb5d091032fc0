"""Writer: how changes become commits. One thread at a time stages; syncs are shared by all that wait for one."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from skillstore.errors import LibraryMovedError, SkillStoreError, WriteFailedError
from skillstore.local.changes import Change, Rows, record_of
from skillstore.local.journal import FRAME_TARGET, Place
from skillstore.local.storage import Storage
from skillstore.local.table import Lock, Table
from skillstore.values import Value

INTERVAL = 1.0
"""Seconds within which an acknowledged change is on the disk, with durability "interval"."""


@dataclass
class Commit:
    """The changes staged by the thread `owner`; `records` are those not yet written to the journal.

    `queued`: it is written whole, and waits to be published.
    """

    owner: int
    next_id: int
    start: Place
    queued: bool = False
    changes: list[Change] = field(default_factory=list)
    records: list[bytes] = field(default_factory=list)
    unwritten: int = 0


@dataclass(frozen=True)
class _Mark:
    """Where a commit stood, to go back to. `records` is its list then, of which the first `kept` were there."""

    changes: int
    records: list[bytes]
    kept: int
    unwritten: int
    next_id: int
    place: Place


class Writer:
    """Stages, writes, syncs and publishes. `state` guards the table, and is never held while the disk syncs."""

    def __init__(self, table: Table, storage: Storage, state: Lock, durability: str) -> None:
        self._table, self._storage, self._state, self._durability = table, storage, state, durability
        self._writing = threading.RLock()
        self._open: Commit | None = None
        self._pending: deque[tuple[int, Commit]] = deque()
        self._written = self._synced = 0  # commits
        self._turn = threading.Lock()  # to sync; locks are taken in the order writing, turn, state
        self._failure: SkillStoreError | None = None  # never raised itself: its traceback would keep the library
        self._syncs, self._sync_seconds, self._lock_seconds = 0, 0.0, 0.0
        self._stop = threading.Event()
        self._syncer = threading.Thread(target=self._sync_at_intervals, name="skillstore-sync", daemon=True)
        if durability == "interval":
            self._syncer.start()

    def mine(self) -> bool:
        """Whether the calling thread has a commit open, and so sees what is staged."""
        commit = self._open
        return commit is not None and commit.owner == threading.get_ident()

    @contextmanager
    def commit(self) -> Iterator[Commit]:
        """Everything staged inside is one commit: durable on leaving, or absent if the block raises.

        Inside another commit of the same thread it is a part of that one, which alone is undone if the block raises.
        """
        if self.mine():
            yield from self._part()
            return
        came = time.perf_counter()
        with self._writing:
            self._lock_seconds += time.perf_counter() - came
            ticket = yield from self._whole()
        self._settle(ticket)

    @contextmanager
    def alone(self, patience: float = -1.0) -> Iterator[bool]:
        """Nothing is staged, or waits to be synced, while the block runs; unless others write, and `patience` ends.

        Yields whether it is so. `patience` in seconds; negative: without end.
        """
        if not self._writing.acquire(timeout=patience):
            yield False
            return
        try:
            self._settle(self._written)
            yield True
        finally:
            self._writing.release()

    def stage(self, change: Change) -> None:
        """Add to the open commit of this thread."""
        commit = self._opened()
        record = record_of(change)
        with self._state:
            self._table.stage(change)
            commit.changes.append(change)
        self._record(commit, record)

    def stage_rows(self, rows: Rows, sets: NDArray[np.int64]) -> None:
        """As `stage`, for many rows and the numbers of their precondition sets."""
        commit = self._opened()
        records = [record_of(part) for part in rows.parts()]
        with self._state:
            self._table.stage_rows(rows, sets)
            commit.changes.append(rows.staged())
        for record in records:
            self._record(commit, record)

    def _record(self, commit: Commit, record: bytes) -> None:
        commit.records.append(record)
        commit.unwritten += len(record)
        if commit.unwritten >= FRAME_TARGET:
            self._write(commit, closes=False)

    def fail(self, error: BaseException) -> SkillStoreError:
        """Take no further change: the disk did not do what it was asked, or is not there. The error to raise."""
        with self._state:
            self._failure = _failure_of(error)
            self._pending.clear()
            self._table.drop([], self._table.staging.next_id)
        return self._failed()

    def stats(self) -> dict[str, Value]:
        """Since it was opened: syncs that commits waited for, seconds in them, seconds of waiting for other changes."""
        return {"syncs": self._syncs, "sync_seconds": self._sync_seconds, "lock_seconds": self._lock_seconds}

    def stop(self) -> bool:
        """Settle what is written, and end. Whether all of it is durable."""
        self._stop.set()
        if self._syncer.is_alive():
            self._syncer.join()
        with self._writing:
            if self._failure is None and self._durability == "full":
                self._settle(self._written)
            return self._failure is None

    # a commit

    def _whole(self) -> Generator[Commit, None, int]:
        if self._failure is not None:
            raise self._failed()
        commit = Commit(threading.get_ident(), self._table.staging.next_id, self._storage.place)
        try:
            self._open = commit
            yield commit
            if commit.changes:
                self._write(commit, closes=True)
            return self._enqueue(commit)
        except BaseException as error:
            if commit.queued:  # a signal broke in too late to undo the commit, too early to know it whole
                self.fail(error)
            else:
                self._rewind(commit, _Mark(0, [], 0, 0, commit.next_id, commit.start))
            raise
        finally:
            self._open = None

    def _part(self) -> Iterator[Commit]:
        commit = self._opened()
        mark = _Mark(
            len(commit.changes), commit.records, len(commit.records), commit.unwritten,
            self._table.staging.next_id, self._storage.place,
        )  # fmt: skip
        try:
            yield commit
        except BaseException:
            self._rewind(commit, mark)
            raise

    def _opened(self) -> Commit:
        if self._failure is not None:
            raise self._failed()
        assert self._open is not None  # noqa: S101 - only called inside commit()
        return self._open

    def _write(self, commit: Commit, closes: bool) -> None:
        try:
            self._storage.write(commit.records, closes)
        except OSError as error:
            raise self.fail(error) from error
        commit.records, commit.unwritten = [], 0

    def _rewind(self, commit: Commit, mark: _Mark) -> None:
        """Undo what was staged since `mark`."""
        if self._failure is not None:
            return
        try:
            if self._storage.place != mark.place:
                self._storage.cut(mark.place)
        except OSError as error:
            self.fail(error)
            return
        commit.records, commit.unwritten = mark.records[: mark.kept], mark.unwritten
        with self._state:
            del commit.changes[mark.changes :]
            waiting = [change for _, other in self._pending for change in other.changes]
            self._table.drop([*waiting, *commit.changes], mark.next_id)

    # commits on their way to the disk

    def _enqueue(self, commit: Commit) -> int:
        with self._state:  # in one go: whoever publishes meanwhile needs to know all that is staged
            if commit.changes:
                commit.queued = True
                self._pending.append((self._written + 1, commit))
                self._written += 1
            self._open = None
            if self._durability != "full":
                self._publish(self._written)
            return self._written

    def _settle(self, ticket: int) -> None:
        """Return when commit `ticket` is durable and everybody sees it. Who gets the turn syncs for all that wait."""
        while self._durability == "full" and self._synced < ticket:
            with self._turn:
                if self._failure is not None:
                    raise self._failed()
                upto = self._written
                if self._synced < ticket:
                    self._sync()
                    with self._state:
                        self._publish(upto)

    def _sync(self) -> None:
        began = time.perf_counter()
        try:
            self._storage.sync()
            self._storage.check_written()
        except (OSError, LibraryMovedError) as error:
            raise self.fail(error) from error
        self._syncs += 1
        self._sync_seconds += time.perf_counter() - began

    def _publish(self, upto: int) -> None:
        try:
            while self._pending and self._pending[0][0] <= upto:
                _, commit = self._pending.popleft()
                staged = [change for _, other in self._pending for change in other.changes]
                if self._open is not None:
                    staged += self._open.changes
                self._table.publish(commit.changes, staged)
            self._synced = max(self._synced, upto)
        except BaseException as error:  # a signal broke in: the disk has it, this table may not
            self.fail(error)
            raise

    def _failed(self) -> SkillStoreError:
        assert self._failure is not None  # noqa: S101 - only asked for after `fail`
        return type(self._failure)(*self._failure.args)

    def _sync_at_intervals(self) -> None:
        while not self._stop.wait(INTERVAL / 2):  # the sync itself takes time, too
            try:
                self._storage.sync()
            except OSError as error:
                self.fail(error)
                return


def _failure_of(error: BaseException) -> SkillStoreError:
    if isinstance(error, LibraryMovedError):
        return LibraryMovedError(*error.args)
    return WriteFailedError(
        f"a write, sync or snapshot was broken off ({error!r}); what was acknowledged is safe, no further "
        "change is taken: close the library and open it again (if the disk is full, make room before)"
    )
