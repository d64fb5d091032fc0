"""Training goes on where it stopped, whatever stopped it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent.encoder import ENCODER_DIM, ENCODER_NAME
from agent.environment import Observation
from agent.exploration import CuriousExplorer
from agent.gridworld import GridWorld
from agent.history import Episode, History
from agent.procedural import ProceduralMemoryAgent
from agent.training import train
from skillstore import SkillLibrary
from tests.agent.newborn import new_agent

PROCESS = """
import os, signal, sys
import numpy as np
from agent import ENCODER_DIM, ENCODER_NAME, GridWorld, ProceduralMemoryAgent, train
from skillstore import SkillLibrary

directory, episodes, killed_at = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])

class Deadly(GridWorld):
    taken = 0
    def step(self, action):
        self.taken += 1
        if self.taken == killed_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().step(action)

library = SkillLibrary.open(directory, embedding_dim=ENCODER_DIM, encoder=ENCODER_NAME)
with library:
    agent = ProceduralMemoryAgent(library, np.random.default_rng(0))
    for episode in train(Deadly(6, layout="open"), agent, episodes, seed=7):
        print(episode.steps, episode.skills, episode.uses, flush=True)
"""


class Interrupted(GridWorld):
    """A world in which somebody presses Ctrl-C at the given steps."""

    def __init__(self, *at: int) -> None:
        super().__init__(6, layout="open")
        self.at, self.taken = at, 0

    def step(self, action: int) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        self.taken += 1
        if self.taken in self.at:
            raise KeyboardInterrupt
        return super().step(action)


def world() -> GridWorld:
    return GridWorld(6, layout="open")


def test_nothing_that_a_restart_loses_is_needed() -> None:
    """Curiosity in locked rooms: trials, operators, moves and skills all come back from the library."""
    rooms = GridWorld(7, layout="locked")
    whole, parts = (new_agent(3, explorer=CuriousExplorer()) for _ in range(2))
    expected = list(train(rooms, whole, 9, seed=5))
    run: list[Episode] = []
    for _ in range(9):
        restarted = ProceduralMemoryAgent(parts.library, np.random.default_rng(77), explorer=CuriousExplorer())
        restarted._first_draw = parts._first_draw
        run += train(rooms, restarted, 1, seed=5)
    assert run == expected
    assert [s.action_sequence for s in parts.library] == [s.action_sequence for s in whole.library]
    assert dict(parts.library.notes) == dict(whole.library.notes)


def never_stopped(episodes: int) -> tuple[list[Episode], ProceduralMemoryAgent]:
    agent = new_agent(0)
    return list(train(world(), agent, episodes, seed=7)), agent


def test_episodes_are_numbered_on_and_kept_in_the_notes() -> None:
    agent = new_agent(1)
    run = [*train(GridWorld(), agent, 3), *train(GridWorld(), agent, 2)]
    assert [episode.index for episode in run] == [0, 1, 2, 3, 4]
    assert list(History.from_notes(agent.library.notes, "agent")) == run


def test_a_new_agent_on_the_same_library_goes_on_as_the_one_that_never_stopped() -> None:
    expected, whole = never_stopped(12)
    agent = new_agent(0)
    run = list(train(world(), agent, 5, seed=7))
    restarted = ProceduralMemoryAgent(agent.library, np.random.default_rng(999))
    run += train(world(), restarted, 7, seed=7)
    assert run == expected
    assert [list(s.action_sequence) for s in agent.library] == [list(s.action_sequence) for s in whole.library]
    assert dict(agent.library.notes) == dict(whole.library.notes)


def test_an_interrupted_episode_did_not_happen_and_training_goes_on() -> None:
    expected, whole = never_stopped(12)
    agent, interrupted = new_agent(0), Interrupted(20, 400, 401, 450)
    stops = 0
    while len(History.from_notes(agent.library.notes, "agent")) < 12:
        done = len(History.from_notes(agent.library.notes, "agent"))
        try:
            for episode in train(interrupted, agent, 12 - done, seed=7):
                done = episode.index + 1
        except KeyboardInterrupt:
            stops += 1
            assert len(History.from_notes(agent.library.notes, "agent")) == done
    assert stops == 4
    assert list(History.from_notes(agent.library.notes, "agent")) == expected
    assert dict(agent.library.notes) == dict(whole.library.notes)


def test_a_negative_number_of_episodes_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        next(train(GridWorld(), new_agent(0), -1))


def in_a_process(directory: Path, episodes: int, hash_seed: int, killed_at: int = 0) -> tuple[int, list[list[int]]]:
    done = subprocess.run(
        [sys.executable, "-c", PROCESS, str(directory), str(episodes), str(killed_at)],
        env={**os.environ, "PYTHONHASHSEED": str(hash_seed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode, [[int(part) for part in line.split()] for line in done.stdout.splitlines()]


def test_a_killed_process_is_taken_up_by_another_action_for_action(tmp_path: Path) -> None:
    expected, whole = never_stopped(10)
    code, run = in_a_process(tmp_path / "skills", 10, hash_seed=1, killed_at=450)
    assert code == -signal.SIGKILL
    assert 0 < len(run) < 10
    run += in_a_process(tmp_path / "skills", 10 - len(run), hash_seed=2)[1]
    assert run == [[episode.steps, episode.skills, episode.uses] for episode in expected]
    with SkillLibrary.open(tmp_path / "skills", mode="r") as library:
        assert dict(library.notes) == dict(whole.library.notes)


def test_a_second_process_is_good_from_its_first_episode(tmp_path: Path) -> None:
    for seed in range(3):
        with SkillLibrary.open(tmp_path / str(seed), embedding_dim=ENCODER_DIM, encoder=ENCODER_NAME) as library:
            agent = ProceduralMemoryAgent(library, np.random.default_rng(seed))
            assert list(train(GridWorld(), agent, 8))[-1].steps <= 11
        code = PROCESS.replace('Deadly(6, layout="open")', "GridWorld()")
        told = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / str(seed)), "1", "0"],
            env={**os.environ, "PYTHONHASHSEED": str(seed + 10)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert int(told.stdout.split()[0]) <= 11
