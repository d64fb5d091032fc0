"""Payloads: the bytes of skills' names, preconditions, actions and metadata, decoded only for what is returned."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from skillstore.errors import BackendUnavailableError, CorruptLibraryError, LibraryClosedError
from skillstore.local.files import Files
from skillstore.local.frames import HEADER_SIZE, MAX_BODY, parsed
from skillstore.local.ranges import joined
from skillstore.local.records import MAX_PAYLOAD

Bytes = NDArray[np.uint8]
_BLOCK = 16_384  # payloads put in order at a time


class Payloads:
    """Immutable payloads by position: in memory, or in an open file that may have been removed since.

    ends       uint64 (n,): where each ends
    checksums  uint32 (n,): CRC-32 of each, checked whenever one is read
    """

    def __init__(self, ends: NDArray[np.uint64], checksums: NDArray[np.uint32], source: bytes | PayloadFile) -> None:
        self.ends, self.checksums, self._source = ends, checksums, source

    @classmethod
    def of(cls, payloads: Sequence[bytes]) -> Payloads:
        """Payloads kept in memory."""
        lengths = np.fromiter(map(len, payloads), dtype=np.uint64, count=len(payloads))
        checksums = np.fromiter(map(zlib.crc32, payloads), dtype=np.uint32, count=len(payloads))
        return cls(np.cumsum(lengths, dtype=np.uint64), checksums, b"".join(payloads))

    @classmethod
    def arranged(
        cls, parts: Sequence[Payloads], rows: Sequence[NDArray[np.int64]], order: NDArray[np.int64]
    ) -> Payloads:
        """The `rows` of `parts`, part by part, put in this `order`; kept in memory. Raises CorruptLibraryError."""
        whole = np.concatenate([part.whole() for part in parts])
        bases = np.cumsum([0, *(int(part.ends[-1]) if len(part.ends) else 0 for part in parts[:-1])])
        places = [part.starts[own] + base for part, own, base in zip(parts, rows, bases, strict=True)]
        starts = np.concatenate(places)[order]
        lengths = np.concatenate([part.lengths[own] for part, own in zip(parts, rows, strict=True)])[order]
        checksums = np.concatenate([part.checksums[own] for part, own in zip(parts, rows, strict=True)])[order]
        blocks = [
            whole[joined(starts[first : first + _BLOCK], lengths[first : first + _BLOCK])].tobytes()
            for first in range(0, len(order), _BLOCK)
        ]
        return cls(np.cumsum(lengths).astype(np.uint64), checksums, b"".join(blocks))

    @property
    def lengths(self) -> NDArray[np.int64]:
        ends = self.ends.astype(np.int64)
        return ends - np.concatenate(([0], ends[:-1]))

    @property
    def starts(self) -> NDArray[np.int64]:
        return self.ends.astype(np.int64) - self.lengths

    def some(self, positions: NDArray[np.int64]) -> list[bytes]:
        """The payloads at `positions`. Raises CorruptLibraryError if their bytes changed since they were verified."""
        ends = self.ends[positions].tolist()
        starts = np.where(positions > 0, self.ends[positions - 1], 0).tolist()
        source = self._source
        if isinstance(source, bytes):
            return [source[start:end] for start, end in zip(starts, ends, strict=True)]
        checksums = self.checksums[positions].tolist()
        return [source.read(s, e - s, c) for s, e, c in zip(starts, ends, checksums, strict=True)]

    def whole(self) -> Bytes:
        """All payloads, one after another: uint8. Raises CorruptLibraryError."""
        source = self._source
        return np.frombuffer(source, dtype=np.uint8) if isinstance(source, bytes) else source.whole()

    def place(self, position: int) -> tuple[str, int]:
        """The file and offset of a payload, to say where damage is."""
        start = int(self.ends[position - 1]) if position else 0
        if isinstance(self._source, bytes):
            return "memory", start
        return self._source.path, self._source.offset + start


class PayloadFile:
    """A file whose payloads are the frame's body that starts at `offset`; `start` is the file's seed.

    It is open until it is no longer used, or the library is closed.
    """

    def __init__(self, files: Files, name: str, start: int, offset: int = 0) -> None:
        self._files, self._name, self._start, self.offset = files, name, start, offset
        self.fd = files.open(name)

    @property
    def path(self) -> str:
        return str(self._files.path(self._name))

    def read(self, start: int, length: int, checksum: int) -> bytes:
        """`length` bytes at `start`. Raises CorruptLibraryError unless they have this CRC-32."""
        data = b""
        if length <= MAX_PAYLOAD:
            try:
                data = self._files.read_short(self.fd, self.offset + start, length)
                if len(data) < length:
                    data = bytes(self._files.read(self.fd, self.offset + start, length))
            except OSError as error:
                raise self._unreadable(error) from error
        if len(data) != length or zlib.crc32(data) != checksum:
            self._check_open()
            raise CorruptLibraryError(self.path, self.offset + start, "a skill's payload")
        return data

    def whole(self) -> Bytes:
        """All payloads. Raises CorruptLibraryError unless they have the frame's checksum."""
        head = self.offset - HEADER_SIZE
        try:
            frame = parsed(self._files.read(self.fd, head, HEADER_SIZE), head, self._files.size(self.fd))
            body = np.empty(frame.length if frame else 0, dtype=np.uint8)
            for first in range(0, len(body), MAX_BODY):
                self._files.read_into(self.fd, self.offset + first, memoryview(body.data)[first : first + MAX_BODY])
        except OSError as error:
            raise self._unreadable(error) from error
        if frame is None or not frame.fits(memoryview(body.data) if len(body) else memoryview(b""), self._start):
            self._check_open()
            raise CorruptLibraryError(self.path, self.offset, "the payloads of skills")
        return body

    def _check_open(self) -> None:
        """Raises LibraryClosedError if the library was closed: what was read may have been of any other file."""
        if self._files.ended:
            raise LibraryClosedError("the library was closed while its skills were read; open it again")

    def _unreadable(self, error: OSError) -> BackendUnavailableError:
        self._check_open()
        return BackendUnavailableError(f"{self.path} cannot be read ({error.strerror}); check the disk")

    def __del__(self) -> None:
        if hasattr(self, "fd"):
            with suppress(OSError):  # it was only read
                self._files.close(self.fd)
