"""Operators generalise with each success and chain up to the end."""

from __future__ import annotations

from agent.effect import Effect
from agent.facts import State
from agent.operator import Operator, chain

KEY, CLOSED, OPENED, GOAL = 2, 3, 4, 5
TAKE = Operator(Effect(KEY, 0, None, KEY, False), "a", (0, 0), {"carrying": None, "seen.2": True})
UNLOCK = Operator(
    Effect(CLOSED, OPENED, KEY, KEY, False), "b", (0, 0), {"carrying": KEY, "seen.2": None, "seen.3": True}
)
FINISH = Operator(Effect(GOAL, GOAL, KEY, KEY, True), None, (0, 0), {"carrying": KEY, "seen.3": None, "seen.4": True})
START: State = {"carrying": None, "seen.2": True, "seen.3": True, "seen.5": True, "offset.2": (1, 1)}


def test_a_chain_leads_through_what_each_effect_changes() -> None:
    assert chain(START, [FINISH, UNLOCK, TAKE]) == [TAKE, UNLOCK, FINISH]
    assert chain({"carrying": KEY, "seen.3": True, "seen.5": True}, [FINISH, UNLOCK, TAKE]) == [UNLOCK, FINISH]


def test_without_a_link_or_an_end_there_is_no_chain() -> None:
    assert chain(START, [TAKE, FINISH]) == []
    assert chain(START, [TAKE, UNLOCK]) == []
    assert chain({"carrying": KEY, "seen.2": True, "seen.3": True}, [TAKE, UNLOCK, FINISH]) == []


def test_effects_that_undo_each_other_do_not_chain_for_ever() -> None:
    drop = Operator(Effect(0, KEY, KEY, None, False), "c", (0, 0), {"carrying": KEY})
    assert chain(START, [TAKE, drop]) == []


def test_needs_are_what_all_successes_had_in_common() -> None:
    operator = Operator(UNLOCK.effect, "b", (0, 0), {"carrying": KEY, "seen.1": True, "seen.6": True})
    assert not operator.generalise({"carrying": KEY, "seen.1": True, "seen.6": True, "seen.9": True})
    assert operator.generalise({"carrying": KEY, "seen.6": True})
    assert operator.needs == {"carrying": KEY, "seen.6": True}


def test_a_need_of_none_holds_where_the_fact_is_absent() -> None:
    assert UNLOCK.holds({"carrying": KEY, "seen.3": True})
    assert not UNLOCK.holds({"carrying": KEY, "seen.3": True, "seen.2": True})


def test_an_operator_survives_packing() -> None:
    assert Operator.unpack(UNLOCK.pack()) == UNLOCK
