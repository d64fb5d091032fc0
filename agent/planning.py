"""Planning: the cheapest course of events to the end, from what is known of operators and moves.

A search by cost (Dijkstra's) over what the world would look like after each event; from each of these, one
breadth-first search over the grid finds the tiles on which an operator works. So the course as a whole is the
shortest, not each part of it. A plan is carried out as a skill that the library does not have yet; if it works,
hindsight keeps it.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from agent.chain import Codes, Wanted, changed, key, leading, left, told
from agent.contact import BY, ENTER, ON
from agent.environment import UNSEEN, Cell, Observation, Pose
from agent.moves import NO_MOVE, Moves
from agent.operator import Operator
from agent.ways import Grid, Way, way_to

NEAREST = 3  # tiles on which each operator is considered, from each place
MOST = 200  # events looked into
UNSURE = 1000  # actions that a try without one of its needs counts for: it is made when there is nothing better
HOPEFUL = 1  # the same where it is known that there is nothing better
EVENT = 10  # actions that an event is reckoned to take where courses are only hopeful


@dataclass(frozen=True)
class Course:
    """Actions, each with the pose after it, up to one event; ``operator`` brings it about, on the tile at ``cell``."""

    way: Way
    operator: Operator
    cell: Cell


@dataclass(frozen=True)
class _Place:
    """What the world would look like; ``first`` is the course to the first event on the way there."""

    pose: Pose
    grid: Grid
    carrying: int | None
    codes: Codes
    first: Course | None


def plan(
    observation: Observation,
    operators: Sequence[Operator],
    moves: Moves,
    wanted: Wanted | None = None,
    *,
    sure: bool = True,
) -> Course | None:
    """The first event of the cheapest known course to the end, or to circumstances that are ``wanted``.

    Where it is known that nothing is ``sure``, events that lead on come first, and what is found is not always the
    cheapest. None when there is none, or nothing to do. Costs at most ``MOST`` searches over the grid.
    """
    unsure, ahead = (UNSURE, _nothing) if sure else (HOPEFUL, _Ahead(operators, wanted))
    codes = dict(Counter(observation.grid.ravel().tolist()))
    codes.pop(UNSEEN, None)
    start = _Place(observation.pose, observation.grid, observation.carrying, codes, None)
    order = count()
    frontier: list[tuple[float, int, float, bool, _Place]] = [(0.0, next(order), 0.0, False, start)]
    done: set[tuple[object, ...]] = set()
    while frontier and len(done) < MOST:
        _, _, cost, arrived, place = heapq.heappop(frontier)
        if arrived:
            return place.first
        there = (place.pose, place.carrying, place.grid.tobytes())
        if there in done:
            continue
        done.add(there)
        for price, after, ends in _events(place, operators, moves, unsure):
            good = ends if wanted is None else wanted(told(after.codes, after.carrying))
            still = 0.0 if good else ahead(after)
            if still is not None:
                heapq.heappush(frontier, (cost + price + still, next(order), cost + price, good, after))
    return None


def _nothing(_place: _Place) -> float | None:
    return 0.0


class _Ahead:
    """How many actions the events still ahead of a place are reckoned to take; None where none lead on.

    By circumstances alone, so once for all places that have them.
    """

    def __init__(self, operators: Sequence[Operator], wanted: Wanted | None) -> None:
        self._operators = leading(operators) if wanted is None else operators
        self._wanted = wanted
        self._known: dict[object, float | None] = {}

    def __call__(self, place: _Place) -> float | None:
        here = key(place.codes, place.carrying)
        if here not in self._known:
            events = left(place.codes, place.carrying, self._operators, self._wanted)
            self._known[here] = None if events is None else float(EVENT * events)
        return self._known[here]


def _events(
    place: _Place, operators: Sequence[Operator], moves: Moves, unsure: int
) -> Iterator[tuple[float, _Place, bool]]:
    """What can be brought about from a place: at what price, what it leads to, and whether that is the end."""
    state = told(place.codes, place.carrying)
    able: dict[tuple[str, int], list[Operator]] = {}
    for operator in operators:
        if place.codes.get(operator.effect.tile) and operator.hopeful(state):
            able.setdefault((operator.contact, operator.effect.tile), []).append(operator)
    if not able:
        return
    tiles, reach = place.grid.tolist(), moves.reach(place.pose, place.grid)
    met: dict[tuple[str, int], list[Cell]] = {}
    for pose, (length, _, _) in reach.items():
        for contact, action, cell in _contacts(pose, place.grid, moves):
            key = (contact, tiles[cell[0]][cell[1]])
            cells = met.setdefault(key, [])
            if key not in able or cell in cells or len(cells) >= NEAREST:
                continue
            cells.append(cell)
            for operator in able[key]:
                price = length + 1 / operator.chance + unsure * len(operator.missing(state))
                yield price, _after(place, operator, pose, action, cell, reach, moves), operator.effect.ends


def _contacts(pose: Pose, grid: Grid, moves: Moves) -> Iterator[tuple[str, int, Cell]]:
    yield ON, NO_MOVE, (pose[0], pose[1])
    for action, cell in moves.beside(pose, grid):
        yield BY, NO_MOVE, cell
        if action != NO_MOVE:
            yield ENTER, action, cell


def _after(
    place: _Place,
    operator: Operator,
    pose: Pose,
    action: int,
    cell: Cell,
    reach: dict[Pose, tuple[int, Pose | None, int]],
    moves: Moves,
) -> _Place:
    effect = operator.effect
    there = pose
    if operator.action is None:
        there = moves.after(pose, action) or pose
    grid = place.grid
    if effect.tile != effect.becomes:
        grid = grid.copy()
        grid[cell] = effect.becomes
    first = place.first
    if first is None:
        last = (action if operator.action is None else operator.action, there)
        first = Course([*way_to(pose, reach), last], operator, cell)
    return _Place(there, grid, effect.holds, changed(place.codes, effect), first)
