"""An animation shows the episodes and says how they ended."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from agent.animation import AGENT, CAPTION, CELL, MARGIN, Film, animate
from agent.environment import UNSEEN, Environment, Observation
from agent.gridworld import GridWorld
from tests.contracts.environment_contract import EnvironmentContract

image = pytest.importorskip("PIL.Image")
BEST = [0, 0, 3, 3, 4, 0, 3, 5, 0, 3]


class TestFilmContract(EnvironmentContract):
    def make(self) -> Environment:
        return Film(GridWorld(6, layout="maze"))


def filmed(actions: list[int]) -> Film:
    film = Film(GridWorld(), "film")
    film.reset()
    for action in actions:
        film.step(action)
    return film


def test_each_step_is_a_frame_and_the_agent_is_where_it_was(tmp_path: Path) -> None:
    film = filmed(BEST)
    animate(tmp_path / "film.gif", [film])
    with image.open(tmp_path / "film.gif") as shown:
        assert shown.n_frames == len({(o.pose, o.carrying, o.grid.tobytes()) for o in film.seen})
        assert shown.size[1] == 5 * CELL + 2 * MARGIN + CAPTION
        start = shown.convert("RGB").getpixel((MARGIN + 7, MARGIN + 4 * CELL + CELL // 2 - 1))
        assert start == tuple(int(AGENT[at : at + 2], 16) for at in (1, 3, 5)), "(0, 0) is below on the left"


def test_the_caption_tells_how_it_ended() -> None:
    assert filmed(BEST).caption(4) == "film: step 4"
    assert filmed(BEST).caption(10) == "film: solved, 10 steps"
    assert filmed(BEST[:3]).caption(3) == "film: not solved, 3 steps"


def test_a_long_film_is_cut_and_ends_with_its_end(tmp_path: Path) -> None:
    film = filmed([0, 1] * 50)
    animate(tmp_path / "film.gif", [film, filmed(BEST)], most=8)
    with image.open(tmp_path / "film.gif") as shown:
        assert shown.n_frames <= 9


def test_a_body_that_turns_and_a_view_that_ends_can_be_drawn(tmp_path: Path) -> None:
    film = Film(GridWorld(), "turning")
    grid = np.array([[0, 1, UNSEEN], [2, 3, 4]])
    film.seen = [Observation((1, 1, heading), grid, 2) for heading in range(4)]
    animate(tmp_path / "film.gif", [film])
    with image.open(tmp_path / "film.gif") as shown:
        assert shown.n_frames == 4
        assert shown.size[0] == 200 + 2 * MARGIN


def test_a_film_without_an_episode_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing to show"):
        animate(tmp_path / "film.gif", [Film(GridWorld())])
    assert not (tmp_path / "film.gif").exists()
