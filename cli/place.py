"""Place: the library that a command is about, from --library or SKILLSTORE_LIBRARY."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from skillstore import SkillLibrary

VARIABLE = "SKILLSTORE_LIBRARY"


def where() -> str:
    """The library's directory. Raises UsageError if none was named."""
    place: str | None = click.get_current_context().obj
    if place is None:
        raise click.UsageError(f"which library? give 'skillstore --library DIR ...' or set {VARIABLE}")
    return place


def check_outside(path: Path) -> None:
    """Raises UsageError for a file inside the library, where it could be taken for one of the library's own."""
    library, folder = Path(os.path.realpath(where())), Path(os.path.realpath(path)).parent
    if library in (folder, *folder.parents):
        raise click.UsageError(f"{path} is inside the library, which is a directory of its own")


def reading() -> SkillLibrary:
    """The library, to be asked; another process may write meanwhile."""
    from skillstore import SkillLibrary

    return SkillLibrary.open(where(), mode="r")


@contextmanager
def writing(**new: Any) -> Iterator[SkillLibrary]:
    """The library, to be changed. Where there is none, one with the settings `new`, if any are given, is made.

    One that was made here goes again if the block raises before it has anything in it.
    """
    from skillstore import LibraryNotFoundError, SkillLibrary

    made = False
    try:
        library = SkillLibrary.open(where(), create=False)
    except LibraryNotFoundError:
        if not new:
            raise
        made = not Path(where()).exists()
        library = SkillLibrary.open(where(), **new)
    try:
        with library:
            try:
                yield library
            finally:
                made = made and not len(library) and not len(library.notes)
    except BaseException:
        if made:
            shutil.rmtree(where())
        raise
