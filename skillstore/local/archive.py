"""Archive: the one file of a backup, as bytes. The grammar is in ARCHITECTURE.md."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from skillstore.backend import Progress
from skillstore.errors import BackendUnavailableError, CorruptLibraryError, InvalidInputError, UnsupportedFormatError
from skillstore.local import directory
from skillstore.local.files import Files
from skillstore.local.frames import CLOSES_COMMIT, FrameReader, Kind, header, seed
from skillstore.local.records import RecordError, packed, unpacked

FORMAT = (1, 0)
"""(major, minor) of what is written; every major up to this is read."""

BLOCK = 2**20

MOST = 1000
"""Files in one backup: each is a sync when it is restored."""

_NAME = "backup"
_SEED = seed(b"", _NAME)


def write(
    names: Sequence[tuple[str, int]],
    parts: Iterable[bytes | bytearray],
    generation: int,
    skills: int,
    to: Callable[[bytes | bytearray], object],
    progress: Progress | None = None,
) -> int:
    """Hand the file to `to`, piece by piece; its size. `parts` are the bytes of the files `names`, each with its size.

    What `parts` and `to` raise goes through: what was handed over by then is no backup, as it has no end.
    Raises InvalidInputError if there are too many files.
    """
    if len(names) > MOST:
        raise InvalidInputError(f"the library has {len(names)} files, and a backup holds {MOST}; compact it first")
    key, total, written = os.urandom(16), sum(size for _, size in names), 0
    about = {"format": list(FORMAT), "key": key, "generation": generation, "skills": skills}

    def frame(kind: Kind, sequence: int, body: bytes | bytearray, start: int, flags: int = 0) -> int:
        head = header(kind, sequence, body, start, flags)
        to(head)
        to(body)
        return len(head) + len(body)

    start, sequence = seed(key, _NAME), 0
    size = frame(Kind.BACKUP, 0, packed({**about, "files": [list(pair) for pair in names]}), _SEED)
    for sequence, block in enumerate(_blocks(parts), start=1):
        size += frame(Kind.BLOCK, sequence, block, start)
        written += len(block)
        if progress is not None:
            progress(written, total)
    closing = packed({"blocks": sequence, "bytes": written})
    return size + frame(Kind.BACKUP, sequence + 1, closing, start, CLOSES_COMMIT)


def _blocks(parts: Iterable[bytes | bytearray]) -> Iterator[bytearray]:
    block = bytearray()
    for part in parts:
        block += part
        while len(block) >= BLOCK:
            yield block[:BLOCK]
            del block[:BLOCK]
    if block:
        yield block


class Archive:
    """A backup file, open to be read; `names` are the files in it, each with its size. See `opened`."""

    def __init__(self, files: Files, name: str, fd: int, about: dict[str, Any], end: int) -> None:
        self.path = str(files.path(name))
        self.names: list[tuple[str, int]] = [(name, size) for name, size in about["files"]]
        self.total = sum(size for _, size in self.names)
        self.skills: int = about["skills"]
        self.generation: int = about["generation"]
        self._files, self._name, self._fd, self._end = files, name, fd, end
        self._seed = seed(about["key"], _NAME)

    def check(self, progress: Progress | None = None) -> None:
        """Read all of it. Raises CorruptLibraryError, BackendUnavailableError."""
        done = 0
        for block in self._blocks():
            done += len(block)
            if progress is not None:
                progress(done, self.total)

    def extract(self, target: Files, progress: Progress | None = None) -> None:
        """Make its files, synced, in the directory of `target`, which is not synced yet.

        Raises as `check`, and OSError if they cannot be made.
        """
        blocks, left, done = self._blocks(), memoryview(b""), 0
        for name, size in self.names:
            fd = target.create(name)
            try:
                while size:
                    left = left or memoryview(next(blocks))
                    piece, left = left[:size], left[size:]
                    target.write(fd, piece)
                    size -= len(piece)
                    done += len(piece)
                    if progress is not None:
                        progress(done, self.total)
                target.sync(fd)
            finally:
                target.close(fd)

    def _blocks(self) -> Iterator[bytearray]:
        """The bytes of all files, one after another; at the last, the end of the backup was checked too."""
        reader = FrameReader(self._files, self._fd, self._name, self._seed)
        reader.offset = self._end
        sequence, left = 1, self.total
        while left:
            with _readable(self.path):
                block = reader.body(Kind.BLOCK, sequence, limit=BLOCK)
                if len(block) != min(BLOCK, left):
                    raise reader.damaged("a block does not have the length it should have")
                sequence, left = sequence + 1, left - len(block)
                if not left:
                    _check_closing(reader, sequence, self.total)
            yield block


@contextmanager
def opened(files: Files, name: str) -> Iterator[Archive]:
    """The backup in the file `name`, of which only the head was checked yet.

    Raises CorruptLibraryError, UnsupportedFormatError, InvalidInputError, BackendUnavailableError.
    """
    path = str(files.path(name))
    with _readable(path):
        fd = files.open(name)
    try:
        with _readable(path):
            reader = FrameReader(files, fd, name, _SEED)
            about = _about(reader, path)
        yield Archive(files, name, fd, about, reader.offset)
    finally:
        files.close(fd)


def _about(reader: FrameReader, path: str) -> dict[str, Any]:
    """The head, checked: no name leads out of a library's directory, no size is more than there is."""
    try:
        body = reader.body(Kind.BACKUP, 0)
    except CorruptLibraryError:
        raise reader.damaged("it does not begin as a backup does") from None
    try:
        form = unpacked(body)
        major, minor = form["format"]
        if not 1 <= major <= FORMAT[0]:
            raise UnsupportedFormatError(
                f"the backup {path} has format {major}.{minor}; this version of skillstore reads up to {FORMAT[0]}.x. "
                "Upgrade skillstore to restore it; nothing was changed"
            )
        names, sizes = zip(*form["files"], strict=True)
        if not all(map(directory.is_ours, names)) or not len({*names, directory.MANIFEST}) == len(names) <= MOST:
            raise ValueError("not the files of a library")
        if not all(type(number) is int and number >= 0 for number in (*sizes, form["generation"], form["skills"])):
            raise ValueError("not sizes")
        if type(form["key"]) is not bytes or not any(sizes):
            raise ValueError("nothing is in it")
    except (RecordError, KeyError, TypeError, ValueError) as error:
        raise reader.damaged(f"it does not say what is in it ({error!r})", offset=0) from None
    if sum(sizes) > reader.size - reader.offset:
        raise reader.damaged("it is shorter than the files in it", offset=reader.size)
    return form  # type: ignore[no-any-return]


def _check_closing(reader: FrameReader, sequence: int, total: int) -> None:
    try:
        form = unpacked(reader.body(Kind.BACKUP, sequence))
    except RecordError as error:
        raise reader.damaged(str(error)) from None
    if form != {"blocks": sequence - 1, "bytes": total}:
        raise reader.damaged("its end is that of another backup")
    reader.finish()


@contextmanager
def _readable(path: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise InvalidInputError(f"there is no backup at {path}; check the path") from None
    except OSError as error:
        raise BackendUnavailableError(
            f"the backup {path} cannot be read ({error.strerror or error}); check that it is a file, its permissions "
            "and the disk"
        ) from error
