"""A segment of experience becomes skills: one for each pose, each the shortest way known, keyed by offset."""

from __future__ import annotations

import numpy as np

from agent import facts
from agent.effect import Effect, detect
from agent.environment import Cell, Observation
from agent.extraction import extract_skill, operator_key, pieces, refit
from agent.gridworld import BOX, CLOSED_DOOR, KEY, OPENED_DOOR, GridWorld
from agent.history import Transition
from agent.knowledge import Knowledge
from agent.operator import Operator
from agent.trace import Segment, Trace
from skillstore import Skill

UP, DOWN, LEFT, RIGHT, PICKUP, OPEN = range(6)
ROUNDABOUT = [UP, PICKUP, UP, UP, RIGHT, RIGHT, OPEN, DOWN, LEFT, RIGHT, PICKUP]  # to the key, by way of a loop


class Lesson:
    """Actions done in a GridWorld, and the skills of each segment of them."""

    def __init__(self, actions: list[int], world: GridWorld | None = None, knowledge: Knowledge | None = None) -> None:
        self.world = world or GridWorld()
        self.knowledge = knowledge or Knowledge()
        trace = Trace(self.world.reset()[0])
        for action in actions:
            before = trace.observation
            after, reward, terminated, truncated, _ = self.world.step(action)
            self.knowledge.moves.watch(before, action, after)
            trace.append(Transition(before, action, after, reward, terminated, truncated))
        self.trace = trace
        self.operators: list[Operator] = []
        self.skills = [self.extract(index) for index in range(len(trace.segments))]

    def extract(self, index: int) -> dict[Cell, Skill]:
        """The skills of a segment by the offset they are keyed with."""
        segment = self.trace.segments[index]
        operator, _ = self.knowledge.learn_operator(segment, self.world.action_names)
        self.operators.append(operator)
        found = [
            extract_skill(piece, operator, self.world.action_names, self.world.tile_names)
            for piece in pieces(segment, operator, self.knowledge.moves)
        ]
        key = facts.offset(segment.effect.tile)
        return {skill.preconditions[key]: skill for skill in found}


VISITED = {(2, 2), (2, 1), (2, 0), (2, -1), (1, -1), (0, -1), (0, 0), (1, 0)}


def test_every_pose_with_a_known_way_gives_a_skill_of_the_shortest() -> None:
    (skills,) = Lesson([LEFT, RIGHT, LEFT, *ROUNDABOUT]).skills
    assert set(skills) == {(2 - x, 2 - y) for x in range(5) for y in range(5)}
    lengths = {away: len(skill.action_sequence) for away, skill in skills.items()}
    assert all(lengths[dx, dy] == abs(dx) + abs(dy) + 1 for dx, dy in skills)
    assert skills[0, 0].action_sequence == ["pickup_key"]


def test_a_skill_says_its_effect_its_way_and_its_needs() -> None:
    skill = Lesson(ROUNDABOUT).skills[0][2, 1]
    assert skill.name == "acquire key"
    assert skill.metadata["effect"] == [2, 0, None, 2, False]
    assert len(skill.metadata["way"]) == len(skill.action_sequence) == 4
    assert skill.metadata["way"][-1] == skill.metadata["way"][-2] == [2, 1]
    free = {name for name in skill.preconditions if name.startswith("free.")}
    assert free == {f"free.{x}.{y}" for x, y in skill.metadata["way"]}
    others = {name: value for name, value in skill.preconditions.items() if name not in free}
    assert others == {"carrying": None, "offset.2": (2, 1), **{f"seen.{code}": True for code in (0, 2, 3, 5, 6)}}


def test_a_cell_that_is_not_known_to_be_enterable_is_not_part_of_a_way() -> None:
    def over_the_box(skills: dict[Cell, Skill]) -> list[Cell]:
        from_key_to_box = (-1, 1)
        return [
            (dx, dy)
            for dx, dy in skills
            if facts.free(dx + from_key_to_box[0], dy + from_key_to_box[1]) in skills[dx, dy].preconditions
        ]

    round_the_box = Lesson([UP, UP, UP, UP, RIGHT, RIGHT, DOWN, DOWN, PICKUP])
    assert over_the_box(round_the_box.skills[0]) == []
    round_the_box.knowledge.moves.entered[BOX] = None
    assert over_the_box(round_the_box.extract(0)) != []


def test_what_was_done_is_kept_without_its_loops_where_no_way_is_known() -> None:
    lesson = Lesson(ROUNDABOUT)
    lesson.knowledge.moves.entered.clear()
    skills = lesson.extract(0)
    assert set(skills) >= VISITED
    skill = skills[2, 2]
    assert skill.action_sequence == ["move_up"] * 3 + ["move_right"] * 2 + ["move_down", "pickup_key"]
    poses = [tuple(pose) for pose in skill.metadata["way"][:-1]]
    assert len(set(poses)) == len(poses)


def test_the_last_step_onto_a_tile_is_part_of_the_way_from_any_side() -> None:
    lesson = Lesson([UP, UP, RIGHT, RIGHT, PICKUP, UP, RIGHT, OPEN, RIGHT, LEFT, UP, RIGHT])
    finish = lesson.skills[2]
    assert lesson.operators[2].action is None
    lengths = {away: len(skill.action_sequence) for away, skill in finish.items()}
    assert lengths == {(x, y): x + y for x in range(5) for y in range(5) if (x, y) != (0, 0)}
    assert finish[0, 1].action_sequence == ["move_up"]
    assert finish[0, 1].name == "finish at goal"


def test_the_end_needs_the_door_open_and_the_key_carried() -> None:
    lesson = Lesson([UP, UP, RIGHT, RIGHT, PICKUP, UP, RIGHT, OPEN, UP, RIGHT])
    skill = lesson.skills[2][1, 1]
    assert {name: skill.preconditions[name] for name in ("seen.3", "seen.4", "carrying")} == {
        "seen.3": None,
        "seen.4": True,
        "carrying": 2,
    }


def test_a_skill_whose_effect_is_already_true_does_not_apply() -> None:
    lesson = Lesson([UP, UP, RIGHT, RIGHT, PICKUP, UP, RIGHT, OPEN])
    take, unlock = lesson.skills[0][0, 0], lesson.skills[1][0, 0]
    state = facts.of(lesson.trace.observation, lesson.knowledge.moves)
    assert not take.is_applicable(state)
    assert not unlock.is_applicable(state)


def test_what_is_done_from_beside_a_tile_remembers_from_which_side() -> None:
    grid = np.zeros((5, 5), dtype=np.int64)
    grid[3, 1] = CLOSED_DOOR
    opened = np.where(grid == CLOSED_DOOR, OPENED_DOOR, grid)
    before, after = Observation((2, 1), grid, KEY), Observation((2, 1), opened, KEY)
    segment = Segment([Transition(before, OPEN, after, 2.0, False, False)], *opening(before, after))
    operator, _ = Knowledge().learn_operator(segment, GridWorld.action_names)
    assert (operator.action, operator.contact) == ("open_door", (1, 0))


def opening(before: Observation, after: Observation) -> tuple[Effect, Cell]:
    found = detect(before, after, False, 2.0)
    assert found is not None
    return found


def test_where_another_tile_of_the_kind_is_nearer_there_is_no_skill_for_the_farther() -> None:
    grid = np.zeros((5, 5), dtype=np.int64)
    grid[0, 0] = grid[4, 4] = KEY
    taken = grid.copy()
    taken[0, 0] = 0
    before, after = Observation((0, 0), grid, None), Observation((0, 0), taken, KEY)
    segment = Segment([Transition(before, PICKUP, after, 1.0, False, False)], *opening(before, after))
    knowledge = Lesson([UP, RIGHT, DOWN, LEFT]).knowledge
    operator, _ = knowledge.learn_operator(segment, GridWorld.action_names)
    starts = {piece.away for piece in pieces(segment, operator, knowledge.moves)}
    assert {(0, 0), (-1, -1), (-2, -1)} <= starts
    assert not {(-4, -3), (-3, -3), (-4, -4)} & starts


def test_a_refitted_skill_lacks_the_needs_its_operator_lost_and_keeps_the_rest() -> None:
    lesson = Lesson(ROUNDABOUT)
    skill, operator = lesson.skills[0][2, 1], lesson.operators[0]
    operator.generalise({name: value for name, value in operator.needs.items() if name != "seen.6"})
    fitted = refit(skill, operator)
    assert set(skill.preconditions) - set(fitted.preconditions) == {"seen.6"}
    assert fitted.action_sequence == skill.action_sequence


def test_a_skill_of_somebody_else_has_no_operator() -> None:
    lesson = Lesson(ROUNDABOUT)
    assert operator_key(lesson.skills[0][2, 1]) == lesson.operators[0].key
    for metadata in ({}, {"operator": "x", "effect": []}, {"operator": [None, [1, 2, 3]], "effect": [1]}):
        assert operator_key(Skill("other", {}, ["wait"], [1.0], metadata)) is None
