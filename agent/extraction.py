"""Extraction: from a segment that ended in an effect to the skills that can bring it about again, anywhere.

Two kinds: the *event*, one action with its tile in contact, needing what all successes had in common; and *ways*, which
change the pose. With hindsight there is a way to the place of the event from every pose: the one that was walked, its
loops erased, and every way that could not be shorter. A way is keyed by how far it leads, *relative* to where it
begins, and needs the cells of its footprint free; so it holds wherever there is room for it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import agent.facts as facts
from agent.effect import Effect
from agent.encoder import embed_effect, embed_way
from agent.environment import Cell, Pose
from agent.history import Transition
from agent.moves import Moves
from agent.operator import Operator
from agent.trace import Segment
from agent.ways import Grid, Way
from skillstore import Skill

LONGEST = 40  # actions of a way worth keeping


@dataclass(frozen=True)
class Claim:
    """What a skill says of itself: the pose after each action, relative to its start, and the event it ends in.

    ``event`` is the effect, how its tile is in contact, and at which offset; None for a way.
    """

    way: tuple[Pose, ...]
    event: tuple[Effect, str, Cell] | None

    @property
    def step(self) -> Pose:
        """The change of pose as a whole."""
        return self.way[-1]


def claim(skill: Skill) -> Claim | None:
    """What the skill says of itself; None for one that was not extracted here."""
    try:
        way = tuple(tuple(int(part) for part in pose) for pose in skill.metadata["way"])
        packed = skill.metadata.get("event")
        event = None
        if packed is not None:
            effect, contact, (dx, dy) = packed
            event = Effect.unpack(effect), str(contact), (int(dx), int(dy))
    except (KeyError, TypeError, ValueError):
        return None
    fits = 0 < len(way) == len(skill.action_sequence) and all(len(pose) >= 2 for pose in way)
    return Claim(way, event) if fits else None


def ways(segment: Segment, moves: Moves) -> Iterator[tuple[Pose, Way]]:
    """Where each way to the segment's event begins, and the way; no two from the same pose.

    Kept are those that no way between such poses could be shorter than, and the one that was walked.
    """
    last = segment.last.before
    known = moves.ways_to(last.pose, last.grid)
    walked = _walked(segment.transitions[:-1])
    span = max(last.grid.shape)
    for start in known:
        way = _followed(start, known)
        best = moves.distance(_apart(start, last.pose), start[2:], span)
        if start in walked or (best == len(way) and moves.can_enter(int(last.grid[start[:2]]))):
            yield start, way
    for start, way in walked.items():
        if start not in known and len(way) > 0:
            yield start, way


def extract_way(start: Pose, way: Way, action_names: Sequence[str]) -> Skill:
    """The skill of a way that begins at ``start``; all poses are relative to it in the skill."""
    steps = [_apart(start, pose) for _, pose in way]
    needs: facts.State = {facts.free(*step[:2]): True for step in steps if step[:2] != (0, 0)}
    needs.update(facts.heading(start))
    return Skill(
        name="go",
        preconditions=needs,
        action_sequence=[action_names[action] for action, _ in way],
        embedding=embed_way(steps[-1], start[2:]),
        metadata={"way": [list(step) for step in steps]},
    )


def extract_skill(
    operator: Operator,
    action: int,
    before: Pose,
    after: Pose,
    cell: Cell,
    action_names: Sequence[str],
    tile_names: Mapping[int, str],
) -> Skill:
    """The skill of one event: ``action`` at ``before`` brings the operator's effect about on the tile at ``cell``."""
    effect, offset = operator.effect, (cell[0] - before[0], cell[1] - before[1])
    needs: facts.State = {**operator.needs, facts.tile(*offset): effect.tile}
    needs.update(facts.heading(before))
    return Skill(
        name=effect.say(tile_names),
        preconditions=needs,
        action_sequence=[action_names[action]],
        embedding=embed_effect(effect, offset),
        metadata={
            "way": [list(_apart(before, after))],
            "event": [effect.pack(), operator.contact, list(offset)],
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


def rehearse(skill: Skill, said: Claim, start: Pose, moves: Moves, grid: Grid, names: Sequence[str]) -> bool:
    """Whether, by all that is known of moves, a way leads where it says, over tiles that can be entered."""
    pose = start
    for name, step in zip(skill.action_sequence, said.way, strict=True):
        to = moves.after(pose, names.index(name)) if name in names else None
        if to is None or to != _from(start, step) or not moves.could_be_at(to, pose, grid):
            return False
        pose = to
    return True


def _walked(transitions: Sequence[Transition]) -> dict[Pose, Way]:
    """What was done from each pose of the way there, loops erased."""
    way: Way = []
    if not transitions:
        return {}
    start = transitions[0].before.pose
    reached = {start: 0}
    for transition in transitions:
        pose = transition.after.pose
        if pose in reached:
            del way[reached[pose] :]
            reached = {other: length for other, length in reached.items() if length <= len(way)}
        else:
            way.append((transition.action, pose))
            reached[pose] = len(way)
    return {pose: way[length:] for pose, length in reached.items() if 0 < len(way) - length <= LONGEST}


def _followed(start: Pose, known: Mapping[Pose, tuple[int, Pose]]) -> Way:
    way: Way = []
    while start in known:
        way.append(known[start])
        start = way[-1][1]
    return way


def _apart(start: Pose, pose: Pose) -> Pose:
    return (pose[0] - start[0], pose[1] - start[1], *pose[2:])


def _from(start: Pose, step: Pose) -> Pose:
    return (start[0] + step[0], start[1] + step[1], *step[2:])
