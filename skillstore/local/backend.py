"""The local backend: skills in the memory of this process, and in one directory if they are to last."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np

from skillstore.answers import Added, Additions
from skillstore.backend import Progress, Settings
from skillstore.errors import BackendUnavailableError, InvalidInputError, LibraryClosedError, SkillStoreError
from skillstore.local import backup, records
from skillstore.local.adding import NOTHING, Adding
from skillstore.local.arrivals import Arrival, Arrivals
from skillstore.local.changes import Note, Outcome, Removed, Request, Rows
from skillstore.local.commit import Commit
from skillstore.local.keeper import Keeper
from skillstore.local.reading import Reading
from skillstore.local.since import Since
from skillstore.local.storage import Storage
from skillstore.local.table import Table
from skillstore.local.writer import Writer
from skillstore.skill import Skill
from skillstore.values import Value

_CHUNK = 8192  # skills of a bulk add whose duplicates are searched together
_CHUNK_BYTES = 16 * 2**20  # of their vectors, at most
_PATIENCE = 1.0  # seconds
MAX_NOTES = 16 * 2**20
"""Bytes of all notes together, keys included."""


class LocalBackend(Reading):
    """One writer with its threads. Readers of this process wait for no disk."""

    def __init__(self, settings: Settings, table: Table, storage: Storage, durability: str) -> None:
        super().__init__(settings, table, threading.RLock())
        self._storage, self._durability = storage, durability
        self._writer = Writer(table, storage, self._state, durability)
        self._adding = Adding(table, self._state, self._writer, settings, self.get)
        self._arrivals = Arrivals(self._add_all, self._chunk)
        self._keeper = Keeper(table, self._state, storage, self._renew)
        self._keeper.look()

    def add(self, skill: Skill) -> Added:
        self._check_open()
        arrival = Arrival.of(skill)
        if self._writer.mine():
            with self._changing() as commit:
                self._adding.take([arrival], commit)
        else:
            self._writer.check_change()  # before a thread that may wait takes it along
            self._arrivals.enter(arrival)
        assert arrival.added is not None  # noqa: S101 - it was staged, by this thread or another
        return arrival.added

    def _add_all(self, arrivals: list[Arrival]) -> None:
        with self._changing() as commit:
            self._adding.take(arrivals, commit)

    def add_many(self, skills: Iterable[Skill], keep_ids: bool) -> Additions:
        added = [NOTHING]
        with self._changing():
            arrivals = map(Arrival.of, skills)
            while chunk := list(islice(arrivals, self._chunk)):
                added.append(self._adding.stage(chunk, keep_ids))
        ids, created, similarities = (np.concatenate(column) for column in zip(*added, strict=True))
        return Additions(ids, created, similarities, get=self.get)

    def record_outcome(self, skill_id: int, success: bool) -> None:
        with self._changing(), self._state:
            self._row(skill_id, staged=True)
            self._writer.stage(Outcome(skill_id, success))

    def remove(self, skill_id: int) -> None:
        with self._changing(), self._state:
            self._row(skill_id, staged=True)
            self._writer.stage(Removed(skill_id))

    def replace(self, skill_id: int, skill: Skill) -> Skill:
        new = Arrival.of(skill)
        with self._changing(), self._state:
            old = self._table.skill(*self._row(skill_id, staged=True), staged=True)
            same = records.same(old.action_sequence, skill.action_sequence)
            uses = (old.times_used, old.success_count) if same else (0, 0)
            counts = np.array([(*uses, old.times_learned)], dtype=np.int64)
            rows = Rows(np.array([skill_id]), [new.payload], skill.embedding[None, :], counts, replaces=True)
            self._writer.stage_rows(rows, self._table.matcher.intern_each([new.wanted.conditions]))
            return self.get(skill_id)

    def set_note(self, key: str, value: Value) -> None:
        data = records.note(value, key)
        with self._changing(), self._state:
            others = (name for name in self._table.note_keys(staged=True) if name != key)
            taken = sum(len(name.encode()) + len(self._table.note(name, staged=True) or b"") for name in others)
            if taken + len(key.encode()) + len(data) > MAX_NOTES:
                raise InvalidInputError(
                    f"note {key!r:.80} takes {len(data)} bytes, and the others {taken}; all notes have {MAX_NOTES}"
                )
            self._writer.stage(Note(key, data))

    def remove_note(self, key: str) -> None:
        with self._changing(), self._state:
            if self._table.note(key, staged=True) is None:
                raise KeyError(key)
            self._writer.stage(Note(key, None))

    def once(self, request_id: str, change: Callable[[], Value]) -> Value:
        with self._changing():
            kept = self._answer(request_id)
            if kept is not None:
                return records.read_note(kept)
            answer = change()
            data = records.answer(answer, request_id)
            if self._answer(request_id) is not None:
                raise InvalidInputError(f"request {request_id!r:.80} is carried out inside itself")
            self._writer.stage(Request(request_id, data))
            return answer

    def _answer(self, request_id: str) -> bytes | None:
        with self._state:
            return self._table.answer(request_id, staged=True)

    @contextmanager
    def batch(self) -> Iterator[None]:
        with self._changing():
            yield

    def snapshot(self) -> int:
        return self._start_generation(compact=False)

    def compact(self) -> int:
        return self._start_generation(compact=True)

    def stats(self) -> dict[str, Value]:
        try:
            kept = self._storage.stats()
        except OSError as error:
            raise BackendUnavailableError(f"the library cannot be read ({error.strerror}); check the disk") from error
        return {**super().stats(), "durability": self._durability, **kept, **self._writer.stats()}

    def settle(self) -> None:
        self._check_open()
        self._keeper.wait()
        self._keeper.look()
        self._keeper.wait()

    def verify(self) -> dict[str, Value]:
        self._check_open()
        with self._writer.alone():
            self._check_open()
            return {**self._storage.verify(), "skills": self._table.count()}

    def backup(self, target: Path | BinaryIO, progress: Progress | None) -> dict[str, Value]:
        self._check_open()
        if self._writer.mine():
            raise InvalidInputError("a backup cannot be taken inside a batch")
        if self._storage.files is None:
            raise InvalidInputError(
                "a library in memory has no files to back up; export it, or open one in a directory"
            )
        return backup.write(self._storage.files, target, progress)

    def close(self) -> None:
        if self.closed or self._forked():
            self.closed = True
            return
        if self._writer.mine():
            raise InvalidInputError("a library cannot be closed inside one of its batches")
        self._writer.check_waiting()
        if self._storage.is_long():  # who opens it next does not read all that again
            self._renew()
        self.closed = True
        durable = False
        try:
            self._keeper.stop()
            durable = self._writer.stop()
        finally:
            try:
                self._storage.close(clean=durable)
            except OSError as error:
                raise self._writer.fail(error) from error

    # how it is done

    @contextmanager
    def _changing(self) -> Iterator[Commit]:
        self._check_open()
        with self._writer.commit() as commit:
            self._check_open()
            yield commit
        self._keeper.look()

    def _takes_part(self) -> bool:
        return self._writer.mine()

    def _start_generation(self, compact: bool) -> int:
        self._check_open()
        if self._writer.mine():
            raise InvalidInputError("a snapshot cannot be taken inside a batch")
        with self._writer.alone():
            return self._next_generation(compact)

    def _renew(self) -> bool:
        """Start a new generation, in the background, unless others are writing all the time. Whether it was done."""
        with suppress(SkillStoreError), self._writer.alone(_PATIENCE) as alone:
            if alone and self._storage.is_long():
                self._next_generation(compact=False)
                return True
        return False

    def _next_generation(self, compact: bool) -> int:
        self._check_open()
        try:
            self._keeper.compact() if compact else self._keeper.flush()
            self._keeper.look()
            number = self._storage.snapshot(self._table)
        except OSError as error:
            raise self._writer.fail(error) from error
        except SkillStoreError:  # nothing was written yet: a skill could not be read
            raise
        except BaseException as error:  # the new generation may be the truth already: nothing may follow the old
            self._writer.fail(error)
            raise
        with self._state:
            self._table.since = Since()
        return number

    @property
    def _chunk(self) -> int:
        """Skills of a bulk add that are looked at together."""
        return max(1, min(_CHUNK, _CHUNK_BYTES // (4 * self.settings.embedding_dim)))

    def _forked(self) -> bool:
        try:
            self._check_open()
        except LibraryClosedError:
            return True
        return False
