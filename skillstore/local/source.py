"""Source: what a backup is made of, the files of one moment of a library that others may be writing."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from typing import TypeAlias

from skillstore.errors import BackendUnavailableError, CorruptLibraryError, LibraryNotFoundError
from skillstore.local import directory, generation, manifest
from skillstore.local.changes import Removed, Rows
from skillstore.local.files import Files
from skillstore.local.frames import MAX_BODY, FrameReader, Kind, seed
from skillstore.local.journal import JournalReader, Place, read_seal
from skillstore.local.manifest import Manifest, NamedFile

_Pieces: TypeAlias = Generator[bytes | bytearray, None, int]


class Source:
    """The files of one moment of a library, held open: what becomes of their names matters no more. See `taken`.

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

    def take(self) -> None:
        """Open and check all. Raises CorruptLibraryError, also where a writer came between; OSError."""
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


def taken(files: Files) -> Source:
    """All commits that are whole now; to be closed.

    Raises CorruptLibraryError, UnsupportedFormatError, LibraryNotFoundError, BackendUnavailableError.
    """
    try:
        with _readable(files):
            return generation.undisturbed(files, lambda _: _taken(files))
    except FileNotFoundError:
        raise LibraryNotFoundError(f"the library at {files.directory} was removed") from None


def _taken(files: Files) -> Source:
    source = Source(files)
    try:
        source.take()
    except BaseException:
        source.close()
        raise
    return source


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
