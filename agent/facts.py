"""Facts: the State in which skills are looked up, derived from an observation and from what was learned.

- ``carrying``: the code of what is carried.
- ``heading.<n>``: the parts of the pose beyond x and y, where a body has any.
- ``seen.<code>``: True for each tile code in view.
- ``tile.<dx>.<dy>``: the code of the cell at this offset from the agent: its own, and those that one move leads to.
- ``free.<dx>.<dy>``: True for each cell on the way, relative to the agent, that can be entered as far as it knows.

Facts that do not hold are absent, which a precondition of None asks for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from agent.environment import UNSEEN, Cell, Pose
from agent.moves import Moves
from agent.ways import Grid

Fact = bool | int | None
State = dict[str, Fact]
AROUND = 2  # cells: a way that goes round something leaves the straight one by so much, seldom by more


def derive(pose: Pose, to: Cell, grid: Grid, carrying: int | None, moves: Moves) -> State:
    """The facts at ``pose``; which cells can be entered is said of those between it and ``to``, and ``AROUND`` these.

    Costs one pass over the grid for what is in view.
    """
    state = circumstances(grid, carrying)
    x, y = pose[:2]
    state.update(heading(pose))
    state[tile(0, 0)] = int(grid[x, y])
    for _, (to_x, to_y) in moves.beside(pose, grid):
        state[tile(to_x - x, to_y - y)] = int(grid[to_x, to_y])
    enterable = {code for code in moves.entered if moves.can_enter(code)}
    columns, rows = _between(x, to[0], grid.shape[0]), _between(y, to[1], grid.shape[1])
    for dx, column in enumerate(grid[columns, rows].tolist(), start=columns.start - x):
        names = _free_column(dx, rows.start - y, len(column))
        for name, code in zip(names, column, strict=True):
            if code in enterable:
                state[name] = True
    return state


def _between(start: int, end: int, size: int) -> slice:
    return slice(max(min(start, end) - AROUND, 0), min(max(start, end) + AROUND + 1, size))


def circumstances(grid: Grid, carrying: int | None) -> State:
    """What does not change by walking: what is carried, and which codes are in view."""
    codes = dict.fromkeys(grid.ravel().tolist())
    codes.pop(UNSEEN, None)
    return {"carrying": carrying, **{seen(code): True for code in codes}}


def needed(state: Mapping[str, Fact], codes: Iterable[int]) -> State:
    """All that could be needed of the circumstances: also which of ``codes`` are not in view."""
    return {"carrying": state["carrying"], **{seen(code): state.get(seen(code)) for code in codes}}


def is_circumstance(name: str) -> bool:
    """Whether the fact is one of those that do not change by walking."""
    return name == "carrying" or name.startswith("seen.")


@lru_cache(maxsize=4096)
def seen(code: int) -> str:
    """The name of the fact that a tile code is in view."""
    return f"seen.{code}"


def heading(pose: Pose) -> State:
    """The facts of a pose beyond x and y."""
    return {f"heading.{number}": part for number, part in enumerate(pose[2:])}


def tile(dx: int, dy: int) -> str:
    """The name of the fact which tile is at an offset."""
    return f"tile.{dx}.{dy}"


def free(dx: int, dy: int) -> str:
    """The name of the fact that a cell can be entered."""
    return f"free.{dx}.{dy}"


@lru_cache(maxsize=4096)
def _free_column(dx: int, first: int, length: int) -> tuple[str, ...]:
    return tuple(free(dx, dy) for dy in range(first, first + length))
