"""Image: all that a directory holds, as a value."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path
from typing import TypeAlias

Image: TypeAlias = dict[str, bytes | None]
"""The bytes of every file by its path, directories before what is in them; None: a directory."""

LOCKS = ("lock", "lock.holder")
"""Names that mean nothing to recovery and differ on each run: images are without them."""


def read(place: Path) -> Image:
    """The image that a real directory is."""
    left: Image = {}
    for path in sorted(place.rglob("*")):
        if path.name not in LOCKS:
            left[path.relative_to(place).as_posix()] = None if path.is_dir() else path.read_bytes()
    return left


def written(left: Image, place: Path) -> None:
    """Make the image in the new directory `place`."""
    place.mkdir()
    for path, data in left.items():
        if data is None:
            (place / path).mkdir()
        else:
            (place / path).write_bytes(data)


def digest(left: Image) -> bytes:
    """Equal for equal images only."""
    summed = blake2b(digest_size=16)
    for path, data in left.items():
        size = -1 if data is None else len(data)
        summed.update(f"{len(path)} {path} {size} ".encode())
        summed.update(data or b"")
    return summed.digest()
