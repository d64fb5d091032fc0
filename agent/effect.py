"""Effects: what a step changed, as far as two observations tell, and how to say it in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from agent.environment import UNSEEN, Cell, Observation


@dataclass(frozen=True)
class Effect:
    """One kind of change, wherever it happens: the same change elsewhere is an equal Effect.

    ``tile`` is the code the change concerns and ``becomes`` the code it turned into (equal when it stayed).
    ``held`` and ``holds`` are what was carried before and after; ``ends`` says that the episode ended well.
    """

    tile: int
    becomes: int
    held: int | None
    holds: int | None
    ends: bool

    def say(self, tile_names: Mapping[int, str]) -> str:
        """The effect in words, e.g. ``acquire key`` or ``turn closed door into open door``."""

        def name(code: int | None) -> str:
            return tile_names.get(code, f"tile {code}") if code is not None else "nothing"

        if self.ends:
            return f"finish at {name(self.tile)}"
        if self.held == self.holds:
            return f"turn {name(self.tile)} into {name(self.becomes)}"
        return f"acquire {name(self.holds)}" if self.holds is not None else f"give up {name(self.held)}"

    def pack(self) -> list[int | bool | None]:
        """The effect as a list of plain values, for notes and metadata."""
        return [self.tile, self.becomes, self.held, self.holds, self.ends]

    @classmethod
    def unpack(cls, packed: list[int | bool | None]) -> Effect:
        """The effect that ``pack`` wrote."""
        return cls(*packed)  # type: ignore[arg-type]  # the five fields in their order


def detect(before: Observation, after: Observation, terminated: bool, reward: float) -> tuple[Effect, Cell] | None:
    """The effect of one step and the cell it happened at; None when nothing but the pose changed.

    An end without a reward is not worth having and is no effect. Of several changed tiles the one nearest to
    the agent counts; a tile that came into view did not change.
    """
    cell = _changed_cell(before, after)
    ends = terminated and reward > 0
    if cell is None and before.carrying == after.carrying and not ends:
        return None
    cell = cell or after.cell
    tile, becomes = int(before.grid[cell]), int(after.grid[cell])
    return Effect(tile, becomes, before.carrying, after.carrying, ends), cell


def _changed_cell(before: Observation, after: Observation) -> Cell | None:
    if before.grid is after.grid:
        return None
    changed = np.argwhere((before.grid != after.grid) & (before.grid != UNSEEN) & (after.grid != UNSEEN)).tolist()
    x, y = after.cell
    return min(((a, b) for a, b in changed), key=lambda c: abs(c[0] - x) + abs(c[1] - y), default=None)
