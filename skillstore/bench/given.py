"""Given: one workload's skills as all contenders get them: a library of ours, and arrays for the others. One pass."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from skillstore.bench.flat import Resolver
from skillstore.bench.workload import Workload
from skillstore.embedding import Vector
from skillstore.library import SkillLibrary
from skillstore.skill import Skill

_TOLD = 100_000


class Given:
    """`workload` in `directory`: a library in `library`, which stays; vectors (n, dim) float32 of length 1 and the
    number of each row's precondition set (n,) int32, in the files `vectors` and `sets`. Row i is the skill of id i + 1.
    """

    def __init__(self, workload: Workload, directory: Path, arrays: Path, tell: Callable[[str], None]) -> None:
        self.workload, self.name = workload, f"{workload.kind}-{workload.count}x{workload.dim}-{workload.seed}"
        self.library, self.vectors, self.sets = directory / self.name, arrays / "vectors.npy", arrays / "sets.npy"
        self.resolver = Resolver()
        self._tell = tell

    def make(self) -> dict[str, Any]:
        """Write what is not there. Returns how fast the library was filled, if it was."""
        shape = (self.workload.count, self.workload.dim)
        vectors = np.lib.format.open_memmap(self.vectors, mode="w+", dtype=np.float32, shape=shape)
        found = {} if self.library.exists() else self._filled(vectors)
        if not found:
            for _ in self._taken(vectors):
                pass
        vectors.flush()
        np.save(self.sets, self.resolver.sets)
        return found

    def loaded(self) -> Vector:
        """The vectors, read as they are needed."""
        found: Vector = np.load(self.vectors, mmap_mode="r")
        return found

    def _taken(self, vectors: Vector) -> Iterator[Skill]:
        for row, skill in enumerate(self.workload.skills()):
            self.resolver.take(skill.preconditions)
            vectors[row] = skill.embedding
            if row and row % _TOLD == 0:
                self._tell(f"{self.workload.kind}: {row:,} skills")
            yield skill

    def _filled(self, vectors: Vector) -> dict[str, Any]:
        making = 0.0

        def made() -> Iterator[Skill]:
            nonlocal making
            skills = self._taken(vectors)
            while True:
                start = time.perf_counter()
                skill = next(skills, None)
                making += time.perf_counter() - start
                if skill is None:
                    return
                yield skill

        unfinished = self.library.with_suffix(".new")  # so that what was interrupted is not taken for the whole
        shutil.rmtree(unfinished, ignore_errors=True)
        with SkillLibrary.open(unfinished, embedding_dim=self.workload.dim, same_skill=None) as library:
            start = time.perf_counter()
            library.add_skills(made())
            adding = time.perf_counter() - start - making
            self._tell(f"{self.workload.kind}: settling")
            start = time.perf_counter()
            library.compact()
            library.settle()
            settling = time.perf_counter() - start
        unfinished.rename(self.library)
        return {"added per second": self.workload.count / adding, "settled s": settling}
