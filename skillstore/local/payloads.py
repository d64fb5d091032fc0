"""Payloads: the bytes of skills' names, preconditions, actions and metadata, decoded only for what is returned."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from skillstore.errors import BackendUnavailableError, CorruptLibraryError
from skillstore.local.files import Files
from skillstore.local.records import MAX_PAYLOAD

_BLOCK = 4096  # payloads read at a time
_SPAN = 64 * 2**20  # unless they stand farther apart than this


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
        lengths = np.fromiter((len(data) for data in payloads), dtype=np.uint64, count=len(payloads))
        checksums = np.fromiter((zlib.crc32(data) for data in payloads), dtype=np.uint32, count=len(payloads))
        return cls(np.cumsum(lengths, dtype=np.uint64), checksums, b"".join(payloads))

    def some(self, positions: NDArray[np.int64]) -> list[bytes]:
        """The payloads at a few `positions`, in any order. Raises as reading each does."""
        ends = self.ends[positions].tolist()
        starts = np.where(positions > 0, self.ends[positions - 1], 0).tolist()
        source = self._source
        if isinstance(source, bytes):
            return [source[start:end] for start, end in zip(starts, ends, strict=True)]
        checksums = self.checksums[positions].tolist()
        return [source.read(s, e - s, c) for s, e, c in zip(starts, ends, checksums, strict=True)]

    def many(self, positions: NDArray[np.int64]) -> Iterator[bytes]:
        """The payloads at ascending `positions`, read in blocks. Raises CorruptLibraryError as they are read."""
        for start in range(0, len(positions), _BLOCK):
            yield from self._block(positions[start : start + _BLOCK].tolist())

    def _block(self, positions: list[int]) -> Iterator[bytes]:
        first, last = positions[0], positions[-1]
        ends = [0, *self.ends[: last + 1].tolist()] if first == 0 else self.ends[first - 1 : last + 1].tolist()
        source, base = self._source, 0
        if not isinstance(source, bytes):
            if ends[-1] - ends[0] > _SPAN:
                for position in positions:
                    yield from self.some(np.array([position]))
                return
            source, base = source.span(ends[0], ends[-1] - ends[0]), ends[0]
        checksums = self.checksums[first : last + 1].tolist()
        for position in positions:
            data = source[ends[position - first] - base : ends[position - first + 1] - base]
            if zlib.crc32(data) != checksums[position - first]:
                raise CorruptLibraryError(*self.place(position), "a skill's payload")
            yield data

    def place(self, position: int) -> tuple[str, int]:
        """The file and offset of a payload, to say where damage is."""
        start = int(self.ends[position - 1]) if position else 0
        if isinstance(self._source, bytes):
            return "memory", start
        return self._source.path, self._source.offset + start


class PayloadFile:
    """A file, open until it is no longer used, whose payloads start at `offset`."""

    def __init__(self, files: Files, name: str, offset: int = 0) -> None:
        self._files, self._name, self.offset = files, name, offset
        self.fd = files.open(name)

    @property
    def path(self) -> str:
        return str(self._files.path(self._name))

    def span(self, start: int, length: int) -> bytes:
        """Up to `length` bytes at `start`, unchecked."""
        try:
            return bytes(self._files.read(self.fd, self.offset + start, length))
        except OSError as error:
            raise self._unreadable(error) from error

    def read(self, start: int, length: int, checksum: int) -> bytes:
        """`length` bytes at `start`. Raises CorruptLibraryError unless they have this CRC-32."""
        data = b""
        if length <= MAX_PAYLOAD:
            try:
                data = self._files.read_short(self.fd, self.offset + start, length)
            except OSError as error:
                raise self._unreadable(error) from error
        if len(data) != length or zlib.crc32(data) != checksum:
            raise CorruptLibraryError(self.path, self.offset + start, "a skill's payload")
        return data

    def _unreadable(self, error: OSError) -> BackendUnavailableError:
        return BackendUnavailableError(f"{self.path} cannot be read ({error.strerror}); check the disk")

    def __del__(self) -> None:
        if hasattr(self, "fd"):
            self._files.close(self.fd)
