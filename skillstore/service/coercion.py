"""Coercion: requests as machines send them, read as their declared schema means them.

Clients of language models send objects and lists as JSON text, whole numbers as 3.0, numbers and booleans as text, and
null for what they leave out. All of that has one meaning where the schema declares an object, a list, a number or a
boolean. Text stays text wherever the schema takes text, and nothing changes where it takes any value.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from skillstore.errors import InvalidInputError
from skillstore.forms import parsed

_WHOLE = re.compile(r"[+-]?[0-9]{1,19}(?:\.0{1,9})?", re.ASCII)
_NUMBER = re.compile(r"[+-]?[0-9]{1,19}(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
_BOOLEANS = {"true": True, "false": False}
_LONGEST_TEXT = 2**20  # characters of JSON text inside a request

Schema = Mapping[str, Any]


def coerce(value: Any, schema: Schema) -> Any:
    """`value` as `schema` (JSON Schema, with its ``$defs``) means it; what has no such meaning stays as it is."""
    return _coerced(value, schema, schema.get("$defs", {}))


def _coerced(value: Any, schema: Schema, definitions: Schema) -> Any:
    kinds = list(_kinds(schema, definitions))
    if type(value) is str and not any(_takes_text(kind, value) for kind in kinds):
        value = _read(value, {kind.get("type") for kind in kinds})
    if type(value) is float and value.is_integer() and abs(value) < 2**63:
        types = {kind.get("type") for kind in kinds}
        if "integer" in types and "number" not in types:
            return int(value)
    for kind in kinds:
        if kind.get("type") == "object" and type(value) is dict and "properties" in kind:
            return _object(value, kind, definitions)
        if kind.get("type") == "array" and type(value) is list and kind.get("items"):
            return [_coerced(item, kind["items"], definitions) for item in value]
    return value


def _kinds(schema: Schema, definitions: Schema) -> Iterator[Schema]:
    """What a value may be: the schema itself, or each of those that it refers to."""
    if "$ref" in schema:
        yield from _kinds(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    elif "anyOf" in schema:
        for each in schema["anyOf"]:
            yield from _kinds(each, definitions)
    else:
        yield schema


def _takes_text(kind: Schema, text: str) -> bool:
    if not kind.keys() & {"type", "const", "enum"}:  # any value
        return True
    if kind.get("type") != "string":
        return False
    if "const" in kind:
        return bool(kind["const"] == text)
    return "pattern" not in kind or not text.lstrip().startswith(("[", "{"))


def _read(text: str, types: set[Any]) -> Any:
    """The value of one of these types that `text` stands for; `text` itself, if for none."""
    plain = text.strip()
    if "boolean" in types and plain.lower() in _BOOLEANS:
        return _BOOLEANS[plain.lower()]
    if "integer" in types and _WHOLE.fullmatch(plain):
        return int(plain.partition(".")[0])
    if "number" in types and _NUMBER.fullmatch(plain) and math.isfinite(float(plain)):
        return float(plain)
    opening = {"{": "object", "[": "array"}.get(plain[:1])
    if opening in types and len(plain) <= _LONGEST_TEXT:
        try:
            return parsed(plain)
        except InvalidInputError:
            return text
    return None if "null" in types and plain == "null" else text


def _object(value: dict[str, Any], schema: Schema, definitions: Schema) -> dict[str, Any]:
    read = {}
    for name, item in value.items():
        declared = schema["properties"].get(name)
        if declared is None:
            read[name] = item
        elif item is not None or not _is_left_out(name, declared, schema, definitions):
            read[name] = _coerced(item, declared, definitions)
    return read


def _is_left_out(name: str, declared: Schema, schema: Schema, definitions: Schema) -> bool:
    """Whether null stands for what is left out: for what need not be given, and cannot be null itself."""
    kinds = list(_kinds(declared, definitions))
    takes_null = any(kind.get("type") == "null" or not kind.keys() & {"type", "const", "enum"} for kind in kinds)
    return name not in schema.get("required", ()) and not takes_null


def hint(schema: Schema, place: tuple[int | str, ...]) -> str:
    """How to send what is at `place`, by its example; "" where nothing is declared."""
    definitions = schema.get("$defs", {})
    here: Schema = schema
    example: list[Any] = []
    for part in place:
        kinds = list(_kinds(here, definitions))
        if type(part) is int:
            here = next((kind["items"] for kind in kinds if kind.get("items")), {})
        else:
            here = next((kind["properties"][part] for kind in kinds if part in kind.get("properties", {})), {})
        example = _examples(here) or example
    return f"; send it as in {json.dumps(example[0])}" if example else ""


def _examples(schema: Schema) -> list[Any]:
    own: list[Any] = list(schema.get("examples", []))
    return own or [each for inner in schema.get("anyOf", []) for each in _examples(inner)]
