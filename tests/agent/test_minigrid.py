"""MiniGrid's environments keep our contract and show what MiniGrid shows, no more."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from agent.environment import UNSEEN, Environment, Observation
from agent.evaluation.shortest import shortest_in_minigrid
from agent.worlds.disguise import Disguise
from agent.worlds.minigrid import EMPTY, MiniGrid
from tests.contracts.environment_contract import EnvironmentContract

pytest.importorskip("minigrid", reason="MiniGrid's worlds need pip install 'skillstore[gym]'")

LEFT, RIGHT, FORWARD, PICKUP, DROP, TOGGLE, DONE = range(7)
DOORKEY = "MiniGrid-DoorKey-5x5-v0"


class TestFullContract(EnvironmentContract):
    def make(self) -> Environment:
        return MiniGrid(DOORKEY)


class TestPartialContract(EnvironmentContract):
    def make(self) -> Environment:
        return MiniGrid("MiniGrid-KeyCorridorS3R1-v0", view="partial")


class TestLavaContract(EnvironmentContract):
    def make(self) -> Environment:
        return MiniGrid("MiniGrid-LavaGapS5-v0")


class TestDisguisedContract(EnvironmentContract):
    def make(self) -> Environment:
        return Disguise(MiniGrid("MiniGrid-MultiRoom-N2-S4-v0", view="partial"), seed=3)


def walked(world: MiniGrid, seed: int, steps: int = 200) -> list[Observation]:
    """What is seen on a random walk, over several episodes."""
    generator = np.random.default_rng(seed)
    observations = [world.reset(seed=seed)[0]]
    for _ in range(steps):
        observation, _, terminated, truncated, _ = world.step(int(generator.integers(world.action_count)))
        observations.append(observation)
        if terminated or truncated:
            observations.append(world.reset()[0])
    return observations


def test_the_codes_are_the_objects_of_the_grid_at_x_and_y() -> None:
    world = MiniGrid("MiniGrid-UnlockPickup-v0")
    for seed in range(5):
        observation, _ = world.reset(seed=seed)
        inner: Any = world._env
        assert observation.pose == (*map(int, inner.agent_pos), inner.agent_dir)
        for x in range(inner.grid.width):
            for y in range(inner.grid.height):
                thing, word = inner.grid.get(x, y), world.tile_names[int(observation.grid[x, y])]
                if thing is None:
                    assert int(observation.grid[x, y]) == EMPTY
                elif thing.type == "door":
                    assert word == f"{'locked' if thing.is_locked else 'closed'} {thing.color} door"
                else:
                    assert word == f"{thing.color} {thing.type}"


def test_no_two_kinds_of_tile_share_a_code() -> None:
    names = list(MiniGrid(DOORKEY).tile_names.values())
    assert len(set(names)) == len(names) > 60


def test_a_partial_view_is_the_part_of_the_grid_that_minigrid_shows() -> None:
    partial, full = MiniGrid("MiniGrid-DoorKey-8x8-v0", view="partial"), MiniGrid("MiniGrid-DoorKey-8x8-v0")
    hidden = 0
    for narrow, wide in zip(walked(partial, 4), walked(full, 4), strict=True):
        assert narrow.pose == wide.pose
        assert narrow.carrying == wide.carrying
        seen = narrow.grid != UNSEEN
        assert np.array_equal(narrow.grid[seen], wide.grid[seen])
        assert seen[narrow.cell]
        hidden += int((~seen).sum())
    assert hidden > 0


def test_a_partial_view_agrees_with_minigrids_own_image() -> None:
    """MiniGrid's image is turned so that the agent looks up from the middle of the last row."""
    world = MiniGrid("MiniGrid-MultiRoom-N4-S5-v1", view="partial")
    for observation in walked(world, 2, steps=60)[:60]:
        assert int((observation.grid != UNSEEN).sum()) <= 49
    for seed in range(12):
        observation, _ = world.reset(seed=seed)
        inner: Any = world._env
        image = inner.gen_obs()["image"]
        shown = sorted(int(code) for code in observation.grid[observation.grid != UNSEEN])
        expected = sorted(int(a * 18 + b * 3 + c) for a, b, c in image.reshape(-1, 3).tolist() if a)
        assert shown == expected


def test_a_key_is_carried_under_the_code_of_its_tile() -> None:
    world = MiniGrid(DOORKEY)
    generator = np.random.default_rng(0)
    observation, _ = world.reset(seed=0)
    while observation.carrying is None:
        before = observation
        observation, *_ = world.step(int(generator.integers(5)))
    assert observation.carrying in before.grid
    assert observation.carrying not in observation.grid
    assert world.tile_names[observation.carrying] == "yellow key"


def test_the_reward_is_minigrids_and_lava_ends_without_one() -> None:
    world = MiniGrid("MiniGrid-LavaGapS5-v0")
    ends: dict[bool, int] = {True: 0, False: 0}
    generator = np.random.default_rng(0)
    for seed in range(300):
        world.reset(seed=seed)
        terminated = truncated = False
        steps = 0
        while not (terminated or truncated):
            _, reward, terminated, truncated, _ = world.step(int(generator.integers(3)))
            steps += 1
        if terminated:
            ends[reward > 0] += 1
            assert reward == 0 or reward == pytest.approx(1 - 0.9 * steps / world._env.max_steps)
    assert min(ends.values()) > 0


@pytest.mark.filterwarnings("ignore:.*out of date:DeprecationWarning")
def test_every_grid_of_minigrid_can_be_entered() -> None:
    import gymnasium

    names = [name for name in gymnasium.registry if name.startswith("MiniGrid-") and "WFC" not in name]
    assert len(names) > 50
    for name in names:  # those with WFC need packages of their own
        world = MiniGrid(name, view="partial")
        for observation in walked(world, seed=1, steps=8):
            assert set(observation.grid.ravel().tolist()) <= set(world.tile_names)


@pytest.mark.parametrize("name", ["DoorKey-5x5", "Unlock", "MultiRoom-N2-S4"])
def test_trying_an_action_on_a_copy_is_doing_it_and_leaves_the_world_as_it_was(name: str) -> None:
    world = MiniGrid(f"MiniGrid-{name}-v0")
    generator = np.random.default_rng(5)
    for seed in range(3):
        world.reset(seed=seed)
        copied, terminated, truncated = world, False, False
        for _ in range(300):
            before, action = copied.situation, int(generator.integers(7))
            after, ended = copied.happens(action)
            assert copied.situation == before
            observation, reward, terminated, truncated, _ = world.step(action)
            assert (*observation.pose, observation.carrying, observation.grid.tobytes()) == after.situation
            assert ended == (terminated and reward > 0)
            copied = after
            if terminated or truncated:
                break


def test_the_shortest_path_in_a_grid_is_one_and_no_random_run_is_shorter() -> None:
    world, generator, ends = MiniGrid(DOORKEY), np.random.default_rng(0), 0
    for seed in range(12):
        shortest = shortest_in_minigrid(world, seed)
        assert shortest == shortest_in_minigrid(world, seed, useless=("done",))
        world.reset(seed=seed)
        steps, terminated, truncated = 0, False, False
        while not (terminated or truncated):
            _, _, terminated, truncated, _ = world.step(int(generator.integers(6)))
            steps += 1
        ends += terminated
        assert not terminated or steps >= shortest >= 5
    assert ends > 0
    with pytest.raises(ValueError, match="no way"):
        shortest_in_minigrid(world, 1, useless=("toggle",))


def test_a_door_opened_on_a_copy_is_shut_in_the_world() -> None:
    """Unlock ends when the door that it remembers is open, which must be the copy's."""
    world = MiniGrid("MiniGrid-Unlock-v0")
    assert shortest_in_minigrid(world, 3) == shortest_in_minigrid(world, 3) > 3


def test_settings_reach_minigrid() -> None:
    world = MiniGrid("MiniGrid-MultiRoom-N6-v0", minNumRooms=7, maxNumRooms=7, maxRoomSize=8)
    world.reset(seed=1)
    assert len(world._env.rooms) == 7  # type: ignore[attr-defined]


def test_an_unknown_name_or_view_is_refused() -> None:
    with pytest.raises(ValueError, match="MiniGrid-Nothing-v0"):
        MiniGrid("MiniGrid-Nothing-v0")
    with pytest.raises(ValueError, match="not one of MiniGrid's"):
        MiniGrid("CartPole-v1")
    with pytest.raises(ValueError, match="full or partial"):
        MiniGrid(DOORKEY, view="sideways")


def test_without_minigrid_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "minigrid", None)
    with pytest.raises(ImportError, match=r"skillstore\[gym\]"):
        MiniGrid(DOORKEY)


def test_making_a_world_prints_nothing() -> None:
    code = f"from agent.worlds.minigrid import MiniGrid; MiniGrid({DOORKEY!r}).reset(seed=1)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"max_episode_steps": 3}, "give max_steps"),
        ({"disable_env_checker": True}, "gymnasium.make"),
        ({"render_mode": "human"}, "pictures"),
        ({"agent_view_size": 5}, "view='partial'"),
        ({"see_through_walls": True, "view": "full"}, "view='partial'"),
        ({"no_such_setting": 3}, "no_such_setting=3"),
        ({"max_steps": "few"}, "max_steps='few'"),
        ({"agent_view_size": 4, "view": "partial"}, "agent_view_size=4"),
    ],
)
def test_a_setting_without_effect_is_refused_with_the_way_out(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words.replace(".", r"\.")):
        MiniGrid("MiniGrid-Empty-5x5-v0", **settings)


def test_max_steps_ends_an_episode_and_a_wider_view_shows_more() -> None:
    world = MiniGrid("MiniGrid-Empty-5x5-v0", max_steps=3)
    world.reset(seed=0)
    assert [world.step(0)[3] for _ in range(3)] == [False, False, True]
    narrow, wide = (MiniGrid(DOORKEY, view="partial", agent_view_size=size).reset(seed=0)[0] for size in (3, 7))
    assert (narrow.grid == UNSEEN).sum() > (wide.grid == UNSEEN).sum()
