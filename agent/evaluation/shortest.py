"""The shortest path, found by whoever knows everything. For the evaluation alone: no agent sees it."""

from __future__ import annotations

import copy
from collections import deque

from agent.gridworld import GridWorld


def shortest_run(world: GridWorld, seed: int | None = None) -> int:
    """The fewest steps that end the episode that ``reset(seed=seed)`` begins.

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
