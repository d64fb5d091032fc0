"""Scan: the obvious library. A dict of skills, looked at one and all; what the index must agree with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from skillstore import Skill, is_applicable
from skillstore.embedding import similarities
from skillstore.preconditions import PreconditionSet
from skillstore.values import Value

Ranked = list[tuple[int, float | None]]
"""(id, similarity or None), best first."""


class Scan:
    """Decides as the rules say, by comparing with every skill."""

    def __init__(self, same_skill: float | None = 0.9, dedup_scope: str = "preconditions") -> None:
        self.same_skill, self.dedup_scope = same_skill, dedup_scope
        self.skills: dict[int, Skill] = {}
        self.notes: dict[str, Value] = {}
        self.requests: dict[str, Value] = {}
        self.next_id = 1

    def copy(self) -> Scan:
        """Another that changes on its own."""
        other = Scan(self.same_skill, self.dedup_scope)
        other.skills, other.notes, other.next_id = dict(self.skills), dict(self.notes), self.next_id
        other.requests = dict(self.requests)
        return other

    def add(self, skill: Skill) -> tuple[int, bool, float | None]:
        """(id, created, similarity to the skill it was merged into)."""
        if self.same_skill is None:
            return self._keep(skill), True, None
        twins = [
            (-similarity(kept, skill.embedding), skill_id)
            for skill_id, kept in self.skills.items()
            if self.dedup_scope == "library" or conditions(kept) == conditions(skill)
        ]
        if not twins:
            return self._keep(skill), True, None
        nearest, twin = min(twins)
        if -nearest <= self.same_skill:
            return self._keep(skill), True, None
        self._change(twin, times_learned=self.skills[twin].times_learned + 1)
        return twin, False, -nearest

    def restore(self, skill: Skill) -> None:
        assert skill.id is not None
        self.next_id = skill.id
        self._keep(skill)

    def outcome(self, skill_id: int, succeeded: bool) -> None:
        skill = self.skills[skill_id]
        self._change(
            skill_id, times_used=skill.times_used + 1, success_count=skill.success_count + (1 if succeeded else 0)
        )

    def replace(self, skill_id: int, skill: Skill) -> None:
        old = self.skills[skill_id]
        same = exact(old.action_sequence) == exact(skill.action_sequence)
        used, succeeded = (old.times_used, old.success_count) if same else (0, 0)
        counts = {"times_used": used, "success_count": succeeded, "times_learned": old.times_learned}
        self.skills[skill_id] = with_fields(skill, id=skill_id, **counts)

    def retrieve(self, state: Any, query: Any, k: int, min_similarity: float | None = None) -> Ranked:
        ranked = self._ranked([s for s in self.skills.values() if is_applicable(s.preconditions, state)], query, k)
        if min_similarity is None:
            return ranked
        return [(i, found) for i, found in ranked if found is not None and found >= min_similarity]

    def why_not(self, state: Any, query: Any, k: int) -> Ranked:
        return self._ranked([s for s in self.skills.values() if not is_applicable(s.preconditions, state)], query, k)

    def stats(self) -> dict[str, Value]:
        uses = sum(skill.times_used for skill in self.skills.values())
        successes = sum(skill.success_count for skill in self.skills.values())
        return {
            "total_skills": len(self.skills),
            "total_uses": uses,
            "total_successes": successes,
            "avg_success_rate": successes / uses if uses else 0.0,
            "merged": sum(skill.times_learned - 1 for skill in self.skills.values()),
            "precondition_sets": len({conditions(skill) for skill in self.skills.values()}),
        }

    def _keep(self, skill: Skill) -> int:
        skill_id = self.next_id
        self.skills[skill_id] = with_fields(skill, id=skill_id)
        self.next_id += 1
        return skill_id

    def _change(self, skill_id: int, **counts: int) -> None:
        self.skills[skill_id] = with_fields(self.skills[skill_id], **counts)

    def _ranked(self, skills: Iterable[Skill], query: Any, k: int) -> Ranked:
        if query is None:
            order = sorted((-wilson(skill.success_count + 1, skill.times_used + 2), skill.id) for skill in skills)
            return [(int(skill_id or 0), None) for _, skill_id in order[:k]]
        unit = Skill("query", {}, ["-"], query).embedding
        nearest = sorted((-similarity(skill, unit), skill.id) for skill in skills)
        return [(int(skill_id or 0), -rank) for rank, skill_id in nearest[:k]]


def similarity(skill: Skill, unit: Any) -> float:
    return float(similarities(np.stack([skill.embedding]), unit)[0])


def conditions(skill: Skill) -> PreconditionSet:
    return PreconditionSet.of(skill.preconditions)


def wilson(successes: int, uses: int) -> float:
    """Lower end of the Wilson score interval at z = 1.96, as in textbooks."""
    z, rate = 1.96, successes / uses
    middle = rate + z * z / (2 * uses)
    spread = z * ((rate * (1 - rate) + z * z / (4 * uses)) / uses) ** 0.5
    return float((middle - spread) / (1 + z * z / uses))


def with_fields(skill: Skill, **changed: Any) -> Skill:
    """A copy of `skill` with some fields changed."""
    return Skill(**{**vars(skill), **changed})


def exact(value: Any) -> Any:
    """A stand-in that is equal only for equal values of equal types, all the way down; -0.0 is not 0.0."""
    if isinstance(value, dict):
        return dict, frozenset((exact(key), exact(item)) for key, item in value.items())
    if isinstance(value, list | tuple):
        return type(value), tuple(exact(item) for item in value)
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if type(value).__name__ in ("OneOf", "Interval", "Skill"):
        return type(value), exact(vars(value))
    return type(value), repr(value)


def answers(matches: Iterable[Any]) -> Ranked:
    """What a library answered, in the form of `Ranked`."""
    return [(match.skill.id, match.similarity) for match in matches]
