"""GridWorld for Gymnasium: ``gymnasium.make("agent.worlds.gym:skillstore/GridWorld-v0", size=8, layout="maze")``.

The part before the colon is imported, which registers the world. Needs the extra ``gym``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.environment import Observation
from agent.gridworld import TILE_NAMES, GridWorld

try:
    import gymnasium
    from gymnasium import spaces
except ImportError as missing:
    raise ImportError("a world for Gymnasium needs it: pip install 'skillstore[gym]'") from missing

ID = "skillstore/GridWorld-v0"
Shown = dict[str, Any]


class GridWorldEnv(gymnasium.Env[Shown, np.int64]):
    """The GridWorld of the same ``size`` and ``layout``, rules and rewards included, with Gymnasium's spaces.

    An observation has ``pose`` (x, y), ``grid`` (``grid[x, y]`` is a tile code) and ``carrying`` (1 with the key).
    Episodes are truncated by the world itself. Raises what ``GridWorld`` raises.
    """

    metadata = {  # noqa: RUF012 - an instance attribute in Gymnasium's types
        "render_modes": ["ansi"],
        "render_fps": 4,
    }

    def __init__(self, size: int = 5, layout: str = "tutorial", render_mode: str | None = None) -> None:
        self._world = GridWorld(size, layout=layout)
        self.render_mode = render_mode
        self.action_space = spaces.Discrete(self._world.action_count)
        self.observation_space = spaces.Dict(
            {
                "pose": spaces.MultiDiscrete([self._world.size] * 2),
                "grid": spaces.Box(0, max(TILE_NAMES), (self._world.size,) * 2, np.int64),
                "carrying": spaces.Discrete(2),
            }
        )

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Shown, dict[str, Any]]:
        """Begin an episode; what is drawn follows the seed, also through later resets without one."""
        if options:
            raise ValueError(f"a GridWorld has no options for reset, such as {next(iter(options))!r:.80}")
        super().reset(seed=seed, options=options)
        observation, info = self._world.reset(seed=int(self.np_random.integers(2**31)))
        return _shown(observation), info

    def step(self, action: np.int64) -> tuple[Shown, float, bool, bool, dict[str, Any]]:
        """Do one action."""
        observation, reward, terminated, truncated, info = self._world.step(int(action))
        return _shown(observation), reward, terminated, truncated, info

    def render(self) -> str | None:
        """The world as text in the mode "ansi", else None."""
        return self._world.render() if self.render_mode == "ansi" else None


def _shown(observation: Observation) -> dict[str, NDArray[np.int64] | np.int64]:
    return {
        "pose": np.array(observation.pose, dtype=np.int64),
        "grid": observation.grid.copy(),
        "carrying": np.int64(observation.carrying is not None),
    }


if ID not in gymnasium.registry:
    gymnasium.register(ID, entry_point=f"{__name__}:{GridWorldEnv.__name__}")
