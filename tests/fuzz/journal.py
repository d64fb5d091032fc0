"""Journal: its frames, the changes in them and the columns in those, taken up by a reader or recovered by a writer."""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from skillstore import SkillStoreError
from skillstore.local import manifest
from skillstore.local.changes import Rows, record_of
from skillstore.local.frames import CLOSES_COMMIT, Kind, header
from skillstore.local.journal import EMPTY, JournalReader, Place
from skillstore.local.records import packed
from tests.fuzz import asking, seeds
from tests.fuzz.forms import Reader
from tests.skillstore.ram import RamFiles, ram_library

_FILES = seeds.running()
_NAMED = manifest.read(RamFiles(_FILES))
_EMPTY = _FILES[_NAMED.journal][:EMPTY]
_FIRST = record_of(
    Rows(np.array([1]), [packed(["s", {}, ["go"], {}])], np.eye(1, seeds.DIM, dtype=np.float32), np.array([[0, 0, 1]]))
)
_CUT = b"\xf5\xf6"  # in no UTF-8, and rare in numbers
_RAW, _FRAMES, _RECORDS, _ROWS, _FORMS = range(5)
_WRITES = 8  # a bit of the first byte, as the mode is
_VERBS = ["add", "replace", "rows", "learned", "outcome", "remove", "note", "request", ""]


def corpus() -> list[bytes]:
    whole = _FILES[_NAMED.journal]
    commits = JournalReader(RamFiles(_FILES), _NAMED).commits(Place())
    records = [record_of(change) for changes, _ in commits for change in changes]
    columns = [
        b"\x09" + bytes(7),
        b"\5\0\0\0",
        bytes(16) + b"\1" + bytes(7),
        bytes(4 * seeds.DIM),
        b"\x94\xa1n\x80\x91\1\x80",
    ]
    inputs = [
        whole,
        whole,
        _CUT.join(records),
        _CUT.join(columns),
        b"\x03\x01\x31\x04\x02\x31\x01\x06\x02\x61\x72\x81\x01",
    ]
    return [bytes([mode | writes]) + data for writes in (0, _WRITES) for mode, data in enumerate(inputs)]


def run(data: bytes) -> None:
    """The first byte says how much is made to fit, so that what is behind is reached, and who opens."""
    first, read = data[0] if data else _RAW, data[1:]
    mode, writes = first % _WRITES, first & _WRITES
    if mode == _FRAMES:
        read = seeds.reframed(read, _NAMED.journal_seed)
    elif mode == _RECORDS:
        read = _framed(*read.split(_CUT))
    elif mode == _ROWS:
        read = _framed(packed(["rows", *read.split(_CUT)]))
    elif mode == _FORMS:
        read = _framed(*_records(Reader(read)))
    files = RamFiles({**_FILES, _NAMED.journal: read})
    with suppress(SkillStoreError):
        library = ram_library(files, "rw" if writes else "r")
        asking.ask(library)
        if writes:
            asking.change(library)
            library.close()


def _framed(*records: bytes) -> bytes:
    body = packed(list(records))
    return _EMPTY + header(Kind.CHANGES, 1, body, _NAMED.journal_seed, CLOSES_COMMIT) + body


def _records(reader: Reader) -> list[bytes]:
    """A skill, and some changes to it or to anything."""
    found = [_FIRST]
    for _ in range(1 + reader.byte() % 4):
        verb = _VERBS[reader.byte() % len(_VERBS)]
        found.append(packed([verb, *(reader.form() for _ in range(reader.byte() % 8))]))
    return found
