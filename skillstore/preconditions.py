"""Preconditions: facts of a State, what a skill demands of them, and when that holds.

A *State* is a mapping of fact names to scalars or sequences of them; nested mappings flatten to dotted names.
A *condition* is what one fact must be: a value, a set of allowed values (`OneOf`) or a closed numeric range
(`Interval`). A *precondition set* is one distinct set of conditions in canonical form; a library interns each once.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from skillstore.errors import InvalidInputError, quote, type_name
from skillstore.scalars import check_text, require_number, require_text, way_out
from skillstore.values import MAX_DEPTH, Place, Value, comparable, copied, items_of, plain, simple, tagged, untagged

State: TypeAlias = Mapping[str, Value]
Facts: TypeAlias = dict[str, Hashable]
"""A flattened state: fact name -> comparable value."""

MAX_FACTS = 4096
"""Preconditions of one skill beyond this many facts are refused."""

MAX_NAMES = 16 * 2**20
"""Characters of all dotted names of one state or one skill's preconditions: a long name above many takes room often."""


@dataclass(frozen=True)
class OneOf:
    """The fact is one of `values`; None among them also allows the fact to be absent.

    >>> from skillstore import OneOf
    >>> OneOf("red", "blue").values
    ('red', 'blue')
    """

    values: tuple[Value, ...]

    def __init__(self, *values: Value) -> None:
        if not values:
            raise InvalidInputError("OneOf needs at least one value")
        kept = tuple(copied(value, f"value {number} of OneOf") for number, value in enumerate(values, start=1))
        for number, value in enumerate(kept, start=1):
            comparable(value, f"value {number} of OneOf")
        object.__setattr__(self, "values", kept)


@dataclass(frozen=True)
class Interval:
    """The fact is a number (no bool) with low <= fact <= high; a bound of None is open.

    Bounds are finite and exact as float64, so that comparing many at once is comparing each.
    """

    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            bound = getattr(self, name)
            if bound is not None:
                object.__setattr__(self, name, _bound(bound, name))
        if self.low is None and self.high is None:
            raise InvalidInputError("an Interval needs a bound")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise InvalidInputError(f"the Interval from {self.low} to {self.high} is empty")

    def holds(self, fact: Hashable) -> bool:
        """Whether the comparable `fact` is a number between the bounds."""
        if type(fact) is not int and type(fact) is not float:
            return False
        return (self.low is None or self.low <= fact) and (self.high is None or fact <= self.high)


Condition: TypeAlias = Value
"""A Value, a OneOf or an Interval."""


def _bound(bound: Any, name: str) -> float:
    what = f"the {name} bound of an Interval is a finite number exact as float64, or None where it is open"
    number = require_number(bound, what)
    try:
        exact = float(number) == number
    except OverflowError:
        exact = False
    if not exact:
        raise InvalidInputError(f"{what}, not {quote(number)}")
    return number


def flattened(mapping: Mapping[str, Value], where: str) -> dict[str, Value]:
    """`mapping` with nested mappings as dotted names: {"door": {"open": True}} -> {"door.open": True}.

    Raises InvalidInputError for names that are not str, and for two paths to one name.
    """
    if not isinstance(mapping, Mapping):
        raise InvalidInputError(
            f"{where} must map fact names to values, not be of type {type_name(mapping)}; {way_out(mapping)}"
        )
    flat: dict[str, Value] = {}
    _flatten(mapping, "", flat, where, MAX_DEPTH, MAX_NAMES)
    return flat


def _flatten(
    mapping: Mapping[str, Value], prefix: str, flat: dict[str, Value], where: str, depth: int, room: int
) -> int:
    """How much is left of `room`, characters of names."""
    if depth == 0:
        raise InvalidInputError(f"{where} is nested more than {MAX_DEPTH} deep")
    for given, value in items_of(mapping, where):
        name = given if type(given) is str else _fact_name(given, where)
        room -= len(prefix) + len(name)
        if room < 0:
            raise InvalidInputError(f"the names in {where} have more than {MAX_NAMES} characters together")
        path = prefix + name
        if isinstance(value, Mapping):
            room = _flatten(value, path + ".", flat, where, depth - 1, room)
        elif path in flat:
            raise InvalidInputError(f"{where} has two values for {path!r:.80}")
        else:
            flat[path] = value
    return room


def _fact_name(name: Any, where: str) -> str:
    return require_text(name, f"{where}: the name of a fact is text")


def facts_of(state: State) -> Facts:
    """The facts of `state`. Raises InvalidInputError if it is not a State."""
    if not isinstance(state, Mapping):
        raise InvalidInputError(
            f"a state is a mapping of fact names to values, not of type {type_name(state)}; {way_out(state)}"
        )
    facts: Facts = {}
    for name, value in items_of(state, "the state"):
        kind = type(value)
        if type(name) is not str or not (kind is str or kind is int or kind is bool or value is None):
            break
        facts[name] = value if kind is not bool else ("bool", value)
    else:
        return facts  # nothing nested, nothing to convert: what nearly all states are
    flat = flattened(state, "the state")
    return {name: comparable(value, ("state", name)) for name, value in flat.items()}


def checked(preconditions: Mapping[str, Condition]) -> dict[str, Condition]:
    """A deep copy of `preconditions`, plain throughout. Raises InvalidInputError if they could not be used or kept."""
    if not isinstance(preconditions, Mapping):
        flattened(preconditions, "the preconditions")  # raises
    if type(preconditions) is dict:
        copy = dict(preconditions)  # at once, whatever other threads do with it
        if len(copy) <= MAX_FACTS and simple(copy.values()) and simple(copy) and _are_names(copy):
            return copy  # nothing nested, nothing to convert: what nearly all are
    tree = _checked_tree(preconditions, "preconditions", 0)
    flat = flattened(tree, "the preconditions")
    if len(flat) > MAX_FACTS:
        raise InvalidInputError(f"the preconditions name {len(flat)} facts; at most {MAX_FACTS} are supported")
    return tree


def _are_names(names: Collection[Any]) -> bool:
    return all(type(name) is str for name in names) and sum(map(len, names)) <= MAX_NAMES


def _checked_tree(tree: Mapping[str, Condition], where: Place, depth: int) -> dict[str, Condition]:
    if depth == MAX_DEPTH:
        raise InvalidInputError(f"the preconditions are nested more than {MAX_DEPTH} deep")
    copy: dict[str, Condition] = {}
    for given, item in items_of(tree, where):
        name = given if type(given) is str else _fact_name(given, "the preconditions")
        if not name.isascii():
            check_text(name, f"the name of a fact, {quote(name)},")
        if name in copy:
            raise InvalidInputError(f"the preconditions have two values for {quote(name)}")
        if isinstance(item, Mapping):
            copy[name] = _checked_tree(item, (where, name), depth + 1)
        else:
            copy[name] = _checked_condition(item, (where, name))
    return copy


def _checked_condition(condition: Condition, where: Place) -> Condition:
    """A copy that shares nothing with `condition`, a list in a OneOf included."""
    if isinstance(condition, OneOf):
        return OneOf(*condition.values)
    if isinstance(condition, Interval):
        return Interval(condition.low, condition.high)
    copy = copied(condition, where)
    if type(copy) is list or type(copy) is tuple:
        comparable(copy, where)
    return copy


@dataclass(frozen=True)
class PreconditionSet:
    """Distinct preconditions in canonical form: (name, condition) by ascending name.

    Two skills have the same preconditions exactly if their PreconditionSets are equal.
    A condition is a comparable value, a frozenset of them (OneOf) or an Interval of floats.
    """

    conditions: tuple[tuple[str, Hashable], ...]

    @classmethod
    def of(cls, preconditions: Mapping[str, Condition]) -> PreconditionSet:
        """The canonical form of `preconditions`, which `checked` has accepted."""
        if plain(preconditions.values(), text=True):  # nothing nested, little to convert: what nearly all are
            return cls(
                tuple(
                    (name, ("bool", value) if type(value) is bool else value)
                    for name, value in sorted(preconditions.items())  # names differ: values are never compared
                )
            )
        flat = flattened(preconditions, "the preconditions")
        return cls(tuple((name, _canonical(flat[name], name)) for name in sorted(flat)))

    def holds(self, facts: Facts) -> bool:
        """Whether every condition holds in `facts`: the definition that the index must agree with."""
        return all(_meets(condition, facts.get(name)) for name, condition in self.conditions)

    def unmet(self, facts: Facts) -> list[str]:
        """The names of the facts that do not hold, ascending."""
        return [name for name, condition in self.conditions if not _meets(condition, facts.get(name))]


def _canonical(condition: Condition, name: str) -> Hashable:
    if isinstance(condition, OneOf):
        allowed = frozenset(comparable(value, name) for value in condition.values)
        return next(iter(allowed)) if len(allowed) == 1 else allowed
    if isinstance(condition, Interval):
        low, high = (None if b is None else float(b) for b in (condition.low, condition.high))
        return low if low is not None and low == high else Interval(low, high)
    return comparable(condition, name)


def _meets(condition: Hashable, fact: Hashable) -> bool:
    if isinstance(condition, frozenset):
        return fact in condition
    if isinstance(condition, Interval):
        return condition.holds(fact)
    return condition == fact


def is_applicable(preconditions: Mapping[str, Condition], state: State) -> bool:
    """Whether all `preconditions` hold in `state`. Cost grows with both; a library resolves many at once."""
    return PreconditionSet.of(checked(preconditions)).holds(facts_of(state))


def tagged_conditions(preconditions: Mapping[str, Condition], *, text: bool) -> Value:
    """The tagged form of preconditions as given (see `values`), with OneOf and Interval as

    OneOf -> {"$one_of": [...]}        Interval -> {"$interval": [low, high]}        nested mapping -> {"$facts": {...}}
    """
    if plain(preconditions.values(), text=text):
        return preconditions
    return {name: _tagged_condition(condition, text) for name, condition in preconditions.items()}


def _tagged_condition(condition: Condition, text: bool) -> Value:
    if isinstance(condition, Mapping):
        return {"$facts": tagged_conditions(condition, text=text)}
    if isinstance(condition, OneOf):
        return {"$one_of": [tagged(value, text=text) for value in condition.values]}
    if isinstance(condition, Interval):
        return {"$interval": [condition.low, condition.high]}
    return tagged(condition, text=text)


def untagged_conditions(form: Value, depth: int = 0) -> dict[str, Condition]:
    """The preconditions of a tagged form, itself `depth` deep in another.

    Raises InvalidInputError for a form that cannot have been made.
    """
    if type(form) is not dict or not all(type(name) is str for name in form):
        raise InvalidInputError("preconditions are a map of fact names")
    if depth >= MAX_DEPTH:
        raise InvalidInputError(f"the preconditions are nested more than {MAX_DEPTH} deep")
    return {name: _untagged_condition(item, depth + 1) for name, item in form.items()}


def _untagged_condition(form: Value, depth: int = 0) -> Condition:
    if type(form) is not dict:
        return untagged(form)
    tag = next(iter(form), "")
    if len(form) == 1 and tag in _SHAPES:
        content = form[tag]
        if tag == "$facts" and type(content) is dict:
            return untagged_conditions(content, depth)
        if tag == "$one_of" and type(content) is list:
            return OneOf(*(untagged(value) for value in content))
        if tag == "$interval" and type(content) is list and len(content) == 2:
            return Interval(*content)
        raise InvalidInputError(f"{tag} holds {_SHAPES[tag]}")
    return untagged(form) if str(tag).startswith("$") else untagged_conditions(form, depth)


_SHAPES = {
    "$facts": "an object of facts",
    "$one_of": "a list of values",
    "$interval": "a list of two bounds, of which one may be null",
}


def condition_form(condition: Hashable) -> Value:
    """The tagged form of one canonical condition, for records; `condition_from` reads it back."""
    return _tagged_condition(_as_given(condition), text=False)


def condition_from(form: Value, name: str) -> Hashable:
    """The canonical condition of a `condition_form`. Raises InvalidInputError if it cannot have been made."""
    return _canonical(_untagged_condition(form), name)


def allowed_in(form: Value, name: str) -> Iterator[Hashable] | None:
    """What a `condition_form` of several values allows, one at a time, some perhaps twice; None for any other form.

    Raises InvalidInputError, at once or later, if it cannot have been made.
    """
    if type(form) is not dict or list(form) != ["$one_of"]:
        return None
    values = form["$one_of"]
    if type(values) is not list or not values:
        raise InvalidInputError("$one_of holds a list of at least one value")
    return (comparable(untagged(value), name) for value in values)


def _as_given(condition: Hashable) -> Condition:
    if isinstance(condition, frozenset):
        return OneOf(*(_as_given(value) for value in sorted(condition, key=lambda v: (type(v).__name__, repr(v)))))
    if type(condition) is tuple:
        tag, *items = condition
        return items[0] if tag == "bool" else [_as_given(item) for item in items]
    return condition
