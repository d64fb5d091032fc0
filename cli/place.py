"""Place: the library that a command is about, from --library or SKILLSTORE_LIBRARY, and what else may stand there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.output import count
from cli.paths import is_address

if TYPE_CHECKING:
    from skillstore import SkillLibrary

VARIABLE = "SKILLSTORE_LIBRARY"
_SHOWN = 5  # names in an error


def where() -> str:
    """The library's directory, or its address. Raises UsageError if none was named."""
    place: str | None = click.get_current_context().obj
    if place is None:
        raise click.UsageError(f"which library? give 'skillstore --library DIR ...' or set {VARIABLE}")
    if is_address(place) and not is_remote(place):
        raise click.UsageError(f"{place!r:.80} is no address of a library; a server's is http://HOST:PORT/NAME")
    return place


def is_remote(place: str) -> bool:
    """Whether the library is a server's."""
    return place.lower().startswith(("http://", "https://"))


def local() -> str:
    """The library's directory, on this machine. Raises UsageError for an address."""
    place, command = where(), click.get_current_context().command_path.removeprefix("skillstore ")
    if is_remote(place):
        raise click.UsageError(
            f"'{command}' works on a directory, and {place!r:.80} is the library of a server; run it where the server "
            "has its files, with --library DIR"
        )
    return place


def directory() -> Path:
    """A directory of libraries, there or not. Raises UsageError for a single library, a file, or an address."""
    path = no_file()
    if is_library(path):
        above = path.parent if path.name not in ("", "..") else path / ".."
        raise click.UsageError(f"{path} is a library; give the directory that it is in ('--library {above}')")
    return path


def no_file() -> Path:
    """A directory of any kind, there or not. Raises UsageError for a file, or an address."""
    path = Path(local())
    if path.exists() and not path.is_dir():
        raise click.UsageError(f"{path} is a file; give a directory that libraries are in, or are to be in")
    return path


def is_library(path: Path) -> bool:
    """Whether a library's files are in the directory."""
    return (path / "MANIFEST").exists() or (path.is_dir() and any(path.glob("journal-*")))


def libraries_in(path: Path) -> list[str]:
    """The names of the libraries in a directory, ascending."""
    try:
        return sorted(inner.name for inner in path.iterdir() if inner.is_dir() and is_library(inner))
    except OSError:
        return []


def check_outside(path: Path) -> None:
    """Raises UsageError for a file inside the library, where it could be taken for one of the library's own."""
    if is_remote(where()):
        return
    library, folder = Path(os.path.realpath(where())), Path(os.path.realpath(path)).parent
    if library in (folder, *folder.parents):
        raise click.UsageError(f"{path} is inside the library, which is a directory of its own")


def check_single(place: str) -> None:
    """Raises LibraryNotFoundError where something else than a library stands: a file, or a directory of libraries."""
    from skillstore import LibraryNotFoundError

    path = Path(place)
    if is_remote(place) or not path.exists() or is_library(path):
        return
    if not path.is_dir():
        raise LibraryNotFoundError(
            f"{path} is not a directory, and a library is one; 'import' makes a library of an export, 'restore' of a "
            "backup"
        )
    if inside := libraries_in(path):
        names = ", ".join(inside[:_SHOWN]) + (", ..." if len(inside) > _SHOWN else "")
        held = count(len(inside), "library", "libraries")
        raise LibraryNotFoundError(f"{path} holds {held}: {names}; name one, as in --library {path / inside[0]}")


def reading() -> SkillLibrary:
    """The library, to be asked; another process may write meanwhile."""
    from skillstore import SkillLibrary

    check_single(where())
    return SkillLibrary.open(where(), mode="r")


@contextmanager
def writing(**new: Any) -> Iterator[SkillLibrary]:
    """The library, to be changed. Where there is none, one with the settings `new`, if any are given, is made.

    One that was made here, in a directory, goes again if the block raises before it has anything in it.
    """
    from skillstore import LibraryNotFoundError, SkillLibrary

    made = False
    check_single(where())
    try:
        library = SkillLibrary.open(where(), create=False)
    except LibraryNotFoundError:
        if not new:
            raise
        made = not is_remote(where()) and not Path(where()).exists()
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
