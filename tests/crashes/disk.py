"""Disk: what is on a simulated disk for sure, and what a crash may still lose, after each call of a record.

As strict as the standards allow: a file's bytes last once the file is synced, a name once its directory is; everything
else may be there in any part and order. A file is not its name: it may be written under a name that was replaced.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from tests.crashes.image import Image
from tests.crashes.record import Call


@dataclass(frozen=True)
class Write:
    """Bytes at a place that was the file's end."""

    offset: int
    data: bytes


@dataclass(frozen=True)
class Cut:
    """The file's new, smaller size."""

    size: int


@dataclass(eq=False)
class File:
    """Its bytes, those on the disk for sure, and the changes since, in order."""

    data: bytearray = field(default_factory=bytearray)
    synced: bytes = b""
    pending: list[Write | Cut] = field(default_factory=list)


@dataclass(eq=False)
class Directory:
    """Its names, those on the disk for sure, and the changes since, in order; None: the name is gone."""

    names: dict[str, Node] = field(default_factory=dict)
    synced: dict[str, Node] = field(default_factory=dict)
    pending: list[dict[str, Node | None]] = field(default_factory=list)

    def change(self, names: dict[str, Node | None]) -> None:
        """One change, on the disk whole or not at all."""
        self.pending.append(names)
        changed(self.names, names)


Node: TypeAlias = File | Directory


def changed(names: dict[str, Node], change: dict[str, Node | None]) -> None:
    """Apply a directory's change to `names`."""
    for name, node in change.items():
        if node is None:
            names.pop(name, None)
        else:
            names[name] = node


class Disk:
    """The directories below one root; what is in `before` was synced long ago."""

    def __init__(self, before: Image) -> None:
        self.root = Directory()
        self.files: dict[int, File] = {}  # by the record's numbers
        for path, data in before.items():
            directory, name = self._parent(path)
            directory.names[name] = Directory() if data is None else File(bytearray(data), data)
            directory.synced[name] = directory.names[name]

    def apply(self, call: Call) -> None:
        """Do what the call did."""
        if not call.is_mark:
            getattr(self, f"_{call.verb}")(call)

    def pending(self) -> bool:
        """Whether anything could be lost."""
        return any(node.pending for node in _nodes(self.root))

    def _create(self, call: Call) -> None:
        directory, name = self._parent(call.path)
        file = directory.names.get(name)
        if isinstance(file, File):
            self._cut(file, 0)
        else:
            file = File()
            directory.change({name: file})
        self.files[call.file] = file

    def _append(self, call: Call) -> None:
        self.files[call.file] = self._file(call.path)

    def _write(self, call: Call) -> None:
        file = self.files[call.file]
        file.pending.append(Write(len(file.data), call.data))
        file.data += call.data

    def _truncate(self, call: Call) -> None:
        self._cut(self.files[call.file], call.size)

    def _sync(self, call: Call) -> None:
        file = self.files[call.file]
        file.synced, file.pending = bytes(file.data), []

    def _replace(self, call: Call) -> None:
        directory, name = self._parent(call.path)
        other, target = self._parent(call.target)
        assert other is directory, "a rename within one directory is all that is used"
        directory.change({name: None, target: directory.names[name]})

    def _remove(self, call: Call) -> None:
        directory, name = self._parent(call.path)
        directory.change({name: None})

    def _make_directory(self, call: Call) -> None:
        directory, name = self._parent(call.path)
        directory.change({name: Directory()})

    def _sync_directory(self, call: Call) -> None:
        directory = self._directory(call.path)
        directory.synced, directory.pending = dict(directory.names), []

    def _cut(self, file: File, size: int) -> None:
        file.pending.append(Cut(size))
        del file.data[size:]

    def _parent(self, path: str) -> tuple[Directory, str]:
        above, _, name = path.rpartition("/")
        return self._directory(above), name

    def _directory(self, path: str) -> Directory:
        node: Node = self.root
        for name in path.split("/") if path else ():
            assert isinstance(node, Directory)
            node = node.names[name]
        assert isinstance(node, Directory)
        return node

    def _file(self, path: str) -> File:
        directory, name = self._parent(path)
        file = directory.names[name]
        assert isinstance(file, File)
        return file


def _nodes(directory: Directory) -> list[Node]:
    """All that can be reached by a name that is there or was; files only their descriptors know cannot come back."""
    found: list[Node] = [directory]
    changes = [node for change in directory.pending for node in change.values() if node is not None]
    for node in {*directory.names.values(), *directory.synced.values(), *changes}:
        found += _nodes(node) if isinstance(node, Directory) else [node]
    return found
