"""Bombs: small inputs made to take much memory or time. Each is a directory, or the lines of an import."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from skillstore.backend import Settings
from skillstore.local import manifest
from skillstore.local.changes import Rows, record_of
from skillstore.local.files import Files
from skillstore.local.frames import CLOSES_COMMIT, Kind, header, seed
from skillstore.local.journal import EMPTY
from skillstore.local.manifest import Manifest, NamedFile
from skillstore.local.records import packed

SIZE = 2 ** (23 if os.environ.get("SKILLSTORE_TESTS") == "long" else 19)
_LIBRARY, _KEY = bytes(16), bytes(8)
_NAMED = Manifest(_LIBRARY, _KEY, 1, 9, 1, Settings(1, None, None, "preconditions"))
_ABOUT = '{"skillstore":[1,0],"embedding_dim":1,"encoder":null,"notes":{}}'


def _array(count: int) -> bytes:
    return b"\xdd" + count.to_bytes(4, "big")


def _map(count: int) -> bytes:
    return b"\xdf" + count.to_bytes(4, "big")


EMPTY_MAPS = _array(SIZE) + b"\x80" * SIZE
NESTED_CLAIMS = (_array(SIZE - 5200) * 1000).ljust(SIZE, b"\1")
SHORT_TEXTS = _array(SIZE // 3) + b"\xa2ab" * (SIZE // 3)
LITTLE_LISTS = _array(SIZE // 4) + b"\x92\xa1a\x01" * (SIZE // 4)
NUMBERED = [b"\xa6" + b"%06d" % number for number in range(SIZE // 12)]
CONDITIONS = _array(len(NUMBERED)) + b"".join(b"\x92" + name + b"\xcd\x01\x01" for name in NUMBERED)


# the files of a library


def _manifest(body: bytes) -> Callable[[Path], None]:
    def make(place: Path) -> None:
        data = header(Kind.MANIFEST, 1, body, seed(b"", "MANIFEST")) + body
        (place / "MANIFEST").write_bytes(data)

    return make


def _journal(*bodies: bytes, whole: bool = True) -> Callable[[Path], None]:
    def make(place: Path) -> None:
        manifest.write(Files(place), _NAMED)
        about = packed({"library": _LIBRARY, "generation": 1})
        data = [header(Kind.HEADER, 0, about, _NAMED.journal_seed, CLOSES_COMMIT) + about]
        for number, body in enumerate(bodies, 1):
            closes = CLOSES_COMMIT if whole or number == len(bodies) else 0
            data.append(header(Kind.CHANGES, number, body, _NAMED.journal_seed, closes) + body)
        (place / "journal-000001").write_bytes(b"".join(data))

    return make


def _records(*records: bytes) -> bytes:
    return packed(list(records))


def _sections(place: Path, name: str, sections: list[bytes]) -> NamedFile:
    data, heads = [], []
    for number, body in enumerate(sections):
        heads.append(header(Kind.SECTION, number, body, seed(_LIBRARY, name)))
        data.append(heads[-1] + body)
    (place / name).write_bytes(b"".join(data))
    return NamedFile(name, sum(map(len, data)), zlib.crc32(b"".join(heads)))


def _segment(conditions: bytes, sizes: list[int], places: int, rows: int) -> Callable[[Path], None]:
    """A segment of these sets of conditions, one row each but for the last."""

    def make(place: Path) -> None:
        payload = packed(["s", {}, ["a"], {}])
        about = packed({"library": _LIBRARY, "number": 1, "rows": rows, "sets": len(sizes)})
        columns = [
            np.array(sizes, "<u4"),
            np.arange(places, dtype="<u4"),
            np.array([*range(len(sizes)), rows], "<i8"),
            np.arange(1, rows + 1, dtype="<i8"),
            np.ones(rows, "<f4"),
            np.arange(1, rows + 1, dtype="<u8") * len(payload),
            np.full(rows, zlib.crc32(payload), "<u4"),
        ]
        sections = [about, conditions, *(column.tobytes() for column in columns), payload * rows]
        _counts(place, [_sections(place, "segment-000001", sections)], b"\x80", rows)

    return make


def _counts(place: Path, segments: list[NamedFile], notes: bytes, rows: int = 0) -> None:
    about = b"\x83\xa7library\xc4\x10" + _LIBRARY + b"\xaageneration\x01\xa5notes" + notes
    columns = [bytes([255]) * ((rows + 7) // 8), bytes(24 * rows)] if segments else []
    counts = _sections(place, "counts-000001", [about, *columns])
    manifest.write(Files(place), replace(_NAMED, next_id=rows + 1, segments=tuple(segments), counts=counts))
    journal = packed({"library": _LIBRARY, "generation": 1})
    head = header(Kind.HEADER, 0, journal, _NAMED.journal_seed, CLOSES_COMMIT)
    (place / "journal-000001").write_bytes(head + journal)
    assert len(head + journal) == EMPTY


def _notes(notes: bytes) -> Callable[[Path], None]:
    return lambda place: _counts(place, [], notes)


def _one_of(conditions: int, count: int) -> bytes:
    """Conditions of so many values each."""
    values = [b"\xce" + (2**20 + number).to_bytes(4, "big") for number in range(conditions * count)]
    parts = (b"".join(values[first : first + count]) for first in range(0, len(values), count))
    return _array(conditions) + b"".join(b"\x92\xa1n\x81\xa7$one_of" + _array(count) + part for part in parts)


def _rows(count: int, payload: Callable[[int], bytes]) -> bytes:
    ids = np.arange(1, count + 1)
    counts = np.tile(np.array([[0, 0, 1]]), (count, 1))
    vectors = np.ones((count, 1), dtype=np.float32)
    parts = Rows(ids, [payload(number) for number in range(count)], vectors, counts).parts()
    return _records(*(record_of(part) for part in parts))


def _tiny(number: int) -> bytes:
    return b"\x94\xa1s\x80\x91\1\x80"


def _different(number: int) -> bytes:
    return packed(["s", {f"n{number}": number}, [1], {}])


def _nested(_: int) -> bytes:
    facts = {f"n{number}": 1 for number in range(4000)}
    return packed(["s", {"n" * (SIZE // 4): {"$facts": facts}}, [1], {}])


def _metadata(value: bytes) -> bytes:
    return _records(
        packed(["add", 1, b"\x94\xa1s\x80\x91\1\x81\xa1a" + value[: 4 * 2**20 - 9], b"\0\0\x80\x3f", 0, 0, 1])
    )


DIRECTORIES: dict[str, Callable[[], Callable[[Path], None]]] = {
    "manifest of empty maps": lambda: _manifest(EMPTY_MAPS),
    "manifest of claims": lambda: _manifest(NESTED_CLAIMS),
    "manifest of short texts": lambda: _manifest(SHORT_TEXTS),
    "journal of empty maps": lambda: _journal(EMPTY_MAPS),
    "journal of claims": lambda: _journal(NESTED_CLAIMS),
    "journal of short texts": lambda: _journal(SHORT_TEXTS),
    "journal of outcomes": lambda: _journal(_rows(1, _tiny), *[_records(*[packed(["outcome", 1, True])] * 80_000)] * 8),
    "journal of one commit": lambda: _journal(
        *[_records(*[packed(["note", "a", b"\xc0"])] * 60_000)] * 11, whole=False
    ),
    "journal of small commits": lambda: _journal(*[_records(packed(["note", "a", b"\xc0"]))] * (SIZE // 44)),
    "journal of notes": lambda: _journal(_records(*(packed(["note", str(n), b"\xc0"]) for n in range(SIZE // 20)))),
    "journal of tiny skills": lambda: _journal(_rows(SIZE // 48, _tiny)),
    "journal of different sets": lambda: _journal(_rows(SIZE // 64, _different)),
    "skill of long nested names": lambda: _journal(_rows(1, _nested)),
    "skill of many lists": lambda: _journal(_metadata(_array(2**22) + b"\x90" * 2**22)),
    "note of short texts": lambda: _journal(_records(packed(["note", "a", SHORT_TEXTS]))),
    "notes of empty maps": lambda: _notes(EMPTY_MAPS),
    "notes of claims": lambda: _notes(NESTED_CLAIMS),
    "notes of little": lambda: _notes(_map(len(NUMBERED)) + b"".join(name + b"\xc4\1\xc0" for name in NUMBERED)),
    "segment of little lists": lambda: _segment(LITTLE_LISTS, [0], 0, 1),
    "segment of claims": lambda: _segment(NESTED_CLAIMS, [0], 0, 1),
    "segment of unused conditions": lambda: _segment(CONDITIONS, [0], 0, 1),
    "segment of conditions": lambda: _segment(CONDITIONS, [len(NUMBERED)], len(NUMBERED), 1),
    "segment of large sets": lambda: _segment(
        CONDITIONS, [4096] * (len(NUMBERED) // 4096) + [len(NUMBERED) % 4096], len(NUMBERED), len(NUMBERED) // 4096 + 1
    ),
    "segment of one long condition": lambda: _segment(_one_of(1, SIZE // 5), [1], 1, 1),
    "segment of long conditions": lambda: _segment(_one_of(2, SIZE // 10 - 99), [2], 2, 1),
    "segment of tiny skills": lambda: _segment(b"\x90", [0], 0, SIZE // 50),
    "segment of many sets": lambda: _segment(CONDITIONS, [1] * len(NUMBERED), len(NUMBERED), len(NUMBERED)),
}


# lines


def _line(metadata: str) -> str:
    return f'{{"name":"s","preconditions":{{}},"action_sequence":["a"],"embedding":[1],"metadata":{{"a":{metadata}}}}}'


LINES: dict[str, Callable[[], str]] = {
    "line of nested lists": lambda: _line("[" * (SIZE // 2) + "]" * (SIZE // 2)),
    "line of empty objects": lambda: _line("[" + ",".join(["{}"] * (SIZE // 3)) + "]"),
    "line of empty lists": lambda: _line("[" + ",".join(["[]"] * (SIZE // 3)) + "]"),
    "line of a number": lambda: _line("1" * SIZE),
    "line of a fraction": lambda: _line("1." + "1" * SIZE),
    "line of short texts": lambda: _line("[" + ",".join(['"ab"'] * (SIZE // 5)) + "]"),
    "line of millions of texts": lambda: _line("[" + ",".join(['"ab"'] * 4_000_000) + "]"),
    "line of wide text": lambda: _line('"\U0001f600' + "a" * SIZE + '"'),
    "lines of small skills": lambda: "\n".join([_line("1")] * (SIZE // 100)),
}


def make(name: str, place: Path) -> None:
    """Make one in the empty directory `place`; lines in a file `lines.jsonl`."""
    if name in LINES:
        (place / "lines.jsonl").write_text(_ABOUT + "\n" + LINES[name](), encoding="utf-8")
    else:
        DIRECTORIES[name]()(place)
