"""The contract of every environment, as a suite to inherit: a subclass says how to make one."""

from __future__ import annotations

import numpy as np
import pytest

from agent.environment import UNSEEN, Environment, Observation

LONGEST = 100_000  # steps after which an environment that never ends is given up


class EnvironmentContract:
    """Inherit as ``class TestMine(EnvironmentContract)`` and define ``make``."""

    def make(self) -> Environment:
        """A new environment, not yet reset; equal each time."""
        raise NotImplementedError

    def test_actions_have_one_distinct_label_each(self) -> None:
        environment = self.make()
        assert environment.action_count == len(environment.action_names) == len(set(environment.action_names)) > 0

    def test_observations_are_what_the_contract_says(self) -> None:
        environment = self.make()
        for observation in _observations(environment, seed=1):
            assert all(type(part) is int for part in observation.pose)
            assert observation.grid.ndim == 2
            assert np.issubdtype(observation.grid.dtype, np.integer)
            assert all(0 <= at < side for at, side in zip(observation.cell, observation.grid.shape, strict=True))
            assert observation.carrying is None or type(observation.carrying) is int
            assert set(observation.grid.ravel().tolist()) <= set(environment.tile_names)
            assert observation.carrying is None or observation.carrying in environment.tile_names
            assert observation.grid[observation.cell] != UNSEEN, "the tile it stands on is always in view"

    def test_a_body_stays_what_it_is_in_a_world_of_one_size(self) -> None:
        seen = list(_observations(self.make(), seed=5))
        assert len({(len(observation.pose), observation.grid.shape) for observation in seen}) == 1

    def test_nobody_is_told_what_happened(self) -> None:
        environment = self.make()
        generator = np.random.default_rng(6)
        _, info = environment.reset(seed=6)
        assert info == {}
        terminated = truncated = False
        while not (terminated or truncated):
            action = int(generator.integers(environment.action_count))
            *_, terminated, truncated, info = environment.step(action)
            assert info == {}

    def test_a_step_gives_gymnasiums_five_values(self) -> None:
        environment = self.make()
        _, info = environment.reset(seed=1)
        assert type(info) is dict
        observation, reward, terminated, truncated, info = environment.step(0)
        assert isinstance(observation, Observation)
        assert [type(reward), type(terminated), type(truncated), type(info)] == [float, bool, bool, dict]

    def test_the_same_seed_and_actions_give_the_same_episode(self) -> None:
        first, second = (list(_observations(self.make(), seed=7)) for _ in range(2))
        assert [_plain(observation) for observation in first] == [_plain(observation) for observation in second]

    def test_an_observation_never_changes_once_it_was_handed_out(self) -> None:
        environment = self.make()
        observations, copies = [], []
        for observation in _observations(environment, seed=3):
            observations.append(observation)
            copies.append(_plain(observation))
        environment.reset(seed=4)
        assert [_plain(observation) for observation in observations] == copies

    def test_every_episode_ends_and_another_can_begin(self) -> None:
        environment = self.make()
        for seed in range(2):
            assert len(list(_observations(environment, seed))) < LONGEST

    def test_no_step_before_a_reset_or_after_the_end(self) -> None:
        environment = self.make()
        with pytest.raises(RuntimeError):
            environment.step(0)
        list(_observations(environment, seed=1))
        with pytest.raises(RuntimeError):
            environment.step(0)

    def test_an_action_that_does_not_exist_is_refused(self) -> None:
        environment = self.make()
        environment.reset(seed=1)
        for action in (-1, environment.action_count):
            with pytest.raises(ValueError, match="action"):
                environment.step(action)


def _observations(environment: Environment, seed: int) -> list[Observation]:
    """Those of one episode of uniformly random actions."""
    generator = np.random.default_rng(seed)
    observations = [environment.reset(seed=seed)[0]]
    while len(observations) < LONGEST:
        observation, _, terminated, truncated, _ = environment.step(int(generator.integers(environment.action_count)))
        observations.append(observation)
        if terminated or truncated:
            break
    return observations


def _plain(observation: Observation) -> tuple[object, ...]:
    return observation.pose, observation.grid.tolist(), observation.carrying
