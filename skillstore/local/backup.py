"""Backup: a library in one file, taken while it is written, and a library made of it again."""

from __future__ import annotations

import errno
import os
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from skillstore.backend import Progress
from skillstore.errors import CorruptLibraryError, InvalidInputError, WriteFailedError
from skillstore.local import archive, generation, source
from skillstore.local.archive import Archive
from skillstore.local.directory import WriterLock
from skillstore.local.files import Files
from skillstore.local.keeper import Keeper
from skillstore.local.source import Source
from skillstore.local.storage import Disk
from skillstore.values import Value


def write(files: Files, target: Path | BinaryIO, progress: Progress | None = None) -> dict[str, Value]:
    """Back up the library of `files`: see `SkillLibrary.backup`."""
    if isinstance(target, Path):
        folder, name = _place(files, target)
    with closing(source.taken(files)) as held:
        if isinstance(target, Path):
            with _growing(folder, name) as (to, _):
                size = _write(held, to, progress)
        else:
            size = _write(held, _stream(target), progress)
    return {"skills": held.skills, "generation": held.manifest.generation, "bytes": size}


def received(parts: Iterable[bytes], target: Path | BinaryIO, progress: Progress | None = None) -> dict[str, Value]:
    """Take a backup that comes in `parts` from elsewhere: as `write`, but read again and checked before it counts.

    Raises as `write`, CorruptLibraryError for what is no whole backup, and what `parts` raises.
    """
    if isinstance(target, Path):
        path = Path(os.path.realpath(target))
        folder = Files(path.parent)
        with _writable(path):
            _check_absent(folder, path.name)
        return _received(parts, folder, path.name, progress)
    with tempfile.TemporaryDirectory() as place:
        made = _received(parts, Files(Path(place)), "backup", progress)
        with (Path(place) / "backup").open("rb") as file:
            to = _stream(target)
            while block := file.read(archive.BLOCK):
                to(block)
    return made


def _received(parts: Iterable[bytes], folder: Files, name: str, progress: Progress | None) -> dict[str, Value]:
    with _growing(folder, name) as (to, made):
        for part in parts:
            to(part)
        with archive.opened(folder, made) as backup:
            backup.check(progress)
            size = folder.identity(made)[1]
            about = {"skills": backup.skills, "generation": backup.generation, "bytes": size}
    return about


def _write(held: Source, to: Callable[[bytes | bytearray], object], progress: Progress | None) -> int:
    return archive.write(held.names, held.parts(), held.manifest.generation, held.skills, to, progress)


def _place(files: Files, target: Path) -> tuple[Files, str]:
    """The folder and the name of a backup file that may be made. Raises InvalidInputError, WriteFailedError."""
    path, library = Path(os.path.realpath(target)), Path(os.path.realpath(files.directory))
    if library in (path, *path.parents):
        raise InvalidInputError(f"{target} is inside the library, which is a directory of its own; put it elsewhere")
    folder = Files(path.parent)
    with _writable(path):
        _check_absent(folder, path.name)
    return folder, path.name


def _check_absent(folder: Files, name: str) -> None:
    if name in folder.names():
        raise InvalidInputError(f"{folder.path(name)} is there already, and stays as it is; choose another name")


@contextmanager
def _growing(folder: Files, name: str) -> Iterator[tuple[Callable[[bytes | bytearray], object], str]]:
    """What writes the new file `name`, and its name until then: there, durably, when the block ends well, and else not
    at all."""
    made = f"{name}.{_token()}.new"
    with _writable(folder.path(name)):
        fd = folder.create(made)
        try:
            try:
                yield lambda data: folder.write(fd, data), made
                folder.sync(fd)
            finally:
                folder.close(fd)
            _check_absent(folder, name)
            folder.replace(made, name)
            made = name
            folder.sync_directory()
        except BaseException:
            with suppress(OSError):
                folder.remove(made)
            raise


def _stream(target: BinaryIO) -> Callable[[bytes | bytearray], object]:
    def write_all(data: bytes | bytearray) -> None:
        left = memoryview(data)
        while left:
            count = target.write(left)
            left = left[len(left) if count is None else count :]

    return write_all


def restore(file: Path, where: Path, progress: Progress | None = None) -> dict[str, Value]:
    """Make a library of a backup: see `skillstore.restore`."""
    path, target = Path(os.path.realpath(file)), Path(os.path.realpath(where))
    parent, building = Files(target.parent), f"{target.name}.restoring-{_token()}"
    with archive.opened(Files(path.parent), path.name) as backup:
        with _writable(target):
            _check_free(parent, target)
        backup.check(progress and (lambda done, total: progress(done, 2 * total)))
        with _writable(target):
            parent.make_directory(building)
            place = Files(parent.path(building))
            try:
                made = _built(backup, place, progress and (lambda done, total: progress(total + done, 2 * total)))
                _take_place(parent, building, target)
            except BaseException:
                _discard(parent, building, place)
                raise
    return made


def _check_free(parent: Files, target: Path) -> None:
    if not parent.directory.is_dir():
        raise InvalidInputError(f"there is no directory {parent.directory} to restore into; make it first")
    if target.name in parent.names() and (not target.is_dir() or Files(target).names()):
        raise _taken(target)


def _taken(target: Path) -> InvalidInputError:
    return InvalidInputError(
        f"{target} is there already, and stays as it is; restore to a place that does not exist, or an empty directory"
    )


def _built(backup: Archive, place: Files, progress: Progress | None) -> dict[str, Value]:
    """The library in the directory of `place`, closed, and read again. Raises CorruptLibraryError, OSError."""
    backup.extract(place, progress)  # the names are synced with the next generation's
    try:
        _renew(place)
    except CorruptLibraryError as error:
        what = f"the library in it is damaged ({Path(error.file).name} at byte {error.offset})"
        raise CorruptLibraryError(backup.path, 0, what) from None
    made = generation.verified(place)
    if made["skills"] != backup.skills:
        raise CorruptLibraryError(backup.path, 0, f"it holds {made['skills']} skills instead of {backup.skills}")
    return {name: made[name] for name in ("skills", "generation", "bytes")}


def _renew(place: Files) -> None:
    """Start the next generation: no later file of the library that was backed up fits to one of the restored."""
    lock = WriterLock(place)
    lock.acquire()
    try:
        disk, table, _ = Disk.open(place, lock)
    except BaseException:
        lock.release()
        raise
    done = False
    try:
        Keeper(table, threading.RLock(), disk, lambda: False).flush()
        disk.snapshot(table)
        done = True
    finally:
        disk.close(clean=done)


def _take_place(parent: Files, building: str, target: Path) -> None:
    try:
        parent.replace(building, target.name)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise _taken(target) from None
        raise
    parent.sync_directory()


def _discard(parent: Files, building: str, place: Files) -> None:
    with suppress(OSError):
        for name in place.names():
            place.remove(name)
        parent.remove_directory(building)


def _token() -> str:
    """So that nothing that is there, or made at the same time, has the name."""
    return os.urandom(4).hex()


@contextmanager
def _writable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WriteFailedError(
            f"{path} cannot be made ({error.strerror or error}); check that its directory exists, may be written and "
            "has room"
        ) from error
