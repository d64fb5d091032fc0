"""Journal: the changes since the last snapshot, written before they are applied, synced before acknowledged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeAlias

from skillstore.errors import CorruptLibraryError
from skillstore.local import directory
from skillstore.local.changes import Change, change_of
from skillstore.local.files import Files
from skillstore.local.frames import CLOSES_COMMIT, HEADER_SIZE, MARKER, MAX_BODY, Frame, Kind, header, parsed
from skillstore.local.manifest import Manifest
from skillstore.local.records import RecordError, packed, unpacked

FRAME_TARGET = 2**20
"""A commit larger than this is cut into frames of about this size."""

_BLOCK = 2**20
_LAST = 64  # bytes at the end that are compared before each commit; a frame's checksum is among those of its header


def _about(manifest: Manifest) -> dict[str, Any]:
    return {"library": manifest.library, "generation": manifest.generation}


EMPTY = HEADER_SIZE + len(packed({"library": bytes(16), "generation": 1}))
"""Bytes of the first journal of a library before its first change."""
LONGEST_EMPTY = EMPTY + 8
"""Bytes of any journal before its first change, at most: the number of its generation takes up to nine."""


@dataclass(frozen=True)
class Place:
    """A commit's end: everything before `offset` is whole; `sequence` is that of the last frame before it."""

    offset: int = 0
    sequence: int = -1


Read: TypeAlias = tuple[Frame, bytearray]
"""A valid frame, and its body."""


def _is_of_journal(frame: Frame) -> bool:
    return frame.length <= MAX_BODY and frame.kind in (Kind.HEADER, Kind.CHANGES)


class JournalReader:
    """Reads whole commits of one journal, from any commit's end on."""

    def __init__(self, files: Files, manifest: Manifest) -> None:
        self._files, self._seed, self._dim = files, manifest.journal_seed, manifest.settings.embedding_dim
        self._name = manifest.journal
        self._about = _about(manifest)
        self._block, self._block_at = bytearray(), 0  # bytes of the file that were read ahead, and their offset
        self._fd = files.open(manifest.journal)

    def __del__(self) -> None:
        if hasattr(self, "_fd"):
            with suppress(OSError):  # it was only read
                self._files.close(self._fd)

    def size(self) -> int:
        return self._files.size(self._fd)

    def written(self) -> tuple[int, int]:
        """Changes whenever somebody writes; its first item is the size."""
        return self._files.written(self._fd)

    def commits(self, start: Place) -> Iterator[tuple[Iterator[Change], Place]]:
        """(changes, end) of each whole commit after `start`; ends without a word at the first frame that is not valid.

        Raises CorruptLibraryError if a valid frame holds what no journal holds.
        """
        for read, end in self.whole(start):
            yield self.changes(read), end

    def whole(self, start: Place) -> Iterator[tuple[list[Read], Place]]:
        """As `commits`, with the frames of each commit, whose bodies are not looked at."""
        read = []
        for frame, body in self.frames(start):
            read.append((frame, body))
            if frame.closes:
                yield read, Place(frame.end, frame.sequence)
                read = []

    def gathered(self, start: Place, most: int, most_bytes: int) -> Iterator[list[tuple[list[Read], Place]]]:
        """As `whole`, many commits at a time: at most `most`, and of about so many bytes."""
        together: list[tuple[list[Read], Place]] = []
        first = start.offset
        for read, end in self.whole(start):
            together.append((read, end))
            if len(together) == most or end.offset - first >= most_bytes:
                yield together
                together, first = [], end.offset
        if together:
            yield together

    def frames(self, start: Place) -> Iterator[Read]:
        """The valid frames after `start`, with their bodies, also of a commit that is not whole yet."""
        self._block = bytearray()  # what was read ahead the last time may have been cut or written since
        size, offset, sequence = self.size(), start.offset, start.sequence
        while (read := self._read_ahead(offset, size)) is not None and read[0].sequence == sequence + 1:
            offset, sequence = read[0].end, read[0].sequence
            yield read
        self._block = bytearray()

    def check_end(self, end: Place, sealed: Place | None) -> None:
        """Raises CorruptLibraryError if what follows the last whole commit, or what is missing there, is damage."""
        size = self.size()
        if sealed is not None and (sealed != end or sealed.offset != size):
            raise self.damaged(end.offset, f"it was closed with {sealed.offset} bytes, all of them whole")
        if size != end.offset:
            self.check_torn(end)

    def check_torn(self, end: Place) -> None:
        """Raises CorruptLibraryError if what follows `end` is damage, not a write that a crash cut short.

        Damage is followed by a valid frame that was written when what is missing was on the disk for sure. What was
        not may be missing in any part: disks write in any order. Looking costs a few times what follows `end`.
        """
        size = self.size()
        if end.offset == 0:
            raise self.damaged(0, "it has no header")
        budget = 16 * (size - end.offset) + MAX_BODY
        damaged_at, missing = self._valid_until(end, size)
        for offset in self._markers(damaged_at + 1, size):
            frame = parsed(self._files.read(self._fd, offset, HEADER_SIZE), offset, size)
            if frame is None or not frame.comes_after(missing) or frame.length > MAX_BODY:
                continue
            budget -= frame.length
            if budget < 0 or self._read(offset, size) is not None:
                raise self.damaged(damaged_at, "what follows is whole, so this is not a write cut short")

    def whole_after(self, end: Place) -> int:
        """How many valid frames follow `end` behind damage; no more are looked for than `check_torn` would."""
        size, count = self.size(), 0
        budget = 16 * (size - end.offset) + MAX_BODY
        for offset in self._markers(end.offset, size):
            frame = parsed(self._files.read(self._fd, offset, HEADER_SIZE), offset, size)
            if frame is None or frame.sequence <= end.sequence or frame.length > MAX_BODY:
                continue
            budget -= frame.length
            if budget < 0:
                break
            count += self._read(offset, size) is not None
        return count

    def damaged(self, offset: int, what: str) -> CorruptLibraryError:
        """The error to raise about this journal."""
        return CorruptLibraryError(str(self._files.path(self._name)), offset, what)

    def _valid_until(self, end: Place, size: int) -> tuple[int, int]:
        """Where the frames of an unfinished commit end, and the sequence of the frame that is not there."""
        offset, sequence = end.offset, end.sequence
        while (read := self._read(offset, size)) is not None and read[0].sequence == sequence + 1:
            offset, sequence = read[0].end, read[0].sequence
        return offset, sequence + 1

    def _read_ahead(self, offset: int, size: int) -> Read | None:
        """As `_read`, from a block that is read at once where frames are short: each system call costs as much."""
        if offset >= size:  # somebody may have cut it meanwhile
            return None
        data, start = self._block, offset - self._block_at
        frame = parsed(data[start : start + HEADER_SIZE], offset, size)
        if frame is None or frame.end > self._block_at + len(data):
            self._block_at, self._block = offset, self._files.read(self._fd, offset, min(_BLOCK, size - offset))
            data, start = self._block, 0
            frame = parsed(data[:HEADER_SIZE], offset, size)
            if frame is None or frame.end > offset + len(data):
                return self._read(offset, size)
        body = data[start + HEADER_SIZE : start + HEADER_SIZE + frame.length]
        return (frame, body) if _is_of_journal(frame) and frame.fits(body, self._seed) else None

    def _read(self, offset: int, size: int) -> Read | None:
        """The valid frame at `offset`, with its body."""
        frame = parsed(self._files.read(self._fd, offset, HEADER_SIZE), offset, size)
        if frame is None or not _is_of_journal(frame):
            return None
        body = self._files.read(self._fd, frame.offset, frame.length)
        return (frame, body) if frame.fits(body, self._seed) else None

    def _markers(self, offset: int, size: int) -> Iterator[int]:
        while offset < size:
            block = self._files.read(self._fd, offset, _BLOCK + len(MARKER) - 1)
            found = block.find(MARKER)
            while found >= 0:
                yield offset + found
                found = block.find(MARKER, found + 1)
            offset += _BLOCK

    def changes(self, read: Sequence[Read]) -> Iterator[Change]:
        """The changes of frames. Raises CorruptLibraryError if one holds what no journal holds."""
        for frame, body in read:
            try:
                for form in self.forms(frame, body):
                    yield change_of(form, self._dim)
            except (RecordError, TypeError) as error:
                raise self.damaged(frame.offset, str(error)) from None

    def forms(self, frame: Frame, body: bytearray) -> Iterator[Any]:
        """The records of one frame, unpacked. Raises RecordError or TypeError if it holds what no journal holds."""
        form = unpacked(body)
        if frame.kind == Kind.HEADER:
            if frame.sequence != 0 or form != self._about:
                raise RecordError("it is the header of another journal")
            return
        if frame.sequence == 0:
            raise RecordError("it has no header")
        yield from map(unpacked, form)


class Journal:
    """Appends commits to one journal. The owner calls `write`, `cut` and `close` from one thread at a time."""

    def __init__(self, files: Files, name: str, fd: int, start: int, place: Place) -> None:
        self._files, self._name, self._fd, self._seed = files, name, fd, start
        self.place = place
        self._synced = place.sequence
        self._file = files.file_of(fd)
        self._last = b""  # the last bytes that were written

    @classmethod
    def create(cls, files: Files, manifest: Manifest) -> Journal:
        """A new, empty journal, synced; the directory is not synced yet."""
        journal = cls(files, manifest.journal, files.create(manifest.journal), manifest.journal_seed, Place())
        with journal._closed_unless_whole():
            journal._append(Kind.HEADER, packed(_about(manifest)), True)
            journal.sync()
        return journal

    @classmethod
    def resume(cls, files: Files, manifest: Manifest, end: Place) -> Journal:
        """Go on after the commit that ends at `end`; whatever follows it is cut off, durably."""
        journal = cls(files, manifest.journal, files.append(manifest.journal), manifest.journal_seed, end)
        with journal._closed_unless_whole():
            journal.trim()
            journal.sync()
            journal._read_last()
        return journal

    @contextmanager
    def _closed_unless_whole(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.close()
            raise

    def write(self, records: Sequence[bytes], closes: bool) -> None:
        """Append changes to the open commit, and with `closes` end it. Not yet synced. Raises OSError."""
        self._append(Kind.CHANGES, packed(list(records)), closes)

    def _append(self, kind: Kind, body: bytes, closes: bool) -> None:
        self.trim()
        sequence, unsynced = self.place.sequence + 1, self.place.sequence - self._synced
        head = header(kind, sequence, body, self._seed, CLOSES_COMMIT if closes else 0, unsynced)
        self._files.write(self._fd, head + body)
        self.place = Place(self.place.offset + len(head) + len(body), sequence)
        self._last = (head + body[-_LAST:])[-_LAST:]

    def cut(self, end: Place) -> None:
        """Drop what was written after `end`, durably: nothing of it may come back behind what is written next."""
        self._files.truncate(self._fd, end.offset)
        self.place = end
        self._files.sync(self._fd)
        self._synced = end.sequence
        self._read_last()

    def _read_last(self) -> None:
        length = min(_LAST, self.place.offset)
        self._last = bytes(self._files.read(self._fd, self.place.offset - length, length))

    def is_linked(self) -> bool:
        """Whether the file of its name is the one that is written to."""
        return self._files.file_of(self._name) == self._file

    def ends_as_written(self) -> bool:
        """Whether the bytes written last are still there: nobody cut the file or wrote over its end."""
        start, length = self.place.offset - len(self._last), len(self._last)
        short = self._files.read_short(self._fd, start, length)  # which a system call may cut short
        return short == self._last or self._files.read(self._fd, start, length) == self._last

    def trim(self) -> None:
        """Drop what a signal left of a write that it broke off."""
        if self._files.size(self._fd) != self.place.offset:
            self._files.truncate(self._fd, self.place.offset)

    def sync(self) -> None:
        """All that was written is on the disk. May run while another thread writes, not while one cuts.

        Raises OSError.
        """
        written = self.place.sequence
        self._files.sync(self._fd)
        self._synced = written

    def close(self) -> None:
        self._files.close(self._fd)


def seal(files: Files, manifest: Manifest, end: Place) -> None:
    """Mark the library as cleanly closed with its journal ending at `end`."""
    body = packed({"journal": end.offset, "sequence": end.sequence})
    data = header(Kind.SEAL, manifest.generation, body, manifest.journal_seed) + body
    directory.replace(files, directory.SEAL, data)


def read_seal(files: Files, manifest: Manifest) -> Place | None:
    """Where the journal ended when the library was cleanly closed; None if it was not, or the seal cannot be read."""
    try:
        fd = files.open(directory.SEAL)
    except FileNotFoundError:
        return None
    try:
        size = files.size(fd)
        frame = parsed(files.read(fd, 0, HEADER_SIZE), 0, size)
        if frame is None or frame.length > _BLOCK or frame.kind != Kind.SEAL:
            return None
        body = files.read(fd, frame.offset, frame.length)
        if not frame.fits(body, manifest.journal_seed):
            return None
        form = unpacked(body)
        return Place(int(form["journal"]), int(form["sequence"]))
    except (RecordError, KeyError, TypeError, ValueError):
        return None
    finally:
        files.close(fd)
