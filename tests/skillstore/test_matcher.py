"""Matcher: whatever way a state is resolved, the answer is that of `PreconditionSet.holds`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from skillstore import Interval, OneOf
from skillstore.local import matcher as matching
from skillstore.local.matcher import Chosen, Matcher
from skillstore.preconditions import PreconditionSet, facts_of


def conditions(generator: np.random.Generator, facts: int, values: int, plain: bool) -> dict[str, Any]:
    """Up to four facts: values, and unless `plain` sets of values, intervals, or that the fact is absent."""
    wanted: dict[str, Any] = {}
    for fact in generator.choice(facts, min(facts, int(generator.integers(5))), replace=False).tolist():
        low = float(generator.integers(values))
        kinds = [int(low), None, OneOf(int(low), "other", None), OneOf(1, 2, 3), Interval(low, low + 2), Interval(low)]
        wanted[f"fact{fact}"] = kinds[0 if plain else int(generator.integers(len(kinds)))]
    return wanted


def intern(matcher: Matcher, wanted: dict[str, Any]) -> int:
    return int(matcher.intern_each([PreconditionSet.of(wanted).conditions])[0])


def states(generator: np.random.Generator, facts: int, values: int) -> dict[str, Any]:
    kinds = [*range(values), 0.5, "other", 2**70, -(2**70), True]
    return {
        f"fact{fact}": kinds[int(generator.integers(len(kinds)))] for fact in range(facts) if generator.random() < 0.8
    }


@pytest.mark.parametrize(("facts", "values"), [(3, 2), (6, 4), (40, 12)], ids=["few terms", "some", "more than bits"])
@pytest.mark.parametrize("plain", [True, False])
def test_every_way_to_resolve_a_state_agrees_with_holds(
    facts: int, values: int, plain: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matching, "_LOOSE", 20)
    generator = np.random.default_rng(facts)
    matcher, sets = Matcher(), dict[PreconditionSet, int]()
    asked = [facts_of(states(generator, facts, values)) for _ in range(8)]
    for _ in range(12):
        more = [PreconditionSet.of(conditions(generator, facts, values, plain)) for _ in range(40)]
        numbers = matcher.intern_each([each.conditions for each in more])
        for each, number in zip(more, numbers.tolist(), strict=True):
            assert sets.setdefault(each, number) == number
        assert len(sets) == len(matcher)
        if matcher.is_loose():
            matcher.access = matcher.indexing().built()
        for state in [*asked, facts_of(states(generator, facts, values)), {}]:
            expected = np.array([each.holds(state) for each in sorted(sets, key=lambda s: sets[s])])
            some = generator.integers(0, len(matcher), 30)
            assert np.array_equal(matcher.applicable(state).among(some), expected[some])
            if generator.random() < 0.5:  # else it is resolved later, or never
                chosen = matcher.applicable(state).chosen
                assert np.array_equal(chosen.numbers, np.flatnonzero(expected))
                assert np.array_equal(chosen.others().numbers, np.flatnonzero(~expected))
                assert np.array_equal(matcher.applicable(state).among(some), expected[some])
            assert np.array_equal(matcher.satisfied(state), expected)
    assert matcher.access.count > 0
    assert (len(matcher.terms) > 128) == (facts == 40)
    assert matcher.terms.exact == (plain and facts != 40)


def test_a_new_fact_changes_which_states_are_alike() -> None:
    matcher = Matcher()
    intern(matcher, {"a": 1})
    with_b, without = facts_of({"a": 1, "b": 2}), facts_of({"a": 1})
    assert matcher.applicable(with_b).chosen.numbers.tolist() == [0]
    intern(matcher, {"b": 2})
    assert matcher.applicable(without).chosen.numbers.tolist() == [0]
    assert matcher.applicable(with_b).chosen.numbers.tolist() == [0, 1]


def test_sets_told_to_be_distinct_are_found_again() -> None:
    matcher = Matcher()
    terms = np.array(matcher.terms.numbers([("a", 1), ("b", 2), ("b", 3)]), dtype=np.int32)
    assert matcher.intern_many(np.array([1, 2, 0]), terms, distinct=True).tolist() == [0, 1, 2]
    again = [{"b": 3, "a": 1}, {}, {"b": 3, "b2": 0}, {"a": 1}, {"b": 3}]
    found = matcher.intern_each([PreconditionSet.of(wanted).conditions for wanted in again])
    assert found.tolist() == [3, 2, 4, 0, 5]
    assert intern(matcher, {"b": 3, "b2": 0}) == 4


def test_everything_chosen_leaves_no_others() -> None:
    assert Chosen.everything(3).others().numbers.tolist() == []
    assert Chosen.everything(3).mask.tolist() == [True] * 3
