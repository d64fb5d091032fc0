"""Adding: durable adds with duplicate search, in bulk and in batches, with duplicates planted.

Of each batch half is new and half is planted: a skill with the preconditions of one that the library has, at cosine
0.95 to it. All of them must be found. Some batches are drawn as the workload is; the others are all of the empty
precondition set, which one skill in five has, so that there are the most to compare with.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from skillstore.bench.workload import Workload
from skillstore.errors import SkillNotFoundError
from skillstore.library import SkillLibrary
from skillstore.skill import Skill

BATCH = 256
_COSINE = 0.95
_BATCHES = 16


def added(place: str, workload: list[Any], seconds: float) -> dict[str, Any]:
    """Skills per second, and duplicates planted and found. Batches of a kind end after `seconds`."""
    skills = Workload(*workload)
    clock = _Clock(skills.skills())
    with SkillLibrary.open(Path(place), embedding_dim=skills.dim, same_skill=0.9) as library:
        start = time.perf_counter()
        library.add_skills(clock)
        bulk = time.perf_counter() - start - clock.spent
        library.settle()
        generator = np.random.default_rng([skills.seed, 4])
        later = skills.later(20 * BATCH * _BATCHES // 2)
        empty = [skill for skill in later if not skill.preconditions] or later
        drawn = _batches(library, later, generator, False, seconds)
        common = _batches(library, empty, generator, True, seconds)
    return {"bulk per second": skills.count / bulk, "drawn": drawn, "empty set": common}


class _Clock:
    """Skills, and the seconds that making them took."""

    def __init__(self, skills: Iterator[Skill]) -> None:
        self._skills, self.spent = skills, 0.0

    def __iter__(self) -> Iterator[Skill]:
        while True:
            start = time.perf_counter()
            skill = next(self._skills, None)
            self.spent += time.perf_counter() - start
            if skill is None:
                return
            yield skill


def _batches(
    library: SkillLibrary, fresh: list[Skill], generator: np.random.Generator, empty: bool, seconds: float
) -> dict[str, Any]:
    spent, planted, found, count = 0.0, 0, 0, 0
    for start in range(0, _BATCHES * BATCH // 2, BATCH // 2):
        copies = _planted(library, generator, empty)
        batch = [*fresh[start : start + BATCH // 2], *copies]
        begun = time.perf_counter()
        result = library.add_skills(batch)
        spent += time.perf_counter() - begun
        planted, count = planted + len(copies), count + len(batch)
        found += int(np.count_nonzero(~result.created[len(batch) - len(copies) :]))
        if spent > seconds:
            break
    return {"per second": count / spent, "planted": planted, "found": found}


def _planted(library: SkillLibrary, generator: np.random.Generator, empty: bool) -> list[Skill]:
    """Up to half a batch of skills that the library must find to have already."""
    copies: list[Skill] = []
    for skill_id in generator.integers(1, len(library) + 1, 20 * BATCH).tolist():
        try:
            skill = library.get_skill(skill_id)
        except SkillNotFoundError:
            continue
        if not (empty and skill.preconditions):
            copies.append(_near(skill, generator))
        if len(copies) == BATCH // 2:
            break
    return copies


def _near(skill: Skill, generator: np.random.Generator) -> Skill:
    vector = skill.embedding.astype(np.float64)
    aside = generator.standard_normal(len(vector))
    aside -= vector * (aside @ vector)
    moved = _COSINE * vector + np.sqrt(1 - _COSINE**2) * aside / np.linalg.norm(aside)
    fresh: Skill = replace(skill, embedding=moved, id=None)
    return fresh
