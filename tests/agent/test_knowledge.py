"""What is learned of one step: moves, operators, trials; and what a view that does not reach everywhere adds up to."""

from __future__ import annotations

import numpy as np

from agent.effect import detect
from agent.environment import UNSEEN, Observation, Pose
from agent.history import Transition
from agent.knowledge import Knowledge
from agent.trace import Trace, remembered
from agent.ways import Grid

FORWARD, TOGGLE, WAIT = range(3)
NAMES = ("forward", "toggle", "wait")
DOOR, OPENED = 3, 4


def tiles(**given: int) -> Grid:
    grid = np.zeros((4, 4), dtype=np.int64)
    for name, code in given.items():
        grid[int(name[2]), int(name[3])] = code
    return grid


def learned(knowledge: Knowledge, before: tuple[Pose, Grid], action: int, after: tuple[Pose, Grid]) -> None:
    step = Transition(Observation(*before, None), action, Observation(*after, None), 0.0, False, False)
    knowledge.learn(step, detect(step.before, step.after, False, 0.0))


def test_an_effect_beside_the_agent_tells_where_its_body_reaches() -> None:
    knowledge = Knowledge()
    learned(knowledge, ((1, 1, 0), tiles(at21=DOOR)), TOGGLE, ((1, 1, 0), tiles(at21=OPENED)))
    assert knowledge.operators[0].contact == "by"
    assert knowledge.moves.beside((0, 0, 0), tiles()) == [(-1, (1, 0))]
    assert knowledge.operators[0].places((0, 0, 0), tiles(at12=DOOR), knowledge.moves) == {}, "never entered"
    knowledge.moves.entered[0] = 1
    knowledge.moves.begin()
    assert knowledge.operators[0].places((0, 0, 0), tiles(at12=DOOR), knowledge.moves) == {(0, 2, 0): (TOGGLE, (1, 2))}


def test_while_nobody_knows_where_a_body_reaches_trials_count_by_its_heading() -> None:
    knowledge = Knowledge()
    here = Observation((1, 1, 0), tiles(at21=DOOR), None)
    turned = Observation((1, 1, 1), here.grid, None)
    tried, others = knowledge.tried(here, TOGGLE), knowledge.tried(turned, TOGGLE)
    assert (None, "near (0,)", DOOR, TOGGLE) in tried
    assert not {trial for trial in tried if trial[2] == DOOR} & set(others)


def test_an_operator_fails_where_its_tile_was_in_contact_and_nothing_happened() -> None:
    knowledge = Knowledge()
    learned(knowledge, ((1, 1, 0), tiles(at21=DOOR)), TOGGLE, ((1, 1, 0), tiles(at21=OPENED)))
    learned(knowledge, ((1, 1, 0), tiles()), TOGGLE, ((1, 1, 0), tiles()))
    learned(knowledge, ((1, 1, 0), tiles(at21=DOOR)), WAIT, ((1, 1, 0), tiles(at21=DOOR)))
    assert knowledge.operators[0].failures == 0
    learned(knowledge, ((1, 1, 0), tiles(at21=DOOR)), TOGGLE, ((1, 1, 0), tiles(at21=DOOR)))
    assert knowledge.operators[0].failures == 1


def test_what_is_known_survives_packing() -> None:
    knowledge = Knowledge()
    learned(knowledge, ((1, 1, 0), tiles(at21=DOOR)), TOGGLE, ((1, 1, 0), tiles(at21=OPENED)))
    learned(knowledge, ((1, 1, 0), tiles(at21=OPENED)), FORWARD, ((2, 1, 0), tiles(at21=OPENED)))
    knowledge.moves.begin()
    again = Knowledge.unpack(knowledge.pack(NAMES), NAMES)
    assert again == knowledge
    assert again.effective == knowledge.effective == {("by", DOOR, TOGGLE)}


def test_what_came_into_view_is_no_effect_and_what_went_out_of_it_is_remembered() -> None:
    first = Observation((0, 0), np.where(tiles(at30=DOOR) == DOOR, UNSEEN, tiles()), None)
    second = remembered(first, Observation((1, 0), np.where(tiles(at00=9) == 9, UNSEEN, tiles(at30=DOOR)), None))
    assert detect(first, second, False, 0.0) is None
    assert (second.grid == tiles(at30=DOOR)).all()
    trace = Trace(first)
    trace.append(Transition(first, FORWARD, second, 0.0, False, False))
    assert ("seen.3", True) in trace.circumstances
