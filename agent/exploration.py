"""Exploration: what to try when nothing that is known leads on."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from agent.contact import ENTER
from agent.environment import UNSEEN, Pose
from agent.knowledge import Knowledge
from agent.trace import Trace
from agent.trials import Trial, touching
from agent.ways import way_to


@runtime_checkable
class Explorer(Protocol):
    """A named strategy without a memory of its own: what it goes by is in the trace of the episode and in what the
    agent knows, all its randomness in the generator it is handed, so the agent can save it all."""

    @property
    def name(self) -> str:
        """The name under which results are reported."""

    def choose(
        self, trace: Trace, knowledge: Knowledge, action_count: int, generator: np.random.Generator, *, must: bool
    ) -> Sequence[int]:
        """The actions to try, until something unexpected happens.

        Unless it ``must`` choose, none means that there is nothing new here, and the agent may know where there is.
        """


class RandomExplorer:
    """Every action with the same probability, whatever is seen."""

    name = "random"

    def choose(
        self,
        trace: Trace,  # noqa: ARG002 - the interface's
        knowledge: Knowledge,  # noqa: ARG002
        action_count: int,
        generator: np.random.Generator,
        *,
        must: bool,
    ) -> Sequence[int]:
        """One uniform draw."""
        return [int(generator.integers(action_count))] if must else []


class FrontierExplorer:
    """Goes to the nearest pose not yet been to in these circumstances, then acts at random for a while."""

    name = "frontier"
    WHILE = 4  # random actions at each new pose

    def choose(
        self,
        trace: Trace,
        knowledge: Knowledge,
        action_count: int,
        generator: np.random.Generator,
        *,
        must: bool,
    ) -> Sequence[int]:
        """The way there and the random actions, or only these when all is known."""
        if not must:
            return []
        here = trace.observation
        reach = knowledge.moves.reach(here.pose, here.grid)
        new = next((pose for pose in reach if (trace.circumstances, pose) not in trace.poses), here.pose)
        random = generator.integers(action_count, size=self.WHILE).tolist()
        return [*(action for action, _ in way_to(new, reach)), *random]


class CuriousExplorer:
    """Does what was tried least: each action once with each kind of tile in contact, the nearest first.

    What was done in the same circumstances of this episode counts most, then what was done ever; of what is equally
    new, that whose action has worked elsewhere comes first. A place that is not in view is always new.
    """

    name = "curious"
    POWER = 2.0  # of the age, against the distance
    KNOWN = 2.0  # what is known to work with something else in the hand counts as tried so often
    AGAIN = 4.0  # how much a trial in the same circumstances weighs

    def choose(
        self,
        trace: Trace,
        knowledge: Knowledge,
        action_count: int,
        generator: np.random.Generator,
        *,
        must: bool,
    ) -> Sequence[int]:
        """The way to what is newest for its distance, and the action; ties are drawn."""
        here = trace.observation
        reach = knowledge.moves.reach(here.pose, here.grid)
        best, cheapest = None, math.inf
        order = self.order(generator.permutation(action_count).tolist())
        met: set[tuple[Pose, frozenset[tuple[str, int]]]] = set()
        for pose, (length, _, _) in reach.items():
            if length + 1 >= cheapest:
                break
            alike = (pose[2:], touching(pose, here.grid, knowledge.moves))
            if alike in met:
                continue  # the same could be tried nearer by
            met.add(alike)
            for action, old in self._ages(pose, order, trace, knowledge):
                cost = (length + 1) * (1 + old) ** self.POWER
                if (must or old < 1) and cost < cheapest:
                    best, cheapest = (pose, action), cost
        if best is None:
            return [int(generator.integers(action_count))] if must else []
        pose, action = best
        return [*(step for step, _ in way_to(pose, reach)), action]

    def order(self, actions: list[int]) -> list[int]:
        """The order in which actions are looked at, which decides between equals."""
        return actions

    def _ages(
        self, pose: Pose, order: Sequence[int], trace: Trace, knowledge: Knowledge
    ) -> Iterator[tuple[int, float]]:
        """Each action with how old it is to try it at ``pose``: 0 for what was never tried."""
        here = trace.observation
        for action, trials in knowledge.trials.at(pose, order, here.grid, here.carrying, knowledge.moves):
            if trials:
                yield action, min(self._age(trial, trace, knowledge) for trial in trials)

    def _age(self, trial: Trial, trace: Trace, knowledge: Knowledge) -> float:
        if trial[2] == UNSEEN:
            return 0.0 if trial[1] == ENTER else math.inf  # to go and look is worth it, to act on it is not
        ever, now = knowledge.trials.counts[trial], trace.trials[trace.circumstances, trial]
        return ever + self.AGAIN * now + self.KNOWN * (trial[1:] in knowledge.effective)
