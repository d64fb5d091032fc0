"""Worlds made of others keep the contract, and do what they say."""

from __future__ import annotations

import numpy as np
import pytest

from agent.environment import Environment
from agent.gridworld import KEY, GridWorld
from agent.worlds.curtain import Curtain, taken
from agent.worlds.disguise import Disguise
from agent.worlds.slips import Slips
from tests.contracts.environment_contract import EnvironmentContract


class TestSlipsContract(EnvironmentContract):
    def make(self) -> Environment:
        return Slips(GridWorld(6, layout="maze"), 0.3)


class TestDisguiseContract(EnvironmentContract):
    def make(self) -> Environment:
        return Disguise(GridWorld(6, layout="locked"), seed=5)


class TestCurtainContract(EnvironmentContract):
    def make(self) -> Environment:
        return Curtain(Slips(Disguise(GridWorld(), seed=5), 0.1))


class Counting(GridWorld):
    """Writes down what really happens."""

    def __init__(self) -> None:
        super().__init__(8)
        self.happened: list[int] = []

    def step(self, action: int):  # type: ignore[no-untyped-def]
        self.happened.append(action)
        return super().step(action)


def slipped(chance: float, action: int, steps: int = 600) -> list[int]:
    """What happens when the same action is taken again and again."""
    world = Counting()
    slips = Slips(world, chance)
    slips.reset(seed=1)
    for _ in range(steps):
        slips.step(action)
    return world.happened


def test_the_share_of_slips_is_as_asked_and_any_other_action_happens() -> None:
    happened = slipped(0.1, action=4)
    wrong = [action for action in happened if action != 4]
    assert 0.06 < len(wrong) / len(happened) < 0.15
    assert set(wrong) == {0, 1, 2, 3, 5}
    assert slipped(0.0, action=4) == [4] * 600
    assert 4 not in slipped(1.0, action=4, steps=50)


def test_slips_are_bounded_and_need_another_action() -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        Slips(GridWorld(), 1.5)


def test_a_disguise_shows_the_same_world_in_other_codes_and_another_order() -> None:
    plain, disguised = GridWorld(), Disguise(GridWorld(), seed=3)
    first, _ = plain.reset()
    shown, _ = disguised.reset()
    code = {word: code for code, word in disguised.tile_names.items()}
    assert set(code) == set(GridWorld.tile_names.values())
    for tile, word in GridWorld.tile_names.items():
        assert np.argwhere(shown.grid == code[word]).tolist() == np.argwhere(first.grid == tile).tolist()
    assert disguised.action_names != GridWorld.action_names
    poses = sorted(Disguise(GridWorld(), seed=3).reset()[0].pose for _ in range(1))
    assert poses == [(0, 0)]


def test_what_is_carried_has_the_code_of_its_tile() -> None:
    world = Disguise(GridWorld(), seed=3)
    generator = np.random.default_rng(0)
    observation, _ = world.reset()
    while observation.carrying is None:
        observation, _, _, truncated, _ = world.step(int(generator.integers(6)))
        assert not truncated
    assert world.tile_names[observation.carrying] == GridWorld.tile_names[KEY]


def test_seeds_disguise_alike_and_differently() -> None:
    def signature(seed: int) -> tuple[object, ...]:
        world = Disguise(GridWorld(), seed=seed)
        return world.action_names, dict(world.tile_names), world.reset()[0].grid.tolist(), str(world._order)

    assert signature(1) == signature(1)
    assert len({str(signature(seed)) for seed in range(8)}) == 8


def test_nothing_is_behind_a_curtain_but_the_contract() -> None:
    curtain = Curtain(GridWorld())
    curtain.reset()
    public = {name for name in dir(curtain) if not name.startswith("_")}
    assert public == {"action_count", "action_names", "reset", "step", "tile_names"}
    for name in ("get_state", "layout", "render", "world", "_world", "size"):
        assert not hasattr(curtain, name)
    with pytest.raises(AttributeError):
        curtain.world = 1  # type: ignore[attr-defined]


def test_a_curtain_keeps_the_actions_for_the_evaluation_and_the_info_for_itself() -> None:
    class Telling(GridWorld):
        def step(self, action: int):  # type: ignore[no-untyped-def]
            return *super().step(action)[:4], self.get_state()

    curtain = Curtain(Telling())
    curtain.reset()
    assert [curtain.step(action)[4] for action in (0, 3, 5)] == [{}] * 3
    assert taken(curtain) == [0, 3, 5]
    curtain.reset()
    assert taken(curtain) == []
