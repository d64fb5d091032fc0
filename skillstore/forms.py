"""Forms: the one tagged JSON form of a Skill, and JSON read within bounds.

    {"id": ..., "name": ..., "preconditions": ..., "action_sequence": ..., "embedding": [...], "metadata": ...,
     "times_used": ..., "success_count": ..., "times_learned": ...}

Values stand in the tagged form of `skillstore.values`. Embeddings are the shortest decimals that give back the same
float32; or, packed, the base64 text of the float32s themselves, little-endian: a fraction of the work on both sides.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any, NoReturn

import numpy as np

from skillstore.embedding import MAX_DIM, Vector
from skillstore.errors import InvalidInputError
from skillstore.preconditions import tagged_conditions, untagged_conditions
from skillstore.skill import Skill
from skillstore.values import Value, tagged, untagged

PACKED = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
"""What the text of a packed embedding looks like."""
MAX_PACKED = 4 * ((4 * MAX_DIM + 2) // 3)
"""Its characters at most."""

_COUNTS = ("times_used", "success_count", "times_learned")
MAX_TEXT = 112 * 2**20
"""Characters of one text: a note has 16 MiB, and JSON writes some bytes as six characters."""
_MAX_CONTAINERS = 200_000  # of one text, unless it is long: a skill has at most 100,000, but notes may have many
_ROOM, _STRING = 64 * 2**20, 84  # bytes for the strings of a text, besides 5 times its length; of one, with its places
_PYTHON = re.compile(r"\b(?:True|False|None)\b|'")
_MARKS = re.compile(r'\\.|["{\[]', re.DOTALL)


def skill_form(skill: Skill, *, pack: bool = False) -> dict[str, Value]:
    """A skill as plain JSON, its embedding packed or in decimals."""
    return {
        "id": skill.id,
        "name": skill.name,
        "preconditions": tagged_conditions(skill.preconditions, text=True),
        "action_sequence": tagged(skill.action_sequence, text=True),
        "embedding": packed(skill.embedding) if pack else [float(str(number)) for number in skill.embedding],
        "metadata": tagged(skill.metadata, text=True),
        **{name: getattr(skill, name) for name in _COUNTS},
    }


def skill_of(form: Any) -> Skill:
    """The skill of a `skill_form`; id, metadata and counts may be left out. Raises InvalidInputError."""
    if type(form) is not dict:
        raise InvalidInputError(f"a skill is a JSON object, not {type(form).__name__}")
    known = {"id", "name", "preconditions", "action_sequence", "embedding", "metadata", *_COUNTS}
    missing = {"name", "preconditions", "action_sequence", "embedding"} - form.keys()
    if missing or form.keys() - known:
        raise InvalidInputError(
            f"a skill has the keys {sorted(known)}; missing or unknown: {sorted(missing or form.keys() - known)}"
        )
    return Skill(
        form["name"],
        untagged_conditions(form["preconditions"]),
        untagged(form["action_sequence"]),
        embedding_of(form["embedding"]),
        untagged(form.get("metadata", {})),
        id=form.get("id"),
        **{name: form[name] for name in _COUNTS if name in form},
    )


def packed(embedding: Vector) -> str:
    """
    >>> packed(np.array([0.6, 0.8], dtype=np.float32)), embedding_of("mpkZP83MTD8=").tolist()
    ('mpkZP83MTD8=', [0.6000000238418579, 0.800000011920929])
    """
    return base64.b64encode(embedding.astype("<f4", copy=False).tobytes()).decode()


def embedding_of(form: Any) -> Vector | list[float]:
    """The numbers of an embedding's form, either of the two. Raises InvalidInputError."""
    if type(form) is not str:
        return _numbers(form)
    try:
        data = base64.b64decode(form[: MAX_PACKED + 4], validate=True)
        return np.frombuffer(data, "<f4").astype(np.float32, copy=False)
    except (ValueError, binascii.Error):
        raise InvalidInputError(
            f"an embedding is a list of numbers, or base64 of at most {MAX_DIM} little-endian float32s"
        ) from None


def parsed(text: str) -> Any:
    """JSON without what it should not hold: NaN, infinities, a key twice, endless nesting. Raises InvalidInputError."""
    if len(text) > MAX_TEXT:
        raise InvalidInputError(f"{len(text)} characters of JSON are more than the {MAX_TEXT} that are supported")
    most = max(_MAX_CONTAINERS, len(text) // 15) + text.count('"$bytes"')
    if text.count("{") + text.count("[") > most and _marks(text)[0] > most:
        raise InvalidInputError("more lists and objects than can be stored")
    most = (_ROOM + 5 * len(text)) // _STRING
    if text.count('"') > 2 * most and _marks(text)[1] > most:
        raise InvalidInputError("more strings than one skill or note has room for")
    try:
        return json.loads(text, parse_constant=_no_constant, object_pairs_hook=_no_key_twice)
    except RecursionError:
        raise InvalidInputError("JSON is nested too deep") from None
    except ValueError as error:
        hint = "; JSON writes true, false, null, and text in double quotes" if _PYTHON.search(text) else ""
        raise InvalidInputError(f"not JSON: {error}{hint}") from None


def _marks(text: str) -> tuple[int, int]:
    """How many lists and objects begin in `text`, and how many strings: brackets within these do not count."""
    brackets, quotes = 0, 0
    for found in _MARKS.finditer(text):
        if found[0] == '"':
            quotes += 1
        elif quotes % 2 == 0 and len(found[0]) == 1:
            brackets += 1
    return brackets, quotes // 2


def _numbers(embedding: Any) -> list[float]:
    if type(embedding) is not list or not all(type(number) in (int, float) for number in embedding):
        raise InvalidInputError("an embedding is a list of numbers")
    try:
        return [float(number) for number in embedding]
    except OverflowError:
        raise InvalidInputError("a number of the embedding is too large") from None


def _no_constant(name: str) -> NoReturn:
    raise InvalidInputError(f"{name} is not a finite number")


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    form = dict(pairs)
    if len(form) != len(pairs):
        raise InvalidInputError("an object has a key twice")
    return form
