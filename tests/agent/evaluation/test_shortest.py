"""The search that knows everything, and the layouts it is asked about."""

from __future__ import annotations

import numpy as np
import pytest

from agent.evaluation import seeds
from agent.evaluation.grids import hidden, shown, training
from agent.evaluation.shortest import shortest_run
from agent.gridworld import GridWorld


def layouts(worlds: list[GridWorld]) -> list[object]:
    return [(world.reset(), world.layout)[1] for world in worlds]


def test_the_shortest_run_goes_by_key_and_door() -> None:
    assert [shortest_run(GridWorld(size)) for size in (5, 6, 7)] == [10, 12, 14]


@pytest.mark.parametrize("kind", ["open", "locked", "maze"])
def test_no_random_run_is_shorter_than_the_shortest(kind: str) -> None:
    generator, solved = np.random.default_rng(0), 0
    for seed in range(40):
        world = GridWorld(5, layout=kind, layout_seed=seed % 4)
        shortest, steps, terminated, truncated = shortest_run(world), 0, False, False
        world.reset()
        while not (terminated or truncated):
            _, _, terminated, truncated, _ = world.step(int(generator.integers(6)))
            steps += 1
        solved += terminated
        assert not terminated or steps >= shortest
    assert solved > 0


def test_the_search_leaves_the_world_as_it_is() -> None:
    world = GridWorld(6, layout="maze", layout_seed=1)
    world.reset()
    world.step(0)
    before = str(world.get_state())
    assert shortest_run(world) == shortest_run(world)
    assert str(world.get_state()) == before


def test_a_seed_says_which_layout_is_meant() -> None:
    drawn = GridWorld(7, layout="locked")
    for seed in range(5):
        assert shortest_run(drawn, seed) == shortest_run(GridWorld(7, layout="locked", layout_seed=seed))


def test_hidden_layouts_are_all_different_and_none_was_trained_on() -> None:
    trained, examined = training(5, "maze 6", 60), hidden(5, "maze 6", 30, training(5, "maze 6", 60))
    assert len(set(layouts(examined))) == 30
    assert not set(layouts(examined)) & set(layouts(trained))
    again = hidden(5, "maze 6", 30, trained)
    assert layouts(again) == layouts(examined)
    kept_out = hidden(5, "maze 6", 30, examined)  # had these been trained on, none of them would be hidden
    assert not set(layouts(kept_out)) & set(layouts(examined))


def test_runs_and_purposes_have_seeds_of_their_own() -> None:
    runs = seeds.runs(0, 20)
    assert runs == [*seeds.runs(0, 5), *seeds.runs(0, 20)[5:]]
    drawn = [number for run in runs for purpose in range(5) for number in seeds.drawn(run, purpose, 10)]
    assert len(set(drawn)) == len(drawn)
    assert not set(runs) & set(seeds.runs(1, 20))


def test_what_is_hidden_has_to_exist() -> None:
    with pytest.raises(ValueError, match="tutorial 5"):
        hidden(1, "tutorial 5", 2)


def test_a_run_is_shown_its_worlds_in_one_disguise_and_another_run_in_another() -> None:
    first, second, other = (shown(GridWorld(), run) for run in (1, 1, 2))
    assert (first.action_names, first.tile_names) == (second.action_names, second.tile_names)
    assert (first.action_names, first.tile_names) != (other.action_names, other.tile_names)
