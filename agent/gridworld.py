"""GridWorld: fetch the key, open the door, reach the goal. The rules of the game.

The agent starts at (0, 0) of a square of ``size`` cells a side; the goal is in the far corner, the key at
(2, 2), the door at (3, 3), a box at (1, 3). Six actions: ``move_up`` (y + 1), ``move_down`` (y - 1),
``move_left`` (x - 1), ``move_right`` (x + 1), each clamped at the edge, ``pickup_key`` on the key's cell, and
``open_door`` on the door's cell while carrying the key. The key is kept. The box does nothing and blocks nothing.

Every step is rewarded with -0.1, except: picking up the key 1, opening the door 2 (once: an open door does not
open again), reaching the goal with the door open 10, which ends the episode. At the goal with the door closed
nothing happens. An episode is truncated after 10 x size^2 steps. The best run at size 5 takes 10 steps and earns
12.3.

Layouts: ``tutorial`` as above; ``open`` with all places drawn by the seed; ``locked`` with a wall between two
rooms, where neither the wall nor the closed door can be entered, and ``open_door`` works from beside the door;
``maze``, the same with passages one cell wide in place of the rooms.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from agent.arguments import require_action, require_seed, require_text, require_whole
from agent.environment import Cell, Observation
from agent.layout import LARGEST, LAYOUTS, SMALLEST
from skillstore import InvalidInputError

ACTION_NAMES = ("move_up", "move_down", "move_left", "move_right", "pickup_key", "open_door")
MOVES: dict[int, Cell] = {0: (0, 1), 1: (0, -1), 2: (-1, 0), 3: (1, 0)}
PICKUP_KEY, OPEN_DOOR = 4, 5
FLOOR, WALL, KEY, CLOSED_DOOR, OPENED_DOOR, GOAL, BOX = range(7)
TILE_NAMES: Mapping[int, str] = MappingProxyType(
    dict(enumerate(("floor", "wall", "key", "closed door", "open door", "goal", "box")))
)
_SYMBOLS = ".#kDdGb"
STEP_REWARD, KEY_REWARD, DOOR_REWARD, GOAL_REWARD = -0.1, 1.0, 2.0, 10.0


class GridWorld:
    """One world of the rules above, an ``Environment``.

    ``layout`` is "tutorial", "open", "locked" or "maze". The drawn layouts follow the seed given to ``reset``, and a
    ``reset`` without one draws the next; ``layout_seed`` instead fixes one layout for every episode.
    Raises InvalidInputError for a size below 5 or above 1,000, an unknown layout or what is no seed.
    """

    action_names = ACTION_NAMES
    action_count = len(ACTION_NAMES)
    tile_names = TILE_NAMES

    def __init__(self, size: int = 5, *, layout: str = "tutorial", layout_seed: int | None = None) -> None:
        self.size = require_whole(
            size, f"size must be an int of at least {SMALLEST}, at most {LARGEST}", SMALLEST, LARGEST
        )
        what = f"layout must be one of {', '.join(LAYOUTS)}"
        name = require_text(layout, what)
        if name not in LAYOUTS:
            raise InvalidInputError(f"{what}, not {name!r:.80}")
        self.max_steps = 10 * self.size**2
        self._draw_layout = LAYOUTS[name]
        self._layout_seed = require_seed(layout_seed)
        self._generator = np.random.default_rng()
        self._running = False

    def reset(self, *, seed: int | None = None) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode with the agent at its start, the key on its cell and the door closed."""
        seed = require_seed(seed)
        if self._layout_seed is not None:
            self._generator = np.random.default_rng(self._layout_seed)
        elif seed is not None:
            self._generator = np.random.default_rng(seed)
        self.layout = self._draw_layout(self.size, self._generator)
        self._agent = self.layout.start
        self._has_key = self._door_open = False
        self._steps, self._running = 0, True
        self._grid = self._tiles()
        return self._observation(), {}

    def step(self, action: int) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Do one action; the reward is the one of the rules above."""
        if not self._running:
            raise RuntimeError("no episode is running: call reset() first")
        number = require_action(action, self.action_count)
        self._steps += 1
        reward = self._act(number)
        terminated = self._door_open and self._agent == self.layout.goal
        truncated = not terminated and self._steps >= self.max_steps
        self._running = not (terminated or truncated)
        return self._observation(), GOAL_REWARD if terminated else reward, terminated, truncated, {}

    def get_state(self) -> dict[str, Any]:
        """The truth, for people and tests; an agent never asks for it. ``key_pos`` is None once it is taken."""
        return {
            "agent_pos": self._agent,
            "has_key": self._has_key,
            "door_open": self._door_open,
            "at_goal": self._agent == self.layout.goal,
            "key_pos": None if self._has_key else self.layout.key,
            "door_pos": self.layout.door,
            "goal_pos": self.layout.goal,
            "box_pos": self.layout.box,
        }

    @property
    def situation(self) -> tuple[Cell, bool, bool]:
        """What can change within an episode: where the agent is, whether it has the key, whether the door is open."""
        return self._agent, self._has_key, self._door_open

    def render(self) -> str:
        """The world as text, y upwards: A agent, k key, D door (d when open), G goal, b box, # wall."""
        rows = [[_SYMBOLS[code] for code in column] for column in self._grid.T[::-1].tolist()]
        rows[self.size - 1 - self._agent[1]][self._agent[0]] = "A"
        return "\n".join(" ".join(row) for row in rows)

    def _act(self, action: int) -> float:
        if action in MOVES:
            self._move(MOVES[action])
        elif action == PICKUP_KEY and not self._has_key and self._agent == self.layout.key:
            self._has_key = True
            self._grid = self._tiles()
            return KEY_REWARD
        elif action == OPEN_DOOR and self._has_key and not self._door_open and self._at_door():
            self._door_open = True
            self._grid = self._tiles()
            return DOOR_REWARD
        return STEP_REWARD

    def _move(self, by: Cell) -> None:
        x, y = (min(max(here + step, 0), self.size - 1) for here, step in zip(self._agent, by, strict=True))
        shut_door = self.layout.locked and not self._door_open and (x, y) == self.layout.door
        if not shut_door and (x, y) not in self.layout.walls:
            self._agent = (x, y)

    def _at_door(self) -> bool:
        (x, y), (door_x, door_y) = self._agent, self.layout.door
        return abs(x - door_x) + abs(y - door_y) == int(self.layout.locked)

    def _tiles(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        layout = self.layout
        grid = np.full((self.size, self.size), FLOOR, dtype=np.int64)
        for wall in layout.walls:
            grid[wall] = WALL
        grid[layout.box], grid[layout.goal] = BOX, GOAL
        grid[layout.key] = FLOOR if self._has_key else KEY
        grid[layout.door] = OPENED_DOOR if self._door_open else CLOSED_DOOR
        grid.flags.writeable = False
        return grid

    def _observation(self) -> Observation:
        return Observation(self._agent, self._grid, KEY if self._has_key else None)
