"""The agent: it explores, keeps what worked as skills, and prefers a skill that applies to exploring.

Between episodes everything it knows is in its library: the skills, and in the notes what it knows beyond them. At
the end of an episode all that it learned is one commit; an episode that was cut short did not happen.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

import numpy as np

import agent.facts as facts
from agent.effect import Effect
from agent.encoder import embed
from agent.environment import Environment
from agent.exploration import Explorer, RandomExplorer
from agent.extraction import Piece, extract_skill, operator_key, pieces, refit
from agent.history import Episode, Transition, notes_key
from agent.knowledge import Knowledge
from agent.operator import Operator, chain
from agent.planning import plan
from agent.trace import Trace
from skillstore import Skill, SkillLibrary

TOP_K = 16
PATIENCE = 5  # failures in a row, in one episode, after which an operator is left alone until the next
HOPELESS = 0.1  # a skill less likely to work than this is not tried: one that never worked is tried 9 times


class ProceduralMemoryAgent:
    """Learns skills into ``library`` and uses them; knows nothing at first, not even what its actions do.

    ``generator`` serves exploration alone; a library that the agent ``name`` used before brings its own state, so
    that a restarted agent goes on as if it had never stopped. With ``plans=False`` it has only kept skills and
    exploring; with ``use_skills=False`` it is the control: the same agent, only exploring. Several agents with
    different names may share a library.
    """

    def __init__(
        self,
        library: SkillLibrary,
        generator: np.random.Generator,
        *,
        explorer: Explorer | None = None,
        name: str = "agent",
        use_skills: bool = True,
        plans: bool = True,
    ) -> None:
        self.library = library
        self.generator = generator
        self.explorer = explorer or RandomExplorer()
        self.name = name
        self.use_skills = use_skills
        self.plans = plans
        self.knowledge = Knowledge()
        self._first_draw = generator.bit_generator.state

    def run_episode(self, environment: Environment, *, seed: int | None = None, learn: bool = True) -> Episode:
        """Run one episode and, with ``learn``, commit what it taught; on return that is as durable as the library.

        Without ``learn`` nothing is written, and the generator goes on from where it stands.
        """
        self.recall(environment, generator=learn)
        trace = Trace(environment.reset(seed=seed)[0])
        while not trace.done:
            skill = self.choose_skill(trace, environment) if self.use_skills else None
            if skill is None:
                action = self.explorer.choose(trace.observation, environment.action_count, self.generator)
                self._step(environment, action, trace)
            else:
                self.execute_skill(environment, skill, trace)
        return self._commit(environment, trace) if learn else self._episode(trace, len(self.library), ())

    def recall(self, environment: Environment, *, generator: bool = True) -> None:
        """Know what the notes say, nothing more; with ``generator``, its state too."""
        notes = self.library.notes.get(f"agent/{self.name}")
        self.knowledge = Knowledge.unpack(notes["knowledge"], environment.action_names) if notes else Knowledge()
        if generator:
            self.generator.bit_generator.state = json.loads(notes["generator"]) if notes else self._first_draw

    def choose_skill(self, trace: Trace, environment: Environment) -> Skill | None:
        """The best applicable skill for the next effect worth having, else a planned one; None without either."""
        observation = trace.observation
        state = facts.of(observation, self.knowledge.moves)
        for effect in self._wanted(state, trace):
            away = state.get(facts.offset(effect.tile))
            if not isinstance(away, tuple):
                continue
            query = embed(effect, (away[0], away[1]), observation.carrying)
            matches = self.library.retrieve_skills(state, query, TOP_K)
            usable = [match for match in matches if self._usable(match.skill, effect, trace, environment)]
            if usable:
                return max(usable, key=lambda match: _promise(match.skill) * (match.similarity or 0.0)).skill
            planned = self._planned(effect, state, trace, environment) if self.plans else None
            if planned is not None:
                return planned
        return None

    def execute_skill(self, environment: Environment, skill: Skill, trace: Trace) -> bool:
        """Do what the skill says, until its effect or the first sign that it does not work; whether it worked."""
        operator = operator_key(skill)
        if operator is None:
            raise ValueError(f"{skill.name!r} is not a skill of an agent: it says no effect to check")
        x, y = trace.observation.cell
        effect = None
        for name, (dx, dy, *heading) in zip(skill.action_sequence, skill.metadata["way"], strict=True):
            effect = self._step(environment, environment.action_names.index(name), trace)
            if effect is not None or trace.done or trace.observation.pose != (x + dx, y + dy, *heading):
                break
        trace.record(skill.id, operator, effect == operator[0])
        return effect == operator[0]

    def _step(self, environment: Environment, action: int, trace: Trace) -> Effect | None:
        before = trace.observation
        after, reward, terminated, truncated, _ = environment.step(action)
        self.knowledge.moves.watch(before, action, after)
        return trace.append(Transition(before, action, after, reward, terminated, truncated))

    def _wanted(self, state: facts.State, trace: Trace) -> Iterator[Effect]:
        """The next effect on a known chain to the end; without a chain, each effect not yet had, latest first."""
        sound = [o for o in self.knowledge.operators if trace.failures[o.key] < PATIENCE]
        links = chain(state, sound)
        if links:
            yield links[0].effect
            return
        had = set(trace.achieved())
        yield from dict.fromkeys(o.effect for o in reversed(sound) if o.holds(state) and o.effect not in had)

    def _planned(self, effect: Effect, state: facts.State, trace: Trace, environment: Environment) -> Skill | None:
        """The shortest plan for the effect as a skill, which no library has yet."""
        names, moves = environment.action_names, self.knowledge.moves
        planned = [
            (piece, operator)
            for operator in self.knowledge.operators
            if operator.effect == effect and operator.holds(state) and trace.failures[operator.key] < PATIENCE
            if (piece := plan(trace.observation, operator, moves, names)) is not None
        ]
        best = min(planned, key=lambda made: len(made[0].way), default=None)
        return extract_skill(*best, names, environment.tile_names) if best else None

    def _usable(self, skill: Skill, effect: Effect, trace: Trace, environment: Environment) -> bool:
        operator = operator_key(skill)
        return (
            operator is not None
            and operator[0] == effect
            and trace.failures[operator] < PATIENCE
            and skill.id not in trace.failed
            and _chance(skill) >= HOPELESS
            and all(action in environment.action_names for action in skill.action_sequence)
        )

    def _commit(self, environment: Environment, trace: Trace) -> Episode:
        """Write what the episode taught, the outcomes, the notes and the episode itself as one commit."""
        learned, refitted = self._lessons(environment, trace) if self.use_skills else ([], [])
        names: list[str] = []
        kept = len(self.library)
        with self.library.batch():
            for skill_id, skill in refitted:
                self.library.replace_skill(skill_id, skill)
            for skill in learned:
                names += [skill.name] if self._keep(skill) else []
            for skill_id, success in trace.outcomes:
                self.library.record_outcome(skill_id, success)
            self.knowledge.uses += len(trace.outcomes)
            episode = self._episode(trace, kept + len(names), tuple(dict.fromkeys(names)))
            self.knowledge.episodes += 1
            self.library.notes[notes_key(self.name, episode.index)] = asdict(episode)
            self.library.notes[f"agent/{self.name}"] = {
                "knowledge": self.knowledge.pack(environment.action_names),
                "generator": json.dumps(self.generator.bit_generator.state),
            }
        return episode

    def _lessons(self, environment: Environment, trace: Trace) -> tuple[list[Skill], list[tuple[int, Skill]]]:
        """The skills that the episode adds, and by id those kept whose needs it showed to be too specific."""
        names = environment.action_names
        shown = [(segment, *self.knowledge.learn_operator(segment, names)) for segment in trace.segments]
        general = {operator.key: operator for _, operator, dropped in shown if dropped}
        refitted = [
            (skill.id, refit(skill, general[key]))
            for skill in (self.library if general else ())
            if skill.id is not None and (key := operator_key(skill)) in general
        ]
        learned = [
            extract_skill(piece, operator, names, environment.tile_names)
            for segment, operator, _ in shown
            for piece in pieces(segment, operator, self.knowledge.moves)
            if not self._has_as_good(operator, piece)
        ]
        return learned, refitted

    def _has_as_good(self, operator: Operator, piece: Piece) -> bool:
        """Whether a kept skill does the same from there in as few actions."""
        query = embed(operator.effect, piece.away, operator.effect.held)
        return any(
            len(match.skill.action_sequence) <= len(piece.way)
            and operator_key(match.skill) == operator.key
            and _chance(match.skill) >= HOPELESS
            for match in self.library.retrieve_skills(piece.state, query, TOP_K)
        )

    def _keep(self, skill: Skill) -> bool:
        """Add the skill, or the shorter way to the one it merges with; True when it is a new one."""
        added = self.library.add_skill(skill)
        kept = added.skill
        if kept.id is not None and len(skill.action_sequence) < len(kept.action_sequence):
            self.library.replace_skill(kept.id, skill)
        return added.created

    def _episode(self, trace: Trace, skills: int, learned: tuple[str, ...]) -> Episode:
        return Episode(
            index=self.knowledge.episodes,
            reward=trace.reward,
            steps=len(trace.transitions),
            success=trace.success,
            skills=skills if self.use_skills else 0,
            uses=self.knowledge.uses,
            learned=learned,
        )


def _chance(skill: Skill) -> float:
    """The expected success of the next use, by Laplace's rule of succession."""
    return (skill.success_count + 1) / (skill.times_used + 2)


def _promise(skill: Skill) -> float:
    """What is to be expected of each action of the skill."""
    return _chance(skill) / len(skill.action_sequence)
