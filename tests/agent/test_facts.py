"""Facts say what is carried, in view, how far away and free, and nothing that names the world."""

from __future__ import annotations

import numpy as np

from agent import facts
from agent.moves import Moves

GRID = np.array([[0, 0, 7], [0, 9, 0], [7, 0, 0]])


def test_the_facts_of_a_small_room() -> None:
    moves = Moves(entered={0: None, 7: None}, refused={7})
    state = facts.derive((1, 0), GRID, 5, moves)
    assert {name: value for name, value in state.items() if not name.startswith("free.")} == {
        "carrying": 5,
        "seen.0": True,
        "seen.7": True,
        "seen.9": True,
        "offset.0": (0, 0),
        "offset.7": (1, 0),
        "offset.9": (0, 1),
    }
    free = {name for name in state if name.startswith("free.")}
    assert free == {facts.free(x - 1, y) for x in range(3) for y in range(3) if GRID[x, y] == 0}


def test_a_body_that_turns_has_a_heading() -> None:
    assert facts.derive((1, 0, 3), GRID, None, Moves())["heading"] == (3,)
    assert "heading" not in facts.derive((1, 0), GRID, None, Moves())


def test_the_nearest_of_equal_tiles_is_the_same_every_time() -> None:
    grid = np.array([[7, 0, 7], [0, 0, 0], [7, 0, 7]])
    assert facts.derive((1, 1), grid, None, Moves())["offset.7"] == (-1, -1)


def test_circumstances_say_what_is_not_in_view_too() -> None:
    state = facts.derive((1, 0), GRID, 5, Moves())
    assert facts.circumstances(state, [7, 8]) == {"carrying": 5, "seen.7": True, "seen.8": None}
