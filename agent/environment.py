"""What an agent may know of a world: observations, rewards, and nothing that names what happened.

The words are Gymnasium's (``reset``, ``step``, terminated, truncated, info). The contract that every
environment keeps is a test suite to inherit: ``tests/contracts/environment_contract.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from agent.arguments import require_whole

Pose = tuple[int, ...]
Cell = tuple[int, int]
UNSEEN = -1  # the code of a cell that is not in view
_INTS, _LOWEST = frozenset((int,)), -(2**63)


@dataclass(frozen=True, eq=False)
class Observation:
    """What the agent is given after every step.

    ``pose`` is where the agent is: x, y and, for bodies that turn, a heading after them. ``grid`` is a 2-D
    integer array of opaque tile codes in which ``grid[x, y]`` is the tile at (x, y), or ``UNSEEN`` where the view does
    not reach; it is never changed after it was handed out. ``carrying`` is the opaque code of what the agent carries,
    or None. Whole numbers of numpy become ints. Raises InvalidInputError for a pose or a code that is none.
    """

    pose: Pose
    grid: NDArray[np.int64]
    carrying: int | None

    def __post_init__(self) -> None:
        if not _INTS.issuperset(map(type, self.pose)):
            what = "each part of a pose is an int"
            object.__setattr__(self, "pose", tuple(require_whole(part, what, _LOWEST) for part in self.pose))
        if self.carrying is not None and type(self.carrying) is not int:
            object.__setattr__(self, "carrying", require_whole(self.carrying, "the code carried is an int", _LOWEST))

    @property
    def cell(self) -> Cell:
        """Where the agent stands, whichever way it looks."""
        return self.pose[0], self.pose[1]


@runtime_checkable
class Environment(Protocol):
    """A world in steps. Codes and labels are opaque: an agent must not read a meaning into them."""

    @property
    def action_count(self) -> int:
        """How many actions there are; an action is an int from 0 to ``action_count - 1``."""

    @property
    def action_names(self) -> tuple[str, ...]:
        """One distinct label for each action, in which action sequences are written down."""

    @property
    def tile_names(self) -> Mapping[int, str]:
        """Tile code to word, used only to say things to people."""

    def reset(self, *, seed: int | None = None) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode; the same seed gives the same beginning."""

    def step(self, action: int) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Do one action: observation, reward, terminated, truncated, info.

        Raises ValueError (InvalidInputError is one) for an action that does not exist, and RuntimeError when no
        episode is running.
        """
