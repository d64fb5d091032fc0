"""Naive: the usual store, vectors in one file and what they mean in another, each written beside and renamed."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from skillstore.local.files import Files
from tests.crashes import image
from tests.crashes.check import LOST, TORN, UNOPENABLE, WrongError
from tests.crashes.image import Image
from tests.crashes.life import Lived, State, scratch
from tests.crashes.record import ACKNOWLEDGED, BEGAN, Record


def lived(syncs: bool) -> Lived:
    """Twenty adds, one by one."""
    with tempfile.TemporaryDirectory(prefix="crashes-", dir=scratch()) as directory:
        record = Record(Path(directory))
        files, states = record(Path(directory)), [_state(0)]
        for count in range(1, 21):
            record.mark(BEGAN)
            _save(files, "vectors", bytes(range(count)) * 64, syncs)
            _save(files, "names", json.dumps([f"skill {number}" for number in range(count)]).encode(), syncs)
            states.append(_state(count))
            record.mark(ACKNOWLEDGED)
        return Lived({}, record.calls, states, image.read(Path(directory)), True)


def check(left: Image, before: Sequence[State], allowed: Sequence[State], scratch: Path) -> None:
    """Raises WrongError unless both files are there, of one moment that is allowed."""
    vectors, names = left.get("vectors"), left.get("names")
    try:
        count = len(json.loads(names)) if names is not None else 0
    except ValueError as error:
        raise WrongError(UNOPENABLE, str(error)) from error
    if (vectors or b"") != bytes(range(count)) * 64:
        raise WrongError(TORN, f"{len(vectors or b'')} bytes of vectors, {count} names")
    if _state(count) not in allowed:
        raise WrongError(LOST, f"{count} skills")


def _state(count: int) -> State:
    return State.of((count,))


def _save(files: Files, name: str, data: bytes, syncs: bool) -> None:
    fd = files.create(name + ".new")
    files.write(fd, data)
    if syncs:
        files.sync(fd)
    files.close(fd)
    files.replace(name + ".new", name)
    if syncs:
        files.sync_directory()
