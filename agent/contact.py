"""Contact: on which tiles an action may work from a pose, as far as the moves are known.

- ``on``: the tile that the agent stands on;
- ``by``: a tile that one move would lead to;
- ``enter``: the tile that the action itself leads to, when it is a move, from whichever side;
- ``near``: a neighbouring tile, while nobody knows where a body with this heading reaches.

So what was found out beside one tile holds beside every such tile, whichever way the body stands.
"""

from __future__ import annotations

from agent.environment import Cell, Observation, Pose
from agent.moves import Moves
from agent.ways import Grid, inside

ON, BY, ENTER, NEAR = "on", "by", "enter", "near"
Contact = tuple[str, Cell]
_AROUND = ((0, 1), (1, 0), (0, -1), (-1, 0))


def contacts(pose: Pose, action: int, grid: Grid, moves: Moves) -> list[Contact]:
    """The tiles on which ``action`` may work at ``pose``; none for a turn, and none outside the grid."""
    cell = (pose[0], pose[1])
    to = moves.after(pose, action)
    if to is not None:
        return [(ENTER, (to[0], to[1]))] if to[:2] != cell and inside(to, grid) else []
    return still(pose, grid, moves)


def still(pose: Pose, grid: Grid, moves: Moves) -> list[Contact]:
    """The tiles on which an action that is no move may work at ``pose``."""
    x, y = pose[:2]
    on: Contact = (ON, (x, y))
    if moves.ahead(pose[2:]):
        return [on, *((BY, cell) for cell in dict.fromkeys(cell for _, cell in moves.beside(pose, grid)))]
    near = f"{NEAR} {pose[2:]}"
    return [on, *((near, (x + dx, y + dy)) for dx, dy in _AROUND if inside((x + dx, y + dy), grid))]


def shown(before: Observation, after: Observation, cell: Cell) -> str:
    """Which contact a step had whose effect was at ``cell``."""
    if cell == before.cell:
        return ON
    return ENTER if cell == after.cell else BY
