"""Extraction: from a segment that ended in an effect to the skills that bring it about again.

One skill for every pose of the segment (hindsight), each the shortest way known from there: over tiles known to be
enterable, by moves known to lead there, so without loops; or the way it went, its loops erased. A skill is keyed
by where the tile is *relative* to the agent, needs the cells of its way free, and otherwise what all successes
had in common.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from agent import facts
from agent.effect import Effect
from agent.encoder import embed
from agent.environment import Cell, Pose
from agent.history import Transition
from agent.moves import Moves
from agent.operator import Operator
from agent.trace import OperatorKey, Segment
from skillstore import Skill

Way = list[tuple[int, Pose]]  # actions, each with the pose after it


def extract_skills(
    segment: Segment,
    operator: Operator,
    moves: Moves,
    action_names: tuple[str, ...],
    tile_names: Mapping[int, str],
) -> Iterator[tuple[Skill, facts.State]]:
    """The skills of a segment, each with the facts at its start; no two start at the same pose."""
    before = segment.last.before
    finish = [(segment.last.action, segment.last.after.pose)]
    target = before.pose if operator.action else segment.last.after.pose
    ways = moves.ways_to(target, before.grid)
    last_visits = {transition.before.pose: index for index, transition in enumerate(segment.transitions)}
    for start, index in last_visits.items():
        way = _walked(segment.transitions[index:])
        if start in ways or start == target:
            known = _followed(start, ways) + (finish if operator.action else [])
            way = min(known or way, way, key=len)
        state = facts.derive(start, before.grid, before.carrying, moves)
        away = _apart(start, segment.cell)
        if state[facts.offset(segment.effect.tile)] == away:
            names = [action_names[action] for action, _ in way]
            relative = [(*_apart(start, pose[:2]), *pose[2:]) for _, pose in way]
            yield extract_skill(operator, state, away, names, relative, operator.effect.say(tile_names)), state


def extract_skill(
    operator: Operator, state: facts.State, away: Cell, actions: list[str], way: list[Pose], name: str
) -> Skill:
    """The skill of doing ``actions`` where ``state`` holds and the operator's tile is ``away``.

    ``way`` holds the pose after each action, its cell relative to the start.
    """
    effect = operator.effect
    free = {facts.free(*pose[:2]): True for pose in way if pose[:2] != (0, 0)}
    heading = {"heading": state["heading"]} if "heading" in state else {}
    return Skill(
        name=name,
        preconditions={**operator.needs, **heading, facts.offset(effect.tile): away, **free},
        action_sequence=actions,
        embedding=embed(effect, away, effect.held),
        metadata={
            "effect": effect.pack(),
            "operator": [operator.action, list(operator.contact)],
            "way": [list(pose) for pose in way],
        },
    )


def refit(skill: Skill, operator: Operator) -> Skill:
    """The skill without the needs that its operator turned out to do without."""
    kept = {
        name: value
        for name, value in skill.preconditions.items()
        if name in operator.needs or not facts.is_circumstance(name)
    }
    return dataclasses.replace(skill, preconditions=kept)


def operator_key(skill: Skill) -> OperatorKey | None:
    """Which operator a skill carries out; None for a skill that was not extracted here."""
    try:
        action, (dx, dy) = skill.metadata["operator"]
        return Effect.unpack(skill.metadata["effect"]), action, (dx, dy)
    except (KeyError, TypeError, ValueError):
        return None


def _followed(start: Pose, ways: Mapping[Pose, tuple[int, Pose]]) -> Way:
    way: Way = []
    while start in ways:
        way.append(ways[start])
        start = way[-1][1]
    return way


def _walked(transitions: Sequence[Transition]) -> Way:
    """What was done, its loops erased; doing nothing is a loop, but for the last action."""
    way: Way = []
    reached = {transitions[0].before.pose: 0}
    for transition in transitions[:-1]:
        pose = transition.after.pose
        if pose in reached:
            del way[reached[pose] :]
            reached = {other: length for other, length in reached.items() if length <= len(way)}
        else:
            way.append((transition.action, pose))
            reached[pose] = len(way)
    return [*way, (transitions[-1].action, transitions[-1].after.pose)]


def _apart(start: Pose, cell: Pose) -> Cell:
    return cell[0] - start[0], cell[1] - start[1]
