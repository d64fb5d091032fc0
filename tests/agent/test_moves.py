"""What actions do is learned by watching, and ways follow from it."""

from __future__ import annotations

import numpy as np

from agent.environment import Observation, Pose
from agent.moves import NO_MOVE, Moves
from agent.ways import Grid, way_to

UP, DOWN, LEFT, RIGHT, WAIT = range(5)
STEPS = {UP: (0, 1), DOWN: (0, -1), LEFT: (-1, 0), RIGHT: (1, 0)}
EMPTY: Grid = np.zeros((5, 5), dtype=np.int64)
NAMES = ("up", "down", "left", "right", "wait")


def watched(*steps: tuple[Pose, int, Pose], grid: Grid | None = None) -> Moves:
    moves = Moves()
    tiles = np.zeros((5, 5), dtype=np.int64) if grid is None else grid
    for before, action, after in steps:
        moves.watch(Observation(before, tiles, None), action, Observation(after, tiles, None))
    return moves


def walker() -> Moves:
    return watched(*(((2, 2), action, (2 + dx, 2 + dy)) for action, (dx, dy) in STEPS.items()))


def test_nothing_is_known_at_first() -> None:
    moves = Moves()
    assert moves.after((1, 1), UP) is None
    assert not moves.can_enter(0)
    assert moves.ways_to((1, 1), np.zeros((3, 3), dtype=np.int64)) == {}


def test_a_displacement_holds_everywhere() -> None:
    moves = watched(((1, 1), RIGHT, (2, 1)))
    assert moves.after((3, 3), RIGHT) == (4, 3)
    assert moves.after((3, 3), UP) is None


def test_an_action_that_moved_nothing_is_no_move_and_refuses_no_tile() -> None:
    moves = watched(((1, 1), WAIT, (1, 1)))
    assert moves.after((1, 1), WAIT) is None
    assert moves.barred == {}


def test_the_most_frequent_displacement_counts() -> None:
    slip = ((1, 1), UP, (2, 1))
    moves = watched(slip, ((1, 1), UP, (1, 2)), ((1, 1), UP, (1, 2)))
    assert moves.after((1, 1), UP) == (1, 2)


def test_a_body_that_turns_has_displacements_by_heading() -> None:
    moves = watched(((1, 1, 0), UP, (2, 1, 0)), ((1, 1, 1), UP, (1, 2, 1)), ((1, 1, 0), LEFT, (1, 1, 1)))
    assert moves.after((3, 3, 0), UP) == (4, 3, 0)
    assert moves.after((3, 3, 1), UP) == (3, 4, 1)
    way = moves.ways_to((2, 2, 1), np.zeros((5, 5), dtype=np.int64))
    assert way[(1, 1, 0)] in {(UP, (2, 1, 0)), (LEFT, (1, 1, 1))}


def test_a_tile_can_be_entered_once_it_was_and_not_after_it_stopped_the_agent() -> None:
    grid = np.zeros((5, 5), dtype=np.int64)
    grid[3, 2] = 7
    moves = watched(((2, 2), RIGHT, (3, 2)), grid=grid)
    assert moves.can_enter(7)
    at_door = Observation((2, 2), grid, None)
    moves.watch(at_door, RIGHT, at_door)
    assert not moves.can_enter(7)
    moves.watch(at_door, RIGHT, Observation((3, 2), grid, None))
    assert moves.can_enter(7)


def test_the_edge_refuses_no_tile() -> None:
    moves = watched(((1, 1), RIGHT, (2, 1)), ((4, 1), RIGHT, (4, 1)))
    assert moves.barred == {}


def test_ways_are_shortest_and_go_round_what_cannot_be_entered() -> None:
    grid = np.zeros((5, 5), dtype=np.int64)
    grid[1, :4] = 1
    ways = walker().ways_to((2, 0), grid)
    pose: Pose = (0, 0)
    steps = 0
    while pose in ways:
        pose, steps = ways[pose][1], steps + 1
        assert grid[pose] == 0
    assert (pose, steps) == ((2, 0), 10)


def test_a_way_may_begin_on_a_tile_that_cannot_be_entered_but_not_lead_through_it() -> None:
    grid = np.zeros((3, 3), dtype=np.int64)
    grid[1] = 1
    ways = walker().ways_to((0, 1), grid)
    assert (1, 1) in ways
    assert (2, 1) not in ways


def test_what_is_known_survives_packing_under_the_names_of_actions() -> None:
    moves = walker()
    moves.begin()
    again = Moves.unpack(moves.pack(NAMES), tuple(reversed(NAMES)))
    assert again.after((0, 0), 4 - RIGHT) == (1, 0)
    assert list(again.entered) == list(moves.entered)
    assert Moves.unpack(moves.pack(NAMES), NAMES) == moves
    assert Moves.unpack(moves.pack(NAMES), ("up",)).after((0, 0), 0) == (0, 1)


def test_an_action_that_slipped_into_a_move_is_not_taken_for_one() -> None:
    moves = watched(((1, 1), RIGHT, (2, 1)), ((1, 1), WAIT, (1, 2)))
    assert moves.after((1, 1), WAIT) == (1, 2)
    moves.watch(Observation((1, 1), EMPTY, None), WAIT, Observation((1, 1), EMPTY, None))
    assert moves.after((1, 1), WAIT) is None
    assert moves.after((1, 1), RIGHT) == (2, 1)


def test_a_move_is_still_one_after_a_wall_stopped_it() -> None:
    grid = EMPTY.copy()
    grid[3, 1] = 9
    moves = watched(((1, 1), RIGHT, (2, 1)), *[((2, 1), RIGHT, (2, 1))] * 5, grid=grid)
    assert moves.after((1, 1), RIGHT) == (2, 1)
    assert moves.barred == {9: 5}


def test_one_slip_does_not_make_the_floor_a_wall() -> None:
    moves = watched(*[((1, 1), RIGHT, (2, 1))] * 10)
    moves.begin()
    moves.watch(Observation((1, 1), EMPTY, None), RIGHT, Observation((1, 1), EMPTY, None))
    assert moves.can_enter(0)


def test_what_stopped_the_agent_may_let_it_pass_in_another_episode() -> None:
    moves = Moves(entered={7: 3}, barred={7: 2}, today={7: (0, 2)})
    assert not moves.can_enter(7)
    moves.begin()
    assert moves.can_enter(7)


def test_reach_is_nearest_first_and_its_ways_lead_there() -> None:
    grid = EMPTY.copy()
    grid[1, :4] = 1
    reach = walker().reach((0, 0), grid)
    lengths = [length for length, _, _ in reach.values()]
    assert lengths == sorted(lengths)
    assert reach[(2, 0)][0] == len(way_to((2, 0), reach)) == 10
    assert (1, 0) not in reach


def test_no_way_is_shorter_than_the_distance_where_nothing_is_in_the_way() -> None:
    moves = walker()
    assert moves.distance((3, -2), (), 5) == 5
    assert moves.distance((0, 0), (), 5) == 0
    assert Moves().distance((1, 0), (), 5) is None


def test_a_body_may_turn_on_a_tile_it_never_entered() -> None:
    moves = watched(((1, 1, 0), LEFT, (1, 1, 1)), ((1, 1, 1), LEFT, (1, 1, 0)))
    assert set(moves.reach((2, 2, 0), EMPTY)) == {(2, 2, 0), (2, 2, 1)}
    assert set(moves.ways_to((2, 2, 0), EMPTY)) == {(2, 2, 1)}


def test_a_body_reaches_where_a_move_leads_and_where_it_touched() -> None:
    moves = watched(((1, 1, 0), UP, (2, 1, 0)), ((1, 1, 0), LEFT, (1, 1, 1)))
    assert moves.beside((2, 2, 0), EMPTY) == [(UP, (3, 2))]
    assert moves.beside((2, 2, 1), EMPTY) == []
    moves.touch((2, 2, 1), (2, 3))
    assert moves.beside((1, 1, 1), EMPTY) == [(NO_MOVE, (1, 2))]
    assert moves.beside((1, 4, 1), EMPTY) == []
    assert Moves.unpack(moves.pack(NAMES), NAMES).beside((1, 1, 1), EMPTY) == [(NO_MOVE, (1, 2))]
