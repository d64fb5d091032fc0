"""Where things stand in a GridWorld: the tutorial's fixed places, and places drawn by a generator."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from agent.environment import Cell

SMALLEST, LARGEST = 5, 1000


@dataclass(frozen=True)
class Layout:
    """One arrangement; all cells are distinct and inside a square of ``size`` cells a side."""

    size: int
    start: Cell
    key: Cell
    door: Cell
    goal: Cell
    box: Cell
    walls: frozenset[Cell] = frozenset()
    locked: bool = False


def tutorial(size: int, _generator: np.random.Generator) -> Layout:
    """The fixed places: start (0, 0), key (2, 2), door (3, 3), box (1, 3), goal in the far corner."""
    return Layout(size, start=(0, 0), key=(2, 2), door=(3, 3), goal=(size - 1, size - 1), box=(1, 3))


def open_room(size: int, generator: np.random.Generator) -> Layout:
    """One room without walls; start, key, door, goal and box anywhere."""
    cells = [(x, y) for x in range(size) for y in range(size)]
    start, key, door, goal, box = _draw(cells, 5, generator)
    return Layout(size, start, key, door, goal, box)


def locked_room(size: int, generator: np.random.Generator) -> Layout:
    """Two rooms, a wall between them, a door in the wall; start, key and box on one side, goal on the other.

    The wall stands upright or lies flat, and the start is on either side of it.
    """
    place, gap = int(generator.integers(1, size - 1)), int(generator.integers(size))
    flat, swapped = bool(generator.integers(2)), bool(generator.integers(2))
    wall = [_turned((place, step), flat) for step in range(size)]
    first = [_turned((x, y), flat) for x in range(place) for y in range(size)]
    second = [_turned((x, y), flat) for x in range(place + 1, size) for y in range(size)]
    here, there = (second, first) if swapped else (first, second)
    start, key, box = _draw(here, 3, generator)
    (goal,) = _draw(there, 1, generator)
    door = wall.pop(gap)
    return Layout(size, start, key, door, goal, box, walls=frozenset(wall), locked=True)


def maze(size: int, generator: np.random.Generator) -> Layout:
    """Passages one cell wide without a loop, and a door in one of them that parts the goal from all the rest.

    Start, key and box lie on one side of the door. Drawn again until there is such a door.
    """
    while True:
        passages = _passages(size, generator)
        for door in _draw(sorted(passages), len(passages), generator):
            parts = _parts(passages - {door})
            roomy = [part for part in parts if len(part) >= 3]
            if len(parts) < 2 or not roomy:
                continue
            here = roomy[int(generator.integers(len(roomy)))]
            start, key, box = _draw(here, 3, generator)
            (goal,) = _draw([cell for part in parts if part is not here for cell in part], 1, generator)
            cells = frozenset((x, y) for x in range(size) for y in range(size))
            return Layout(size, start, key, door, goal, box, walls=cells - passages, locked=True)


LAYOUTS: dict[str, Callable[[int, np.random.Generator], Layout]] = {
    "tutorial": tutorial,
    "open": open_room,
    "locked": locked_room,
    "maze": maze,
}


def _draw(cells: Sequence[Cell], count: int, generator: np.random.Generator) -> list[Cell]:
    return [cells[index] for index in generator.permutation(len(cells))[:count].tolist()]


def _turned(cell: Cell, flat: bool) -> Cell:
    return (cell[1], cell[0]) if flat else cell


def _passages(size: int, generator: np.random.Generator) -> frozenset[Cell]:
    """A tree of cells, grown depth first: a cell is dug where it meets exactly one that is dug already."""
    first = (int(generator.integers(size)), int(generator.integers(size)))
    dug, stack = {first}, [first]
    while stack:
        around = list(_beside(stack[-1], size))
        free = [cell for cell in around if cell not in dug and len(dug.intersection(_beside(cell, size))) == 1]
        if free:
            stack.append(free[int(generator.integers(len(free)))])
            dug.add(stack[-1])
        else:
            stack.pop()
    return frozenset(dug)


def _parts(cells: Collection[Cell]) -> list[list[Cell]]:
    """The cells in groups of those that are connected; the same order every time."""
    left, parts = set(cells), []
    for first in sorted(cells):
        if first in left:
            left.remove(first)
            part = [first]
            for cell in part:
                joined = sorted(left.intersection(_beside(cell)))
                part += joined
                left.difference_update(joined)
            parts.append(part)
    return parts


def _beside(cell: Cell, size: int | None = None) -> Iterator[Cell]:
    for dx, dy in ((0, 1), (0, -1), (-1, 0), (1, 0)):
        x, y = cell[0] + dx, cell[1] + dy
        if size is None or (0 <= x < size and 0 <= y < size):
            yield x, y
