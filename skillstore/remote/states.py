"""States: what a state looks like on its way."""

from __future__ import annotations

from typing import Any

from skillstore.preconditions import State, facts_of, flattened
from skillstore.values import Value, named, plain, tagged


def state_form(state: State) -> Any:
    """A state as plain JSON: flat, tagged, numpy's numbers as what they hold. Raises InvalidInputError for no state."""
    facts_of(state)
    if type(state) is dict and plain(state.values(), text=True) and named(state):
        return state
    flat = flattened(state, "the state")
    return tagged({name: _own(value) for name, value in flat.items()}, text=True)


def _own(value: Value) -> Value:
    kind = type(value)
    if kind is list or kind is tuple:
        return kind(_own(item) for item in value)
    return value.item() if kind.__module__ == "numpy" else value
