"""Chains lead through what each effect changes, and say whether they are sure."""

from __future__ import annotations

import numpy as np

from agent.chain import chain, leading, left
from agent.contact import BY, ENTER, ON
from agent.effect import Effect
from agent.operator import Operator

FLOOR, KEY, CLOSED, OPENED, GOAL = 0, 2, 3, 4, 5
HELD = [frozenset({"carrying"})]
TAKE = Operator(Effect(KEY, FLOOR, None, KEY, False), 0, ON, {"carrying": None, "seen.2": True}, list(HELD))
UNLOCK = Operator(Effect(CLOSED, OPENED, KEY, KEY, False), 1, BY, {"carrying": KEY, "seen.2": None}, list(HELD))
FINISH = Operator(Effect(GOAL, GOAL, KEY, KEY, True), None, ENTER, {"carrying": KEY, "seen.4": True}, list(HELD))
DROP = Operator(Effect(FLOOR, KEY, KEY, None, False), 2, BY, {"carrying": KEY}, list(HELD))
START = np.array([[FLOOR, KEY], [CLOSED, GOAL]])


def test_a_chain_leads_through_what_each_effect_changes() -> None:
    assert chain(START, None, [FINISH, UNLOCK, TAKE], None) == ([TAKE, UNLOCK, FINISH], True)
    assert chain(np.where(START == KEY, FLOOR, START), KEY, [FINISH, UNLOCK, TAKE], None)[0] == [UNLOCK, FINISH]


def test_without_a_link_or_an_end_there_is_no_chain() -> None:
    assert chain(START, None, [UNLOCK, FINISH], None) == ([], False)
    assert chain(START, None, [TAKE, UNLOCK], None) == ([], False)
    assert chain(np.where(START == GOAL, FLOOR, START), None, [TAKE, UNLOCK, FINISH], None) == ([], False)


def test_a_chain_that_lacks_a_need_is_hopeful_but_not_sure() -> None:
    assert chain(START, None, [TAKE, FINISH], None) == ([TAKE, FINISH], False)


def test_only_what_the_end_needs_leads_there() -> None:
    shut = Operator(Effect(OPENED, CLOSED, KEY, KEY, False), 1, BY, {}, [])
    assert leading([shut, DROP, UNLOCK, FINISH, TAKE]) == [FINISH, TAKE, DROP]


def test_how_many_events_are_left_counts_the_hopeful_too() -> None:
    codes = {FLOOR: 1, KEY: 1, CLOSED: 1, GOAL: 1}
    assert left(codes, None, [TAKE, FINISH], None) == 2
    assert left(codes, KEY, [TAKE, FINISH], None) == 1
    assert left(codes, None, [FINISH], None) is None


def test_effects_that_undo_each_other_do_not_chain_for_ever() -> None:
    assert chain(START, None, [TAKE, DROP], None) == ([], False)


def test_a_chain_may_lead_to_circumstances_that_are_wanted() -> None:
    assert chain(START, None, [TAKE, UNLOCK], lambda state: "seen.4" in state)[0] == [TAKE, UNLOCK]


def test_a_tile_of_which_there_are_two_is_still_there_after_one_is_gone() -> None:
    two = np.array([[KEY, KEY], [CLOSED, GOAL]])
    assert chain(two, None, [TAKE, UNLOCK, FINISH], None)[1] is False, "a door that was only opened with no key in view"
