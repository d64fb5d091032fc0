"""Files: the one seam between a library and the disk. Every byte read, written, synced or renamed goes through here.

A `Files` is bound to one directory and knows names, not paths. It holds the directory by a descriptor and opens every
file relative to it, so a change of the working directory or a directory that is moved never leads to other files.
Tests put another one in its place to record the calls and to make them fail.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import sys
import threading
import weakref
from contextlib import suppress
from pathlib import Path

_CREATE = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
_DIRECTORY = os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY
_NO_DIRECTORY = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
_NO_DIRECTORY_LOCKS = (errno.EBADF, errno.EINVAL, errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)
"""What flock fails with where a file system, such as NFS, locks no directories."""
_COPIED = 2**20  # bytes at a time


class Files:
    """Plain system calls on the files of one directory. Every method raises OSError as the system call did.

    directory   its absolute path; symbolic links in it are followed once, when the directory is opened
    """

    def __init__(self, directory: Path) -> None:
        """Opens nothing yet: the first use of a file opens the directory, and `close_all` closes it."""
        self.directory = directory.absolute()
        self._place = str(self.directory)
        self._fd = -1
        self._descriptors: set[int] = set()  # descriptors of files
        self._identity: tuple[int, int] | None = None
        self._ended = False
        self._opening = threading.Lock()

    def make(self) -> None:
        """The directory is there, and those above it, with their names on the disk."""
        made = [path for path in (self.directory, *self.directory.parents) if not path.exists()]
        self.directory.mkdir(parents=True, exist_ok=True)
        for path in made or [self.directory]:
            with suppress(PermissionError):  # what may not be read cannot be synced
                self._sync_directory(path.parent)

    @property
    def _held(self) -> int:
        """The descriptor of the directory."""
        if self._fd < 0:
            with self._opening:
                if self._ended:
                    raise OSError(errno.EBADF, "the directory was closed", str(self.directory))
                if self._fd < 0:
                    self._fd = os.open(self.directory, _DIRECTORY)
        return self._fd

    def close_all(self) -> None:
        """Give back the directory and every file that is still open. None can be opened from now on.

        Closing twice is allowed.
        """
        with self._opening:
            self._ended, fd, self._fd = True, self._fd, -1
        for left in [*self._descriptors, *([fd] if fd >= 0 else [])]:
            self._descriptors.discard(left)
            with suppress(OSError):  # they were only read
                os.close(left)

    @property
    def ended(self) -> bool:
        """Whether `close_all` was called."""
        return self._ended

    def __del__(self) -> None:
        if getattr(self, "_fd", -1) >= 0:
            with suppress(OSError):
                os.close(self._fd)

    def is_in_place(self) -> bool:
        """Whether the path leads to the directory that is held. Costs one system call."""
        there = self.version()
        return there is not None and there[:2] == self._held_identity()

    def version(self) -> tuple[int, int, int] | None:
        """What stands at the path: (device, inode, mtime in ns), which changes with every name in it; None if nothing.

        Costs one system call. The clock of a file system ticks every few milliseconds: see `identity.is_settled`.
        """
        try:
            status = os.stat(self._place)  # noqa: PTH116 - called before every commit; Path is slower
        except OSError as error:
            if error.errno in _NO_DIRECTORY:
                return None
            raise
        return status.st_dev, status.st_ino, status.st_mtime_ns

    def found_at(self) -> Path | None:
        """Where the directory that is held is now; None if it was removed, or the system does not say."""
        try:
            if sys.platform == "darwin":
                path = fcntl.fcntl(self._held, fcntl.F_GETPATH, bytes(1024)).rstrip(b"\0").decode(errors="replace")
            else:
                path = os.readlink(f"/proc/self/fd/{self._held}")  # noqa: PTH115 - not a path of the disk
            status = os.stat(path)  # noqa: PTH116
        except OSError:
            return None
        return Path(path) if (status.st_dev, status.st_ino) == self._held_identity() else None

    def _held_identity(self) -> tuple[int, int]:
        if self._identity is None:
            status = os.fstat(self._held)
            self._identity = status.st_dev, status.st_ino
        return self._identity

    def lock_directory(self) -> bool:
        """Lock the directory itself, for this process: whether nobody else has it.

        Somebody who removes the lock file lets nobody else in. True where the file system locks no directories.
        """
        try:
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno not in _NO_DIRECTORY_LOCKS:
                raise
        _LOCKED.add(self)
        return True

    def unlock_directory(self) -> None:
        """Give the lock of the directory back. A forked child, which never had it, must not call this."""
        if self in _LOCKED:
            _LOCKED.discard(self)
            with suppress(OSError):
                fcntl.flock(self._held, fcntl.LOCK_UN)

    def is_locked_here(self) -> bool:
        """Whether it is this process that has the directory locked."""
        own = self._held_identity()
        return any(files._held_identity() == own for files in list(_LOCKED))

    def names(self) -> list[str]:
        fd = os.open(".", _DIRECTORY, dir_fd=self._held)  # threads that list by one descriptor share its position
        try:
            return sorted(os.listdir(fd))  # noqa: PTH208 - a descriptor has no path
        finally:
            os.close(fd)

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
        status = os.stat(name, dir_fd=self._held)
        return status.st_ino, status.st_size, status.st_mtime_ns

    def open(self, name: str) -> int:
        """A descriptor to read `name`."""
        fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=self._held)
        try:
            if stat.S_ISREG(os.fstat(fd).st_mode):
                return self._noted(fd)
            raise OSError(errno.EINVAL, "not a regular file", str(self.directory / name))
        except OSError:
            os.close(fd)
            raise

    def create(self, name: str) -> int:
        """A descriptor to write a new, empty `name`; what was there is cut to nothing."""
        return self._noted(os.open(name, _CREATE, 0o644, dir_fd=self._held))

    def append(self, name: str) -> int:
        """A descriptor to write at the end of the existing `name`."""
        return self._noted(os.open(name, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC, dir_fd=self._held))

    def _noted(self, fd: int) -> int:
        self._descriptors.add(fd)
        return fd

    def size(self, fd: int) -> int:
        return os.fstat(fd).st_size

    def file_of(self, file: str | int) -> tuple[int, int] | None:
        """Which file a name or a descriptor stands for, whatever is written to it: (device, inode); None if none."""
        try:
            status = os.fstat(file) if isinstance(file, int) else os.stat(file, dir_fd=self._held)
        except FileNotFoundError:
            return None
        return status.st_dev, status.st_ino

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
        """Give the file back, unless `close_all` did: its number may be that of another file by now."""
        if fd in self._descriptors:
            self._descriptors.discard(fd)
            os.close(fd)

    def replace(self, source: str, target: str) -> None:
        os.replace(source, target, src_dir_fd=self._held, dst_dir_fd=self._held)

    def folder(self, name: str) -> Files:
        """The files of the directory `name` in this one, which is made if need be."""
        with suppress(FileExistsError):
            os.mkdir(name, dir_fd=self._held)
        return type(self)(self.directory / name)

    def link(self, source: str, target: str) -> None:
        """A second name for the bytes of a file; a synced copy where the file system knows no links."""
        try:
            os.link(source, target, src_dir_fd=self._held, dst_dir_fd=self._held)
        except FileExistsError:
            raise
        except OSError:
            old, new = self.open(source), self.create(target)
            try:
                for offset in range(0, self.size(old), _COPIED):
                    self.write(new, self.read(old, offset, _COPIED))
                self.sync(new)
            finally:
                self.close(old)
                self.close(new)

    def remove(self, name: str) -> None:
        os.unlink(name, dir_fd=self._held)

    def make_directory(self, name: str) -> None:
        os.mkdir(name, dir_fd=self._held)

    def remove_directory(self, name: str) -> None:
        """It must be empty."""
        os.rmdir(name, dir_fd=self._held)

    def sync_directory(self) -> None:
        """Names made, replaced and removed so far are on the disk."""
        self._sync_directory(self.directory)

    def _sync_directory(self, path: Path) -> None:
        if path == self.directory:
            os.fsync(self._held)
            return
        fd = os.open(path, _DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


_LOCKED: weakref.WeakSet[Files] = weakref.WeakSet()
"""Those whose directory this process has locked."""


def _let_go() -> None:
    """In a forked child: close what would keep the parent's locks when the parent is gone."""
    for files in list(_LOCKED):
        _LOCKED.discard(files)
        fd, files._fd, files._ended = files._fd, -1, True  # not under the mutex, which another thread may have held
        os.close(fd)


os.register_at_fork(after_in_child=_let_go)
