"""The agent learns from observations alone, uses what it learned, and is not led astray."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest

from agent import facts
from agent.effect import Effect
from agent.encoder import ENCODER_DIM
from agent.environment import Environment, Observation
from agent.evaluation import new_agent
from agent.exploration import Explorer
from agent.extraction import operator_key
from agent.gridworld import BOX, FLOOR, STEP_REWARD, GridWorld
from agent.history import Episode
from agent.operator import Operator
from agent.procedural import PATIENCE, ProceduralMemoryAgent
from agent.trace import Segment, Trace
from agent.training import train
from skillstore import Skill, SkillLibrary
from tests.agent.permuted import PermutedExplorer, PermutedGridWorld

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
    agent = new_agent(seed)
    assert steps(agent, GridWorld(), 4)[-1] == 10
    return agent


@pytest.mark.parametrize("seed", range(5))
def test_from_an_empty_memory_all_episodes_after_the_first_success_take_the_shortest_way(seed: int) -> None:
    run = list(train(GridWorld(), new_agent(seed), 9))
    first = next(episode.index for episode in run if episode.success)
    assert first <= 3
    assert run[first].steps > 11
    assert {episode.steps for episode in run[first + 1 :]} == {10}
    assert {round(episode.reward, 9) for episode in run[first + 1 :]} == {12.3}


def test_names_of_actions_and_codes_of_tiles_do_not_matter() -> None:
    for seed in range(2):
        disguised = PermutedGridWorld.drawn(GridWorld(), seed, keep_order=True)
        assert steps(new_agent(seed), disguised, 5) == steps(new_agent(seed), GridWorld(), 5)


def test_the_order_of_actions_does_not_matter() -> None:
    for seed in range(2):
        disguised = PermutedGridWorld.drawn(GridWorld(), seed)
        explorer = PermutedExplorer(disguised.order)
        assert steps(with_explorer(seed, explorer), disguised, 5) == steps(new_agent(seed), GridWorld(), 5)


def with_explorer(seed: int, explorer: Explorer) -> ProceduralMemoryAgent:
    library = SkillLibrary(embedding_dim=ENCODER_DIM)
    return ProceduralMemoryAgent(library, np.random.default_rng(seed), explorer=explorer)


def test_without_skills_the_agent_is_a_uniform_random_walk() -> None:
    agent, generator, world = new_agent(3, use_skills=False), np.random.default_rng(3), GridWorld()
    for episode in train(GridWorld(), agent, 5):
        world.reset()
        ends = (world.step(int(generator.integers(6)))[2:4] for _ in itertools.count())
        assert episode.steps == 1 + sum(1 for _ in itertools.takewhile(lambda end: True not in end, ends))
        assert (episode.skills, episode.uses) == (0, 0)
    assert len(agent.library) == 0


def test_skills_are_named_for_what_they_do() -> None:
    agent = taught()
    assert {skill.name for skill in agent.library} == {
        "acquire key",
        "turn closed door into open door",
        "finish at goal",
    }


def test_an_episode_tells_what_was_learned_and_used() -> None:
    run = list(train(GridWorld(), new_agent(2), 4))
    assert set().union(*(episode.learned for episode in run)) == {skill.name for skill in taught().library}
    assert [episode.uses for episode in run[-3:]] == [run[0].uses + 3, run[0].uses + 6, run[0].uses + 9]
    assert run[-1].skills == len(taught().library)


def test_a_skill_that_had_its_effect_succeeded_even_if_the_episode_failed() -> None:
    agent = taught()
    before = {skill.id: skill.success_count for skill in agent.library}
    (episode,) = train(Altered(OPEN), agent, 1)
    assert not episode.success
    gained = {skill.name: skill.success_count - before[skill.id] for skill in agent.library if skill.id in before}
    assert gained["acquire key"] >= 0
    assert sum(skill.success_count - before.get(skill.id, 0) for skill in agent.library) == 1


def test_a_skill_that_stopped_working_is_not_tried_for_ever() -> None:
    agent = taught()
    before = {skill.id: skill.times_used for skill in agent.library}
    worked = {skill.id: skill.success_count for skill in agent.library}
    for _ in train(Altered(PICKUP), agent, 25):
        used = Counter[object]()
        for skill in agent.library:
            gained = skill.times_used - before.get(skill.id, 0)
            assert gained <= 1, "a skill that failed was tried again in the same episode"
            used[operator_key(skill)] += gained
        assert max(used.values()) <= PATIENCE
        before = {skill.id: skill.times_used for skill in agent.library}
    last = sum(skill.times_used for skill in agent.library)
    assert all(skill.times_used <= 10 * (worked.get(skill.id, 0) + 1) for skill in agent.library)
    assert steps(agent, Altered(PICKUP), 1) == [250]
    assert sum(skill.times_used for skill in agent.library) <= last + PATIENCE


def test_it_recovers_when_the_world_works_again() -> None:
    agent = taught()
    steps(agent, Altered(PICKUP), 3)
    assert steps(agent, GridWorld(), 2)[-1] == 10


def test_needs_that_a_success_did_without_are_dropped_from_kept_skills() -> None:
    agent = taught()
    assert all(f"seen.{BOX}" in skill.preconditions for skill in agent.library)
    steps(agent, Altered(hide_box=True), 8)
    assert not any(f"seen.{BOX}" in skill.preconditions for skill in agent.library)
    assert steps(agent, GridWorld(), 2) == [10, 10]
    assert steps(agent, Altered(hide_box=True), 2) == [10, 10]


def test_the_shorter_of_two_ways_to_an_effect_is_chosen_and_a_failing_one_is_not() -> None:
    agent, world = taught(), GridWorld()
    agent.recall(world)
    trace = Trace(world.reset()[0])
    best = agent.choose_skill(trace, world)
    assert best is not None
    detour = Skill(
        best.name,
        {name: value for name, value in best.preconditions.items() if not name.startswith("free.")},
        ["move_up", "move_down", *best.action_sequence],
        best.embedding,
        {**best.metadata, "way": [[0, 1], [0, 0], *best.metadata["way"]]},
    )
    longer = agent.library.add_skill(detour).skill
    assert longer.id != best.id
    assert best.id is not None
    assert longer.id is not None
    for _ in range(20):
        agent.library.record_outcome(longer.id, True)
    assert (agent.choose_skill(trace, world) or longer).id == best.id
    for _ in range(20):
        agent.library.record_outcome(best.id, False)
    assert (agent.choose_skill(trace, world) or best).id == longer.id


def test_a_shorter_way_replaces_the_kept_one() -> None:
    agent, world = taught(), GridWorld()
    best = agent.choose_skill(Trace(world.reset()[0]), world)
    assert best is not None
    assert best.id is not None
    way = [[0, 1], [0, 0], *best.metadata["way"]]
    longer = Skill(
        best.name,
        best.preconditions,
        ["move_up", "move_down", *best.action_sequence],
        best.embedding,
        {**best.metadata, "way": way},
    )
    agent.library.replace_skill(best.id, longer)
    assert steps(agent, GridWorld(), 3) == [12, 10, 10]
    assert agent.library.get_skill(best.id).action_sequence == best.action_sequence


def test_skills_of_others_in_the_same_library_do_not_lead_astray() -> None:
    agent = taught()
    generator = np.random.default_rng(0)
    for number in range(200):
        agent.library.add_skill(
            Skill(f"other {number}", {}, ["move_down", f"other {number}"], generator.normal(size=ENCODER_DIM))
        )
    assert steps(agent, GridWorld(), 3) == [10, 10, 10]


def test_neither_a_skill_for_another_effect_nor_one_with_unknown_actions_is_chosen() -> None:
    agent, world = taught(), GridWorld()
    agent.recall(world)
    agent.plans = False
    trace = Trace(world.reset()[0])
    best = agent.choose_skill(trace, world)
    assert best is not None
    other = next(skill for skill in agent.library if skill.name == "finish at goal")
    for skill in agent.library:
        agent.library.remove_skill(skill.id or 0)
    agent.library.add_skill(Skill("other effect", {}, ["move_up"], best.embedding, other.metadata))
    agent.library.add_skill(Skill("unknown action", {"carrying": None}, ["fly"], best.embedding, best.metadata))
    assert agent.choose_skill(trace, world) is None
    kept = agent.library.add_skill(best).skill
    assert (agent.choose_skill(trace, world) or other).id == kept.id


def test_the_next_effect_on_the_way_to_the_end_is_wanted_and_nothing_else() -> None:
    agent, world = taught(), GridWorld()
    agent.recall(world)
    trace = Trace(world.reset()[0])
    state = facts.of(trace.observation, agent.knowledge.moves)
    take = next(operator for operator in agent.knowledge.operators if operator.effect.held is None)
    diversion = Operator(Effect(BOX, FLOOR, None, BOX, False), "pickup_key", (0, 0), {"carrying": None})
    agent.knowledge.operators.append(diversion)
    assert list(agent._wanted(state, trace)) == [take.effect]
    agent.knowledge.operators = [take, diversion]
    assert list(agent._wanted(state, trace)) == [diversion.effect, take.effect]


def test_without_a_chain_to_the_end_an_effect_is_wanted_only_once_an_episode() -> None:
    agent, world = taught(), GridWorld()
    agent.recall(world)
    trace = Trace(world.reset()[0])
    state = facts.of(trace.observation, agent.knowledge.moves)
    take = next(operator for operator in agent.knowledge.operators if operator.effect.held is None)
    agent.knowledge.operators = [take]
    assert list(agent._wanted(state, trace)) == [take.effect]
    trace.segments.append(Segment([], take.effect, (2, 2)))
    assert list(agent._wanted(state, trace)) == []


def test_what_is_known_already_is_not_learned_again() -> None:
    agent = taught()
    before = [(skill.id, skill.action_sequence) for skill in agent.library]
    steps(agent, GridWorld(), 5)
    assert [(skill.id, skill.action_sequence) for skill in agent.library] == before
    assert {skill.times_learned for skill in agent.library} == {1}


def test_a_new_agent_on_the_library_is_good_from_its_first_episode() -> None:
    another = ProceduralMemoryAgent(taught().library, np.random.default_rng(77))
    assert another.run_episode(GridWorld(), learn=False).steps == 10


def test_execution_stops_at_the_first_sign_that_it_does_not_work() -> None:
    agent, world = taught(), GridWorld(5, layout="locked", layout_seed=1)
    trace = Trace(world.reset()[0])
    skill = next(skill for skill in agent.library if len(skill.action_sequence) == 5)
    x, y = world.layout.start
    blocked = [[9, 9], *skill.metadata["way"][1:]]
    lost = Skill("lost", {"x": x, "y": y}, skill.action_sequence, skill.embedding, {**skill.metadata, "way": blocked})
    kept = agent.library.add_skill(lost).skill
    assert not agent.execute_skill(world, kept, trace)
    assert len(trace.transitions) == 1
    assert trace.outcomes == [(kept.id, False)]


def test_a_skill_without_an_effect_to_check_cannot_be_executed() -> None:
    agent, world = new_agent(0), GridWorld()
    trace = Trace(world.reset()[0])
    with pytest.raises(ValueError, match="no effect to check"):
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
