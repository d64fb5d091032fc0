"""Cells file: a cache of the cells of a segment, bound to its file. On any doubt they are made again."""

from __future__ import annotations

from typing import Any

import numpy as np

from skillstore.errors import CorruptLibraryError
from skillstore.local import directory, sections
from skillstore.local.cells import DEPTHS, Cells, fits
from skillstore.local.files import Files
from skillstore.local.frames import FrameReader, Kind, seed
from skillstore.local.manifest import NamedFile
from skillstore.local.matcher import Matcher
from skillstore.local.records import (
    RecordError,
    packed,
    unpacked,
)
from skillstore.local.segment import Segment
from skillstore.local.vectors import Centroids


def write(files: Files, library: bytes, named: NamedFile, segment: Segment) -> None:
    """Write the cells of the segment in the file `named`: a cache, bound to that file, that may be lost at any time."""
    found, number = segment.cells, segment.number
    if found is None or number is None:
        return
    parts: list[Any] = [
        packed({"segment": named.checksum, "cells": len(found.centroids)}),
        found.centroids.vectors.astype("<f4"),
        found.starts.astype("<i8"),
        found.rows.astype("<i4"),
        found.reach.astype("<i8"),
        found.towards.astype("<f4"),
    ]
    sections.write(files, library, directory.cells_name(number), parts)


def read(files: Files, library: bytes, named: NamedFile, segment: Segment, matcher: Matcher, dim: int) -> Cells | None:
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
