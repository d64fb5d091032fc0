"""The shortest path, found by whoever knows everything. For the evaluation alone: no agent sees it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from copy import copy
from typing import TypeVar

from agent.gridworld import GridWorld
from agent.worlds.minigrid import MiniGrid

World = TypeVar("World", GridWorld, MiniGrid)
USELESS = ("drop", "done")
"""Actions of MiniGrid that no shortest path has where nothing is to be fetched but a key: it may be kept."""


def shortest_run(world: GridWorld, seed: int | None = None) -> int:
    """The fewest steps that end the episode that ``reset(seed=seed)`` begins.

    The world given is left as it is, unless it draws a layout without a seed. Raises ValueError where there is no way
    to the end.
    """
    first = copy(world)  # a world changes only by taking new values, so a shallow copy is one of its own
    first.reset(seed=seed)
    return _shortest(first, range(first.action_count), _tried, lambda here: here.situation)


def shortest_in_minigrid(world: MiniGrid, seed: int, *, useless: Iterable[str] = USELESS) -> int:
    """The fewest steps that end the episode of the seed with a reward, without the actions that are ``useless``.

    The world is reset. Raises ValueError where there is no way to the end, and where things move by chance finds
    what it finds.
    """
    world.reset(seed=seed)
    actions = [action for action, name in enumerate(world.action_names) if name not in useless]
    return _shortest(world, actions, lambda here, action: here.happens(action), lambda here: here.situation)


def _tried(here: GridWorld, action: int) -> tuple[GridWorld, bool]:
    there = copy(here)
    return there, there.step(action)[2]


def _shortest(
    first: World,
    actions: Iterable[int],
    tried: Callable[[World, int], tuple[World, bool]],
    situation: Callable[[World], Hashable],
) -> int:
    """Breadth first, every action tried on copies of the world."""
    actions, frontier, visited = list(actions), deque([(first, 0)]), {situation(first)}
    while frontier:
        here, steps = frontier.popleft()
        for action in actions:
            there, ends = tried(here, action)
            if ends:
                return steps + 1
            if (now := situation(there)) not in visited:
                visited.add(now)
                frontier.append((there, steps + 1))
    raise ValueError("this world has no way to its end")
