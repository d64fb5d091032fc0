"""The agent learns from observations alone, uses what it learned, and is not led astray."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from agent.encoder import ENCODER_DIM
from agent.environment import Environment, Observation
from agent.evaluation.shortest import shortest_run
from agent.exploration import CuriousExplorer, Explorer, FrontierExplorer, RandomExplorer
from agent.gridworld import BOX, FLOOR, STEP_REWARD, GridWorld
from agent.history import Episode
from agent.procedural import PATIENCE, ProceduralMemoryAgent
from agent.trace import Trace
from agent.training import train
from agent.worlds.slips import Slips
from skillstore import Skill
from tests.agent.newborn import new_agent
from tests.agent.permuted import PermutedCuriosity, PermutedExplorer, PermutedGridWorld

PICKUP, OPEN = 4, 5


class Altered(GridWorld):
    """A GridWorld in which some actions do nothing, and the box may be hidden."""

    def __init__(self, *idle: int, hide_box: bool = False) -> None:
        super().__init__()
        self.idle, self.hide_box = set(idle), hide_box

    def _act(self, action: int) -> float:
        return STEP_REWARD if action in self.idle else super()._act(action)

    def _observation(self) -> Observation:
        seen = super()._observation()
        grid = np.where(seen.grid == BOX, FLOOR, seen.grid) if self.hide_box else seen.grid
        return Observation(seen.pose, grid, seen.carrying)


def steps(agent: ProceduralMemoryAgent, world: Environment, episodes: int) -> list[int]:
    return [episode.steps for episode in train(world, agent, episodes)]


def taught(seed: int = 2) -> ProceduralMemoryAgent:
    """An agent that has been through the tutorial."""
    agent = new_agent(seed, explorer=CuriousExplorer())
    assert steps(agent, GridWorld(), 4)[-1] == 10
    return agent


@pytest.mark.parametrize("explorer", [RandomExplorer, FrontierExplorer, CuriousExplorer])
@pytest.mark.parametrize("seed", range(3))
def test_from_an_empty_memory_all_episodes_after_the_first_success_take_the_shortest_way(
    seed: int, explorer: type[Explorer]
) -> None:
    run = list(train(GridWorld(), new_agent(seed, explorer=explorer()), 9))
    first = next(episode.index for episode in run if episode.success)
    assert first <= 5
    assert run[first].steps > 11
    assert {episode.steps for episode in run[first + 1 :]} == {10}
    assert {round(episode.reward, 9) for episode in run[first + 1 :]} == {12.3}


@pytest.mark.parametrize("seed", range(5))
def test_curiosity_finds_the_way_in_a_quarter_of_an_episode(seed: int) -> None:
    (episode,) = train(GridWorld(), new_agent(seed, explorer=CuriousExplorer()), 1)
    assert episode.success
    assert episode.steps <= 65


def test_names_of_actions_and_codes_of_tiles_do_not_matter() -> None:
    kinds: list[type[Explorer]] = [RandomExplorer, FrontierExplorer, CuriousExplorer]
    for seed, explorer in itertools.product(range(2), kinds):
        disguised = PermutedGridWorld.drawn(GridWorld(), seed, keep_order=True)
        plain = steps(new_agent(seed, explorer=explorer()), GridWorld(), 5)
        assert steps(new_agent(seed, explorer=explorer()), disguised, 5) == plain


def test_the_order_of_actions_does_not_matter() -> None:
    for seed in range(2):
        disguised = PermutedGridWorld.drawn(GridWorld(), seed)
        explorer = PermutedExplorer(disguised.order)
        assert steps(new_agent(seed, explorer=explorer), disguised, 5) == steps(new_agent(seed), GridWorld(), 5)
        curious = PermutedCuriosity(disguised.order)
        plain = steps(new_agent(seed, explorer=CuriousExplorer()), GridWorld(), 5)
        assert steps(new_agent(seed, explorer=curious), disguised, 5) == plain


def test_without_skills_the_agent_is_a_uniform_random_walk() -> None:
    agent, generator, world = new_agent(3, use_skills=False), np.random.default_rng(3), GridWorld()
    for episode in train(GridWorld(), agent, 5):
        world.reset()
        ends = (world.step(int(generator.integers(6)))[2:4] for _ in itertools.count())
        assert episode.steps == 1 + sum(1 for _ in itertools.takewhile(lambda end: True not in end, ends))
        assert (episode.skills, episode.uses) == (0, 0)
    assert len(agent.library) == 0


def test_it_recovers_when_the_world_works_again() -> None:
    agent = taught()
    steps(agent, Altered(PICKUP), 3)
    assert steps(agent, GridWorld(), 2)[-1] == 10


def test_skills_are_named_for_what_they_do() -> None:
    names = {skill.name for skill in taught().library}
    assert names == {"go", "acquire key", "turn closed door into open door", "finish at goal"}


def test_an_episode_tells_what_was_learned_and_used() -> None:
    agent = new_agent(2, explorer=CuriousExplorer())
    run = list(train(GridWorld(), agent, 4))
    assert set().union(*(episode.learned for episode in run)) == {skill.name for skill in agent.library}
    assert run[-1].uses == sum(skill.times_used for skill in agent.library) > run[-2].uses
    assert run[-1].skills == len(agent.library)


def test_a_skill_that_had_its_effect_succeeded_even_if_the_episode_failed() -> None:
    agent = taught()
    before = {skill.id: skill.success_count for skill in agent.library}
    (episode,) = train(Altered(OPEN), agent, 1)
    assert not episode.success
    gained = {skill.name: skill.success_count - before.get(skill.id, 0) for skill in agent.library}
    assert gained["acquire key"] == 1
    assert gained["turn closed door into open door"] == 0


def test_what_stopped_working_is_not_tried_for_ever() -> None:
    agent = taught()
    for _ in train(Altered(PICKUP), agent, 6):
        event = next(skill for skill in agent.library if skill.name == "acquire key")
        assert event.times_used - event.success_count <= 6 * PATIENCE
    before = event.times_used
    assert steps(agent, Altered(PICKUP), 1) == [250]
    assert agent.library.get_skill(event.id or 0).times_used - before <= PATIENCE


def test_needs_that_a_success_did_without_are_dropped_from_kept_skills() -> None:
    agent = taught()
    events = [skill for skill in agent.library if skill.name != "go"]
    assert all(f"seen.{BOX}" in skill.preconditions for skill in events)
    steps(agent, Altered(hide_box=True), 3)
    assert not any(f"seen.{BOX}" in skill.preconditions for skill in agent.library)
    assert steps(agent, GridWorld(), 2) == [10, 10]
    assert steps(agent, Altered(hide_box=True), 2) == [10, 10]


def test_a_shorter_way_replaces_the_kept_one() -> None:
    agent, world = taught(), GridWorld()
    trace = Trace(world.reset()[0])
    agent.recall(world)
    best = agent.choose_skill(trace, world)
    assert best is not None
    assert best.id is not None
    detour = [best.metadata["way"][0], [0, 0], *best.metadata["way"]]
    back = {"move_up": "move_down", "move_right": "move_left"}[best.action_sequence[0]]
    actions = [best.action_sequence[0], back, *best.action_sequence]
    longer = Skill(best.name, best.preconditions, actions, best.embedding, {**best.metadata, "way": detour})
    agent.library.replace_skill(best.id, longer)
    assert not agent._keep(best)
    assert agent.library.get_skill(best.id).action_sequence == best.action_sequence
    assert not agent._keep(longer)
    assert agent.library.get_skill(best.id).action_sequence == best.action_sequence


def test_ten_thousand_skills_that_only_look_alike_lead_nobody_astray() -> None:
    agent, world = taught(), GridWorld(8, layout="locked")
    steps(agent, world, 25)

    def tested(*, plans: bool) -> list[int]:
        one = ProceduralMemoryAgent(agent.library, np.random.default_rng(1), explorer=CuriousExplorer(), plans=plans)
        return [one.run_episode(world, seed=seed, learn=False).steps for seed in range(900, 910)]

    clean = tested(plans=True), tested(plans=False)
    agent.library.add_skills(_lookalikes(list(agent.library), 10_000, world.action_names))
    assert len(agent.library) > 1000
    assert (tested(plans=True), tested(plans=False)) == clean


def _lookalikes(skills: list[Skill], count: int, names: tuple[str, ...]) -> Iterator[Skill]:
    """Skills with the claims and embeddings of others, but other actions, and half of the preconditions."""
    generator = np.random.default_rng(0)
    for _ in range(count):
        model = skills[int(generator.integers(len(skills)))]
        actions = [names[number] for number in generator.integers(len(names), size=len(model.action_sequence))]
        needs = {name: value for name, value in model.preconditions.items() if generator.random() < 0.5}
        if actions != list(model.action_sequence):
            yield Skill(model.name, needs, actions, model.embedding, model.metadata)


def test_a_tenth_of_slips_costs_little() -> None:
    agent = new_agent(0, explorer=CuriousExplorer())
    world, ideal = Slips(GridWorld(8, layout="locked"), 0.1), GridWorld(8, layout="locked")
    list(train(world, agent, 25))
    over = [agent.run_episode(world, seed=s, learn=False).steps / shortest_run(ideal, s) for s in range(500, 520)]
    assert np.median(over) <= 1.4
    assert max(over) <= 20


def test_a_failing_step_ends_a_way_and_counts_against_it() -> None:
    agent, world = taught(), GridWorld(5, layout="locked", layout_seed=1)
    agent.recall(world)
    trace = Trace(world.reset()[0])
    way = next(skill for skill in agent.library if skill.name == "go" and len(skill.action_sequence) == 3)
    blocked = [[9, 9], *way.metadata["way"][1:]]
    lost = Skill("go", {"lost": True}, way.action_sequence, way.embedding, {"way": blocked})
    kept = agent.library.add_skill(lost).skill
    assert not agent.execute_skill(world, kept, trace)
    assert len(trace.transitions) == 1
    assert trace.outcomes == [(kept.id, False)]


def test_skills_of_others_in_the_same_library_do_not_lead_astray() -> None:
    agent = taught()
    generator = np.random.default_rng(0)
    for number in range(200):
        agent.library.add_skill(
            Skill(f"other {number}", {}, ["move_down", f"other {number}"], generator.normal(size=ENCODER_DIM))
        )
    assert steps(agent, GridWorld(), 3) == [10, 10, 10]


def test_what_is_known_already_is_not_learned_again() -> None:
    agent = taught()
    before = [(skill.id, skill.action_sequence) for skill in agent.library]
    steps(agent, GridWorld(), 5)
    assert [(skill.id, skill.action_sequence) for skill in agent.library] == before
    assert {skill.times_learned for skill in agent.library} == {1}


def test_a_new_agent_on_the_library_is_good_from_its_first_episode() -> None:
    another = ProceduralMemoryAgent(taught().library, np.random.default_rng(77))
    assert another.run_episode(GridWorld(), learn=False).steps == 10


def test_a_skill_that_does_not_say_where_it_leads_cannot_be_executed() -> None:
    agent, world = new_agent(0), GridWorld()
    trace = Trace(world.reset()[0])
    with pytest.raises(ValueError, match="where it leads"):
        agent.execute_skill(world, Skill("other", {}, ["move_up"], [1.0] * ENCODER_DIM), trace)


def test_a_rehearsal_leaves_no_trace() -> None:
    agent = taught()
    notes, uses = dict(agent.library.notes), [skill.times_used for skill in agent.library]
    assert agent.run_episode(GridWorld(), learn=False).steps == 10
    assert dict(agent.library.notes) == notes
    assert [skill.times_used for skill in agent.library] == uses


def test_agents_of_different_names_share_a_library_but_not_what_they_know() -> None:
    agent = taught()
    control = ProceduralMemoryAgent(agent.library, np.random.default_rng(5), name="control", use_skills=False)
    alone = steps(new_agent(5, use_skills=False), GridWorld(), 3)
    assert steps(control, GridWorld(), 3) == alone
    last: list[Episode] = list(train(GridWorld(), agent, 1))
    assert (last[0].index, last[0].steps) == (4, 10)
