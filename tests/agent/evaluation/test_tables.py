"""Every table runs, the same each time, with its controls; what it keeps comes back; agents see observations only."""

from __future__ import annotations

import gc
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent.encoder import ENCODER_DIM
from agent.environment import Observation
from agent.evaluation import contenders as who
from agent.evaluation import pool, report, seeds
from agent.evaluation.curves import panels
from agent.evaluation.figures import Line, Number, Rate, Spread
from agent.evaluation.grids import hidden, shown, training
from agent.evaluation.lookalikes import lookalikes
from agent.evaluation.results import Result, kept, versions
from agent.evaluation.table import Case, Effort, Row
from agent.evaluation.tables import TABLES, distractors, doorkey, planning, restart, transfer, tutorial
from agent.exploration import CuriousExplorer
from agent.gridworld import GridWorld
from agent.procedural import ProceduralMemoryAgent
from skillstore import Skill, SkillLibrary
from tests.agent.newborn import new_agent

SMALL = Effort(training=4, hidden=2, episodes=5, frames=300, noise=300)
WITH_MINIGRID = ("minigrid", "partial", "rooms", "stretch")
CONTROLS = {who.CLEARED, who.SKILLS_OFF, restart.FORGETFUL}


def ran(name: str, runs: int = 1, jobs: int = 1, effort: Effort = SMALL) -> Result:
    table = TABLES[name]
    worlds = table.worlds[:1]
    rows, broken = pool.run(name, table.cases(seeds.runs(3, runs), effort, worlds), jobs)
    return Result(name, 3, runs, effort, worlds, rows, broken, 1.0, versions())


@pytest.mark.parametrize("name", [name for name in TABLES if name not in WITH_MINIGRID])
def test_every_table_has_a_control_and_figures_of_all_its_agents_and_what_is_kept_comes_back(
    name: str, tmp_path: Path
) -> None:
    result = ran(name)
    assert result.broken == []
    agents = {agent for _, agent in result.table.pairs}
    assert agents & CONTROLS
    assert {row["agent"] for row in result.rows} == agents
    assert {line.agent for line in result.lines()} == agents
    assert name == "grid" or any(line.goal for line in result.lines())
    assert all((line.met is None) == (line.goal == "") for line in result.lines())
    if result.table.curve is not None:
        drawn = panels(result.rows, result.table.curve.x, result.table.curve.y)
        assert all(set(curves) == agents for curves in drawn.values())
    csv, figures = result.save(tmp_path)
    assert Result.load(tmp_path, name).text() == result.text()
    assert len(csv.read_text().splitlines()) == len(result.rows) + 1
    said = json.loads(figures.read_text())
    assert [line["figure"] for line in said["lines"]] == [line.figure for line in result.lines()]


def test_two_runs_with_the_same_seed_are_the_same_in_any_number_of_processes() -> None:
    first, second = (ran("slips", jobs=jobs, effort=Effort(training=3, hidden=1)) for jobs in (1, 2))
    assert first.rows == second.rows
    assert len(first.rows) == 4


@pytest.mark.parametrize("name", WITH_MINIGRID)
def test_tables_of_minigrid_run(name: str) -> None:
    pytest.importorskip("minigrid", reason="MiniGrid's worlds need pip install 'skillstore[gym]'")
    made = ran(name, effort=Effort(frames=150))
    agents = {agent for _, agent in made.table.pairs}
    assert made.broken == []
    assert {line.agent for line in made.lines()} == agents
    assert agents & CONTROLS


def test_a_broken_run_is_told_and_loses_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: np.random.Generator) -> who.Contender:
        raise RuntimeError("out of luck")

    monkeypatch.setitem(who.MAKERS, who.FRONTIER, broken)
    made = ran("tutorial")
    assert len(made.broken) == 1
    assert "frontier" in made.broken[0]
    assert "out of luck" in made.broken[0]
    assert {row["agent"] for row in made.rows} == set(tutorial.AGENTS) - {who.FRONTIER}
    assert made.broken[0] in made.text()


def rows(**columns: Any) -> list[Row]:
    """Rows from columns; what is not a list is the same in each."""
    count = max(len(column) for column in columns.values() if isinstance(column, list))
    return [
        {name: column[at] if isinstance(column, list) else column for name, column in columns.items()}
        for at in range(count)
    ]


def line(lines: list[Line], words: str, agent: str) -> Line:
    (found,) = [line for line in lines if words in line.figure and line.agent == agent]
    return found


def test_the_tutorials_figures() -> None:
    steps = [30, 40, *[10] * 10]
    ours = rows(world="tutorial 5", agent=who.CURIOUS, seed=1, episode=list(range(1, 13)), steps=steps)
    other = rows(world="tutorial 5", agent=who.DYNA_Q, seed=1, episode=list(range(1, 13)), steps=[250, 95, *[11] * 10])
    lines = tutorial.lines([*ours, *other])
    mastery = line(lines, "environment steps before", who.CURIOUS)
    assert isinstance(mastery.values, Spread)
    assert (mastery.values.median, mastery.met) == (70, True)
    sooner = line(lines, "times sooner than Dyna-Q(20), medians", who.CURIOUS)
    assert (sooner.values, sooner.met) == (Number(345 / 70), True)
    never = tutorial.lines(rows(world="t", agent=who.CURIOUS, seed=1, episode=[1, 2], steps=[9, 250]))
    assert [made.met for made in never] == [False, False]


def examined(agent: str, trained: int, over: list[float], solved: bool = True, world: str = "locked 8") -> list[Row]:
    near = [value <= 1.1 for value in over]
    steps = [10 * value for value in over]
    seed = list(range(len(over)))
    return rows(world=world, agent=agent, seed=seed, trained=trained, over=over, steps=steps, solved=solved, near=near)


def test_transfers_figures_are_of_the_end_of_training_and_after_five_layouts() -> None:
    lines = transfer.lines(
        [
            *examined(who.CURIOUS, 1, [9.0] * 4), *examined(who.CURIOUS, 5, [1.0, 1.2, 1.3, 9.0]),
            *examined(who.CURIOUS, 50, [1.0, 1.0, 1.0, 1.2]), *examined(who.CLEARED, 50, [7.0] * 4),
        ]
    )  # fmt: skip
    over = line(lines, "locked 8: steps over the shortest after 5", who.CURIOUS)
    assert isinstance(over.values, Spread)
    assert (over.values.median, over.met) == (1.2, False)
    figure = "locked 8: steps over the shortest"
    (end,) = [made for made in lines if made.figure == figure and made.agent == who.CURIOUS]
    assert isinstance(end.values, Spread)
    assert end.values.mean == pytest.approx(1.05)
    assert end.met is False
    near = line(lines, "within 1.1", who.CURIOUS)
    assert isinstance(near.values, Rate)
    assert (near.values.value, near.met) == (0.75, False)
    times = line(lines, "times longer", who.CURIOUS)
    assert isinstance(times.values, Number)
    assert times.values.value == pytest.approx(7 / 1.05)
    assert times.met is True


def test_doorkeys_figure_is_the_frames_to_mastery_and_its_worst_seed() -> None:
    solved = [*[False] * 2, *[True] * 38]
    frames = [100 * number for number in range(1, 41)]
    runs = rows(world="DoorKey-5x5", agent=who.CURIOUS, seed=1, frames=frames, steps=100, solved=solved)
    lost = rows(world="DoorKey-5x5", agent=who.CURIOUS, seed=2, frames=frames, steps=100, solved=False, episode=frames)
    lines = doorkey.lines([*runs, *lost])
    made = line(lines, "frames to 90%", who.CURIOUS)
    assert isinstance(made.values, Spread)
    assert (made.values.low, made.values.worst, made.met) == (2000, float("inf"), False)
    assert line(lines, "seeds that got there", who.CURIOUS).values == Rate(1, 2, 0.0)
    assert line(lines, "after that", who.CURIOUS).values == Rate(20, 20, 1.0)


def test_planning_saves_what_the_searches_say() -> None:
    both = [
        {**row, "searches": searches, "layout": 0}
        for agent, searches in ((planning.MEMORY, 0.1), (planning.NONE, 4.0))
        for row in examined(agent, 40, [1.0, 1.0])
    ]
    saved = line(planning.lines(both), "searches saved", planning.MEMORY)
    assert isinstance(saved.values, Number)
    assert saved.values.value == pytest.approx(97.5)
    assert saved.met is True


def test_without_skills_an_agent_knows_what_it_knew_and_has_none() -> None:
    agent = who.procedural(np.random.default_rng(0), CuriousExplorer())
    for world in training(1, "locked 6", 8):
        agent.run_episode(shown(world, 1))
    bare = planning.without_skills(agent)
    assert len(agent.library) > 0 == len(bare.library)
    (world,) = hidden(1, "locked 6", 1)
    bare.recall(shown(world, 1))
    agent.recall(shown(world, 1))
    names = shown(world, 1).action_names
    assert bare.knowledge.pack(names) == agent.knowledge.pack(names)


def test_a_cleared_agent_learns_nothing_from_the_past() -> None:
    world = shown(GridWorld(), 1)
    cleared, whole = (
        who.MAKERS[who.CLEARED](np.random.default_rng(0)),
        who.MAKERS[who.CURIOUS](np.random.default_rng(0)),
    )
    steps = [[agent.run_episode(world).steps for _ in range(12)] for agent in (cleared, whole)]
    assert min(steps[0]) > 12
    assert steps[1][-5:] == [10] * 5


def test_lookalikes_are_like_skills_of_the_agent_and_never_one_of_them() -> None:
    agent = who.procedural(np.random.default_rng(0), CuriousExplorer())
    for world in training(1, "locked 6", 6):
        agent.run_episode(shown(world, 1))
    real, names = list(agent.library), shown(GridWorld(), 1).action_names
    made = list(lookalikes(real, 400, names, np.random.default_rng(1)))
    by_name = {skill.name: skill for skill in real}
    shapes = {(skill.name, len(skill.action_sequence)) for skill in real}
    meant = {(str(skill.preconditions), str(skill.action_sequence)) for skill in real}
    for index, skill in enumerate(made):
        assert (skill.name, len(skill.action_sequence)) in shapes
        assert set(skill.metadata) == set(by_name[skill.name].metadata)
        nearest = max(float(np.dot(skill.embedding, one.embedding)) for one in real)
        assert nearest > (0.9999 if index % 4 else 0.8)
    same = sum((str(skill.preconditions), str(skill.action_sequence)) in meant for skill in made)
    assert same < 40  # drawing one action again may give the same one


def test_lookalikes_are_offered_to_the_agent_beside_its_own() -> None:
    """Noise that is never retrieved would show nothing."""
    agent = who.procedural(np.random.default_rng(0), CuriousExplorer())
    for world in training(1, "locked 6", 8):
        agent.run_episode(shown(world, 1))
    library = distractors.Watched(embedding_dim=ENCODER_DIM)
    library.add_skills(agent.library)
    library.notes.update(agent.library.notes)
    own = max(skill.id or 0 for skill in library)
    distractors.add_noise(library, Case("locked 6", distractors.NOISY, 1), count=1500)
    tried: list[int] = []
    retrieve = library.retrieve_skills
    library.retrieve_skills = lambda *args: [tried.append(m.skill.id) or m for m in retrieve(*args)]  # type: ignore
    noisy = ProceduralMemoryAgent(library, np.random.default_rng(0), explorer=CuriousExplorer())
    assert all(noisy.run_episode(shown(world, 1)).success for world in hidden(1, "locked 6", 6))
    assert sum(id_ > own for id_ in tried) > 0.1 * len(tried) > 0


def test_failures_and_times_are_noted() -> None:
    library = distractors.Watched(embedding_dim=2)
    (added,) = library.add_skills([Skill("a", {}, ["x"], [1.0, 0.0])])
    library.record_outcome(added.skill.id or 0, success=True)
    library.record_outcome(added.skill.id or 0, success=False)
    library.retrieve_skills({}, [1.0, 0.0])
    assert library.failed == 1
    assert len(library.busy) == len(library.passed) == 1


def test_noise_is_as_much_as_it_says_whatever_the_library_merges() -> None:
    agent = who.procedural(np.random.default_rng(0), CuriousExplorer())
    for world in training(1, "locked 6", 4):
        agent.run_episode(shown(world, 1))
    before = len(agent.library)
    distractors.add_noise(agent.library, Case("locked 8", distractors.NOISY, 1), count=500)
    assert len(agent.library) == before + 500
    with pytest.raises(ValueError, match="no skill"):
        next(lookalikes([], 1, ["a"], np.random.default_rng(0)))


class Telltale(GridWorld):
    """A world that would notice if anybody asked it for more than the contract says."""

    asked: list[str]

    def __getattribute__(self, name: str) -> Any:
        if name in ("layout", "get_state", "situation", "render") and object.__getattribute__(self, "outside"):
            self.asked.append(name)
        return object.__getattribute__(self, name)

    outside = False

    def reset(self, *, seed: int | None = None) -> tuple[Observation, dict[str, Any]]:
        self.outside = False
        try:
            return super().reset(seed=seed)
        finally:
            self.outside = True

    def step(self, action: int) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        self.outside = False
        try:
            return super().step(action)
        finally:
            self.outside = True


@pytest.mark.parametrize("name", [who.CURIOUS, who.RANDOM, who.FRONTIER, who.PLANNER_OFF])
def test_the_agent_asks_for_nothing_but_the_contract_and_keeps_no_way_to_the_world(name: str) -> None:
    world = Telltale(6, layout="locked", layout_seed=1)
    world.asked = []
    agent: Any = who.MAKERS[name](np.random.default_rng(0))
    for index in range(4):
        agent.run_episode(shown(world, 1), seed=index)
    assert world.asked == []
    assert not reaches(agent, world)
    agent.library.treasure = world
    assert reaches(agent, world), "the search would have found it"


def reaches(root: object, goal: object) -> bool:
    """Whether anything that ``root`` holds, however deep, is ``goal``; modules and classes are not gone through."""
    seen, stack = {id(root)}, [root]
    while stack:
        for held in gc.get_referents(stack.pop()):
            if held is goal:
                return True
            if id(held) not in seen and not isinstance(held, type | type(gc)) and not callable(held):
                seen.add(id(held))
                stack.append(held)
    return False


def test_a_restart_is_noticed_where_the_library_is_missing() -> None:
    made = ran("restart", effort=Effort(training=6))
    shares = {line.agent: line.values for line in made.lines() if line.figure == "actions that are the same"}
    assert shares[who.CURIOUS].value == 1.0  # type: ignore[union-attr]
    assert shares[restart.FORGETFUL].value < 0.9  # type: ignore[union-attr]


def test_a_page_says_only_what_was_kept(tmp_path: Path) -> None:
    made = ran("planning")
    made.save(tmp_path / "kept")
    (tmp_path / "kept" / "planning.png").write_bytes(b"")
    page = tmp_path / "docs" / "learning.md"
    assert report.write(page, tmp_path / "kept") == 1
    text = page.read_text()
    assert made.text() in text
    assert "](../kept/planning.png)" in text
    missed = [line for line in made.lines() if line.met is False]
    assert f"{sum(bool(line.goal) for line in made.lines()) - len(missed)} of" in text
    with pytest.raises(ValueError, match="no results"):
        report.write(page, tmp_path / "nothing")
    assert [result.name for result in kept(tmp_path / "kept")] == ["planning"]


def test_library_of_contenders_is_in_memory_and_theirs_alone() -> None:
    first, second = (new_agent(0) for _ in range(2))
    assert isinstance(first, ProceduralMemoryAgent)
    assert isinstance(first.library, SkillLibrary)
    assert first.library is not second.library
    assert first.library.embedding_dim == ENCODER_DIM
