"""Record: every call of `Files` that changes the disk, in order, and what the work said meanwhile."""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from skillstore.local.files import Files

BEGAN, ACKNOWLEDGED = "began", "acknowledged"


@dataclass(frozen=True)
class Call:
    """One call, or a mark; `path` from the record's root, `file` a number for each descriptor, `site` who called."""

    verb: str
    path: str = ""
    file: int = 0
    data: bytes = b""
    size: int = 0
    target: str = ""
    site: str = ""

    @property
    def is_mark(self) -> bool:
        return self.verb in (BEGAN, ACKNOWLEDGED)


class Record:
    """What happened to the directories below `root`; stands in the place of the class `Files` while it records."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.calls: list[Call] = []
        self.opened: dict[int, tuple[int, str]] = {}  # of each descriptor, its number here and its path
        self.lock = threading.Lock()  # background threads write, too

    def __call__(self, directory: Path) -> Files:
        return _RecordingFiles(directory, self)

    def mark(self, verb: str) -> None:
        self.calls.append(Call(verb))


class _RecordingFiles(Files):
    """Works on the real directory, and notes each change after it was made."""

    def __init__(self, directory: Path, record: Record) -> None:
        super().__init__(directory)
        self._record = record

    def create(self, name: str) -> int:
        with self._record.lock:
            return self._opened("create", name, super().create(name))

    def append(self, name: str) -> int:
        with self._record.lock:
            return self._opened("append", name, super().append(name))

    def write(self, fd: int, data: bytes | bytearray | memoryview) -> None:
        with self._record.lock:
            super().write(fd, data)
            self._note("write", fd, data=bytes(data))

    def truncate(self, fd: int, size: int) -> None:
        with self._record.lock:
            super().truncate(fd, size)
            self._note("truncate", fd, size=size)

    def sync(self, fd: int) -> None:
        with self._record.lock:
            self._note("sync", fd)  # not done: only the simulated disk loses power

    def replace(self, source: str, target: str) -> None:
        with self._record.lock:
            super().replace(source, target)
            self._add(Call("replace", self._path(source), target=self._path(target), site=_site()))

    def remove(self, name: str) -> None:
        with self._record.lock:
            super().remove(name)
            self._add(Call("remove", self._path(name), site=_site()))

    def make(self) -> None:
        for path in reversed([self.directory, *self.directory.parents]):
            if not path.exists():
                self._made(path)
        super().make()

    def make_directory(self, name: str) -> None:
        super().make_directory(name)
        self._made(self.directory / name)

    def remove_directory(self, name: str) -> None:
        with self._record.lock:
            super().remove_directory(name)
            self._add(Call("remove", self._path(name), site=_site()))

    def _made(self, path: Path) -> None:
        with self._record.lock:
            self._add(Call("make_directory", path.relative_to(self._record.root).as_posix(), site=_site()))

    def _sync_directory(self, path: Path) -> None:
        with self._record.lock:
            name = "" if path == self._record.root else path.relative_to(self._record.root).as_posix()
            self._add(Call("sync_directory", name, site=_site()))

    def _opened(self, verb: str, name: str, fd: int) -> int:
        self._record.opened[fd] = len(self._record.calls), self._path(name)
        self._note(verb, fd)
        return fd

    def _note(self, verb: str, fd: int, data: bytes = b"", size: int = 0) -> None:
        number, path = self._record.opened[fd]
        self._add(Call(verb, path, number, data, size, site=_site()))

    def _add(self, call: Call) -> None:
        self._record.calls.append(call)

    def _path(self, name: str) -> str:
        path = (self.directory / name).relative_to(self._record.root)
        return "" if path == Path() else path.as_posix()


def _site() -> str:
    """The last four functions of skillstore/local that led to the call: in which place of the protocol it is."""
    names: list[str] = []
    frame = sys._getframe(1)
    while frame.f_back is not None and len(names) < 4:
        frame = frame.f_back
        module = str(frame.f_globals.get("__name__", ""))
        if module.startswith("skillstore.local.") and module != "skillstore.local.files":
            names.append(f"{module.removeprefix('skillstore.local.')}.{frame.f_code.co_name}")
    return " > ".join(reversed(names))
