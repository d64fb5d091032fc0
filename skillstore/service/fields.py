"""Fields: the kinds of values that requests and replies are made of, each with its bounds, said once.

What JSON alone would lose stands in the tagged form of `skillstore.values`, so a request is plain JSON throughout.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, Field, WithJsonSchema

from skillstore.embedding import MAX_DIM
from skillstore.errors import InvalidInputError
from skillstore.forms import MAX_PACKED, PACKED
from skillstore.preconditions import flattened
from skillstore.service import names
from skillstore.skill import MAX_COUNT
from skillstore.values import named, plain, untagged

MAX_STATE_FACTS = 10_000
MAX_STATE_DEPTH = 32
MAX_FACT_NAME = 1_000
MAX_TEXT = 8_192
MAX_K = 1_000
MAX_MANY = 1_000
"""Skills that one request may add."""
MAX_PAGE = 1_000
MAX_NOTE_KEY = 1_000
MAX_REQUEST_KEY = 128
"""Characters of a caller's own request id."""


def state_of(form: dict[str, Any]) -> dict[str, Any]:
    """The State of its tagged form. Raises InvalidInputError beyond the bounds."""
    if plain(form.values(), text=True) and named(form):  # nothing nested, nothing tagged: what nearly all are
        flat = form
    else:
        _check_depth(form, MAX_STATE_DEPTH)
        form = untagged(form)
        flat = flattened(form, "the state")
    if len(flat) > MAX_STATE_FACTS:
        raise InvalidInputError(f"a state has at most {MAX_STATE_FACTS} facts")
    if flat and len(max(flat, key=len)) > MAX_FACT_NAME:
        raise InvalidInputError(f"a fact's name has at most {MAX_FACT_NAME} characters, those above it included")
    return form


def _check_depth(form: Any, room: int) -> None:
    if room < 0:
        raise InvalidInputError(f"a state is at most {MAX_STATE_DEPTH} deep")
    for item in form.values() if type(form) is dict else form:
        if type(item) is dict or type(item) is list:
            _check_depth(item, room - 1)


_VALUE = "A value: null, a boolean, an integer of at most 64 bits, a finite number, text, or a list or object of these."
_TAGGED = ' What JSON would lose is tagged: {"$tuple": [...]}, {"$bytes": base64}, {"$map": [[key, value], ...]}.'

LibraryName: TypeAlias = Annotated[
    str,
    Field(pattern=names.PATTERN, description="A library's name.", examples=["household"]),
]
SkillId: TypeAlias = Annotated[
    int, Field(ge=1, le=MAX_COUNT, description="A skill's id, given by its library and never reused.", examples=[1])
]
State: TypeAlias = Annotated[
    dict[str, Any],
    AfterValidator(state_of),
    WithJsonSchema(
        {
            "type": "object",
            "maxProperties": MAX_STATE_FACTS,
            "propertyNames": {"maxLength": MAX_FACT_NAME},
            "description": (
                "The facts of the moment: names to null, booleans, numbers, text or lists of these. Nested objects are "
                f"dotted names. At most {MAX_STATE_FACTS} facts, {MAX_STATE_DEPTH} deep."
            ),
            "examples": [{"has_key": False, "door": {"open": False}}],
        }
    ),
]
_Numbers: TypeAlias = Annotated[list[float], Field(min_length=1, max_length=MAX_DIM)]
_Packed: TypeAlias = Annotated[
    str, Field(min_length=8, max_length=MAX_PACKED, pattern=PACKED, description="Base64 of little-endian float32s.")
]
Embedding: TypeAlias = Annotated[
    _Numbers | _Packed,
    Field(
        description="As many finite numbers as the library's embedding_dim, not all zero; any length, as only the "
        "direction counts. Or, packed, the base64 of as many little-endian float32s.",
        examples=[[0.6, 0.8]],
    ),
]
Embeddings: TypeAlias = Annotated[
    bool | Literal["base64"],
    Field(description='Whether skills come with their embeddings: as numbers, or "base64" of little-endian float32s.'),
]
Text: TypeAlias = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_TEXT,
        description="Words, made into an embedding by the library's encoder on the server.",
        examples=["open the locked door"],
    ),
]
K: TypeAlias = Annotated[int, Field(ge=1, le=MAX_K, description="How many at most.", examples=[3])]
SkillName: TypeAlias = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_TEXT,
        pattern=r"\S",
        description="What the skill is called; not blank.",
        examples=["acquire_key"],
    ),
]
Preconditions: TypeAlias = Annotated[
    dict[str, Any],
    Field(
        description='Facts that must hold: names to a value, {"$one_of": [...]}, {"$interval": [low, high]} or '
        '{"$facts": {...}} for nested ones. None: the skill applies everywhere.',
        examples=[{"has_key": False, "distance": {"$interval": [0, 3]}}],
    ),
]
Actions: TypeAlias = Annotated[
    list[Any] | dict[str, Any],
    Field(
        description="The actions in their order, at least one; text or structured values such as a tool call."
        + _TAGGED,
        examples=[["right", "pickup"]],
    ),
]
Metadata: TypeAlias = Annotated[
    dict[str, Any], Field(description="Anything of your own." + _TAGGED, examples=[{"source": "episode 7"}])
]
AnyValue: TypeAlias = Annotated[Any, Field(description=_VALUE + _TAGGED, examples=[{"seen": 3}])]
NoteKey: TypeAlias = Annotated[
    str, Field(min_length=1, max_length=MAX_NOTE_KEY, description="A note's key.", examples=["agent/progress"])
]
Count: TypeAlias = Annotated[int, Field(ge=0, le=MAX_COUNT)]
Version: TypeAlias = Annotated[
    str,
    Field(
        pattern="^[0-9a-f]{32}$",
        description="Names what a skill is now, its counts included; another after each change.",
        examples=["0123456789abcdef0123456789abcdef"],
    ),
]
BatchToken: TypeAlias = Annotated[
    str, Field(pattern="^[0-9a-f]{32}$", description="Names an open batch, to who began it.")
]
Cosine: TypeAlias = Annotated[
    float | None, Field(description="Cosine to what was asked for, in [-1, 1]; null if nothing was.", examples=[0.93])
]
