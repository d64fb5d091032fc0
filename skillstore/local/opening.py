"""Opening: which local backend answers for a place, and whether a library may be made there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from skillstore.backend import Wanted
from skillstore.errors import BackendUnavailableError, CorruptLibraryError, InvalidInputError, LibraryNotFoundError
from skillstore.local import directory, generation, identity, journal, manifest
from skillstore.local.backend import LocalBackend
from skillstore.local.directory import WriterLock
from skillstore.local.files import Files
from skillstore.local.follower import Follower
from skillstore.local.storage import Disk, Memory
from skillstore.local.table import Table
from skillstore.values import Value


def in_memory(wanted: Wanted) -> LocalBackend:
    """A new library that ends with the process."""
    settings = wanted.new()
    return LocalBackend(settings, Table(settings.embedding_dim), Memory(), "memory")


def for_reading(path: Path, wanted: Wanted) -> Follower:
    """The library at `path`. Raises LibraryNotFoundError, CorruptLibraryError, UnsupportedFormatError."""
    with _reachable(path) as files:
        if not _has_library(files):
            raise _nothing_at(path)
        follower = Follower(files, generation.opened(files))
        identity.check_directory(files)
        wanted.agree(follower.settings)
        return follower


def for_writing(path: Path, wanted: Wanted, durability: str, create: bool) -> LocalBackend:
    """The library at `path`, created if there is none and `create` allows it.

    Raises LibraryLockedError, LibraryNotFoundError, InvalidInputError, CorruptLibraryError, UnsupportedFormatError,
    BackendUnavailableError.
    """
    with _reachable(path) as files:
        if not create and not _has_library(files):
            raise _nothing_at(path)
        if not files.directory.exists():
            wanted.new()  # refuses before anything is made
            files.make()
        if not files.directory.is_dir():
            raise InvalidInputError(f"{path} is not a directory; a library is a directory of its own")
        _check_no_strangers(files)
        return _locked(files, wanted, durability)


def migrated(path: Path) -> dict[str, Value]:
    """See `skillstore.migrate`."""
    with _reachable(path) as files:
        if not _has_library(files):
            raise _nothing_at(path)
        before = manifest.read(files).format
        files.close_all()
    backend = for_writing(path, Wanted(), "full", create=False)
    try:
        number = backend.stats()["generation"] if before == manifest.FORMAT else backend.snapshot()
    finally:
        backend.close()
    old, new = (f"{major}.{minor}" for major, minor in (before, manifest.FORMAT))
    return {"from": old, "to": new, "generation": number}


def _locked(files: Files, wanted: Wanted, durability: str) -> LocalBackend:
    lock = WriterLock(files)
    lock.acquire()
    try:
        if _has_library(files):
            disk, table, settings = Disk.open(files, lock)
        else:
            settings = wanted.new()
            files.make()  # a crash may have come between making it and syncing what is above it
            disk, table, settings = Disk.create(files, lock, settings)
    except BaseException:
        lock.release()
        raise
    try:
        wanted.agree(settings)
        disk.check_in_place()
        return LocalBackend(settings, table, disk, durability)
    except BaseException:
        disk.close(clean=False)
        raise


@contextmanager
def _reachable(path: Path) -> Iterator[Files]:
    """The files of the directory, which is closed again if the block raises. Raises BackendUnavailableError."""
    try:
        files = Files(path)
        try:
            yield files
        except BaseException:
            files.close_all()
            raise
    except OSError as error:
        raise BackendUnavailableError(
            f"the library at {path} cannot be opened ({error.strerror or error}); check that the path, its permissions "
            "and the disk are in order"
        ) from error


def _nothing_at(path: Path) -> LibraryNotFoundError:
    return LibraryNotFoundError(f"there is no library at {path}; check the path, or add a skill to create one")


def _has_library(files: Files) -> bool:
    """Raises CorruptLibraryError if there are files of a library, but not the one that names them."""
    if not files.directory.is_dir():
        return False
    names = set(files.names())
    if directory.MANIFEST in names:
        return True
    # A creation that a crash cut short leaves an empty first journal; anything more was a library.
    first = directory.journal_name(1)
    written = {name for name in names if name.startswith(("segment-", "counts-", "journal-", directory.SEAL))}
    if written - {first} or (first in written and files.identity(first)[1] > journal.EMPTY):
        raise CorruptLibraryError(str(files.path(directory.MANIFEST)), 0, "the file is missing")
    return False


def _check_no_strangers(files: Files) -> None:
    strangers = [name for name in files.names() if not directory.is_ours(name)]
    if strangers and not _has_library(files):
        raise InvalidInputError(
            f"{files.directory} has other files in it ({strangers[0]!r}); a library is a directory of its own"
        )
