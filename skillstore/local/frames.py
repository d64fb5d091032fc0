"""Frames: how every file of a library is cut into checksummed pieces. The grammar is in ARCHITECTURE.md."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from skillstore.errors import CorruptLibraryError
from skillstore.local.files import Files

MARKER = b"\xabSKF"
_HEADER = struct.Struct("<4sBBHIQQ")
HEADER_SIZE = _HEADER.size
_FIELDS = struct.Struct("<BBHQQ")
CLOSES_COMMIT = 1
MANY = 2**16 - 1
"""As the number of frames that were not synced: so many, or more."""
MAX_BODY = 32 * 2**20
"""Longest body of a frame that is read into memory whole; sections of a segment may be longer."""

_PIECE = 2**20


class Kind(IntEnum):
    MANIFEST = 1
    HEADER = 2
    CHANGES = 3
    SECTION = 4
    SEAL = 5
    BACKUP = 6
    BLOCK = 7


def seed(library: bytes, name: str) -> int:
    """Where the checksums of the file `name` start, so that no frame passes for one of another file or library."""
    return zlib.crc32(library + name.encode())


def header(
    kind: Kind, sequence: int, body: bytes | bytearray | memoryview, start: int, flags: int = 0, unsynced: int = 0
) -> bytes:
    """The bytes that go before `body`; `start` is the file's seed."""
    fields = _FIELDS.pack(kind, flags, min(unsynced, MANY), sequence, len(body))
    checksum = zlib.crc32(body, zlib.crc32(fields, start))
    return _HEADER.pack(MARKER, kind, flags, min(unsynced, MANY), checksum, sequence, len(body))


@dataclass(frozen=True)
class Frame:
    """A frame's header as read: where its body stands, and what its checksum must be.

    `unsynced`: how many frames directly before it were not known to be on the disk when it was written.
    """

    kind: int
    flags: int
    unsynced: int
    sequence: int
    checksum: int
    offset: int
    length: int

    @property
    def end(self) -> int:
        return self.offset + self.length

    @property
    def closes(self) -> bool:
        return bool(self.flags & CLOSES_COMMIT)

    def fits(self, body: bytes | bytearray | memoryview, start: int) -> bool:
        """Whether `body` is what was written."""
        return len(body) == self.length and zlib.crc32(body, zlib.crc32(self.fields, start)) == self.checksum

    @property
    def fields(self) -> bytes:
        """What the checksum covers beside the body."""
        return _FIELDS.pack(self.kind, self.flags, self.unsynced, self.sequence, self.length)

    def comes_after(self, sequence: int) -> bool:
        """Whether it was written when the frame `sequence` was known to be on the disk."""
        return self.unsynced < MANY and sequence < self.sequence - self.unsynced


def parsed(data: bytes | bytearray | memoryview, offset: int, size: int) -> Frame | None:
    """The frame whose header `data` starts with, `offset` bytes into a file of `size`; None if it cannot be one."""
    if len(data) < HEADER_SIZE:
        return None
    marker, kind, flags, unsynced, checksum, sequence, length = _HEADER.unpack_from(data)
    body = offset + HEADER_SIZE
    if marker != MARKER or flags > CLOSES_COMMIT or not 1 <= kind <= len(Kind) or length > size - body:
        return None
    if unsynced and kind != Kind.CHANGES:
        return None
    return Frame(kind, flags, unsynced, sequence, checksum, body, length)


class FrameReader:
    """Reads one file's frames in order, each checked before it is used."""

    def __init__(self, files: Files, fd: int, name: str, start: int) -> None:
        self._files, self._fd, self._name, self._start = files, fd, name, start
        self.size = files.size(fd)
        self.offset = 0
        self.checksum = 0  # of the headers read so far: they hold the checksums of all else

    def damaged(self, what: str, offset: int | None = None) -> CorruptLibraryError:
        """The error to raise about this file."""
        return CorruptLibraryError(str(self._files.path(self._name)), self.offset if offset is None else offset, what)

    def peeked_sequence(self) -> int:
        """The sequence of the next frame, not yet checked; 0 if there is none."""
        frame = parsed(self._files.read(self._fd, self.offset, HEADER_SIZE), self.offset, self.size)
        return frame.sequence if frame else 0

    def body(self, kind: Kind, sequence: int, limit: int = MAX_BODY) -> bytearray:
        """The body of the next frame. Raises CorruptLibraryError unless it is of this kind and sequence, and whole."""
        frame, _ = self._next(kind, sequence)
        if frame.length > limit:
            raise self.damaged("a record is longer than any that is written")
        body = self._files.read(self._fd, frame.offset, frame.length)
        self._check(frame, body)
        return body

    def array(self, sequence: int, dtype: str, count: int) -> NDArray[np.generic]:
        """The next section as `count` numbers of a little-endian `dtype`, read into memory once."""
        frame, _ = self._next(Kind.SECTION, sequence)
        if frame.length != count * np.dtype(dtype).itemsize:
            raise self.damaged("a section does not have the length it should have")
        numbers = np.empty(count, dtype=dtype)
        view = memoryview(numbers.data).cast("B") if count else memoryview(b"")
        if self._read_checked(frame, view) != frame.checksum:
            raise self.damaged("the checksum does not match")
        self.offset = frame.end
        return numbers

    def _read_checked(self, frame: Frame, view: memoryview) -> int:
        """Fill `view` with the frame's body; its checksum. What was read is summed up while more is read."""
        checksum = zlib.crc32(frame.fields, self._start)
        if len(view) <= MAX_BODY:
            self._files.read_into(self._fd, frame.offset, view)
            return zlib.crc32(view, checksum)
        with ThreadPoolExecutor(1, "skillstore-checksum") as pool:
            summed: Future[int] = pool.submit(int, checksum)
            for first in range(0, len(view), MAX_BODY):
                piece = view[first : first + MAX_BODY]
                self._files.read_into(self._fd, frame.offset + first, piece)
                summed = pool.submit(lambda piece, before: zlib.crc32(piece, before.result()), piece, summed)
            return summed.result()

    def skipped(self, sequence: int) -> int:
        """Where the body of the next section starts; it is checked, but not kept."""
        start = self.offset + HEADER_SIZE
        for _ in self.pieces(Kind.SECTION, sequence):
            pass
        return start

    def pieces(self, kind: Kind, sequence: int) -> Iterator[bytes | bytearray]:
        """The bytes of the next frame, header first. Raises CorruptLibraryError after the last if it is not whole."""
        frame, head = self._next(kind, sequence)
        yield head
        checksum = zlib.crc32(frame.fields, self._start)
        for offset in range(frame.offset, frame.end, _PIECE):
            piece = self._files.read(self._fd, offset, min(_PIECE, frame.end - offset))
            checksum = zlib.crc32(piece, checksum)
            yield piece
        if checksum != frame.checksum:
            raise self.damaged("the checksum does not match")
        self.offset = frame.end

    def finish(self) -> None:
        """Raises CorruptLibraryError if anything follows."""
        if self.offset != self.size:
            raise self.damaged("there is more than was written")

    def _next(self, kind: Kind, sequence: int) -> tuple[Frame, bytearray]:
        data = self._files.read(self._fd, self.offset, HEADER_SIZE)
        frame = parsed(data, self.offset, self.size)
        if frame is None:
            raise self.damaged("there is no whole record")
        if frame.kind != kind or frame.sequence != sequence:
            raise self.damaged("this is another record than the one that belongs here")
        self.checksum = zlib.crc32(data, self.checksum)
        return frame, data

    def _check(self, frame: Frame, body: bytearray | memoryview) -> None:
        if not frame.fits(body, self._start):
            raise self.damaged("the checksum does not match")
        self.offset = frame.end
