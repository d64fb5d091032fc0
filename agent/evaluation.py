"""Evaluation: experiments with a seed each, and the figures that are drawn from them."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from agent.encoder import ENCODER_DIM
from agent.environment import Environment
from agent.gridworld import GridWorld
from agent.history import Episode
from agent.procedural import ProceduralMemoryAgent
from agent.training import episode_seed, train
from skillstore import SkillLibrary

GOOD_STEPS = 11  # the tutorial's best run takes 10
GOOD_ROW = 5


def new_agent(seed: int, *, use_skills: bool = True) -> ProceduralMemoryAgent:
    """An agent with an empty library in memory."""
    library = SkillLibrary(embedding_dim=ENCODER_DIM)
    return ProceduralMemoryAgent(library, np.random.default_rng(seed), use_skills=use_skills)


def learning_curve(seed: int, episodes: int, *, use_skills: bool = True) -> list[Episode]:
    """The tutorial from an empty memory."""
    return list(train(GridWorld(), new_agent(seed, use_skills=use_skills), episodes, seed=seed))


def steps_to_mastery(steps: Sequence[int], good: int = GOOD_STEPS, row: int = GOOD_ROW) -> int | None:
    """How many environment steps were taken before the first ``row`` episodes in a row of at most ``good`` steps.

    None when there is no such row.
    """
    for first in range(len(steps) - row + 1):
        if max(steps[first : first + row]) <= good:
            return sum(steps[:first])
    return None


def shortest_run(environment: GridWorld) -> int:
    """The fewest steps that end the episode, found by full-knowledge search: every action tried on copies."""
    environment.reset()
    frontier = deque([(environment, 0)])
    visited = {str(environment.get_state())}
    while frontier:
        here, steps = frontier.popleft()
        for action in range(here.action_count):
            there = copy.deepcopy(here)
            _, _, terminated, truncated, _ = there.step(action)
            if terminated:
                return steps + 1
            if not truncated and str(there.get_state()) not in visited:
                visited.add(str(there.get_state()))
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


@dataclass(frozen=True)
class Comparison:
    """One world: the steps of each seed's run with memory and without, and the fewest possible."""

    world: GridWorld
    shortest: int
    memory: list[int]
    control: list[int]

    @property
    def worse_by(self) -> float:
        """How much longer the mean run with memory is, in standard errors of the difference; negative if shorter."""
        error = (np.var(self.memory, ddof=1) / len(self.memory)) + (
            np.var(self.control, ddof=1) / len(self.control)
        )
        return float((np.mean(self.memory) - np.mean(self.control)) / np.sqrt(max(error, 1e-12)))


def compare_layouts(
    seeds: Sequence[int], training: int = 40, tests: int = 20, done: Callable[[int], None] = lambda seed: None
) -> list[Comparison]:
    """Each seed trains on its own ``training`` layouts, one episode each, then meets ``tests`` layouts it never saw.

    A test is one episode from which nothing is kept; the control is the same agent with the same random draws, its
    skills off. ``done`` is called after each seed.
    """
    worlds = drawn_layouts(tests, seed=2**20)
    memory, control = _runs(worlds, seeds, training, done)
    return [Comparison(world, shortest_run(world), memory[i], control[i]) for i, world in enumerate(worlds)]


def _runs(
    worlds: Sequence[GridWorld], seeds: Sequence[int], training: int, done: Callable[[int], None]
) -> tuple[list[list[int]], list[list[int]]]:
    memory: list[list[int]] = [[] for _ in worlds]
    control: list[list[int]] = [[] for _ in worlds]
    for seed in seeds:
        agent = new_agent(seed)
        for world in drawn_layouts(training, seed):
            agent.run_episode(world)
        for index, world in enumerate(worlds):
            for steps, tested in ((memory, agent), (control, new_agent(seed, use_skills=False))):
                tested.generator = np.random.default_rng([seed, index])
                steps[index].append(tested.run_episode(world, learn=False).steps)
        done(seed)
    return memory, control
