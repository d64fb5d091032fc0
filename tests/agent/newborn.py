"""Newborn: agents that know nothing yet."""

from __future__ import annotations

import numpy as np

from agent.evaluation.contenders import procedural
from agent.exploration import Explorer, RandomExplorer
from agent.procedural import ProceduralMemoryAgent


def new_agent(
    seed: int, *, use_skills: bool = True, plans: bool = True, explorer: Explorer | None = None
) -> ProceduralMemoryAgent:
    """An agent with an empty library in memory that explores at random, or as it is told."""
    generator = np.random.default_rng(seed)
    return procedural(generator, explorer or RandomExplorer(), use_skills=use_skills, plans=plans)
