"""Snapshot: the immutable files of a generation. Segments hold what does not change, `counts` what does."""

from __future__ import annotations

import zlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skillstore.backend import MAX_REQUESTS
from skillstore.errors import CorruptLibraryError, InvalidInputError
from skillstore.local import directory
from skillstore.local.cells import DEPTHS, Cells, fits
from skillstore.local.changes import request_of
from skillstore.local.conditions import Batch
from skillstore.local.files import Files
from skillstore.local.frames import FrameReader, Kind, header, seed
from skillstore.local.manifest import NamedFile
from skillstore.local.matcher import Matcher
from skillstore.local.payloads import PayloadFile, Payloads
from skillstore.local.records import (
    MAX_PAYLOAD,
    RecordError,
    checked_note,
    items_of,
    length,
    packed,
    unpacked,
    unpacked_map,
)
from skillstore.local.segment import Segment
from skillstore.local.vectors import Centroids
from skillstore.preconditions import MAX_FACTS, condition_form

_LONGEST = MAX_PAYLOAD + 64  # bytes of a condition; bounds take more than they did in a skill


class CountsFile(NamedTuple):
    """What changes: `columns` are (alive, counts) of each segment."""

    notes: dict[str, bytes]
    requests: OrderedDict[str, bytes]
    columns: list[tuple[NDArray[np.bool_], NDArray[np.int64]]]


def write_segment(files: Files, library: bytes, number: int, segment: Segment, matcher: Matcher) -> NamedFile:
    """Write and sync the file of `segment`; the directory is not synced yet."""
    sizes, flat = matcher.terms_of(segment.sets)
    distinct, places = np.unique(flat, return_inverse=True)
    conditions = [(name, condition_form(wanted)) for name, wanted in map(matcher.terms.condition, distinct.tolist())]
    about = {"library": library, "number": number, "rows": len(segment), "sets": len(segment.sets)}
    sections: list[Any] = [
        packed(about),
        packed([list(pair) for pair in conditions]),
        sizes.astype("<u4"),
        places.astype("<u4"),
        segment.starts.astype("<i8"),
        segment.ids.astype("<i8"),
        segment.matrix.astype("<f4", copy=False),
        segment.payloads.ends.astype("<u8"),
        segment.payloads.checksums.astype("<u4"),
        segment.payloads.whole(),
    ]
    return _write(files, library, directory.segment_name(number), sections)


def attach(files: Files, library: bytes, named: NamedFile, number: int, segment: Segment) -> None:
    """Let `segment` read its payloads from the file that was written of it, and free those in memory."""
    payloads = segment.payloads
    source = PayloadFile(files, named.name, seed(library, named.name), named.size - int(payloads.ends[-1]))
    segment.payloads = Payloads(payloads.ends, payloads.checksums, source)
    segment.number = number


def write_counts(
    files: Files,
    library: bytes,
    generation: int,
    notes: Mapping[str, bytes],
    requests: Mapping[str, bytes],
    segments: Sequence[Segment],
) -> NamedFile:
    """Write and sync the counts of a generation; the directory is not synced yet."""
    about = {"library": library, "generation": generation, "notes": dict(notes)}
    sections: list[Any] = [packed({**about, "requests": [list(pair) for pair in requests.items()]})]
    for segment in segments:
        sections.append(np.packbits(segment.alive, bitorder="little"))
        sections.append(segment.counts.astype("<i8"))
    return _write(files, library, directory.counts_name(generation), sections)


def _write(files: Files, library: bytes, name: str, sections: Sequence[Any]) -> NamedFile:
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
        reader, sequence = SnapshotReader(files, fd, library, named), 0
        while reader.offset < reader.size:
            reader.skipped(sequence)
            sequence += 1
        reader.finish()
    finally:
        files.close(fd)


class SnapshotReader(FrameReader):
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


def read_segment(files: Files, library: bytes, named: NamedFile, matcher: Matcher, dim: int) -> Segment:
    """The segment of a file, every byte checked; its skills all alive, with no counts yet. Payloads stay on disk."""
    source = PayloadFile(files, named.name, seed(library, named.name))
    reader = SnapshotReader(files, source.fd, library, named)
    segment = read_columns(reader, source, library, named, matcher, dim)
    source.offset = reader.skipped(9)
    reader.finish()
    if int(segment.payloads.ends[-1]) != reader.size - source.offset:
        raise reader.damaged("the payloads do not cover their section")
    return segment


def read_columns(
    reader: SnapshotReader, source: PayloadFile, library: bytes, named: NamedFile, matcher: Matcher, dim: int
) -> Segment:
    """All of a segment but its payloads."""
    about = reader.record(0)
    conditions = reader.body(Kind.SECTION, 1, limit=reader.size)
    try:
        rows, sets, number = int(about["rows"]), int(about["sets"]), int(about["number"])
        if directory.segment_name(number) != named.name or about["library"] != library:
            raise ValueError("it is another segment")
    except (KeyError, TypeError, ValueError) as error:
        raise reader.damaged(f"it does not describe a segment ({error!r})") from None
    if not 0 < sets <= rows <= reader.size:
        raise reader.damaged(f"{rows} skills in {sets} precondition sets cannot be")
    sizes = reader.array(2, "<u4", sets).astype(np.int64)
    if sizes.max() > MAX_FACTS:
        raise reader.damaged(f"{sizes.max()} conditions in one precondition set cannot be")
    places = reader.array(3, "<u4", int(sizes.sum())).astype(np.int64)
    terms = _terms(reader, conditions, len(places), matcher)
    starts = reader.array(4, "<i8", sets + 1).astype(np.int64, copy=False)
    ids = reader.array(5, "<i8", rows).astype(np.int64, copy=False)
    vectors = reader.array(6, "<f4", rows * dim).astype(np.float32, copy=False).reshape(rows, dim)
    ends = reader.array(7, "<u8", rows).astype(np.uint64, copy=False)
    checksums = reader.array(8, "<u4", rows).astype(np.uint32, copy=False)
    _check_columns(reader, starts, ids, places, len(terms), rows)
    if (ends[1:] < ends[:-1]).any():
        raise reader.damaged("the payloads do not cover their section")
    segment = Segment(
        sets=matcher.intern_many(sizes, terms[places], distinct=True),
        starts=starts,
        ids=ids,
        vectors=vectors,
        payloads=Payloads(ends, checksums, source),
        counts=np.zeros((3, rows), dtype=np.int64),
        number=number,
    )
    if not segment.has_distinct_ids():
        raise reader.damaged("the ids are not distinct")
    return segment


def _terms(reader: SnapshotReader, body: bytearray, places: int, matcher: Matcher) -> NDArray[np.int32]:
    """The terms of the distinct conditions in `body`, emptied, each of which stands in one of the `places` of a set."""
    if length(body) > places:
        raise reader.damaged("there are more conditions than are used")
    batch = Batch()
    try:
        for item, size in items_of(body):
            if size > _LONGEST or len(item) != 2:
                raise ValueError("one is longer than any that is written")
            form = item.pop()
            batch.take_form(_text(*item), form)
            del form  # before the next is read
        return matcher.terms.taken_up(batch)
    except (InvalidInputError, RecordError, AttributeError, TypeError, ValueError) as error:
        raise reader.damaged(f"it does not hold conditions ({error!r})") from None


def _check_columns(
    reader: SnapshotReader,
    starts: NDArray[np.int64],
    ids: NDArray[np.int64],
    places: NDArray[np.int64],
    conditions: int,
    rows: int,
) -> None:
    """The checksums hold, so this is for files that somebody made up: nothing may read outside its bounds."""
    if starts[0] != 0 or starts[-1] != rows or (np.diff(starts) <= 0).any():
        raise reader.damaged("the precondition sets do not cover the rows")
    if len(places) and (places.min() < 0 or places.max() >= conditions):
        raise reader.damaged("a precondition set names a condition that is not there")
    if ids.min() < 1:
        raise reader.damaged("an id is not positive")


def write_cells(files: Files, library: bytes, named: NamedFile, segment: Segment) -> None:
    """Write the cells of the segment in the file `named`: a cache, bound to that file, that may be lost at any time."""
    found, number = segment.cells, segment.number
    if found is None or number is None:
        return
    sections: list[Any] = [
        packed({"segment": named.checksum, "cells": len(found.centroids)}),
        found.centroids.vectors.astype("<f4"),
        found.starts.astype("<i8"),
        found.rows.astype("<i4"),
        found.reach.astype("<i8"),
        found.towards.astype("<f4"),
    ]
    _write(files, library, directory.cells_name(number), sections)


def read_cells(
    files: Files, library: bytes, named: NamedFile, segment: Segment, matcher: Matcher, dim: int
) -> Cells | None:
    """The cells of a segment; None if there are none, or on any doubt: then they are made again."""
    name = directory.cells_name(segment.number or 0)
    try:
        fd = files.open(name)
    except OSError:
        return None
    try:
        reader = FrameReader(files, fd, name, seed(library, name))
        about = unpacked(reader.body(Kind.SECTION, 0))
        count, rows = int(about["cells"]), len(segment)
        if about["segment"] != named.checksum or not 0 < count <= rows:
            return None
        centroids = reader.array(1, "<f4", count * dim).astype(np.float32, copy=False).reshape(count, dim)
        starts = reader.array(2, "<i8", count + 1).astype(np.int64, copy=False)
        places = reader.array(3, "<i4", rows).astype(np.int32, copy=False)
        reach = reader.array(4, "<i8", len(DEPTHS)).astype(np.int64, copy=False)
        towards = reader.array(5, "<f4", rows).astype(np.float32, copy=False)
        reader.finish()
        if not fits(Centroids(centroids), starts, places, reach, towards, rows):
            return None
        sets = segment.set_numbers()[places].astype(np.int32)
        return Cells(Centroids(centroids), starts, places, towards, sets, matcher.words_of(sets), reach)
    except (CorruptLibraryError, RecordError, KeyError, TypeError, ValueError):
        return None
    finally:
        files.close(fd)


def read_counts(files: Files, library: bytes, named: NamedFile, rows: Sequence[int]) -> CountsFile:
    """What is in a file, every byte checked; `rows` are the segments' lengths."""
    fd = files.open(named.name)
    try:
        reader = SnapshotReader(files, fd, library, named)
        about = reader.record(0, large="notes")
        columns = []
        for place, count in enumerate(rows):
            bits = reader.array(1 + 2 * place, "u1", (count + 7) // 8).astype(np.uint8, copy=False)
            alive = np.unpackbits(bits, count=count, bitorder="little").astype(np.bool_)
            counts = reader.array(2 + 2 * place, "<i8", 3 * count).astype(np.int64, copy=False).reshape(3, count)
            columns.append((alive, counts))
        reader.finish()
    finally:
        files.close(fd)
    try:
        for data in about["notes"].values():
            checked_note(data)
        return CountsFile(about["notes"], _requests(about.get("requests", [])), columns)
    except (RecordError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise reader.damaged(f"it does not hold notes and requests ({error!r})", offset=0) from None


def _requests(form: Any) -> OrderedDict[str, bytes]:
    """Oldest first. Raises ValueError, TypeError."""
    if len(form) > MAX_REQUESTS:
        raise RecordError("more requests than are remembered")
    requests = OrderedDict((change.id, change.answer) for change in (request_of(*pair) for pair in form))
    if len(requests) != len(form):
        raise RecordError("a request is carried out twice")
    return requests


def _text(key: Any) -> str:
    if type(key) is not str:
        raise RecordError("a name that is not text")
    return key
