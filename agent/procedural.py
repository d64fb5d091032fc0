"""The agent: it explores, keeps what worked as skills, and prefers a skill that applies to exploring.

Between episodes everything it knows is in its library: the skills, and in the notes what it knows beyond them. At
the end of an episode all that it learned is one commit; an episode that was cut short did not happen.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from agent.arguments import require_flag, require_kind, require_seed, require_text
from agent.chain import Wanted, chain
from agent.contact import ENTER, shown
from agent.effect import Effect
from agent.encoder import embed_effect
from agent.environment import Environment, Pose
from agent.exploration import Explorer, RandomExplorer
from agent.extraction import claim, extract_skill, extract_way, refit, ways
from agent.history import Episode, Transition, notes_key
from agent.knowledge import Knowledge
from agent.operator import Operator
from agent.planning import Course, plan
from agent.repertoire import Repertoire, apart
from agent.trace import Segment, Trace, remembered
from agent.ways import moved
from skillstore import InvalidInputError, Skill, SkillLibrary

Outlook = tuple[object, ...]
PATIENCE = 5  # failures in a row, in one episode, after which an operator is left alone until the next


class ProceduralMemoryAgent:
    """Learns skills into ``library`` and uses them; knows nothing at first, not even what its actions do.

    ``generator`` serves exploration alone; a library that the agent ``name`` used before brings its own state, so
    that a restarted agent goes on as if it had never stopped. With ``plans=False`` it has only kept skills and
    exploring; with ``use_skills=False`` it is the control: the same agent, only exploring. Several agents with
    different names may share a library. ``planned`` counts the searches of the planner since it was made. Raises
    InvalidInputError for what none of these can be.
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
        require_kind(library, SkillLibrary, "the library of an agent is a skillstore.SkillLibrary")
        require_kind(generator, np.random.Generator, "the generator of an agent is numpy.random.default_rng(a seed)")
        require_kind(explorer, Explorer | None, "the explorer of an agent has the names of agent.Explorer")
        self.library = library
        self.generator = generator
        self.explorer = RandomExplorer() if explorer is None else explorer
        self.name = require_text(name, "an agent is known by a name")
        self.use_skills = require_flag(use_skills, "use_skills")
        self.plans = require_flag(plans, "plans")
        self.knowledge = Knowledge()
        self.planned = 0
        self._first_draw = generator.bit_generator.state
        self._kept: set[object] = set()  # ways known to be in the library; a cache, as asking costs more

    def run_episode(self, environment: Environment, *, seed: int | None = None, learn: bool = True) -> Episode:
        """Run one episode and, with ``learn``, commit what it taught; on return that is as durable as the library.

        Without ``learn`` nothing is written, and the generator goes on from where it stands.
        """
        first, learns = require_seed(seed), require_flag(learn, "learn")
        self.recall(environment, generator=learns)
        self.knowledge.moves.begin()
        trace = Trace(environment.reset(seed=first)[0])
        while not trace.done:
            self._go_on(environment, trace)
        return self._commit(environment, trace) if learns else self._episode(trace, len(self.library), ())

    def recall(self, environment: Environment, *, generator: bool = True) -> None:
        """Know what the notes say, nothing more; with ``generator``, its state too."""
        require_kind(environment, Environment, "a world has the names of agent.Environment, action_count among them")
        notes = self.library.notes.get(f"agent/{self.name}")
        self.knowledge = Knowledge.unpack(notes["knowledge"], environment.action_names) if notes else Knowledge()
        if generator:
            self.generator.bit_generator.state = json.loads(notes["generator"]) if notes else self._first_draw

    def _go_on(self, environment: Environment, trace: Trace) -> None:
        """Towards the end, if a way is known; else try something new; else go where something may be new."""
        skill = self.choose_skill(trace, environment) if self.use_skills else None
        if skill is None and self.use_skills:
            if self._explore(environment, trace, must=False):
                return
            skill = self.choose_skill(trace, environment, lambda state: frozenset(state.items()) not in trace.been)
        if skill is not None:
            self.execute_skill(environment, skill, trace)
        else:
            self._explore(environment, trace, must=True)

    def choose_skill(self, trace: Trace, environment: Environment, wanted: Wanted | None = None) -> Skill | None:
        """The best skill towards the end, or circumstances that are ``wanted``: a kept one, else a planned one."""
        here = trace.observation
        sound = [operator for operator in self.knowledge.operators if trace.failures[operator.key] < PATIENCE]
        sound.sort(key=lambda operator: -operator.chance)
        links, sure = chain(here.grid, here.carrying, sound, wanted)
        if not links:
            return None
        again = (trace.circumstances, here.pose, links[0].key, wanted is None)
        trusted = (sure and wanted is None) if self.plans else True
        if trusted and trace.shortcuts[again] < (1 if self.plans else PATIENCE):
            trace.shortcuts[again] += 1  # a chain does not see what is in the way: it is not to lead here for ever
            kept = self._kept_for(links[0], trace, environment)
            if kept is not None:
                return kept
        return self._planned(sound, trace, environment, wanted, sure) if self.plans else None

    def _planned(
        self, sound: Sequence[Operator], trace: Trace, environment: Environment, wanted: Wanted | None, sure: bool
    ) -> Skill | None:
        """The first part of the cheapest course as a skill, which no library has yet."""
        here = trace.observation
        outlook = self._outlook(sound, trace, wanted)
        if outlook in trace.hopeless:
            return None
        self.planned += 1
        course = plan(here, sound, self.knowledge.moves, wanted, sure=sure)
        if course is None:
            trace.hopeless.add(outlook)
            return None
        return _as_skill(course, here.pose, environment.action_names, environment)

    def _kept_for(self, operator: Operator, trace: Trace, environment: Environment) -> Skill | None:
        """What kept skills can do for an operator: its event, where its tile is in contact; else the way there."""
        here, moves, names = trace.observation, self.knowledge.moves, environment.action_names
        repertoire = Repertoire(self.library, moves, here.grid, here.carrying, names)
        places = operator.places(here.pose, here.grid, moves)
        if here.pose in places:
            action, cell = places[here.pose]
            there = moves.after(here.pose, action) if operator.action is None else here.pose
            event = repertoire.event(here.pose, operator, cell)
            if event is not None and event.id is not None and not trace.failed[event.id]:
                return event
            return extract_skill(operator, action, here.pose, there or here.pose, cell, names, environment.tile_names)
        if not self.plans:
            return repertoire.composed(here.pose, list(places), +trace.failed)
        return self._as_short_as_can_be(repertoire, here.pose, list(places), trace)

    def _as_short_as_can_be(
        self, repertoire: Repertoire, here: Pose, places: Sequence[Pose], trace: Trace
    ) -> Skill | None:
        """A kept way to the nearest of the places than which none can be shorter: it saves a search for one.

        If there is none, the first of two that together are as short.
        """
        far = {place: self.knowledge.moves.distance(apart(here, place), here[2:], repertoire.span) for place in places}
        nearest = min((length for length in far.values() if length is not None), default=None)
        if nearest is None:
            return None
        nearby = [place for place, length in far.items() if length == nearest]
        for place in nearby:
            known = repertoire.way(here, place)
            if known is not None and len(known.said.way) == nearest and not trace.failed[known.skill.id or 0]:
                return known.skill
        joined = (repertoire.joined(here, place, nearest, +trace.failed) for place in nearby)
        return next((known.skill for known in joined if known is not None), None)

    def execute_skill(self, environment: Environment, skill: Skill, trace: Trace) -> bool:
        """Do what the skill says, until its end or the first sign that it does not work; whether it worked."""
        said = claim(skill)
        if said is None:
            raise InvalidInputError(f"{skill.name!r} is not a skill of an agent: it does not say where it leads")
        names, start = environment.action_names, trace.observation.pose
        effect, done = None, 0
        for name, step in zip(skill.action_sequence, said.way, strict=True):
            effect = self._step(environment, names.index(name), trace, practised=skill.id is not None)
            done += 1
            if effect is not None or trace.done or trace.observation.pose != moved(start, step):
                break
        if said.event is None:
            success = done == len(said.way) and trace.observation.pose == moved(start, said.step)
            trace.record(skill.id, None, success)
            return success
        wanted, contact, _ = said.event
        action = None if contact == ENTER else names.index(skill.action_sequence[-1])
        tried = done == len(said.way)
        trace.record(skill.id, (wanted, action, contact) if tried else None, effect == wanted)
        return effect == wanted

    def _explore(self, environment: Environment, trace: Trace, *, must: bool) -> bool:
        """Try what the explorer chooses, until something unexpected happens; whether it chose anything."""
        actions = self.explorer.choose(trace, self.knowledge, environment.action_count, self.generator, must=must)
        for action in actions:
            expected = self.knowledge.moves.after(trace.observation.pose, action)
            effect = self._step(environment, action, trace)
            if effect is not None or trace.done or (expected and trace.observation.pose != expected):
                break
        return bool(actions)

    def _step(self, environment: Environment, action: int, trace: Trace, *, practised: bool = False) -> Effect | None:
        before, circumstances = trace.observation, trace.circumstances
        seen, reward, terminated, truncated, _ = environment.step(action)
        transition = Transition(
            before, action, remembered(before, seen), float(reward), bool(terminated), bool(truncated)
        )
        found = trace.append(transition, practised=practised)
        trace.tried(self.knowledge.learn(transition, found), circumstances)
        return found[0] if found else None

    def _outlook(self, sound: Sequence[Operator], trace: Trace, wanted: Wanted | None) -> Outlook:
        """All that an answer of the planner depends on, but for where the agent stands."""
        here, moves = trace.observation, self.knowledge.moves
        enterable = tuple(code for code in moves.entered if moves.can_enter(code))
        known = tuple((operator.key, len(operator.needs), len(operator.refuted)) for operator in sound)
        aim = None if wanted is None else len(trace.been)
        return here.carrying, here.grid.tobytes(), enterable, len(moves.seen), known, aim

    def _commit(self, environment: Environment, trace: Trace) -> Episode:
        """Write what the episode taught, the outcomes, the notes and the episode itself as one commit."""
        names: list[str] = []
        kept = len(self.library)
        with self.library.batch():
            if self.use_skills:
                self._refit()
                for segment in trace.segments:
                    names += self._learn(segment, environment) if not segment.practised else []
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

    def _refit(self) -> None:
        """Drop from kept skills the needs that their operators turned out to do without."""
        general = {(operator.effect, operator.contact): operator for operator in self.knowledge.general}
        for skill in list(self.library) if general else ():
            said = claim(skill)
            operator = general.get(said.event[:2]) if said is not None and said.event is not None else None
            if operator is not None and skill.id is not None:
                self.library.replace_skill(skill.id, refit(skill, operator))
        self.knowledge.general.clear()

    def _learn(self, segment: Segment, environment: Environment) -> list[str]:
        """Keep the skills of a segment that are not known yet; the names of the new ones."""
        last, moves, names = segment.last, self.knowledge.moves, environment.action_names
        repertoire = Repertoire(self.library, moves, last.before.grid, last.before.carrying, names)
        learned = []
        contact = shown(last.before, last.after, segment.cell)
        operator = self.knowledge.operator(segment.effect, None if contact == ENTER else last.action, contact)
        if operator is not None and repertoire.event(last.before.pose, operator, segment.cell) is None:
            event = (operator, last.action, last.before.pose, last.after.pose, segment.cell)
            learned.append(extract_skill(*event, names, environment.tile_names))
        for start, way in ways(segment, moves):
            shape = (start[2:], tuple(apart(start, pose) for _, pose in way))
            if shape in self._kept:
                continue
            self._kept.add(shape)
            known = repertoire.way(start, last.before.pose)
            if known is None or len(known.said.way) > len(way):
                learned.append(extract_way(start, way, names))
        return [skill.name for skill in learned if self._keep(skill)]

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


def _as_skill(course: Course, start: Pose, names: Sequence[str], environment: Environment) -> Skill:
    """A planned course as a skill, which no library has yet."""
    effect, way = course.operator.effect, course.way
    before = way[-2][1] if len(way) > 1 else start
    offset = (course.cell[0] - before[0], course.cell[1] - before[1])
    return Skill(
        name=effect.say(environment.tile_names),
        preconditions={},
        action_sequence=[names[action] for action, _ in way],
        embedding=embed_effect(effect, offset),
        metadata={
            "way": [list(apart(start, pose)) for _, pose in way],
            "event": [effect.pack(), course.operator.contact, list(offset)],
        },
    )
