"""The baselines do what they are labelled as."""

from __future__ import annotations

import numpy as np
import pytest

from agent.baselines import GuidedAgent, TabularAgent
from agent.evaluation.shortest import shortest_run
from agent.gridworld import GridWorld


@pytest.mark.parametrize("planning_steps", [0, 20])
def test_a_tabular_agent_learns_the_tutorial(planning_steps: int) -> None:
    agent = TabularAgent(np.random.default_rng(0), planning_steps, initial=1.0)
    run = [agent.run_episode(GridWorld()) for _ in range(40)]
    assert run[0].steps > 50
    assert [episode.steps for episode in run[-5:]] == [10] * 5
    assert run[-1].reward == pytest.approx(12.3)
    assert [episode.index for episode in run] == list(range(40))


def test_an_end_has_no_future() -> None:
    agent = TabularAgent(np.random.default_rng(0), initial=100.0, discount=1.0)
    for _ in range(30):
        last = agent.run_episode(GridWorld())
        if last.success:
            break
    ends = [agent.values[state][action] for (state, action), (_, _, end) in agent.model.items() if end]
    assert ends == [10.0]


def test_planning_saves_steps() -> None:
    def steps(planning_steps: int, seed: int) -> int:
        agent = TabularAgent(np.random.default_rng(seed), planning_steps, initial=1.0)
        return sum(agent.run_episode(GridWorld()).steps for _ in range(20))

    assert sum(steps(20, seed) for seed in range(4)) < 0.8 * sum(steps(0, seed) for seed in range(4))


@pytest.mark.parametrize("seed", range(5))
def test_the_guided_walk_is_the_shortest_in_open_worlds(seed: int) -> None:
    world = GridWorld(7, layout="open", layout_seed=seed)
    shortest = shortest_run(GridWorld(7, layout="open", layout_seed=seed))
    episode = GuidedAgent().run_episode(world)
    assert episode.success
    assert episode.steps == shortest
