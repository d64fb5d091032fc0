"""Rehearsals: episodes that show what an agent knows and teach it nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agent.environment import Environment
from agent.evaluation.contenders import new_agent
from agent.evaluation.grids import drawn_layouts
from agent.gridworld import GridWorld
from agent.history import Episode
from agent.procedural import ProceduralMemoryAgent


def rehearsed(
    agent: ProceduralMemoryAgent, world: Environment, seed: Sequence[int], layout: int | None = None
) -> Episode:
    """One episode from which nothing is kept, its exploration drawn by ``seed``, the world reset with ``layout``."""
    agent.generator = np.random.default_rng(list(seed))
    return agent.run_episode(world, seed=layout, learn=False)


def layout_runs(seed: int, worlds: Sequence[GridWorld], training: int = 40) -> list[list[int]]:
    """The steps that one seed's agent takes in ``worlds``: with memory and plans, with memory alone, as the control.

    The agent trains on ``training`` layouts of its own, one episode each, then meets each world for one episode from
    which nothing is kept. The control is the same agent, skills off, with the same generator.
    """
    agent, control = new_agent(seed), new_agent(seed, use_skills=False)
    for world in drawn_layouts(training, seed):
        agent.run_episode(world)
    alone = ProceduralMemoryAgent(agent.library, agent.generator, plans=False)
    return [
        [rehearsed(tested, world, [seed, index]).steps for index, world in enumerate(worlds)]
        for tested in (agent, alone, control)
    ]
