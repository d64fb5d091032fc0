"""Storage: where a writer's changes go. On a disk they outlive the process; in memory they do not."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

from skillstore.backend import Settings
from skillstore.local import cells_file, directory, generation, identity, manifest, segment_file
from skillstore.local.directory import WriterLock
from skillstore.local.files import Files
from skillstore.local.journal import Journal, Place, read_seal, seal
from skillstore.local.manifest import Manifest, Previous
from skillstore.local.segment import Segment
from skillstore.local.table import Table
from skillstore.values import Value

_LONG_JOURNAL = 8 * 2**20  # bytes; some 11,000 skills of 128 dimensions
_MANY_CHANGES = 10_000  # taken up at opening in less than half a second, whatever they are and however they came
_ROWS_PER_CHANGE = 64  # a snapshot writes the counts of every row: with many rows it waits for more changes


class Storage(Protocol):
    """What a writer needs of the place where changes go. Methods raise OSError as the disk does."""

    @property
    def place(self) -> Place:
        """The end of what was written."""
        ...

    @property
    def files(self) -> Files | None:
        """The directory, if there is one."""
        ...

    def seems_in_place(self) -> bool:
        """Whether the directory, the lock file, MANIFEST and the journal are those that were opened.

        Any thread may ask. False may only mean that a new generation is being started; the journal's bytes are compared
        by `check_in_place` alone.
        """
        ...

    def check_in_place(self) -> None:
        """Raise LibraryMovedError unless what is held still stands where it was opened. For who writes."""
        ...

    def check_written(self) -> None:
        """As `check_in_place`, after a sync: what was synced is in a file that is still there."""
        ...

    def write(self, records: Sequence[bytes], closes: bool) -> None:
        """Append to the open commit; `closes` ends it. Raises LibraryMovedError, before anything is written."""
        ...

    def cut(self, end: Place) -> None:
        """Drop what was written after `end`."""
        ...

    def sync(self) -> None:
        """What was written is durable."""
        ...

    def keep_cells(self, segment: Segment) -> None:
        """Save the cells of a segment, if it has a file. A cache: nothing is promised, nothing raised."""
        ...

    def is_long(self, table: Table) -> bool:
        """Whether opening would take so long for what was written since the last snapshot that it is time for one."""
        ...

    def snapshot(self, table: Table) -> int:
        """Make the published skills, all in segments, the next generation; its number."""
        ...

    def stats(self) -> dict[str, Value]: ...

    def verify(self) -> dict[str, Value]: ...

    def close(self, clean: bool) -> None: ...


class Memory:
    """Nothing outlives the process; nothing can fail."""

    place = Place()
    files = None

    def seems_in_place(self) -> bool:
        return True

    def check_in_place(self) -> None:
        pass

    def check_written(self) -> None:
        pass

    def write(self, records: Sequence[bytes], closes: bool) -> None:
        pass

    def cut(self, end: Place) -> None:
        pass

    def sync(self) -> None:
        pass

    def keep_cells(self, segment: Segment) -> None:
        pass

    def is_long(self, table: Table) -> bool:  # noqa: ARG002
        return False

    def snapshot(self, table: Table) -> int:  # noqa: ARG002
        return 0

    def stats(self) -> dict[str, Value]:
        return {"directory": None, "generation": 0, "journal_bytes": 0, "disk_bytes": 0}

    def verify(self) -> dict[str, Value]:
        return {"ok": True, "generation": 0, "files": 0, "bytes": 0}

    def close(self, clean: bool) -> None:
        pass


class Disk:
    """One directory, written by this process alone."""

    def __init__(self, files: Files, lock: WriterLock, named: Manifest, journal: Journal) -> None:
        self._files, self._lock, self._manifest, self._journal = files, lock, named, journal
        self._manifest_identity: tuple[int, int, int] | None = files.identity(directory.MANIFEST)
        self._segment_identities = {file.name: files.identity(file.name) for file in named.segments}
        self._checked: tuple[int, int, int] | None = None  # the directory's version when all names in it were right
        self._sealed = False
        self._turning = threading.Lock()  # a thread that syncs at intervals does not meet a journal being closed
        self._caching = threading.Lock()  # cells are saved by a thread of their own

    @classmethod
    def open(cls, files: Files, lock: WriterLock) -> tuple[Disk, Table, Settings]:
        """Recover what is there, with `lock` held. Raises CorruptLibraryError, UnsupportedFormatError."""
        read = generation.opened(files)
        sealed = read_seal(files, read.manifest) is not None
        disk = cls(files, lock, read.manifest, Journal.resume(files, read.manifest, read.place))
        disk._sealed = sealed
        try:
            disk._remove_strays()
        except BaseException:
            disk._journal.close()
            raise
        return disk, read.table, read.manifest.settings

    @classmethod
    def create(cls, files: Files, lock: WriterLock, settings: Settings) -> tuple[Disk, Table, Settings]:
        """A new, empty library, durable on return, with `lock` held."""
        named = Manifest(os.urandom(16), os.urandom(8), 1, 1, 1, settings)
        journal = Journal.create(files, named)
        try:
            manifest.write_previous(files, Previous(named))
            manifest.write(files, named)
        except BaseException:
            journal.close()
            raise
        return cls(files, lock, named, journal), Table(settings.embedding_dim), settings

    @property
    def place(self) -> Place:
        return self._journal.place

    @property
    def files(self) -> Files:
        return self._files

    def seems_in_place(self) -> bool:
        in_place = self._is_as_checked() or (
            self._files.is_in_place() and self._lock.is_linked() and self._journal.is_linked()
        )
        return in_place and self._is_manifest_ours()

    def check_in_place(self) -> None:
        version = self._files.version()
        if version is None or version != self._checked:
            identity.check_directory(self._files)
            if not self._lock.is_linked():
                raise identity.changed(self._files, directory.LOCK)
            self._check_journal_linked()
            self._checked = version if identity.is_settled(version) else None
        self._check_contents()

    def check_written(self) -> None:
        if not self._is_as_checked():
            identity.check_directory(self._files)
            self._check_journal_linked()

    def _is_as_checked(self) -> bool:
        """Whether no name in the directory has changed since all of them were checked."""
        checked = self._checked
        return checked is not None and self._files.version() == checked

    def _check_journal_linked(self) -> None:
        if not self._journal.is_linked():
            raise identity.changed(self._files, self._manifest.journal)

    def _check_contents(self) -> None:
        """Raise LibraryMovedError unless MANIFEST and the journal end as this process wrote or read them."""
        if not self._is_manifest_ours():
            raise identity.changed(self._files, directory.MANIFEST)
        if not self._journal.ends_as_written():
            raise identity.changed(self._files, self._manifest.journal)

    def _is_manifest_ours(self) -> bool:
        known = self._manifest_identity
        return known is None or known == self._identity_of(directory.MANIFEST)

    def _check_segments(self, table: Table) -> None:
        """Raise LibraryMovedError if the file of a segment that the next generation shares is not what was written."""
        for segment in table.segments:
            if segment.number is not None:
                name = directory.segment_name(segment.number)
                if self._segment_identities.get(name) != self._identity_of(name):
                    raise identity.changed(self._files, name)

    def _identity_of(self, name: str) -> tuple[int, int, int] | None:
        try:
            return self._files.identity(name)
        except FileNotFoundError:
            return None

    def write(self, records: Sequence[bytes], closes: bool) -> None:
        self._prepare()
        self._journal.write(records, closes)

    def cut(self, end: Place) -> None:
        with self._turning:
            self._journal.cut(end)

    def sync(self) -> None:
        with self._turning:
            self._journal.sync()

    def keep_cells(self, segment: Segment) -> None:
        with self._caching, suppress(OSError):
            named = {file.name: file for file in self._manifest.segments}.get(
                directory.segment_name(segment.number or 0)
            )
            if named is not None:
                cells_file.write(self._files, self._manifest.library, named, segment)

    def is_long(self, table: Table) -> bool:
        changes = max(table.since.changes, self.place.sequence)
        if changes > max(_MANY_CHANGES, table.count() // _ROWS_PER_CHANGE):
            return True
        return self.place.offset > max(_LONG_JOURNAL, self._snapshot_bytes() // 16)

    def snapshot(self, table: Table) -> int:
        self._prepare()
        self._check_segments(table)
        new, fresh = generation.written(self._files, self._manifest, table)
        self._turn_to(new)
        self._segment_identities = {file.name: self._files.identity(file.name) for file in new.segments}
        for file, number, segment in fresh:
            segment_file.attach(self._files, new.library, file, number, segment)
            self.keep_cells(segment)
        self._remove_strays()
        return self._manifest.generation

    def _turn_to(self, new: Manifest) -> None:
        self._journal.trim()
        self._journal.sync()  # with durability "interval" or "os" it may not be; who repairs the library leans on it
        journal = Journal.create(self._files, new)
        try:
            ended = self.place.offset, self.place.sequence
            self.check_in_place()
            manifest.write_previous(self._files, Previous(self._manifest, ended, new.journal_key))
            self._write_manifest(new)
        except BaseException:
            journal.close()
            raise
        with self._turning:
            old, self._journal, self._manifest = self._journal, journal, new
            with suppress(OSError):  # nothing of it is needed any more
                old.close()

    def _prepare(self) -> None:
        """Before anything is written: the library still stands here, and programs of an older format refuse it."""
        self.check_in_place()
        if self._manifest.format != manifest.FORMAT:
            self._manifest = replace(self._manifest, format=manifest.FORMAT)
            self._write_manifest(self._manifest)
            manifest.write_previous(self._files, Previous(self._manifest))
        if self._sealed:
            self._files.remove(directory.SEAL)
            self._files.sync_directory()
            self._sealed = False

    def _write_manifest(self, named: Manifest) -> None:
        self._manifest_identity = None  # not known while it is replaced, nor where a failing disk broke that off
        manifest.write(self._files, named)
        self._manifest_identity = self._files.identity(directory.MANIFEST)

    def _remove_strays(self) -> None:
        """Remove what a crash left, or a generation earlier than the one that is kept."""
        kept = self._manifest.names | {directory.PREVIOUS, directory.LOCK, directory.HOLDER, directory.SEAL}
        try:
            manifest.finish(self._files, self._manifest)
            previous = manifest.previous_of(self._files, self._manifest)
        except OSError:  # whose files it names is not known now: the next time
            return
        kept |= previous.manifest.names if previous else set()
        kept |= {file.name.replace("segment", "cells") for file in self._manifest.segments}
        with self._caching:
            for name in self._files.names():
                if directory.is_ours(name) and name not in kept:
                    self._files.remove(name)

    def _snapshot_bytes(self) -> int:
        return sum(file.size for file in self._manifest.files)

    def stats(self) -> dict[str, Value]:
        return {
            "directory": str(self._files.directory),
            "generation": self._manifest.generation,
            "journal_bytes": self.place.offset,
            "disk_bytes": self._files.total(),
        }

    def verify(self) -> dict[str, Value]:
        try:
            self.check_in_place()
        except OSError as error:
            raise generation.unreadable(self._files, error) from error
        return generation.verified(self._files)

    def close(self, clean: bool) -> None:
        try:
            if clean and not self._sealed:
                self._check_whole()
                self._journal.trim()
                self._journal.sync()
                seal(self._files, self._manifest, self.place)
        finally:
            try:
                self._journal.close()
            finally:
                self._lock.release()

    def _check_whole(self) -> None:
        """Raise LibraryMovedError unless all that was acknowledged is in the directory, wherever that is now."""
        if self._files.found_at() is None:
            raise identity.moved(self._files)
        self._check_journal_linked()
        self._check_contents()
