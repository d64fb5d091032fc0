"""Life: what a library goes through while its calls are recorded, and what is there after each change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pytest

import skillstore
from skillstore import SkillLibrary
from skillstore.local import backup, changes, opening, writer
from skillstore.local.storage import Disk as Storage
from skillstore.local.table import Table
from tests.crashes.image import Image
from tests.crashes.record import ACKNOWLEDGED, BEGAN, Call, Record

Contents: TypeAlias = tuple[Any, ...]
"""Settings, skills and notes of a library, comparable."""

Step: TypeAlias = Callable[[SkillLibrary], object]
LIBRARY, BACKUP, RESTORED = "home/skills", "home/skills.backup", "home/restored"


@dataclass(frozen=True)
class State:
    """What must be in a directory: the contents of each place, None where there is nothing; `sealed` if so closed."""

    places: tuple[tuple[str, Contents | None], ...]
    sealed: bool = False

    @classmethod
    def of(cls, library: Contents | None) -> State:
        """There is but one library."""
        return cls(((LIBRARY, library),))

    def then(self, place: str, held: Contents) -> State:
        """The same, but for what is at one place."""
        return State(tuple(sorted({**dict(self.places), place: held}.items())))


def contents(library: SkillLibrary) -> Contents:
    """All that a library holds, types included."""
    skills = tuple(
        (
            *(skill.id, skill.name, repr(skill.preconditions), repr(skill.action_sequence), repr(skill.metadata)),
            *(skill.embedding.tobytes(), skill.times_used, skill.success_count, skill.times_learned),
        )
        for skill in library
    )
    settings = library.embedding_dim, library.encoder
    return settings, skills, tuple((key, repr(library.notes[key])) for key in sorted(library.notes))


class Life:
    """One library at `root`/home/skills and a twin in memory; both take each change, and must agree."""

    def __init__(self, record: Record, start: State) -> None:
        self.record = record
        self.place = record.root / LIBRARY
        self.states = [start]
        self.durability: Any = "full"
        self.library: SkillLibrary
        self.twin: SkillLibrary | None = None

    def open(self, **settings: Any) -> None:
        """The first opening, which creates the library."""
        self.twin = SkillLibrary(**settings)
        self._act(lambda: self._open(**settings))

    def reopen(self) -> None:
        self._act(self._open)

    def change(self, step: Step) -> None:
        """One change, acknowledged when the library's method returns, and background work settled."""
        self._act(lambda: step(self.library))
        if self.twin is not None:
            step(self.twin)
            assert contents(self.twin) == dict(self.states[-1].places)[LIBRARY]

    def changes(self, steps: list[Step]) -> None:
        for step in steps:
            self.change(step)

    def close(self) -> None:
        held = self._now()
        self._act(self.library.close, lambda: State(held.places, sealed=True))

    def migrate(self) -> None:
        held = self.states[-1]
        self._act(lambda: skillstore.migrate(self.place), lambda: State(held.places, sealed=True))

    def backup(self) -> None:
        """To a file beside the library, which is all there or not at all."""
        file = self.record.root / BACKUP
        self._act(lambda: self.library.backup(file), lambda: self.states[-1].then(BACKUP, contents(self.library)))

    def restore(self) -> None:
        """What the backup holds, at a third place, all there or not at all."""
        file, place = self.record.root / BACKUP, self.record.root / RESTORED
        held = dict(self.states[-1].places)[BACKUP]
        assert held is not None
        self._act(lambda: skillstore.restore(file, place), lambda: self.states[-1].then(RESTORED, held))

    def die(self) -> None:
        """The process is killed: nothing more is written, the system gives back the lock."""
        backend: Any = self.library._backend
        storage: Storage = backend._storage
        backend.closed = True
        backend._keeper.stop()
        storage.close(clean=False)

    def _open(self, **settings: Any) -> None:
        self.library = SkillLibrary.open(self.place, durability=self.durability, **settings)

    def _act(self, act: Callable[[], object], after: Callable[[], State] | None = None) -> None:
        self.record.mark(BEGAN)
        act()
        self.states.append((after or self._now)())
        self.record.mark(ACKNOWLEDGED)
        if after is None:
            self.library.settle()

    def _now(self) -> State:
        return self.states[-1].then(LIBRARY, contents(self.library))


@dataclass(frozen=True)
class Lived:
    """What was there before, the calls, the states they led to, and what is there after.

    `durable`: what was acknowledged is on the disk.
    """

    before: Image
    calls: list[Call]
    states: list[State]
    after: Image
    durable: bool


@contextmanager
def recorded(record: Record) -> Iterator[None]:
    """Every file of a library goes through `record`, and little suffices to take every path."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Table.__init__, "__defaults__", (1, 3))
        patched.setattr(writer, "FRAME_TARGET", 500)
        patched.setattr(changes, "_LONGEST", 500)
        patched.setattr(opening, "Files", record)
        patched.setattr(backup, "Files", record)
        yield


def scratch() -> str | None:
    """Where to make directories: in memory, where that is a place, as files there cost little."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None
