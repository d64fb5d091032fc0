"""Evaluation: experiments with a seed each, and the figures that are drawn from them."""

from __future__ import annotations

import copy
import math
from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agent.encoder import ENCODER_DIM
from agent.exploration import Explorer
from agent.gridworld import GridWorld
from agent.history import Episode
from agent.procedural import ProceduralMemoryAgent
from agent.training import train
from skillstore import SkillLibrary

GOOD_STEPS = 11  # the tutorial's best run takes 10
GOOD_ROW = 5

Runs = NDArray[np.int64]  # steps of one run a seed


def new_agent(
    seed: int, *, use_skills: bool = True, plans: bool = True, explorer: Explorer | None = None
) -> ProceduralMemoryAgent:
    """An agent with an empty library in memory."""
    library = SkillLibrary(embedding_dim=ENCODER_DIM)
    return ProceduralMemoryAgent(
        library, np.random.default_rng(seed), explorer=explorer, use_skills=use_skills, plans=plans
    )


def learning_curve(seed: int, episodes: int, *, use_skills: bool = True, plans: bool = True) -> list[Episode]:
    """The tutorial from an empty memory."""
    return list(train(GridWorld(), new_agent(seed, use_skills=use_skills, plans=plans), episodes, seed=seed))


def steps_to_mastery(steps: Sequence[int], good: int = GOOD_STEPS, row: int = GOOD_ROW) -> int | None:
    """How many environment steps were taken before the first ``row`` episodes in a row of at most ``good`` steps.

    None when there is no such row.
    """
    for first in range(len(steps) - row + 1):
        if max(steps[first : first + row]) <= good:
            return sum(steps[:first])
    return None


def shortest_run(world: GridWorld, seed: int | None = None) -> int:
    """The fewest steps that end the episode that ``reset(seed=seed)`` begins, by full-knowledge search.

    Breadth first, every action tried on copies of the world. The world given is left as it is, unless it draws a
    layout without a seed. Raises ValueError where there is no way to the end.
    """
    first = copy.copy(world)  # a world changes only by taking new values, so a shallow copy is one of its own
    first.reset(seed=seed)
    frontier = deque([(first, 0)])
    visited = {first.situation}
    while frontier:
        here, steps = frontier.popleft()
        for action in range(here.action_count):
            there = copy.copy(here)
            if there.step(action)[2]:
                return steps + 1
            if there.situation not in visited:
                visited.add(there.situation)
                frontier.append((there, steps + 1))
    raise ValueError("this world has no way to its end")


def drawn_layouts(count: int, seed: int) -> list[GridWorld]:
    """Worlds of one fixed layout each: open and locked in turn, sizes 5 to 8."""
    generator = np.random.default_rng(seed)
    kinds = [("open", "locked")[index % 2] for index in range(count)]
    return [
        GridWorld(int(generator.integers(5, 9)), layout=kind, layout_seed=int(generator.integers(2**31)))
        for kind in kinds
    ]


def worse_by(memory: Sequence[int] | Runs, control: Sequence[int] | Runs) -> float:
    """How much longer the mean run with memory is, in standard errors of the difference; negative if shorter.

    Infinite where all runs of each are alike and the two differ.
    """
    difference = float(np.mean(memory) - np.mean(control))
    error = float(np.sqrt(np.var(memory, ddof=1) / len(memory) + np.var(control, ddof=1) / len(control)))
    return difference / error if error else math.copysign(math.inf, difference) if difference else 0.0


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
        [_rehearsal(tested, world, [seed, index]) for index, world in enumerate(worlds)]
        for tested in (agent, alone, control)
    ]


def _rehearsal(agent: ProceduralMemoryAgent, world: GridWorld, seed: list[int]) -> int:
    agent.generator = np.random.default_rng(seed)
    return agent.run_episode(world, learn=False).steps
