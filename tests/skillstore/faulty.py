"""Faulty: disks that fail or lose power at a chosen moment, in the place of `Files`."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np

from skillstore.local.files import Files


class PowerCutError(BaseException):
    """The machine is off: nothing may catch this and go on."""


class _Inode:
    """The bytes of one file: all of them, and those that were synced."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.synced = b""


class Disk:
    """What is on a disk, and what would be after a power cut; counts the calls that change it.

    stop     the number of the call, from 0, before which the power fails
    fails    the number of the call that raises OSError, and every one after it until `mended`
    """

    def __init__(self, stop: int | None = None, fails: int | None = None) -> None:
        self.stop, self.fails = stop, fails
        self.calls: list[str] = []
        self.names: dict[str, _Inode] = {}
        self.synced_names: dict[str, _Inode] = {}

    def step(self, call: str) -> None:
        if self.stop is not None and len(self.calls) >= self.stop:
            raise PowerCutError
        self.calls.append(call)
        if self.fails is not None and len(self.calls) > self.fails:
            raise OSError(errno.ENOSPC, "No space left on device")

    def after_a_cut(self, place: Path, generator: np.random.Generator | None) -> None:
        """Make the directory `place` as a power cut may leave it: only what was synced, and with a `generator` any
        part of the rest besides."""
        place.mkdir()
        for name in sorted({*self.names, *self.synced_names}):
            choices = [self.synced_names.get(name), self.names.get(name)]
            inode = choices[0] if generator is None else choices[int(generator.integers(2))]
            if inode is not None:
                (place / name).write_bytes(_left(inode, generator))


def _left(inode: _Inode, generator: np.random.Generator | None) -> bytes:
    if generator is None:
        return inode.synced
    if not inode.data.startswith(inode.synced):
        return bytes(inode.data) if generator.integers(2) else inode.synced
    size = int(generator.integers(len(inode.synced), len(inode.data) + 1))
    zeros = int(generator.integers(2)) * (len(inode.data) - size)  # the size was written, the bytes were not
    return bytes(inode.data[:size]) + bytes(zeros)


class FaultyFiles(Files):
    """Works on the real directory, and tells `disk` of every change."""

    disk: Disk

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._open: dict[int, _Inode] = {}

    def create(self, name: str) -> int:
        self.disk.step(f"create {name}")
        fd = super().create(name)
        inode = self._open[fd] = self.disk.names.setdefault(name, _Inode())
        inode.data.clear()
        return fd

    def append(self, name: str) -> int:
        fd = super().append(name)
        self._open[fd] = self.disk.names[name]
        return fd

    def write(self, fd: int, data: bytes | bytearray | memoryview) -> None:
        half = len(bytes(data)) // 2
        super().write(fd, bytes(data)[:half])
        self._open[fd].data += bytes(data)[:half]
        self.disk.step("write the other half")
        super().write(fd, bytes(data)[half:])
        self._open[fd].data += bytes(data)[half:]

    def truncate(self, fd: int, size: int) -> None:
        self.disk.step("truncate")
        super().truncate(fd, size)
        del self._open[fd].data[size:]

    def sync(self, fd: int) -> None:
        self.disk.step("sync")
        self._open[fd].synced = bytes(self._open[fd].data)

    def replace(self, source: str, target: str) -> None:
        self.disk.step(f"replace {target}")
        super().replace(source, target)
        self.disk.names[target] = self.disk.names.pop(source)

    def remove(self, name: str) -> None:
        self.disk.step(f"remove {name}")
        super().remove(name)
        self.disk.names.pop(name, None)

    def make_directory(self, name: str) -> None:
        self.disk.step(f"make {name}")
        super().make_directory(name)
        self.disk.names[name] = _Inode()

    def remove_directory(self, name: str) -> None:
        self.disk.step(f"remove {name}")
        super().remove_directory(name)
        self.disk.names.pop(name, None)

    def sync_directory(self) -> None:
        self.disk.step("sync directory")
        self.disk.synced_names = dict(self.disk.names)
