"""Examination: training on some layouts, then episodes on hidden ones, in steps over the shortest path."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from agent.environment import Environment
from agent.evaluation import contenders as who
from agent.evaluation import seeds
from agent.evaluation.grids import hidden, shown, training
from agent.evaluation.rehearsal import rehearsed
from agent.evaluation.shortest import shortest_run
from agent.evaluation.table import Case, Row
from agent.gridworld import GridWorld
from agent.history import Episode
from agent.procedural import ProceduralMemoryAgent

WITHOUT_PAST = (who.CLEARED, who.CLEARED_RANDOM, who.SKILLS_OFF)
"""Agents to which training would make no difference."""


class Examination:
    """The layouts of one run, hidden ones and those to train on, and what an agent makes of them.

    ``slips`` is the chance that an action slips, in training as in the examination.
    """

    def __init__(self, case: Case, *, slips: float = 0.0) -> None:
        self._case = case
        self._slips = slips
        self._training = training(case.seed, case.world, case.effort.training)
        self._hidden = hidden(case.seed, case.world, case.effort.hidden, self._training)
        lessons, examined = case.effort.training, case.effort.hidden
        episodes = seeds.drawn(case.seed, seeds.EPISODES, lessons + examined)
        self._lessons, self._examined = episodes[:lessons], episodes[lessons:]  # with what each episode is reset
        self._shortest = [shortest_run(world) for world in self._hidden]

    def train(self, agent: who.Contender, first: int = 0, end: int | None = None) -> None:
        """One episode on each of the layouts from ``first`` to before ``end``, or to the last."""
        for index, world in enumerate(self._training[first:end], start=first):
            agent.run_episode(self._world(world), seed=self._lessons[index])

    def rehearse(self, agent: ProceduralMemoryAgent, **values: Any) -> list[Row]:
        """A row of each hidden layout; nothing is learned from them."""
        return self._rows(lambda world, seed: rehearsed(agent, world, [self._case.seed, seed], seed), values)

    def live(self, agent: who.Contender, **values: Any) -> list[Row]:
        """A row of each hidden layout, from which the agent may learn."""
        return self._rows(lambda world, seed: agent.run_episode(world, seed=seed), values)

    def _rows(self, lived: Callable[[Environment, int], Episode], values: dict[str, Any]) -> list[Row]:
        made = []
        for index, (grid, shortest) in enumerate(zip(self._hidden, self._shortest, strict=True)):
            episode = lived(self._world(grid), self._examined[index])
            over = episode.steps / shortest
            figures = {"steps": episode.steps, "solved": episode.success, "shortest": shortest, "over": over}
            made.append(self._case.row(layout=index, **values, **figures, near=episode.success and over <= 1.1))
        return made

    def _world(self, grid: GridWorld) -> Environment:
        return shown(grid, self._case.seed, slips=self._slips)


def examined(
    case: Case,
    stops: Sequence[int],
    *,
    slips: float = 0.0,
    learner: str | None = None,
    tested: Callable[[ProceduralMemoryAgent], ProceduralMemoryAgent] = lambda agent: agent,
) -> list[Row]:
    """Train the case's agent, examining it after ``stops`` layouts and at the end; what it learned is ``trained``.

    An agent without a past is examined once, without training. ``learner`` names the agent that trains and
    ``tested`` makes of it the one that is examined, where they are not the case's own.
    """
    examination = Examination(case, slips=slips)
    agent: Any = who.MAKERS[learner or case.agent](seeds.generator(case.seed, seeds.AGENT))
    whole = case.effort.training
    if case.agent in WITHOUT_PAST:
        return examination.live(agent, trained=whole)
    rows, done = [], 0
    for until in sorted({*(stop for stop in stops if stop < whole), whole}):
        examination.train(agent, done, until)
        rows += examination.rehearse(tested(agent), trained=until)
        done = until
    return rows


def last(rows: Iterable[Row]) -> list[Row]:
    """The rows from the end of training."""
    rows = list(rows)
    end = max(row["trained"] for row in rows)
    return [row for row in rows if row["trained"] == end]
