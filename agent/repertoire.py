"""Repertoire: the kept skills, asked for what they can do from a pose, alone or one after another.

Retrieve those that apply, drop those whose claim does not survive a rehearsal in the learned model, rank the rest by
P(success) x similarity / length. So skills that only look alike cost a look, not a failure.
"""

from __future__ import annotations

import heapq
from collections.abc import Container, Iterator, Sequence
from itertools import count
from typing import NamedTuple

import agent.facts as facts
from agent.contact import ENTER, contacts
from agent.encoder import embed_effect, embed_way
from agent.environment import Cell, Pose
from agent.extraction import Claim, claim, rehearse
from agent.moves import Moves
from agent.operator import Operator
from agent.ways import Grid, moved
from skillstore import Skill, SkillLibrary

TOP_K = 16
HOPELESS = 0.1  # a skill less likely to work than this is not tried: one that never worked is tried 9 times
SAME = 0.999  # the similarity of what is for the same, but for rounding
MOST = 60  # places looked at when ways are put together


class Known(NamedTuple):
    """A kept skill that survived its rehearsal, what it says of itself, and how good it promises to be."""

    skill: Skill
    said: Claim
    promise: float


class Repertoire:
    """The skills of ``library`` as seen from one observation: its grid, what is carried, and the moves known."""

    def __init__(
        self, library: SkillLibrary, moves: Moves, grid: Grid, carrying: int | None, names: Sequence[str]
    ) -> None:
        self.library, self.moves, self.grid, self.carrying, self.names = library, moves, grid, carrying, names
        self.span = max(grid.shape)
        self._states: dict[tuple[Pose, Cell], facts.State] = {}

    def ways(self, start: Pose, step: Pose, top_k: int = TOP_K, alike: float | None = None) -> list[Known]:
        """The kept ways that apply at ``start`` and lead nearly by ``step``, by promise."""
        query = embed_way(step, start[2:])
        known = [
            Known(match.skill, said, chance(match.skill) * (match.similarity or 0.0) / len(said.way))
            for match in self.library.retrieve_skills(self._state(start, moved(start, step)), query, top_k, alike)
            if (said := claim(match.skill)) is not None and said.event is None
            if chance(match.skill) >= HOPELESS and rehearse(match.skill, said, start, self.moves, self.grid, self.names)
        ]
        return sorted(known, key=lambda one: (-one.promise, one.skill.id or 0))

    def way(self, start: Pose, target: Pose) -> Known | None:
        """The best kept way from ``start`` to ``target``, if there is one."""
        step = apart(start, target)
        return next((known for known in self.ways(start, step, alike=SAME) if known.said.step == step), None)

    def joined(self, start: Pose, target: Pose, length: int, banned: Container[int | None]) -> Known | None:
        """The first of two kept ways, none of them ``banned``, that lead to ``target`` in ``length`` actions together.

        The longest first part that has a second. Costs a retrieval, and one more for each first part in question.
        """
        for first in sorted(self.ways(start, apart(start, target)), key=lambda known: -len(known.said.way)):
            between, rest = moved(start, first.said.step), length - len(first.said.way)
            if first.skill.id in banned or self._left(between, [target]) != rest:
                continue
            second = self.way(between, target)
            if second is not None and len(second.said.way) == rest and second.skill.id not in banned:
                return first
        return None

    def event(self, start: Pose, operator: Operator, cell: Cell) -> Skill | None:
        """The best kept skill for an operator whose tile is in contact at ``start``."""
        offset = (cell[0] - start[0], cell[1] - start[1])
        wanted = (operator.effect, operator.contact, offset)
        query = embed_effect(operator.effect, offset)
        fitting = [
            match.skill
            for match in self.library.retrieve_skills(self._state(start, start), query, TOP_K, SAME)
            if (said := claim(match.skill)) is not None and said.event == wanted and len(said.way) == 1
            if chance(match.skill) >= HOPELESS and self._does(match.skill, operator, start, cell)
        ]
        return max(fitting, key=lambda skill: (chance(skill), -(skill.id or 0)), default=None)

    def composed(self, start: Pose, targets: Sequence[Pose], banned: Container[int | None]) -> Skill | None:
        """The first of the kept ways that, one after another, lead to one of ``targets`` in the fewest actions.

        A search by cost and distance left (A*) over the places where ways lead; of each place only the most promising
        are followed. None when there are no such ways.
        """
        order = count()
        frontier: list[tuple[float, int, float, Pose, Skill | None]] = [(0.0, next(order), 0.0, start, None)]
        done: set[Pose] = set()
        while targets and frontier and len(done) < MOST:
            _, _, cost, pose, first = heapq.heappop(frontier)
            if pose in targets:
                return first
            if pose in done:
                continue
            done.add(pose)
            for known in self._onward(pose, targets, banned):
                there = moved(pose, known.said.step)
                price = cost + len(known.said.way) / chance(known.skill)
                left = self._left(there, targets)
                if left is not None and there not in done:
                    heapq.heappush(frontier, (price + left, next(order), price, there, first or known.skill))
        return None

    def _onward(self, pose: Pose, targets: Sequence[Pose], banned: Container[int | None]) -> Iterator[Known]:
        """Ways to the nearest target, along either axis first, and the single steps."""
        target = min(targets, key=lambda one: self._left(pose, [one]) or 0)
        dx, dy, *heading = apart(pose, target)
        single = self.moves.steps().get(pose[2:], {}).values()
        met: set[Pose] = set()
        for step in dict.fromkeys([(dx, dy, *heading), (dx, 0, *heading), (0, dy, *heading), *single]):
            if step[:2] == (0, 0) and step[2:] == pose[2:]:
                continue
            for known in self.ways(pose, step, 4):
                if known.said.step not in met and known.skill.id not in banned:
                    met.add(known.said.step)
                    yield known

    def _left(self, pose: Pose, targets: Sequence[Pose]) -> int | None:
        distances = (self.moves.distance(apart(pose, target), pose[2:], self.span) for target in targets)
        return min((distance for distance in distances if distance is not None), default=None)

    def _does(self, skill: Skill, operator: Operator, start: Pose, cell: Cell) -> bool:
        (name,) = skill.action_sequence
        if name not in self.names:
            return False
        action = self.names.index(name)
        if operator.action is not None:
            return action == operator.action
        return (ENTER, cell) in contacts(start, action, self.grid, self.moves)

    def _state(self, pose: Pose, to: Pose) -> facts.State:
        ends = (pose, (to[0], to[1]))
        if ends not in self._states:
            self._states[ends] = facts.derive(pose, ends[1], self.grid, self.carrying, self.moves)
        return self._states[ends]


def chance(skill: Skill) -> float:
    """The expected success of the next use, by Laplace's rule of succession."""
    return (skill.success_count + 1) / (skill.times_used + 2)


def apart(start: Pose, target: Pose) -> Pose:
    """The change of pose from one to the other."""
    return (target[0] - start[0], target[1] - start[1], *target[2:])
