"""Upkeep: what is done to a library in a directory that nobody has open for writing."""

from __future__ import annotations

import os

from skillstore.answers import Repair
from skillstore.backend import Progress
from skillstore.library import BACKUP, path_of
from skillstore.values import Value


def repair(where: str | os.PathLike[str], *, apply: bool = False) -> Repair:
    """What of the library at `where` is damaged, and what repairing it gives up; with `apply`, repair it.

    Looks for the state that loses least: the library up to the first damage of its journal; or, where a file of the
    current generation is damaged, the generation before and all changes since, which usually loses nothing; or what is
    left when only the damaged skills are left out, or the counts and notes that cannot be read.

    Nothing is changed without `apply`, nor where nothing is damaged. With it, the damaged files are kept in a directory
    `damaged-<generation>` beside the others, what is saved becomes a new generation, and is verified. Broken off at any
    moment, it can be run again. Cost: reads every byte, and every skill of a damaged file.

    Raises LibraryNotFoundError, LibraryLockedError while a process writes, UnsupportedFormatError, and
    CorruptLibraryError, naming what is missing, if nothing at all can be read.
    """
    from skillstore.local.repair import repaired  # here, so that importing skillstore is instant

    return repaired(path_of(where), apply)


def migrate(where: str | os.PathLike[str]) -> dict[str, Value]:
    """Make the library at `where` the newest format, in a new generation: {"from": "1.0", "to": "3.0", "generation"}.

    A library that has it already is left as it is. Older formats are read for ever, and the first change does the same;
    this is for who wants to know when. Raises what `SkillLibrary.open` raises.
    """
    from skillstore.local.opening import migrated  # here, so that importing skillstore is instant

    return migrated(path_of(where))


def restore(
    file: str | os.PathLike[str], where: str | os.PathLike[str], *, progress: Progress | None = None
) -> dict[str, Value]:
    """Make the library of a backup in the directory `where`, which is not there yet, or empty; its parent is.

    The whole file is checked before anything is written. The library is made beside `where` and read again there, then
    takes its place in one step: a crash leaves nothing at `where`, or all, and perhaps WHERE.restoring-*, which can be
    deleted. It starts with a generation of its own, so that its files and those of the library that was backed up
    never pass for each other's.

    progress  called with (bytes done, bytes in all)

    Returns {"skills", "generation", "bytes": size of its files}. Cost: reads the file twice, and what an opening takes.

    Raises InvalidInputError, CorruptLibraryError naming the file and the offset, UnsupportedFormatError,
    WriteFailedError (the library is not there; or, if the very last sync failed, there but perhaps not yet on the
    disk), BackendUnavailableError.
    """
    from skillstore.local import backup  # here, so that importing skillstore is instant

    return backup.restore(path_of(file, BACKUP), path_of(where), progress)
