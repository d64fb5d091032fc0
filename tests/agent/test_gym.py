"""GridWorld under Gymnasium: its checker has nothing to say, and the rules are the same."""

from __future__ import annotations

import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pytest

from agent.gridworld import KEY, GridWorld

gymnasium = pytest.importorskip("gymnasium", reason="Gymnasium's worlds need pip install 'skillstore[gym]'")

NAME = "agent.worlds.gym:skillstore/GridWorld-v0"


@pytest.mark.parametrize(("size", "layout"), [(5, "tutorial"), (6, "open"), (8, "locked"), (9, "maze")])
def test_gymnasiums_checker_finds_nothing(size: int, layout: str) -> None:
    from gymnasium.utils.env_checker import check_env

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gymnasium.make(NAME, size=size, layout=layout, render_mode="ansi").unwrapped)


def test_the_rules_are_those_of_gridworld() -> None:
    env, world = gymnasium.make(NAME), GridWorld()
    shown, _ = env.reset(seed=1)
    world.reset()
    assert shown["pose"].tolist() == [0, 0]
    for action in np.random.default_rng(2).integers(6, size=200).tolist():
        shown, *rest = env.step(np.int64(action))
        observation, *expected = world.step(action)
        assert rest == expected
        assert tuple(shown["pose"].tolist()) == observation.pose
        assert np.array_equal(shown["grid"], observation.grid)
        assert shown["carrying"] == (observation.carrying == KEY)
        if rest[1] or rest[2]:
            break


def test_layouts_follow_the_seed_through_later_resets() -> None:
    def layouts(seed: int) -> list[Any]:
        env = gymnasium.make(NAME, size=8, layout="maze")
        return [env.reset(seed=seed)[0]["grid"].tolist(), *(env.reset()[0]["grid"].tolist() for _ in range(3))]

    assert layouts(3) == layouts(3)
    assert len({str(grid) for grid in [*layouts(3), *layouts(4)]}) == 8


def test_it_is_drawn_as_text() -> None:
    env = gymnasium.make(NAME, render_mode="ansi")
    env.reset(seed=0)
    assert env.render() == ". . . . G\n. b . D .\n. . k . .\n. . . . .\nA . . . ."
    assert gymnasium.make(NAME).unwrapped.render() is None


def test_without_gymnasium_the_error_names_the_extra() -> None:
    code = "import sys; sys.modules['gymnasium'] = None; import agent.worlds.gym"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "skillstore[gym]" in done.stderr


def test_options_that_would_do_nothing_are_refused() -> None:
    world = gymnasium.make(NAME)
    world.reset(options={})
    with pytest.raises(ValueError, match="'layout'"):
        world.reset(options={"layout": "maze"})
