"""MiniGrid's environments as worlds for the agent. The only door to minigrid, loaded when a world is made.

MiniGrid: Chevalier-Boisvert et al., "Minigrid & Miniworld" (2023). Its mission text is not shown: what an
environment wants has to be found out from its reward.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from agent.arguments import require_action, require_seed, require_text
from agent.environment import UNSEEN, Observation
from skillstore import InvalidInputError

if TYPE_CHECKING:
    from minigrid.minigrid_env import MiniGridEnv

Grid = NDArray[np.int64]


class MiniGrid:
    """The MiniGrid environment ``name``, an ``Environment``; e.g. ``MiniGrid("MiniGrid-DoorKey-5x5-v0")``.

    ``settings`` are MiniGrid's own for that environment, e.g. ``minNumRooms=7`` for a MultiRoom, ``max_steps=50`` for
    the length of an episode; one that would have no effect here is refused.
    Pose is x, y and heading (0 to the right, then clockwise; y grows downwards). A tile's code says its object,
    colour and state. With ``view`` "full" the whole grid is shown; with "partial" only what MiniGrid's agent sees
    (7x7 cells before it, not through walls) and the tile it stands on, at their places in the grid, the rest being
    ``UNSEEN``: remembering is up to the agent. Rewards, terminated and truncated are MiniGrid's, so an end in lava
    comes without a reward. Raises ImportError, naming the extra to install, without minigrid, and
    InvalidInputError for another view, a setting that the environment does not have, or a name that MiniGrid does not
    have.
    """

    def __init__(self, name: str, *, view: str = "full", **settings: Any) -> None:
        view = require_text(view, "view must be full or partial")
        if view not in ("full", "partial"):
            raise InvalidInputError(f"view must be full or partial, not {view!r:.80}")
        _check_effective(settings, view)
        self.name, self.view = name, view
        self._env = _made(name, settings)
        self.action_names: tuple[str, ...] = tuple(action.name for action in self._env.actions)
        self.action_count = len(self.action_names)
        self.tile_names: Mapping[int, str] = _tile_names()
        self._shown: Grid | None = None
        self._running = False

    def reset(self, *, seed: int | None = None) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode in a grid drawn by the seed, or in the next one."""
        self._env.reset(seed=require_seed(seed))
        self._shown, self._running = None, True
        self._searched = self._tiles().tobytes()
        return self._observation(), {}

    def step(self, action: int) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Do one of MiniGrid's actions."""
        if not self._running:
            raise RuntimeError("no episode is running: call reset() first")
        _, reward, terminated, truncated, _ = self._env.step(require_action(action, self.action_count))
        self._running = not (terminated or truncated)
        return self._observation(), float(reward), bool(terminated), bool(truncated), {}

    def happens(self, action: int) -> tuple[MiniGrid, bool]:
        """The world after an action, this one being left as it was, and whether that ended it with a reward.

        For a search that knows everything, in worlds where nothing moves by chance; what comes back can only be asked
        this, and its ``situation``.
        """
        other, moves = copy(self), self.action_names[action] in MOVES
        other._env = _copied(self._env, with_grid=not moves)
        _, reward, terminated, _, _ = other._env.step(action)
        other._searched = self._searched if moves else other._tiles().tobytes()
        return other, terminated and float(reward) > 0

    @property
    def situation(self) -> tuple[object, ...]:
        """What can change within an episode."""
        env = self._env
        carrying = None if env.carrying is None else _code(*env.carrying.encode())
        return *map(int, env.agent_pos), int(env.agent_dir), carrying, self._searched

    def _observation(self) -> Observation:
        env = self._env
        x, y = (int(part) for part in env.agent_pos)
        grid = self._tiles()
        if self.view == "partial":
            grid = np.where(self._seen(), grid, UNSEEN)
        if self._shown is None or not np.array_equal(grid, self._shown):  # an unchanged grid stays the same array
            grid.flags.writeable = False
            self._shown = grid
        carrying = None if env.carrying is None else _code(*env.carrying.encode())
        return Observation((x, y, int(env.agent_dir)), self._shown, carrying)

    def _tiles(self) -> Grid:
        grid = self._env.grid
        codes = [EMPTY if thing is None else _code(*thing.encode()) for thing in grid.grid]
        return np.array(codes, dtype=np.int64).reshape(grid.height, grid.width).T.copy()

    def _seen(self) -> NDArray[np.bool_]:
        """Which cells of the grid are in view, the agent's own among them."""
        env: Any = self._env  # these three are not typed
        _, mask = env.gen_obs_grid()
        left, top, right, bottom = env.get_view_exts()
        cells = np.stack(np.meshgrid(np.arange(left, right), np.arange(top, bottom), indexing="ij"), axis=-1)
        cells = cells.reshape(-1, 2)
        cells = cells[((cells >= 0) & (cells < (env.grid.width, env.grid.height))).all(axis=1)]
        across, along = env.get_view_coords(cells[:, 0], cells[:, 1])
        seen = np.zeros((env.grid.width, env.grid.height), dtype=np.bool_)
        seen[cells[:, 0], cells[:, 1]] = mask[across, along]
        return seen


OBJECTS = ("unseen", "empty", "wall", "floor", "door", "key", "ball", "box", "goal", "lava", "agent")
COLOURS = ("red", "green", "blue", "purple", "yellow", "grey")
STATES = ("open", "closed", "locked")
MOVES = ("left", "right", "forward")  # these leave the grid as it is


def _code(kind: int, colour: int, state: int) -> int:
    return (kind * len(COLOURS) + colour) * len(STATES) + state


EMPTY = _code(OBJECTS.index("empty"), 0, 0)


@cache
def _tile_names() -> Mapping[int, str]:
    names = {UNSEEN: "out of view", EMPTY: "floor"}
    for kind, thing in enumerate(OBJECTS):
        for colour, word in enumerate(COLOURS):
            for state, how in enumerate(STATES if thing == "door" else ("",)):
                names.setdefault(_code(kind, colour, state), f"{how} {word} {thing}".strip())
    return names


def _copied(env: MiniGridEnv, *, with_grid: bool) -> MiniGridEnv:
    """The same moment of the same episode. Doors are all that changes in place, so only they are copied one by one."""
    other: Any = copy(env)
    other.gen_obs = dict  # nobody looks
    if not with_grid:
        return other  # type: ignore[no-any-return]
    doors = {id(thing): copy(thing) for thing in env.grid.grid if thing is not None and thing.type == "door"}
    other.grid = copy(env.grid)
    other.grid.grid = [doors.get(id(thing), thing) for thing in env.grid.grid]
    for name, value in vars(env).items():
        if id(value) in doors:  # some environments look at a door of theirs
            setattr(other, name, doors[id(value)])
    return other  # type: ignore[no-any-return]


OF_THE_VIEW = ("agent_view_size", "see_through_walls")
OF_PICTURES = ("agent_pov", "highlight", "render_mode", "screen_size", "tile_size")
OF_GYMNASIUM = ("disable_env_checker", "id", "max_episode_steps")  # for wrappers, which are taken off


def _check_effective(settings: Mapping[str, Any], view: str) -> None:
    """Raises ValueError for a setting that would be taken without any effect."""
    for name in settings:
        if name in OF_GYMNASIUM:
            way_out = "give max_steps" if name == "max_episode_steps" else "leave it out"
            raise InvalidInputError(f"{name} is a setting of gymnasium.make, which has no effect here; {way_out}")
        if name in OF_PICTURES:
            raise InvalidInputError(f"{name} is about MiniGrid's pictures, and none is drawn here; leave it out")
        if name in OF_THE_VIEW and view == "full":
            raise InvalidInputError(f"{name} is about what MiniGrid's agent sees; it needs view='partial'")


def _made(name: str, settings: Mapping[str, Any]) -> MiniGridEnv:
    try:
        import gymnasium
        import minigrid  # registers its environments
        from minigrid.core import constants
        from minigrid.minigrid_env import MiniGridEnv
    except ImportError as error:
        raise ImportError("MiniGrid's worlds need it: pip install 'skillstore[gym]'") from error
    gymnasium.register_envs(minigrid)
    if (tuple(constants.OBJECT_TO_IDX), tuple(constants.COLOR_TO_IDX)) != (OBJECTS, COLOURS):
        raise RuntimeError("this version of minigrid has other objects or colours than the ones known here")
    try:
        env = gymnasium.make(name, disable_env_checker=True, **settings).unwrapped
    except gymnasium.error.Error as error:
        raise InvalidInputError(f"MiniGrid has no environment {name!r}: {error}") from error
    except (AssertionError, TypeError) as error:  # what its constructor says of settings that it cannot use
        given = ", ".join(f"{setting}={value!r:.40}" for setting, value in settings.items())
        what = str(error).partition(" was raised from ")[0] or "an assertion of MiniGrid fails"
        raise InvalidInputError(f"{name!r:.80} cannot be made with {given or 'these settings'}: {what}") from error
    if not isinstance(env, MiniGridEnv):
        raise InvalidInputError(f"{name!r} is an environment, but not one of MiniGrid's")
    return env
