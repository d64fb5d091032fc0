"""Rehearsals: episodes that show what an agent knows and teach it nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agent.environment import Environment
from agent.history import Episode
from agent.procedural import ProceduralMemoryAgent


def rehearsed(
    agent: ProceduralMemoryAgent, world: Environment, seed: Sequence[int], layout: int | None = None
) -> Episode:
    """One episode from which nothing is kept, its exploration drawn by ``seed``, the world reset with ``layout``."""
    agent.generator = np.random.default_rng(list(seed))
    return agent.run_episode(world, seed=layout, learn=False)
