"""Repair: what of a damaged library can be saved, and saving it. Nobody else may write meanwhile.

There are two ways to the newest state: the current snapshot and its journal; and the generation before, its journal,
which leads to the current snapshot, and the current journal. The one that loses less is taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from skillstore.answers import Damage, Repair
from skillstore.errors import BackendUnavailableError, CorruptLibraryError, LibraryNotFoundError
from skillstore.local import directory, generation, manifest
from skillstore.local.directory import WriterLock
from skillstore.local.files import Files
from skillstore.local.journal import LONGEST_EMPTY, Journal, Place
from skillstore.local.manifest import Manifest, Previous
from skillstore.local.rearrangement import Rearrangement
from skillstore.local.salvage import Salvage, damage_of
from skillstore.local.storage import Disk


def repaired(path: Path, apply: bool) -> Repair:
    """See `skillstore.repair`."""
    with _locked(path) as (files, lock):
        way, damaged = _best(files)
        found = Repair(tuple(damaged.values()), tuple(way.gives_up), way.table.count())
        if found.ok or not apply:
            return found
        kept = _keep_aside(files, way, {directory.MANIFEST, directory.PREVIOUS, *way.touched, *damaged})
        return replace(found, kept_aside=kept, generation=_made_current(files, lock, way))


@contextmanager
def _locked(path: Path) -> Iterator[tuple[Files, WriterLock]]:
    files = Files(path)
    try:
        if not path.is_dir() or not any(map(_is_written, files.names())):
            raise LibraryNotFoundError(f"there is no library at {path}; check the path")
        lock = WriterLock(files)
        lock.acquire()
        try:
            yield files, lock
        finally:
            lock.release()
    except OSError as error:
        raise BackendUnavailableError(
            f"the library at {path} cannot be repaired ({error.strerror or error}); check its permissions and the disk"
        ) from error


def _is_written(name: str) -> bool:
    return directory.is_ours(name) and name not in (directory.LOCK, directory.HOLDER)


# what can be saved


def _best(files: Files) -> tuple[Salvage, dict[str, Damage]]:
    """The way that loses least, and the damage of each file. Raises CorruptLibraryError if nothing can be read."""
    damaged: dict[str, Damage] = {}
    current = _current(files, damaged)
    previous = _previous(files, None if directory.MANIFEST in damaged else current, damaged)
    ways = [_from_current(files, current)] if current is not None else []
    if previous is not None and not any(way.lost == 0 for way in ways):
        ways.append(_from_previous(files, previous, None if directory.MANIFEST in damaged else current))
    damaged = {name: damage for way in ways for name, damage in way.damaged.items()} | damaged
    best = min((way for way in ways if way.found), key=lambda way: way.lost, default=None)
    if best is None:
        names = " and ".join(sorted(damaged)) or directory.MANIFEST
        raise CorruptLibraryError(str(files.path(directory.MANIFEST)), 0, f"nothing can be read without {names}")
    if not damaged and current is not None:
        damaged = _of_previous(files, current)
    return best, damaged


def _current(files: Files, damaged: dict[str, Damage]) -> Manifest | None:
    """What MANIFEST says; it counts as damaged if it is an old copy."""
    current = None
    try:
        current = manifest.read(files)
        generation.check_newest(files, current, {name: files.identity(name) for name in files.names()})
    except (CorruptLibraryError, OSError) as error:
        damaged[directory.MANIFEST] = damage_of(directory.MANIFEST, error)
    return current


def _previous(files: Files, current: Manifest | None, damaged: dict[str, Damage]) -> Previous | None:
    """The generation that `current` follows, which None does not contradict."""
    try:
        previous = manifest.read_previous(files, current)
        if current is not None and not previous.precedes(current):
            path = str(files.path(directory.PREVIOUS))
            raise CorruptLibraryError(path, 0, "it is of another library or generation")
    except FileNotFoundError:
        return None
    except (CorruptLibraryError, OSError) as error:
        damaged[directory.PREVIOUS] = damage_of(directory.PREVIOUS, error)
        return None
    return previous


def _of_previous(files: Files, current: Manifest) -> dict[str, Damage]:
    """The first damage of the generation before."""
    try:
        generation.check_previous(files, current)
    except CorruptLibraryError as error:
        name = Path(error.file).name
        return {name: damage_of(name, error)}
    except OSError as error:
        name = Path(str(error.filename or directory.PREVIOUS)).name
        return {name: damage_of(name, error)}
    return {}


def _from_current(files: Files, current: Manifest) -> Salvage:
    way = Salvage(files, current)
    way.read_snapshot()
    way.read_journal(current)
    _give_up_later(files, way)
    return way


def _from_previous(files: Files, previous: Previous, current: Manifest | None) -> Salvage:
    """`current` is None if MANIFEST cannot be read, or is old: then the generation before says how the next began."""
    way = Salvage(files, previous.manifest)
    way.read_snapshot()
    ended = None if previous.ended is None else Place(*previous.ended)
    end = way.read_journal(previous.manifest, ended)
    following = previous.next_journal if current is None else current
    if end is not None and end == ended and following is not None:  # where it went on after all, nothing follows
        way.read_journal(following)
    _give_up_later(files, way)
    return way


def _give_up_later(files: Files, way: Salvage) -> None:
    """The journals that follow those which were read."""
    for name in files.names():
        size = files.identity(name)[1]
        if directory.number_of(name, "journal") > way.generation and size > LONGEST_EMPTY:
            way.give_up_changes(name, size, f"all {size} bytes of {name}, which lean on what is given up")


# making it the library


def _keep_aside(files: Files, way: Salvage, names: set[str]) -> tuple[str, ...]:
    """Give the files a second name in a new directory, durably: the first goes with the generation they are of."""
    there = files.names()
    first = f"damaged-{_highest(files, way):06d}"
    folder, number = first, 1
    while folder in there:
        number += 1
        folder = f"{first}-{number}"
    aside = files.folder(folder)
    kept = tuple(f"{folder}/{name}" for name in sorted(names & set(there)))
    for name in kept:
        files.link(Path(name).name, name)
    aside.sync_directory()
    files.sync_directory()
    return kept


def _made_current(files: Files, lock: WriterLock, way: Salvage) -> int:
    """Write what is saved as a new generation, and open it. Until MANIFEST is replaced, all is as it was."""
    table = way.table
    if table.tail.visible:
        flush = Rearrangement([table.tail])
        table.put(flush, flush.built())
    number = max(way.manifest.next_segment, 1 + max(directory.number_of(name, "segment") for name in files.names()))
    base = replace(way.manifest, generation=_highest(files, way), next_segment=number)
    new, _ = generation.written(files, base, table)
    Journal.create(files, new).close()
    files.sync_directory()
    manifest.write_first(files, new)
    disk, _, _ = Disk.open(files, lock)
    try:
        disk.verify()
    finally:
        disk.close(clean=True)
    return new.generation


def _highest(files: Files, way: Salvage) -> int:
    """The last generation that there was. Raises CorruptLibraryError if a file pretends that there can be no next."""
    journals = {directory.number_of(name, "journal"): name for name in files.names()}
    highest = max(way.generation, way.manifest.generation, *journals)
    if not directory.has_next(highest):
        name = journals.get(highest, directory.MANIFEST)
        raise CorruptLibraryError(str(files.path(name)), 0, "no journal can have this number")
    return highest
