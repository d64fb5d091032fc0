"""What is known of operators and moves gives a way to an effect from places never been to."""

from __future__ import annotations

import numpy as np

from agent import facts
from agent.effect import Effect
from agent.environment import Observation
from agent.evaluation import drawn_layouts, layout_runs, new_agent, shortest_run
from agent.gridworld import GridWorld
from agent.knowledge import Knowledge
from agent.moves import Moves
from agent.operator import Operator
from agent.planning import plan
from agent.procedural import ProceduralMemoryAgent
from agent.trace import Trace
from agent.training import train

NAMES = ("up", "down", "left", "right", "use")
STEPS = {0: (0, 1), 1: (0, -1), 2: (-1, 0), 3: (1, 0)}
MOVES = Moves(seen={(action, ()): {step: 1} for action, step in STEPS.items()}, entered={0: None})
DOOR, GOAL = 3, 5
UNLOCK = Operator(Effect(DOOR, 4, 2, 2, False), "use", (1, 0), {})
FINISH = Operator(Effect(GOAL, GOAL, 2, 2, True), None, (0, 0), {})


def room(cell: tuple[int, int]) -> Observation:
    """A wall of tile 1 at x = 3 with a door at (3, 2), and a goal at (1, 4)."""
    grid = np.zeros((5, 5), dtype=np.int64)
    grid[3] = 1
    grid[3, 2], grid[1, 4] = DOOR, GOAL
    return Observation(cell, grid, 2)


def actions(cell: tuple[int, int], operator: Operator) -> list[str] | None:
    piece = plan(room(cell), operator, MOVES, NAMES)
    return None if piece is None else [NAMES[action] for action, _ in piece.way]


def test_a_plan_goes_to_the_contact_and_acts_there() -> None:
    assert actions((2, 0), UNLOCK) == ["up", "up", "use"]
    assert actions((2, 2), UNLOCK) == ["use"]
    piece = plan(room((2, 0)), UNLOCK, MOVES, NAMES)
    assert piece is not None
    assert (piece.away, [pose for _, pose in piece.way]) == ((1, 2), [(0, 1), (0, 2), (0, 2)])


def test_a_plan_to_step_onto_a_tile_ends_with_the_step() -> None:
    assert actions((1, 2), FINISH) == ["up", "up"]
    assert actions((1, 4), FINISH) is None


def test_without_a_way_a_tile_or_the_action_there_is_no_plan() -> None:
    assert actions((4, 2), UNLOCK) is None
    assert actions((2, 2), Operator(Effect(9, 0, 2, 2, False), "use", (0, 0), {})) is None
    assert actions((2, 2), Operator(UNLOCK.effect, "kick", (1, 0), {})) is None
    assert actions((4, 0), Operator(UNLOCK.effect, "use", (-2, 0), {})) is None


def test_of_several_operators_the_one_with_the_shortest_way_is_planned_with() -> None:
    agent, world = new_agent(0), GridWorld()
    trace = Trace(world.reset()[0])
    near, far = (Operator(Effect(2, 0, None, 2, False), "pickup_key", contact, {}) for contact in ((1, 0), (-1, 0)))
    agent.knowledge = Knowledge(MOVES, [near, far])
    state = facts.of(trace.observation, MOVES)
    for agent.knowledge.operators in ([near, far], [far, near]):
        planned = agent._planned(near.effect, state, trace, world)
        assert planned is not None
        assert len(planned.action_sequence) == 4


def test_with_plans_a_trained_agent_takes_about_the_shortest_way_in_layouts_never_seen() -> None:
    worlds = drawn_layouts(6, seed=77)
    shortest = sum(shortest_run(world) for world in worlds)
    with_plans, alone, control = layout_runs(0, worlds, training=20)
    assert sum(with_plans) <= 1.1 * shortest
    assert sum(with_plans) < sum(alone) < sum(control)


def test_a_plan_that_worked_is_kept_as_a_skill_and_was_no_use_of_one() -> None:
    agent = new_agent(2)
    assert list(train(GridWorld(), agent, 4))[-1].steps == 10
    uses, skills = agent.knowledge.uses, len(agent.library)
    world = GridWorld(9, layout="open", layout_seed=5)
    (episode,) = train(world, agent, 1)
    assert episode.steps == shortest_run(world)
    assert episode.uses - uses < 3
    assert episode.skills > skills
    without_plans = ProceduralMemoryAgent(agent.library, np.random.default_rng(0), plans=False)
    assert without_plans.run_episode(world).steps == episode.steps
    assert without_plans.knowledge.uses == episode.uses + 3
