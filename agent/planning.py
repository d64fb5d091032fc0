"""Planning: the way to bring an effect about that no kept skill knows, from what is known of operators and moves.

A plan is a Piece like those cut from experience. It is carried out as a skill that the library does not have yet; if it
works, hindsight keeps it, so the same plan is not made twice.
"""

from __future__ import annotations

import agent.facts as facts
from agent.environment import Observation
from agent.extraction import Piece, followed, relative
from agent.moves import Moves
from agent.operator import Operator


def plan(observation: Observation, operator: Operator, moves: Moves, action_names: tuple[str, ...]) -> Piece | None:
    """The shortest known way from here to the operator's contact with its nearest tile, and its action there.

    None when there is no such tile, no way, or nothing to do. Costs one breadth-first search over the grid.
    """
    state = facts.of(observation, moves)
    away = state.get(facts.offset(operator.effect.tile))
    if not isinstance(away, tuple) or (operator.action and operator.action not in action_names):
        return None
    (x, y), (contact_x, contact_y) = observation.cell, operator.contact
    target = (x + away[0] - contact_x, y + away[1] - contact_y, *observation.pose[2:])
    way = followed(observation.pose, moves.ways_to(target, observation.grid))
    if target not in (observation.pose, *(pose for _, pose in way)):
        return None
    if operator.action:
        way.append((action_names.index(operator.action), target))
    return Piece(state, (away[0], away[1]), relative(way, observation.pose)) if way else None
