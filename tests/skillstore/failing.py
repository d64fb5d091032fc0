"""Failing: system calls that fail, below `Files`, and a library's life on a disk on which they do."""

from __future__ import annotations

import errno
import gc
import os
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from skillstore import LibraryNotFoundError, SkillLibrary, SkillStoreError
from skillstore.local import changes, files, writer
from skillstore.local.table import Table
from tests.contracts.library_contract import skill
from tests.skillstore.scan import answers, exact

FAULTS = ("EIO", "ENOSPC", "EINTR", "short")
"""EIO and EINTR happen once, ENOSPC from then on to every call that needs room; short: it does half of its work."""

_CALLS = {"close", "fdatasync", "fstat", "fsync", "ftruncate", "listdir", "open", "pread", "preadv", "replace", "stat"}
_CALLS |= {"unlink", "write"}
_NEED_ROOM = frozenset(("open", "write", "fsync", "fdatasync", "replace"))
Contents = Any


class FailingOs:
    """In the place of the module `os`: the call of number `fails`, from 0, has the `fault`; None: none has."""

    def __init__(self, fails: int | None = None, fault: str = "EIO") -> None:
        self.fails, self.fault = fails, fault
        self.calls: list[str] = []
        self._counting = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        return (lambda *given, **named: self._call(name, real, *given, **named)) if name in _CALLS else real

    def _call(self, name: str, real: Callable[..., Any], *given: Any, **named: Any) -> Any:
        with self._counting:
            number = len(self.calls)
            self.calls.append(name)
        if self.fails is None or number < self.fails:
            return real(*given, **named)
        if self.fault == "short":
            return real(*_half(name, given), **named) if number == self.fails else real(*given, **named)
        if self.fault == "ENOSPC":
            fails = name in _NEED_ROOM and not (name == "open" and not given[1] & (os.O_CREAT | os.O_RDWR))
        else:
            fails = number == self.fails
        if fails:
            if name == "close":
                real(*given)
            raise OSError(getattr(errno, self.fault), os.strerror(getattr(errno, self.fault)))
        return real(*given, **named)


def _half(name: str, given: tuple[Any, ...]) -> tuple[Any, ...]:
    if name == "write":
        return given[0], given[1][: max(1, len(given[1]) // 2)]
    if name == "pread":
        return given[0], max(1, given[1] // 2), given[2]
    if name == "preadv":
        return given[0], [given[1][0][: max(1, len(given[1][0]) // 2)]], given[2]
    return given


def _batch(library: SkillLibrary) -> None:
    with library.batch():
        library.add_skills([skill(f"batch {number}", {"batch": number}) for number in range(5)])
        library.record_outcome(1, True)
        library.notes["plan"] = "b" * 300


def _noted(library: SkillLibrary) -> None:
    library.notes["plan"] = {"n": 1}


STEPS: list[Callable[[SkillLibrary], object]] = [
    lambda library: library.add_skill(skill("one", {"a": 1})),
    lambda library: library.add_skills([skill(str(n), {"n": n}) for n in range(4)]),
    _batch,
    lambda library: library.snapshot(),
    lambda library: library.record_outcome(1, True),
    lambda library: library.remove_skill(2),
    lambda library: library.replace_skill(3, skill("other", {"b": 1}, actions=["new"])),
    _noted,
    lambda library: library.snapshot(),
    lambda library: library.add_skill(skill("merged", {"a": 1})),
    lambda library: library.compact(),
    _batch,
    lambda library: library.verify(),
]


class Life:
    """One life of a library: made, changed by STEPS, closed, read, and opened again, with calls that may fail.

    `allowed` is what may be there: what was acknowledged, with the change in flight or without it.
    """

    def __init__(self, place: Path, calls: FailingOs, monkeypatch: pytest.MonkeyPatch) -> None:
        self.place, self.calls = place, calls
        self.allowed = _expected()[:1]
        self.opened = False
        self.error: BaseException | None = None
        self._library: SkillLibrary | None = None
        with monkeypatch.context() as patched:
            patched.setattr(files, "os", calls)
            try:
                self._live()
            except SkillStoreError as error:
                self.error = error

    def _live(self) -> None:
        self._library = SkillLibrary.open(self.place, embedding_dim=2)
        self.opened = True
        for number, step in enumerate(STEPS):
            self.allowed = _expected()[number : number + 2]
            step(self._library)
            self.allowed = self.allowed[1:]
        self._library.close()
        with SkillLibrary.open(self.place, mode="r") as reader:
            assert contents(reader) in self.allowed
        self._library = SkillLibrary.open(self.place)
        assert contents(self._library) in self.allowed
        self._library.close()

    def check(self) -> None:
        """The disk is well again: what was opened can be read and closed, and nothing acknowledged is lost."""
        library = self._library
        if library is not None and "closed" not in repr(library):
            assert contents(library) in self.allowed
            with suppress(SkillStoreError):  # what was not synced cannot be promised, and is not
                library.close()
        self._library = library = None
        self.error = None
        for mode in ("r", "rw"):
            try:
                with SkillLibrary.open(self.place, mode=mode, create=False) as again:
                    again.verify()
                    assert contents(again) in self.allowed
                    self.allowed = [contents(again)]
            except LibraryNotFoundError:
                assert not self.opened
        with SkillLibrary.open(self.place, embedding_dim=2) as again:
            later = again.add_skill(skill("later", {"later": 1})).skill
        with SkillLibrary.open(self.place, mode="r") as again:
            assert list(again)[-1] == later


def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little suffices to take every path: segments of 3 skills, batches of many frames."""
    monkeypatch.setattr(Table.__init__, "__defaults__", (1, 3))
    monkeypatch.setattr(writer, "FRAME_TARGET", 500)
    monkeypatch.setattr(changes, "_LONGEST", 500)


def resources() -> tuple[int, int]:
    """(open descriptors, threads) of this process."""
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir())), threading.active_count()


def contents(library: SkillLibrary) -> Contents:
    library.get_stats()
    found = library.retrieve_skills({"a": 1, "n": 2}, [1.0, 0.5], 3, exact=True)
    return exact([exact(each) for each in library]), exact(dict(library.notes)), answers(found)


def _expected(_kept: list[Contents] = []) -> list[Contents]:  # noqa: B006 - computed once
    """The contents before each step, and after the last, by a library in memory."""
    if not _kept:
        library = SkillLibrary(embedding_dim=2)
        _kept.append(contents(library))
        for step in STEPS:
            step(library)
            _kept.append(contents(library))
    return _kept


class FullOs(FailingOs):
    """A disk of `room` bytes, of which the files of one directory take what they have: it fills, and empties."""

    def __init__(self, place: Path, room: int) -> None:
        super().__init__()
        self.place, self.room = place, room

    def _call(self, name: str, real: Callable[..., Any], *given: Any, **named: Any) -> Any:
        if name == "write":
            free = self.room - sum(_sizes(self.place))
            if free <= 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            given = given[0], given[1][:free]
        return real(*given, **named)


def _sizes(place: Path) -> Iterable[int]:
    for path in place.iterdir():
        with suppress(FileNotFoundError):
            yield path.stat().st_size
