"""Table restart: is an agent in a new process the agent that never stopped, action for action?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from itertools import zip_longest

from agent.encoder import ENCODER_DIM, ENCODER_NAME
from agent.evaluation import contenders as who
from agent.evaluation import seeds
from agent.evaluation.figures import Line, Rate, aimed
from agent.evaluation.grids import shown, training
from agent.evaluation.table import Case, Curve, Effort, Row, Table, groups, rate
from agent.exploration import CuriousExplorer, Explorer, RandomExplorer
from agent.procedural import ProceduralMemoryAgent
from agent.worlds.curtain import taken
from skillstore import SkillLibrary

WORLD = "locked 8"
FORGETFUL = "control: restarted without the library"
EXPLORERS: dict[str, type[Explorer]] = {
    who.CURIOUS: CuriousExplorer, who.RANDOM: RandomExplorer, FORGETFUL: CuriousExplorer
}  # fmt: skip
PROCESS = """
import json, sys
from agent.evaluation.tables.restart import told
print(json.dumps(told(json.loads(sys.argv[1]))))
"""

Actions = list[list[int]]


def trial(case: Case) -> list[Row]:
    """One agent that never stops; beside it the same one that stops half-way and goes on in another process."""
    half, end = case.effort.training // 2, case.effort.training
    with tempfile.TemporaryDirectory() as directory:
        whole = life(f"{directory}/whole", case, 0, end, case.seed)[half:]
        life(f"{directory}/parts", case, 0, half, case.seed)
        parts = f"{directory}/nothing" if case.agent == FORGETFUL else f"{directory}/parts"
        again = _elsewhere([parts, case.world, case.agent, case.seed, half, end])
    return [
        case.row(
            episode=number,
            actions=max(len(first), len(second)),
            same=sum(one == other for one, other in zip_longest(first, second)),
            identical=first == second,
            share=sum(one == other for one, other in zip_longest(first, second)) / max(len(first), len(second)),
        )
        for number, (first, second) in enumerate(zip(whole, again, strict=True), start=half + 1)
    ]


def life(place: str, case: Case, first: int, end: int, run: int) -> Actions:
    """The actions of an agent's episodes from ``first`` to before ``end``, a layout each, its library at ``place``.

    ``run`` draws what the agent draws, unless its library says how its generator stood.
    """
    lived = []
    with SkillLibrary.open(place, embedding_dim=ENCODER_DIM, encoder=ENCODER_NAME, durability="os") as library:
        generator, explorer = seeds.generator(run, seeds.AGENT), EXPLORERS[case.agent]()
        agent = ProceduralMemoryAgent(library, generator, explorer=explorer)
        for index, world in enumerate(training(case.seed, case.world, end)[first:], start=first):
            curtain = shown(world, case.seed)
            agent.run_episode(curtain, seed=index)
            lived.append(taken(curtain))
    return lived


def told(values: list[str | int]) -> Actions:
    """What a process of its own lives, as it was told on its command line; its generator is another one."""
    place, world, agent, seed, first, end = values
    case = Case(str(world), str(agent), int(seed), Effort())
    return life(str(place), case, int(first), int(end), run=int(seed) + 1)


def _elsewhere(values: list[str | int]) -> Actions:
    """``told`` in a process of its own with another PYTHONHASHSEED."""
    hash_seed = str(int(os.environ.get("PYTHONHASHSEED", "0").replace("random", "0")) + 1)
    done = subprocess.run(  # noqa: S603 - this very module, told what it tells itself
        [sys.executable, "-c", PROCESS, json.dumps(values)],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    actions: Actions = json.loads(done.stdout)
    return actions


def lines(rows: Sequence[Row]) -> list[Line]:
    """How many episodes and actions are those of the agent that never stopped."""
    made = []
    for (agent,), runs in groups(rows, "agent").items():
        episodes, aims = rate(runs, "identical"), agent != FORGETFUL
        every = episodes.good == episodes.count
        made.append(aimed("episodes that are the same, action for action", agent, episodes, "all", every, aims=aims))
        good, count = (sum(row[column] for row in runs) for column in ("same", "actions"))
        worst = min(_share(of_seed) for of_seed in groups(runs, "seed").values())
        made.append(
            aimed("actions that are the same", agent, Rate(good, count, worst), "all", good == count, aims=aims)
        )
    return made


def _share(runs: Sequence[Row]) -> float:
    return float(sum(row["same"] for row in runs) / sum(row["actions"] for row in runs))


TABLE = Table(
    name="restart",
    title="A restart half-way, in a new process with another PYTHONHASHSEED",
    about="Action for action the same as the agent that never stopped, locked rooms 8x8.",
    pairs=tuple((WORLD, agent) for agent in EXPLORERS),
    trial=trial,
    lines=lines,
    curve=Curve("episode", "share", "episode", "share of the actions that are the same"),
    effort=("training",),
)
