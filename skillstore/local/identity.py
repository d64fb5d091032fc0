"""Identity: whether what stands at a library's path is still what was opened, and how to say that it is not.

A directory can be moved, removed or replaced, and so can each file in it, while a library is open. A writer that went
on would acknowledge changes that are on no disk, or write over a library of somebody else.
"""

from __future__ import annotations

import time

from skillstore.errors import LibraryMovedError
from skillstore.local import directory
from skillstore.local.files import Files

_TICK_NS = 100_000_000
"""More than the clock of any local file system takes to tick."""
_EXPORT = "what this process still holds can be saved with skillstore.interchange.export_lines(library)"


def check_directory(files: Files) -> None:
    """Raise LibraryMovedError unless the path leads to the directory that was opened. Costs one system call."""
    if not files.is_in_place():
        raise moved(files)


def is_settled(version: tuple[int, int, int] | None) -> bool:
    """Whether any later change of a name gives the directory another `Files.version`.

    A change within the tick of the last one leaves its mtime as it is, so that has to lie some time back.
    """
    return version is not None and time.time_ns() - version[2] > _TICK_NS


def moved(files: Files) -> LibraryMovedError:
    """The error to raise where the path does not lead to the directory that was opened."""
    found = files.found_at()
    if found is not None:
        now = f"its directory is at {found} now, with everything that was acknowledged; open it there, or move it back"
    else:
        now = f"its directory was removed; {_EXPORT}, or restore a backup"
    return LibraryMovedError(f"the library that was opened at {files.directory} is not there any more: {now}")


def changed(files: Files, name: str) -> LibraryMovedError:
    """The error to raise where the file `name` was removed, replaced or written by somebody else."""
    if name == directory.LOCK:
        way_out = "everything acknowledged is in the directory: close the library and open it again"
    elif directory.is_segment(name):
        way_out = "library.compact() writes its skills to a new file, or restore a backup"
    else:
        way_out = f"close the library to open what stands there now; before that, {_EXPORT}"
    return LibraryMovedError(
        f"{files.path(name)} was removed or replaced by somebody else, nothing was written; {way_out}"
    )
