"""Trials: how often what was tried. What was never tried is what a curious explorer looks for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.contact import contacts, still
from agent.environment import Pose
from agent.moves import Moves
from agent.ways import Grid

Trial = tuple[int | None, str, int | Pose, int]  # carried, contact, the tile's code (or the heading), action
ANY = -1  # the action of a step onto a tile, by whichever move


@dataclass
class Trials:
    """``counts`` of each trial, over all episodes; ``worked`` counts the effects that each action had."""

    counts: Counter[Trial] = field(default_factory=Counter)
    worked: Counter[int] = field(default_factory=Counter)

    def of(self, pose: Pose, action: int, grid: Grid, carrying: int | None, moves: Moves) -> list[Trial]:
        """What doing ``action`` at ``pose`` tries: what it does to the tiles in contact, and whether it moves."""
        return next(iter(self.at(pose, [action], grid, carrying, moves)))[1]

    def at(
        self, pose: Pose, actions: Sequence[int], grid: Grid, carrying: int | None, moves: Moves
    ) -> Iterator[tuple[int, list[Trial]]]:
        """What doing each of ``actions`` at ``pose`` tries."""
        moving = moves.steps().get(pose[2:], {})
        touching = [(contact, int(grid[cell])) for contact, cell in still(pose, grid, moves)]
        for action in actions:
            if action in moving:
                entered = contacts(pose, action, grid, moves)
                yield action, [(carrying, contact, int(grid[cell]), ANY) for contact, cell in entered]
            else:
                tried: list[Trial] = [(carrying, contact, tile, action) for contact, tile in touching]
                yield action, [*tried, (None, "heading", pose[2:], action)]

    def pack(self, action_names: Sequence[str]) -> dict[str, Any]:
        """The counts as plain values; actions go by their names."""
        names = {ANY: None, **dict(enumerate(action_names))}
        return {
            "counts": [
                [carried, contact, what if isinstance(what, int) else list(what), names[action], count]
                for (carried, contact, what, action), count in self.counts.items()
            ],
            "worked": [[action_names[action], count] for action, count in self.worked.items()],
        }

    @classmethod
    def unpack(cls, packed: dict[str, Any], action_names: Sequence[str]) -> Trials:
        """What ``pack`` wrote; actions that this environment does not have are left out."""
        actions: dict[str | None, int] = {None: ANY, **{name: index for index, name in enumerate(action_names)}}
        trials = cls()
        for carried, contact, what, name, count in packed["counts"]:
            if name in actions:
                key = (carried, contact, what if isinstance(what, int) else tuple(what), actions[name])
                trials.counts[key] = count
        trials.worked.update({actions[name]: count for name, count in packed["worked"] if name in actions})
        return trials


def touching(pose: Pose, grid: Grid, moves: Moves) -> frozenset[tuple[str, int]]:
    """The tile codes in contact at ``pose``: where the heading and these are alike, the same can be tried."""
    return frozenset((contact, int(grid[cell])) for contact, cell in still(pose, grid, moves))
