"""Reading: the questions that a local backend answers, for a writer and for a reader of another process alike."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from skillstore.answers import Match, Matches, NearMiss, NearMisses
from skillstore.backend import Settings
from skillstore.embedding import Vector
from skillstore.errors import LibraryClosedError, SkillNotFoundError
from skillstore.local import ranking
from skillstore.local.matcher import Chosen
from skillstore.local.moment import Moment
from skillstore.local.rearrangement import Part
from skillstore.local.records import read_note
from skillstore.local.table import Found, Lock, Table
from skillstore.preconditions import PreconditionSet, State, facts_of, flattened
from skillstore.skill import Skill
from skillstore.values import Value


class Reading:
    """Answers from one table; `state` guards it."""

    def __init__(self, settings: Settings, table: Table, state: Lock) -> None:
        self.settings = settings
        self.closed = False
        self._table, self._state = table, state
        self._process = os.getpid()

    def retrieve(
        self,
        state: State,
        query: Vector | None,
        top_k: int,
        min_similarity: float | None,
        exact: bool,
    ) -> Matches:
        facts = facts_of(state)
        with self._reading() as staged:
            applicable = self._table.applicable(facts)
            if query is None or exact or staged:
                found, exact = self._ranked(applicable.chosen, query, top_k, staged), True
            else:
                found, exact = ranking.likely_nearest(self._table, applicable, query, top_k)
            if min_similarity is not None and query is not None:
                found = [row for row in found if row.rank >= min_similarity]
            skills = self._table.skills(found, staged)
        return Matches(
            [Match(skill, _similarity(row, query)) for skill, row in zip(skills(), found, strict=True)], exact
        )

    def why_not(self, state: State, query: Vector | None, top_k: int) -> NearMisses:
        facts, given = facts_of(state), flattened(state, "the state")
        with self._reading() as staged:
            others = self._table.applicable(facts).chosen.others()
            found = self._ranked(others, query, top_k, staged)
            skills = self._table.skills(found, staged)
        misses = []
        for skill, row in zip(skills(), found, strict=True):
            required = flattened(skill.preconditions, "the preconditions")
            names = PreconditionSet.of(skill.preconditions).unmet(facts)
            misses.append(
                NearMiss(skill, _similarity(row, query), {name: (required[name], given.get(name)) for name in names})
            )
        return NearMisses(misses)

    def get(self, skill_id: int) -> Skill:
        with self._reading() as staged:
            return self._table.skill(*self._row(skill_id, staged), staged)

    def count(self) -> int:
        with self._reading() as staged:
            return self._table.count(staged)

    def skills(self, after: int) -> Iterator[Skill]:
        with self._reading() as staged:
            moment = Moment(self._table, staged)
        return moment.after(after)

    def stats(self) -> dict[str, Value]:
        with self._reading() as staged:
            everything = self._table.everything()
            counts = np.zeros(3, dtype=np.int64)
            sets: set[int] = set()
            for part in self._table.parts():
                rows = self._table.positions(part, everything, staged)
                counts += self._table.counts(part, rows, staged).sum(axis=1)
                sets.update(np.unique(part.set_numbers()[rows]).tolist())
            total = self._table.count(staged)
            since = dict(vars(self._table.since))
        uses, successes, learned = (int(count) for count in counts)
        return {
            "total_skills": total,
            "total_uses": uses,
            "total_successes": successes,
            "avg_success_rate": successes / uses if uses else 0.0,
            "merged": learned - total,
            "precondition_sets": len(sets),
            "since_snapshot": since,
            **vars(self.settings),
        }

    def note_keys(self) -> list[str]:
        with self._reading() as staged:
            return self._table.note_keys(staged)

    def get_note(self, key: str) -> Value:
        with self._reading() as staged:
            data = self._table.note(key, staged)
        if data is None:
            raise KeyError(key)
        return read_note(data)

    @contextmanager
    def _reading(self) -> Iterator[bool]:
        """The table stands still inside; yields whether the caller sees what is staged."""
        self._check_open()
        with self._state:
            yield self._takes_part()

    def _takes_part(self) -> bool:
        return False

    def _check_open(self) -> None:
        if self.closed:
            raise LibraryClosedError("the library is closed; open it again")
        if os.getpid() != self._process:
            raise LibraryClosedError(
                f"the library was opened by the parent of this process, to which it belongs; {self._way_out_of_fork()}"
            )

    def _way_out_of_fork(self) -> str:
        return 'open it in this process, too (with mode="r", while the parent writes)'

    def _ranked(self, chosen: Chosen, query: Vector | None, top_k: int, staged: bool) -> list[Found]:
        if query is None:
            return ranking.most_reliable(self._table, chosen, top_k, staged)
        return ranking.nearest(self._table, chosen, query, top_k, staged)

    def _row(self, skill_id: int, staged: bool) -> tuple[Part, int]:
        found = self._table.find(skill_id, staged)
        if found is None:
            raise SkillNotFoundError(f"there is no skill {skill_id}")
        return found


def _similarity(row: Found, query: Vector | None) -> float | None:
    return None if query is None else row.rank
