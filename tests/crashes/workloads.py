"""Workloads: what libraries are used for, each as a life to record. A generator varies what is in them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest

from skillstore import SkillLibrary
from skillstore.local import cells
from tests.crashes import image, models, steps
from tests.crashes.disk import Disk, File
from tests.crashes.image import Image
from tests.crashes.life import LIBRARY, Life, Lived, State, contents, recorded, scratch
from tests.crashes.models import played
from tests.crashes.record import Record

Workload: TypeAlias = Callable[[Life, np.random.Generator], None]
GOLDEN = Path(__file__).parent.parent.parent / "data"


def lived(name: str, seed: int) -> Lived:
    """Record one run of the workload of that name; the simulated disk's end must be the real directory's."""
    with tempfile.TemporaryDirectory(prefix="crashes-", dir=scratch()) as directory:
        place = Path(directory) / "root"
        place.mkdir()
        start = _prepared(name, place)
        before = image.read(place)
        record = Record(place)
        life = Life(record, start)
        life.durability = "os" if name == "unsynced" else "full"
        with recorded(record):
            WORKLOADS[name](life, np.random.default_rng(seed))
        return Lived(before, record.calls, life.states, image.read(place), name != "unsynced")


def recovered(left: Image, seed: int) -> Lived:
    """Record the recovery of what a crash left, and changes after it: first a batch of frames as long as another's."""
    with tempfile.TemporaryDirectory(prefix="crashes-", dir=scratch()) as directory:
        place = Path(directory) / "root"
        image.written(left, place)
        record = Record(place)
        life = Life(record, _found(place))
        with recorded(record):
            life.reopen()
            life.change(steps.batch("other 0", 4))
            life.change(lambda library: library.snapshot())
            life.change(steps.added(np.random.default_rng(seed)))
            life.die()
        return Lived(left, record.calls, life.states, image.read(place), True)


def holed() -> Image:
    """What may be left of a library that wrote its first batch, not yet synced: all but the first frame of it."""
    life = lived("batch", 0)
    disk = Disk(life.before)
    for call in life.calls:
        if "writer._sync" in call.site:
            break
        disk.apply(call)

    def content(file: File) -> bytes:
        return played(file, lambda write: [write] if write is not file.pending[0] else [], lambda _: True)

    return models.image(disk, lambda directory: directory.names, content)


def _prepared(name: str, place: Path) -> State:
    if name == "create again":
        (place / LIBRARY).parent.mkdir()
    if not name.endswith(".0"):
        return State.of(None)
    shutil.copytree(GOLDEN / f"golden-{name.split()[-1]}" / "crashed", place / LIBRARY)
    return _found(place)


def _found(place: Path) -> State:
    with SkillLibrary.open(place / LIBRARY, mode="r") as library:
        return State.of(contents(library))


def create(life: Life, generator: np.random.Generator) -> None:
    """A new library, its first change, a clean end, and the first change after it."""
    encoder = [None, "encoder/1", "e" * int(generator.integers(1, 300))][int(generator.integers(3))]
    life.open(embedding_dim=2, encoder=encoder)
    if generator.integers(2):
        life.close()
        life.reopen()
    life.change(steps.added(generator))
    life.close()
    life.reopen()
    life.change(steps.added(generator))
    life.close()


def create_again(life: Life, generator: np.random.Generator) -> None:
    """As `create`, where an earlier attempt was killed when it had made the directory."""
    life.record(life.place.parent).make_directory(life.place.name)
    create(life, generator)


def add(life: Life, generator: np.random.Generator) -> None:
    """One by one, some of them merged, some by request; killed and closed now and then."""
    life.open(embedding_dim=2)
    for turn in range(4):
        life.changes([*(steps.added(generator) for _ in range(6)), steps.asked(turn)])
        if turn % 2:
            life.close()
        else:
            life.die()
        life.reopen()
    life.change(steps.added(generator))
    life.close()


def batch(life: Life, generator: np.random.Generator) -> None:
    """Many frames in one commit; some given up when a part of them is written already."""
    life.open(embedding_dim=2)
    for turn in range(4):
        life.change(steps.batch(f"batch {turn}", 4 + 3 * turn))
        life.change(steps.given_up)
        life.change(steps.added(generator))
        life.change(steps.in_part_given_up)
    life.die()
    life.reopen()
    life.change(steps.batch("later", 6))
    life.close()


def record_outcome(life: Life, generator: np.random.Generator) -> None:
    """In the journal, and in segments."""
    life.open(embedding_dim=2)
    life.changes([steps.added(generator) for _ in range(5)])
    for turn in range(3):
        life.changes([steps.outcome(generator) for _ in range(10)])
        if turn < 2:
            life.change(lambda library: library.snapshot())
    life.close()


def remove_and_replace(life: Life, generator: np.random.Generator) -> None:
    """Skills come and go, in the journal and in segments; so do notes."""
    life.open(embedding_dim=2)
    for turn in range(3):
        life.changes([steps.added(generator) for _ in range(5)])
        life.changes(
            [steps.removed(generator), steps.replaced(generator), steps.noted(generator), steps.replaced(generator)]
        )
        if turn == 1:
            life.change(lambda library: library.snapshot())
    life.change(lambda library: library.notes.pop("note 0", None))
    life.die()
    life.reopen()
    life.change(steps.removed(generator))
    life.close()


def snapshot_and_compact(life: Life, generator: np.random.Generator) -> None:
    """Generations that share segments, or rewrite them; with caches of cells beside them."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(cells, "SMALLEST", 3)
        patched.setattr(cells, "_FARTHEST", 1)
        life.open(embedding_dim=2)
        for turn in range(4):
            life.changes([steps.added(generator), steps.added(generator), steps.asked(turn), steps.outcome(generator)])
            life.change(lambda library: library.compact() if turn % 2 else library.snapshot())  # noqa: B023
            life.change(steps.removed(generator))
        life.die()
        life.reopen()
        life.change(lambda library: library.compact())
        life.close()


def migrate(life: Life, generator: np.random.Generator) -> None:
    """A library of an older format, as a crash left it, migrated."""
    life.migrate()
    first_change(life, generator)


def first_change(life: Life, generator: np.random.Generator) -> None:
    """The first changes of a library, which may be of an older format."""
    life.reopen()
    life.changes([steps.outcome(generator), steps.outcome(generator)])
    life.change(lambda library: library.snapshot())
    life.change(steps.outcome(generator))
    life.close()


def backup_and_restore(life: Life, generator: np.random.Generator) -> None:
    """A backup, while the journal goes on, and a library made of it, whose directory goes to its place at the end."""
    life.open(embedding_dim=2)
    life.changes([steps.added(generator), steps.added(generator), steps.noted(generator)])
    if generator.integers(2):
        life.change(lambda library: library.snapshot())
    life.changes([steps.outcome(generator), steps.added(generator)])
    life.backup()
    life.change(steps.added(generator))
    life.restore()
    life.change(steps.outcome(generator))
    life.close()


def unsynced(life: Life, generator: np.random.Generator) -> None:
    """Durability "os": any number of the last commits may be lost until the next sync; none may be torn."""
    life.open(embedding_dim=2)
    for turn in range(3):
        life.changes([steps.added(generator) for _ in range(4)])
        life.change(steps.batch(f"batch {turn}", 4 + int(generator.integers(5))))
        life.change(steps.given_up)
        life.change(steps.outcome(generator))
        if turn == 1:
            life.close()
            life.reopen()
        elif turn == 2:
            life.change(lambda library: library.snapshot())
            life.changes([steps.outcome(generator) for _ in range(3)])
    life.close()


WORKLOADS: dict[str, Workload] = {
    "create": create,
    "create again": create_again,
    "add": add,
    "batch": batch,
    "record_outcome": record_outcome,
    "remove and replace": remove_and_replace,
    "snapshot and compact": snapshot_and_compact,
    "backup and restore": backup_and_restore,
    "migrate 1.0": migrate,
    "migrate 2.0": migrate,
    "first change 1.0": first_change,
    "unsynced": unsynced,
}
