"""Follower: a reader of a directory that another process may be writing. Takes no lock, changes nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO, NoReturn

from skillstore.answers import Added, Additions
from skillstore.backend import Progress
from skillstore.errors import ReadOnlyError
from skillstore.local import backup, directory, generation, identity
from skillstore.local.files import Files
from skillstore.local.generation import Generation, unreadable
from skillstore.local.reading import Reading
from skillstore.skill import Skill
from skillstore.values import Value


class Follower(Reading):
    """Takes up whole commits at the start of each call. Costs three system calls when there is nothing new.

    Each call raises LibraryMovedError when another library stands at the path, or none.
    """

    def __init__(self, files: Files, read: Generation) -> None:
        super().__init__(read.manifest.settings, read.table, threading.RLock())
        self._files, self._generation = files, read
        self._journal_seen: tuple[int, int] | None = None

    def _takes_part(self) -> bool:
        self._refresh()
        return False

    def _refresh(self) -> None:
        try:
            self._take_up()
        except OSError as error:
            raise unreadable(self._files, error) from error

    def _take_up(self) -> None:
        identity.check_directory(self._files)
        written = self._generation.journal.written()
        if self._manifest_identity() != self._generation.identity or written[0] < self._generation.place.offset:
            renewed = generation.opened(self._files, self._generation)
            if renewed.manifest.library != self._generation.manifest.library:
                raise identity.changed(self._files, directory.MANIFEST)
            self._generation = renewed
            self._table = self._generation.table
            self._journal_seen = None
        elif written != self._journal_seen:
            self._generation.take_up()
            self._journal_seen = written

    def _manifest_identity(self) -> tuple[int, int, int]:
        try:
            return self._files.identity(directory.MANIFEST)
        except FileNotFoundError:
            raise identity.changed(self._files, directory.MANIFEST) from None

    def stats(self) -> dict[str, Value]:
        answer = super().stats()
        read = self._generation
        try:
            total = self._files.total()
        except OSError as error:
            raise unreadable(self._files, error) from error
        return {
            **answer,
            "durability": None,
            "directory": str(self._files.directory),
            "generation": read.manifest.generation,
            "journal_bytes": read.place.offset,
            "disk_bytes": total,
        }

    def check_in_place(self) -> None:
        with self._reading():
            pass

    def settle(self) -> None:
        self._check_open()

    def verify(self) -> dict[str, Value]:
        self.check_in_place()
        return generation.verified(self._files)

    def backup(self, target: Path | BinaryIO, progress: Progress | None) -> dict[str, Value]:
        self._check_open()
        return backup.write(self._files, target, progress)

    def close(self) -> None:
        with self._state:
            self.closed = True
            self._files.close_all()

    def _refuse(self) -> NoReturn:
        self._check_open()
        raise ReadOnlyError('the library was opened with mode="r"; open it with mode="rw" to change it')

    def add(self, skill: Skill) -> Added:  # noqa: ARG002
        self._refuse()

    def add_many(self, skills: Iterable[Skill], keep_ids: bool) -> Additions:  # noqa: ARG002
        self._refuse()

    def record_outcome(self, skill_id: int, success: bool) -> None:  # noqa: ARG002
        self._refuse()

    def remove(self, skill_id: int) -> None:  # noqa: ARG002
        self._refuse()

    def replace(self, skill_id: int, skill: Skill) -> Skill:  # noqa: ARG002
        self._refuse()

    def set_note(self, key: str, value: Value) -> None:  # noqa: ARG002
        self._refuse()

    def remove_note(self, key: str) -> None:  # noqa: ARG002
        self._refuse()

    def once(self, request_id: str, change: Callable[[], Value]) -> Value:  # noqa: ARG002
        self._refuse()

    def batch(self) -> NoReturn:
        self._refuse()

    def snapshot(self) -> int:
        self._refuse()

    def compact(self) -> int:
        self._refuse()
