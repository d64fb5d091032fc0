"""Backup: a library in one file, taken while it is written, and a library made of it again."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TypeAlias

from skillstore.backend import Progress
from skillstore.errors import (
    BackendUnavailableError,
    CorruptLibraryError,
    InvalidInputError,
    LibraryNotFoundError,
    WriteFailedError,
)
from skillstore.local import archive, directory, generation, manifest
from skillstore.local.archive import Archive
from skillstore.local.changes import Removed, Rows
from skillstore.local.directory import WriterLock
from skillstore.local.files import Files
from skillstore.local.frames import MAX_BODY, FrameReader, Kind, seed
from skillstore.local.journal import JournalReader, Place, read_seal
from skillstore.local.keeper import Keeper
from skillstore.local.manifest import Manifest, NamedFile
from skillstore.local.storage import Disk
from skillstore.values import Value

_Pieces: TypeAlias = Generator[bytes | bytearray, None, int]


class Source:
    """The files of one moment of a library, held open: what becomes of their names matters no more. See `take`.

    names   each file with its size, in the order of `parts`
    skills  how many there are
    """

    manifest: Manifest
    skills: int

    def __init__(self, files: Files) -> None:
        self._files = files
        self._open: dict[str, int] = {}
        self._small: dict[str, bytes | bytearray] = {}
        self._end = Place()

    @classmethod
    def take(cls, files: Files) -> Source:
        """All commits that are whole now. Raises CorruptLibraryError, also where a writer came between; OSError."""
        source = cls(files)
        try:
            source._take()
        except BaseException:
            source.close()
            raise
        return source

    def _take(self) -> None:
        files = self._files
        identity = files.identity(directory.MANIFEST)
        fd = self._opened(directory.MANIFEST)
        self._small[directory.MANIFEST] = files.read(fd, 0, min(files.size(fd), MAX_BODY))
        self.manifest = named = manifest.read(files)
        for file in named.files:
            self._opened(file.name)
            reader = self._reader(file.name)
            if reader.size != file.size:
                raise reader.damaged(f"it has {reader.size} bytes instead of {file.size}", min(reader.size, file.size))
        self._opened(named.journal)
        sealed = read_seal(files, named)
        journal = JournalReader(files, named)
        added, self._end = _counted(journal)
        journal.check_end(self._end, sealed)
        self.skills = self._alive() + added
        self._take_cells()
        if files.identity(directory.MANIFEST) != identity:  # the journal may hold changes of a newer format by now
            raise CorruptLibraryError(str(files.path(directory.MANIFEST)), 0, "it was replaced while it was read")

    def _alive(self) -> int:
        """How many skills the snapshot has."""
        if self.manifest.counts is None:
            return 0
        reader, alive = self._reader(self.manifest.counts.name), 0
        reader.skipped(0)
        for place in range(len(self.manifest.segments)):
            bits = reader.body(Kind.SECTION, 1 + 2 * place, limit=reader.size)
            alive += int.from_bytes(bits, "little").bit_count()
            reader.skipped(2 + 2 * place)
        return alive

    def _take_cells(self) -> None:
        """They are a cache that may be written just now: what is not whole is left out."""
        for file in self.manifest.segments:
            name = file.name.replace("segment", "cells")
            with suppress(CorruptLibraryError, OSError):
                self._opened(name)
                if self._reader(name).size <= file.size:
                    self._small[name] = b"".join(self._frames(name, self._reader(name).size))

    @property
    def names(self) -> list[tuple[str, int]]:
        large = [(file.name, file.size) for file in self.manifest.files] + [(self.manifest.journal, self._end.offset)]
        return [(name, len(data)) for name, data in self._small.items()] + large

    def parts(self) -> Iterator[bytes | bytearray]:
        """Their bytes. Raises CorruptLibraryError, after the part it is in, if one is not what was written."""
        with _readable(self._files):
            yield from self._small.values()
            for file in self.manifest.files:
                yield from self._snapshot(file)
            yield from self._frames(self.manifest.journal, self._end.offset)

    def _snapshot(self, file: NamedFile) -> Iterator[bytes | bytearray]:
        if (yield from self._frames(file.name, file.size)) != file.checksum:
            raise self._reader(file.name).damaged("it is another file than the one the manifest names")

    def _frames(self, name: str, size: int) -> _Pieces:
        """The bytes of a file up to `size`; returns the checksum of its frames' headers."""
        reader, sequence = self._reader(name), 0
        reader.size = size
        while reader.offset < size:
            kind = Kind.SECTION if name != self.manifest.journal else Kind.CHANGES if sequence else Kind.HEADER
            yield from reader.pieces(kind, sequence)
            sequence += 1
        return reader.checksum

    def _opened(self, name: str) -> int:
        self._open[name] = self._files.open(name)
        return self._open[name]

    def _reader(self, name: str) -> FrameReader:
        named = self.manifest
        start = named.journal_seed if name == named.journal else seed(named.library, name)
        return FrameReader(self._files, self._open[name], name, start)

    def close(self) -> None:
        while self._open:
            self._files.close(self._open.popitem()[1])


def _counted(journal: JournalReader) -> tuple[int, Place]:
    """How many skills the whole commits add, less those they remove, and where the last one ends."""
    added, pending, end = 0, 0, Place()
    for frame, body in journal.frames(end):
        for change in journal.changes([(frame, body)]):
            if isinstance(change, Rows) and not change.replaces:
                pending += len(change.ids)
            pending -= isinstance(change, Removed)
        if frame.closes:
            added, pending, end = added + pending, 0, Place(frame.end, frame.sequence)
    return added, end


def write(files: Files, target: Path | BinaryIO, progress: Progress | None = None) -> dict[str, Value]:
    """Back up the library of `files`: see `SkillLibrary.backup`."""
    if isinstance(target, Path):
        folder, name = _place(files, target)
    try:
        with _readable(files):
            source = generation.undisturbed(files, Source.take)
    except FileNotFoundError:
        raise LibraryNotFoundError(f"the library at {files.directory} was removed") from None
    with closing(source):
        if isinstance(target, Path):
            with _growing(folder, name) as to:
                size = _write(source, to, progress)
        else:
            size = _write(source, _stream(target), progress)
    return {"skills": source.skills, "generation": source.manifest.generation, "bytes": size}


def _write(source: Source, to: Callable[[bytes | bytearray], object], progress: Progress | None) -> int:
    return archive.write(source.names, source.parts(), source.manifest.generation, source.skills, to, progress)


def _place(files: Files, target: Path) -> tuple[Files, str]:
    """The folder and the name of a backup file that may be made. Raises InvalidInputError, WriteFailedError."""
    path, library = Path(os.path.realpath(target)), Path(os.path.realpath(files.directory))
    if library in (path, *path.parents):
        raise InvalidInputError(f"{target} is inside the library, which is a directory of its own; put it elsewhere")
    folder = Files(path.parent)
    with _writable(path):
        _check_absent(folder, path.name)
    return folder, path.name


def _check_absent(folder: Files, name: str) -> None:
    if name in folder.names():
        raise InvalidInputError(f"{folder.path(name)} is there already, and stays as it is; choose another name")


@contextmanager
def _growing(folder: Files, name: str) -> Iterator[Callable[[bytes | bytearray], object]]:
    """What writes the new file `name`: there, durably, when the block ends well, and else not at all."""
    made = f"{name}.{_token()}.new"
    with _writable(folder.path(name)):
        fd = folder.create(made)
        try:
            try:
                yield lambda data: folder.write(fd, data)
                folder.sync(fd)
            finally:
                folder.close(fd)
            _check_absent(folder, name)
            folder.replace(made, name)
            made = name
            folder.sync_directory()
        except BaseException:
            with suppress(OSError):
                folder.remove(made)
            raise


def _stream(target: BinaryIO) -> Callable[[bytes | bytearray], object]:
    def write_all(data: bytes | bytearray) -> None:
        left = memoryview(data)
        while left:
            count = target.write(left)
            left = left[len(left) if count is None else count :]

    return write_all


def restore(file: Path, where: Path, progress: Progress | None = None) -> dict[str, Value]:
    """Make a library of a backup: see `skillstore.restore`."""
    path, target = Path(os.path.realpath(file)), Path(os.path.realpath(where))
    parent, building = Files(target.parent), f"{target.name}.restoring-{_token()}"
    with archive.opened(Files(path.parent), path.name) as backup:
        with _writable(target):
            _check_free(parent, target)
        backup.check(progress and (lambda done, total: progress(done, 2 * total)))
        with _writable(target):
            parent.make_directory(building)
            place = Files(parent.path(building))
            try:
                made = _built(backup, place, progress and (lambda done, total: progress(total + done, 2 * total)))
                _take_place(parent, building, target)
            except BaseException:
                _discard(parent, building, place)
                raise
    return made


def _check_free(parent: Files, target: Path) -> None:
    if not parent.directory.is_dir():
        raise InvalidInputError(f"there is no directory {parent.directory} to restore into; make it first")
    if target.name in parent.names() and (not target.is_dir() or Files(target).names()):
        raise _taken(target)


def _taken(target: Path) -> InvalidInputError:
    return InvalidInputError(
        f"{target} is there already, and stays as it is; restore to a place that does not exist, or an empty directory"
    )


def _built(backup: Archive, place: Files, progress: Progress | None) -> dict[str, Value]:
    """The library in the directory of `place`, closed, and read again. Raises CorruptLibraryError, OSError."""
    backup.extract(place, progress)
    place.sync_directory()
    try:
        _renew(place)
    except CorruptLibraryError as error:
        what = f"the library in it is damaged ({Path(error.file).name} at byte {error.offset})"
        raise CorruptLibraryError(backup.path, 0, what) from None
    made = generation.verified(place)
    if made["skills"] != backup.skills:
        raise CorruptLibraryError(backup.path, 0, f"it holds {made['skills']} skills instead of {backup.skills}")
    return {name: made[name] for name in ("skills", "generation", "bytes")}


def _renew(place: Files) -> None:
    """Start the next generation: no later file of the library that was backed up fits to one of the restored."""
    lock = WriterLock(place)
    lock.acquire()
    try:
        disk, table, _ = Disk.open(place, lock)
    except BaseException:
        lock.release()
        raise
    done = False
    try:
        Keeper(table, threading.RLock(), disk, lambda: False).flush()
        disk.snapshot(table)
        done = True
    finally:
        disk.close(clean=done)


def _take_place(parent: Files, building: str, target: Path) -> None:
    try:
        parent.replace(building, target.name)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise _taken(target) from None
        raise
    parent.sync_directory()


def _discard(parent: Files, building: str, place: Files) -> None:
    with suppress(OSError):
        for name in place.names():
            place.remove(name)
        parent.remove_directory(building)


def _token() -> str:
    """So that nothing that is there, or made at the same time, has the name."""
    return os.urandom(4).hex()


@contextmanager
def _readable(files: Files) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise BackendUnavailableError(
            f"{files.directory} cannot be read ({error.strerror or error}); check the disk"
        ) from error


@contextmanager
def _writable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WriteFailedError(
            f"{path} cannot be made ({error.strerror or error}); check that its directory exists, may be written and "
            "has room"
        ) from error
