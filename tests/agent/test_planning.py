"""What is known of operators and moves gives a course to an event from places never been to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agent.contact import BY, ENTER, ON
from agent.effect import Effect
from agent.environment import Observation
from agent.evaluation.rehearsal import rehearsed
from agent.evaluation.shortest import shortest_run
from agent.exploration import CuriousExplorer
from agent.gridworld import GridWorld
from agent.moves import Moves
from agent.operator import Operator
from agent.planning import plan
from agent.procedural import ProceduralMemoryAgent
from agent.training import train
from tests.agent.newborn import new_agent

STEPS = {0: (0, 1), 1: (0, -1), 2: (-1, 0), 3: (1, 0)}
UP, DOWN, LEFT, RIGHT, USE = range(5)
MOVES = Moves(seen={(action, ()): {step: 1} for action, step in STEPS.items()}, entered={0: 5, 2: 5, 4: 5})
KEY, DOOR, GOAL = 2, 3, 5
HELD = [frozenset({"carrying"})]
TAKE = Operator(Effect(KEY, 0, None, KEY, False), USE, ON, {"carrying": None}, list(HELD))
UNLOCK = Operator(Effect(DOOR, 4, KEY, KEY, False), USE, BY, {"carrying": KEY}, list(HELD))
FINISH = Operator(Effect(GOAL, GOAL, KEY, KEY, True), None, ENTER, {"carrying": KEY}, list(HELD))


def room(cell: tuple[int, int], carrying: int | None = KEY, **tiles: int) -> Observation:
    """A wall of tile 1 at x = 3 with a door at (3, 2), and a goal at (4, 4); ``at02=2`` puts tile 2 at (0, 2)."""
    grid = np.zeros((5, 5), dtype=np.int64)
    grid[3] = 1
    grid[3, 2], grid[4, 4] = DOOR, GOAL
    for name, code in tiles.items():
        grid[int(name[2]), int(name[3])] = code
    return Observation(cell, grid, carrying)


def actions(observation: Observation, *operators: Operator) -> list[int] | None:
    course = plan(observation, operators, MOVES)
    return None if course is None else [action for action, _ in course.way]


def test_a_course_goes_to_the_first_event_on_the_way_to_the_end_and_acts_there() -> None:
    assert actions(room((2, 0)), FINISH, UNLOCK, TAKE) == [UP, UP, USE]
    assert actions(room((2, 2)), FINISH, UNLOCK) == [USE]
    course = plan(room((2, 0)), [FINISH, UNLOCK], MOVES)
    assert course is not None
    assert (course.operator, course.cell) == (UNLOCK, (3, 2))
    assert [pose for _, pose in course.way] == [(2, 1), (2, 2), (2, 2)]


def test_a_course_to_step_onto_a_tile_ends_with_the_step() -> None:
    assert actions(room((3, 2), at32=4), FINISH) == [RIGHT, UP, UP]


def test_without_a_way_a_tile_or_a_link_there_is_no_course() -> None:
    assert actions(room((2, 2)), FINISH) is None
    assert actions(room((2, 2)), UNLOCK) is None
    assert actions(room((2, 2), None), UNLOCK, FINISH) is None
    assert actions(room((2, 2), at44=0), UNLOCK, FINISH) is None


def test_the_course_as_a_whole_is_the_shortest_not_its_first_part() -> None:
    two_keys = room((0, 2), None, at04=KEY, at12=KEY, at02=0)
    assert actions(two_keys, TAKE, UNLOCK, FINISH) == [RIGHT, USE]
    nearer_but_off = room((0, 3), None, at04=KEY, at23=KEY)
    assert actions(nearer_but_off, TAKE, UNLOCK, FINISH) is not None
    course = plan(nearer_but_off, [TAKE, UNLOCK, FINISH], MOVES)
    assert course is not None
    assert course.cell == (2, 3), "2 steps and 1, instead of 1 step and 4"


def test_what_is_not_sure_to_work_is_planned_only_when_nothing_else_is() -> None:
    unsure = Operator(FINISH.effect, None, ENTER, {"carrying": KEY, "seen.4": True}, list(HELD))
    beside_goal = room((4, 3))
    assert actions(beside_goal, unsure) == [UP]
    reached = room((2, 2), at44=0, at20=GOAL)
    assert actions(reached, unsure, UNLOCK) == [USE], "first the door, so that the goal is sure"
    unsure.failed({"carrying": KEY})
    assert actions(beside_goal, unsure) is None


def test_what_is_not_sure_is_found_amid_much_that_can_be_done_and_undone() -> None:
    drop = Operator(Effect(0, KEY, KEY, None, False), USE, ON, {"carrying": KEY}, list(HELD))
    shut = Operator(Effect(4, DOOR, KEY, KEY, False), USE, BY, {"carrying": KEY}, list(HELD))
    unsure = Operator(FINISH.effect, None, ENTER, {"carrying": KEY, "seen.9": True, "seen.8": True}, list(HELD))
    grid = np.zeros((12, 12), dtype=np.int64)
    grid[6] = 1
    grid[6, 6], grid[11, 11] = DOOR, GOAL
    course = plan(Observation((0, 0), grid, KEY), [drop, TAKE, shut, UNLOCK, unsure], MOVES, sure=False)
    assert course is not None
    assert course.operator == UNLOCK


def test_what_leads_on_is_sought_before_doors_that_only_open_and_shut() -> None:
    grid = np.zeros((12, 12), dtype=np.int64)
    doors = range(10, 16)
    grid[2, 1:12:2] = doors
    grid[0, 11], grid[11, 11] = KEY, GOAL
    toggles = [
        Operator(Effect(first, second, None, None, False), USE, BY, {"carrying": None}, list(HELD))
        for door in doors
        for first, second in ((door, door + 10), (door + 10, door))
    ]
    unsure = Operator(FINISH.effect, None, ENTER, {"carrying": KEY, "seen.9": True}, list(HELD))
    course = plan(Observation((0, 0), grid, None), [*toggles, TAKE, unsure], MOVES, sure=False)
    assert course is not None
    assert course.operator == TAKE


def test_a_course_may_lead_to_circumstances_that_are_wanted() -> None:
    course = plan(room((2, 0)), [UNLOCK], MOVES, lambda state: "seen.4" in state)
    assert course is not None
    assert course.operator == UNLOCK


def drawn_layouts(count: int, seed: int) -> list[GridWorld]:
    """Worlds of one fixed layout each: open and locked in turn, sizes 5 to 8."""
    generator = np.random.default_rng(seed)
    kinds = [("open", "locked")[index % 2] for index in range(count)]
    return [
        GridWorld(int(generator.integers(5, 9)), layout=kind, layout_seed=int(generator.integers(2**31)))
        for kind in kinds
    ]


def layout_runs(seed: int, worlds: Sequence[GridWorld], training: int = 40) -> list[list[int]]:
    """The steps that one seed's agent takes in ``worlds``: with memory and plans, with memory alone, as the control.

    The agent trains on ``training`` layouts of its own, one episode each, then meets each world for one episode from
    which nothing is kept. The control is the same agent, skills off, with the same generator.
    """
    agent, control = new_agent(seed), new_agent(seed, use_skills=False)
    for world in drawn_layouts(training, seed):
        agent.run_episode(world)
    alone = ProceduralMemoryAgent(agent.library, agent.generator, plans=False)
    return [
        [rehearsed(tested, world, [seed, index]).steps for index, world in enumerate(worlds)]
        for tested in (agent, alone, control)
    ]


def test_a_trained_agent_takes_the_shortest_way_in_layouts_never_seen_with_plans_and_without() -> None:
    worlds = drawn_layouts(6, seed=77)
    shortest = sum(shortest_run(world) for world in worlds)
    with_plans, alone, control = layout_runs(0, worlds, training=20)
    assert sum(with_plans) <= 1.03 * shortest
    assert sum(alone) <= 1.2 * shortest
    assert sum(control) > 5 * shortest


def test_a_plan_that_worked_is_kept_as_skills_that_do_without_planning() -> None:
    agent = new_agent(2, explorer=CuriousExplorer())
    assert list(train(GridWorld(), agent, 4))[-1].steps == 10
    skills = len(agent.library)
    world = GridWorld(14, layout="open", layout_seed=5)
    (episode,) = train(world, agent, 1)
    assert episode.steps == shortest_run(world)
    assert agent.planned > 0
    assert episode.skills > skills
    without_plans = ProceduralMemoryAgent(agent.library, np.random.default_rng(0), plans=False)
    assert without_plans.run_episode(world).steps == episode.steps
    assert without_plans.planned == 0


def test_what_is_kept_saves_nearly_all_planning() -> None:
    agent, world = new_agent(0, explorer=CuriousExplorer()), GridWorld(7, layout="locked")
    list(train(world, agent, 40))
    planned, seeds = agent.planned, range(900, 920)
    steps = sum(agent.run_episode(world, seed=seed, learn=False).steps for seed in seeds)
    assert steps == sum(shortest_run(world, seed) for seed in seeds)
    assert agent.planned - planned <= 1, "of 60 events; 3 without two ways being joined"
