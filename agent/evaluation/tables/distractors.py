"""Table distractors: a library in which most skills only look like the agent's own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np

from agent.encoder import ENCODER_DIM
from agent.evaluation import contenders as who
from agent.evaluation import seeds
from agent.evaluation.examination import Examination
from agent.evaluation.figures import Line, Number, aimed
from agent.evaluation.grids import shown
from agent.evaluation.lookalikes import lookalikes
from agent.evaluation.table import Case, Curve, Row, Table, groups, rate, spread
from agent.exploration import CuriousExplorer
from agent.gridworld import GridWorld
from agent.procedural import ProceduralMemoryAgent
from skillstore import Matches, SkillLibrary

WORLD = "locked 8"
CLEAN, NOISY = "clean library", "look-alikes added"
RUNS = 3
"""How often the very same run is made. Beside what retrievals took in one stands the least that each took in any of
them: what a machine shared with others adds, it adds now here, now there. The goal is for one run."""
AGENTS = (NOISY, CLEAN, who.CLEARED, who.SKILLS_OFF)


class Watched(SkillLibrary):
    """A library that notes how long each retrieval took, and counts the uses that failed.

    Milliseconds, twice: as time passed, and as this thread was busy, which no other process can lengthen.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.passed: list[float] = []
        self.busy: list[float] = []
        self.failed = 0

    def retrieve_skills(self, *args: Any, **kwargs: Any) -> Matches:
        """As in any library."""
        passed, busy = time.perf_counter(), time.thread_time()
        matches = super().retrieve_skills(*args, **kwargs)
        self.busy.append(1000 * (time.thread_time() - busy))
        self.passed.append(1000 * (time.perf_counter() - passed))
        return matches

    def record_outcome(self, skill_id: int, success: bool) -> None:
        """As in any library."""
        super().record_outcome(skill_id, success)
        self.failed += not success


def trial(case: Case) -> list[Row]:
    """Train; then, with or without look-alikes added, live on the hidden layouts, learning on."""
    if case.agent not in (CLEAN, NOISY):
        agent = who.MAKERS[case.agent](seeds.generator(case.seed, seeds.AGENT))
        return Examination(case).live(agent, failed=0.0, busy=0.0, once=0.0, passed=0.0, skills=0)
    rows, library, skills = _lived(case)
    times = [library.busy, *(_lived(case)[1].busy for _ in range(RUNS - 1))]
    if len({len(one) for one in times}) > 1:
        raise RuntimeError("the same run was not the same again")
    columns = {"busy": np.min(times, axis=0), "once": library.busy, "passed": library.passed}
    figures = {name: float(np.percentile(column, 99)) for name, column in columns.items()}
    return [{**row, "failed": library.failed / len(rows), **figures, "skills": skills} for row in rows]


def _lived(case: Case) -> tuple[list[Row], Watched, int]:
    """The rows of one run, its library, and how many skills that had at the beginning of the examination."""
    examination = Examination(case)
    generator = seeds.generator(case.seed, seeds.AGENT)
    library = Watched(embedding_dim=ENCODER_DIM)
    agent = ProceduralMemoryAgent(library, generator, explorer=CuriousExplorer())
    examination.train(agent)
    if case.agent == NOISY:
        add_noise(library, case, case.effort.noise)
    library.busy.clear()
    library.passed.clear()
    library.failed, skills = 0, len(library)
    return examination.live(agent), library, skills


def add_noise(library: SkillLibrary, case: Case, count: int) -> None:
    """Add look-alikes of the library's skills until it has ``count`` more; what it merges does not count."""
    skills, names = list(library), shown(GridWorld(), case.seed).action_names
    made = lookalikes(skills, 1000 * count, names, seeds.generator(case.seed, seeds.NOISE))
    while missing := len(skills) + count - len(library):
        some = list(islice(made, missing))
        if not some:
            raise RuntimeError(f"there are not {count} skills that look like the {len(skills)} of the library")
        library.add_skills(some)


def lines(rows: Sequence[Row]) -> list[Line]:
    """Steps beside those with the clean library, failed macros, and how long a retrieval takes."""
    found = {agent: runs for (agent,), runs in groups(rows, "agent").items()}
    made = []
    for agent, runs in found.items():
        made.append(Line(f"{WORLD}: steps over the shortest", agent, spread(runs, "over")))
        made.append(Line(f"{WORLD}: solved", agent, rate(runs, "solved")))
    if {CLEAN, NOISY} <= set(found):
        noisy, clean = (float(np.mean([row["steps"] for row in found[agent]])) for agent in (NOISY, CLEAN))
        times = noisy / clean
        figure = "steps with look-alikes over those without, means"
        made.append(aimed(figure, NOISY, Number(times), "at most 1.05", times <= 1.05))
    for agent in (agent for agent in (NOISY, CLEAN) if agent in found):
        failed, once, aims = spread(found[agent], "failed"), spread(found[agent], "once"), agent == NOISY
        made.append(aimed("failed skills an episode", agent, failed, "mean at most 0.1", failed.mean <= 0.1, aims=aims))
        goal, good = "worst seed at most 2", once.worst <= 2
        made.append(aimed("retrieval: p99 of a seed, ms of processor, of one run", agent, once, goal, good, aims=aims))
        figure = f"retrieval: p99 of a seed, ms of processor, each the least of {RUNS} equal runs"
        made.append(Line(figure, agent, spread(found[agent], "busy")))
        made.append(
            Line("retrieval: p99 of a seed, ms of wall clock, of one run", agent, spread(found[agent], "passed"))
        )
        made.append(Line("skills in the library", agent, spread(found[agent], "skills")))
    return made


TABLE = Table(
    name="distractors",
    title="A library with 10,000 look-alike skills added",
    about="Look-alike skills added to the library, in locked rooms never seen.",
    pairs=tuple((WORLD, agent) for agent in AGENTS),
    trial=trial,
    lines=lines,
    curve=Curve("layout", "over", "hidden layout, in order", "steps over the shortest path", logarithmic=True),
    effort=("training", "hidden", "noise"),
)
