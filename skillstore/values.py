"""Values: what may be stored, when two are equal, and the one tagged form that carries them.

A *Value* is None, a bool, an int of at most 64 bits, a finite float, a str, bytes, or a list, tuple or dict of
Values (dict keys: any of the scalars, or tuples of them). Types are exact: a subclass would come back as its base
class, so it is refused; so are sets, dates, NaN and infinities.

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

from skillstore.errors import InvalidInputError

Value: TypeAlias = Any
"""A plain value as the module says; `Any`, because recursive types would burden every caller."""

MAX_DEPTH = 64
"""Nesting beyond this is refused, so that no reader of a library can be made to recurse without end."""

_MAX_READ_DEPTH = MAX_DEPTH + 2  # the tuples of a key are counted from the key on when it is written
_INT_MIN, _INT_MAX = -(2**63), 2**64 - 1
_CONTAINERS = (list, tuple, dict)
_TEXT = frozenset((str,))
_PLAIN_TEXT = frozenset((str, int, bool, type(None)))
_PLAIN = _PLAIN_TEXT | {bytes}


def copied(value: Value, where: str, depth: int = 0) -> Value:
    """A deep copy of `value`, equal to it and of the same types.

    Raises InvalidInputError, naming `where`, for anything that could not be given back equal.
    """
    kind = type(value)
    if kind in _CONTAINERS:
        if depth >= MAX_DEPTH:
            raise InvalidInputError(f"{where} is nested more than {MAX_DEPTH} deep")
        if kind is dict:
            return {_key(k, where, depth): copied(v, f"{where}[{k!r}]", depth + 1) for k, v in value.items()}
        return kind(copied(item, where, depth + 1) for item in value)
    _check_scalar(value, where)
    return value


def _key(key: Value, where: str, depth: int = 0) -> Hashable:
    if depth > MAX_DEPTH:
        raise InvalidInputError(f"{where} is nested more than {MAX_DEPTH} deep")
    if type(key) is tuple:
        return tuple(_key(part, where, depth + 1) for part in key)
    if type(key) in _CONTAINERS:
        raise InvalidInputError(f"{where} has a key that is a {type(key).__name__}: {key!r}")
    _check_scalar(key, f"a key of {where}")
    return key  # type: ignore[no-any-return]


def _check_scalar(value: Value, where: str) -> None:
    kind = type(value)
    if value is None or kind is bool or kind is bytes:
        return
    if kind is str:
        _check_text(value, where)
    elif kind is int:
        if not _INT_MIN <= value <= _INT_MAX:
            raise InvalidInputError(f"{where} is an integer beyond 64 bits; store it as a str")
    elif kind is float:
        if not math.isfinite(value):
            raise InvalidInputError(f"{where} is {value}; only finite numbers can be stored")
    else:
        raise InvalidInputError(
            f"{where} is of type {kind.__module__}.{kind.__qualname__}, which cannot be stored; "
            "use None, bool, int, float, str, bytes, list, tuple or dict (numpy scalars: call .item())"
        )


def _check_text(value: str, where: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InvalidInputError(f"{where} is not valid Unicode text: {error.reason}") from None


def comparable(value: Value, where: str) -> Hashable:
    """A hashable stand-in: two are equal exactly if the facts they stand for are.

    A bool equals no number, 1 equals 1.0, a tuple equals the list with the same items. Only scalars and sequences
    of them are facts; numpy scalars count as the number they hold. Raises InvalidInputError for anything else.
    """
    kind = type(value)
    if kind is str or kind is int or value is None or kind is bytes:
        return value  # type: ignore[no-any-return]
    if kind is bool:
        return ("bool", value)
    if kind is float:
        if not math.isfinite(value):
            raise InvalidInputError(f"{where} is {value}; facts are finite")
        return value  # type: ignore[no-any-return]  # equal to the int of the same value, and hashed alike
    if kind is list or kind is tuple:
        return ("list", *_items(value, where))
    if kind.__module__ == "numpy" and getattr(value, "shape", None) == ():
        plain = value.item()
        if type(plain).__module__ != "numpy":  # a longdouble stays one
            return comparable(plain, where)
    raise InvalidInputError(
        f"{where} is of type {kind.__module__}.{kind.__qualname__}; "
        "a fact is None, a bool, int, float, str or bytes, or a list or tuple of these"
    )


def _items(value: list[Value] | tuple[Value, ...], where: str) -> list[Hashable]:
    try:
        return [comparable(item, where) for item in value]
    except RecursionError:
        raise InvalidInputError(f"{where} is nested too deep") from None


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
