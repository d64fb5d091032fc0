"""A GridWorld in disguise: other action names, another order of actions, other tile codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from agent.environment import Observation
from agent.exploration import CuriousExplorer, RandomExplorer
from agent.gridworld import ACTION_NAMES, TILE_NAMES, GridWorld
from agent.knowledge import Knowledge
from agent.trace import Trace


class PermutedGridWorld:
    """``order[i]`` is the GridWorld's action behind action i; ``codes[c]`` is how its tile c is shown."""

    def __init__(self, world: GridWorld, names: list[str], order: list[int], codes: list[int]) -> None:
        self.world = world
        self.order = order
        self.codes = np.array(codes)
        self.action_names: tuple[str, ...] = tuple(names)
        self.action_count = len(names)
        self.tile_names: Mapping[int, str] = {codes[code]: word for code, word in TILE_NAMES.items()}

    @classmethod
    def drawn(cls, world: GridWorld, seed: int, *, keep_order: bool = False) -> PermutedGridWorld:
        """Everything permuted by the seed."""
        generator = np.random.default_rng(seed)
        names = [f"act{number}" for number in generator.permutation(len(ACTION_NAMES))]
        order = generator.permutation(len(names)).tolist()
        codes = (generator.permutation(len(TILE_NAMES)) * 7 + 3).tolist()
        return cls(world, names, list(range(len(names))) if keep_order else order, codes)

    def reset(self, *, seed: int | None = None) -> tuple[Observation, dict[str, Any]]:
        observation, info = self.world.reset(seed=seed)
        return self._shown(observation), info

    def step(self, action: int) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        if not 0 <= action < self.action_count:
            raise ValueError(f"no such action: {action}")
        observation, *rest = self.world.step(self.order[action])
        return self._shown(observation), *rest  # type: ignore[return-value]

    def _shown(self, observation: Observation) -> Observation:
        carrying = None if observation.carrying is None else int(self.codes[observation.carrying])
        return Observation(observation.pose, self.codes[observation.grid], carrying)


class PermutedExplorer(RandomExplorer):
    """The uniform explorer, making the same choices whatever the order of the actions."""

    def __init__(self, order: list[int]) -> None:
        self._order = order

    def choose(
        self, trace: Trace, knowledge: Knowledge, action_count: int, generator: np.random.Generator, *, must: bool
    ) -> Sequence[int]:
        chosen = super().choose(trace, knowledge, action_count, generator, must=must)
        return [self._order.index(action) for action in chosen]


class PermutedCuriosity(CuriousExplorer):
    """The curious explorer, deciding between equals in the same way whatever the order of the actions."""

    def __init__(self, order: list[int]) -> None:
        self._order = order

    def order(self, actions: list[int]) -> list[int]:
        return [self._order.index(action) for action in actions]
