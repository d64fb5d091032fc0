"""How fast the agent learns, whether it lasts, and whether it transfers: three tables, each with its controls.

    python -m tests.benchmarks.learning --seeds 20

Tables go to stdout, progress to stderr. Steps are environment steps. ``--table`` runs one of them:

- ``tutorial``: from an empty memory, steps before the first five episodes in a row of at most 11 steps;
- ``restart``: the first episode of a second process that opens the library, with another PYTHONHASHSEED;
- ``layouts``: 20 layouts never seen, after training on 40 others of each seed's own;
- ``grid`` (only when asked for): the settings from which those of the tabular learners were chosen.
"""

from __future__ import annotations

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agent.baselines import TabularAgent
from agent.encoder import ENCODER_DIM, ENCODER_NAME
from agent.evaluation import (
    GOOD_STEPS,
    drawn_layouts,
    layout_runs,
    learning_curve,
    shortest_run,
    steps_to_mastery,
    worse_by,
)
from agent.gridworld import GridWorld
from agent.procedural import ProceduralMemoryAgent
from agent.training import train
from skillstore import SkillLibrary

EPISODES = 60
# A usual setting with an exploring policy each, and from the table `grid` on seeds 0 to 19 the best median and the
# best median among the settings with which every seed gets there (for Q-learning within 2 steps of the same).
TABULAR: dict[str, tuple[int, float, float, float, float]] = {
    "Q-learning, usual": (0, 0.5, 0.95, 0.1, 0.0),
    "Q-learning, best of grid": (0, 0.5, 0.95, 0.0, 0.0),
    "Dyna-Q(20), usual": (20, 0.5, 0.95, 0.1, 0.0),
    "Dyna-Q(20), best median of grid": (20, 0.5, 0.95, 0.0, 0.0),
    "Dyna-Q(20), best of grid with all seeds": (20, 1.0, 0.95, 0.0, 1.0),
}
SETTINGS = ("planning_steps", "learning_rate", "discount", "epsilon", "initial")


def say(words: str) -> None:
    """Progress, for whoever waits."""
    print(words, file=sys.stderr, flush=True)


def quartiles(values: Sequence[float]) -> str:
    """Lower quartile, median, upper quartile and worst, as cells of a table; infinity is said as "never"."""
    cells = [*np.percentile(values, [25, 50, 75], method="inverted_cdf"), max(values)]
    low, middle, high, worst = ("never" if np.isinf(cell) else f"{cell:.0f}" for cell in cells)
    return f"{low} | **{middle}** | {high} | {worst}"


def tutorial(seeds: int) -> None:
    """From an empty memory, beside tabular learners and the control."""
    print(f"## Tutorial 5x5 from an empty memory, {seeds} seeds, {EPISODES} episodes\n")
    print(f"Steps before the first five episodes in a row of at most {GOOD_STEPS} steps (the best run takes 10).\n")
    print("| agent | seeds that got there | quartile | median | quartile | worst seed | longest episode after |")
    print("|---|---|---|---|---|---|---|")
    for name, plans in (("skills, uniformly random explorer", True), ("the same, plans off", False)):
        tutorial_row(name, lambda seed, plans=plans: skills_run(seed, plans), seeds)  # type: ignore[misc]
    for name, values in TABULAR.items():
        settings = dict(zip(SETTINGS, values, strict=True))
        words = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in settings.items())
        tutorial_row(f"{name} ({words})", lambda seed, settings=settings: tabular_run(seed, settings), seeds)  # type: ignore[misc]
    tutorial_row("control: skills off", control_run, seeds)
    control = np.concatenate([control_run(seed) for seed in range(seeds)])
    print(
        f"\nControl: {control.mean():.0f} steps an episode on average, median {np.median(control):.0f} (limit 250).\n"
    )


def grid(seeds: int) -> None:
    """Every setting of the tabular learners that was tried."""
    print("| agent | seeds that got there | quartile | median | quartile | worst seed | longest episode after |")
    print("|---|---|---|---|---|---|---|")
    for choice in itertools.product((0, 20), (0.5, 1.0), (0.95, 0.99), (0.0, 0.1), (0.0, 1.0, 10.0)):
        settings = dict(zip(SETTINGS, choice, strict=True))
        tutorial_row(str(settings), lambda seed, settings=settings: tabular_run(seed, settings), seeds)  # type: ignore[misc]


def tutorial_row(name: str, run: Callable[[int], list[int]], seeds: int) -> None:
    """Run every seed and print its line; a seed that did not get there counts as never, in the quartiles too."""
    say(f"tutorial: {name}")
    runs = [run(seed) for seed in range(seeds)]
    totals = [steps_to_mastery(steps) for steps in runs]
    after = max((max(steps[first_good(steps) :]) for steps in runs if steps_to_mastery(steps) is not None), default="")
    cells = quartiles([np.inf if total is None else total for total in totals])
    print(f"| {name} | {seeds - totals.count(None)} of {seeds} | {cells} | {after} |", flush=True)


def first_good(steps: Sequence[int]) -> int:
    """The episode with which the first good row begins."""
    return next(first for first in range(len(steps)) if max(steps[first : first + 5]) <= GOOD_STEPS)


def tabular_run(seed: int, settings: dict[str, float]) -> list[int]:
    """The steps of each episode of a tabular agent."""
    agent = TabularAgent(np.random.default_rng(seed), **settings)  # type: ignore[arg-type]
    return [agent.run_episode(GridWorld()).steps for _ in range(EPISODES)]


def skills_run(seed: int, plans: bool) -> list[int]:
    """The steps of each episode of the agent."""
    return [episode.steps for episode in learning_curve(seed, EPISODES, plans=plans)]


def control_run(seed: int) -> list[int]:
    """The steps of each episode of the agent with its skills off."""
    return [episode.steps for episode in learning_curve(seed, EPISODES, use_skills=False)]


def restart(seeds: int) -> None:
    """Train in this process, then run one episode in another."""
    firsts = []
    for seed in range(seeds):
        with tempfile.TemporaryDirectory() as directory:
            one_process(directory, seed, EPISODES)
            firsts.append(another_process(directory, seed))
        say(f"restart: seed {seed}: {firsts[-1]} steps")
    good = sum(steps <= GOOD_STEPS for steps in firsts)
    print(f"## A second process that opens the library, {seeds} seeds\n")
    print(f"First episode of at most {GOOD_STEPS} steps: {good} of {seeds}; worst {max(firsts)} steps.\n")


def one_process(directory: str, seed: int, episodes: int) -> int:
    """Run episodes on the library of the directory; the steps of the last."""
    with SkillLibrary.open(Path(directory) / "skills", embedding_dim=ENCODER_DIM, encoder=ENCODER_NAME) as library:
        agent = ProceduralMemoryAgent(library, np.random.default_rng(seed))
        return [episode.steps for episode in train(GridWorld(), agent, episodes, seed=seed)][-1]


def another_process(directory: str, seed: int) -> int:
    """One episode in a process of its own, with another PYTHONHASHSEED and another generator."""
    code = f"from tests.benchmarks.learning import one_process; print(one_process({directory!r}, {seed + 1000}, 1))"
    environment = {**os.environ, "PYTHONHASHSEED": str(seed + 1)}
    told = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return int(told.stdout)


def layouts(seeds: int, training: int) -> None:
    """Layouts never seen, with memory of others and without."""
    worlds = drawn_layouts(20, seed=2**20)
    runs = []
    for seed in range(seeds):
        runs.append(layout_runs(seed, worlds, training))
        say(f"layouts: seed {seed}: mean steps of the three agents {np.mean(runs[-1], axis=1).round()}")
    planned, memory, control = np.swapaxes(np.array(runs), 0, 1)
    best = [shortest_run(world) for world in worlds]
    print(f"## 20 layouts never seen, after training on {training} others, {seeds} seeds\n")
    print("With memory the agent may also plan with what it learned; *memory alone* has only its kept skills.")
    print("Difference: of the mean from skills off, in standard errors; worse is beyond +2.\n")
    columns = ["median", "mean", "worst seed", "difference"]
    print(
        "| layout | shortest", *(f"memory: {c}" for c in columns), *(f"alone: {c}" for c in columns), sep=" | ", end=""
    )
    print(f" | skills off: median | mean |\n{'|---' * 12}|")
    for index, world in enumerate(worlds):
        layout_row(world, best[index], planned[:, index], memory[:, index], control[:, index])
    print()
    for name, runs_of in (("memory", planned), ("memory alone", memory), ("skills off", control)):
        worse = sum(worse_by(runs_of[:, index], control[:, index]) > 2 for index in range(len(worlds)))
        over = runs_of / best
        figures = f"median {np.median(over):.2f}, mean {over.mean():.2f}, worst {over.max():.1f}"
        print(
            f"{name}: steps over the shortest: {figures}; on {worse} of {len(worlds)} layouts worse than skills off.\n"
        )


def layout_row(world: GridWorld, best: int, *runs: NDArray[np.int64]) -> None:
    """The line of one world; the last of the runs are the control's."""
    cells = [f"{'locked' if world.layout.locked else 'open'} {world.size}x{world.size}", str(best)]
    for run in runs[:-1]:
        cells += [f"{np.median(run):.0f}", f"{run.mean():.1f}", f"{run.max()}", f"{worse_by(run, runs[-1]):+.1f}"]
    cells += [f"{np.median(runs[-1]):.0f}", f"{runs[-1].mean():.1f}"]
    print(f"| {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Print the tables that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--training", type=int, default=40, help="layouts to train on, for the table of layouts")
    parser.add_argument("--table", choices=("tutorial", "restart", "layouts", "grid"), help="only this one")
    given = parser.parse_args()
    if given.table == "grid":
        grid(given.seeds)
    if given.table in (None, "tutorial"):
        tutorial(given.seeds)
    if given.table in (None, "restart"):
        restart(given.seeds)
    if given.table in (None, "layouts"):
        layouts(given.seeds, given.training)


if __name__ == "__main__":
    main()
