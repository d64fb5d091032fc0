"""Backups: the file that a server sends, checked byte by byte before it counts."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from skillstore.backend import Progress
from skillstore.local import backup
from skillstore.remote.wire import Wire
from skillstore.values import Value


def fetched(wire: Wire, library: str, target: Path | BinaryIO, progress: Progress | None) -> dict[str, Value]:
    """As `SkillLibrary.backup`."""
    with wire.stream(f"{library}/backup") as parts:
        return backup.received(parts, target, progress)
