"""Slips: a world in which actions sometimes go wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from agent.arguments import require_action, require_seed, require_share
from agent.environment import Environment, Observation
from skillstore import InvalidInputError


class Slips:
    """``world``, but with probability ``chance`` an action slips: another one, uniformly drawn, happens instead.

    The draws follow the seed given to ``reset``; a ``reset`` without one goes on drawing. Nobody is told of a slip.
    Raises InvalidInputError for a chance outside [0, 1] or a world of one action, where nothing else can happen.
    """

    def __init__(self, world: Environment, chance: float) -> None:
        if world.action_count < 2:
            raise InvalidInputError("an action cannot slip where there is no other")
        self._world = world
        self._chance = require_share(chance, "chance must be a number from 0 to 1")
        self._generator = np.random.default_rng()

    @property
    def action_count(self) -> int:
        """As in the world itself."""
        return self._world.action_count

    @property
    def action_names(self) -> tuple[str, ...]:
        """As in the world itself."""
        return self._world.action_names

    @property
    def tile_names(self) -> Mapping[int, str]:
        """As in the world itself."""
        return self._world.tile_names

    def reset(self, *, seed: int | None = None) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode of the world."""
        seed = require_seed(seed)
        if seed is not None:
            self._generator = np.random.default_rng([seed, self.action_count])
        return self._world.reset(seed=seed)

    def step(self, action: int) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Do the action, or another one."""
        number = require_action(action, self.action_count)
        slips = self._generator.random() < self._chance
        other = int(self._generator.integers(1, self.action_count))
        return self._world.step((number + other) % self.action_count if slips else number)
