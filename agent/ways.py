"""Ways: over which cells, by which steps, one pose is reached from another."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from agent.environment import Pose

Grid = NDArray[np.int64]
Step = tuple[int, ...]  # x and y by which the cell changes, then the heading after it
Way = list[tuple[int, Pose]]  # actions, each with the pose after it
Reach = dict[Pose, tuple[int, Pose | None, int]]  # length of the way, the pose before the last step, and that step


def spread(
    start: Pose, shape: tuple[int, ...], steps: dict[Pose, dict[int, Step]], can_enter: list[list[bool]]
) -> Reach:
    """The shortest ways from ``start`` by ``steps`` (of each heading) over the cells of which ``can_enter`` is True."""
    width, height = shape
    reach: Reach = {start: (0, None, -1)}
    frontier = deque([start])
    while frontier:
        pose = frontier.popleft()
        length = reach[pose][0] + 1
        for action, step in steps.get(pose[2:], {}).items():
            x, y = pose[0] + step[0], pose[1] + step[1]
            there = (x, y, *step[2:])
            if there in reach or not (0 <= x < width and 0 <= y < height):
                continue
            if can_enter[x][y] or step[:2] == (0, 0):  # one may turn on whatever tile this is
                reach[there] = (length, pose, action)
                frontier.append(there)
    return reach


def way_to(pose: Pose, reach: Reach) -> Way:
    """The way that ``reach`` found to ``pose``."""
    way: Way = []
    _, before, action = reach[pose]
    while before is not None:
        way.append((action, pose))
        pose = before
        _, before, action = reach[pose]
    return way[::-1]


def moved(pose: Pose, step: Step) -> Pose:
    """The pose after a step from ``pose``."""
    return (pose[0] + step[0], pose[1] + step[1], *step[2:])


def inside(pose: Pose, grid: Grid) -> bool:
    """Whether the pose is in the grid."""
    width, height = grid.shape
    return bool(0 <= pose[0] < width and 0 <= pose[1] < height)
