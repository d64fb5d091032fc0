"""Replay: the same hidden layout before training and after it, for people to watch."""

from __future__ import annotations

from collections.abc import Sequence

from agent.animation import Film
from agent.environment import Environment
from agent.evaluation import seeds
from agent.evaluation.contenders import procedural
from agent.evaluation.grids import hidden, shown, training
from agent.evaluation.rehearsal import rehearsed
from agent.exploration import CuriousExplorer
from agent.worlds.minigrid import MiniGrid

Lesson = tuple[Environment, int | None]
"""A world, and the seed with which its episode begins."""


def gridworld(seed: int, world: str, count: int) -> list[Film]:
    """Films of a hidden layout of ``world``, e.g. ``locked 8``, before and after ``count`` layouts of training."""
    (run,) = seeds.runs(seed, 1)
    lessons = training(run, world, count)
    (examination,) = hidden(run, world, 1, lessons)
    return _filmed(run, [(lesson, None) for lesson in lessons], (examination, None))


def minigrid(seed: int, name: str, view: str, count: int) -> list[Film]:
    """Films of a grid of MiniGrid's ``name`` that was never trained on, before and after ``count`` others."""
    (run,) = seeds.runs(seed, 1)
    world = MiniGrid(name, view=view)
    (examination,) = seeds.drawn(run, seeds.HIDDEN, 1)
    return _filmed(run, [(world, number) for number in seeds.drawn(run, seeds.TRAINING, count)], (world, examination))


def _filmed(run: int, lessons: Sequence[Lesson], examination: Lesson) -> list[Film]:
    agent = procedural(seeds.generator(run, seeds.AGENT), CuriousExplorer())
    world, layout = examination
    others = "another layout" if len(lessons) == 1 else f"{len(lessons)} other layouts"
    films = [Film(shown(world, run), title) for title in ("before training", f"after {others}")]
    rehearsed(agent, films[0], [run], layout)
    for lesson, number in lessons:
        agent.run_episode(shown(lesson, run), seed=number)
    rehearsed(agent, films[1], [run], layout)
    return films
