"""Models: what a crash may leave of a simulated disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np

from tests.crashes.disk import Cut, Directory, Disk, File, Node, Write, changed
from tests.crashes.image import LOCKS, Image
from tests.crashes.record import Call

Names: TypeAlias = Callable[[Directory], dict[str, Node]]
Bytes: TypeAlias = Callable[[File], bytes]


def images(disk: Disk, last: Call, cuts: int, seeds: range) -> Iterator[tuple[str, Image]]:
    """(model, image) of a crash right after `last`: a write is torn at up to `cuts` places, and each of `seeds` gives a
    random part of what was not synced."""
    yield "kill", image(disk, _all_names, _all_bytes)
    yield "unsynced dropped", image(disk, _synced_names, _synced_bytes)
    yield "metadata first", image(disk, _all_names, _sizes)
    yield "metadata first, names synced", image(disk, _synced_names, _sizes)
    yield "renames first", image(disk, _all_names, _synced_bytes)
    yield "names last", image(disk, _synced_names, _all_bytes)
    if last.verb == "write":
        for cut in sorted({len(last.data) * place // cuts for place in range(cuts)}):
            for zeros in (False, True):
                yield "torn", image(disk, _all_names, _torn(disk.files[last.file], last, cut, zeros))
    for seed in seeds:
        generator = np.random.default_rng(seed)
        yield "random part", image(disk, _some_names(generator), _some_bytes(generator))


def image(disk: Disk, names: Names, content: Bytes) -> Image:
    """What is left if of each directory `names` are there, and of each file its `content`."""
    left: Image = {}
    kept: dict[int, bytes] = {}  # one file may have two names

    def visit(directory: Directory, path: str) -> None:
        for name, node in sorted(names(directory).items()):
            if isinstance(node, Directory):
                left[path + name] = None
                visit(node, f"{path}{name}/")
            elif name not in LOCKS:
                if id(node) not in kept:
                    kept[id(node)] = content(node)
                left[path + name] = kept[id(node)]

    visit(disk.root, "")
    return left


def played(file: File, wanted: Callable[[Write], list[Write]], cuts: Callable[[Cut], bool]) -> bytes:
    """The synced bytes with some of the changes since: what is `wanted` of each write; bytes never written are zero."""
    data = bytearray(file.synced)
    for change in file.pending:
        if isinstance(change, Cut):
            if cuts(change):
                del data[change.size :]
            continue
        for write in wanted(change):
            data.extend(bytes(max(0, write.offset - len(data))))
            data[write.offset : write.offset + len(write.data)] = write.data
    return bytes(data)


def _all_names(directory: Directory) -> dict[str, Node]:
    return directory.names


def _synced_names(directory: Directory) -> dict[str, Node]:
    return directory.synced


def _all_bytes(file: File) -> bytes:
    return bytes(file.data)


def _synced_bytes(file: File) -> bytes:
    return file.synced


def _sizes(file: File) -> bytes:
    """The sizes are on the disk, what was written is not."""
    return played(file, lambda write: [Write(write.offset, bytes(len(write.data)))], lambda _: True)


def _torn(last: File, call: Call, cut: int, zeros: bool) -> Bytes:
    """Everything is there, but of the last write only `cut` bytes; with `zeros` its size is there, too."""
    lost = len(call.data) - cut

    def content(file: File) -> bytes:
        if file is not last:
            return bytes(file.data)
        return bytes(file.data[: len(file.data) - lost]) + (bytes(lost) if zeros else b"")

    return content


def _some_names(generator: np.random.Generator) -> Names:
    def names(directory: Directory) -> dict[str, Node]:
        left = dict(directory.synced)
        for change in directory.pending:
            if generator.integers(2):
                changed(left, change)
        return left

    return names


def _some_bytes(generator: np.random.Generator) -> Bytes:
    def some(write: Write) -> list[Write]:
        cut, kind = int(generator.integers(len(write.data) + 1)), int(generator.integers(6))
        first = Write(write.offset, write.data[:cut])
        zeros = Write(write.offset, bytes(len(write.data)))
        last = Write(write.offset + cut, write.data[cut:])
        return [[write], [write], [], [first], [zeros, first], [last]][kind]

    return lambda file: played(file, some, lambda _: bool(generator.integers(2)))
