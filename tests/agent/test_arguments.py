"""What worlds and agents are given: numbers of numpy count, and what is none is refused by an error of the tree."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from agent import (
    ENCODER_DIM,
    CuriousExplorer,
    FrontierExplorer,
    GridWorld,
    History,
    Observation,
    ProceduralMemoryAgent,
    train,
)
from agent.worlds.disguise import Disguise
from agent.worlds.slips import Slips
from skillstore import InvalidInputError, SkillLibrary
from tests.skillstore.foreign import Broken, BrokenNumber, Series

NO_NUMBERS: list[Any] = [1.5, "7", b"7", True, np.zeros(2), -1, {7}, Broken(), Series({"a": 1}), [7]]

NO_PARTS: list[Any] = [1.5, "7", b"7", np.zeros(2), Broken(), BrokenNumber(10**5000), GridWorld]


def agent_of(**given: Any) -> ProceduralMemoryAgent:
    parts = {"library": SkillLibrary(embedding_dim=ENCODER_DIM), "generator": np.random.default_rng(0)}
    return ProceduralMemoryAgent(**{**parts, "explorer": CuriousExplorer(), **given})


def started(world: Any) -> Any:
    world.reset(seed=0)
    return world


class InNumpy:
    """A world that speaks in numpy's numbers, as many of Gymnasium do."""

    def __init__(self) -> None:
        self._world = GridWorld()
        self.action_count = np.int64(self._world.action_count)
        self.action_names, self.tile_names = self._world.action_names, self._world.tile_names

    def reset(self, *, seed: Any = None) -> Any:
        observation, info = self._world.reset(seed=seed)
        return self._shown(observation), info

    def step(self, action: Any) -> Any:
        observation, reward, terminated, truncated, info = self._world.step(action)
        ended = np.bool_(terminated), np.bool_(truncated)
        return self._shown(observation), np.float64(reward), *ended, info

    @staticmethod
    def _shown(observation: Observation) -> Observation:
        carrying = None if observation.carrying is None else np.int64(observation.carrying)
        return Observation(tuple(np.array(observation.pose)), observation.grid, carrying)  # type: ignore[arg-type]


def test_numbers_of_numpy_are_numbers() -> None:
    world = GridWorld(np.int64(6), layout=np.str_("open"), layout_seed=np.array(3))  # type: ignore[arg-type]
    assert (type(world.size), world.size) == (int, 6)
    assert started(world).step(np.int64(1))[0].cell == started(world).step(1)[0].cell
    assert started(Slips(world, np.float32(0))).step(np.uint8(1))[0].cell == started(world).step(1)[0].cell  # type: ignore[arg-type]
    one = list(train(GridWorld(), agent_of(), np.int64(2), seed=np.uint32(5)))  # type: ignore[arg-type]
    assert one == list(train(GridWorld(), agent_of(use_skills=np.True_, name=np.str_("agent")), 2, seed=5))


def test_a_world_that_speaks_in_numpy_teaches_the_same() -> None:
    agents = agent_of(), agent_of()
    worlds: list[Any] = [GridWorld(), InNumpy()]
    runs = [list(train(world, agent, 4)) for world, agent in zip(worlds, agents, strict=True)]
    assert runs[0] == runs[1]
    assert list(agents[0].library) == list(agents[1].library)
    assert dict(agents[0].library.notes) == dict(agents[1].library.notes)


@pytest.mark.parametrize("place", range(len(NO_NUMBERS)))  # pytest cannot name what raises at each question
def test_what_is_no_number_is_refused(place: int) -> None:
    wrong, half = NO_NUMBERS[place], NO_NUMBERS[0]
    for refused in (
        lambda: GridWorld(wrong),
        lambda: GridWorld(layout=wrong),
        lambda: GridWorld(layout_seed=wrong),
        lambda: GridWorld().reset(seed=wrong),
        lambda: started(GridWorld()).step(wrong),
        lambda: started(Slips(GridWorld(), 0.5)).step(wrong),
        lambda: started(Disguise(GridWorld(), 1)).step(wrong),
        lambda: Slips(GridWorld(), wrong),
        lambda: Disguise(GridWorld(), wrong),
        lambda: list(train(GridWorld(), agent_of(), wrong)),
        lambda: list(train(GridWorld(), agent_of(), 1, seed=wrong)),
        lambda: agent_of().run_episode(GridWorld(), seed=wrong),
        lambda: Observation((half if type(wrong) is int else wrong, 0), np.zeros((1, 1), dtype=np.int64), None),
    ):
        with pytest.raises(InvalidInputError):
            refused()


@pytest.mark.parametrize("place", range(len(NO_PARTS)))
def test_what_is_no_part_of_an_agent_is_refused(place: int) -> None:
    wrong = NO_PARTS[place]
    for refused in (
        lambda: agent_of(library=wrong),
        lambda: agent_of(generator=wrong),
        lambda: agent_of(explorer=wrong),
        lambda: agent_of(use_skills=wrong),
        lambda: agent_of(plans=wrong),
        lambda: agent_of(name=wrong if not isinstance(wrong, str) else 7),
        lambda: agent_of().run_episode(GridWorld(), learn=wrong),
        lambda: agent_of().run_episode(wrong),
        lambda: list(train(wrong, agent_of(), 1)),
        lambda: list(train(GridWorld(), wrong, 1)),
        lambda: GridWorld(wrong),
        lambda: History(1.5 if hasattr(type(wrong), "__iter__") else wrong),  # type: ignore[arg-type]
        lambda: History().save(wrong if not isinstance(wrong, str | bytes) else 7),  # type: ignore[arg-type]
    ):
        with pytest.raises(InvalidInputError):
            refused()


def test_an_explorer_may_be_one_of_any_kind() -> None:
    assert agent_of(explorer=FrontierExplorer()).explorer.name == "frontier"
    assert agent_of(explorer=None).explorer.name == "random"
