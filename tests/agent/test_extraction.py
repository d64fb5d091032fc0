"""A segment of experience becomes skills: the event, and ways to where it happens, keyed by how far they lead."""

from __future__ import annotations

import numpy as np

from agent import facts
from agent.environment import Pose
from agent.extraction import claim, extract_skill, extract_way, refit, rehearse, ways
from agent.gridworld import BOX, WALL, GridWorld
from agent.history import Transition
from agent.knowledge import Knowledge
from agent.operator import Operator
from agent.trace import Trace
from agent.ways import Way
from skillstore import Skill

UP, DOWN, LEFT, RIGHT, PICKUP, OPEN = range(6)
NAMES = GridWorld.action_names
ROUNDABOUT = [UP, PICKUP, UP, UP, RIGHT, RIGHT, OPEN, DOWN, LEFT, RIGHT, PICKUP]  # to the key, by way of a loop


class Lesson:
    """Actions done in a GridWorld, and what is known after them."""

    def __init__(self, actions: list[int]) -> None:
        self.world, self.knowledge = GridWorld(), Knowledge()
        self.trace = Trace(self.world.reset()[0])
        for action in actions:
            before = self.trace.observation
            transition = Transition(before, action, *self.world.step(action)[:4])
            self.knowledge.learn(transition, self.trace.append(transition))

    def operator(self, index: int) -> Operator:
        """The operator behind an effect."""
        return self.knowledge.operators[index]

    def event(self, index: int) -> Skill:
        """The skill of an effect."""
        segment = self.trace.segments[index]
        poses = (segment.last.before.pose, segment.last.after.pose)
        return extract_skill(
            self.operator(index), segment.last.action, *poses, segment.cell, NAMES, self.world.tile_names
        )

    def ways(self, index: int) -> dict[Pose, Way]:
        """The ways to where an effect happened, by where they begin."""
        return dict(ways(self.trace.segments[index], self.knowledge.moves))


def test_every_pose_with_a_known_way_gives_one_of_the_shortest() -> None:
    found = Lesson([LEFT, RIGHT, LEFT, *ROUNDABOUT]).ways(0)
    enterable = {(x, y) for x in range(5) for y in range(5)} - {(3, 3), (4, 4), (2, 2)}
    assert set(found) == enterable
    assert all(len(way) == abs(2 - x) + abs(2 - y) for (x, y), way in found.items())
    assert all(way[-1][1] == (2, 2) for way in found.values())


def test_what_was_done_is_kept_without_its_loops_where_no_way_is_known() -> None:
    lesson = Lesson(ROUNDABOUT)
    lesson.knowledge.moves.entered.clear()
    lesson.knowledge.moves.begin()
    way = lesson.ways(0)[0, 0]
    assert [action for action, _ in way] == [UP, UP, UP, RIGHT, RIGHT, DOWN]
    assert len({pose for _, pose in way}) == len(way)


def test_a_way_that_goes_round_is_kept_only_where_it_was_gone() -> None:
    lesson = Lesson([UP, RIGHT, DOWN, UP, RIGHT, RIGHT, LEFT, UP, PICKUP])
    segment = lesson.trace.segments[0]
    grid = segment.last.before.grid.copy()
    grid[0, 2] = grid[1, 2] = WALL
    for transition in segment.transitions:
        object.__setattr__(transition.before, "grid", grid)
    found = lesson.ways(0)
    assert (0, 3) in lesson.knowledge.moves.ways_to((2, 2), grid)
    assert (0, 0) in found
    assert all(len(way) == abs(2 - x) + abs(2 - y) for (x, y), way in found.items())


def test_a_way_says_how_far_it_leads_and_needs_its_cells_free_and_its_heading() -> None:
    skill = extract_way((4, 4, 1), [(UP, (4, 5, 1)), (LEFT, (4, 5, 0)), (UP, (5, 5, 0))], NAMES)
    assert skill.action_sequence == ["move_up", "move_left", "move_up"]
    assert skill.preconditions == {"free.0.1": True, "free.1.1": True, "heading.0": 1}
    said = claim(skill)
    assert said is not None
    assert (said.step, said.event) == ((1, 1, 0), None)


def test_an_event_says_its_effect_and_needs_its_tile_in_contact() -> None:
    skill = Lesson(ROUNDABOUT).event(0)
    assert (skill.name, skill.action_sequence) == ("acquire key", ["pickup_key"])
    seen = {f"seen.{code}": True for code in (0, 2, 3, 5, BOX)}
    assert skill.preconditions == {"carrying": None, "tile.0.0": 2, **seen}
    said = claim(skill)
    assert said is not None
    assert said.event == (Lesson(ROUNDABOUT).operator(0).effect, "on", (0, 0))


def test_the_last_step_onto_a_tile_is_an_event_from_any_side() -> None:
    lesson = Lesson([UP, UP, RIGHT, RIGHT, PICKUP, UP, RIGHT, OPEN, RIGHT, LEFT, UP, RIGHT])
    finish = lesson.event(2)
    assert (lesson.operator(2).action, lesson.operator(2).contact) == (None, "enter")
    assert (finish.name, finish.action_sequence) == ("finish at goal", ["move_right"])
    needs = {name: finish.preconditions.get(name) for name in ("seen.3", "seen.4", "carrying", "tile.1.0")}
    assert needs == {"seen.3": None, "seen.4": True, "carrying": 2, "tile.1.0": 5}


def test_an_event_whose_effect_is_already_true_does_not_apply() -> None:
    lesson = Lesson([UP, UP, RIGHT, RIGHT, PICKUP, UP, RIGHT, OPEN])
    here = lesson.trace.observation
    state = facts.derive(here.pose, here.cell, here.grid, here.carrying, lesson.knowledge.moves)
    assert not lesson.event(0).is_applicable(state)
    assert not lesson.event(1).is_applicable(state)


def test_a_refitted_skill_lacks_the_needs_its_operator_lost_and_keeps_the_rest() -> None:
    lesson = Lesson(ROUNDABOUT)
    skill, operator = lesson.event(0), lesson.operator(0)
    operator.succeeded({name: value for name, value in operator.needs.items() if name != "seen.6"})
    fitted = refit(skill, operator)
    assert set(skill.preconditions) - set(fitted.preconditions) == {"seen.6"}
    assert fitted.action_sequence == skill.action_sequence


def test_a_rehearsal_tells_a_way_from_one_that_only_looks_alike() -> None:
    lesson = Lesson([LEFT, RIGHT, LEFT, *ROUNDABOUT])
    moves, grid = lesson.knowledge.moves, lesson.trace.observation.grid
    good = extract_way((0, 0), [(UP, (0, 1)), (RIGHT, (1, 1))], NAMES)
    said = claim(good)
    assert said is not None
    assert rehearse(good, said, (0, 0), moves, grid, NAMES)
    for actions in (["move_up", "move_up"], ["move_up", "pickup_key"], ["move_up", "fly"]):
        other = Skill("go", {}, actions, good.embedding, good.metadata)
        assert not rehearse(other, said, (0, 0), moves, grid, NAMES)
    blocked = np.where(grid == 0, 9, grid)
    assert not rehearse(good, said, (0, 0), moves, blocked, NAMES)


def test_a_skill_of_somebody_else_claims_nothing() -> None:
    event = {"way": [[0, 0]], "event": [[1], "on", [0, 0]]}
    claims: list[dict[str, object]] = [
        {},
        {"way": "x"},
        {"way": []},
        {"way": [[0]]},
        {"way": [[0, 1], [0, 2]]},
        {"way": 3},
        event,
    ]
    for metadata in claims:
        assert claim(Skill("other", {}, ["wait"], [1.0], metadata)) is None
