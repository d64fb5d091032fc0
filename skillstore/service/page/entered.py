"""Entered: what people write into a form, as plain JSON."""

from __future__ import annotations

from typing import Any

from skillstore.errors import InvalidInputError
from skillstore.facts import read_fact
from skillstore.forms import parsed


def state(text: str) -> dict[str, Any]:
    """A JSON object, or a line for each fact, as `skillstore.facts` reads it.

    Raises InvalidInputError, which names the line.

    >>> state("has_key = false\\nroom: 3\\ncolour = deep red")
    {'has_key': False, 'room': 3, 'colour': 'deep red'}
    >>> state('{"door": {"open": true}}')
    {'door': {'open': True}}
    """
    if text.lstrip().startswith("{"):
        return mapping(text, "the state")
    facts: dict[str, Any] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            name, value = _fact(line, number)
            if name in facts:
                raise InvalidInputError(f"line {number}: {name!r:.80} has a value already")
            facts[name] = value
    return facts


def mapping(text: str, what: str) -> dict[str, Any]:
    """A JSON object; nothing at all is an empty one. Raises InvalidInputError."""
    form = _json(text, what) if text.strip() else {}
    if type(form) is not dict:
        raise InvalidInputError(f"{what} is a JSON object: {{...}}")
    return form


def actions(text: str) -> Any:
    """A JSON list, or an action a line. Raises InvalidInputError.

    >>> actions("right\\npickup"), actions('[{"tool": "push"}]')
    (['right', 'pickup'], [{'tool': 'push'}])
    """
    if text.lstrip().startswith(("[", "{")):
        return _json(text, "the list of actions")
    return [line.strip() for line in text.splitlines() if line.strip()]


def _fact(line: str, number: int) -> tuple[str, Any]:
    try:
        return read_fact(line)
    except InvalidInputError as error:
        raise InvalidInputError(f"line {number}: {error}") from None


def _json(text: str, what: str) -> Any:
    try:
        return parsed(text)
    except (InvalidInputError, RecursionError) as error:
        raise InvalidInputError(f"{what} cannot be read as JSON: {error}") from None
