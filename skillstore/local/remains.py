"""Remains: what can be read of a snapshot's file though a part of it is damaged."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from skillstore.errors import BackendUnavailableError, CorruptLibraryError
from skillstore.local.files import Files
from skillstore.local.frames import HEADER_SIZE, Kind, header, seed
from skillstore.local.manifest import NamedFile
from skillstore.local.matcher import Matcher
from skillstore.local.payloads import PayloadFile, Payloads
from skillstore.local.sections import SectionReader
from skillstore.local.segment import Segment
from skillstore.local.segment_file import read_columns


def damaged_segment(
    files: Files, library: bytes, named: NamedFile, matcher: Matcher, dim: int
) -> tuple[Segment, NDArray[np.bool_]]:
    """The segment of a file whose payloads may be damaged, and which rows are whole; payloads are in memory.

    Raises CorruptLibraryError if anything else of it is damaged.
    """
    source = PayloadFile(files, named.name, seed(library, named.name))
    reader = SectionReader(files, source.fd, library, named, sized=False)
    segment = read_columns(reader, source, library, named, matcher, dim)
    source.offset = named.size - int(segment.payloads.ends[-1])
    payloads = [_payload(segment, row) for row in range(len(segment))]
    whole = np.array([payload is not None for payload in payloads])
    found = files.read(source.fd, reader.offset, HEADER_SIZE)
    made = header(Kind.SECTION, 9, b"".join(payload or b"" for payload in payloads), seed(library, named.name))
    if named.checksum not in (zlib.crc32(head, reader.checksum) for head in (found, made)):
        raise reader.damaged("it is another file than the one the manifest names", offset=0)
    segment.payloads, segment.number = Payloads.of([payload or b"" for payload in payloads]), None
    return segment, whole


def _payload(segment: Segment, row: int) -> bytes | None:
    try:
        (payload,) = segment.payloads.some(np.array([row]))
    except (CorruptLibraryError, BackendUnavailableError):
        return None
    return payload


def counted_rows(files: Files, library: bytes, named: NamedFile) -> list[int]:
    """The lengths of the segments of a file of counts, as its own headers say. Raises CorruptLibraryError."""
    fd = files.open(named.name)
    try:
        reader = SectionReader(files, fd, library, named)
        lengths: list[int] = []
        while reader.offset < reader.size:
            start = reader.skipped(len(lengths))
            lengths.append(reader.offset - start)
    finally:
        files.close(fd)
    return [length // 24 for length in lengths[2::2]]
