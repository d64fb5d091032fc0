"""Ram: a directory of files in memory, in the place of `Files`, for tests that open very many libraries."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from itertools import count
from pathlib import Path

from skillstore import SkillLibrary
from skillstore.backend import Backend, Settings
from skillstore.local import generation
from skillstore.local.backend import LocalBackend
from skillstore.local.directory import WriterLock
from skillstore.local.files import Files
from skillstore.local.follower import Follower
from skillstore.local.storage import Disk


class RamFiles(Files):
    """`files` by name; what is written changes them. Descriptors are numbers of its own, and outlive their names."""

    def __init__(self, files: Mapping[str, bytes] | None = None, directory: Path = Path("ram")) -> None:
        super().__init__(directory)
        self.files = {name: bytearray(data) for name, data in (files or {}).items()}
        self.descriptors: dict[int, bytearray] = {}
        self._changes = dict.fromkeys(self.files, 0)
        self._numbers = count(1)

    def names(self) -> list[str]:
        return sorted(self.files)

    def identity(self, name: str) -> tuple[int, int, int]:
        data = self._file(name)
        return id(data), len(data), self._changes.get(name, 0)

    def is_in_place(self) -> bool:
        return True

    def version(self) -> tuple[int, int, int]:
        return 0, 0, 0

    def found_at(self) -> Path:
        return self.directory

    def file_of(self, file: str | int) -> tuple[int, int] | None:
        data = self.descriptors[file] if isinstance(file, int) else self.files.get(file)
        return None if data is None else (0, id(data))

    def open(self, name: str) -> int:
        fd = next(self._numbers)
        self.descriptors[fd] = self._file(name)
        return fd

    def append(self, name: str) -> int:
        return self.open(name)

    def create(self, name: str) -> int:
        self.files.setdefault(name, bytearray()).clear()
        return self.open(name)

    def size(self, fd: int) -> int:
        return len(self.descriptors[fd])

    def written(self, fd: int) -> tuple[int, int]:
        return len(self.descriptors[fd]), 0

    def read_short(self, fd: int, offset: int, length: int) -> bytes:
        return bytes(self.descriptors[fd][offset : offset + length])

    def read_into(self, fd: int, offset: int, buffer: memoryview) -> int:
        data = self.descriptors[fd][offset : offset + len(buffer)]
        buffer[: len(data)] = data
        return len(data)

    def write(self, fd: int, data: bytes | bytearray | memoryview) -> None:
        self.descriptors[fd] += memoryview(data).cast("B")

    def truncate(self, fd: int, size: int) -> None:
        file = self.descriptors[fd]
        file[size:] = bytes(max(0, size - len(file)))

    def sync(self, fd: int) -> None:
        pass

    def close(self, fd: int) -> None:
        del self.descriptors[fd]

    def replace(self, source: str, target: str) -> None:
        self.files[target] = self._file(source)
        self._changes[target] = self._changes.get(target, 0) + 1
        del self.files[source]

    def remove(self, name: str) -> None:
        self._file(name)
        del self.files[name]

    def sync_directory(self) -> None:
        pass

    def _file(self, name: str) -> bytearray:
        try:
            return self.files[name]
        except KeyError:
            raise FileNotFoundError(errno.ENOENT, "No such file", str(self.path(name))) from None


class NoLock(WriterLock):
    """Nobody else can see a directory in memory."""

    def acquire(self) -> None:
        pass

    def is_linked(self) -> bool:
        return True

    def release(self) -> None:
        pass


def ram_library(files: RamFiles, mode: str = "rw", settings: Settings | None = None) -> SkillLibrary:
    """The library in `files`, opened as `SkillLibrary.open` does; with `settings`, a new one."""
    backend: Backend
    if mode == "r":
        backend = Follower(files, generation.opened(files))
    else:
        lock = NoLock(files)
        disk, table, kept = Disk.open(files, lock) if settings is None else Disk.create(files, lock, settings)
        backend = LocalBackend(kept, table, disk, "full")
    return SkillLibrary(backend.settings.embedding_dim, _backend=backend)
