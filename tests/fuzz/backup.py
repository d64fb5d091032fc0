"""Backup: one file, restored to a library, which is then asked; what cannot be restored leaves nothing behind."""

from __future__ import annotations

import io
from contextlib import ExitStack, suppress
from functools import cache
from pathlib import Path
from unittest import mock

from skillstore import SkillStoreError
from skillstore.local import archive, backup, directory, manifest
from skillstore.local.frames import CLOSES_COMMIT, HEADER_SIZE, Kind, header, parsed, seed
from skillstore.local.records import packed, unpacked
from tests.fuzz import asking, seeds
from tests.fuzz.forms import Reader
from tests.skillstore.ram import NoLock, RamFiles, ram_library

_FIRST, _REST = seed(b"", "backup"), seed(bytes(16), "backup")  # the key of the seeds is zero
_CUT = b"\xf5\xf6"  # in no UTF-8, and rare in numbers
_BLOCK = 1500  # so that a small library has several
_RAW, _FRAMES, _FORMS, _FILE, _FITTING = range(5)


class _Made(RamFiles):
    """A directory that is restored: nothing but the files of a library is made in it."""

    def create(self, name: str) -> int:
        assert directory.is_ours(name), name
        return super().create(name)


class _Place(RamFiles):
    """A directory that holds the backup, and what is restored beside it."""

    def __init__(self, data: bytes) -> None:
        super().__init__({"backup": data}, Path("/"))
        self.made: dict[str, RamFiles] = {}

    def at(self, path: Path) -> RamFiles:
        return self if path == self.directory else self.made[path.name]

    def make_directory(self, name: str) -> None:
        self.made[name] = _Made(directory=self.path(name))

    def remove_directory(self, name: str) -> None:
        assert not self.made[name].names()
        del self.made[name]

    def replace(self, source: str, target: str) -> None:
        self.made[target] = self.made.pop(source)


@cache
def _whole() -> bytes:
    made = io.BytesIO()
    with _small():
        backup.write(RamFiles(seeds.library()), made)
    return made.getvalue()


@cache
def _bodies() -> list[bytes]:
    """What its frames hold: the head, the blocks, the end."""
    whole, place, found = _whole(), 0, []
    while frame := parsed(whole[place : place + HEADER_SIZE], place, len(whole)):
        found.append(whole[frame.offset : frame.end])
        place = frame.end
    return found


@cache
def _names() -> list[str]:
    return [name for name, _ in unpacked(_bodies()[0])["files"]]


def _small() -> ExitStack:
    stack = ExitStack()
    stack.enter_context(mock.patch.object(archive, "BLOCK", _BLOCK))
    stack.enter_context(mock.patch("os.urandom", bytes))
    return stack


def corpus() -> list[bytes]:
    files = [bytes([place]) + seeds.library()[name] for place, name in enumerate(_names())]
    forms = [b"\2\1\0\3\x47", b"\2\1\0\0\x82\x31\4\x44", b"\2\0\0\1\x41", b"\2\1\0\4\x81\x82\x6a\x3f"]
    head, first, *rest = _bodies()
    outside = head.replace(b"journal-", b"../../up")
    framed = [
        _CUT.join(bodies) for bodies in ([head, first, *rest], [outside, first, *rest], [head, first[:-1], *rest])
    ]
    return [
        bytes([_RAW]) + _whole(),
        *(bytes([_FRAMES]) + data for data in framed),
        *forms,
        *(bytes([mode]) + data for mode in (_FILE, _FITTING) for data in files),
    ]


def run(data: bytes) -> None:
    """The first byte says how much is made to fit, so that what is behind is reached."""
    mode, read = data[0] if data else _RAW, data[1:]
    with _small():
        if mode == _FRAMES:
            read = _framed(read.split(_CUT))
        elif mode == _FORMS:
            read = _changed(Reader(read))
        elif mode in (_FILE, _FITTING):
            read = _of_files(read[0] if read else 0, read[1:], fitting=mode == _FITTING)
        _restored(read)


def _restored(data: bytes) -> None:
    place = _Place(data)
    with mock.patch.object(backup, "Files", place.at), mock.patch.object(backup, "WriterLock", NoLock):
        try:
            made = backup.restore(Path("/backup"), Path("/restored"))
        except SkillStoreError:
            assert not place.made
            return
    assert list(place.made) == ["restored"]
    library = ram_library(place.made["restored"])
    assert len(library) == made["skills"]
    asking.ask(library)
    asking.change(library)
    with suppress(SkillStoreError):
        library.close()


def _framed(bodies: list[bytes]) -> bytes:
    first, *blocks, last = bodies if len(bodies) > 1 else [*bodies, b""]
    frames = [(Kind.BACKUP, first, _FIRST, 0), *((Kind.BLOCK, block, _REST, 0) for block in blocks)]
    frames.append((Kind.BACKUP, last, _REST, CLOSES_COMMIT))
    return b"".join(header(kind, place, body, *rest) + body for place, (kind, body, *rest) in enumerate(frames))


def _changed(reader: Reader) -> bytes:
    """Something else in what it says of itself, at its head or its end."""
    bodies, place = list(_bodies()), reader.byte() % 2 - 1
    form = unpacked(bodies[place])
    for _ in range(1 + reader.byte() % 2):
        form[list(form)[reader.byte() % len(form)]] = reader.form()
    bodies[place] = packed(form)
    return _framed(bodies)


def _of_files(place: int, data: bytes, fitting: bool) -> bytes:
    """A backup of the library in which these are the bytes of one file; `fitting`: as a stranger would make them."""
    name, files = _names()[place % len(_names())], seeds.library()
    if fitting:
        library = seeds.named()
        start = library.journal_seed if name == library.journal else seed(library.library, name)
        data = seeds.reframed(
            data, seed(b"", name) if name == directory.MANIFEST else start, name != directory.MANIFEST
        )
        if name != directory.MANIFEST:
            changed = RamFiles()
            manifest.write(changed, seeds.fitting(name, data))
            files = {**files, directory.MANIFEST: bytes(changed.files[directory.MANIFEST])}
    files = {**files, name: data}
    made = io.BytesIO()
    sized = [(name, len(files[name])) for name in _names()]
    archive.write(sized, [files[name] for name, _ in sized], 3, unpacked(_bodies()[0])["skills"], made.write)
    return made.getvalue()
