"""Trace: the running episode as the agent remembers it, until it ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from agent.effect import Effect, detect
from agent.environment import Cell, Observation
from agent.history import Transition

OperatorKey = tuple[Effect, str | None, Cell]


@dataclass(frozen=True, eq=False)
class Segment:
    """The transitions from one effect (or the beginning) to the next, the one with the effect included.

    Grid and what is carried are the same before each of them.
    """

    transitions: list[Transition]
    effect: Effect
    cell: Cell

    @property
    def last(self) -> Transition:
        """The transition that brought the effect about."""
        return self.transitions[-1]


@dataclass
class Trace:
    """What was seen and done since the episode began, and how the skills used in it fared.

    ``failed`` holds the ids of skills that failed in this episode, ``failures`` how often each operator did since
    it last worked: neither is to be tried for ever.
    """

    observation: Observation
    transitions: list[Transition] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    outcomes: list[tuple[int, bool]] = field(default_factory=list)
    failed: set[int] = field(default_factory=set)
    failures: Counter[OperatorKey] = field(default_factory=Counter)
    _since: int = 0

    def append(self, transition: Transition) -> Effect | None:
        """Take in one step; returns the effect it had, if any."""
        self.transitions.append(transition)
        self.observation = transition.after
        found = detect(transition.before, transition.after, transition.terminated, transition.reward)
        if found is None:
            return None
        self.segments.append(Segment(self.transitions[self._since :], *found))
        self._since = len(self.transitions)
        return found[0]

    def record(self, skill_id: int | None, operator: OperatorKey, success: bool) -> None:
        """Remember how a skill went; one without an id was planned, and is no use of a kept one."""
        if skill_id is not None:
            self.outcomes.append((skill_id, success))
            self.failed |= set() if success else {skill_id}
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
