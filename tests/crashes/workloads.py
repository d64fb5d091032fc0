"""Workloads: what libraries are used for, each as a life to record. A generator varies what is in them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

from skillstore import Interval, OneOf, Skill, SkillLibrary
from skillstore.local import cells
from tests.contracts.library_contract import StoppedError
from tests.crashes import image, models
from tests.crashes.disk import Disk, File
from tests.crashes.image import Image
from tests.crashes.life import LIBRARY, Life, Lived, State, Step, contents, recorded, scratch
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
            life.change(_batch("other 0", 4))
            life.change(lambda library: library.snapshot())
            life.change(_added(np.random.default_rng(seed)))
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
    life.change(_added(generator))
    life.close()
    life.reopen()
    life.change(_added(generator))
    life.close()


def create_again(life: Life, generator: np.random.Generator) -> None:
    """As `create`, where an earlier attempt was killed when it had made the directory."""
    life.record(life.place.parent).make_directory(life.place.name)
    create(life, generator)


def add(life: Life, generator: np.random.Generator) -> None:
    """One by one, some of them merged, some by request; killed and closed now and then."""
    life.open(embedding_dim=2)
    for turn in range(4):
        life.changes([*(_added(generator) for _ in range(6)), _asked(turn)])
        if turn % 2:
            life.close()
        else:
            life.die()
        life.reopen()
    life.change(_added(generator))
    life.close()


def batch(life: Life, generator: np.random.Generator) -> None:
    """Many frames in one commit; some given up when a part of them is written already."""
    life.open(embedding_dim=2)
    for turn in range(4):
        life.change(_batch(f"batch {turn}", 4 + 3 * turn))
        life.change(_given_up)
        life.change(_added(generator))
        life.change(_in_part_given_up)
    life.die()
    life.reopen()
    life.change(_batch("later", 6))
    life.close()


def record_outcome(life: Life, generator: np.random.Generator) -> None:
    """In the journal, and in segments."""
    life.open(embedding_dim=2)
    life.changes([_added(generator) for _ in range(5)])
    for turn in range(3):
        life.changes([_outcome(generator) for _ in range(10)])
        if turn < 2:
            life.change(lambda library: library.snapshot())
    life.close()


def remove_and_replace(life: Life, generator: np.random.Generator) -> None:
    """Skills come and go, in the journal and in segments; so do notes."""
    life.open(embedding_dim=2)
    for turn in range(3):
        life.changes([_added(generator) for _ in range(5)])
        life.changes([_removed(generator), _replaced(generator), _noted(generator), _replaced(generator)])
        if turn == 1:
            life.change(lambda library: library.snapshot())
    life.change(lambda library: library.notes.pop("note 0", None))
    life.die()
    life.reopen()
    life.change(_removed(generator))
    life.close()


def snapshot_and_compact(life: Life, generator: np.random.Generator) -> None:
    """Generations that share segments, or rewrite them; with caches of cells beside them."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(cells, "SMALLEST", 3)
        patched.setattr(cells, "_FARTHEST", 1)
        life.open(embedding_dim=2)
        for turn in range(4):
            life.changes([_added(generator), _added(generator), _asked(turn), _outcome(generator)])
            life.change(lambda library: library.compact() if turn % 2 else library.snapshot())  # noqa: B023
            life.change(_removed(generator))
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
    life.changes([_outcome(generator), _outcome(generator)])
    life.change(lambda library: library.snapshot())
    life.change(_outcome(generator))
    life.close()


def backup_and_restore(life: Life, generator: np.random.Generator) -> None:
    """A backup, while the journal goes on, and a library made of it, whose directory goes to its place at the end."""
    life.open(embedding_dim=2)
    life.changes([_added(generator), _added(generator), _noted(generator)])
    if generator.integers(2):
        life.change(lambda library: library.snapshot())
    life.changes([_outcome(generator), _added(generator)])
    life.backup()
    life.change(_added(generator))
    life.restore()
    life.change(_outcome(generator))
    life.close()


def unsynced(life: Life, generator: np.random.Generator) -> None:
    """Durability "os": any number of the last commits may be lost until the next sync; none may be torn."""
    life.open(embedding_dim=2)
    for turn in range(3):
        life.changes([_added(generator) for _ in range(4)])
        life.change(_batch(f"batch {turn}", 4 + int(generator.integers(5))))
        life.change(_given_up)
        life.change(_outcome(generator))
        if turn == 1:
            life.close()
            life.reopen()
        elif turn == 2:
            life.change(lambda library: library.snapshot())
            life.changes([_outcome(generator) for _ in range(3)])
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


def _skill(generator: np.random.Generator) -> Skill:
    """Few angles and few conditions, so that some are merged."""
    conditions: Any = [{}, {"n": int(generator.integers(3))}, {"n": Interval(0, 1)}, {"color": OneOf("red", 2)}]
    angle = float(generator.integers(5))
    return Skill(
        f"skill {generator.integers(1000)}",
        conditions[int(generator.integers(4))],
        ["go", int(generator.integers(9))],
        [np.cos(angle), np.sin(angle)],
        {"pad": "p" * int(generator.integers(200))},
    )


def _added(generator: np.random.Generator) -> Step:
    skill = _skill(generator)
    return lambda library: library.add_skill(
        skill if library.embedding_dim == 2 else Skill(skill.name, skill.preconditions, ["go"], [1.0, 0, 0, 0])
    )


def _asked(number: int) -> Step:
    """A request whose answer is the id of the skill that it adds, and whose id is that skill's name."""
    skill = Skill(f"request {number}", {"request": number}, ["go"], [1.0, 0.0])
    return lambda library: library.once(skill.name, lambda: library.add_skill(skill).skill.id)


def _one(library: SkillLibrary, place: float) -> int:
    """The id of one skill that is there."""
    ids = [skill.id or 0 for skill in library]
    return ids[int(place * len(ids))]


def _outcome(generator: np.random.Generator) -> Step:
    place, success = generator.random(), bool(generator.integers(2))
    return lambda library: library.record_outcome(_one(library, place), success)


def _removed(generator: np.random.Generator) -> Step:
    place = generator.random()
    return lambda library: library.remove_skill(_one(library, place))


def _replaced(generator: np.random.Generator) -> Step:
    place, skill = generator.random(), _skill(generator)
    return lambda library: library.replace_skill(_one(library, place), skill)


def _noted(generator: np.random.Generator) -> Step:
    key, value = f"note {generator.integers(2)}", "n" * int(generator.integers(300))
    return lambda library: library.notes.update({key: value})


def _batch(name: str, size: int) -> Step:
    """Each skill a frame of its own, or nearly; the frames of two batches are as long if their names are."""

    def step(library: SkillLibrary) -> None:
        dim = library.embedding_dim
        with library.batch():
            for number in range(size):
                conditions = {name: number}
                library.add_skill(
                    Skill(f"{name} {number}", conditions, ["go"], [1.0] * dim, {"pad": name[:1] * (150 + 60 * number)})
                )
            library.record_outcome(_one(library, 0.5), True)
            library.notes["plan"] = name[:1] * 700
            library.notes["end"] = name

    return step


def _given_up(library: SkillLibrary) -> None:
    with pytest.raises(StoppedError), library.batch():  # noqa: PT012 - the batch is what raises
        _batch("given up", 5)(library)
        raise StoppedError


def _in_part_given_up(library: SkillLibrary) -> None:
    with library.batch():
        library.notes["kept"] = "k" * 700
        _given_up(library)
        library.notes["kept"] = "k" * 600
