"""Disguise: a world whose actions and tile codes mean nothing until they are tried."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from agent.arguments import require_action, require_seed
from agent.environment import Environment, Observation


class Disguise:
    """``world`` with its actions in another order, under other names, and its tiles shown as other codes.

    The seed draws all three; the same seed disguises two worlds of the same kind alike. Codes below 0, which say that
    nothing is seen, stay as they are. What is carried is shown in the codes of the tiles.
    """

    def __init__(self, world: Environment, seed: int) -> None:
        generator = np.random.default_rng(require_seed(seed))
        known = sorted(code for code in world.tile_names if code >= 0)
        self._world = world
        self._order = generator.permutation(world.action_count).tolist()
        codes = (3 + 7 * generator.permutation(len(known))).tolist()
        self._codes = {code: code for code in world.tile_names if code < 0} | dict(zip(known, codes, strict=True))
        self._lowest = min(self._codes)
        self._table = np.full(max(self._codes) - self._lowest + 1, 0, dtype=np.int64)
        for code, shown in self._codes.items():
            self._table[code - self._lowest] = shown
        numbers = generator.permutation(world.action_count).tolist()
        self.action_count = world.action_count
        self.action_names: tuple[str, ...] = tuple(f"act {number}" for number in numbers)
        self.tile_names: Mapping[int, str] = MappingProxyType(
            {self._codes[code]: word for code, word in world.tile_names.items()}
        )
        self._shown: tuple[object, Any] = (None, None)

    def reset(self, *, seed: int | None = None) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode of the world."""
        observation, info = self._world.reset(seed=seed)
        return self._disguised(observation), info

    def step(self, action: int) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Do the action of the world that stands behind this one."""
        observation, *rest = self._world.step(self._order[require_action(action, self.action_count)])
        return self._disguised(observation), *rest  # type: ignore[return-value]

    def _disguised(self, observation: Observation) -> Observation:
        grid, shown = self._shown
        if grid is not observation.grid:  # the same array is shown as the same array
            shown = self._table[observation.grid - self._lowest]
            shown.flags.writeable = False
            self._shown = (observation.grid, shown)
        carrying = None if observation.carrying is None else self._codes[observation.carrying]
        return Observation(observation.pose, shown, carrying)
