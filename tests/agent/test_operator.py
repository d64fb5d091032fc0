"""Operators generalise with each success, learn what is truly needed from failures, and know where they work."""

from __future__ import annotations

import numpy as np

from agent.contact import BY, ENTER, ON
from agent.effect import Effect
from agent.facts import State
from agent.moves import Moves
from agent.operator import Operator

KEY, CLOSED, OPENED = 2, 3, 4
UNLOCK = Effect(CLOSED, OPENED, KEY, KEY, False)
ALL: State = {"carrying": KEY, "seen.1": True, "seen.6": True}
MOVES = Moves(seen={(0, ()): {(1, 0): 1}, (1, ()): {(0, 1): 1}}, entered={0: 1})


def operator() -> Operator:
    return Operator(UNLOCK, 0, BY, dict(ALL))


def test_needs_are_what_all_successes_had_in_common() -> None:
    known = operator()
    assert not known.succeeded({**ALL, "seen.9": True})
    assert known.succeeded({"carrying": KEY, "seen.6": True})
    assert known.needs == {"carrying": KEY, "seen.6": True}


def test_a_need_of_none_holds_where_the_fact_is_absent() -> None:
    known = Operator(UNLOCK, 0, BY, {"carrying": KEY, "seen.2": None})
    assert known.holds({"carrying": KEY})
    assert not known.holds({"carrying": KEY, "seen.2": True})


def test_to_do_without_a_need_is_hopeful_until_a_failure_shows_that_it_is_needed() -> None:
    known = operator()
    without = {"carrying": KEY, "seen.6": True}
    assert known.hopeful(without)
    known.failed(without)
    assert not known.hopeful(without)
    assert not known.hopeful({"carrying": KEY}), "what lacks more is no better"
    assert known.hopeful({"carrying": KEY, "seen.1": True}), "what lacks something else may work"


def test_of_two_needs_missing_together_either_may_be_the_one() -> None:
    known = operator()
    known.failed({"carrying": KEY})
    assert not known.hopeful({"carrying": KEY})
    assert known.hopeful({"carrying": KEY, "seen.1": True})
    assert known.hopeful({"carrying": KEY, "seen.6": True})


def test_a_success_without_what_was_thought_needed_refutes_the_refutation() -> None:
    known = operator()
    known.failed({"carrying": KEY, "seen.6": True})
    known.succeeded({"carrying": KEY, "seen.6": True})
    assert known.refuted == []
    assert known.holds({"carrying": KEY, "seen.6": True})


def test_a_failure_that_contradicts_a_success_makes_uncertain_and_bans_nothing() -> None:
    known = operator()
    before = known.chance
    known.failed(ALL)
    assert known.chance < before
    assert known.holds(ALL)
    assert known.refuted == []


def test_the_places_of_an_operator_are_where_its_tile_is_in_contact() -> None:
    grid = np.zeros((5, 5), dtype=np.int64)
    grid[2, 2] = CLOSED
    assert Operator(UNLOCK, 7, BY, {}).places((0, 0), grid, MOVES) == {(1, 2): (7, (2, 2)), (2, 1): (7, (2, 2))}
    assert Operator(UNLOCK, None, ENTER, {}).places((0, 0), grid, MOVES) == {(1, 2): (0, (2, 2)), (2, 1): (1, (2, 2))}
    assert Operator(UNLOCK, 7, ON, {}).places((0, 0), grid, MOVES) == {}, "that tile was never entered"
    assert Operator(UNLOCK, 7, ON, {}).places((2, 2), grid, MOVES) == {(2, 2): (7, (2, 2))}


def test_an_operator_survives_packing_where_its_action_exists() -> None:
    known = operator()
    known.failed({"carrying": KEY})
    assert Operator.unpack(known.pack(["use", "wait"]), ["use", "wait"]) == known
    moved = Operator.unpack(known.pack(["use", "wait"]), ["wait", "use"])
    assert moved is not None
    assert moved.action == 1
    assert Operator.unpack(known.pack(["use", "wait"]), ["wait"]) is None
