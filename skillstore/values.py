"""Values: what may be stored, when two are equal, and the one tagged form that carries them.

A *Value* is None, a bool, an int of at most 64 bits, a finite float, a str, bytes, or a list, tuple or dict of
Values (dict keys: any of the scalars, or tuples of them). What is given may be of other types that equal these and
lose nothing by it: the scalars of `skillstore.scalars`, instances of subclasses of list, and mappings of any type; what
comes back is plain. All else is refused: sets, dates, NaN, infinities, namedtuples (whose names would be lost).

The tagged form says in maps with a single ``$`` key what JSON would lose. It is the same in records, JSON lines
and HTTP, but for bytes, which msgpack carries as they are:

    tuple                                -> {"$tuple": [...]}
    dict with a key not str, or with "$" -> {"$map": [[key, value], ...]}
    bytes (JSON only)                    -> {"$bytes": base64}
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, TypeAlias

from skillstore.errors import InvalidInputError, quote, type_name
from skillstore.scalars import PLAIN, check_text, to_scalar, way_out

Value: TypeAlias = Any
"""A plain value as the module says; `Any`, because recursive types would burden every caller."""

Place: TypeAlias = "str | tuple[Any, Any]"
"""Where a value stands, for messages: words, or (the place of a container, the index or key in it)."""

MAX_DEPTH = 64
"""Nesting beyond this is refused, so that no reader of a library can be made to recurse without end."""

_MAX_READ_DEPTH = MAX_DEPTH + 2  # the tuples of a key are counted from the key on when it is written
_INT_MIN, _INT_MAX = -(2**63), 2**64 - 1
_TEXT = frozenset((str,))
_PLAIN_TEXT = frozenset((str, int, bool, type(None)))
_PLAIN = _PLAIN_TEXT | {bytes}


def copied(value: Value, where: Place) -> Value:
    """A deep copy of `value`, equal to it and plain throughout.

    Raises InvalidInputError, naming the place of what cannot be kept, and what to give in its place.
    """
    try:
        return _copied(value, where, 0)
    except RecursionError:
        raise InvalidInputError(f"{spoken(where)} is nested deeper than there is room on the stack") from None


def _copied(value: Value, where: Place, depth: int) -> Value:
    kind = type(value)
    if kind in PLAIN:
        _check_scalar(value, where)
        return value
    if kind is list or kind is tuple:
        _check_depth(depth, MAX_DEPTH - 1, where)
        copy = kind(value)
        if simple(copy):
            return copy
        return kind(_copied(item, (where, index), depth + 1) for index, item in enumerate(copy))
    if kind is dict:
        _check_depth(depth, MAX_DEPTH - 1, where)
        copy = dict(value)
        if simple(copy.values()) and simple(copy):
            return copy
        made = {_key(key, where): _copied(item, (where, key), depth + 1) for key, item in copy.items()}
        if len(made) != len(copy):
            raise InvalidInputError(f"{spoken(where)} has two keys that are the same plain value")
        return made
    return _copied(_as_plain(value, where), where, depth)


def simple(items: Iterable[Value]) -> bool:
    """Whether all are scalars that need no closer look, as most are: text of ASCII, small integers, bools and None."""
    for item in items:
        kind = type(item)
        if kind is str:
            if not item.isascii():
                return False
        elif kind is int:
            if not _INT_MIN <= item <= _INT_MAX:
                return False
        elif item is not None and kind is not bool:
            return False
    return True


def _as_plain(value: Any, where: Place) -> Value:
    """The scalar, list or dict that `value`, of another type, equals."""
    scalar = to_scalar(value)
    if type(scalar) in PLAIN:
        return scalar
    if isinstance(value, Mapping):
        return dict(items_of(value, where))
    if isinstance(value, list):
        return list.copy(value)
    raise InvalidInputError(f"{spoken(where)} is of type {type_name(value)}, which cannot be stored; {way_out(value)}")


def items_of(mapping: Mapping[Any, Any], where: Place) -> list[tuple[Any, Any]]:
    """The items of a mapping of any type. Raises InvalidInputError where it cannot be read."""
    if type(mapping) is dict:
        return list(mapping.items())  # at once, whatever other threads do with it
    try:
        return [(key, item) for key, item in mapping.items()]
    except Exception as error:
        raise InvalidInputError(f"{spoken(where)}, a {type_name(mapping)}, cannot be read: {quote(error)}") from error


def spoken(where: Place) -> str:
    """A place in words.

    >>> spoken((("metadata", "a"), 3))
    "metadata['a'][3]"
    """
    keys: list[str] = []
    while isinstance(where, tuple):
        where, key = where
        keys.append(f"[{quote(key)}]")
    return where + "".join(reversed(keys))


def _key(key: Value, where: Place, depth: int = 0) -> Hashable:
    if type(key) is tuple:
        _check_depth(depth, MAX_DEPTH, where)
        return tuple(_key(part, where, depth + 1) for part in key)
    scalar = to_scalar(key)
    if type(scalar) not in PLAIN:
        raise InvalidInputError(
            f"{spoken(where)} has a key of type {type_name(key)}, {quote(key)}: a key is a scalar or a tuple of them; "
            f"{way_out(key)}"
        )
    _check_scalar(scalar, (where, key))
    return scalar  # type: ignore[no-any-return]


def _check_depth(depth: int, most: int, where: Place) -> None:
    if depth > most:
        raise InvalidInputError(f"{spoken(where)[:400]} is nested more than {MAX_DEPTH} deep")


def _check_scalar(value: Value, where: Place) -> None:
    kind = type(value)
    if kind is str:
        if not value.isascii():
            check_text(value, spoken(where))
    elif kind is int:
        if not _INT_MIN <= value <= _INT_MAX:
            raise InvalidInputError(f"{spoken(where)} is an integer beyond 64 bits; give str(...) of it")
    elif kind is float and not math.isfinite(value):
        raise InvalidInputError(f"{spoken(where)} is {value}; only finite numbers can be stored: give None, or text")


def comparable(value: Value, where: Place) -> Hashable:
    """A hashable stand-in: two are equal exactly if the facts they stand for are.

    A bool equals no number, 1 equals 1.0, a tuple equals the list with the same items. Only scalars, those that objects
    of other libraries hold included, and sequences of them are facts. Raises InvalidInputError for anything else.
    """
    try:
        return _comparable(value, where)
    except RecursionError:
        raise InvalidInputError(f"{spoken(where)} is nested too deep") from None


def _comparable(value: Value, where: Place) -> Hashable:
    kind = type(value)
    if kind is str or kind is int or value is None or kind is bytes:
        return value  # type: ignore[no-any-return]
    if kind is bool:
        return ("bool", value)
    if kind is float:
        if not math.isfinite(value):
            raise InvalidInputError(f"{spoken(where)} is {value}; facts are finite: give None, or leave it out")
        return value  # type: ignore[no-any-return]  # equal to the int of the same value, and hashed alike
    if kind is list or kind is tuple:
        return ("list", *(_comparable(item, (where, index)) for index, item in enumerate(value)))
    scalar = to_scalar(value)
    if type(scalar) in PLAIN:
        return _comparable(scalar, where)
    if isinstance(value, list):
        return _comparable(list.copy(value), where)
    raise InvalidInputError(
        f"{spoken(where)} is of type {type_name(value)}; a fact is None, a bool, int, float, str or bytes, or a list "
        f"or tuple of these; {way_out(value)}"
    )


def tagged(value: Value, *, text: bool) -> Value:
    """The tagged form of a Value: for JSON when `text`, else for msgpack.

    Raises InvalidInputError for a number that is not finite: a list or dict may have changed since it was checked.
    """
    kind = type(value)
    if kind is list:
        return value if plain(value, text=text) else [tagged(item, text=text) for item in value]
    if kind is tuple:
        return {"$tuple": [tagged(item, text=text) for item in value]}
    if kind is dict:
        if plain(value.values(), text=text) and named(value):
            return value
        if all(type(key) is str and not key.startswith("$") for key in value):
            return {key: tagged(item, text=text) for key, item in value.items()}
        return {"$map": [[tagged(k, text=text), tagged(v, text=text)] for k, v in value.items()]}
    if text and kind is bytes:
        return {"$bytes": base64.b64encode(value).decode()}
    if kind is float and not math.isfinite(value):
        raise InvalidInputError(f"{value} cannot be stored; only finite numbers can")
    return value


def plain(items: Iterable[Value], *, text: bool) -> bool:
    """Whether all are scalars that are their own tagged form; most are, and this is quickly seen."""
    return (_PLAIN_TEXT if text else _PLAIN).issuperset(map(type, items))


def named(mapping: Mapping[Any, Value]) -> bool:
    """Whether all keys are text that is no tag."""
    return _TEXT.issuperset(map(type, mapping)) and "$" not in "".join(mapping)


def untagged(form: Any, depth: int = 0) -> Value:
    """The Value of a tagged form, itself `depth` deep in another.

    Raises InvalidInputError for a form that `tagged` cannot have made.
    """
    kind = type(form)
    if kind is not list and kind is not dict:
        return form
    if depth >= _MAX_READ_DEPTH:
        raise InvalidInputError(f"nested more than {MAX_DEPTH} deep")
    if kind is list:
        return form if plain(form, text=False) else [untagged(item, depth + 1) for item in form]
    tag = next(iter(form), None)
    if type(tag) is not str or not tag.startswith("$"):
        return {key: untagged(item, depth + 1) for key, item in form.items()}
    if len(form) != 1 or tag not in _READERS:
        raise InvalidInputError(f"unknown tag {tag!r:.80}")
    return _READERS[tag](form[tag], depth + 1)


def _read_tuple(form: Any, depth: int) -> tuple[Value, ...]:
    if type(form) is not list:
        raise InvalidInputError("$tuple holds a list")
    return tuple(untagged(item, depth) for item in form)


def _read_map(form: Any, depth: int) -> dict[Hashable, Value]:
    if type(form) is not list or not all(type(pair) is list and len(pair) == 2 for pair in form):
        raise InvalidInputError("$map holds a list of pairs")
    read = {_key(untagged(key, depth), "$map"): untagged(item, depth) for key, item in form}
    if len(read) != len(form):
        raise InvalidInputError("$map has a key twice")
    return read


def _read_bytes(form: Any, depth: int) -> bytes:  # noqa: ARG001 - the signature of all readers
    try:
        return base64.b64decode(form, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise InvalidInputError("$bytes holds base64 text") from None


_READERS = {"$tuple": _read_tuple, "$map": _read_map, "$bytes": _read_bytes}
