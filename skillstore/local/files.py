"""Files: the one seam between a library and the disk. Every byte read, written, synced or renamed goes through here.

A `Files` is bound to one directory and knows names, not paths. Tests put another one in its place to record the calls
and to make them fail.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
from contextlib import suppress
from pathlib import Path

if sys.platform == "darwin":
    import fcntl

_CREATE = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW


class Files:
    """Plain system calls on the files of `directory`. Every method raises OSError as the system call did."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def make(self) -> None:
        """The directory is there, and those above it, with their names on the disk."""
        made = [path for path in (self.directory, *self.directory.parents) if not path.exists()]
        self.directory.mkdir(parents=True, exist_ok=True)
        for path in made or [self.directory]:
            with suppress(PermissionError):  # what may not be read cannot be synced
                self._sync_directory(path.parent)

    def names(self) -> list[str]:
        return sorted(os.listdir(self.directory))  # noqa: PTH208 - names are what is wanted

    def total(self) -> int:
        """Bytes of all files."""
        total = 0
        for name in self.names():
            with suppress(FileNotFoundError):  # a writer may just have removed it
                total += self.identity(name)[1]
        return total

    def path(self, name: str) -> Path:
        return self.directory / name

    def identity(self, name: str) -> tuple[int, int, int]:
        """Changes whenever `name` is replaced: (inode, size, mtime in ns)."""
        status = os.stat(self.directory / name)  # noqa: PTH116 - called before every read; Path is slower
        return status.st_ino, status.st_size, status.st_mtime_ns

    def open(self, name: str) -> int:
        """A descriptor to read `name`."""
        fd = os.open(self.directory / name, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise OSError(errno.EINVAL, "not a regular file", str(self.directory / name))
        return fd

    def create(self, name: str) -> int:
        """A descriptor to write a new, empty `name`; what was there is cut to nothing."""
        return os.open(self.directory / name, _CREATE, 0o644)

    def append(self, name: str) -> int:
        """A descriptor to write at the end of the existing `name`."""
        return os.open(self.directory / name, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)

    def size(self, fd: int) -> int:
        return os.fstat(fd).st_size

    def written(self, fd: int) -> tuple[int, int]:
        """Changes whenever somebody writes: (size, mtime in ns)."""
        status = os.fstat(fd)
        return status.st_size, status.st_mtime_ns

    def read(self, fd: int, offset: int, length: int) -> bytearray:
        """Up to `length` bytes at `offset`; fewer only at the end of the file. The caller bounds `length`."""
        buffer = bytearray(length)
        filled = self.read_into(fd, offset, memoryview(buffer))
        return buffer if filled == length else buffer[:filled]

    def read_short(self, fd: int, offset: int, length: int) -> bytes:
        """As `read`, in one system call, which may give less. The caller bounds `length`."""
        return os.pread(fd, length, offset)

    def read_into(self, fd: int, offset: int, buffer: memoryview) -> int:
        """Fill `buffer` from `offset`; returns how much there was."""
        filled = 0
        while filled < len(buffer):
            count = os.preadv(fd, [buffer[filled:]], offset + filled)
            if count == 0:
                break
            filled += count
        return filled

    def write(self, fd: int, data: bytes | bytearray | memoryview) -> None:
        """All of `data`, at the descriptor's place."""
        left = memoryview(data).cast("B")
        while left:
            left = left[os.write(fd, left) :]

    def truncate(self, fd: int, size: int) -> None:
        os.ftruncate(fd, size)

    def sync(self, fd: int) -> None:
        """The bytes of `fd`, and its size, are on the disk."""
        if sys.platform == "darwin":
            fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
        else:
            os.fdatasync(fd)

    def close(self, fd: int) -> None:
        os.close(fd)

    def replace(self, source: str, target: str) -> None:
        os.replace(self.directory / source, self.directory / target)  # noqa: PTH105

    def folder(self, name: str) -> Files:
        """The files of the directory `name` in this one, which is made if need be."""
        (self.directory / name).mkdir(exist_ok=True)
        return type(self)(self.directory / name)

    def link(self, source: str, target: str) -> None:
        """A second name for the bytes of a file; a synced copy where the file system knows no links."""
        try:
            os.link(self.directory / source, self.directory / target)
        except FileExistsError:
            raise
        except OSError:
            shutil.copyfile(self.directory / source, self.directory / target)
            fd = self.open(target)
            self.sync(fd)
            self.close(fd)

    def remove(self, name: str) -> None:
        os.unlink(self.directory / name)  # noqa: PTH108

    def make_directory(self, name: str) -> None:
        os.mkdir(self.directory / name)  # noqa: PTH102

    def remove_directory(self, name: str) -> None:
        """It must be empty."""
        os.rmdir(self.directory / name)  # noqa: PTH106

    def sync_directory(self) -> None:
        """Names made, replaced and removed so far are on the disk."""
        self._sync_directory(self.directory)

    def _sync_directory(self, path: Path) -> None:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
