"""Drive: a disk with a write cache, whose power can be cut. Needs root, loop devices and ext4.

An ext4 image inside an ext4 image: the file system that is worked in stands on a loop device whose file is the disk,
and that file stands in a file system of its own, whose cached pages are the disk's write cache. The kernel passes a
flush of the disk on as a sync of that file, so what was flushed lasts, and nothing else need.

A cut is the kernel's own EXT4_IOC_SHUTDOWN without flushing the log, at one instant, to one of the two:

    "kept"     to the upper: the disk keeps all that reached it; what only the kernel knew is lost
    "lost"     to the lower: the disk's cache is lost, too: what was not flushed is gone
    "mixed"    to the lower, after some pages of the files in work, and of the disk's cache, were written in any order
"""

from __future__ import annotations

import ctypes
import fcntl
import gc
import os
import struct
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import numpy as np

CUTS = ("kept", "lost", "mixed")
_SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN, linux/fs/ext4/ext4.h
_WITHOUT_FLUSHING = 2
_WRITE_AND_WAIT = 7  # of sync_file_range(2): writes pages, and neither the size of the file nor a flush
_PAGE = 4096
_MIB = 2**20


def missing() -> str | None:
    """Why there can be no drive here; None if there can."""
    if os.name != "posix" or os.geteuid() != 0:
        return "power cuts need root, to mount file systems"
    try:
        run("losetup", "--find")
        run("mkfs.ext4", "-V")
    except (OSError, subprocess.CalledProcessError):
        return "power cuts need loop devices and mkfs.ext4"
    return None


def run(*command: str | Path) -> str:
    """What the command prints. Raises CalledProcessError, with what it says."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class Drive:
    """Two images in `directory`, which should be on a fast file system: /dev/shm. `place` is where to work."""

    def __init__(self, directory: Path, mib: int = 64) -> None:
        self._lower, self._upper = directory / "lower", directory / "upper"
        self._image, self._disk = directory / "lower.img", self._lower / "disk.img"
        self._mib = mib
        self.place = self._upper / "work"

    def make(self) -> None:
        """Format and mount it."""
        self._lower.mkdir()
        self._upper.mkdir()
        self._image.touch()
        os.truncate(self._image, 2 * self._mib * _MIB)
        run("mkfs.ext4", "-q", "-F", "-b", "4096", self._image)
        run("mount", "-o", "loop", self._image, self._lower)
        with self._disk.open("wb") as disk:  # all of it allocated and written: later writes touch no metadata below
            for _ in range(self._mib):
                disk.write(bytes(_MIB))
            disk.flush()
            os.fsync(disk.fileno())
        run("mkfs.ext4", "-q", "-F", "-b", "4096", self._disk)
        run("sync", "-f", self._lower)
        self._mount_upper(5)
        self.place.mkdir()
        run("sync", "-f", self._upper)

    def cut(self, how: str, generator: np.random.Generator) -> float:
        """The power is off on return: nothing more reaches the disk. The moment, of time.monotonic()."""
        if how == "mixed":
            for path in sorted(self.place.rglob("*")):
                with suppress(OSError):  # it was just removed
                    _write_some(path, generator)
            _write_some(self._disk, generator)
        fd = os.open(self._upper if how == "kept" else self._lower, os.O_RDONLY)
        try:
            moment = time.monotonic()
            fcntl.ioctl(fd, _SHUTDOWN, struct.pack("I", _WITHOUT_FLUSHING))
        finally:
            os.close(fd)
        return moment

    def power_on(self, commit: int) -> None:
        """Mount what the cut left, as after a restart. The kernel commits on its own every `commit` seconds."""
        self.remove()
        run("mount", "-o", "loop", self._image, self._lower)
        self._mount_upper(commit)

    def remove(self) -> None:
        """Unmount it; the images stay."""
        gc.collect()  # files that a library left open for skills handed out would keep it mounted
        for mounted in (self._upper, self._lower):
            for patience in (0.01, 0.1, 1, 10):  # the kernel closes the files of a killed process a moment later
                if not mounted.is_mount():
                    break
                with suppress(subprocess.CalledProcessError):
                    run("umount", mounted)
                    break
                time.sleep(patience)
            else:
                raise RuntimeError(f"{mounted} is still in use")

    def _mount_upper(self, commit: int) -> None:
        run("mount", "-o", f"loop,commit={commit}", self._disk, self._upper)


def _write_some(path: Path, generator: np.random.Generator) -> None:
    """Write each page of the file that waits in the cache, with a chance of a half; later ones before earlier."""
    libc = ctypes.CDLL(None, use_errno=True)
    fd = os.open(path, os.O_RDONLY)
    try:
        pages = np.flatnonzero(generator.integers(2, size=-(-os.fstat(fd).st_size // _PAGE)))
        for page in generator.permutation(pages).tolist():
            libc.sync_file_range(fd, ctypes.c_int64(page * _PAGE), ctypes.c_int64(_PAGE), _WRITE_AND_WAIT)
    finally:
        os.close(fd)
