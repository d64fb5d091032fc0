"""Survivor: a library whose writers die, and what must be in it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from skillstore import LibraryNotFoundError, Skill, SkillLibrary
from skillstore.values import Value
from tests.benchmarks.workload import Told, change
from tests.skillstore.scan import Scan, exact


class Survivor:
    """One library, through any number of deaths."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.scan = Scan(same_skill=None)

    def check(self, told: Told, surely: int, recover: bool) -> tuple[int, float]:
        """How many of the changes that were told are there, the one in flight included, and the seconds to open it.

        What is there must be the first so many of them, the first `surely` included, each whole: else AssertionError.
        Unless it is to `recover`, only a reader looks: then the next writer finds what was left.
        """
        found, seconds = self._found("r")
        if recover:
            recovered, seconds = self._found("rw")
            assert found is None or exact(found) == exact(recovered), (
                f"a reader sees other skills; look at {self.place}"
            )
            found = recovered
        skills, notes = found or ([], {})
        there = [(n, scan.copy()) for n, scan in self._allowed(told, surely) if _same(scan, skills, notes)]
        assert there, f"lost or torn; look at {self.place}"
        count, self.scan = there[-1]
        return count, seconds

    def _allowed(self, told: Told, surely: int) -> Iterator[tuple[int, Scan]]:
        """What may be there, in order: (how many changes, the same scan each time, changed further)."""
        scan = self.scan
        plans = told.plans if told.doing is None else [*told.plans, told.doing]
        for count, plan in enumerate(plans):
            if count >= surely:
                yield count, scan
            change(scan, plan)
        yield len(plans), scan

    def _found(self, mode: Literal["r", "rw"]) -> tuple[Any, float]:
        """All that is there, every byte verified (None if a reader finds no library), and the seconds to open it."""
        start = time.perf_counter()
        try:
            library = SkillLibrary.open(self.place, embedding_dim=4, same_skill=None, mode=mode)
        except LibraryNotFoundError:  # killed before there was one
            return None, 0.0
        seconds = time.perf_counter() - start
        with library:
            library.verify()
            return (list(library), dict(library.notes)), seconds


def _same(scan: Scan, skills: list[Skill], notes: dict[str, Value]) -> bool:
    if len(scan.skills) != len(skills):
        return False
    kept = [scan.skills[skill_id] for skill_id in sorted(scan.skills)]
    return _roughly(kept) == _roughly(skills) and exact((kept, scan.notes)) == exact((skills, notes))


def _roughly(skills: Iterable[Skill]) -> list[tuple[int | None, int, int]]:
    return [(skill.id, skill.times_used, skill.success_count) for skill in skills]
