"""What is given comes back equal, types included; what could not is refused."""

from __future__ import annotations

import datetime
import enum
import json
from collections import OrderedDict, UserDict, defaultdict
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given as given_values

from skillstore import InvalidInputError, Skill, SkillLibrary
from skillstore.values import MAX_DEPTH, comparable, copied, tagged, untagged
from tests.skillstore import given
from tests.skillstore.foreign import Scalar, Tensor
from tests.skillstore.scan import exact


class _Text(str):
    pass


class _Number(enum.IntEnum):
    ONE = 1


class _Colour(enum.Enum):
    RED = 1


class _Word(str, enum.Enum):
    A = "a"


class _Point(NamedTuple):
    x: int
    y: int


class _Dict(dict[str, Any]):
    pass


class _List(list[Any]):
    pass


def nested(depth: int, value: Any = 1) -> Any:
    """`value` inside `depth` lists."""
    for _ in range(depth):
        value = [value]
    return value


_deep_key: Any = ()
for _ in range(MAX_DEPTH + 1):
    _deep_key = (_deep_key,)

REFUSED = {
    "nan": float("nan"),
    "infinity": float("inf"),
    "beyond 64 bits": 2**64,
    "below 64 bits": -(2**63) - 1,
    "set": {1},
    "frozenset": frozenset({1}),
    "date": datetime.date(2020, 1, 1),
    "decimal": Decimal(1),
    "complex": 1j,
    "object": object(),
    "numpy date": np.datetime64("2020-01-01", "ns"),
    "numpy span of time": np.timedelta64(1, "ns"),
    "numpy record": np.void(b"a"),
    "numpy long double": np.longdouble(1),
    "masked": np.ma.masked,
    "path": Path("a"),
    "plain enum": _Colour.RED,
    "named tuple": _Point(1, 2),
    "generator": (item for item in "ab"),
    "surrogate": "\ud800",
    "array": np.zeros(2),
    "bytearray": bytearray(b"a"),
    "range": range(3),
    "nested too deep": nested(MAX_DEPTH + 1),
    "key nested too deep": {_deep_key: 1},
    "nan in a list": [[float("nan")]],
    "nan as a key": {float("nan"): 1},
    "frozenset as a key": {frozenset({1}): 1},
    "nan in a key": {(1, float("nan")): 1},
    "surrogate as a key": {"\udfff": 1},
}


ACCEPTED: dict[str, tuple[Any, Any]] = {
    "numpy float": (np.float64(1), 1.0),
    "numpy float32, exactly": (np.float32(0.1), 0.10000000149011612),
    "numpy float16": (np.float16(0.5), 0.5),
    "numpy int": (np.int64(1), 1),
    "numpy uint64": (np.uint64(2**64 - 1), 2**64 - 1),
    "numpy bool": (np.bool_(True), True),
    "numpy str": (np.str_("a"), "a"),
    "numpy bytes": (np.bytes_(b"a"), b"a"),
    "array without dimensions": (np.array(1.5), 1.5),
    "tensor without dimensions": (Tensor(2), 2),
    "what numpy can read": (Scalar(2), 2),
    "str subclass": (_Text("a"), "a"),
    "int enum": (_Number.ONE, 1),
    "str enum": (_Word.A, "a"),
    "dict subclass": (_Dict(a=1), {"a": 1}),
    "ordered dict": (OrderedDict(a=1), {"a": 1}),
    "default dict": (defaultdict(int, a=1), {"a": 1}),
    "user dict": (UserDict(a=1), {"a": 1}),
    "mapping proxy": (MappingProxyType({"a": UserDict(b=1)}), {"a": {"b": 1}}),
    "list subclass": (_List([np.int64(1)]), [1]),
    "within a list and a dict": ([(np.int64(1), {"a": _Word.A})], [(1, {"a": "a"})]),
    "keys": ({np.int64(1): 2, _Word.A: 3, (np.str_("b"), _Number.ONE): 4}, {1: 2, "a": 3, ("b", 1): 4}),
}


@pytest.mark.parametrize(("value", "plain"), ACCEPTED.values(), ids=ACCEPTED)
def test_what_equals_a_plain_value_is_kept_as_it(value: Any, plain: Any) -> None:
    assert exact(copied(value, "it")) == exact(plain)


@given_values(given.values)
def test_a_copy_is_equal_and_of_the_same_types(value: Any) -> None:
    assert exact(copied(value, "it")) == exact(value)


@given_values(given.values)
def test_the_tagged_form_carries_every_value_through_json(value: Any) -> None:
    text = json.dumps(tagged(value, text=True), allow_nan=False)
    assert exact(untagged(json.loads(text))) == exact(value)


@given_values(given.values)
def test_a_copy_shares_nothing_that_can_change(value: Any) -> None:
    assert not _changeable(value) & _changeable(copied(value, "it"))


@pytest.mark.parametrize("value", REFUSED.values(), ids=REFUSED)
def test_what_would_not_come_back_equal_is_refused(value: Any) -> None:
    with pytest.raises(InvalidInputError, match="the thing"):
        copied(value, "the thing")


def test_the_deepest_values_allowed_come_back() -> None:
    deepest: list[Any] = [nested(MAX_DEPTH), *(1, 1, 1)]
    for _ in range(MAX_DEPTH):
        deepest[1:] = ({1: deepest[1]}, (deepest[2],), {"$a": deepest[3]})
    for value in deepest:
        assert exact(untagged(json.loads(json.dumps(tagged(copied(value, "it"), text=True))))) == exact(value)


@pytest.mark.parametrize(
    "form", [{"$tuple": 1}, {"$map": [1]}, {"$map": [[1, 2], [1, 3]]}, {"$bytes": "?"}, {"$bytes": 1}, {"$new": 1},
             {"$tuple": [], "a": 1}, {"$map": [[[1], 1]]}]
)  # fmt: skip
def test_forms_that_nobody_made_are_refused(form: Any) -> None:
    with pytest.raises(InvalidInputError):
        untagged(form)


@given_values(given.facts, given.facts)
def test_facts_are_equal_as_the_rules_say(one: Any, other: Any) -> None:
    assert (comparable(one, "it") == comparable(other, "it")) == same_fact(one, other)
    assert comparable(one, "it") == comparable(one, "it")


def same_fact(one: Any, other: Any) -> bool:
    """A bool equals only a bool, a number a number, a tuple or list a tuple or list, item by item."""
    kinds = [_kind(one), _kind(other)]
    if kinds == ["sequence", "sequence"]:
        return len(one) == len(other) and all(map(same_fact, one, other))
    return kinds[0] == kinds[1] and bool(one == other)


def _kind(fact: Any) -> str:
    if type(fact) in (int, float):
        return "number"
    return "sequence" if type(fact) in (list, tuple) else type(fact).__name__


@pytest.mark.parametrize("value", [1, True, 1.5, "a", b"a"])
def test_numpy_scalars_of_a_state_count_as_what_they_hold(value: Any) -> None:
    assert comparable(np.array(value)[()], "it") == comparable(value, "it")
    assert comparable(np.array(value), "it") == comparable(value, "it")


@pytest.mark.parametrize(
    "fact", [{1}, {"a": 1}, object(), 1j, np.zeros(2), np.longdouble(1), float("inf"), nested(9999)]
)
def test_what_is_no_fact_is_refused(fact: Any) -> None:
    with pytest.raises(InvalidInputError):
        comparable(fact, "it")


def _changeable(value: Any) -> set[int]:
    """The ids of all lists and dicts in `value`."""
    here = {id(value)} if isinstance(value, list | dict) else set()
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return here.union(*map(_changeable, inner))


def test_names_that_nest_take_room_in_proportion_to_what_is_given() -> None:
    many = {f"n{number}": 1 for number in range(4000)}
    assert Skill("fits", {"n" * 1000: many}, ["go"], [1.0]).is_applicable({"n" * 1000: many})
    with pytest.raises(InvalidInputError, match="characters together"):
        Skill("long", {"n" * 10_000: many}, ["go"], [1.0])
    with pytest.raises(InvalidInputError, match="characters together"):
        SkillLibrary(embedding_dim=1).retrieve_skills({"n" * 10_000: many})


def test_a_skill_in_words_says_all_but_its_embedding() -> None:
    words = repr(Skill("knock", {"door.open": False}, ["knock"], [1.0] * 300, id=7, times_used=2))
    assert words.startswith("Skill(name='knock', preconditions={'door.open': False}, action_sequence=['knock'], ")
    assert "id=7, times_used=2" in words
    assert "embedding" not in words
