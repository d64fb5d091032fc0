"""Contenders: the agents that are compared, each made by its name. Each knows nothing when it is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from agent.baselines import GuidedAgent, TabularAgent
from agent.encoder import ENCODER_DIM
from agent.environment import Environment
from agent.exploration import CuriousExplorer, Explorer, FrontierExplorer, RandomExplorer
from agent.history import Episode
from agent.procedural import ProceduralMemoryAgent
from skillstore import SkillLibrary


class Contender(Protocol):
    """Whatever lives through an episode and may learn from it."""

    def run_episode(self, environment: Environment, *, seed: int | None = None) -> Episode:
        """Run one episode."""


class Cleared:
    """The agent with its memory cleared before each episode: what it is worth without the past."""

    def __init__(self, generator: np.random.Generator, explorer: Explorer) -> None:
        self._generator = generator
        self._explorer = explorer

    def run_episode(self, environment: Environment, *, seed: int | None = None) -> Episode:
        """One episode of an agent that knows nothing."""
        agent = ProceduralMemoryAgent(_library(), self._generator, explorer=self._explorer)
        return agent.run_episode(environment, seed=seed)


CURIOUS, FRONTIER, RANDOM = "curious", "frontier", "random explorer"
PLANNER_OFF, CLEARED, CLEARED_RANDOM, SKILLS_OFF = "planner off", "cleared", "cleared, random explorer", "skills off"
GUIDED, Q_LEARNING, Q_BEST = "guided", "Q-learning", "Q-learning, best of grid"
DYNA_Q, DYNA_BEST, DYNA_SAFE = "Dyna-Q(20)", "Dyna-Q(20), best of grid", "Dyna-Q(20), best where all seeds learn"


def procedural(
    generator: np.random.Generator, explorer: Explorer, *, use_skills: bool = True, plans: bool = True
) -> ProceduralMemoryAgent:
    """An agent with an empty library in memory."""
    return ProceduralMemoryAgent(_library(), generator, explorer=explorer, use_skills=use_skills, plans=plans)


def tabular(
    planning_steps: int, rate: float = 0.5, epsilon: float = 0.1, initial: float = 0.0
) -> Callable[[np.random.Generator], TabularAgent]:
    """A maker of tabular learners: planning steps, learning rate, share of random actions, first values."""
    return lambda generator: TabularAgent(
        generator, planning_steps, learning_rate=rate, discount=0.95, epsilon=epsilon, initial=initial
    )


MAKERS: dict[str, Callable[[np.random.Generator], Contender]] = {
    CURIOUS: lambda generator: procedural(generator, CuriousExplorer()),
    FRONTIER: lambda generator: procedural(generator, FrontierExplorer()),
    RANDOM: lambda generator: procedural(generator, RandomExplorer()),
    PLANNER_OFF: lambda generator: procedural(generator, CuriousExplorer(), plans=False),
    CLEARED: lambda generator: Cleared(generator, CuriousExplorer()),
    CLEARED_RANDOM: lambda generator: Cleared(generator, RandomExplorer()),
    SKILLS_OFF: lambda generator: procedural(generator, RandomExplorer(), use_skills=False),
    GUIDED: lambda _: GuidedAgent(),
    Q_LEARNING: tabular(0),
    Q_BEST: tabular(0, epsilon=0.0),
    DYNA_Q: tabular(20),
    DYNA_BEST: tabular(20, epsilon=0.0),
    DYNA_SAFE: tabular(20, rate=1.0, epsilon=0.0, initial=1.0),
}
"""By name. "Best of grid" is, of the 48 settings of the table `grid` with 20 seeds, the one with the best median;
"best where all seeds learn", the best of those with which every seed got there."""


def _library() -> SkillLibrary:
    return SkillLibrary(embedding_dim=ENCODER_DIM)
