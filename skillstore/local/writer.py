"""Writer: how changes become commits. One task at a time stages; syncs are shared by all that wait for one."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from skillstore.errors import WriteFailedError
from skillstore.local.changes import Change, Rows, record_of
from skillstore.local.commit import Commit, Mark
from skillstore.local.journal import FRAME_TARGET
from skillstore.local.storage import Storage
from skillstore.local.table import Lock, Table
from skillstore.tasks import Nests, Owner, out_of_order
from skillstore.values import Value

INTERVAL = 1.0
"""Seconds within which an acknowledged change is on the disk, with durability "interval"."""


class Writer:
    """Stages, writes, syncs and publishes. `state` guards the table, and is never held while the disk syncs."""

    def __init__(self, table: Table, storage: Storage, state: Lock, durability: str) -> None:
        self._table, self._storage, self._state, self._durability = table, storage, state, durability
        self._writing = threading.Lock()  # held by a commit from its beginning to its end, by whichever thread
        self._commits: Nests[Commit] = Nests()
        self._open: Commit | None = None  # what is staged; where nobody holds `_writing`, what is left to be undone
        self._pending: deque[tuple[int, Commit]] = deque()
        self._written = self._synced = 0  # commits
        self._turn = threading.Lock()  # to sync; locks are taken in the order writing, turn, state
        self._failure: BaseException | None = None
        self._syncs, self._sync_seconds, self._lock_seconds = 0, 0.0, 0.0
        self._stop = threading.Event()
        self._syncer = threading.Thread(target=self._sync_at_intervals, name="skillstore-sync", daemon=True)
        if durability == "interval":
            self._syncer.start()

    def mine(self) -> bool:
        """Whether the calling task has a commit open, and so sees what is staged."""
        return self._mine() is not None

    def check_waiting(self) -> None:
        """Raise LibraryLockedError if the calling task, which has no commit open, may not wait for that of another."""
        self._commits.check_waiting()

    def check_change(self) -> None:
        """As `check_waiting`, for a change: see `Nests`."""
        self._commits.check_change()

    @contextmanager
    def commit(self) -> Iterator[Commit]:
        """Everything staged inside is one commit: durable on leaving, or absent if the block raises.

        Inside another commit of the same task it is a part of that one, which alone is undone if the block raises.
        """
        outer = self._mine()
        if outer is not None:
            yield from self._part(outer)
            return
        self.check_change()
        came = time.perf_counter()
        with self._writing:
            self._lock_seconds += time.perf_counter() - came
            ticket = yield from self._whole()
        self._settle(ticket)

    @contextmanager
    def alone(self, patience: float = -1.0) -> Iterator[bool]:
        """Nothing is staged, or waits to be synced, while the block runs; unless others write, and `patience` ends.

        Yields whether it is so. `patience` in seconds; negative: without end. Inside a commit of the caller, only
        that one's changes are staged.
        """
        if self.mine():
            self._settle(self._written)
            yield True
            return
        self.check_waiting()
        if not self._writing.acquire(timeout=patience):
            yield False
            return
        try:
            self._clear()
            self._settle(self._written)
            yield True
        finally:
            self._writing.release()

    def stage(self, change: Change) -> None:
        """Add to the open commit of this task."""
        commit = self._opened()
        record = record_of(change)
        with self._state:
            commit.check_open()
            self._table.stage(change)
            commit.changes.append(change)
        self._record(commit, record)

    def stage_rows(self, rows: Rows, sets: NDArray[np.int64]) -> None:
        """As `stage`, for many rows and the numbers of their precondition sets."""
        commit = self._opened()
        records = [record_of(part) for part in rows.parts()]
        with self._state:
            commit.check_open()
            self._table.stage_rows(rows, sets)
            commit.changes.append(rows.staged())
        for record in records:
            self._record(commit, record)

    def _record(self, commit: Commit, record: bytes) -> None:
        with commit.recording:
            commit.check_open()
            commit.records.append(record)
            commit.unwritten += len(record)
            if commit.unwritten >= FRAME_TARGET:
                self._write(commit, closes=False)

    def fail(self, error: BaseException) -> WriteFailedError:
        """Take no further change: the disk did not do what it was asked. The error to raise."""
        with self._state:
            self._failure = error
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
            self._clear()
            if self._failure is None and self._durability == "full":
                self._settle(self._written)
            return self._failure is None

    # a commit

    def _whole(self) -> Generator[Commit, None, int]:
        self._clear()
        if self._failure is not None:
            raise self._failed()
        commit = Commit(self._table.staging.next_id, self._storage.place)
        try:
            self._commits.add(commit)
            self._open = commit
            yield commit
            commit.check_end(commit.root)
            if commit.changes:
                self._write(commit, closes=True)
            return self._enqueue(commit)
        except BaseException as error:
            if commit.queued:  # a signal broke in too late to undo the commit, too early to know it whole
                self.fail(error)
            elif commit.is_innermost(commit.root) and not isinstance(error, GeneratorExit):
                self._clear()
            # else it is left to whoever writes next: a part is still open, or a collector of garbage, which may break
            # in on anything, closes what nobody went on with
            raise
        finally:
            commit.root.ended = True  # first of all: a signal may break in on the rest
            self._commits.leave(commit, commit.root)

    def _part(self, commit: Commit) -> Iterator[Commit]:
        mark, part = commit.mark(self._table.staging.next_id, self._storage.place), Owner()
        try:
            commit.enter(part)
            yield commit
            commit.check_end(part)
        except BaseException:
            if commit.is_innermost(part):
                self._rewind(commit, mark)
            else:
                commit.spoil(part)
            raise
        finally:
            self._commits.leave(commit, part)

    def _mine(self) -> Commit | None:
        commit = self._open
        return commit if commit is not None and commit.is_mine() else None

    def _opened(self) -> Commit:
        if self._failure is not None:
            raise self._failed()
        commit = self._mine()
        if commit is None:  # it was open when the change began
            raise out_of_order()
        return commit

    def _write(self, commit: Commit, closes: bool) -> None:
        try:
            self._storage.write(commit.records, closes)
        except OSError as error:
            raise self.fail(error) from error
        commit.records, commit.unwritten = [], 0

    def _clear(self) -> None:
        """Undo the commit that is open, or was left so: with `_writing` held."""
        if self._open is not None:
            self._rewind(self._open, self._open.beginning)
            self._open = None

    def _rewind(self, commit: Commit, mark: Mark) -> None:
        """Undo what was staged since `mark`."""
        if self._failure is not None:
            return
        try:
            with commit.recording:  # whoever stages may be another thread than the one that ends the batch
                if self._storage.place != mark.place:
                    self._storage.cut(mark.place)
                commit.records, commit.unwritten = mark.records[: mark.kept], mark.unwritten
        except OSError as error:
            self.fail(error)
            return
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
        except OSError as error:
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

    def _failed(self) -> WriteFailedError:
        return WriteFailedError(
            f"a write, sync or snapshot was broken off ({self._failure!r}); what was acknowledged is safe, no further "
            "change is taken: close the library and open it again (if the disk is full, make room before)"
        )

    def _sync_at_intervals(self) -> None:
        while not self._stop.wait(INTERVAL / 2):  # the sync itself takes time, too
            try:
                self._storage.sync()
            except OSError as error:
                self.fail(error)
                return
