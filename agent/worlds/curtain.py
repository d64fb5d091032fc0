"""Curtain: all that an agent is handed of a world. Behind it, nothing can be reached but what the contract says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from agent.environment import Environment, Observation


class Curtain:
    """``world`` through its five public names; ``info`` is kept back, and every action taken is written down.

    It holds no reference to the world that an attribute would give: only the calls themselves lead there.
    """

    __slots__ = ("_actions", "_reset", "_step", "action_count", "action_names", "tile_names")

    def __init__(self, world: Environment) -> None:
        self.action_count = world.action_count
        self.action_names = tuple(world.action_names)
        self.tile_names: Mapping[int, str] = MappingProxyType(dict(world.tile_names))
        self._reset: Callable[[int | None], Observation] = lambda seed: world.reset(seed=seed)[0]
        self._step: Callable[[int], tuple[Observation, float, bool, bool]] = lambda action: world.step(action)[:4]
        self._actions: list[int] = []

    def reset(self, *, seed: int | None = None) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode; what was written down is forgotten."""
        self._actions.clear()
        return self._reset(seed), {}

    def step(self, action: int) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Do one action."""
        observation, reward, terminated, truncated = self._step(action)
        self._actions.append(int(action))
        return observation, reward, terminated, truncated, {}


def taken(curtain: Curtain) -> list[int]:
    """The actions of the running or last episode, for whoever evaluates."""
    return list(curtain._actions)
