"""Facts: the State in which skills are looked up, derived from an observation and from what was learned.

- ``carrying``: the code of what is carried; ``heading``: the pose beyond x and y, where a body has one.
- ``seen.<code>``: True for each tile code in view.
- ``offset.<code>``: (dx, dy) from the agent to the nearest tile of that code.
- ``free.<dx>.<dy>``: True for each cell, relative to the agent, that can be entered as far as it knows.

Facts that do not hold are absent, which a precondition of None asks for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from agent.environment import Cell, Observation, Pose
from agent.moves import Grid, Moves

Fact = bool | int | Cell | Pose | None
State = dict[str, Fact]


def derive(pose: Pose, grid: Grid, carrying: int | None, moves: Moves) -> State:
    """The facts at ``pose``; costs one pass over the grid."""
    state: State = {"carrying": carrying}
    if len(pose) > 2:
        state["heading"] = pose[2:]
    nearest: dict[int, tuple[int, Cell]] = {}
    enterable = {code: moves.can_enter(code) for code in set(grid.ravel().tolist())}
    for dx, column in enumerate(grid.tolist(), start=-pose[0]):
        for dy, code in enumerate(column, start=-pose[1]):
            nearest[code] = min(nearest.get(code, (dx * dx + dy * dy, (dx, dy))), (dx * dx + dy * dy, (dx, dy)))
            if enterable[code]:
                state[free(dx, dy)] = True
    for code, (_, cell) in nearest.items():
        state[seen(code)] = True
        state[offset(code)] = cell
    return state


def of(observation: Observation, moves: Moves) -> State:
    """The facts of an observation."""
    return derive(observation.pose, observation.grid, observation.carrying, moves)


def circumstances(state: Mapping[str, Fact], codes: Iterable[int]) -> State:
    """What does not change by walking: what is carried, and which of ``codes`` are in view and which are not."""
    return {"carrying": state["carrying"], **{seen(code): state.get(seen(code)) for code in codes}}


def is_circumstance(name: str) -> bool:
    """Whether the fact is one of those that do not change by walking."""
    return name == "carrying" or name.startswith("seen.")


def seen(code: int) -> str:
    """The name of the fact that a tile code is in view."""
    return f"seen.{code}"


def offset(code: int) -> str:
    """The name of the fact where the nearest tile of a code is."""
    return f"offset.{code}"


def free(dx: int, dy: int) -> str:
    """The name of the fact that a cell can be entered."""
    return f"free.{dx}.{dy}"
