"""Counts file: what changes about the skills in segments, and the notes and requests, as a generation begins."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skillstore.backend import MAX_REQUESTS
from skillstore.local import directory, sections
from skillstore.local.changes import request_of
from skillstore.local.files import Files
from skillstore.local.manifest import NamedFile
from skillstore.local.records import (
    RecordError,
    checked_note,
    packed,
)
from skillstore.local.sections import SectionReader
from skillstore.local.segment import Segment


class CountsFile(NamedTuple):
    """What changes: `columns` are (alive, counts) of each segment."""

    notes: dict[str, bytes]
    requests: OrderedDict[str, bytes]
    columns: list[tuple[NDArray[np.bool_], NDArray[np.int64]]]


def write(
    files: Files,
    library: bytes,
    generation: int,
    notes: Mapping[str, bytes],
    requests: Mapping[str, bytes],
    segments: Sequence[Segment],
) -> NamedFile:
    """Write and sync the counts of a generation; the directory is not synced yet."""
    about = {"library": library, "generation": generation, "notes": dict(notes)}
    parts: list[Any] = [packed({**about, "requests": [list(pair) for pair in requests.items()]})]
    for segment in segments:
        parts.append(np.packbits(segment.alive, bitorder="little"))
        parts.append(segment.counts.astype("<i8"))
    return sections.write(files, library, directory.counts_name(generation), parts)


def read(files: Files, library: bytes, named: NamedFile, rows: Sequence[int]) -> CountsFile:
    """What is in a file, every byte checked; `rows` are the segments' lengths."""
    fd = files.open(named.name)
    try:
        reader = SectionReader(files, fd, library, named)
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
