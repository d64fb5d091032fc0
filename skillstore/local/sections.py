"""Sections: a file of a snapshot is frames, one for each column, and never changes."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from skillstore.local.files import Files
from skillstore.local.frames import FrameReader, Kind, header, seed
from skillstore.local.manifest import NamedFile
from skillstore.local.records import (
    RecordError,
    unpacked,
    unpacked_map,
)


def write(files: Files, library: bytes, name: str, sections: Sequence[Any]) -> NamedFile:
    """Write and sync a file of these sections, bytes or arrays; the directory is not synced yet."""
    start, checksum, size = seed(library, name), 0, 0
    fd = files.create(name)
    try:
        for sequence, section in enumerate(sections):
            body = memoryview(section if isinstance(section, bytes) else np.ascontiguousarray(section).data).cast("B")
            head = header(Kind.SECTION, sequence, body, start)
            checksum = zlib.crc32(head, checksum)
            size += len(head) + len(body)
            files.write(fd, head)
            files.write(fd, body)
        files.sync(fd)
    finally:
        files.close(fd)
    return NamedFile(name, size, checksum)


def check(files: Files, library: bytes, named: NamedFile) -> None:
    """Read every byte of a file. Raises CorruptLibraryError, FileNotFoundError."""
    fd = files.open(named.name)
    try:
        reader, sequence = SectionReader(files, fd, library, named), 0
        while reader.offset < reader.size:
            reader.skipped(sequence)
            sequence += 1
        reader.finish()
    finally:
        files.close(fd)


class SectionReader(FrameReader):
    """Reads a file that the manifest names."""

    def __init__(self, files: Files, fd: int, library: bytes, named: NamedFile, sized: bool = True) -> None:
        """`sized`: raises CorruptLibraryError unless the file has the size that it should have."""
        super().__init__(files, fd, named.name, seed(library, named.name))
        self._named = named
        if not sized:
            self.size = named.size
        if self.size != named.size:
            raise self.damaged(f"it has {self.size} bytes instead of {named.size}", offset=min(self.size, named.size))

    def record(self, sequence: int, large: str | None = None) -> Any:
        """The record that a section is; `large` names a map in it that may be."""
        body = self.body(Kind.SECTION, sequence, limit=self.size)
        try:
            return unpacked(body) if large is None else unpacked_map(body, large)
        except RecordError as error:
            raise self.damaged(str(error)) from None

    def finish(self) -> None:
        super().finish()
        if self.checksum != self._named.checksum:
            raise self.damaged("it is another file than the one the manifest names", offset=0)
