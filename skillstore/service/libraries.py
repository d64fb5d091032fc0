"""Libraries: one directory that holds any number of them, each in a directory of its own name.

Each is opened when first asked for, once, for writing, and shared by all threads. One that cannot be opened answers
with its error; the others do not notice.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from skillstore.errors import (
    BackendUnavailableError,
    InvalidInputError,
    LibraryClosedError,
    LibraryMovedError,
    LibraryNotFoundError,
    SkillStoreError,
    WriteFailedError,
)
from skillstore.library import SkillLibrary
from skillstore.service import names
from skillstore.service.refusals import LibraryExistsError

T = TypeVar("T")
_log = logging.getLogger("skillstore.service")
_DELETED = ".deleted-"
_PATIENCE = 1.0  # seconds for which a library that could not be opened is not tried again


class Libraries:
    """The libraries of `directory`, which is made if it is not there. Any thread may call anything."""

    def __init__(self, directory: str | os.PathLike[str], durability: Any = "full", mode: Any = "rw") -> None:
        """`mode` "r": libraries are only read, beside whoever writes, and the directory is left as it is.

        Raises InvalidInputError for a directory that is itself a library, BackendUnavailableError.
        """
        self.directory = Path(directory).absolute()
        self._durability, self._mode = durability, mode
        self._opened: dict[str, SkillLibrary] = {}
        self._broken: set[str] = set()  # opened, but their disk refused a write
        self._failures: dict[str, tuple[float, SkillStoreError]] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()
        self._closed = False
        self._prepare()

    def _prepare(self) -> None:
        if (self.directory / "MANIFEST").exists():
            raise InvalidInputError(
                f"{self.directory} is a library; a service has a directory in which each library has its own: "
                "give the one above it"
            )
        if self._mode == "r":
            return
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            for leftover in self.directory.glob(_DELETED + "*"):  # a crash came between
                shutil.rmtree(leftover, ignore_errors=True)
        except OSError as error:
            raise _unreachable(error) from error

    def names(self) -> list[str]:
        """Of all that are there, ascending, whether they can be opened or not."""
        try:
            with os.scandir(self.directory) as entries:
                return sorted(entry.name for entry in entries if names.is_name(entry.name) and entry.is_dir())
        except OSError as error:
            raise _unreachable(error) from error

    def get(self, name: str) -> SkillLibrary:
        """The library, opened if it was not. Cost, once open: one look into a dict, and three system calls.

        Raises LibraryNotFoundError, or why it cannot be opened: LibraryLockedError, CorruptLibraryError ...; once
        LibraryMovedError, if its directory or a file of it was moved, removed or replaced: the next call opens what
        stands there then.
        """
        library = self._opened.get(name)
        if library is not None:
            return self._in_place(name, library)
        self._check_open()
        if not self._is_there(name):  # no lock is kept for what is not there
            raise _nothing(name)
        with self._lock(name):
            library = self._opened.get(name)  # an empty one is false
            return self._open(name) if library is None else library

    def use(self, name: str, function: Callable[[SkillLibrary], T], writes: bool = False) -> T:
        """What `function` returns for the library. After a write that failed, the next one opens the library anew."""
        if writes and name in self._broken:
            self._let_go(name)
        library = self.get(name)
        try:
            return function(library)
        except WriteFailedError:
            self.broke(name, library)
            raise
        except LibraryMovedError:
            self._forget(name, library)
            raise
        except LibraryClosedError:
            self._check_open()
            if self._opened.get(name) is library:
                raise
            return function(self.get(name))  # it was opened anew meanwhile, or deleted

    def _in_place(self, name: str, library: SkillLibrary) -> SkillLibrary:
        try:
            library.check_in_place()
        except LibraryMovedError:
            self._forget(name, library)
            raise
        except LibraryClosedError:  # another thread has just closed it; whoever uses it opens it anew
            pass
        return library

    def _forget(self, name: str, library: SkillLibrary) -> None:
        with self._lock(name):
            if self._opened.get(name) is library:
                with suppress(SkillStoreError):  # it was told already
                    self._close(name)

    def broke(self, name: str, library: SkillLibrary) -> None:
        """A write failed: `library` answers questions still, and is opened anew before the next write."""
        with self._guard:
            if self._opened.get(name) is library:
                self._broken.add(name)

    def create(self, name: str, **settings: Any) -> SkillLibrary:
        """A new library, with the settings of `SkillLibrary.open`. Durable on return.

        Raises LibraryExistsError, InvalidInputError.
        """
        self._check_open()
        path = self.directory / names.checked(name)
        with self._lock(name):
            if path.exists() and any(path.iterdir()):
                raise LibraryExistsError(f"there is a library {name!r} already")
            return self._open(name, create=True, **settings)

    def delete(self, name: str) -> None:
        """Close the library and remove it, with all that is in it. Once it returns, the name is free.

        Raises LibraryNotFoundError, BackendUnavailableError.
        """
        self._check_open()
        if not names.is_name(name) or not (self.directory / name).is_dir():
            raise _nothing(name)
        aside = self.directory / f"{_DELETED}{name}-{secrets.token_hex(8)}"
        with self._lock(name):
            with suppress(SkillStoreError):  # damaged or failed: it goes all the same
                self._close(name)
            try:
                (self.directory / name).rename(aside)
                _sync(self.directory)
            except FileNotFoundError:
                raise _nothing(name) from None
            except OSError as error:
                raise _unreachable(error) from error
            self._failures.pop(name, None)
        shutil.rmtree(aside, ignore_errors=True)  # what stays goes at the next start

    def opened(self) -> dict[str, SkillLibrary]:
        """Those that are open now."""
        return dict(self._opened)

    def problem(self, name: str) -> SkillStoreError | None:
        """Why the library cannot be opened; None: it is open, now at the latest."""
        try:
            self.get(name)
        except SkillStoreError as error:
            return error
        return None

    def close(self) -> None:
        """Close all; nothing is opened any more. What was acknowledged is on the disk. Closing twice is allowed."""
        with self._guard:
            self._closed = True
        for name in list(self._opened):
            with self._lock(name):
                try:
                    self._close(name)
                except SkillStoreError as error:
                    _log.error("library %s could not be closed in order: %s", name, error)

    # how it is done

    def _open(self, name: str, create: bool = False, **settings: Any) -> SkillLibrary:
        """Under the name's lock."""
        since, failure = self._failures.get(name, (0.0, None))
        if failure is not None and time.monotonic() - since < _PATIENCE:
            raise failure.with_traceback(None)
        try:
            library = self._opened_at(name, create, **settings)
        except LibraryNotFoundError:
            raise _nothing(name) from None
        except InvalidInputError:
            raise
        except SkillStoreError as error:
            self._failures[name] = (time.monotonic(), error)
            raise
        with self._guard:
            if not self._closed:
                self._failures.pop(name, None)
                self._opened[name] = library
                return library
        library.close()
        raise LibraryClosedError("the service is ending")

    def _is_there(self, name: str) -> bool:
        return names.is_name(name) and (self.directory / name).is_dir()

    def _opened_at(self, name: str, create: bool, **settings: Any) -> SkillLibrary:
        place = self.directory / name
        return SkillLibrary.open(place, create=create, durability=self._durability, mode=self._mode, **settings)

    def _let_go(self, name: str) -> None:
        with self._lock(name):
            if name in self._broken:
                with suppress(SkillStoreError):
                    self._close(name)

    def _close(self, name: str) -> None:
        with self._guard:
            library = self._opened.pop(name, None)
            self._broken.discard(name)
        if library is not None:
            library.close()

    def _lock(self, name: str) -> threading.Lock:
        with self._guard:
            return self._locks.setdefault(name, threading.Lock())

    def _check_open(self) -> None:
        if self._closed:
            raise LibraryClosedError("the service is ending")


def _nothing(name: object) -> LibraryNotFoundError:
    return LibraryNotFoundError(f"there is no library {name!r:.80}")


def _unreachable(error: OSError) -> BackendUnavailableError:
    return BackendUnavailableError(f"the directory of the libraries cannot be used ({error.strerror or error})")


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
