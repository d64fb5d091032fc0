"""Payloads: the bytes of skills' names, preconditions, actions and metadata, decoded only for what is returned."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from skillstore.errors import CorruptLibraryError
from skillstore.local.files import Files
from skillstore.local.records import MAX_PAYLOAD


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

    def __getitem__(self, position: int) -> bytes:
        """One payload. Raises CorruptLibraryError if its bytes changed since they were verified."""
        start = int(self.ends[position - 1]) if position else 0
        length = int(self.ends[position]) - start
        if isinstance(self._source, bytes):
            return self._source[start : start + length]
        return self._source.read(start, length, int(self.checksums[position]))

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

    def read(self, start: int, length: int, checksum: int) -> bytes:
        """`length` bytes at `start`. Raises CorruptLibraryError unless they have this CRC-32."""
        data = b""
        if length <= MAX_PAYLOAD:
            data = bytes(self._files.read(self.fd, self.offset + start, length))
        if len(data) != length or zlib.crc32(data) != checksum:
            raise CorruptLibraryError(self.path, self.offset + start, "a skill's payload")
        return data

    def __del__(self) -> None:
        if hasattr(self, "fd"):
            self._files.close(self.fd)
