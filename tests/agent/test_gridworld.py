"""GridWorld keeps the contract of environments and its own rules."""

from __future__ import annotations

import numpy as np
import pytest

from agent.environment import Cell
from agent.evaluation.shortest import shortest_run
from agent.gridworld import ACTION_NAMES, BOX, CLOSED_DOOR, GOAL, KEY, OPENED_DOOR, TILE_NAMES, WALL, GridWorld
from tests.agent.permuted import PermutedGridWorld
from tests.contracts.environment_contract import EnvironmentContract

UP, DOWN, LEFT, RIGHT, PICKUP, OPEN = range(6)
BEST = [UP, UP, RIGHT, RIGHT, PICKUP, UP, RIGHT, OPEN, UP, RIGHT]


class TestTutorialContract(EnvironmentContract):
    def make(self) -> GridWorld:
        return GridWorld()


class TestOpenContract(EnvironmentContract):
    def make(self) -> GridWorld:
        return GridWorld(6, layout="open")


class TestLockedContract(EnvironmentContract):
    def make(self) -> GridWorld:
        return GridWorld(7, layout="locked")


class TestMazeContract(EnvironmentContract):
    def make(self) -> GridWorld:
        return GridWorld(6, layout="maze")


class TestDisguisedContract(EnvironmentContract):
    def make(self) -> PermutedGridWorld:
        return PermutedGridWorld.drawn(GridWorld(), seed=1)


def run(world: GridWorld, actions: list[int]) -> list[float]:
    """The rewards of the actions."""
    return [world.step(action)[1] for action in actions]


def fresh(size: int = 5) -> GridWorld:
    world = GridWorld(size)
    world.reset()
    return world


def test_the_tutorial_has_its_fixed_places_and_six_actions() -> None:
    assert fresh().get_state() == {
        "agent_pos": (0, 0),
        "has_key": False,
        "door_open": False,
        "at_goal": False,
        "key_pos": (2, 2),
        "door_pos": (3, 3),
        "goal_pos": (4, 4),
        "box_pos": (1, 3),
    }
    assert fresh(9).get_state()["goal_pos"] == (8, 8)
    assert ACTION_NAMES == ("move_up", "move_down", "move_left", "move_right", "pickup_key", "open_door")


def test_the_best_run_takes_10_steps_and_earns_12_3() -> None:
    world = fresh()
    rewards = run(world, BEST)
    assert rewards == [-0.1] * 4 + [1.0, -0.1, -0.1, 2.0, -0.1, 10.0]
    assert sum(rewards) == pytest.approx(12.3)
    assert shortest_run(GridWorld()) == 10


def test_moves_change_x_and_y_and_are_clamped_at_the_edge() -> None:
    world = fresh()
    ways = [(UP, (0, 1)), (RIGHT, (1, 1)), (DOWN, (1, 0)), (LEFT, (0, 0)), (LEFT, (0, 0)), (DOWN, (0, 0))]
    for action, cell in ways:
        assert world.step(action)[0].pose == cell
    run(world, [UP, RIGHT] * 10)
    assert world.get_state()["agent_pos"] == (4, 4)


def test_the_key_is_picked_up_only_on_its_cell_and_only_once() -> None:
    world = fresh()
    assert run(world, [PICKUP]) == [-0.1]
    assert run(world, BEST[:5])[-1] == 1.0
    assert run(world, [PICKUP]) == [-0.1]
    assert world.get_state()["key_pos"] is None


def test_the_door_opens_only_with_the_key_and_pays_only_once() -> None:
    world = fresh()
    assert run(world, [UP, UP, UP, RIGHT, RIGHT, RIGHT, OPEN])[-1] == -0.1
    assert not world.get_state()["door_open"]
    world = fresh()
    assert run(world, [*BEST[:8], OPEN, OPEN])[-3:] == [2.0, -0.1, -0.1]
    assert world.get_state()["door_open"]


def test_the_goal_with_the_door_closed_does_nothing() -> None:
    world = fresh()
    rewards = run(world, [UP, RIGHT] * 4)
    assert world.get_state()["at_goal"]
    assert rewards == [-0.1] * 8
    assert world.step(UP)[2:4] == (False, False)


def test_the_box_does_nothing_and_blocks_nothing() -> None:
    world = fresh()
    rewards = run(world, [UP, UP, UP, RIGHT, PICKUP, OPEN])
    assert world.get_state()["agent_pos"] == world.get_state()["box_pos"]
    assert rewards == [-0.1] * 6


@pytest.mark.parametrize("size", [5, 6])
def test_an_episode_is_truncated_after_ten_times_the_square_of_the_size(size: int) -> None:
    world = fresh(size)
    endings = [world.step(PICKUP)[2:4] for _ in range(10 * size**2)]
    assert endings == [(False, False)] * (10 * size**2 - 1) + [(False, True)]


def test_an_end_in_the_last_step_allowed_is_no_truncation() -> None:
    world = fresh()
    run(world, [PICKUP] * 240 + BEST[:9])
    assert world.step(BEST[9])[1:4] == (10.0, True, False)


def test_the_observation_shows_tiles_and_what_is_carried_and_no_more() -> None:
    world = fresh()
    before = world.reset()[0]
    assert [int(before.grid[cell]) for cell in ((2, 2), (3, 3), (4, 4), (1, 3))] == [KEY, CLOSED_DOOR, GOAL, BOX]
    assert before.carrying is None
    run(world, BEST[:7])
    after = world.step(OPEN)[0]
    assert (after.carrying, int(after.grid[2, 2]), int(after.grid[3, 3])) == (KEY, 0, OPENED_DOOR)
    assert set(vars(after)) == {"pose", "grid", "carrying"}


def test_nobody_can_change_the_world_through_an_observation() -> None:
    with pytest.raises(ValueError, match="read-only"):
        fresh().reset()[0].grid[0, 0] = GOAL


def test_open_layouts_follow_the_seed() -> None:
    def places(seed: int) -> str:
        world = GridWorld(6, layout="open")
        world.reset(seed=seed)
        return str(world.get_state())

    assert places(1) == places(1)
    assert len({places(seed) for seed in range(30)}) == 30


def test_a_reset_without_a_seed_draws_the_next_layout_and_a_layout_seed_fixes_it() -> None:
    world, fixed = GridWorld(6, layout="open"), GridWorld(6, layout="open", layout_seed=3)
    world.reset(seed=1)
    assert len({(world.reset(), world.layout)[1] for _ in range(5)}) == 5
    assert len({(fixed.reset(seed=seed), fixed.layout)[1] for seed in range(5)}) == 1


@pytest.mark.parametrize("layout", ["open", "locked", "maze"])
@pytest.mark.parametrize("size", range(5, 17))
def test_every_drawn_layout_has_distinct_places_and_a_way_to_the_end(layout: str, size: int) -> None:
    for seed in range(6):
        world = GridWorld(size, layout=layout, layout_seed=seed)
        world.reset()
        plan = world.layout
        places = [plan.start, plan.key, plan.door, plan.goal, plan.box, *plan.walls]
        assert len(set(places)) == len(places)
        assert 3 <= shortest_run(world) <= (world.max_steps if layout == "maze" else 10 * size)


def test_a_maze_has_no_loop_and_its_door_parts_start_and_goal() -> None:
    for seed in range(20):
        world = GridWorld(9, layout="maze", layout_seed=seed)
        world.reset()
        passages = {(x, y) for x in range(9) for y in range(9)} - world.layout.walls
        joints = sum(other in passages for x, y in passages for other in ((x + 1, y), (x, y + 1)))
        assert joints == len(passages) - 1
        here = reached(world.layout.start, passages - {world.layout.door})
        assert {world.layout.key, world.layout.box} <= here
        assert world.layout.goal not in here
        assert reached(world.layout.start, passages) == passages
        assert len(passages) > 9 * 9 / 3


def reached(start: Cell, passages: set[Cell]) -> set[Cell]:
    """The cells that can be walked to."""
    found, frontier = {start}, [start]
    for x, y in frontier:
        joined = {(x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)} & (passages - found)
        found |= joined
        frontier += joined
    return found


def test_walls_and_a_closed_locked_door_cannot_be_entered() -> None:
    for seed in range(10):
        world = GridWorld(6, layout="locked", layout_seed=seed)
        observation, _ = world.reset()
        generator = np.random.default_rng(seed)
        while not world.get_state()["door_open"]:
            observation, _, _, truncated, _ = world.step(int(generator.integers(6)))
            if truncated:
                break
            assert TILE_NAMES[int(observation.grid[observation.cell])] not in ("wall", "closed door")


def test_the_wall_of_a_locked_room_parts_start_and_goal() -> None:
    for seed in range(20):
        world = GridWorld(6, layout="locked", layout_seed=seed)
        grid = world.reset()[0].grid
        assert int((grid == WALL).sum()) == 5
        cells = {(x, y) for x in range(6) for y in range(6) if grid[x, y] not in (WALL, CLOSED_DOOR)}
        assert world.layout.key in reached(world.layout.start, cells)
        assert world.layout.goal not in reached(world.layout.start, cells)


def test_a_locked_door_opens_from_beside_it() -> None:
    world = GridWorld(5, layout="locked", layout_seed=0)
    world.reset()
    x, y = world.layout.door
    beside = [(x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)]
    for cell in [*beside, (x + 1, y + 1)]:
        world.reset()
        world._agent, world._has_key = cell, True
        assert (world.step(OPEN)[1] == 2.0) == (cell in beside)


def test_the_text_shows_the_world_with_y_upwards() -> None:
    assert fresh().render() == ". . . . G\n. b . D .\n. . k . .\n. . . . .\nA . . . ."
    world = fresh()
    run(world, BEST[:9])
    assert world.render() == ". . . A G\n. b . d .\n. . . . .\n. . . . .\n. . . . ."


@pytest.mark.parametrize("size", [4, 0, -5, 5.0, "5", True])
def test_a_bad_size_is_refused(size: object) -> None:
    with pytest.raises(ValueError, match="at least 5"):
        GridWorld(size)  # type: ignore[arg-type]


def test_an_unknown_layout_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="tutorial, open, locked, maze"):
        GridWorld(layout="spiral")
