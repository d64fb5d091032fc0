"""States: what a state looks like on its way."""

from __future__ import annotations

from typing import Any

from skillstore.preconditions import State, facts_of, flattened
from skillstore.scalars import PLAIN, to_scalar
from skillstore.values import Value, named, plain, tagged


def state_form(state: State) -> Any:
    """A state as plain JSON: flat, tagged, plain throughout. Raises InvalidInputError for no state."""
    facts_of(state)
    if type(state) is dict and plain(state.values(), text=True) and named(state):
        return state
    flat = flattened(state, "the state")
    return tagged({name: _own(value) for name, value in flat.items()}, text=True)


def _own(value: Value) -> Value:
    scalar = to_scalar(value)
    if type(scalar) in PLAIN:
        return scalar
    return [_own(item) for item in value] if isinstance(value, list) else tuple(_own(item) for item in value)
