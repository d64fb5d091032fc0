"""Moves: what each action does to the pose and which tiles can be entered, learned by watching."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.environment import Observation, Pose

Grid = NDArray[np.int64]
Step = tuple[int, ...]  # x and y by which the cell changes, then the heading after it


@dataclass
class Moves:
    """What is known of moving about; empty at first, and the same for every place.

    ``seen`` counts, for an action and a heading, each change of pose it made (never "it did nothing", which may
    be an obstacle). ``entered`` holds the tile codes ever entered, in order of discovery; ``refused`` those that
    stopped the agent last in the running episode, because the same tile may let it pass in another world.
    """

    seen: dict[tuple[int, Pose], dict[Step, int]] = field(default_factory=dict)
    entered: dict[int, None] = field(default_factory=dict)
    refused: set[int] = field(default_factory=set)

    def watch(self, before: Observation, action: int, after: Observation) -> None:
        """Learn from one step."""
        if after.pose != before.pose:
            step = (after.pose[0] - before.pose[0], after.pose[1] - before.pose[1], *after.pose[2:])
            counts = self.seen.setdefault((action, before.pose[2:]), {})
            counts[step] = counts.get(step, 0) + 1
            if after.cell != before.cell:
                tile = int(before.grid[after.cell])
                self.entered[tile] = None
                self.refused.discard(tile)
            return
        expected = self.after(before.pose, action)
        if expected is not None and _inside(expected, before.grid):
            self.refused.add(int(before.grid[expected[:2]]))

    def after(self, pose: Pose, action: int) -> Pose | None:
        """Where the action most often leads from ``pose`` when nothing is in the way; None when not known."""
        counts = self.seen.get((action, pose[2:]))
        return _moved(pose, max(counts, key=lambda step: counts[step])) if counts else None

    def can_enter(self, tile: int) -> bool:
        """Whether the tile was entered before and did not stop the agent in this episode."""
        return tile in self.entered and tile not in self.refused

    def ways_to(self, target: Pose, grid: Grid) -> dict[Pose, tuple[int, Pose]]:
        """The shortest ways to ``target`` from every pose that has one, over tiles that can be entered.

        Returns pose -> (action, next pose); the target itself is no key, and there are no ways to one outside the
        grid. The target's own tile need not be known to be enterable. Breadth first, backwards; ties go to the
        move learned first.
        """
        steps = [(action, heading, self.after((0, 0, *heading), action)) for action, heading in self.seen]
        ways: dict[Pose, tuple[int, Pose]] = {}
        frontier = deque([target] if _inside(target, grid) else [])
        while frontier:
            pose = frontier.popleft()
            if pose != target and not self.can_enter(int(grid[pose[:2]])):
                continue  # a way may begin here, on whatever tile this is, but not lead through
            for action, heading, step in steps:
                if step is None or step[2:] != pose[2:]:
                    continue
                origin = (pose[0] - step[0], pose[1] - step[1], *heading)
                if origin != target and origin not in ways and _inside(origin, grid):
                    ways[origin] = (action, pose)
                    frontier.append(origin)
        return ways

    def pack(self, action_names: tuple[str, ...]) -> dict[str, Any]:
        """What is known beyond the running episode, as plain values; actions go by their names."""
        seen = [
            [action_names[action], list(heading), [[list(step), count] for step, count in counts.items()]]
            for (action, heading), counts in self.seen.items()
        ]
        return {"seen": seen, "entered": list(self.entered)}

    @classmethod
    def unpack(cls, packed: dict[str, Any], action_names: tuple[str, ...]) -> Moves:
        """What ``pack`` wrote; actions that this environment does not have are left out."""
        moves = cls(entered=dict.fromkeys(packed["entered"]))
        for name, heading, counts in packed["seen"]:
            if name in action_names:
                key = (action_names.index(name), tuple(heading))
                moves.seen[key] = {tuple(step): count for step, count in counts}
        return moves


def _moved(pose: Pose, step: Step) -> Pose:
    return (pose[0] + step[0], pose[1] + step[1], *step[2:])


def _inside(pose: Pose, grid: Grid) -> bool:
    width, height = grid.shape
    return bool(0 <= pose[0] < width and 0 <= pose[1] < height)
