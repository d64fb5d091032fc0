"""Table planning: how many searches of the planner memory saves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agent.encoder import ENCODER_DIM
from agent.evaluation import contenders as who
from agent.evaluation import seeds
from agent.evaluation.examination import Examination
from agent.evaluation.figures import Line, Number, aimed
from agent.evaluation.table import Case, Curve, Row, Table, groups, rate, spread
from agent.exploration import CuriousExplorer
from agent.procedural import ProceduralMemoryAgent
from skillstore import SkillLibrary

WORLD, LAYOUTS = "locked 8", 40
MEMORY, NONE = "with its skills", "without skills, the same knowledge"
AGENTS = (MEMORY, NONE, who.CLEARED, who.SKILLS_OFF)


def trial(case: Case) -> list[Row]:
    """Train on 40 layouts; then be examined with the skills of these, or with none but all else that was learned."""
    examination = Examination(case)
    generator = seeds.generator(case.seed, seeds.AGENT)
    if case.agent not in (MEMORY, NONE):
        return examination.live(who.MAKERS[case.agent](generator), searches=0.0)
    agent = who.procedural(generator, CuriousExplorer())
    examination.train(agent, 0, LAYOUTS)
    tested = agent if case.agent == MEMORY else without_skills(agent)
    before = tested.planned
    rows = examination.rehearse(tested)
    searches = (tested.planned - before) / len(rows)
    return [{**row, "searches": searches} for row in rows]


def without_skills(agent: ProceduralMemoryAgent) -> ProceduralMemoryAgent:
    """An agent that knows all that ``agent`` knows beyond its skills, and has none."""
    library = SkillLibrary(embedding_dim=ENCODER_DIM)
    for name, value in agent.library.notes.items():
        library.notes[name] = value
    return ProceduralMemoryAgent(library, agent.generator, explorer=agent.explorer)


def lines(rows: Sequence[Row]) -> list[Line]:
    """Searches an episode, how many memory saves, and that the steps are equal."""
    found = {agent: runs for (agent,), runs in groups(rows, "agent").items()}
    made = []
    for agent, runs in found.items():
        made.append(Line(f"{WORLD}: steps over the shortest", agent, spread(runs, "over")))
        made.append(Line(f"{WORLD}: solved", agent, rate(runs, "solved")))
        if agent in (MEMORY, NONE):
            made.append(Line("searches of the planner an episode", agent, spread(runs, "searches")))
    if {MEMORY, NONE} <= set(found):
        searches, steps = (
            float(np.mean([row[column] for row in found[MEMORY]]) / np.mean([row[column] for row in found[NONE]]))
            for column in ("searches", "steps")
        )
        saved = 100 * (1 - searches)
        made.append(aimed("searches saved, in %", MEMORY, Number(saved), "at least 95", saved >= 95))
        figure, equal = "steps with skills over those without, means", abs(steps - 1) <= 0.01
        made.append(aimed(figure, MEMORY, Number(steps), "1.00, give or take 0.01", equal))
    return made


TABLE = Table(
    name="planning",
    title=f"What memory saves the planner, after {LAYOUTS} layouts",
    about="Searches of the planner with skills and without, at equal steps.",
    pairs=tuple((WORLD, agent) for agent in AGENTS),
    trial=trial,
    lines=lines,
    curve=Curve("layout", "over", "hidden layout, in order", "steps over the shortest path", logarithmic=True),
)
