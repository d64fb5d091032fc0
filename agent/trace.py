"""Trace: the running episode as the agent remembers it, until it ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from agent.effect import Effect, detect
from agent.environment import UNSEEN, Cell, Observation, Pose
from agent.facts import Fact, circumstances
from agent.history import Transition
from agent.operator import OperatorKey
from agent.trials import Trial

Circumstances = frozenset[tuple[str, Fact]]


@dataclass(frozen=True, eq=False)
class Segment:
    """The transitions from one effect (or the beginning) to the next, the one with the effect included.

    What is carried is the same before each of them, and so is the grid but for what came into view. ``practised``
    says that kept skills did all of it.
    """

    transitions: list[Transition]
    effect: Effect
    cell: Cell
    practised: bool = False

    @property
    def last(self) -> Transition:
        """The transition that brought the effect about."""
        return self.transitions[-1]


@dataclass
class Trace:
    """What was seen and done since the episode began, and how the skills used in it fared.

    ``observation`` is the newest, with what was seen before where the view does not reach now. ``failed`` counts how
    often each skill did in this episode, ``failures`` how often each operator did since it last worked: neither is
    to be tried for ever. ``trials`` counts what was tried in each of the circumstances met in it, ``been`` has these,
    ``poses`` with each pose. ``hopeless`` are outlooks from which no plan was found, ``shortcuts`` counts
    the situations in which what is kept was asked without a plan.
    """

    observation: Observation
    transitions: list[Transition] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    outcomes: list[tuple[int, bool]] = field(default_factory=list)
    failed: Counter[int] = field(default_factory=Counter)
    failures: Counter[OperatorKey] = field(default_factory=Counter)
    trials: Counter[tuple[Circumstances, Trial]] = field(default_factory=Counter)
    been: set[Circumstances] = field(default_factory=set)
    poses: set[tuple[Circumstances, Pose]] = field(default_factory=set)
    hopeless: set[tuple[object, ...]] = field(default_factory=set)
    shortcuts: Counter[tuple[object, ...]] = field(default_factory=Counter)
    unaided: int = 0
    _since: int = 0

    def __post_init__(self) -> None:
        self._look()

    def _look(self) -> None:
        self.circumstances = frozenset(circumstances(self.observation.grid, self.observation.carrying).items())
        self.been.add(self.circumstances)
        self.poses.add((self.circumstances, self.observation.pose))

    def append(self, transition: Transition, *, practised: bool = False) -> tuple[Effect, Cell] | None:
        """Take in one step; returns the effect it had, if any, and where.

        ``practised``: a kept skill did it.
        """
        self.transitions.append(transition)
        self.observation = transition.after
        self.unaided += not practised
        if (
            transition.before.grid is not transition.after.grid
            or transition.before.carrying != transition.after.carrying
        ):
            self._look()
        self.poses.add((self.circumstances, self.observation.pose))
        found = detect(transition.before, transition.after, transition.terminated, transition.reward)
        if found is not None:
            self.segments.append(Segment(self.transitions[self._since :], *found, practised=not self.unaided))
            self._since, self.unaided = len(self.transitions), 0
        return found

    def tried(self, trials: Sequence[Trial], circumstances: Circumstances) -> None:
        """Count what a step tried, in the circumstances before it."""
        self.trials.update((circumstances, trial) for trial in trials)

    def record(self, skill_id: int | None, operator: OperatorKey | None, success: bool) -> None:
        """Remember how a skill went, and the operator if it got that far; without an id it is none that is kept."""
        if skill_id is not None:
            self.outcomes.append((skill_id, success))
            self.failed[skill_id] += not success
        if operator is not None:
            self.failures[operator] = 0 if success else self.failures[operator] + 1

    @property
    def done(self) -> bool:
        """Whether the episode is over."""
        return bool(self.transitions) and (self.transitions[-1].terminated or self.transitions[-1].truncated)

    @property
    def success(self) -> bool:
        """Whether the episode ended well: by an end that paid."""
        return bool(self.segments) and self.segments[-1].effect.ends

    @property
    def reward(self) -> float:
        """The sum of the rewards."""
        return sum(transition.reward for transition in self.transitions)

    def achieved(self) -> Iterator[Effect]:
        """The effects so far."""
        return (segment.effect for segment in self.segments)


def remembered(before: Observation, seen: Observation) -> Observation:
    """``seen``, with what was seen ``before`` where the view does not reach."""
    hidden = seen.grid == UNSEEN
    if before.grid.shape != seen.grid.shape or not hidden.any():
        return seen
    grid = np.where(hidden, before.grid, seen.grid)
    if np.array_equal(grid, before.grid):
        grid = before.grid
    return Observation(seen.pose, grid, seen.carrying)
