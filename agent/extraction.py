"""Extraction: from a segment that ended in an effect to the skills that bring it about again.

With hindsight there is one skill for every pose that was visited or from which a way is known, each the shortest:
over tiles known to be enterable, by moves known to lead there; or the way it went, its loops erased. A skill is
keyed by where the tile is *relative* to the agent, needs the cells of its way free, and otherwise what all
successes had in common.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import agent.facts as facts
from agent.effect import Effect
from agent.encoder import embed
from agent.environment import Cell, Pose
from agent.history import Transition
from agent.moves import Moves
from agent.operator import Operator
from agent.trace import OperatorKey, Segment
from skillstore import Skill

Way = list[tuple[int, Pose]]  # actions, each with the pose after it


@dataclass(frozen=True)
class Piece:
    """A way worth keeping: the facts at its start, how far the tile is from there, and the actions.

    The cells in ``way`` are relative to the start.
    """

    state: facts.State
    away: Cell
    way: Way


def pieces(segment: Segment, operator: Operator, moves: Moves) -> Iterator[Piece]:
    """The pieces of a segment, no two from the same pose.

    Left out are those from where another tile of the same code is nearer: facts could not tell which is meant.
    """
    before = segment.last.before
    for start, way in _ways(segment, operator, moves).items():
        state = facts.derive(start, before.grid, before.carrying, moves)
        away = _apart(start, segment.cell)
        if state[facts.offset(segment.effect.tile)] == away:
            yield Piece(state, away, relative(way, start))


def extract_skill(
    piece: Piece, operator: Operator, action_names: tuple[str, ...], tile_names: Mapping[int, str]
) -> Skill:
    """The skill that brings about the operator's effect by a piece."""
    effect = operator.effect
    free = {facts.free(*pose[:2]): True for _, pose in piece.way if pose[:2] != (0, 0)}
    heading = {name: value for name, value in piece.state.items() if name == "heading"}
    return Skill(
        name=effect.say(tile_names),
        preconditions={**operator.needs, **heading, facts.offset(effect.tile): piece.away, **free},
        action_sequence=[action_names[action] for action, _ in piece.way],
        embedding=embed(effect, piece.away, effect.held),
        metadata={
            "effect": effect.pack(),
            "operator": [operator.action, list(operator.contact)],
            "way": [list(pose) for _, pose in piece.way],
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


def _ways(segment: Segment, operator: Operator, moves: Moves) -> dict[Pose, Way]:
    """The shortest way to the effect from each pose that was visited or that has a way."""
    last = segment.last
    target, finish = (last.before.pose, [(last.action, last.after.pose)]) if operator.action else (last.after.pose, [])
    known = moves.ways_to(target, last.before.grid)
    ways = {start: followed(start, known) + finish for start in known}
    if finish:
        ways[target] = finish
    last_visits = {transition.before.pose: index for index, transition in enumerate(segment.transitions)}
    for start, index in last_visits.items():
        walked = _walked(segment.transitions[index:])
        ways[start] = min(ways.get(start, walked), walked, key=len)
    return ways


def followed(start: Pose, ways: Mapping[Pose, tuple[int, Pose]]) -> Way:
    """The way from ``start`` to where the ways lead; empty where there is none."""
    way: Way = []
    while start in ways:
        way.append(ways[start])
        start = way[-1][1]
    return way


def relative(way: Way, start: Pose) -> Way:
    """The way with its cells relative to ``start``."""
    return [(action, (*_apart(start, pose), *pose[2:])) for action, pose in way]


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
