"""Segment file: what of a segment does not change, on disk."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skillstore.errors import InvalidInputError
from skillstore.local import directory, sections
from skillstore.local.conditions import Batch
from skillstore.local.files import Files
from skillstore.local.frames import Kind, seed
from skillstore.local.manifest import NamedFile
from skillstore.local.matcher import Matcher
from skillstore.local.payloads import PayloadFile, Payloads
from skillstore.local.records import (
    MAX_PAYLOAD,
    RecordError,
    items_of,
    length,
    packed,
)
from skillstore.local.sections import SectionReader
from skillstore.local.segment import Segment
from skillstore.preconditions import MAX_FACTS, condition_form

_LONGEST = MAX_PAYLOAD + 64  # bytes of a condition; bounds take more than they did in a skill


def write(files: Files, library: bytes, number: int, segment: Segment, matcher: Matcher) -> NamedFile:
    """Write and sync the file of `segment`; the directory is not synced yet."""
    sizes, flat = matcher.terms_of(segment.sets)
    distinct, places = np.unique(flat, return_inverse=True)
    conditions = [(name, condition_form(wanted)) for name, wanted in map(matcher.terms.condition, distinct.tolist())]
    about = {"library": library, "number": number, "rows": len(segment), "sets": len(segment.sets)}
    parts: list[Any] = [
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
    return sections.write(files, library, directory.segment_name(number), parts)


def attach(files: Files, library: bytes, named: NamedFile, number: int, segment: Segment) -> None:
    """Let `segment` read its payloads from the file that was written of it, and free those in memory."""
    payloads = segment.payloads
    source = PayloadFile(files, named.name, seed(library, named.name), named.size - int(payloads.ends[-1]))
    segment.payloads = Payloads(payloads.ends, payloads.checksums, source)
    segment.number = number


def read(files: Files, library: bytes, named: NamedFile, matcher: Matcher, dim: int) -> Segment:
    """The segment of a file, every byte checked; its skills all alive, with no counts yet. Payloads stay on disk."""
    source = PayloadFile(files, named.name, seed(library, named.name))
    reader = SectionReader(files, source.fd, library, named)
    segment = read_columns(reader, source, library, named, matcher, dim)
    source.offset = reader.skipped(9)
    reader.finish()
    if int(segment.payloads.ends[-1]) != reader.size - source.offset:
        raise reader.damaged("the payloads do not cover their section")
    return segment


def read_columns(
    reader: SectionReader, source: PayloadFile, library: bytes, named: NamedFile, matcher: Matcher, dim: int
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


def _terms(reader: SectionReader, body: bytearray, places: int, matcher: Matcher) -> NDArray[np.int32]:
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
    reader: SectionReader,
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


def _text(key: Any) -> str:
    if type(key) is not str:
        raise RecordError("a name that is not text")
    return key
